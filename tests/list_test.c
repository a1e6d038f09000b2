// Devices of this machine: what the loader and its driver files bring, or why there is nothing. A
// loader looks at its environment once in a process, so these tests run this program again.
#include "dev/find.h"
#include "dev/missing.h"
#include "run.h"
#include "tempdir.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self; // this program

// The list of this program, run again with one variable set: see print_list().
static char listed[8192];

static void print_list(void)
{
    struct weft_error err = {0};
    weft_device_list *l = weft_device_list_create(NULL, &err);
    if (!l)
        return;
    printf("count %d\nchosen %d\nwhy %s\n", l->count, l->chosen, l->why);
    for (int i = 0; i < l->count; i++)
        printf("device %s on %s\n", l->device[i].name, l->device[i].platform);
    for (int i = 0; i < l->skip_count; i++)
        printf("skip %s: %s\n", l->skip[i].platform, l->skip[i].reason);
    weft_device_list_destroy(&l);
    printf("end %d\n", l == NULL);
}

static void list_with(const char *name, const char *value)
{
    int out[2];
    ck_assert(!pipe(out));
    pid_t child = fork();
    if (!child) {
        dup2(out[1], 1);
        setenv(name, value, 1);
        execl(self, self, "list", (char *)NULL);
        _exit(1);
    }
    close(out[1]);
    size_t at = 0;
    for (ssize_t n; at < sizeof listed - 1; at += (size_t)n) {
        if ((n = read(out[0], listed + at, sizeof listed - 1 - at)) <= 0)
            break;
    }
    listed[at] = 0;
    close(out[0]);
    waitpid(child, NULL, 0);
    ck_assert_msg(strstr(listed, "end 1\n"), "%s", listed);
}

static void write_file(const char *name, const char *text)
{
    put_file(in_tempdir(name), text, strlen(text));
}

#define HAS(text)     ck_assert_msg(strstr(listed, (text)), "%s", listed)
#define HAS_NOT(text) ck_assert_msg(!strstr(listed, (text)), "%s", listed)

// By its platform's name, which for PoCL has a short form.
START_TEST(an_installed_driver_is_found)
{
    char platform[128], text[256];
    list_with("WEFT_PROFILE", "0");
    const char *on = strstr(listed, " on ");
    ck_assert_msg(on && sscanf(on, " on %127[^\n]", platform) == 1, "%s", listed);
    const char *name = !strcmp(platform, "Portable Computing Language") ? "pocl" : platform;
    list_with("WEFT_DEVICE", name);
    snprintf(text, sizeof text, "why match \"%s\"", name);
    HAS(text);
    snprintf(text, sizeof text, " on %s\n", platform);
    HAS(text);
    snprintf(text, sizeof text, "skip %s", platform);
    HAS_NOT(text);
    snprintf(text, sizeof text, "%s.icd: ", name);
    HAS_NOT(text);
    HAS_NOT("chosen -1");
}
END_TEST

START_TEST(unknown_name_says_what_there_is)
{
    list_with("WEFT_DEVICE", "no such thing");
    HAS("chosen -1\nwhy no device matches \"no such thing\": there ");
    HAS(" (0)");
}
END_TEST

START_TEST(no_driver_installed)
{
    char text[200];
    list_with("OCL_ICD_VENDORS", tempdir);
    HAS("count 0\nchosen -1\n");
    snprintf(text, sizeof text, "why no OpenCL driver is installed: no .icd file in %s", tempdir);
    HAS(text);
    HAS("pocl-opencl-icd");
    snprintf(text, sizeof text, "skip %s", tempdir);
    HAS_NOT(text);
}
END_TEST

START_TEST(broken_driver_files_are_named)
{
    write_file("broken.icd", "libno-such-driver.so.9\n");
    write_file("empty.icd", "\n");
    write_file("note.txt", "libalso-none.so\n");
    list_with("OCL_ICD_VENDORS", tempdir);
    char text[200];
    snprintf(text, sizeof text, "why no OpenCL device works: %s/", tempdir);
    HAS(text);
    HAS("/broken.icd: libno-such-driver.so.9: cannot open shared object file");
    HAS("/empty.icd: its first line names no library");
    HAS_NOT("also-none");
}
END_TEST

START_TEST(vendors_may_be_one_file_or_a_library)
{
    write_file("broken.icd", "libno-such-driver.so.9");
    list_with("OCL_ICD_VENDORS", in_tempdir("broken.icd"));
    HAS("count 0\n");
    HAS("/broken.icd: libno-such-driver.so.9: cannot open");
    list_with("OCL_ICD_VENDORS", "libno-such-driver.so.8");
    HAS("skip libno-such-driver.so.8: libno-such-driver.so.8: cannot open");
}
END_TEST

// The loader of Debian does not read this variable, so the other drivers stay.
START_TEST(broken_driver_beside_a_working_one)
{
    list_with("OCL_ICD_FILENAMES", "libno-such-a.so::libno-such-b.so");
    HAS("skip libno-such-a.so: ");
    HAS("skip libno-such-b.so: ");
    HAS_NOT("count 0\n");
    HAS_NOT("chosen -1\n");
}
END_TEST

START_TEST(loader_that_does_not_open)
{
    write_file("libOpenCL.so.1", "");
    write_file("libOpenCL.so", "");
    list_with("LD_LIBRARY_PATH", tempdir);
    HAS("count 0\nchosen -1\nwhy OpenCL: no loader is installed, on Debian apt-get install "
        "ocl-icd-libopencl1");
}
END_TEST

// The path of a library that this program has loaded.
static const char *path_of(const char *library)
{
    static char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (path && strstr(path, library)) {
            path[strcspn(path, "\n")] = 0;
            fclose(maps);
            return path;
        }
    }
    ck_abort_msg("%s is not loaded", library);
}

START_TEST(loader_that_lacks_a_function)
{
    ck_assert(!symlink(path_of("/libc.so"), in_tempdir("libOpenCL.so.1")));
    list_with("LD_LIBRARY_PATH", tempdir);
    HAS("why OpenCL: libOpenCL.so.1 has no clGetPlatformIDs, a loader of OpenCL 1.2");
}
END_TEST

// Root may open everything, so a child becomes nobody first.
START_TEST(closed_device_node_is_told_from_a_missing_one)
{
    write_file("node", "");
    ck_assert(!wf_missing_permission(in_tempdir("node")));
    ck_assert(!wf_missing_permission("/no/such/node"));
    ck_assert(!chmod(tempdir, 0755) && !chmod(in_tempdir("node"), 0444));
    pid_t child = fork();
    if (!child)
        _exit(getuid() == 0 && setuid(65534) ? 2 : wf_missing_permission(in_tempdir("node")));
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

START_TEST(permission_is_said_before_other_reasons)
{
    struct wf_skips s = {0};
    const struct wf_drivers drivers = {.named = 1};
    char why[240];
    wf_skip(&s, WEFT_LOG_WARN, "x", "broken");
    wf_skip(&s, WEFT_LOG_WARN, "/dev/kfd",
            "no permission on /dev/kfd: add the user to group render");
    wf_missing_why(&s, &drivers, 1, why);
    ck_assert_str_eq(why, "no permission on /dev/kfd: add the user to group render");
    wf_missing_why(&s, &drivers, 0, why);
    ck_assert_str_eq(why, "no OpenCL device works: x: broken");
    free(s.data);
}
END_TEST

static TCase *on_this_machine(void)
{
    TCase *t = tcase_create("on_this_machine");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, tempdir_make, tempdir_remove);
    tcase_add_test(t, an_installed_driver_is_found);
    tcase_add_test(t, unknown_name_says_what_there_is);
    tcase_add_test(t, no_driver_installed);
    tcase_add_test(t, broken_driver_files_are_named);
    tcase_add_test(t, vendors_may_be_one_file_or_a_library);
    tcase_add_test(t, broken_driver_beside_a_working_one);
    tcase_add_test(t, loader_that_does_not_open);
    tcase_add_test(t, loader_that_lacks_a_function);
    tcase_add_test(t, closed_device_node_is_told_from_a_missing_one);
    tcase_add_test(t, permission_is_said_before_other_reasons);
    return t;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        print_list();
        return 0;
    }
    Suite *suite = suite_create("list");
    suite_add_tcase(suite, on_this_machine());
    return run_suite(suite);
}
