// weft bench: times operations, models and what a call costs the host.
#include "bench.h"
#include "console.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 28 };

struct bench_args {
    const char *device, *filter, *op;
    double seconds;
    bool json, list, no_peak;
};

#define AT(field) offsetof(struct bench_args, field)
static const struct option_row rows[] = {
    {"filter", "TEXT", "only cases whose name contains TEXT", OPTION_TEXT, AT(filter)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"seconds", "X", "how long a case is repeated, at least 7 times [0.3]", OPTION_POSITIVE,
     AT(seconds)},
    {"json", NULL, "one JSON object a line for each case", OPTION_FLAG, AT(json)},
    {"no-peak", NULL, "do not measure what the device can do at most", OPTION_FLAG, AT(no_peak)},
    {"list", NULL, "the names of the cases, without running them", OPTION_FLAG, AT(list)},
};
#undef AT

static const struct usage usage = {
    .verb = "bench",
    .operands = "OP|MODEL|CASE",
    .any_operand = true,
    .about =
        "Times cases in F32, OP/SIZE each, from recording to finished: all, those of one\n"
        "operation or model (mlp), or one (mlp/128). `peak` is a case's part of what the device\n"
        "can do at most, which is measured first: of multiply-adds where there are GFLOP/s, else\n"
        "of copying, where inputs and outputs count once. A view alone takes no time: OP/neg is\n"
        "a view and the negation that reads it, OP/concat are its parts and their joining.\n"
        "host/record and host/launch are the host's time for a recorded elementwise call, and for\n"
        "a launch. peak/... are what the device can do: ms of 10^9 operations, or of 10^9 "
        "bytes.\n\n"
        "matmul/MxKxN/ta multiplies by a transposed view, so /tb for the second; /relu and /gelu\n"
        "add a bias and apply that; /f16, /bf16 and /f64 name another dtype, and matmul_int has\n"
        "bytes, whose peak is that of F32. Products have two times: alone, of which `us over` is\n"
        "what an empty launch does not take, and in a `chain` of many that are waited for\n"
        "together, which their GFLOP/s, GB/s and `peak` go by. The peak of one row is that of\n"
        "reading: from memory, or again and again where 8 MiB are enough.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static bool is_wanted(const struct bench_args *args, const struct bench_case *c, char name[64])
{
    snprintf(name, 64, "%s/%s", c->op, c->size);
    return (!args->op || !strcmp(args->op, c->op) || !strcmp(args->op, name)) &&
           (!args->filter || strstr(name, args->filter));
}

static void print_head(const struct bench *b)
{
    const struct weft_device_peak *p = &b->peak;
    printf("%s\n", weft_device_info(b->dev)->name);
    if (p->gb_s > 0)
        printf("at most: copies %.1f GB/s, reads %.1f GB/s (4 MiB %.0f), multiplies and adds %.0f "
               "GFLOP/s (F64 %.0f); an empty launch %.1f us\n",
               p->gb_s, p->read_gb_s, p->cached_gb_s, p->gflop_s, p->gflop_s_f64, p->round_trip_us);
    printf("%-*s %11s %11s %11s %9s %9s %9s %7s\n", NAME_WIDTH, "case", "ms", "least", "chain",
           "us over", "GFLOP/s", "GB/s", "peak");
}

// With three digits; "-" for NaN.
static void print_cell(int width, double v)
{
    char text[32] = "-";
    if (!isnan(v))
        snprintf(text, sizeof text, fabs(v) >= 100 ? "%.0f" : "%.3g", v);
    printf(" %*s", width, text);
}

// What there is of a case to print; NaN where it has none.
struct figures {
    double chain_ms, over_us, gflop_s, gb_s, percent;
};

// More than this does not stay in caches from one product to the next.
static const double cached_bytes = 8 << 20;

static double percent_of(const struct bench *b, const struct bench_case *c,
                         const struct bench_time *t, const struct figures *f)
{
    const struct weft_device_peak *p = &b->peak;
    if (!strcmp(c->op, "peak"))
        return NAN;
    bool counts = !isnan(f->gflop_s) && !c->row;
    double reads = t->work.bytes <= cached_bytes ? p->cached_gb_s : p->read_gb_s;
    double most =
        counts ? (c->dtype == WEFT_F64 ? p->gflop_s_f64 : p->gflop_s) : (c->row ? reads : p->gb_s);
    return most > 0 ? 100 * (counts ? f->gflop_s : f->gb_s) / most : NAN;
}

// Of a case with a chain, by the time in it.
static struct figures figures_of(const struct bench *b, const struct bench_case *c,
                                 const struct bench_time *t)
{
    double ms = c->chain ? t->chain_ms : t->ms, over = t->ms * 1e3 - b->peak.round_trip_us;
    struct figures f = {.chain_ms = c->chain ? t->chain_ms : NAN,
                        .over_us = c->chain && b->peak.round_trip_us > 0 ? over : NAN,
                        .gflop_s = t->work.flops > 0 ? t->work.flops / ms * 1e-6 : NAN,
                        .gb_s = t->work.bytes > 0 ? t->work.bytes / ms * 1e-6 : NAN};
    f.percent = percent_of(b, c, t, &f);
    return f;
}

static void print_row(const char *name, const struct bench_time *t, const struct figures *f)
{
    printf("%-*s", NAME_WIDTH, name);
    print_cell(11, t->ms);
    print_cell(11, t->ms_min);
    print_cell(11, f->chain_ms);
    print_cell(9, f->over_us);
    print_cell(9, f->gflop_s);
    print_cell(9, f->gb_s);
    print_cell(6, f->percent);
    puts(isnan(f->percent) ? "" : "%");
}

static void print_time(const struct bench *b, const struct bench_case *c, const char *name,
                       const struct bench_time *t, bool json)
{
    struct figures f = figures_of(b, c, t);
    if (!json) {
        print_row(name, t, &f);
        return;
    }
    struct json j = {.line = true};
    json_begin(&j, NULL, '{');
    json_text(&j, "case", name);
    json_text(&j, "device", weft_device_info(b->dev)->name);
    json_number(&j, "ms", t->ms);
    json_number(&j, "ms_min", t->ms_min);
    json_number(&j, "chain_ms", f.chain_ms);
    json_number(&j, "over_launch_us", f.over_us);
    json_number(&j, "gflop_s", f.gflop_s);
    json_number(&j, "gb_s", f.gb_s);
    json_number(&j, "peak_percent", f.percent);
    json_end(&j, '}');
}

static bool run_case(struct bench *b, const struct bench_case *c, struct bench_time *t)
{
    bool train = c->train || c->grad || c->measure;
    b->s = weft_scope_create(b->dev, weft_scope_params(.train = train), &b->err);
    bool ok = b->s && (c->measure ? c->measure(b, t) : bench_op(b, c, t));
    if (!ok && b->s && !b->err.status)
        b->err = *weft_scope_error(b->s);
    weft_scope_destroy(&b->s);
    return ok;
}

// A case that fails, for want of memory say, does not end the others.
static int run(struct bench *b, const struct bench_args *args)
{
    struct bench_case c;
    char name[64];
    int code = EXIT_DONE;
    for (int i = 0; bench_case_at(i, &c); i++) {
        struct bench_time t = {0};
        if (!is_wanted(args, &c, name))
            continue;
        b->err = (struct weft_error){0};
        if (run_case(b, &c, &t))
            print_time(b, &c, name, &t, args->json);
        else
            code = console_fail("%s: %s", name, b->err.text);
        if (!console_flush())
            return EXIT_FAILED;
    }
    return code;
}

static int list(const struct bench_args *args, bool print)
{
    struct bench_case c;
    char name[64];
    int count = 0;
    for (int i = 0; bench_case_at(i, &c); i++) {
        if (!is_wanted(args, &c, name))
            continue;
        count++;
        if (print)
            puts(name);
    }
    return count;
}

static int run_on_device(const struct bench_args *args)
{
    struct bench b = {.seconds = args->seconds, .peak = {.size = sizeof b.peak}};
    b.dev =
        weft_device_create(weft_device_params(.match = args->device, .log = console_log), &b.err);
    int code = EXIT_FAILED;
    if (!b.dev || (!args->no_peak && !weft_device_peak(b.dev, &b.peak, &b.err))) {
        console_fail("%s", b.err.text);
    } else {
        if (!args->json)
            print_head(&b);
        code = run(&b, args);
    }
    weft_device_destroy(&b.dev);
    return code;
}

int verb_bench(int argc, char **argv)
{
    struct bench_args args = {.seconds = 0.3};
    struct parsed parsed;
    int code = options_parse(&usage, argc, argv, &args, &parsed);
    if (code != GO_ON)
        return code;
    args.op = parsed.operand ? argv[parsed.operand] : NULL;
    if (!list(&args, args.list))
        return console_misuse(
            "bench: no case of %s%s%s; --list names them", args.op ? args.op : "any operation",
            args.filter ? " has a name with " : "", args.filter ? args.filter : "");
    return args.list ? EXIT_DONE : run_on_device(&args);
}
