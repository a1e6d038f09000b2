// How the parameters are updated: the optimizer, its step size over time, clipping.
#ifndef RECIPE_H
#define RECIPE_H
#include <weft/weft.h>

enum optimizer { SGD, ADAGRAD, ADADELTA, RMSPROP, ADAM, ADAMW };
enum schedule { CONSTANT, STEP, COSINE, ONE_CYCLE, PLATEAU };
#define OPTIMIZERS "sgd|adagrad|adadelta|rmsprop|adam|adamw"
#define SCHEDULES  "constant|step|cosine|one-cycle|plateau"

struct recipe {
    int optimizer, schedule; // places in their choices
    double lr;               // 0: the optimizer's default
    double momentum;
    double weight_decay; // below 0: the optimizer's default
    double clip_norm;    // 0: none
    bool nesterov;
    double decay;        // what step and plateau multiply by; 0: 0.1
    int every;           // epochs, of step; 0: 1
    int patience;        // epochs, of plateau; 0: 10
    int64_t warm_up;     // steps
    int64_t total_steps; // of cosine and one-cycle; 0: all of this training
};

struct training;
// Makes the optimizer, and the schedule if there is one.
bool recipe_make(struct training *t);
// Records what follows the gradients of a step: clipping, and the update; then the schedule's next
// step size.
bool recipe_step(struct training *t);
// For a plateau: the loss of the epoch.
bool recipe_end_epoch(struct training *t, double loss);

#endif
