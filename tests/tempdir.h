// A folder for the files of one test: a checked fixture makes and removes it.
#ifndef TESTS_TEMPDIR_H
#define TESTS_TEMPDIR_H
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char tempdir[64];

static inline void tempdir_make(void)
{
    strcpy(tempdir, "/tmp/weft-test-XXXXXX");
    ck_assert(mkdtemp(tempdir));
}

static inline void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        char below[1024];
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
            continue;
        int n = snprintf(below, sizeof below, "%s/%s", path, d->d_name);
        if (n < (int)sizeof below && unlink(below))
            remove_tree(below);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static inline void tempdir_remove(void)
{
    remove_tree(tempdir);
}

// The path of a name in the folder. Good for four calls.
static inline const char *in_tempdir(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof *path, "%s/%s", tempdir, name);
    return path[turn];
}

static inline void put_file(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f, "%s", path);
    ck_assert_uint_eq(fwrite(data, 1, bytes, f), bytes);
    ck_assert(!fclose(f));
}

// The file's bytes in `data`; how many there are, at most `room`.
static inline size_t get_file(const char *path, void *data, size_t room)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f, "%s", path);
    size_t bytes = fread(data, 1, room, f);
    ck_assert(feof(f) || bytes == room);
    fclose(f);
    return bytes;
}

// Entries of a folder, "." and ".." not counted; 0 for a missing one.
static inline int count_files(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;
    for (struct dirent *d; dir && (d = readdir(dir));)
        n += strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
    if (dir)
        closedir(dir);
    return n;
}

// Sets a file's time to so many seconds ago.
static inline void set_age(const char *path, int seconds)
{
    struct timespec now, times[2];
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    times[0] = times[1] = now;
    ck_assert(!utimensat(AT_FDCWD, path, times, 0));
}

// Its permission bits.
static inline int mode_of(const char *path)
{
    struct stat st;
    ck_assert(!stat(path, &st));
    return (int)(st.st_mode & 0777);
}

#endif
