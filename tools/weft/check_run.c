// Running the cases. Most of the time goes into compiling kernels: so of each operation those cases
// run that need few of them, and the operations are spread over processes, because a driver may
// compile only one kernel at a time in each, as PoCL does. A driver that crashes ends one of them.
#include "check.h"
#include "clock.h"
#include "console.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_WORKERS = 4 };

static int64_t input_count(const struct op_case *c, int nin)
{
    int64_t count = 0;
    for (int i = 0; i < nin; i++) {
        int64_t n = 1;
        for (int d = 0; d < c->in[i].ndim; d++)
            n *= c->in[i].shape[d];
        count += n;
    }
    return count;
}

static int largest_case(const struct op_ref *r)
{
    int largest = 0;
    for (int c = 1; c < ref_case_count(r); c++) {
        if (input_count(&r->cases[c], r->nin) > input_count(&r->cases[largest], r->nin))
            largest = c;
    }
    return largest;
}

static void check_ref(struct check_result *t, struct ref_check *k, const struct op_ref *r)
{
    int largest = largest_case(r);
    t->run++;
    t->passed += ref_check_value(k, r, 0, WEFT_F32, false);
    if (largest) {
        t->run++;
        t->passed += ref_check_value(k, r, largest, WEFT_F32, false);
    }
    if (r->smooth) {
        t->run++;
        t->passed += ref_check_grad(k, r, 0, false);
    }
}

// All rows of the table that have the op's name.
static void check_op(weft_device *dev, const char *op, struct check_result *t)
{
    struct ref_check k = {.dev = dev, .random = 1};
    const struct op_ref *r;
    double begin = now_ms();
    for (int i = 0; (r = op_ref_at(i)); i++) {
        if (!strcmp(r->name, op))
            check_ref(t, &k, r);
    }
    t->ms = now_ms() - begin;
    t->worst = k.worst;
    memcpy(t->text, k.text, sizeof t->text);
}

// A result is shorter than PIPE_BUF, so that it is written in one piece.
static bool send(int to, const struct check_result *t)
{
    ssize_t n;
    do
        n = write(to, t, sizeof *t);
    while (n < 0 && errno == EINTR);
    return n == sizeof *t;
}

// The workers take the numbers of the ops from a pipe, so that none is done long before the others.
static bool take_job(int from, int *op)
{
    ssize_t n;
    do
        n = read(from, op, sizeof *op);
    while (n < 0 && errno == EINTR);
    return n == sizeof *op;
}

// They fit in the pipe, where nobody reads yet.
static bool put_jobs(int to, int ops)
{
    for (int i = 0; i < ops; i++) {
        if (write(to, &i, sizeof i) != sizeof i)
            return false;
    }
    return true;
}

static void work(const struct check_workers *w, int worker, int from, int to)
{
    struct check_result t = {.op = -1};
    struct weft_error err = {0};
    // What is logged at opening, one process says. Kernels are not kept: a driver may compile each
    // once more for that, as PoCL does, and hardly another program needs them.
    weft_device *dev = weft_device_create(
        weft_device_params(.match = w->device, .cache_dir = "", .log = worker ? NULL : console_log),
        &err);
    if (!dev) {
        snprintf(t.text, sizeof t.text, "%s", err.text);
        send(to, &t);
    }
    for (int i; dev && take_job(from, &i);) {
        t = (struct check_result){.op = i, .device = *weft_device_info(dev)};
        check_op(dev, w->op[i], &t);
        if (!send(to, &t))
            break;
    }
    weft_device_destroy(&dev);
}

static int start_workers(const struct check_workers *w, const int jobs[2], const int ends[2])
{
    int started = 0;
    for (int i = 0; i < w->count; i++) {
        pid_t child = fork();
        started += child > 0;
        if (child)
            continue;
        close(ends[0]);
        work(w, i, jobs[0], ends[1]);
        _exit(EXIT_DONE);
    }
    return started;
}

bool check_start(struct check_workers *w)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int jobs[2], ends[2];
    w->count = cores < 1 ? 1 : cores > MAX_WORKERS ? MAX_WORKERS : (int)cores;
    w->count = w->count < w->ops ? w->count : w->ops;
    if (pipe(jobs))
        return false;
    bool ok = put_jobs(jobs[1], w->ops);
    close(jobs[1]);
    ok = ok && !pipe(ends);
    if (ok) {
        ok = start_workers(w, jobs, ends);
        close(ends[1]);
        w->pipe = ends[0];
    }
    close(jobs[0]);
    return ok;
}

bool check_next(struct check_workers *w, struct check_result *out)
{
    ssize_t n;
    do
        n = read(w->pipe, out, sizeof *out);
    while (n < 0 && errno == EINTR);
    return n == sizeof *out;
}

void check_end(struct check_workers *w)
{
    close(w->pipe);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}
