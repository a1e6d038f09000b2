// What the command says: results to stdout, messages and progress to stderr.
#ifndef CONSOLE_H
#define CONSOLE_H
#include <stdbool.h>
#include <stdint.h>
#include <weft/weft.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSE = 2, EXIT_INTERRUPTED = 130 };
extern const char exit_codes[]; // the part of every help text that says so

#if defined __GNUC__
#define PRINTF  __attribute__((format(printf, 1, 2)))
#define VPRINTF __attribute__((format(printf, 2, 0)))
#else
#define PRINTF
#define VPRINTF
#endif

// One line on stderr, with "?" for what a terminal would act on: texts of files are in them. The
// first two put "weft: " before it and return the exit code that fits.
int console_fail(const char *fmt, ...) PRINTF;
int console_misuse(const char *fmt, ...) PRINTF;
void console_note(const char *fmt, ...) PRINTF;

// A line at the bottom of the terminal that is drawn over until the next message or result; only
// where stderr is a terminal (console_is_terminal). `columns` is what fits in it now.
bool console_is_terminal(void);
int console_columns(void);
void console_draw(const char *line);
void console_erase(void);

// For weft_device_params.log: warnings and errors to stderr, with log_priv non-NULL all of it.
void console_log(void *priv, enum weft_log_level level, const char *line);

// Makes sure that 0, 1 and 2 are open, so that no other file gets one of these numbers, and that a
// closed pipe is an error and not the end of the process.
void console_init(void);
// False if a result could not be written, and then the reason has been printed.
bool console_flush(void);

// To stdout, where "?" stands for what a terminal would act on, and for a line break; the second
// one with blanks up to a width.
void print_safe(const char *text);
void print_column(const char *text, int width);
// "s", but for 1 nothing.
const char *plural(uint64_t n);

// "1.5 GiB"; into buffer, which is returned.
const char *human_bytes(uint64_t bytes, char buffer[32]);

#endif
