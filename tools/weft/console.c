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

// The bytes at `text` that a terminal acts on: C0, DEL, and C1 as UTF-8 has it.
static int control(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    return *c < 0x20 || *c == 0x7f ? 1 : *c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
}

VPRINTF
static void say(const char *prefix, const char *fmt, va_list ap)
{
    char text[4096];
    vsnprintf(text, sizeof text, fmt, ap);
    for (char *c = text; *c; c++)
        memset(c, '?', (size_t)control(c));
    console_erase();
    fprintf(stderr, "%s%s\n", prefix, text);
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

// A compiler's log has several lines.
void console_log(void *priv, enum weft_log_level level, const char *line)
{
    for (; *line; line += strspn(line, "\n")) {
        int n = (int)strcspn(line, "\n");
        if (level <= WEFT_LOG_WARN)
            console_fail("%.*s", n, line);
        else if (priv)
            console_note("%.*s", n, line);
        line += n;
    }
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
    for (int n; *text; text += n ? n : 1) {
        n = control(text);
        fwrite(n ? "??" : text, 1, n ? (size_t)n : 1, stdout);
    }
}

void print_column(const char *text, int width)
{
    int n = (int)strlen(text);
    print_safe(text);
    printf("%*s", n < width ? width - n : 0, "");
}

const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}
