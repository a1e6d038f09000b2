// weft: the command. Its first argument is a verb, the rest belongs to that.
#include "console.h"
#include "verbs.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *about;
    int (*run)(int argc, char **argv);
} verbs[] = {
#define X(name, about) {#name, about, verb_##name},
    VERB_MAP(X)
#undef X
};

enum { VERBS = sizeof verbs / sizeof *verbs };

static int print_help(void)
{
    printf("usage: weft VERB [OPTION...]\n"
           "       weft --help | --version\n\n"
           "Trains neural networks on any OpenCL device.\n\nverbs:\n");
    for (int i = 0; i < VERBS; i++)
        printf("  %-9s %s\n", verbs[i].name, verbs[i].about);
    printf("\n`weft VERB --help` lists the options of a verb.\n"
           "environment: WEFT_DEVICE=TEXT names the device, as --device does; WEFT_CACHE=DIR keeps "
           "the\n"
           "compiled kernels in DIR, empty nowhere; WEFT_TUNING=FILE is what `weft tune` writes.\n"
           "<weft/device.h> has the others.\n%s",
           exit_codes);
    return EXIT_DONE;
}

static int print_version(void)
{
    printf("weft %s\n", weft_version_text());
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return console_misuse("no verb given; see weft --help");
    const char *first = argv[1];
    if (!strcmp(first, "--help") || !strcmp(first, "-h"))
        return print_help();
    if (!strcmp(first, "--version"))
        return print_version();
    for (int i = 0; i < VERBS; i++) {
        if (!strcmp(first, verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    }
    return console_misuse("unknown %s \"%s\"; see weft --help", *first == '-' ? "option" : "verb",
                          first);
}

int main(int argc, char **argv)
{
    console_init();
    int code = run(argc, argv);
    return console_flush() || code ? code : EXIT_FAILED;
}
