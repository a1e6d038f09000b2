// The profile as a table: where the device's time went, the largest part first.
#include "profile.h"
#include "console.h"
#include <inttypes.h>
#include <stdlib.h>

static void print_rows(const struct weft_profile_row *rows, int count)
{
    double all = 0;
    for (int i = 0; i < count; i++)
        all += rows[i].total_ms;
    console_note("%-28s %-24s %9s %11s %9s %9s %9s %6s", "kernel", "op", "launches", "total ms",
                 "mean us", "min us", "max us", "share");
    for (int i = 0; i < count; i++) {
        const struct weft_profile_row *r = &rows[i];
        console_note("%-28s %-24s %9" PRIu64 " %11.2f %9.1f %9.1f %9.1f %5.1f%%", r->kernel, r->op,
                     r->launches, r->total_ms, r->total_ms / (double)r->launches * 1e3,
                     r->min_ms * 1e3, r->max_ms * 1e3, all > 0 ? r->total_ms / all * 100 : 0);
    }
    console_note("%-53s %9s %11.2f", "all", "", all);
}

bool profile_print(weft_device *dev, struct weft_error *err)
{
    int count = weft_device_profile(dev, NULL, 0, err);
    if (count < 0)
        return false;
    struct weft_profile_row *rows = calloc((size_t)count + 1, sizeof *rows);
    if (!rows) {
        console_fail("profile: out of memory");
        return true;
    }
    int filled = weft_device_profile(dev, rows, count, err);
    print_rows(rows, filled < count ? filled : count);
    free(rows);
    return filled >= 0;
}
