// weft train: its options, Ctrl-C, and what is reported at the end.
#include "checkpoint.h"
#include "console.h"
#include "diverged.h"
#include "outputs.h"
#include "profile.h"
#include "training.h"
#include "verbs.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AT(field) offsetof(struct train_args, field)
const struct option_row train_rows[] = {
    {"data", "PATH",
     "a folder with the IDX files of MNIST or its kin; CSV: .csv, .tsv, or - for\n"
     "                         standard input; .npz [/usr/share/datasets/fashion-mnist, or what it "
     "was]",
     OPTION_TEXT, AT(data), KEPT_DEFAULT},
    {"target", "NAME", "the column of a CSV file to learn, by its name or number [the last]",
     OPTION_TEXT, AT(csv.target), KEPT},
    {"no-header", NULL, "the first line of a CSV file is a row too", OPTION_FLAG, AT(csv.no_header),
     KEPT},
    {"separator", "C", "between columns of a CSV file: a character, or tab [a tab in .tsv, else ,]",
     OPTION_TEXT, AT(csv.separator), KEPT},
    {"skip", "NAME,...", "columns of a CSV file to leave out, by their names or numbers [none]",
     OPTION_TEXT, AT(csv.skip), KEPT},
    {"allow-missing", NULL,
     "take NaN and CSV fields that are empty, NA, N/A, NaN, null or ? as\n"
     "                         input: they count as the column's mean",
     OPTION_FLAG, AT(model.allow_missing), KEPT},
    {"validation", "X", "the part of the training data that is only tested on [0]", OPTION_FRACTION,
     AT(validation), KEPT},
    {"model", MODELS, "a perceptron: linear, relu and dropout for each hidden layer [mlp]",
     OPTION_CHOICE, AT(model.kind), KEPT},
    {"hidden", "N,N,...", "units of each hidden layer [128]", OPTION_LIST, AT(model.hidden), KEPT},
    {"task", TASKS,
     "[classify words, and up to 20 different whole numbers that are few against\n"
     "                         the rows; of arrays also integers 0 .. N-1; else regress]",
     OPTION_CHOICE, AT(model.task), KEPT},
    {"classes", "N", "labels are 0 .. N-1 [what the data have]", OPTION_COUNT, AT(model.classes),
     KEPT},
    {"normalize", NORMALIZES, "of the input: mean 0, deviation 1 [of tables; images are 0 .. 1]",
     OPTION_CHOICE, AT(model.normalize), KEPT},
    {"dropout", "X", "part of each hidden layer that is dropped in a step [0]", OPTION_FRACTION,
     AT(model.dropout), KEPT},
    {"epochs", "N", "times to go through the training data [5, or what it was]", OPTION_COUNT,
     AT(epochs), KEPT_DEFAULT},
    {"steps", "N", "stop after N steps altogether [no limit]", OPTION_STEPS, AT(steps)},
    {"batch", "N", "rows in a step [64]", OPTION_COUNT, AT(batch), KEPT},
    {"optimizer", OPTIMIZERS, "the rule of the updates [adam]", OPTION_CHOICE, AT(recipe.optimizer),
     KEPT},
    {"lr", "X", "step size [1e-3; sgd, adagrad, rmsprop: 1e-2; adadelta: 1]", OPTION_POSITIVE,
     AT(recipe.lr), KEPT},
    {"momentum", "X", "of sgd and rmsprop [0]", OPTION_FRACTION, AT(recipe.momentum), KEPT},
    {"nesterov", NULL, "Nesterov's momentum, of sgd", OPTION_FLAG, AT(recipe.nesterov), KEPT},
    {"weight-decay", "X", "[0; adamw: 1e-2]", OPTION_NUMBER, AT(recipe.weight_decay), KEPT},
    {"clip-norm", "X", "the longest gradient, all parameters together [no limit]", OPTION_POSITIVE,
     AT(recipe.clip_norm), KEPT},
    {"schedule", SCHEDULES, "of the step size [constant]", OPTION_CHOICE, AT(recipe.schedule),
     KEPT},
    {"warm-up", "N", "steps in which it rises to --lr [0]", OPTION_STEPS, AT(recipe.warm_up), KEPT},
    {"decay", "X", "what step and plateau multiply it by [0.1]", OPTION_POSITIVE, AT(recipe.decay),
     KEPT},
    {"decay-every", "N", "epochs, of step [1]", OPTION_COUNT, AT(recipe.every), KEPT},
    {"patience", "N", "epochs without a better loss, of plateau [10]", OPTION_COUNT,
     AT(recipe.patience), KEPT},
    {"schedule-steps", "N", "steps that cosine and one-cycle take [all of this training]",
     OPTION_STEPS, AT(recipe.total_steps), KEPT},
    {"seed", "N", "of the first weights, the order of the rows, and dropout [0]", OPTION_SEED,
     AT(seed), KEPT},
    {"save", "FILE", "save the model and the state of training, to go on: safetensors", OPTION_TEXT,
     AT(save)},
    {"save-every", "N", "steps between two saves [an epoch's]; the last step is always saved",
     OPTION_STEPS, AT(save_every)},
    {"resume", "FILE", "go on where the training that saved FILE was", OPTION_TEXT, AT(resume)},
    {"log", "FILE", "the history, FILE.csv or FILE.jsonl; --resume goes on with it", OPTION_TEXT,
     AT(log)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"profile", NULL, "at the end, print what the kernels took, and where the host's time went",
     OPTION_FLAG, AT(profile)},
    {"trace", "FILE", "profile into FILE, Chrome trace JSON for https://ui.perfetto.dev",
     OPTION_TEXT, AT(trace)},
    {"verbose", NULL, "print what the library logs", OPTION_FLAG, AT(verbose)},
};
#undef AT
const int train_row_count = sizeof train_rows / sizeof *train_rows;

static const struct usage usage = {
    .verb = "train",
    .about =
        "Trains a model, and tests it after every epoch where there are data for that: a folder's\n"
        "t10k files, an npz file's test arrays, and what --validation holds out. An npz file has "
        "the\n"
        "arrays x and y, or x_train and y_train, and for tests x_test and y_test. The last line "
        "of\n"
        "the output is `test accuracy 0.8765`, without test data `validation accuracy ...`; of a\n"
        "regression it is the loss, the mean squared error of the target standardized as the "
        "input\n"
        "is. Where an option is repeated, the last counts.\n\n"
        "Ctrl-C, or SIGTERM, saves to --save's FILE after the step and exits with 130; a second "
        "one\n"
        "ends at once. --resume then goes on to the same bits as if it had not been stopped. What\n"
        "makes the model comes from the file then, and may be given again only if it is the same;\n"
        "--data, --epochs, --steps and what stands below --seed may differ. A file is replaced "
        "whole\n"
        "or not at all; one that is killed leaves at the most FILE.*.tmp behind. --save, --log "
        "and\n"
        "--trace replace files of their own kind and no others. Where the output or the history\n"
        "cannot be written, training saves and ends.",
    .rows = train_rows,
    .count = sizeof train_rows / sizeof *train_rows,
};

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

// The second one ends the program at once. What was to be ignored from the beginning, as by nohup,
// still is.
static void catch_signal(int number)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    struct sigaction before;
    if (!sigaction(number, NULL, &before) && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

static bool is_given(uint64_t given, const char *name)
{
    int i = 0;
    while (strcmp(train_rows[i].name, name) != 0)
        i++;
    return given >> i & 1;
}

// Options that only one schedule, or two, look at.
static int check_schedule(const struct recipe *r, uint64_t given)
{
    static const struct {
        const char *option;
        int one, other;
        const char *wanted;
    } only[] = {{"decay", STEP, PLATEAU, "step or plateau"},
                {"decay-every", STEP, STEP, "step"},
                {"patience", PLATEAU, PLATEAU, "plateau"},
                {"schedule-steps", COSINE, ONE_CYCLE, "cosine or one-cycle"}};
    for (int i = 0; i < 4; i++) {
        if (is_given(given, only[i].option) && r->schedule != only[i].one &&
            r->schedule != only[i].other)
            return console_misuse("train: --%s: wanted only with --schedule %s", only[i].option,
                                  only[i].wanted);
    }
    if (r->warm_up && (r->schedule == PLATEAU || r->schedule == ONE_CYCLE))
        return console_misuse("train: --warm-up: got %" PRId64
                              ", wanted none with --schedule plateau or one-cycle",
                              r->warm_up);
    if (r->schedule == PLATEAU && r->decay >= 1)
        return console_misuse("train: --decay: got %g, wanted less than 1 with --schedule plateau",
                              r->decay);
    return GO_ON;
}

static int check_recipe(struct recipe *r, uint64_t given)
{
    if (r->momentum > 0 && r->optimizer != SGD && r->optimizer != RMSPROP)
        return console_misuse(
            "train: --momentum: got %g, wanted it only with --optimizer sgd or rmsprop",
            r->momentum);
    if (r->nesterov && (r->optimizer != SGD || r->momentum <= 0))
        return console_misuse("train: --nesterov: wanted only with --optimizer sgd --momentum X");
    if (r->weight_decay < 0)
        r->weight_decay = r->optimizer == ADAMW ? 0.01 : 0;
    return check_schedule(r, given);
}

static int check_data(const struct train_args *args, uint64_t given)
{
    static const char *const of_tables[] = {"target", "no-header", "separator", "skip"};
    for (int i = 0; i < 4; i++) {
        if (is_given(given, of_tables[i]) && !table_is(args->data))
            return console_misuse("train: --%s: wanted only with a CSV file, --data is %s",
                                  of_tables[i], args->data);
    }
    return GO_ON;
}

static int check_args(struct train_args *args, uint64_t given)
{
    struct stat st;
    args->classes_given = is_given(given, "classes");
    args->task_given = is_given(given, "task");
    args->normalize_given = is_given(given, "normalize");
    if (args->log && !history_is_name(args->log))
        return console_misuse("train: --log: got \"%s\", wanted a name that ends in .csv or .jsonl",
                              args->log);
    if (args->model.allow_missing && args->normalize_given && args->model.normalize != STANDARDIZE)
        return console_misuse("train: --allow-missing: wanted only with --normalize standard");
    if (table_check("train", &args->csv) != GO_ON)
        return EXIT_MISUSE;
    if (args->save_every && !args->save)
        return console_misuse("train: --save-every: wanted only with --save FILE");
    if (!args->data && stat(default_data, &st))
        return console_misuse(
            "train: --data: nothing given, wanted a folder or file: %s is not there", default_data);
    args->data = args->data ? args->data : default_data;
    int code = args->resume ? GO_ON : check_recipe(&args->recipe, given);
    code = code == GO_ON ? check_data(args, given) : code;
    return code == GO_ON ? outputs_check(args) : code;
}

// The first option that was given otherwise than it is in the file.
static int find_difference(const struct train_args *args, const struct train_args *file,
                           uint64_t given)
{
    int code = GO_ON;
    for (int i = 0; i < train_row_count && code == GO_ON; i++) {
        const struct option_row *row = &train_rows[i];
        if (row->kept != KEPT || !(given >> i & 1))
            continue;
        char *now = option_write(row, args), *then = option_write(row, file);
        if (!now || !then || strcmp(now, then) != 0)
            code = console_misuse("train: --%s: got \"%s\", %s was trained with \"%s\"", row->name,
                                  now ? now : "", args->resume, then ? then : "");
        free(now);
        free(then);
    }
    return code;
}

// What may differ is as it was given; a text is borrowed either way.
static bool take_given(const struct train_args *args, struct train_args *file, uint64_t given)
{
    for (int i = 0; i < train_row_count; i++) {
        const struct option_row *row = &train_rows[i];
        if (row->kept != KEPT_DEFAULT || !(given >> i & 1))
            continue;
        if (row->kind == OPTION_TEXT) {
            const char *const *from = (const void *)((const char *)args + row->offset);
            const char **to = (void *)((char *)file + row->offset);
            *to = *from;
            continue;
        }
        char *value = option_write(row, args);
        bool ok = value && option_read(row, value, file);
        free(value);
        if (!ok)
            return false;
    }
    return true;
}

// Takes the options that belong to the model from the file.
static int take_resumed(struct training *t, uint64_t given)
{
    struct train_args file = *t->args;
    weft_safetensors *f = weft_safetensors_open(file.resume, &t->err);
    bool ok = f && checkpoint_read(f, file.resume, &file, &t->about, &t->err);
    weft_safetensors_close(&f);
    if (!ok)
        return console_fail("%s", t->err.text);
    int code = find_difference(t->args, &file, given);
    if (!take_given(t->args, &file, given))
        return console_fail("train: no memory for the options");
    *t->args = file;
    return code;
}

static void report(struct training *t)
{
    const struct progress *p = &t->progress;
    if (t->args->profile || t->args->trace)
        profile_print(t->dev, &t->err);
    if (t->args->profile)
        host_time_print(&t->host);
    if (t->args->trace && weft_device_trace(t->dev, t->args->trace, &t->err))
        console_note("trace written to %s", t->args->trace);
    if (interrupted)
        console_fail("train: stopped after step %" PRId64 " of %" PRId64 ", in epoch %d of %d%s%s",
                     p->step, p->total, p->epoch ? p->epoch : 1, p->epochs,
                     t->saved == p->step ? "; saved to " : "",
                     t->saved == p->step ? t->args->save : "");
}

static int complain(const struct training *t)
{
    char why[WHY] = "", saved[1024] = "";
    bool diverged = t->err.status == WEFT_NONFINITE;
    if (t->history_err.status)
        console_fail("%s%s%s", t->history_err.text, t->saved >= 0 ? "; saved to " : "",
                     t->saved >= 0 ? t->args->save : "");
    if (!t->err.status)
        return EXIT_FAILED;
    if (diverged && t->saved >= 0)
        snprintf(saved, sizeof saved, "; %s is of step %" PRId64, t->args->save, t->saved);
    return console_fail("%s%s%s", t->err.text, diverged ? diverged_why(t, why) : "", saved);
}

static int run(struct training *t)
{
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    bool ok = training_prepare(t) && training_run(t);
    if (ok || (t->unheard && !t->err.status))
        report(t);
    if (!ok || t->err.status)
        return complain(t);
    return interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
}

int verb_train(int argc, char **argv)
{
    struct train_args args = {.epochs = 5,
                              .batch = 64,
                              .model = {.hidden = {1, {128}}},
                              .recipe = {.optimizer = ADAM, .weight_decay = -1}};
    struct training t = {.args = &args, .saved = -1};
    struct parsed parsed;
    int code = options_parse(&usage, argc, argv, &args, &parsed);
    if (code == GO_ON && args.resume)
        code = take_resumed(&t, parsed.given);
    code = code == GO_ON ? check_args(&args, parsed.given) : code;
    code = code == GO_ON ? run(&t) : code;
    training_finish(&t);
    return code;
}
