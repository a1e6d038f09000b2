// Writing to the terminal or to what stands in for it. The line drawn over is erased with blanks
// and a carriage return only, which every terminal knows.
#include "console.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char exit_codes[] = "exit codes: 0 done; 1 it failed: a device, a file, the data; 2 wrong "
                          "usage; 130 stopped by Ctrl-C\n";

static int drawn; // columns of the line that is drawn now

static void say(const char *prefix, const char *fmt, va_list ap)
{
    console_erase();
    fputs(prefix, stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int console_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("weft: ", fmt, ap);
    va_end(ap);
    return EXIT_FAILED;
}

int console_misuse(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("weft: ", fmt, ap);
    va_end(ap);
    return EXIT_MISUSE;
}

void console_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
}

bool console_is_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

int console_columns(void)
{
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
        return 80;
    return size.ws_col;
}

// One column stays free: some terminals go to the next line after the last.
void console_draw(const char *line)
{
    int room = console_columns() - 1, length = (int)strlen(line);
    int shown = length < room ? length : room;
    int over = drawn < room ? drawn : room;
    fprintf(stderr, "\r%.*s%*s", shown, line, over > shown ? over - shown : 0, "");
    fflush(stderr);
    drawn = shown;
}

void console_erase(void)
{
    if (!drawn)
        return;
    console_draw("");
    fputc('\r', stderr);
}

// A compiler's log, of several lines, may end in newlines.
void console_log(void *priv, enum weft_log_level level, const char *line)
{
    int n = (int)strlen(line);
    while (n && line[n - 1] == '\n')
        n--;
    if (level <= WEFT_LOG_WARN)
        console_fail("%.*s", n, line);
    else if (priv)
        console_note("%.*s", n, line);
}

void console_init(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd ? O_RDONLY : O_WRONLY); // so that using it is still an error
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a file beyond its limit likewise
}

// A reader that has gone has seen enough and is told nothing.
bool console_flush(void)
{
    static bool failed;
    if (failed)
        return false;
    errno = 0;
    failed = fflush(stdout) || ferror(stdout);
    if (failed && errno != EPIPE)
        console_fail("standard output: %s", errno ? strerror(errno) : "could not be written");
    return !failed;
}

const char *human_bytes(uint64_t bytes, char buffer[32])
{
    static const char *units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)bytes;
    int unit = -1;
    for (; size >= 1024 && unit < 4; unit++)
        size /= 1024;
    if (unit < 0)
        snprintf(buffer, 32, "%" PRIu64 " bytes", bytes);
    else
        snprintf(buffer, 32, size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return buffer;
}

void print_safe(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}
