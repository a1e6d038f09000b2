// The models that the command knows: what they are, and the calls that they make.
#ifndef MODEL_H
#define MODEL_H
#include "options.h"
#include <weft/weft.h>

enum model_task { CLASSIFY, REGRESS };          // as in TASKS
enum normalize { STANDARDIZE, NORMALIZE_NONE }; // as in NORMALIZES
#define MODELS     "mlp"
#define TASKS      "classify|regress"
#define NORMALIZES "standard|none"

// A multilayer perceptron: linear, relu and dropout for each hidden layer, then linear to the
// classes, or to the values of a regression.
struct model {
    int kind, task, normalize; // places in their choices
    bool allow_missing;        // NaN in the input becomes 0, the mean, once it is standardized
    struct option_list hidden;
    int classes; // or values
    double dropout;
    int ndim; // of an input row
    int64_t shape[WEFT_MAX_DIMS - 1];
};

// x [batch, ...] -> [batch, class or value], values in the model's units.
weft_tensor *model_forward(weft_scope *s, weft_params *net, const struct model *m,
                           const weft_tensor *x);
// Likewise, values in those of the data.
weft_tensor *model_apply(weft_scope *s, weft_params *net, const struct model *m,
                         const weft_tensor *x);
// The mean loss of what model_forward() gave: cross entropy, or the squared error of standardized
// values.
weft_tensor *model_loss(weft_scope *s, weft_params *net, const struct model *m,
                        const weft_tensor *out, const weft_tensor *y);

// Makes the parameters for rows of the model's shape, without running anything.
bool model_make(weft_scope *s, weft_params *net, const struct model *m);
// Do rows and targets of the data fit? If not, `what` names the data in the error.
bool model_takes(const struct model *m, const weft_data *data, bool with_target, const char *what,
                 struct weft_error *err);
// "classification, 10 classes"; into buffer, which is returned.
const char *task_text(const struct model *m, char buffer[64]);
// "1,28,28"; into buffer, which is returned.
const char *shape_text(int ndim, const int64_t *shape, char buffer[160]);

#endif
