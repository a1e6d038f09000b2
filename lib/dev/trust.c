// What ways of running something are believed on a device: in memory, and in the store.
#include "base/hash.h"
#include "dev/device.h"
#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct wf_tuning_trust {
    struct wf_trust_key key;
    enum wf_trust trust;
    UT_hash_handle hh;
};

void wf_trust_finish(weft_device *dev)
{
    struct wf_tuning_trust *t, *next;
    HASH_ITER(hh, dev->tuning.trust, t, next) {
        HASH_DEL(dev->tuning.trust, t);
        free(t);
    }
}

static unsigned hash_of(const struct wf_trust_key *key)
{
    return (unsigned)wf_hash64(key, sizeof *key);
}

static struct wf_tuning_trust *find(weft_device *dev, const struct wf_trust_key *key)
{
    struct wf_tuning_trust *t;
    HASH_FIND_BYHASHVALUE(hh, dev->tuning.trust, key, sizeof *key, hash_of(key), t);
    return t;
}

enum wf_trust wf_trust_get(weft_device *dev, const struct wf_trust_key *key)
{
    wf_lock(&dev->tuning.lock);
    struct wf_tuning_trust *t = find(dev, key);
    enum wf_trust trust = t ? t->trust : WF_TRUST_UNKNOWN;
    wf_unlock(&dev->tuning.lock);
    return trust;
}

static void add(weft_device *dev, const struct wf_trust_key *key, enum wf_trust trust)
{
    struct wf_tuning_trust *t = calloc(1, sizeof *t);
    if (!t)
        return;
    t->key = *key;
    t->trust = trust;
    unsigned before = HASH_COUNT(dev->tuning.trust);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, dev->tuning.trust, &t->key, sizeof t->key, hash_of(key), t);
    if (HASH_COUNT(dev->tuning.trust) == before)
        free(t);
}

// Without memory it is asked again.
void wf_trust_set(weft_device *dev, const struct wf_trust_key *key, enum wf_trust trust)
{
    wf_lock(&dev->tuning.lock);
    struct wf_tuning_trust *t = find(dev, key);
    if (t)
        t->trust = trust;
    else
        add(dev, key, trust);
    wf_unlock(&dev->tuning.lock);
}

static void store_key(weft_device *dev, const char *name, const char *file, struct wf_text *to)
{
    wf_text_add(to, "trust %s\nkernels %d\nsource %016llx\n", name, WF_KERNEL_VERSION,
                (unsigned long long)(file ? wf_kernel_source_hash(file) : 0));
    wf_text_add(to, "platform %s\ndevice %s\nvendor %s\ndriver %s\nversion %s", dev->info.platform,
                dev->info.name, dev->info.vendor, dev->info.driver, dev->info.version);
}

// 'y', 'n', '0': nothing, '1' and '2': as many trials were begun and not ended.
static char load(weft_device *dev, const struct wf_text *key)
{
    void *stored = NULL;
    size_t n = 0;
    bool there = !key->failed && wf_store_load(&dev->store, key->data, key->length, &stored, &n);
    char c = there && n == 1 ? *(char *)stored : '0';
    free(stored);
    return c;
}

static enum wf_trust meaning(char c)
{
    return c == 'y' ? WF_TRUST_YES : c == 'n' || c == '2' ? WF_TRUST_NO : WF_TRUST_UNKNOWN;
}

enum wf_trust wf_trust_load(weft_device *dev, const char *name, const char *file)
{
    struct wf_text key = {0};
    store_key(dev, name, file, &key);
    char c = load(dev, &key);
    wf_text_finish(&key);
    return meaning(c);
}

enum wf_trust wf_trust_begin(weft_device *dev, const char *name, const char *file)
{
    struct wf_text key = {0};
    store_key(dev, name, file, &key);
    char c = load(dev, &key);
    if (!key.failed && meaning(c) == WF_TRUST_UNKNOWN)
        wf_store_save(&dev->store, key.data, key.length, c == '1' ? "2" : "1", 1);
    wf_text_finish(&key);
    return meaning(c);
}

void wf_trust_save(weft_device *dev, const char *name, const char *file, enum wf_trust trust)
{
    struct wf_text key = {0};
    store_key(dev, name, file, &key);
    if (!key.failed && trust == WF_TRUST_UNKNOWN)
        wf_store_drop(&dev->store, key.data, key.length);
    else if (!key.failed)
        wf_store_save(&dev->store, key.data, key.length, trust == WF_TRUST_YES ? "y" : "n", 1);
    wf_text_finish(&key);
}
