// Finding and choosing devices, on machines that fake_cl.h describes. list_test.c has those of this
// one.
#include "base/text.h"
#include "dev/find.h"
#include "dev/quirks.h"
#include "fake_cl.h"
#include "run.h"
#include <check.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define PLATFORM(text, devices)                                      \
    {                                                                \
        .name = (text), .device = (devices), .count = COUNT(devices) \
    }

static const unsigned char uuid_a[16] = {0xDE, 0xAD, 0xBE, 0xEF, 1, 2,  3,  4,
                                         5,    6,    7,    8,    9, 10, 11, 12};

static const struct fake_device
    gpus[] = {{.type = CL_DEVICE_TYPE_GPU, .name = "Small GPU", .units = 20, .clock = 1500},
              {.type = CL_DEVICE_TYPE_GPU,
               .name = "Big GPU",
               .vendor = "ACME",
               .units = 132,
               .clock = 1980,
               .extensions = "cl_khr_fp64 cl_khr_device_uuid",
               .uuid = uuid_a}},
    others[] = {
        {.name = " Fast CPU ", .units = 900, .clock = 5000},
        {.type = CL_DEVICE_TYPE_ACCELERATOR, .name = "Card", .units = 1, .clock = 100},
        {.type = CL_DEVICE_TYPE_GPU, .name = "APU", .units = 999, .clock = 9000, .unified = true}};
static const struct fake_platform machine[] = {PLATFORM("Portable Computing Language", others),
                                               PLATFORM("ACME OpenCL", gpus)};

static struct wf_found found;

static void find_in(const struct fake_platform *p, int n, const char *match)
{
    struct wf_cl cl;
    fake_cl_fill(&cl, p, n, CL_SUCCESS);
    ck_assert(wf_find(&cl, NULL, match, NULL, &found, NULL));
}

static const char *chosen_on(const struct fake_platform *p, int n, const char *match)
{
    wf_found_finish(&found);
    find_in(p, n, match);
    return found.chosen < 0 ? "none" : found.device[found.chosen].info.name;
}

static void forget(void)
{
    wf_found_finish(&found);
}

START_TEST(discrete_gpu_goes_before_all_else)
{
    ck_assert_str_eq(chosen_on(machine, 2, NULL), "Big GPU");
    ck_assert_str_eq(found.why, "fastest: GPU, 132 units x 1980 MHz");
    ck_assert_int_eq(found.count, 5);
    ck_assert_int_eq(found.skip_count, 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(found.device[i].info.index, i);
}
END_TEST

START_TEST(order_of_types)
{
    ck_assert_str_eq(chosen_on(machine, 1, NULL), "APU");
    ck_assert_int_eq(found.device[2].info.type, WEFT_DEVICE_INTEGRATED_GPU);
    ck_assert(found.device[2].info.shares_memory && found.device[2].info.display);
    const struct fake_platform no_gpu = {.device = others, .count = 2};
    ck_assert_str_eq(chosen_on(&no_gpu, 1, NULL), "Card");
    const struct fake_platform only_cpu = {.device = others, .count = 1};
    ck_assert_str_eq(chosen_on(&only_cpu, 1, NULL), "Fast CPU");
    ck_assert_str_eq(found.why, "the only device");
    ck_assert(!found.device[0].info.display);
}
END_TEST

static const struct {
    const char *match, *name, *why;
} matches[] = {
    {"0", "Fast CPU", "match \"0\""},
    {"4", "Big GPU", "match \"4\""},
    {"5", "none",
     "no device matches \"5\": there are \"Fast CPU\" (0), \"Card\" (1), \"APU\" (2), "
     "\"Small GPU\" (3), \"Big GPU\" (4)"},
    {"deadbeef-0102-0304-0506-0708090a0b0c", "Big GPU", NULL},
    {"DEADBEEF010203040506-0708090A0B0C", "Big GPU", NULL},
    {"deadbeef-0102-0304-0506-0708090a0b0d", "none", NULL},
    {"GPU", "Big GPU", "match \"GPU\", fastest: GPU, 132 units x 1980 MHz"},
    {"Cpu", "Fast CPU", "match \"Cpu\""},
    {"accelerator", "Card", NULL},
    {"small", "Small GPU", "match \"small\""},
    {"acme", "Big GPU", NULL},
    {"acme open", "Big GPU", NULL},
    {"PoCL", "APU", "match \"PoCL\", fastest: integrated GPU, 999 units x 9000 MHz"},
    {"", "Big GPU", "fastest: GPU, 132 units x 1980 MHz"},
};

START_TEST(match_names_a_device)
{
    ck_assert_str_eq(chosen_on(machine, 2, matches[_i].match), matches[_i].name);
    if (matches[_i].why)
        ck_assert_str_eq(found.why, matches[_i].why);
}
END_TEST

START_TEST(digits_past_the_list_are_a_part_of_a_name)
{
    const struct fake_device cards[] = {{.name = "RX 6600"}, {.name = "RX 7900"}};
    const struct fake_platform p = PLATFORM("p", cards);
    ck_assert_str_eq(chosen_on(&p, 1, "7900"), "RX 7900");
    ck_assert_str_eq(chosen_on(&p, 1, "0"), "RX 6600");
    ck_assert_str_eq(chosen_on(&p, 1, "99999999999999999999"), "none");
}
END_TEST

START_TEST(long_lists_are_cut_with_a_count)
{
    struct fake_device many[40] = {{.name = NULL}};
    for (int i = 0; i < 40; i++)
        many[i].name = "a device whose name is rather longer than it needs to be";
    const struct fake_platform p = PLATFORM("p", many);
    ck_assert_str_eq(chosen_on(&p, 1, "xyz"), "none");
    ck_assert(wf_contains_nocase(found.why, "more"));
    ck_assert_uint_lt(strlen(found.why), sizeof found.why - 1);
}
END_TEST

static int warnings;

static void count_warning(void *priv, enum weft_log_level level, const char *line)
{
    ck_assert_ptr_eq(priv, &warnings);
    warnings += level == WEFT_LOG_WARN && strstr(line, "skipped") != NULL;
}

START_TEST(what_fails_is_skipped_with_its_reason)
{
    const struct fake_platform p[] = {
        {.name = "torn", .device = gpus, .count = 2, .devices_code = CL_OUT_OF_HOST_MEMORY},
        {.device = gpus, .count = 2, .info_code = -1234},
        PLATFORM("works", others),
        {.name = "rusticl"},
    };
    const struct wf_log log = {.line = count_warning, .priv = &warnings};
    struct wf_cl cl;
    warnings = 0;
    fake_cl_fill(&cl, p, COUNT(p), CL_SUCCESS);
    ck_assert(wf_find(&cl, NULL, NULL, &log, &found, NULL));
    ck_assert_int_eq(found.count, 3);
    ck_assert_int_eq(found.skip_count, 3);
    ck_assert_str_eq(found.skip[0].platform, "torn");
    ck_assert_str_eq(found.skip[0].reason, "clGetDeviceIDs: CL_OUT_OF_HOST_MEMORY");
    ck_assert_str_eq(found.skip[1].platform, "platform 1");
    ck_assert_str_eq(found.skip[1].reason, "CL_PLATFORM_NAME cannot be read: OpenCL error -1234");
    ck_assert(wf_contains_nocase(found.skip[2].reason, "RUSTICL_ENABLE"));
    ck_assert_int_eq(warnings, 2); // a platform without a device is no fault
}
END_TEST

START_TEST(devices_that_cannot_be_used_are_skipped)
{
    const struct fake_device bad[] = {
        {.name = "off", .unavailable = true},
        {.name = "big", .big_endian = true},
        {.name = "odd", .type = CL_DEVICE_TYPE_CUSTOM},
        {.fails = CL_DEVICE_PROFILE, .code = CL_INVALID_VALUE},
        {.fails = CL_DEVICE_NAME, .code = CL_OUT_OF_RESOURCES},
    };
    static const char *const reasons[] = {"not available", "big-endian", "neither",
                                          "CL_DEVICE_PROFILE cannot be read: CL_INVALID_VALUE",
                                          "CL_DEVICE_NAME cannot be read: CL_OUT_OF_RESOURCES"};
    const struct fake_platform p = PLATFORM("p", bad);
    ck_assert_str_eq(chosen_on(&p, 1, NULL), "none");
    ck_assert_int_eq(found.skip_count, 5);
    ck_assert_str_eq(found.skip[0].platform, "p: off");
    for (int i = 0; i < 5; i++)
        ck_assert(wf_contains_nocase(found.skip[i].reason, reasons[i]));
    ck_assert_str_eq(found.why, "no OpenCL device works: p: off: the driver says that it is not "
                                "available");
}
END_TEST

START_TEST(loader_without_platforms)
{
    struct wf_cl cl;
    fake_cl_fill(&cl, NULL, 0, CL_PLATFORM_NOT_FOUND_KHR);
    ck_assert(wf_find(&cl, NULL, NULL, NULL, &found, NULL));
    ck_assert_int_eq(found.chosen, -1);
    ck_assert_int_eq(found.skip_count, 0);
    ck_assert(wf_contains_nocase(found.why, "no OpenCL device"));
    fake_cl_fill(&cl, NULL, 0, CL_OUT_OF_HOST_MEMORY);
    ck_assert(wf_find(&cl, NULL, NULL, NULL, &found, NULL));
    ck_assert_int_eq(found.skip_count, 1);
    ck_assert_str_eq(found.skip[0].reason, "clGetPlatformIDs: CL_OUT_OF_HOST_MEMORY");
}
END_TEST

START_TEST(missing_loader_is_the_reason)
{
    const struct weft_error missing = {.status = WEFT_UNSUPPORTED, .text = "OpenCL: none"};
    struct wf_cl cl = {0};
    ck_assert(wf_find(&cl, &missing, "gpu", NULL, &found, NULL));
    ck_assert_int_eq(found.count, 0);
    ck_assert_str_eq(found.why, "OpenCL: none");
}
END_TEST

#define PCI .pci = {.pci_bus = 0xC1, .pci_device = 2, .pci_function = 1}

START_TEST(one_gpu_on_two_platforms_by_pci_address)
{
    const struct fake_device nvidia[] = {{.type = CL_DEVICE_TYPE_GPU,
                                          .name = "NVIDIA X",
                                          .version = "OpenCL 3.0 CUDA",
                                          .extensions = "cl_nv_device_attribute_query",
                                          PCI}},
                             mesa[] = {{.type = CL_DEVICE_TYPE_GPU,
                                        .name = "NV1",
                                        .version = "OpenCL 3.0 ",
                                        .extensions = "cl_khr_pci_bus_info",
                                        PCI}},
                             amd[] = {{.type = CL_DEVICE_TYPE_GPU,
                                       .name = "gfx",
                                       .version = "OpenCL 3.1 x",
                                       .extensions = "cl_amd_device_attribute_query cl_khr_fp64",
                                       PCI}};
    const struct fake_platform p[] = {PLATFORM("rusticl", mesa), PLATFORM("NVIDIA CUDA", nvidia),
                                      PLATFORM("AMD", amd)};
    ck_assert_str_eq(chosen_on(p, 2, NULL), "NVIDIA X"); // the vendor's own
    ck_assert_int_eq(found.count, 1);
    ck_assert_str_eq(found.device[0].info.also, "rusticl");
    ck_assert_str_eq(found.device[0].pci, "0000:c1:02.1");
    ck_assert_str_eq(chosen_on(p + 1, 1, NULL), "NVIDIA X");
    ck_assert_str_eq(found.device[0].info.also, "");
    ck_assert_str_eq(chosen_on(p, 3, NULL), "gfx"); // the later OpenCL
    ck_assert_int_eq(found.count, 1);
    ck_assert_str_eq(found.device[0].info.also, "rusticl, NVIDIA CUDA");
}
END_TEST

START_TEST(one_gpu_on_two_platforms_by_uuid)
{
    const struct fake_device a[] = {{.type = CL_DEVICE_TYPE_GPU,
                                     .name = "a",
                                     .version = "OpenCL 3.0",
                                     .extensions = "cl_khr_device_uuid",
                                     .uuid = uuid_a}},
                             b[] = {{.type = CL_DEVICE_TYPE_GPU,
                                     .name = "b",
                                     .version = "OpenCL 1.2",
                                     .extensions = "cl_khr_device_uuid cl_khr_pci_bus_info",
                                     .uuid = uuid_a,
                                     PCI}},
                             unlisted[] = {{.type = CL_DEVICE_TYPE_GPU,
                                            .name = "c",
                                            .uuid = uuid_a,
                                            .extensions = "cl_khr_device_uuid_not"}},
                             cpu[] = {
                                 {.name = "d", .uuid = uuid_a, .extensions = "cl_khr_device_uuid"}};
    const struct fake_platform p[] = {PLATFORM("A", a), PLATFORM("B", b), PLATFORM("C", unlisted),
                                      PLATFORM("D", cpu)};
    find_in(p, 4, NULL);
    ck_assert_int_eq(found.count, 3);
    ck_assert_str_eq(found.device[0].info.name, "a");
    ck_assert_str_eq(found.device[0].info.also, "B");
    ck_assert_str_eq(found.device[0].info.uuid, "deadbeef-0102-0304-0506-0708090a0b0c");
    ck_assert_str_eq(found.device[1].info.uuid, "");
    ck_assert_str_eq(found.device[2].info.name, "d"); // only GPUs and accelerators are merged
}
END_TEST

START_TEST(parts_of_one_card_stay_apart)
{
    const struct fake_device parts[] = {
        {.type = CL_DEVICE_TYPE_GPU, .extensions = "cl_khr_pci_bus_info", PCI},
        {.type = CL_DEVICE_TYPE_GPU, .extensions = "cl_khr_pci_bus_info", PCI}};
    const struct fake_device again[] = {{.same_as = &others[0]}};
    const struct fake_platform p[] = {PLATFORM("p", parts), PLATFORM("q", others),
                                      PLATFORM("q", again)};
    find_in(p, 3, NULL);
    ck_assert_int_eq(found.count, 5); // 2 + 3; the driver that is installed twice counts once
}
END_TEST

START_TEST(interpreters_are_taken_only_when_named)
{
    const struct fake_device sim[] = {{.type = CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU |
                                               CL_DEVICE_TYPE_ACCELERATOR,
                                       .name = "Oclgrind Simulator",
                                       .units = 1000,
                                       .clock = 9000}},
                             pipe[] = {{.type = CL_DEVICE_TYPE_GPU,
                                        .name = "llvmpipe (LLVM 15)",
                                        .clock = 9000}},
                             cpu[] = {{.name = "pthread", .units = 1, .clock = 1}};
    const struct fake_platform p[] = {PLATFORM("Oclgrind", sim), PLATFORM("rusticl", pipe),
                                      PLATFORM("pocl", cpu)};
    ck_assert_str_eq(chosen_on(p, 3, NULL), "pthread");
    ck_assert_str_eq(chosen_on(p, 3, "cpu"), "pthread");
    ck_assert_str_eq(chosen_on(p, 3, "oclgrind"), "Oclgrind Simulator");
    ck_assert_str_eq(chosen_on(p, 1, NULL), "Oclgrind Simulator"); // there is nothing else
    ck_assert_int_eq(found.device[0].info.type, WEFT_DEVICE_CPU);
    ck_assert(wf_contains_nocase(found.device[0].info.note, "interpreter"));
    ck_assert_str_eq(chosen_on(p, 2, "LLVMpipe"), "llvmpipe (LLVM 15)");
    ck_assert(!found.device[1].info.display);
}
END_TEST

static const struct {
    const char *vendor, *name, *extensions;
    bool timeout, display;
} displays[] = {
    {"AMD", "gfx1100", "", false, true},
    {"AMD", "gfx90a:sramecc+", "", false, false},
    {"NVIDIA", "NVIDIA A100-SXM4-40GB", "", false, false},
    {"NVIDIA", "NVIDIA RTX A1000", "", false, true},
    {"NVIDIA Corporation", "GeForce", "cl_nv_device_attribute_query", false, false},
    {"NVIDIA Corporation", "GeForce", "cl_nv_device_attribute_query", true, true},
    {"NVIDIA Corporation", "Tesla T4", "cl_nv_device_attribute_query", true, false},
};

START_TEST(which_gpu_may_drive_a_display)
{
    const struct fake_device d[] = {{.type = CL_DEVICE_TYPE_GPU,
                                     .vendor = displays[_i].vendor,
                                     .name = displays[_i].name,
                                     .extensions = displays[_i].extensions,
                                     .timeout = displays[_i].timeout}};
    const struct fake_platform p = PLATFORM("p", d);
    find_in(&p, 1, NULL);
    ck_assert_int_eq(found.device[0].info.display, displays[_i].display);
}
END_TEST

START_TEST(every_matching_row_counts)
{
    const struct weft_device_info info = {
        .platform = "Oclgrind", .name = "Tesla", .vendor = "nvidia"};
    ck_assert_uint_eq(wf_quirks(&info), WF_QUIRK_NOT_CHOSEN | WF_QUIRK_NO_DISPLAY);
    ck_assert_str_eq(wf_quirk_row(&info, 1)->device, "Tesla");
    ck_assert_ptr_null(wf_quirk_row(&info, 2));
}
END_TEST

START_TEST(codes_have_names)
{
    char b[32];
    ck_assert_str_eq(wf_cl_code_name(CL_OUT_OF_RESOURCES, b), "CL_OUT_OF_RESOURCES");
    ck_assert_str_eq(wf_cl_code_name(CL_MAX_SIZE_RESTRICTION_EXCEEDED, b),
                     "CL_MAX_SIZE_RESTRICTION_EXCEEDED");
    ck_assert_str_eq(wf_cl_code_name(CL_INVALID_PIPE_SIZE, b), "CL_INVALID_PIPE_SIZE");
    ck_assert_str_eq(wf_cl_code_name(CL_PLATFORM_NOT_FOUND_KHR, b), "CL_PLATFORM_NOT_FOUND_KHR");
    ck_assert_str_eq(wf_cl_code_name(-9999, b), "OpenCL error -9999");
    struct weft_error err = {0};
    ck_assert(wf_cl_check(&err, "clFinish", CL_SUCCESS) && !err.status);
    ck_assert(!wf_cl_check(&err, "clFinish", CL_MEM_OBJECT_ALLOCATION_FAILURE));
    ck_assert_int_eq(err.status, WEFT_NOMEM);
    ck_assert_str_eq(err.text, "clFinish: CL_MEM_OBJECT_ALLOCATION_FAILURE");
    err.status = WEFT_OK;
    ck_assert(!wf_cl_check(&err, "clFinish", CL_INVALID_COMMAND_QUEUE));
    ck_assert_int_eq(err.status, WEFT_DEVICE);
}
END_TEST

static cl_int fail_named(void *priv, const char *call)
{
    return strcmp(call, priv) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

START_TEST(injected_faults_never_reach_the_driver)
{
    static const char *const calls[] = {"clGetPlatformIDs", "clGetPlatformInfo", "clGetDeviceIDs",
                                        "clGetDeviceInfo"};
    struct wf_cl cl;
    fake_cl_fill(&cl, machine, 2, CL_SUCCESS);
    cl.fault = fail_named;
    cl.fault_priv = (void *)(uintptr_t)calls[_i];
    ck_assert(wf_find(&cl, NULL, NULL, NULL, &found, NULL));
    ck_assert_int_eq(found.count, 0);
    ck_assert(found.skip_count > 0);
    ck_assert(wf_contains_nocase(found.skip[0].reason, "CL_OUT_OF_HOST_MEMORY"));
}
END_TEST

static TCase *described(void)
{
    TCase *t = tcase_create("described");
    tcase_add_checked_fixture(t, NULL, forget);
    tcase_add_test(t, discrete_gpu_goes_before_all_else);
    tcase_add_test(t, order_of_types);
    tcase_add_loop_test(t, match_names_a_device, 0, COUNT(matches));
    tcase_add_test(t, digits_past_the_list_are_a_part_of_a_name);
    tcase_add_test(t, long_lists_are_cut_with_a_count);
    tcase_add_test(t, what_fails_is_skipped_with_its_reason);
    tcase_add_test(t, devices_that_cannot_be_used_are_skipped);
    tcase_add_test(t, loader_without_platforms);
    tcase_add_test(t, missing_loader_is_the_reason);
    tcase_add_test(t, one_gpu_on_two_platforms_by_pci_address);
    tcase_add_test(t, one_gpu_on_two_platforms_by_uuid);
    tcase_add_test(t, parts_of_one_card_stay_apart);
    tcase_add_test(t, interpreters_are_taken_only_when_named);
    tcase_add_loop_test(t, which_gpu_may_drive_a_display, 0, COUNT(displays));
    tcase_add_test(t, every_matching_row_counts);
    tcase_add_test(t, codes_have_names);
    tcase_add_loop_test(t, injected_faults_never_reach_the_driver, 0, 4);
    return t;
}

int main(void)
{
    Suite *suite = suite_create("find");
    suite_add_tcase(suite, described());
    return run_suite(suite);
}
