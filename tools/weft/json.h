// Writes JSON to stdout as it goes, indented or on one line.
#ifndef JSON_H
#define JSON_H
#include <stdbool.h>
#include <stdint.h>

struct json {
    int depth;
    bool more; // something stands before at this depth
    bool line; // no line breaks but one at the end
};

// `key` is NULL for an element of an array and for the outermost value.
void json_begin(struct json *j, const char *key, char bracket); // '{' or '['
void json_end(struct json *j, char bracket);                    // '}' or ']'
// Bytes that are no UTF-8 become U+FFFD. NULL is null.
void json_text(struct json *j, const char *key, const char *text);
void json_count(struct json *j, const char *key, uint64_t v);
// With six digits; what is not finite is null.
void json_number(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);

// The length of the UTF-8 sequence at `c`; 0 if it is none.
int utf8_sequence(const unsigned char *c);
// Could it stand in a JSON file as it is?
bool json_is_utf8(const char *text);

#endif
