// One tensor of more elements than 32 bits count, or of as many as the device gives in one piece,
// by hand: `meson test -C build --suite long`. Two of them are held at once, so it wants some 9
// GiB. Exits with 77 where the device has less than 2^31 bytes in one piece.
#include "device_fixture.h"

enum { TAIL = 16 };
static const int64_t wanted = ((int64_t)1 << 32) + 4096, least = (int64_t)1 << 31;

static weft_device *dev;
static int64_t count;

static int64_t size_of_one(const struct weft_device_info *d)
{
    int64_t n = wanted;
    if ((uint64_t)n > d->max_alloc)
        n = (int64_t)d->max_alloc;
    return d->memory / 2 > (uint64_t)n ? n : (int64_t)(d->memory / 2);
}

// Ones, and at the end 100, 101, ...
static weft_tensor *ones_and_tail(weft_scope *s)
{
    uint8_t v[TAIL];
    for (int i = 0; i < TAIL; i++)
        v[i] = (uint8_t)(100 + i);
    int64_t most = count - TAIL, tail = TAIL;
    const weft_tensor *part[] = {weft_full(s, WEFT_U8, 1, &most, 1),
                                 weft_from_host(s, WEFT_U8, 1, &tail, v)};
    return weft_concat(s, 2, part, 0);
}

START_TEST(the_last_elements_are_reached)
{
    weft_scope *s = open_scope(dev);
    weft_tensor *x = ones_and_tail(s), *end = weft_slice(s, x, 0, count - TAIL - 2, count);
    const int64_t at[] = {count - 1, 0, count - TAIL, count - TAIL - 1};
    int64_t four = 4;
    weft_tensor *some = weft_index_select(s, x, 0, weft_from_host(s, WEFT_I64, 1, &four, at));
    uint8_t got[TAIL + 2], picked[4];
    ck_assert_msg(weft_read(s, end, got, sizeof got), "%s", weft_scope_error(s)->text);
    for (int i = 0; i < TAIL + 2; i++)
        ck_assert_int_eq(got[i], i < 2 ? 1 : 98 + i);
    ck_assert_msg(weft_read(s, some, picked, sizeof picked), "%s", weft_scope_error(s)->text);
    ck_assert_mem_eq(picked, ((uint8_t[]){100 + TAIL - 1, 1, 100, 1}), 4);
    ck_assert_double_eq(weft_item(s, weft_max(s, x, NULL)), 100 + TAIL - 1);
    weft_scope_destroy(&s);
}
END_TEST

// Each element is computed once, and where it belongs.
START_TEST(elementwise_reaches_the_end)
{
    weft_scope *s = open_scope(dev);
    weft_tensor *y = weft_add(s, ones_and_tail(s), weft_full(s, WEFT_U8, 0, NULL, 3));
    weft_want(s, y);
    uint8_t got[TAIL + 2];
    ck_assert_msg(weft_read(s, weft_slice(s, y, 0, count - TAIL - 2, count), got, sizeof got), "%s",
                  weft_scope_error(s)->text);
    for (int i = 0; i < TAIL + 2; i++)
        ck_assert_int_eq(got[i], i < 2 ? 4 : 101 + i);
    ck_assert_double_eq(weft_item(s, weft_min(s, y, NULL)), 4);
    weft_scope_destroy(&s);
}
END_TEST

int main(void)
{
    struct weft_error err = {0};
    dev = weft_device_create(weft_device_params(.cache_dir = ""), &err);
    if (!dev) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    count = size_of_one(weft_device_info(dev));
    if (count < least) {
        printf("skipped: the device gives %lld bytes in one piece, wanted %lld\n", (long long)count,
               (long long)least);
        weft_device_destroy(&dev);
        return 77;
    }
    printf("%lld elements\n", (long long)count);
    Suite *suite = suite_create("huge");
    TCase *t = tcase_create("huge");
    tcase_set_timeout(t, 1200);
    tcase_add_test(t, the_last_elements_are_reached);
    tcase_add_test(t, elementwise_reaches_the_end);
    suite_add_tcase(suite, t);
    int code = run_suite(suite);
    weft_device_destroy(&dev);
    return code;
}
