// Parsing and help from the table of a verb. The program never calls setlocale(), so numbers are
// read with a decimal point everywhere.
#include "options.h"
#include "console.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 40, HELP = 1000, FIRST = 1001 }; // beyond any character

static bool parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return !errno && *out >= min && *out <= max;
}

static bool parse_real(const char *text, double *out)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789.eE+-")])
        return false;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

static bool set_text(const struct option_row *row, const char *text, void *to)
{
    (void)row;
    *(const char **)to = text;
    return *text;
}

static bool set_choice(const struct option_row *row, const char *text, void *to)
{
    int place = choice_find(row->value, text);
    *(int *)to = place;
    return place >= 0;
}

static bool set_count(const struct option_row *row, const char *text, void *to)
{
    uint64_t v = 0;
    (void)row;
    bool ok = parse_unsigned(text, 1, INT_MAX, &v);
    *(int *)to = (int)v;
    return ok;
}

static bool set_steps(const struct option_row *row, const char *text, void *to)
{
    uint64_t v = 0;
    (void)row;
    bool ok = parse_unsigned(text, 1, INT64_MAX, &v);
    *(int64_t *)to = (int64_t)v;
    return ok;
}

static bool set_seed(const struct option_row *row, const char *text, void *to)
{
    (void)row;
    return parse_unsigned(text, 0, UINT64_MAX, to);
}

static bool set_positive(const struct option_row *row, const char *text, void *to)
{
    (void)row;
    return parse_real(text, to) && *(double *)to > 0;
}

static bool set_number(const struct option_row *row, const char *text, void *to)
{
    (void)row;
    return parse_real(text, to) && *(double *)to >= 0;
}

static bool set_fraction(const struct option_row *row, const char *text, void *to)
{
    (void)row;
    return parse_real(text, to) && *(double *)to >= 0 && *(double *)to < 1;
}

static bool set_list(const struct option_row *row, const char *text, void *to)
{
    struct option_list *list = to;
    list->count = 0;
    for (;; text++) {
        char one[16];
        size_t n = strcspn(text, ",");
        if (n >= sizeof one || list->count == MAX_LIST)
            return false;
        snprintf(one, sizeof one, "%.*s", (int)n, text);
        if (!set_count(row, one, &list->value[list->count++]))
            return false;
        text += n;
        if (!*text)
            return true;
    }
}

static const struct {
    bool (*set)(const struct option_row *row, const char *text, void *to);
    const char *wanted;
} kinds[] = {
    [OPTION_TEXT] = {set_text, "a text that is not empty"},
    [OPTION_CHOICE] = {set_choice, NULL},
    [OPTION_COUNT] = {set_count, "a whole number from 1 to 2147483647"},
    [OPTION_STEPS] = {set_steps, "a whole number from 1 to 9223372036854775807"},
    [OPTION_SEED] = {set_seed, "a whole number from 0 to 18446744073709551615"},
    [OPTION_POSITIVE] = {set_positive, "a number above 0"},
    [OPTION_NUMBER] = {set_number, "a number from 0"},
    [OPTION_FRACTION] = {set_fraction, "a number from 0 to below 1"},
    [OPTION_LIST] = {set_list,
                     "1 to 32 whole numbers from 1 to 2147483647 with commas between them"},
};

int choice_find(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (int place = 0;; place++) {
        size_t n = strcspn(choices, "|");
        if (n == length && !memcmp(choices, word, n))
            return place;
        if (!choices[n])
            return -1;
        choices += n + 1;
    }
}

static int set(const struct usage *u, const struct option_row *row, void *args)
{
    void *to = (char *)args + row->offset;
    if (row->kind == OPTION_FLAG) {
        *(bool *)to = true;
        return GO_ON;
    }
    if (kinds[row->kind].set(row, optarg, to))
        return GO_ON;
    const char *wanted = kinds[row->kind].wanted;
    return console_misuse("%s: --%s: got \"%s\", wanted %s", u->verb, row->name, optarg,
                          wanted ? wanted : row->value);
}

static int print_help(const struct usage *u)
{
    const char *open = !u->operands ? "" : u->need_operand ? " " : " [";
    printf("usage: weft %s%s%s%s [OPTION...]\n\n%s\n\noptions:\n", u->verb, open,
           u->operands ? u->operands : "", *open && open[1] ? "]" : "", u->about);
    for (int i = 0; i < u->count; i++) {
        char head[64];
        const char *value = u->rows[i].value;
        snprintf(head, sizeof head, "--%s%s%s", u->rows[i].name, value ? " " : "",
                 value ? value : "");
        if (strlen(head) > 22)
            printf("  %s\n  %-22s %s\n", head, "", u->rows[i].help);
        else
            printf("  %-22s %s\n", head, u->rows[i].help);
    }
    printf("  %-22s %s\n\n%s", "--help", "this text", exit_codes);
    return EXIT_DONE;
}

static void fill_options(const struct usage *u, struct option *options)
{
    for (int i = 0; i < u->count; i++)
        options[i] = (struct option){u->rows[i].name, u->rows[i].value != NULL, NULL, FIRST + i};
    options[u->count] = (struct option){"help", no_argument, NULL, HELP};
}

// An option may be shortened as long as it is clear which one is meant.
static bool is_ambiguous(const struct usage *u, const char *given, size_t n)
{
    int meant = !strncmp("help", given, n);
    for (int i = 0; i < u->count; i++)
        meant += !strncmp(u->rows[i].name, given, n);
    return meant > 1;
}

static int complain(const struct usage *u, int code, char **argv)
{
    const char *given = argv[optind - 1];
    int n = (int)strcspn(given, "=");
    if (code == ':')
        return console_misuse("%s: %s: nothing given, wanted a value", u->verb, given);
    if (optopt >= HELP)
        return console_misuse("%s: %.*s takes no value, got \"%s\"", u->verb, n, given,
                              given + n + 1);
    if (optopt) // of several letters after one dash, getopt may not have gone on to the next word
        return console_misuse("%s: unknown option -%c; see weft %s --help", u->verb, optopt,
                              u->verb);
    return console_misuse("%s: %s option %.*s; see weft %s --help", u->verb,
                          is_ambiguous(u, given + 2, (size_t)n - 2) ? "ambiguous" : "unknown", n,
                          given, u->verb);
}

static int parse_operands(const struct usage *u, int argc, char **argv, struct parsed *parsed)
{
    if (optind == argc && u->need_operand)
        return console_misuse("%s: no %s given; see weft %s --help", u->verb, u->operands, u->verb);
    if (optind == argc)
        return GO_ON;
    if (!u->operands)
        return console_misuse("%s: got \"%s\", wanted only options; see weft %s --help", u->verb,
                              argv[optind], u->verb);
    if (argc - optind > 1)
        return console_misuse("%s: got \"%s\" too, wanted one%s%s", u->verb, argv[optind + 1],
                              u->any_operand ? " " : " of ", u->operands);
    parsed->operand = u->any_operand ? optind : choice_find(u->operands, argv[optind]);
    if (parsed->operand < 0)
        return console_misuse("%s: got \"%s\", wanted one of %s", u->verb, argv[optind],
                              u->operands);
    return GO_ON;
}

int options_parse(const struct usage *u, int argc, char **argv, void *args, struct parsed *parsed)
{
    struct option options[MAX_OPTIONS + 2] = {{0}};
    struct parsed unused;
    parsed = parsed ? parsed : &unused;
    *parsed = (struct parsed){0};
    fill_options(u, options);
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (code == HELP || code == 'h')
            return print_help(u);
        if (code == ':' || code == '?')
            return complain(u, code, argv);
        int status = set(u, &u->rows[code - FIRST], args);
        if (status != GO_ON)
            return status;
        parsed->given |= (uint64_t)1 << (code - FIRST);
    }
    return parse_operands(u, argc, argv, parsed);
}

const char *options_parse_file(const struct usage *u, int argc, char **argv, void *args, int *code)
{
    struct parsed parsed;
    *code = options_parse(u, argc, argv, args, &parsed);
    return *code == GO_ON ? argv[parsed.operand] : NULL;
}

static char *list_text(const struct option_list *list)
{
    char text[MAX_LIST * 12] = "";
    for (int i = 0, n = 0; i < list->count; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%d", i ? "," : "", list->value[i]);
    return strdup(text);
}

static char *choice_text(const char *choices, int place)
{
    for (; place > 0; place--)
        choices += strcspn(choices, "|") + 1;
    return strndup(choices, strcspn(choices, "|"));
}

char *option_write(const struct option_row *row, const void *args)
{
    const void *from = (const char *)args + row->offset;
    char text[32] = "";
    switch (row->kind) {
    case OPTION_FLAG:
        return strdup(*(const bool *)from ? "1" : "");
    case OPTION_TEXT:
        return strdup(*(const char *const *)from ? *(const char *const *)from : "");
    case OPTION_CHOICE:
        return choice_text(row->value, *(const int *)from);
    case OPTION_LIST:
        return list_text(from);
    case OPTION_COUNT:
        snprintf(text, sizeof text, "%d", *(const int *)from);
        break;
    case OPTION_STEPS:
        snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)from);
        break;
    case OPTION_SEED:
        snprintf(text, sizeof text, "%" PRIu64, *(const uint64_t *)from);
        break;
    case OPTION_POSITIVE:
    case OPTION_NUMBER:
    case OPTION_FRACTION:
        snprintf(text, sizeof text, "%.15g", *(const double *)from);
        if (strtod(text, NULL) < *(const double *)from ||
            strtod(text, NULL) > *(const double *)from)
            snprintf(text, sizeof text, "%.17g", *(const double *)from);
    }
    bool takes_zero =
        row->kind == OPTION_SEED || row->kind == OPTION_NUMBER || row->kind == OPTION_FRACTION;
    bool unset = !takes_zero && !strcmp(text, "0");
    return strdup(unset ? "" : text);
}

static void clear(const struct option_row *row, void *to)
{
    static const size_t sizes[] = {
        [OPTION_FLAG] = sizeof(bool),       [OPTION_TEXT] = sizeof(const char *),
        [OPTION_CHOICE] = sizeof(int),      [OPTION_COUNT] = sizeof(int),
        [OPTION_STEPS] = sizeof(int64_t),   [OPTION_SEED] = sizeof(uint64_t),
        [OPTION_POSITIVE] = sizeof(double), [OPTION_NUMBER] = sizeof(double),
        [OPTION_FRACTION] = sizeof(double), [OPTION_LIST] = sizeof(struct option_list),
    };
    memset(to, 0, sizes[row->kind]);
}

bool option_read(const struct option_row *row, const char *text, void *args)
{
    void *to = (char *)args + row->offset;
    clear(row, to);
    if (!*text)
        return true;
    if (row->kind != OPTION_FLAG)
        return kinds[row->kind].set(row, text, to);
    *(bool *)to = true;
    return !strcmp(text, "1");
}
