// The labels that classes have in the data.
#ifndef CLASS_NAMES_H
#define CLASS_NAMES_H
#include <weft/weft.h>

struct class_names {
    int count; // 0: the labels are numbers
    char **name;
};

bool class_names_add(struct class_names *names, const char *name, struct weft_error *err);
// Adds those of the data, if there are any.
bool class_names_copy(struct class_names *names, const weft_data *data, struct weft_error *err);
void class_names_free(struct class_names *names);
// The name of a class, or its number, in `number`.
const char *class_name(const struct class_names *names, int class, char number[16]);
// Takes data. Its labels become the places of their names among `names`; data without names of
// labels stay as they are. `path` is borrowed as long as the data are used.
weft_data *class_names_map(const struct class_names *names, weft_data *data, const char *path,
                           struct weft_error *err);

#endif
