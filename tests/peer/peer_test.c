// Compares weft with what PyTorch computed for its own samples (dump.py).
//
// usage: peer_test [-v] FOLDER [OP...]
//
// For each op one line, "op: passed/ran (not expressible n)", and below it what failed. With -v
// also why samples are not expressible in weft's API. With OPs only those. Exit code: 0 if
// something ran and nothing failed.
#include "check.h"
#include "dev/device.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS = 32 };

struct tally {
    long passed, ran, unable;
    long ops, missing; // missing: ops without a row
};

struct suite {
    weft_device *dev;
    const char *folder;
    bool verbose;
    char **line;
    int nline;
    struct tally all;
    char missing[4096]; // their names
};

// Why samples of one op are not expressible, and how many of each.
struct reasons {
    char text[REASONS][PEER_TEXT];
    long count[REASONS];
    int n;
};

static bool read_lines(struct suite *u)
{
    char path[4096], line[4096];
    snprintf(path, sizeof path, "%s/samples.txt", u->folder);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "%s is not there: make it with tests/peer/dump.py\n", path);
        return false;
    }
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char **more = realloc(u->line, sizeof *more * (size_t)(u->nline + 1));
        char *copy = malloc(strlen(line) + 1);
        if (!more || !copy)
            abort();
        u->line = more;
        u->line[u->nline++] = strcpy(copy, line);
    }
    fclose(f);
    return true;
}

static void add_reason(struct reasons *r, const char *text, long count)
{
    int i = 0;
    while (i < r->n && strcmp(r->text[i], text))
        i++;
    if (i == REASONS)
        return;
    if (i == r->n)
        snprintf(r->text[r->n++], PEER_TEXT, "%s", text);
    r->count[i] += count;
}

static enum verdict check(const struct suite *u, struct sample *m, char text[PEER_TEXT])
{
    if (!sample_load(m, u->folder)) {
        snprintf(text, PEER_TEXT, "the files cannot be read");
        return PEER_FAILED;
    }
    return !strcmp(m->kind, "optim") ? check_optim(u->dev, optim_row_of(m->op), m, text)
                                     : check_op(u->dev, op_row_of(m->op), m, text);
}

static void run_line(const struct suite *u, struct sample *m, struct tally *t, struct reasons *why,
                     char **failures)
{
    char text[PEER_TEXT] = "";
    if (!strcmp(m->kind, "skip")) {
        t->unable += m->number;
        add_reason(why, m->options, m->number);
        return;
    }
    enum verdict v = check(u, m, text);
    if (v == PEER_UNABLE) {
        t->unable++;
        add_reason(why, text, 1);
        return;
    }
    t->ran++;
    t->passed += v == PEER_PASSED;
    if (v == PEER_FAILED) {
        size_t used = *failures ? strlen(*failures) : 0, more = strlen(m->options) + 600;
        char *longer = realloc(*failures, used + more);
        if (!longer)
            abort();
        snprintf(longer + used, more, "  %d: %s (%s)\n", m->number, text, m->options);
        *failures = longer;
    }
}

static void run_op(struct suite *u, const char *op)
{
    struct tally t = {0};
    struct reasons why = {0};
    char *failures = NULL;
    for (int i = 0; i < u->nline; i++) {
        struct sample m;
        if (!sample_parse(&m, u->line[i]) || strcmp(m.op, op))
            continue;
        run_line(u, &m, &t, &why, &failures);
        sample_free(&m);
    }
    printf("%s: %ld/%ld (not expressible %ld)\n%s", op, t.passed, t.ran, t.unable,
           failures ? failures : "");
    for (int i = 0; i < why.n && u->verbose; i++)
        printf("  not expressible %ld: %s\n", why.count[i], why.text[i]);
    fflush(stdout);
    free(failures);
    u->all.passed += t.passed;
    u->all.ran += t.ran;
    u->all.unable += t.unable;
    u->all.ops++;
}

static bool is_first(const struct suite *u, int line, const char *op)
{
    for (int i = 0; i < line; i++) {
        struct sample m;
        if (sample_parse(&m, u->line[i]) && !strcmp(m.op, op))
            return false;
    }
    return true;
}

static bool is_wanted(const char *op, int n, char **ops)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(ops[i], op))
            return true;
    }
    return n == 0;
}

static void run_all(struct suite *u, int n, char **ops)
{
    for (int i = 0; i < u->nline; i++) {
        struct sample m;
        if (!sample_parse(&m, u->line[i]) || !is_wanted(m.op, n, ops) || !is_first(u, i, m.op))
            continue;
        if (op_row_of(m.op) || optim_row_of(m.op)) {
            run_op(u, m.op);
            continue;
        }
        size_t used = strlen(u->missing);
        snprintf(u->missing + used, sizeof u->missing - used, " %s", m.op);
        u->all.missing++;
    }
    if (u->all.missing)
        printf("without a row:%s\n", u->missing);
    printf("%ld/%ld samples of %ld ops and optimizers passed, %ld not expressible, %ld without a "
           "row\n",
           u->all.passed, u->all.ran, u->all.ops, u->all.unable, u->all.missing);
}

int main(int argc, char **argv)
{
    struct weft_error err = {0};
    struct suite u = {0};
    int at = 1;
    if (at < argc && !strcmp(argv[at], "-v")) {
        u.verbose = true;
        at++;
    }
    if (at >= argc || argv[at][0] == '-') {
        fprintf(stderr, "usage: peer_test [-v] FOLDER [OP...]\n");
        return 2;
    }
    u.folder = argv[at++];
    u.dev = weft_device_create(NULL, &err);
    if (!u.dev) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    // The forms for GPUs run on a CPU as well.
    if (getenv("WEFT_TEST_AS_GPU"))
        u.dev->info.type = WEFT_DEVICE_GPU;
    if (read_lines(&u))
        run_all(&u, argc - at, argv + at);
    for (int i = 0; i < u.nline; i++)
        free(u.line[i]);
    free(u.line);
    weft_device_destroy(&u.dev);
    return u.all.ran == 0 || u.all.passed < u.all.ran;
}
