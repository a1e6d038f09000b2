// Schedules: they change an optimizer's step size while it trains.
#ifndef WEFT_SCHEDULE_H
#define WEFT_SCHEDULE_H
#include <weft/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

// A schedule counts the calls of weft_schedule_step(), t, and sets the optimizer's step size to a
// function of t and of `base`, the step size that the optimizer had been given when the schedule
// was made; at once, for t = 0. The numbers are those of torch.optim.lr_scheduler, in closed form.
// What a group of the optimizer scales is scaled beyond that. A creator is WEFT_PARAM for a number
// out of its range, which is finite and 0 or more unless said. A schedule holds on to its
// optimizer; of several on the same optimizer, the one that stepped last counts.
// Thread-safety: that of the optimizer.
typedef struct weft_schedule weft_schedule;
WEFT_API void weft_schedule_destroy(weft_schedule **s);

// Call it once after each step, or after each epoch: the schedule's numbers are in the same unit.
// WEFT_PARAM for one that wants a metric.
WEFT_API bool weft_schedule_step(weft_schedule *s, struct weft_error *err);
// Likewise, for a plateau, with the loss or the score of the epoch. A NaN is WEFT_PARAM, and
// changes nothing.
WEFT_API bool weft_schedule_step_metric(weft_schedule *s, double metric, struct weft_error *err);

// base * gamma^(t / every), rounded down (StepLR).
struct weft_step_lr_params {
    size_t size;
    int64_t every; // at least 1; required
    double gamma;  // [0.1]
};
#define weft_step_lr_params(...) WEFT_PARAMS(weft_step_lr_params, __VA_ARGS__)
WEFT_API weft_schedule *weft_step_lr_create(weft_optim *o, const struct weft_step_lr_params *p,
                                            struct weft_error *err);

// base * gamma^n, where n milestones are at t or before (MultiStepLR).
struct weft_multi_step_lr_params {
    size_t size;
    const int64_t *milestones; // [count], from the first to the last, at least 1; required
    int count;
    double gamma; // [0.1]
};
#define weft_multi_step_lr_params(...) WEFT_PARAMS(weft_multi_step_lr_params, __VA_ARGS__)
WEFT_API weft_schedule *weft_multi_step_lr_create(weft_optim *o,
                                                  const struct weft_multi_step_lr_params *p,
                                                  struct weft_error *err);

// base * gamma^t (ExponentialLR). gamma above 0.
WEFT_API weft_schedule *weft_exponential_lr_create(weft_optim *o, double gamma,
                                                   struct weft_error *err);

// min_lr + (base - min_lr) * (1 + cos(pi * t / steps)) / 2, which rises again after `steps`
// (CosineAnnealingLR); with restarts it begins anew there, each time `stretch` times as long
// (CosineAnnealingWarmRestarts).
struct weft_cosine_lr_params {
    size_t size;
    int64_t steps; // at least 1; required
    double min_lr; // [0]
    bool restarts; // [no]
    int stretch;   // at least 1 [1]
};
#define weft_cosine_lr_params(...) WEFT_PARAMS(weft_cosine_lr_params, __VA_ARGS__)
WEFT_API weft_schedule *weft_cosine_lr_create(weft_optim *o, const struct weft_cosine_lr_params *p,
                                              struct weft_error *err);

// base * (start + (end - start) * min(t, steps) / steps): a linear warm-up (LinearLR).
struct weft_linear_lr_params {
    size_t size;
    int64_t steps; // at least 1 [5]
    double start;  // above 0 [1/3]
    double end;    // above 0 [1]
};
#define weft_linear_lr_params(...) WEFT_PARAMS(weft_linear_lr_params, __VA_ARGS__)
WEFT_API weft_schedule *weft_linear_lr_create(weft_optim *o, const struct weft_linear_lr_params *p,
                                              struct weft_error *err);

// One cycle (Smith and Topin, 2018; OneCycleLR): from max_lr / div_factor up to max_lr, and down to
// max_lr / div_factor / final_div_factor at t = steps - 1, where it stays. Meanwhile the momentum,
// or Adam's beta1, of an optimizer that has one goes from max_momentum down to base_momentum and up
// again.
struct weft_one_cycle_lr_params {
    size_t size;
    int64_t steps;           // of all, at least 2; required
    double max_lr;           // above 0; required
    double pct_start;        // part of the steps that rises, below 1 [0.3]
    double div_factor;       // above 0 [25]
    double final_div_factor; // above 0 [1e4]
    bool linear;             // straight lines instead of half cosines [no]
    bool three_phase;        // down to where it began, as fast as up, before the rest [no]
    bool keep_momentum;      // leave the momentum alone [no]
    double base_momentum, max_momentum; // below 1 [0.85, 0.95]
};
#define weft_one_cycle_lr_params(...) WEFT_PARAMS(weft_one_cycle_lr_params, __VA_ARGS__)
WEFT_API weft_schedule *weft_one_cycle_lr_create(weft_optim *o,
                                                 const struct weft_one_cycle_lr_params *p,
                                                 struct weft_error *err);

// Multiplies the step size by `factor` once the metric was no better than the best so far for more
// than `patience` steps (ReduceLROnPlateau). Better is below best * (1 - threshold), with
// `maximize` above best * (1 + threshold); with `absolute`, below best - threshold, or above best +
// threshold.
struct weft_plateau_lr_params {
    size_t size;
    bool maximize;    // the metric is a score, not a loss [no]
    double factor;    // below 1 [0.1]
    int64_t patience; // negative: 0 [10]
    double threshold; // negative: 0 [1e-4]
    bool absolute;    // [no]
    int64_t cooldown; // steps after a change that do not count [0]
    double min_lr;    // [0]
    double eps;       // a change by no more than this is not made [1e-8]
};
#define weft_plateau_lr_params(...) WEFT_PARAMS(weft_plateau_lr_params, __VA_ARGS__)
WEFT_API weft_schedule *weft_plateau_lr_create(weft_optim *o,
                                               const struct weft_plateau_lr_params *p,
                                               struct weft_error *err);

// `first` for `steps` steps and then `second`, which counts from 0 (SequentialLR): such as a
// warm-up and a cosine. Takes both, which must be of the same optimizer and no plateau. If one is
// NULL the result is, so that creators can be written inside.
WEFT_API weft_schedule *weft_sequential_lr_create(weft_schedule *first, int64_t steps,
                                                  weft_schedule *second, struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
