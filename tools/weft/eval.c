// weft eval: how good a trained model is on data.
#include "console.h"
#include "dataset.h"
#include "failure.h"
#include "json.h"
#include "options.h"
#include "score.h"
#include "trained.h"
#include "verbs.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct eval_args {
    const char *data, *device;
    int split, batch;
    bool json, per_class;
    struct csv_options csv;
};

#define AT(field) offsetof(struct eval_args, field)
static const struct option_row rows[] = {
    {"data", "PATH", "as for weft train [/usr/share/datasets/fashion-mnist]", OPTION_TEXT,
     AT(data)},
    {"split", SPLITS, "of a folder or npz file with both: which of the two [test]", OPTION_CHOICE,
     AT(split)},
    TABLE_ROWS,
    {"per-class", NULL, "also precision and recall of each class", OPTION_FLAG, AT(per_class)},
    {"batch", "N", "rows at a time [500]", OPTION_COUNT, AT(batch)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"json", NULL, "the result as JSON", OPTION_FLAG, AT(json)},
};
#undef AT

static const struct usage usage = {
    .verb = "eval",
    .operands = "FILE",
    .any_operand = true,
    .need_operand = true,
    .about =
        "Applies the model that `weft train --save FILE` saved to data and compares: the mean\n"
        "loss and the accuracy of classes, mean squared and absolute errors of a regression.\n\n"
        "The columns of a CSV file are found by their names, in any order, and others are passed\n"
        "over; where they had no names or have none, they go by their places.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static int64_t labelled(const struct score *s, int classes, int class)
{
    int64_t n = 0;
    for (int k = 0; k < classes; k++)
        n += s->confusion[(int64_t) class * classes + k];
    return n;
}

static int64_t predicted(const struct score *s, int classes, int class)
{
    int64_t n = 0;
    for (int k = 0; k < classes; k++)
        n += s->confusion[(int64_t)k * classes + class];
    return n;
}

struct class_score {
    int64_t rows, right;
    double precision, recall; // NaN: none predicted, none there
};

static struct class_score class_score(const struct score *s, int classes, int class)
{
    struct class_score c = {.rows = labelled(s, classes, class)};
    c.right = s->confusion[(int64_t) class * classes + class];
    c.precision = (double)c.right / (double)predicted(s, classes, class);
    c.recall = (double)c.right / (double)c.rows;
    return c;
}

static void print_ratio(double v)
{
    if (isnan(v))
        printf("  %9s", "-");
    else
        printf("  %9.4f", v);
}

static void print_classes(const struct trained *t, const struct score *s)
{
    int classes = t->args.model.classes;
    printf("%-20s  %8s  %8s  %9s  %9s\n", "class", "rows", "right", "precision", "recall");
    for (int i = 0; i < classes; i++) {
        char number[16];
        struct class_score c = class_score(s, classes, i);
        print_column(class_name(&t->about.classes, i, number), 20);
        printf("  %8" PRId64 "  %8" PRId64, c.rows, c.right);
        print_ratio(c.precision);
        print_ratio(c.recall);
        putchar('\n');
    }
}

static void print_text(const struct trained *t, const struct score *s)
{
    const struct model *m = &t->args.model;
    printf("rows %" PRId64 "\n", s->rows);
    if (m->task == CLASSIFY)
        printf("loss %.6g\naccuracy %.4f\n", score_loss(s, m), score_accuracy(s));
    else
        printf("mse %.6g\nmae %.6g\n", score_square(s, m), score_absolute(s, m));
    if (s->confusion)
        print_classes(t, s);
}

static void json_classes(struct json *j, const struct trained *t, const struct score *s)
{
    int classes = t->args.model.classes;
    json_begin(j, "classes", '[');
    for (int i = 0; i < classes; i++) {
        char number[16];
        struct class_score c = class_score(s, classes, i);
        json_begin(j, NULL, '{');
        json_text(j, "class", class_name(&t->about.classes, i, number));
        json_count(j, "rows", (uint64_t)c.rows);
        json_count(j, "right", (uint64_t)c.right);
        json_number(j, "precision", c.precision);
        json_number(j, "recall", c.recall);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void print_json(const struct trained *t, const struct score *s)
{
    const struct model *m = &t->args.model;
    struct json j = {0};
    json_begin(&j, NULL, '{');
    json_count(&j, "rows", (uint64_t)s->rows);
    if (m->task == CLASSIFY) {
        json_number(&j, "loss", score_loss(s, m));
        json_number(&j, "accuracy", score_accuracy(s));
    } else {
        json_number(&j, "mse", score_square(s, m));
        json_number(&j, "mae", score_absolute(s, m));
    }
    if (s->confusion)
        json_classes(&j, t, s);
    json_end(&j, '}');
}

static bool evaluate(struct trained *t, const struct eval_args *a, struct score *s,
                     struct weft_error *err)
{
    static const volatile sig_atomic_t never;
    const struct model *m = &t->args.model;
    size_t cells = (size_t)m->classes * (size_t)m->classes;
    struct dataset_args from = {
        .path = a->data, .split = a->split, .with_target = true, .csv = a->csv};
    weft_loader *data = trained_data(t, &from, a->batch, err);
    if (data && a->per_class && m->task == CLASSIFY)
        s->confusion = calloc(cells, sizeof *s->confusion);
    if (data && a->per_class && m->task == CLASSIFY && !s->confusion) {
        weft_loader_destroy(&data);
        return failure(err, WEFT_NOMEM, "eval: no memory for %d classes", m->classes);
    }
    bool ok = data && score_measure(s, t->scope, t->net, m, data, &never, err);
    weft_loader_destroy(&data);
    if (ok && !isfinite(score_loss(s, m)))
        ok = failure(err, WEFT_NONFINITE, "%s: the loss is %s: the model gives NaN or infinity",
                     dataset_name(a->data), isnan(score_loss(s, m)) ? "NaN" : "infinite");
    return ok;
}

int verb_eval(int argc, char **argv)
{
    struct eval_args args = {.data = default_data, .batch = 500};
    int code;
    const char *path = options_parse_file(&usage, argc, argv, &args, &code);
    if (!path)
        return code;
    if (table_check("eval", &args.csv) != GO_ON)
        return EXIT_MISUSE;
    struct weft_error err = {0};
    struct trained t;
    struct score score = {0};
    bool ok = trained_open(&t, path, args.device, &err);
    if (ok && args.per_class && t.args.model.task == REGRESS) {
        code =
            console_misuse("eval: --per-class: wanted only for classes, %s is a regression", path);
    } else if (ok && evaluate(&t, &args, &score, &err)) {
        (args.json ? print_json : print_text)(&t, &score);
        code = EXIT_DONE;
    } else {
        code = console_fail("%s", err.text);
    }
    free(score.confusion);
    trained_close(&t);
    return code;
}
