// Lists of names: of classes, of the columns of a table.
#ifndef NAMES_H
#define NAMES_H
#include <weft/weft.h>

struct names {
    int count; // 0: numbers stand for names
    char **name;
};

bool names_add(struct names *names, const char *name, struct weft_error *err);
bool names_add_all(struct names *names, const char *const *name, int n, struct weft_error *err);
// Can they be saved? If not, `path` names the data in the error.
bool names_are_utf8(const char *const *name, int n, const char *path, struct weft_error *err);
void names_free(struct names *names);
// Is no name there twice?
bool names_differ(const char *const *name, int n);
// The name of a class, or its number, in `number`.
const char *class_name(const struct names *names, int class, char number[16]);
// Takes data. Its labels become the places of their names among `names`; data without names of
// labels stay as they are. `path` is borrowed as long as the data are used.
weft_data *class_names_map(const struct names *names, weft_data *data, const char *path,
                           struct weft_error *err);

#endif
