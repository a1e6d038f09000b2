// Reading the loss waits for the device, so how often depends on how long the steps take there: a
// host that runs ahead of a slow device would otherwise leave the bar, and Ctrl-C, waiting.
#include "progress.h"
#include "console.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double read_seconds = 0.15, line_seconds = 5;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_begin_epoch(struct progress *p)
{
    p->epoch++;
    p->in_epoch = p->line_at = 0;
    p->began = p->read_time = p->line_time = now();
    p->read_at = p->step;
    if (p->read_next <= p->step)
        p->read_next = p->step + 1;
}

bool progress_step(struct progress *p)
{
    p->step++;
    p->in_epoch++;
    return p->step >= p->read_next;
}

// At most twice the steps of the last time: the first ones are slow, kernels are compiled in them.
static void plan_next_read(struct progress *p, double time)
{
    double steps = (double)(p->step - p->read_at), seconds = time - p->read_time;
    double next = seconds > 0 ? steps * read_seconds / seconds : 2 * steps;
    if (next > 2 * steps)
        next = 2 * steps;
    p->read_at = p->step;
    p->read_time = time;
    p->read_next = p->step + (next < 1 ? 1 : (int64_t)next);
}

double progress_speed(const struct progress *p)
{
    int64_t rows = p->in_epoch < p->batches ? p->in_epoch * p->batch : p->rows;
    double seconds = now() - p->began;
    return seconds > 0 ? (double)rows / seconds : 0;
}

const char *loss_text(double loss, char buffer[32])
{
    snprintf(buffer, 32, loss < 1e6 ? "%.4f" : "%.4g", loss);
    return buffer;
}

static void put_time(char *to, size_t room, double seconds)
{
    int64_t s = seconds < 1e9 ? (int64_t)seconds : 1000000000;
    if (s < 3600)
        snprintf(to, room, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else
        snprintf(to, room, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
}

// "epoch 1/5 [====>     ] 412/938  loss 0.5123  12345 rows/s  0:12 left", in as many columns as
// there are.
static void draw_bar(const struct progress *p, double loss, double time)
{
    char left[32], text[32], head[48], tail[160], bar[64] = "", line[256];
    double for_step = (time - p->began) / (double)p->in_epoch;
    put_time(left, sizeof left, for_step * (double)(p->total - p->step));
    snprintf(head, sizeof head, "epoch %d/%d ", p->epoch, p->epochs);
    snprintf(tail, sizeof tail, "%" PRId64 "/%" PRId64 "  loss %s  %.0f rows/s  %s left",
             p->in_epoch, p->batches, loss_text(loss, text), progress_speed(p), left);
    int width = console_columns() - 1 - (int)strlen(head) - (int)strlen(tail) - 3;
    if (width > 40)
        width = 40;
    if (width >= 4) {
        int done = (int)(p->in_epoch * width / p->batches);
        snprintf(bar, sizeof bar, "[%.*s%s%*s] ", done,
                 "========================================", done < width ? ">" : "",
                 width - done - (done < width), "");
    }
    snprintf(line, sizeof line, "%s%s%s", head, bar, tail);
    console_draw(line);
}

static void print_line(struct progress *p, double loss, double time)
{
    if (time - p->line_time < line_seconds || (p->in_epoch - p->line_at) * 10 < p->batches)
        return;
    char text[32];
    p->line_time = time;
    p->line_at = p->in_epoch;
    console_note("epoch %d/%d: step %" PRId64 "/%" PRId64 ", loss %s, %.0f rows/s", p->epoch,
                 p->epochs, p->in_epoch, p->batches, loss_text(loss, text), progress_speed(p));
}

void progress_show(struct progress *p, double loss)
{
    double time = now();
    plan_next_read(p, time);
    if (p->bar)
        draw_bar(p, loss, time);
    else
        print_line(p, loss, time);
}
