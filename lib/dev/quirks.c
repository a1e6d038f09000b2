// The one place that knows vendors' faults. A row costs nothing on other devices; its reason is
// shown to users, so it says what they would see without it.
#include "dev/quirks.h"
#include "base/text.h"

// NVIDIA's own driver says whether it watches for long kernels, so these rows are for other drivers
// of the same cards. "A100 " and "A100-", since an RTX A1000 is a card with a display. ROCm names a
// device by its architecture, Mesa by its product.
static const struct wf_quirk_row rows[] = {
    {.platform = "oclgrind",
     .quirks = WF_QUIRK_NOT_CHOSEN | WF_QUIRK_NO_DISPLAY,
     .why = "an interpreter that checks kernels, far slower than the CPU under it"},
    {.device = "llvmpipe",
     .quirks = WF_QUIRK_NOT_CHOSEN | WF_QUIRK_NO_DISPLAY,
     .why = "Mesa's software renderer, an early OpenCL on the CPU"},
    {.device = "FPGA Emulation",
     .quirks = WF_QUIRK_NOT_CHOSEN | WF_QUIRK_NO_DISPLAY,
     .why = "an FPGA emulator, slower than the CPU it runs on"},
#define NO_DISPLAY(who, part)                                                                    \
    {                                                                                            \
        .vendor = who, .device = part, .quirks = WF_QUIRK_NO_DISPLAY, .why = "drives no display" \
    }
    NO_DISPLAY("NVIDIA", "Tesla"),
    NO_DISPLAY("NVIDIA", "A100 "),
    NO_DISPLAY("NVIDIA", "A100-"),
    NO_DISPLAY("NVIDIA", "H100"),
    NO_DISPLAY("NVIDIA", "H200"),
    NO_DISPLAY("NVIDIA", "B200"),
    NO_DISPLAY(NULL, "Instinct"),
    NO_DISPLAY(NULL, "gfx908"), // MI100
    NO_DISPLAY(NULL, "gfx90a"), // MI200
    NO_DISPLAY(NULL, "gfx942"), // MI300
    NO_DISPLAY(NULL, "gfx950"), // MI350
    NO_DISPLAY("Intel", "Data Center GPU"),
#undef NO_DISPLAY
};

static bool has(const char *text, const char *part)
{
    return !part || wf_contains_nocase(text, part);
}

const struct wf_quirk_row *wf_quirk_row(const struct weft_device_info *info, int n)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct wf_quirk_row *r = &rows[i];
        if (has(info->platform, r->platform) && has(info->vendor, r->vendor) &&
            has(info->name, r->device) && has(info->driver, r->driver) && n-- == 0)
            return r;
    }
    return NULL;
}

unsigned wf_quirks(const struct weft_device_info *info)
{
    unsigned quirks = 0;
    const struct wf_quirk_row *r;
    for (int n = 0; (r = wf_quirk_row(info, n)); n++)
        quirks |= r->quirks;
    return quirks;
}
