// weft predict: what a trained model says of each row.
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

struct predict_args {
    const char *data, *device;
    int split, batch;
    bool json;
    struct csv_options csv;
};

#define AT(field) offsetof(struct predict_args, field)
static const struct option_row rows[] = {
    {"data", "PATH",
     "a folder, or a file: IDX images, .npy, .npz, .csv, .tsv; - is CSV from\n"
     "                         standard input",
     OPTION_TEXT, AT(data)},
    {"split", SPLITS, "of a folder or npz file with both: which of the two [test]", OPTION_CHOICE,
     AT(split)},
    TABLE_ROWS,
    {"batch", "N", "rows at a time [500]", OPTION_COUNT, AT(batch)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"json", NULL, "one JSON object a line, with each class's probability, or the values",
     OPTION_FLAG, AT(json)},
};
#undef AT

static const struct usage usage = {
    .verb = "predict",
    .operands = "FILE",
    .any_operand = true,
    .need_operand = true,
    .about =
        "Applies the model that `weft train --save FILE` saved to data and prints a line for each\n"
        "row: the class, a tab and its probability, or the values of a regression with tabs\n"
        "between. Targets, where the data have them, are passed over. A row for which the model\n"
        "gives NaN or infinity ends it with exit code 1; rows count from 0.\n\n"
        "The columns of a CSV file are found by their names, in any order, and others are passed\n"
        "over; where they had no names or have none, they go by their places, and the column that\n"
        "was learned may be there or not.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static void print_row(const struct trained *t, const float *out, const double *probability)
{
    const struct model *m = &t->args.model;
    char number[16];
    int found = largest(out, m->classes);
    if (m->task == CLASSIFY) {
        print_safe(class_name(&t->about.classes, found, number));
        printf("\t%.4f\n", probability[found]);
    }
    for (int i = 0; m->task == REGRESS && i < m->classes; i++)
        printf("%.9g%c", (double)out[i], i + 1 < m->classes ? '\t' : '\n');
}

static void print_row_json(const struct trained *t, const float *out, const double *probability)
{
    const struct model *m = &t->args.model;
    bool classify = m->task == CLASSIFY;
    struct json j = {.line = true};
    char number[16];
    int found = largest(out, m->classes);
    json_begin(&j, NULL, '{');
    if (classify) {
        json_text(&j, "class", class_name(&t->about.classes, found, number));
        json_number(&j, "probability", probability[found]);
    }
    json_begin(&j, classify ? "probabilities" : "values", classify ? '{' : '[');
    for (int i = 0; i < m->classes; i++)
        json_number(&j, classify ? class_name(&t->about.classes, i, number) : NULL,
                    classify ? probability[i] : (double)out[i]);
    json_end(&j, classify ? '}' : ']');
    json_end(&j, '}');
}

// A class of numbers that are none would be no answer.
static bool is_answer(const float *out, int count, int64_t row, const char *path,
                      struct weft_error *err)
{
    for (int i = 0; i < count; i++) {
        if (!isfinite(out[i]))
            return failure(err, WEFT_NONFINITE, "%s: row %" PRId64 ": the model gives %s", path,
                           row, isnan(out[i]) ? "NaN" : "infinity");
    }
    return true;
}

// From the row `first` on.
static bool print_batch(struct trained *t, const weft_tensor *x, const struct predict_args *a,
                        int64_t first, struct weft_error *err)
{
    const struct model *m = &t->args.model;
    weft_tensor *out = model_apply(t->scope, t->net, m, x);
    if (!out)
        return false;
    size_t count = (size_t)weft_count(out), classes = (size_t)m->classes;
    float *host = malloc(count * sizeof *host + 1);
    double *probability = malloc(classes * sizeof *probability);
    bool ok = host && probability ? weft_read(t->scope, out, host, count * sizeof *host)
                                  : failure(err, WEFT_NOMEM, "predict: no memory for a batch");
    for (size_t at = 0; ok && at < count; at += classes, first++) {
        ok = is_answer(host + at, m->classes, first, dataset_name(a->data), err);
        if (!ok)
            break;
        softmax(host + at, m->classes, probability);
        (a->json ? print_row_json : print_row)(t, host + at, probability);
    }
    free(host);
    free(probability);
    return console_flush() && ok;
}

static bool predict(struct trained *t, const struct predict_args *a, struct weft_error *err)
{
    struct dataset_args from = {.path = a->data, .split = a->split, .csv = a->csv};
    int64_t row = 0;
    weft_loader *data = trained_data(t, &from, a->batch, err);
    bool ok = data;
    for (weft_tensor *x; ok && weft_loader_next(data, t->scope, &x, NULL);
         weft_scope_reset(t->scope)) {
        int64_t count = x->shape[0];
        ok = print_batch(t, x, a, row, err);
        row += count;
    }
    ok = scope_is_fine(t->scope, err) && ok;
    weft_loader_destroy(&data);
    return ok;
}

int verb_predict(int argc, char **argv)
{
    struct predict_args args = {.batch = 500};
    int code;
    const char *path = options_parse_file(&usage, argc, argv, &args, &code);
    if (!path)
        return code;
    if (!args.data)
        return console_misuse("predict: --data: nothing given, wanted the rows");
    if (table_check("predict", &args.csv) != GO_ON)
        return EXIT_MISUSE;
    struct weft_error err = {0};
    struct trained t;
    code = trained_open(&t, path, args.device, &err) && predict(&t, &args, &err) ? EXIT_DONE
                                                                                 : EXIT_FAILED;
    if (err.status)
        console_fail("%s", err.text);
    trained_close(&t);
    return code;
}
