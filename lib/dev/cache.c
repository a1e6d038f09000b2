// What the cache of compiled kernels holds, and emptying it, for a program that has no device open.
#include "base/text.h"
#include "dev/store.h"

// The store keeps the pointer to the log.
static void open_store(struct wf_store *st, struct wf_log *log, const struct weft_device_params *p)
{
    struct weft_device_params params;
    WF_PARAMS(params, p);
    *log = (struct wf_log){params.log, params.log_priv};
    wf_store_init(st, p, log);
}

bool weft_cache_info(const struct weft_device_params *p, struct weft_cache_info *out,
                     struct weft_error *err)
{
    if (!out || !out->size)
        return wf_fail(err, WEFT_PARAM, "weft_cache_info: out has no size, wanted its sizeof");
    struct wf_store st;
    struct wf_log log;
    struct wf_store_list list;
    open_store(&st, &log, p);
    bool ok = wf_store_files(&st, &list, err);
    struct weft_cache_info info = {.size = out->size, .limit = st.limit};
    wf_copy_text(info.dir, sizeof info.dir, st.dir);
    info.files = (int)list.count;
    for (size_t i = 0; i < list.count; i++)
        info.bytes += list.file[i].bytes;
    wf_store_list_finish(&list);
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return ok;
}

bool weft_cache_clear(const struct weft_device_params *p, struct weft_error *err)
{
    struct wf_store st;
    struct wf_log log;
    struct wf_store_list list;
    open_store(&st, &log, p);
    bool ok = wf_store_files(&st, &list, err);
    for (size_t i = 0; i < list.count; i++)
        ok = wf_store_remove(&st, &list.file[i], err) && ok;
    wf_store_list_finish(&list);
    return ok;
}
