// weft bench: times operations, models and what a call costs the host.
#include "bench.h"
#include "console.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

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
        "matmul/MxKxN/ta multiplies by a transposed view, so /tb for the second. host/record and\n"
        "host/launch are the host's time for a recorded elementwise call, and for a launch.",
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
    if (b->peak.gb_s > 0)
        printf("%s: copies %.1f GB/s, multiplies and adds %.0f GFLOP/s\n",
               weft_device_info(b->dev)->name, b->peak.gb_s, b->peak.gflop_s);
    else
        printf("%s\n", weft_device_info(b->dev)->name);
    printf("%-24s %11s %11s %9s %9s %7s\n", "case", "ms", "least", "GFLOP/s", "GB/s", "peak");
}

// With three digits; "-" for NaN.
static void print_cell(int width, double v)
{
    char text[32] = "-";
    if (!isnan(v))
        snprintf(text, sizeof text, v >= 100 ? "%.0f" : "%.3g", v);
    printf(" %*s", width, text);
}

static void print_time(const struct bench *b, const char *name, const struct bench_time *t,
                       bool json)
{
    double gflop_s = t->work.flops > 0 ? t->work.flops / t->ms * 1e-6 : NAN;
    double gb_s = t->work.bytes > 0 ? t->work.bytes / t->ms * 1e-6 : NAN;
    double part = isnan(gflop_s) ? gb_s / b->peak.gb_s : gflop_s / b->peak.gflop_s;
    double percent = b->peak.gb_s > 0 ? 100 * part : NAN;
    if (!json) {
        printf("%-24s", name);
        print_cell(11, t->ms);
        print_cell(11, t->ms_min);
        print_cell(9, gflop_s);
        print_cell(9, gb_s);
        print_cell(6, percent);
        puts(isnan(percent) ? "" : "%");
        return;
    }
    struct json j = {.line = true};
    json_begin(&j, NULL, '{');
    json_text(&j, "case", name);
    json_text(&j, "device", weft_device_info(b->dev)->name);
    json_number(&j, "ms", t->ms);
    json_number(&j, "ms_min", t->ms_min);
    json_number(&j, "gflop_s", gflop_s);
    json_number(&j, "gb_s", gb_s);
    json_number(&j, "peak_percent", percent);
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
            print_time(b, name, &t, args->json);
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
