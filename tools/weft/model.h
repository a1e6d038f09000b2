// The models that `weft train` knows, and measuring them.
#ifndef MODEL_H
#define MODEL_H
#include "options.h"
#include <signal.h>
#include <weft/weft.h>

// A multilayer perceptron: linear and relu for each hidden layer, then linear to the classes.
struct mlp {
    struct option_list hidden;
    int classes;
};

// x [batch, ...] -> [batch, class]
weft_tensor *mlp_forward(weft_scope *s, weft_params *net, const struct mlp *m,
                         const weft_tensor *x);

// Makes the parameters for the rows of `data`, without running anything.
bool mlp_make(weft_scope *s, weft_params *net, const struct mlp *m, const weft_data *data);

// How many rows of one epoch of `data` the model gets right, -1 on error (in the scope) or when
// *stop became nonzero.
double mlp_correct(weft_scope *s, weft_params *net, const struct mlp *m, weft_loader *data,
                   const volatile sig_atomic_t *stop);

#endif
