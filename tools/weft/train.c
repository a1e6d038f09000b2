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
static const struct option_row rows[] = {
    {"model", "mlp", "a perceptron: linear and relu for each hidden layer [mlp]", OPTION_CHOICE,
     AT(model)},
    {"hidden", "N,N,...", "units of each hidden layer [128]", OPTION_LIST, AT(mlp.hidden)},
    {"classes", "N", "labels are 0 .. N-1 [10]", OPTION_COUNT, AT(mlp.classes)},
    {"data", "DIR", "the four IDX files of MNIST or its kin [/usr/share/datasets/fashion-mnist]",
     OPTION_TEXT, AT(data)},
    {"epochs", "N", "times to go through the training data [5]", OPTION_COUNT, AT(epochs)},
    {"steps", "N", "stop after N steps altogether [no limit]", OPTION_STEPS, AT(steps)},
    {"batch", "N", "rows in a step [64]", OPTION_COUNT, AT(batch)},
    {"optimizer", "sgd|adam", "the rule of the updates [adam]", OPTION_CHOICE, AT(optimizer)},
    {"lr", "X", "step size [1e-3; sgd: 1e-2]", OPTION_POSITIVE, AT(lr)},
    {"momentum", "X", "of sgd [0]", OPTION_FRACTION, AT(momentum)},
    {"seed", "N", "of the first weights and the order of the rows [0]", OPTION_SEED, AT(seed)},
    {"device", "TEXT", "index, UUID, type, or a part of its name [the fastest]", OPTION_TEXT,
     AT(device)},
    {"profile", NULL, "at the end, print how long each kernel took", OPTION_FLAG, AT(profile)},
    {"trace", "FILE", "profile into FILE, Chrome trace JSON for https://ui.perfetto.dev",
     OPTION_TEXT, AT(trace)},
    {"verbose", NULL, "print what the library logs", OPTION_FLAG, AT(verbose)},
};
#undef AT

static const struct usage usage = {
    .verb = "train",
    .about =
        "Trains a model on images and tests it after every epoch. The last line of the output is\n"
        "`test accuracy 0.8765`. Where an option is repeated, the last counts.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
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
