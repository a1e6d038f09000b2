// Labels: texts to numbers, in a hash table; sorted when all are known. Labels that are all numbers
// are sorted as such, and equal numbers ("1", "1.0") are one label.
#define HASH_NONFATAL_OOM 1
#include "base/number.h"
#include "base/text.h"
#include "data/csv.h"
#include <stdlib.h>
#include <uthash.h>

struct wf_label {
    UT_hash_handle hh;
    int64_t number;
    double value; // where all are numbers
    char text[];
};

bool wf_labels_add(struct wf_labels *l, const char *text, size_t n, int64_t *number)
{
    struct wf_label *found;
    HASH_FIND(hh, l->by_text, text, n, found);
    if (found) {
        *number = found->number;
        return true;
    }
    struct wf_label *label = malloc(sizeof *label + n + 1);
    if (!label)
        return false;
    label->number = *number = l->count;
    memcpy(label->text, text, n);
    label->text[n] = 0;
    HASH_ADD_KEYPTR(hh, l->by_text, label->text, n, label);
    if (HASH_COUNT(l->by_text) == (unsigned)l->count) { // out of memory
        free(label);
        return false;
    }
    l->count++;
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct wf_label *const *x = a, *const *y = b;
    if ((*x)->value != (*y)->value)
        return (*x)->value < (*y)->value ? -1 : 1;
    return (*x)->number < (*y)->number ? -1 : 1; // the first text of equal numbers names them
}

static int compare_texts(const void *a, const void *b)
{
    const struct wf_label *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

static bool are_numbers(struct wf_labels *l)
{
    for (struct wf_label *i = l->by_text; i; i = i->hh.next) {
        if (!wf_parse_number(i->text, strlen(i->text), &i->value))
            return false;
    }
    return true;
}

bool wf_labels_sort(struct wf_labels *l, int64_t **order, char ***names, int *count)
{
    size_t room = (size_t)l->count + 1, n = 0;
    struct wf_label **sorted = malloc(room * sizeof *sorted);
    *order = malloc(room * sizeof **order);
    *names = calloc(room, sizeof **names);
    *count = 0;
    bool ok = sorted && *order && *names, numbers = ok && are_numbers(l);
    for (struct wf_label *i = l->by_text; ok && i; i = i->hh.next)
        sorted[n++] = i;
    if (n)
        qsort(sorted, n, sizeof *sorted, numbers ? compare_numbers : compare_texts);
    for (size_t i = 0; ok && i < n; i++) {
        if (!i || !numbers || sorted[i]->value != sorted[i - 1]->value)
            ok = ((*names)[(*count)++] = wf_strdup(sorted[i]->text)) != NULL;
        (*order)[sorted[i]->number] = *count - 1;
    }
    free(sorted);
    return ok;
}

void wf_labels_finish(struct wf_labels *l)
{
    struct wf_label *i, *next;
    HASH_ITER(hh, l->by_text, i, next) {
        HASH_DELETE(hh, l->by_text, i);
        free(i);
    }
}
