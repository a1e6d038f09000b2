// The public functions of error.h. They are in libweft alone: error.c is in libweft-data too.
#include <weft/error.h>

int weft_version(void)
{
    return WEFT_VERSION;
}

const char *weft_version_text(void)
{
    return WF_VERSION_TEXT;
}

const char *weft_status_text(enum weft_status status)
{
    switch (status) {
#define X(name, text) \
    case WEFT_##name: \
        return text;
        WEFT_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}
