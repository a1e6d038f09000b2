// The verbs of the command. Each takes its own name as argv[0] and returns the exit code.
#ifndef VERBS_H
#define VERBS_H

#define VERB_MAP(X)                                                                         \
    X(devices, "lists the OpenCL devices, and says which one would be taken and why")       \
    X(train, "trains a model on images or tables; saves it, and goes on where it stopped")  \
    X(eval, "says how good a trained model is on data")                                     \
    X(predict, "applies a trained model to each row of data")                               \
    X(info, "says what is in a file: tensors, a trained model, data")                       \
    X(check, "runs the operations on a device and compares them with references in double") \
    X(bench, "times operations, models and what a call costs")                              \
    X(tune, "finds the fastest way to run products on a device, and keeps it")              \
    X(cache, "says where the compiled kernels are kept and how big they are, or removes them")

#define X(name, about) int verb_##name(int argc, char **argv);
VERB_MAP(X)
#undef X

#endif
