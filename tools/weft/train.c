// weft train: its options, Ctrl-C, and what is reported at the end.
#include "console.h"
#include "profile.h"
#include "training.h"
#include "verbs.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char default_data[] = "/usr/share/datasets/fashion-mnist";

#define AT(field) offsetof(struct train_args, field)
const struct option_row train_rows[] = {
    {"data", "PATH", "a folder with the four IDX files of MNIST or its kin, a CSV file, an npz file",
     OPTION_TEXT, AT(data)},
    {"target", "NAME", "the column of a CSV file to learn, by its name or number [the last]",
     OPTION_TEXT, AT(target), true},
    {"validation", "X", "the part of the training data that is only tested on [0]",
     OPTION_FRACTION, AT(validation), true},
    {"model", MODELS, "a perceptron: linear, relu and dropout for each hidden layer [mlp]",
     OPTION_CHOICE, AT(model.kind), true},
    {"hidden", "N,N,...", "units of each hidden layer [128]", OPTION_LIST, AT(model.hidden), true},
    {"task", TASKS, "[classify, if the target is whole numbers or words]", OPTION_CHOICE,
     AT(model.task), true},
    {"classes", "N", "labels are 0 .. N-1 [what the data have]", OPTION_COUNT, AT(model.classes),
     true},
    {"normalise", NORMALISES, "of the input: mean 0, deviation 1 [of tables; images are 0 .. 1]",
     OPTION_CHOICE, AT(model.normalise), true},
    {"dropout", "X", "part of each hidden layer that is dropped in a step [0]", OPTION_FRACTION,
     AT(model.dropout), true},
    {"epochs", "N", "times to go through the training data [5]", OPTION_COUNT, AT(epochs)},
    {"steps", "N", "stop after N steps altogether [no limit]", OPTION_STEPS, AT(steps)},
    {"batch", "N", "rows in a step [64]", OPTION_COUNT, AT(batch), true},
    {"optimizer", OPTIMIZERS, "the rule of the updates [adam]", OPTION_CHOICE, AT(recipe.optimizer),
     true},
    {"lr", "X", "step size [1e-3; sgd, adagrad, rmsprop: 1e-2; adadelta: 1]", OPTION_POSITIVE,
     AT(recipe.lr), true},
    {"momentum", "X", "of sgd and rmsprop [0]", OPTION_FRACTION, AT(recipe.momentum), true},
    {"nesterov", NULL, "Nesterov's momentum, of sgd", OPTION_FLAG, AT(recipe.nesterov), true},
    {"weight-decay", "X", "[0; adamw: 1e-2]", OPTION_NUMBER, AT(recipe.weight_decay), true},
    {"clip-norm", "X", "the longest gradient, all parameters together [no limit]", OPTION_POSITIVE,
     AT(recipe.clip_norm), true},
    {"schedule", SCHEDULES, "of the step size [constant]", OPTION_CHOICE, AT(recipe.schedule),
     true},
    {"warm-up", "N", "steps in which it rises to --lr [0]", OPTION_STEPS, AT(recipe.warm_up), true},
    {"decay", "X", "what step and plateau multiply it by [0.1]", OPTION_POSITIVE, AT(recipe.decay),
     true},
    {"decay-every", "N", "epochs, of step [1]", OPTION_COUNT, AT(recipe.every), true},
    {"patience", "N", "epochs without a better loss, of plateau [10]", OPTION_COUNT,
     AT(recipe.patience), true},
    {"schedule-steps", "N", "steps that cosine and one-cycle take [all of this training]",
     OPTION_STEPS, AT(recipe.total_steps), true},
    {"seed", "N", "of the first weights, the order of the rows, and dropout [0]", OPTION_SEED,
     AT(seed), true},
    {"save", "FILE", "save the model and the state of training, to go on: safetensors",
     OPTION_TEXT, AT(save)},
    {"save-every", "N", "steps between two saves [an epoch's]; the last step is always saved",
     OPTION_STEPS, AT(save_every)},
    {"resume", "FILE", "go on where the training that saved FILE was", OPTION_TEXT, AT(resume)},
    {"log", "FILE", "the history, FILE.csv or FILE.jsonl; --resume goes on with it", OPTION_TEXT,
     AT(log)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"profile", NULL, "at the end, print how long each kernel took", OPTION_FLAG, AT(profile)},
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
        "t10k files, and what --validation holds out. The last line of the output is\n"
        "`test accuracy 0.8765` (`validation accuracy ...` without test data, `... loss` of a\n"
        "regression, whose losses are mean squared errors). Where an option is repeated, the last\n"
        "counts. Without --data: /usr/share/datasets/fashion-mnist.\n\n"
        "Ctrl-C, or SIGTERM, saves to --save's FILE after the step and exits with 130; a second one\n"
        "ends at once. --resume then goes on to the same bits as if it had not been stopped. What\n"
        "makes the model comes from the file then, and may be given again only if it is the same;\n"
        "--data, --epochs, --steps and what stands below --seed may differ.",
    .rows = train_rows,
    .count = sizeof train_rows / sizeof *train_rows,
};

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

// The second Ctrl-C ends the program at once.
static void catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

static int check_args(struct train_args *args)
{
    struct stat st;
    if (args->momentum > 0 && args->optimizer != SGD)
        return console_misuse("train: --momentum: got %g, wanted it only with --optimizer sgd",
                              args->momentum);
    if (!args->data && stat(default_data, &st))
        return console_misuse("train: --data: nothing given, wanted a folder: %s is not there",
                              default_data);
    args->data = args->data ? args->data : default_data;
    return GO_ON;
}

// An hour of training should not end in a file that cannot be written.
static bool check_trace(const char *path)
{
    FILE *f = fopen(path, "a");
    if (f)
        fclose(f);
    else
        console_fail("%s: %s", path, strerror(errno));
    return f;
}

static int report(struct training *t)
{
    const struct progress *p = &t->progress;
    if (interrupted)
        console_fail("train: stopped after step %" PRId64 " of %" PRId64 ", in epoch %d of %d",
                     p->step, p->total, p->epoch ? p->epoch : 1, p->epochs);
    else
        printf("test accuracy %.4f\n", t->accuracy);
    if (t->args->profile || t->args->trace)
        profile_print(t->dev, &t->err);
    if (t->args->trace && weft_device_trace(t->dev, t->args->trace, &t->err))
        console_note("trace written to %s", t->args->trace);
    if (interrupted)
        return EXIT_INTERRUPTED;
    return t->err.status ? EXIT_FAILED : EXIT_DONE;
}

int verb_train(int argc, char **argv)
{
    struct train_args args = {
        .optimizer = ADAM, .epochs = 5, .batch = 64, .mlp = {.hidden = {1, {128}}, .classes = 10}};
    int code = options_parse(&usage, argc, argv, &args, NULL);
    code = code == GO_ON ? check_args(&args) : code;
    if (code != GO_ON)
        return code;
    if (args.trace && !check_trace(args.trace))
        return EXIT_FAILED;
    catch_interrupt();
    struct training t = {.args = &args};
    code = training_prepare(&t) && training_run(&t) ? report(&t) : EXIT_FAILED;
    if (t.err.status)
        console_fail("%s", t.err.text);
    training_finish(&t);
    return code;
}
