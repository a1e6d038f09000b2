// A line of samples.txt (dump.py), its arrays, and how results are compared with PyTorch's.
#ifndef PEER_SAMPLE_H
#define PEER_SAMPLE_H
#include "npy.h"

enum { PEER_TENSORS = 16, PEER_TEXT = 400 };

struct sample {
    char op[48], kind[16];
    int number;          // of the sample; of a line "skip" how many there are
    const char *options; // "axis=1 keep=0", or the reason. Borrowed
    struct npy in[PEER_TENSORS], out[PEER_TENSORS], up[PEER_TENSORS], grad[PEER_TENSORS];
    int nin, nout;
};

bool sample_parse(struct sample *m, const char *line);
// Reads the arrays of the sample in `folder`. An array that is not there has no data.
bool sample_load(struct sample *m, const char *folder);
void sample_free(struct sample *m);

// The value of an option, up to the next blank; NULL if it is not given. Borrowed.
const char *option(const struct sample *m, const char *key);
bool option_is(const struct sample *m, const char *key, const char *value);
double option_number(const struct sample *m, const char *key, double without);
static inline bool option_flag(const struct sample *m, const char *key)
{
    return option_number(m, key, 0) != 0;
}
// The numbers of a list; returns how many, 0 if it is not given.
int option_list(const struct sample *m, const char *key, int64_t v[PEER_TENSORS]);
// A dtype by its name, as "F32".
enum weft_dtype option_dtype(const struct sample *m, const char *key);

// Whether `got`, of this dtype and shape, is close to `want`: floats as torch.testing.assert_close
// does for float32, |got - want| <= 1e-5 + 1.3e-6 |want|, with NaN equal to NaN; anything else
// exactly. If not, `text` names the first element that differs.
bool close_to(const struct npy *want, const struct npy *got, const char *what,
              char text[PEER_TEXT]);

#endif
