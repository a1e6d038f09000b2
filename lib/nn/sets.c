// Launches over many tensors at once.
#include "nn/sets.h"

int wf_sets_of(const weft_device *dev)
{
    return dev->argument_bytes >= 1024 ? WF_MAX_SETS : 4;
}

bool wf_sets_wide(const weft_device *dev, int n, const int64_t *count)
{
    int64_t most = 0;
    for (int i = 0; i < n; i++)
        most = count[i] > most ? count[i] : most;
    return wf_wide(dev, 4 * most);
}

void wf_sets_make(struct wf_sets *s, struct wf_launch *l, int sets, int n, const int64_t *count)
{
    s->sets = sets;
    for (int i = 0; i < 2 * sets + 1; i++) {
        int64_t v = i < sets ? (i < n ? count[i] : 0) : l->tasks;
        if (i >= sets && i - sets < n)
            l->tasks += (count[i - sets] + WF_SET_CHUNK - 1) / WF_SET_CHUNK;
        if (l->wide)
            s->u.wide[i] = v;
        else
            s->u.narrow[i] = (int32_t)v;
    }
}

void wf_sets_argument(struct wf_sets *s, struct wf_launch *l)
{
    wf_launch_value(l, (size_t)(2 * s->sets + 1) * (l->wide ? 8 : 4), &s->u);
}
