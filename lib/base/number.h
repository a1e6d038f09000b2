// Numbers in files, whose text does not depend on the locale.
#ifndef WF_BASE_NUMBER_H
#define WF_BASE_NUMBER_H
#include <stdbool.h>
#include <stddef.h>

// Reads n characters that are one decimal number ("-1.5e3", ".5", "inf"), rounded to the nearest
// double. False if they are none, or more than 500 characters.
bool wf_parse_number(const char *text, size_t n, double *value);

#endif
