// Kernels over many tensors at once: up to SETS of them in one launch. The tensors follow each
// other in chunks; a task is one chunk of one of them.
//
//   SETS  tensors of a launch: 16 or 4 [16]
//
// Kernels of this kind define SET_ARGS(i) and SET_PICK(i), the arguments of set i and what takes
// them where it is the task's: one body, whatever the set, for the compiler would repeat it.
#ifndef WF_SETS_H
#define WF_SETS_H

#ifndef SETS
#define SETS 16
#endif

#if SETS == 4
#define EACH_SET(X) X(0) X(1) X(2) X(3)
#else
#define EACH_SET(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#endif

struct sets {
    INDEX count[SETS];     // elements
    INDEX first[SETS + 1]; // task that each begins with
};

// The set of task t: `set`.
#define FIND_SET(set, t, s)                           \
    int set = 0;                                      \
    while (set + 1 < SETS && t >= (s).first[set + 1]) \
        set++;
#endif
