// Options of a verb: one table of rows gives the parsing and the help text.
#ifndef OPTIONS_H
#define OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_LIST = 32 };

struct option_list {
    int count;
    int value[MAX_LIST];
};

// What an option takes, and the type of the field that it sets.
enum option_kind {
    OPTION_FLAG,     // nothing; bool
    OPTION_TEXT,     // any text but the empty one; const char *
    OPTION_CHOICE,   // one of the words in row.value, "sgd|adam"; int, its place
    OPTION_COUNT,    // 1 .. 2^31-1; int
    OPTION_STEPS,    // 1 .. 2^63-1; int64_t
    OPTION_SEED,     // 0 .. 2^64-1; uint64_t
    OPTION_POSITIVE, // a number above 0; double
    OPTION_NUMBER,   // a number from 0; double
    OPTION_FRACTION, // a number in [0, 1); double
    OPTION_LIST,     // counts, comma-separated; struct option_list
};

struct option_row {
    const char *name;
    const char *value; // as the help shows it; NULL for a flag
    const char *help;  // with the default in [ ]
    enum option_kind kind;
    size_t offset; // of the field in the verb's struct of arguments
    enum {
        NOT_KEPT,
        KEPT,         // saved with the model, and the same when training goes on
        KEPT_DEFAULT, // saved with the model, and may be another then
    } kept;
};

struct usage {
    const char *verb;
    const char *operands; // a choice of words, "info|clear", of which one may be given; or NULL
    bool any_operand;     // `operands` only names what may be given, any text: "OP"
    bool need_operand;    // one must be given
    const char *about;
    const struct option_row *rows;
    int count;
};

enum { GO_ON = -1 };

// What was found beside the fields.
struct parsed {
    int operand;    // its place in the choice, or with any_operand its place in argv; 0 for none
    uint64_t given; // bit i: an option of row i
};

// Sets the fields of `args` for the options in argv; where one is repeated, the last counts.
// `parsed` may be NULL without operands. Returns GO_ON, or the exit code: the help was printed, or
// what is wrong.
int options_parse(const struct usage *u, int argc, char **argv, void *args, struct parsed *parsed);

// As options_parse() for verbs that need their operand: the word given, or NULL with *code set.
const char *options_parse_file(const struct usage *u, int argc, char **argv, void *args, int *code);

// The value of a row's field as option_read() takes it back; "" for one that is not set. A copy to
// be freed, NULL if memory ran out.
char *option_write(const struct option_row *row, const void *args);
// "" makes it what is not set: zero. False for what the command line would not take either.
bool option_read(const struct option_row *row, const char *text, void *args);

// The place of `word` in "one|two|three", -1 if it is not there.
int choice_find(const char *choices, const char *word);

#endif
