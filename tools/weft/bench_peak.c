// What the device can do at most, as cases: `weft bench peak`. The time is that of 10^9 operations,
// or of 10^9 bytes.
#include "bench.h"
#include <math.h>

static bool get_peak(struct bench *b)
{
    return b->peak.round_trip_us > 0 || weft_device_peak(b->dev, &b->peak, &b->err);
}

// A device without F64 has no time.
static bool done(struct bench_time *out, double giga_s, struct bench_work work)
{
    out->ms = out->ms_min = giga_s > 0 ? 1e3 / giga_s : NAN;
    out->work = work;
    return true;
}

static bool measure_f32(struct bench *b, struct bench_time *out)
{
    return get_peak(b) && done(out, b->peak.gflop_s, (struct bench_work){.flops = 1e9});
}

static bool measure_f64(struct bench *b, struct bench_time *out)
{
    return get_peak(b) && done(out, b->peak.gflop_s_f64, (struct bench_work){.flops = 1e9});
}

static bool measure_copy(struct bench *b, struct bench_time *out)
{
    return get_peak(b) && done(out, b->peak.gb_s, (struct bench_work){.bytes = 1e9});
}

static bool measure_read(struct bench *b, struct bench_time *out)
{
    return get_peak(b) && done(out, b->peak.read_gb_s, (struct bench_work){.bytes = 1e9});
}

static bool measure_cached(struct bench *b, struct bench_time *out)
{
    return get_peak(b) && done(out, b->peak.cached_gb_s, (struct bench_work){.bytes = 1e9});
}

static bool measure_round_trip(struct bench *b, struct bench_time *out)
{
    bool ok = get_peak(b);
    out->ms = out->ms_min = b->peak.round_trip_us * 1e-3;
    return ok;
}

const struct bench_case bench_peak_cases[] = {
    {.op = "peak", .size = "f32", .measure = measure_f32},
    {.op = "peak", .size = "f64", .measure = measure_f64},
    {.op = "peak", .size = "copy", .measure = measure_copy},
    {.op = "peak", .size = "read", .measure = measure_read},
    {.op = "peak", .size = "cached", .measure = measure_cached},
    {.op = "peak", .size = "round_trip", .measure = measure_round_trip},
    {0},
};
