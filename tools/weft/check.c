// weft check: does this device compute correctly? Cases of the op test's table run on it and are
// compared with the references in double.
#include "check.h"
#include "clock.h"
#include "console.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct check_args {
    const char *device;
    bool json;
};

#define AT(field) offsetof(struct check_args, field)
static const struct option_row rows[] = {
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"json", NULL, "one JSON object a line: each operation, at last the verdict", OPTION_FLAG,
     AT(json)},
};
#undef AT

static const struct usage usage = {
    .verb = "check",
    .operands = "OP",
    .any_operand = true,
    .about = "Runs cases of every operation, or only of OP, on a device, in F32, and compares\n"
             "values and gradients with references in double. Each line: the operation, cases\n"
             "passed and run, the largest error as a part of what is allowed, and the time with\n"
             "compiling, because kernels are not kept. The last line is the verdict. It fails\n"
             "if an operation is wrong.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static void print_result(const char *op, const struct check_result *t, bool json)
{
    const char *wrong = *t->text ? t->text : NULL;
    if (!json) {
        printf("%-20s %d/%d %9.2g %9.1f ms%s%s\n", op, t->passed, t->run, t->worst, t->ms,
               wrong ? "  " : "", wrong ? wrong : "");
        return;
    }
    struct json j = {.line = true};
    json_begin(&j, NULL, '{');
    json_text(&j, "op", op);
    json_count(&j, "passed", (uint64_t)t->passed);
    json_count(&j, "run", (uint64_t)t->run);
    json_number(&j, "worst", t->worst);
    json_number(&j, "ms", t->ms);
    json_text(&j, "error", wrong);
    json_end(&j, '}');
}

struct verdict {
    int ops, right, cases;
    double s;
    bool seen[MAX_OPS];
};

static int print_verdict(const struct verdict *v, const struct weft_device_info *d, bool json)
{
    bool ok = v->right == v->ops;
    if (json) {
        struct json j = {.line = true};
        json_begin(&j, NULL, '{');
        json_bool(&j, "ok", ok);
        json_text(&j, "device", d->name);
        json_text(&j, "driver", d->driver);
        json_text(&j, "version", d->version);
        json_count(&j, "passed", (uint64_t)v->right);
        json_count(&j, "run", (uint64_t)v->ops);
        json_number(&j, "s", v->s);
        json_end(&j, '}');
    } else if (ok) {
        printf("%s (driver %s, %s) computes correctly: %d op%s, %d case%s, %.1f s\n", d->name,
               d->driver, d->version, v->ops, plural((uint64_t)v->ops), v->cases,
               plural((uint64_t)v->cases), v->s);
    }
    if (ok)
        return EXIT_DONE;
    return console_fail("check: %d of %d op%s computed wrong on %s (driver %s, %s)",
                        v->ops - v->right, v->ops, plural((uint64_t)v->ops), d->name, d->driver,
                        d->version);
}

// The ops in the order of the table, each once: several rows may have one name.
static int list_ops(const char *only, const char **list)
{
    const struct op_ref *r;
    int count = 0;
    for (int i = 0; (r = op_ref_at(i)) && count < MAX_OPS; i++) {
        bool listed = only && strcmp(r->name, only) != 0;
        for (int k = 0; k < count && !listed; k++)
            listed = !strcmp(r->name, list[k]);
        if (!listed)
            list[count++] = r->name;
    }
    return count;
}

static bool take(const struct check_args *args, const struct check_workers *w,
                 const struct check_result *t, struct verdict *v)
{
    if (t->op < 0)
        return false;
    v->seen[t->op] = true;
    v->ops++;
    v->right += t->passed == t->run;
    v->cases += t->run;
    print_result(w->op[t->op], t, args->json);
    return console_flush();
}

static int run(const struct check_args *args, struct check_workers *w)
{
    struct check_result t = {0};
    struct verdict v = {0};
    double begin = now_ms();
    bool ok = true;
    if (!check_start(w))
        return console_fail("check: no process could be started: %s", strerror(errno));
    while (ok && check_next(w, &t))
        ok = take(args, w, &t, &v);
    check_end(w);
    v.s = (now_ms() - begin) * 1e-3;
    if (!ok)
        return *t.text && t.op < 0 ? console_fail("%s", t.text) : EXIT_FAILED;
    if (v.ops == w->ops)
        return print_verdict(&v, &t.device, args->json);
    int lost = 0;
    while (v.seen[lost])
        lost++;
    return console_fail(
        "check: the process that ran %s ended: the driver crashed, or memory ran out", w->op[lost]);
}

int verb_check(int argc, char **argv)
{
    static const char *op[MAX_OPS];
    struct check_args args = {0};
    struct parsed parsed;
    int code = options_parse(&usage, argc, argv, &args, &parsed);
    if (code != GO_ON)
        return code;
    const char *only = parsed.operand ? argv[parsed.operand] : NULL;
    struct check_workers w = {.ops = list_ops(only, op), .op = op, .device = args.device};
    if (!w.ops)
        return console_misuse("check: got \"%s\", wanted the name of an operation", only);
    return run(&args, &w);
}
