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

void progress_begin_epoch(struct progress *p, int64_t in_epoch)
{
    p->epoch++;
    p->in_epoch = p->from = p->line_at = in_epoch;
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
    return seconds > 0 ? (double)(rows - p->from * p->batch) / seconds : 0;
}

const char *loss_text(double loss, char buffer[32])
{
    snprintf(buffer, 32, loss < 1e6 ? "%.4f" : "%.4g", loss);
    return buffer;
}

static const char *time_text(double seconds, char buffer[32])
{
    int64_t s = seconds < 1e9 ? (int64_t)seconds : 1000000000;
    int64_t hours = s / 3600;
    int minutes = (int)(s / 60 % 60), rest = (int)(s % 60);
    if (hours)
        snprintf(buffer, 32, "%" PRId64 ":%02d:%02d", hours, minutes, rest);
    else
        snprintf(buffer, 32, "%d:%02d", minutes, rest);
    return buffer;
}

static void put_bar(char *to, size_t room, int width, double part)
{
    int done = (int)(part * width);
    snprintf(to, room, "[%.*s%s%*s] ", done,
             "========================================", done < width ? ">" : "",
             width - done - (done < width), "");
}

// "epoch 1/5 [====>     ] 412/938  loss 0.5123  12345 rows/s  0:12 left": in few columns without
// the bar, and without what doesn't fit at the end.
static void draw_bar(const struct progress *p, double loss, double time)
{
    char part[4][48], text[32], bar[64] = "", line[256];
    double seconds =
        (time - p->began) / (double)(p->in_epoch - p->from) * (double)(p->total - p->step);
    snprintf(part[0], sizeof part[0], "%" PRId64 "/%" PRId64, p->in_epoch, p->batches);
    snprintf(part[1], sizeof part[1], "  loss %s", loss_text(loss, text));
    snprintf(part[2], sizeof part[2], "  %.0f rows/s", progress_speed(p));
    snprintf(part[3], sizeof part[3], "  %s left", time_text(seconds, text));

    int n = snprintf(line, sizeof line, "epoch %d/%d ", p->epoch, p->epochs);
    int room = console_columns() - 1 - n, width = room - 3;
    for (int i = 0; i < 4; i++)
        width -= (int)strlen(part[i]);
    if (width >= 4)
        put_bar(bar, sizeof bar, width < 40 ? width : 40, (double)p->in_epoch / (double)p->batches);
    n += snprintf(line + n, sizeof line - (size_t)n, "%s", bar);
    room -= (int)strlen(bar);
    for (int i = 0; i < 4 && (room -= (int)strlen(part[i])) >= 0; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s", part[i]);
    console_draw(line);
}

static void print_line(struct progress *p, double loss, double time)
{
    // whichever is rarer: 5 s, or a tenth of an epoch
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
