// weft tune: finds the fastest way to run products on a device, and keeps it in a file.
#include "clock.h"
#include "console.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PROBLEMS = 64 };

struct tune_args {
    const char *op, *device, *problems;
    double budget;
    int dtype;
    bool again, json, verbose;
};

#define DTYPES "f32|f16|bf16|f64"
static const enum weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64};

#define AT(field) offsetof(struct tune_args, field)
static const struct option_row rows[] = {
    {"op", "NAME", "what to tune: matmul [matmul]", OPTION_TEXT, AT(op)},
    {"budget", "SECONDS", "how long; what is not done then is left to another time [60]",
     OPTION_POSITIVE, AT(budget)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"problems", "LIST",
     "MxNxK of products, comma-separated, with nt, tn or tt behind it where an\n"
     "                         operand lies transposed, and :COUNT for a batch; 64x128x784nt\n"
     "                         [squares, flat products, and layers of some common networks]",
     OPTION_TEXT, AT(problems)},
    {"dtype", DTYPES, "of --problems [f32]", OPTION_CHOICE, AT(dtype)},
    {"again", NULL, "also what was tuned before", OPTION_FLAG, AT(again)},
    {"json", NULL, "one JSON object a line for each problem", OPTION_FLAG, AT(json)},
    {"verbose", NULL, "print what the library logs", OPTION_FLAG, AT(verbose)},
};
#undef AT

static const struct usage usage = {
    .verb = "tune",
    .about =
        "Measures the ways to run matrix products on a device, after checking their answers, and\n"
        "writes the fastest for each problem to a file that every program with weft reads: the "
        "one\n"
        "in WEFT_TUNING, else one for each device and driver in $XDG_DATA_HOME/weft or\n"
        "~/.local/share/weft. Leave the machine alone meanwhile. What is in the file already is\n"
        "not tuned again. Ctrl-C keeps what is done. WEFT_TUNE=SECONDS makes any program tune the\n"
        "products that it meets.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static volatile sig_atomic_t stop;

static void interrupt(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

struct tune {
    const struct tune_args *args;
    struct weft_tune_problem problem[MAX_PROBLEMS];
    int problems;
    struct weft_tune_result *result;
    int results, room;
    double line_ms; // when a line was last printed
};

static const char *problem_text(const struct weft_tune_problem *p, char buffer[96])
{
    int n = snprintf(buffer, 96, "%" PRId64 "x%" PRId64 "x%" PRId64, p->m, p->n, p->k);
    if (p->a_transposed || p->b_transposed)
        n += snprintf(buffer + n, 96 - (size_t)n, "%c%c", p->a_transposed ? 't' : 'n',
                      p->b_transposed ? 't' : 'n');
    if (p->count > 1)
        n += snprintf(buffer + n, 96 - (size_t)n, ":%" PRId64, p->count);
    if (p->dtype != WEFT_F32)
        snprintf(buffer + n, 96 - (size_t)n, " %s", weft_dtype_name(p->dtype));
    return buffer;
}

static bool read_size(const char **text, int64_t *to)
{
    int64_t v = 0;
    const char *c = *text;
    while (*c >= '0' && *c <= '9' && v < INT32_MAX)
        v = 10 * v + (*c++ - '0');
    bool ok = c > *text && v > 0 && v <= INT32_MAX;
    *text = c;
    *to = v;
    return ok;
}

static bool skip(const char **text, char c)
{
    *text += **text == c;
    return (*text)[-1] == c;
}

static bool read_problem(const char **text, struct weft_tune_problem *p)
{
    if (!read_size(text, &p->m) || !skip(text, 'x') || !read_size(text, &p->n) ||
        !skip(text, 'x') || !read_size(text, &p->k))
        return false;
    size_t form = strspn(*text, "nt");
    if (form && form != 2)
        return false;
    p->a_transposed = form && **text == 't';
    p->b_transposed = form && (*text)[1] == 't';
    *text += form;
    return **text != ':' || ((*text)++, read_size(text, &p->count));
}

static bool read_problems(struct tune *t)
{
    const char *text = t->args->problems;
    while (text && t->problems < MAX_PROBLEMS) {
        struct weft_tune_problem p = {.dtype = dtypes[t->args->dtype]};
        if (!read_problem(&text, &p) || (*text && *text != ','))
            break;
        t->problem[t->problems++] = p;
        if (!*text)
            return true;
        text++;
    }
    return !text;
}

static bool show(void *priv, const struct weft_tune_progress *p)
{
    struct tune *t = priv;
    char text[96], line[256], best[64] = "";
    if (p->us > 0)
        snprintf(best, sizeof best, "  %.4g us, by rule %.4g", p->us, p->rule_us);
    if (console_is_terminal()) {
        snprintf(line, sizeof line, "tuning %d/%d: %s  %d tried%s  %.0f of %.0f s", p->index + 1,
                 p->count, problem_text(p->problem, text), p->tried, best, p->seconds, p->budget);
        console_draw(line);
    } else if (now_ms() - t->line_ms > 5000) {
        t->line_ms = now_ms();
        console_note("tuning %d/%d: %s, %d tried, %.0f of %.0f s", p->index + 1, p->count,
                     problem_text(p->problem, text), p->tried, p->seconds, p->budget);
    }
    return !stop;
}

static void print_json(const struct weft_tune_result *r)
{
    const struct weft_tune_problem *p = &r->problem;
    struct json j = {.line = true};
    json_begin(&j, NULL, '{');
    json_text(&j, "op", "matmul");
    json_text(&j, "dtype", weft_dtype_name(p->dtype));
    json_count(&j, "m", (uint64_t)p->m);
    json_count(&j, "n", (uint64_t)p->n);
    json_count(&j, "k", (uint64_t)p->k);
    json_count(&j, "count", (uint64_t)p->count);
    json_bool(&j, "a_transposed", p->a_transposed);
    json_bool(&j, "b_transposed", p->b_transposed);
    json_number(&j, "us", r->us);
    json_number(&j, "rule_us", r->rule_us);
    json_text(&j, "variant", r->variant);
    json_text(&j, "knobs", r->knobs);
    json_bool(&j, "known", r->known);
    json_bool(&j, "partial", r->partial);
    json_end(&j, '}');
}

// Kept for the table, which comes last.
static void take(void *priv, const struct weft_tune_result *r)
{
    struct tune *t = priv;
    if (t->args->json) {
        print_json(r);
        console_flush();
        return;
    }
    if (t->results == t->room) {
        int room = t->room ? 2 * t->room : 64;
        struct weft_tune_result *all = realloc(t->result, (size_t)room * sizeof *all);
        if (!all)
            return;
        t->result = all;
        t->room = room;
    }
    t->result[t->results++] = *r;
}

static void print_table(const struct tune *t)
{
    if (t->results)
        printf("%-20s %10s %10s %6s  %s\n", "problem", "rule, us", "best, us", "gain", "best");
    for (int i = 0; i < t->results; i++) {
        const struct weft_tune_result *r = &t->result[i];
        char text[96];
        printf("%-20s %10.4g %10.4g", problem_text(&r->problem, text), r->rule_us, r->us);
        if (r->us < r->rule_us)
            printf(" %5.2fx  %s %s", r->rule_us / r->us, r->variant, r->knobs);
        else
            printf(" %6s  what the rule takes: %s", "-", r->variant);
        puts(r->partial ? " (not all was tried)" : "");
    }
}

static void print_end(const struct tune *t, weft_device *dev, const struct weft_tune_report *r)
{
    const char *file = weft_device_tuning(dev);
    if (t->args->json)
        return;
    print_table(t);
    printf("%d of %d problem%s tuned, %d before, in %.0f s", r->done + r->known, r->count,
           plural((uint64_t)r->count), r->known, r->seconds);
    printf("%s\n", r->done + r->known < r->count ? "; run it again to go on" : "");
    printf("%s\n", *file ? file : "no file is kept: WEFT_TUNING is empty, or there is no home");
}

static int run(struct tune *t, weft_device *dev)
{
    struct weft_error err = {0};
    struct weft_tune_report report = {.size = sizeof report};
    const struct tune_args *a = t->args;
    struct weft_tune_params p = {.size = sizeof p,
                                 .op = a->op,
                                 .seconds = a->budget,
                                 .problem = t->problem,
                                 .count = t->problems,
                                 .again = a->again,
                                 .progress = show,
                                 .result = take,
                                 .priv = t};
    console_note("tuning on %s", weft_device_info(dev)->name);
    bool ok = weft_tune(dev, &p, &report, &err);
    console_erase();
    if (ok || report.done || report.known)
        print_end(t, dev, &report);
    if (ok)
        return EXIT_DONE;
    console_fail("%s", err.text);
    return err.status == WEFT_CANCELLED ? EXIT_INTERRUPTED : EXIT_FAILED;
}

int verb_tune(int argc, char **argv)
{
    struct tune_args args = {.budget = 60};
    struct tune t = {.args = &args, .line_ms = now_ms()};
    struct weft_error err = {0};
    int code = options_parse(&usage, argc, argv, &args, NULL);
    if (code != GO_ON)
        return code;
    if (args.op && strcmp(args.op, "matmul") != 0)
        return console_misuse("tune: --op is \"%s\"; matmul is what can be tuned", args.op);
    if (!read_problems(&t))
        return console_misuse("tune: --problems is \"%s\"; up to %d products MxNxK[nt][:COUNT] "
                              "were wanted, comma-separated",
                              args.problems, MAX_PROBLEMS);
    // The second one ends at once.
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    weft_device *dev =
        weft_device_create(weft_device_params(.match = args.device, .log = console_log,
                                              .log_priv = args.verbose ? &args : NULL),
                           &err);
    code = dev ? run(&t, dev) : console_fail("%s", err.text);
    weft_device_destroy(&dev);
    free(t.result);
    return code;
}
