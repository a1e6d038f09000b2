// A device, a scope that trains and an empty store for each test, as a checked fixture.
#ifndef TESTS_SCOPE_FIXTURE_H
#define TESTS_SCOPE_FIXTURE_H
#include <check.h>
#include <string.h>
#include <weft/weft.h>

static weft_device *dev;
static weft_scope *s;
static weft_params *net;

static inline void setup(void)
{
    struct weft_error e = {0};
    dev = weft_device_create(NULL, &e);
    ck_assert_msg(dev != NULL, "%s", e.text);
    s = weft_scope_create(dev, weft_scope_params(.train = true), &e);
    net = weft_params_create(dev, 7, &e);
    ck_assert(s && net);
}

static inline void teardown(void)
{
    weft_scope_destroy(&s);
    weft_params_destroy(&net);
    weft_device_destroy(&dev);
}

static inline struct weft_device_stats stats(void)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st;
}

// The scope's error is this one; then it is forgotten.
static inline void assert_error(enum weft_status status, const char *part)
{
    const struct weft_error *e = weft_scope_error(s);
    ck_assert_msg(e->status == status && strstr(e->text, part), "got %d \"%s\", want %d \"...%s\"",
                  e->status, e->text, status, part);
    weft_scope_clear(s);
}

#endif
