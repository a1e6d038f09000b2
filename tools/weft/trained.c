// The metadata say what the model is; so its verbs need no options for that.
#include "trained.h"
#include "console.h"
#include "failure.h"

static bool read_description(struct trained *t, const char *path, struct weft_error *err)
{
    weft_safetensors *f = weft_safetensors_open(path, err);
    bool ok = f && checkpoint_read(f, path, &t->args, &t->about, err);
    weft_safetensors_close(&f);
    return ok;
}

bool trained_open(struct trained *t, const char *path, const char *device, struct weft_error *err)
{
    *t = (struct trained){{{0}}};
    if (!read_description(t, path, err))
        return false;
    t->dev = weft_device_create(weft_device_params(.match = device, .log = console_log), err);
    t->net = weft_params_create(t->dev, 0, err);
    t->scope = weft_scope_create(t->dev, NULL, err);
    if (!t->scope)
        return false;
    if (model_make(t->scope, t->net, &t->args.model))
        return weft_params_load(t->net, path, NULL, err);
    const struct weft_error *why = weft_scope_error(t->scope);
    return failure(err, why->status, "%s: %s", path, why->text);
}

weft_loader *trained_data(const struct trained *t, const struct dataset_args *a, int batch,
                          struct weft_error *err)
{
    struct dataset_args from = *a;
    from.target = t->args.target;
    from.no_header = t->args.no_header;
    weft_data *data = dataset_open(&from, &t->args.model, &t->about.names, err);
    if (!data || !model_takes(&t->args.model, data, a->with_target, a->path, err)) {
        weft_data_destroy(&data);
        return NULL;
    }
    return weft_loader_create(data, weft_loader_params(.batch = batch), err);
}

void trained_close(struct trained *t)
{
    description_free(&t->about);
    weft_scope_destroy(&t->scope);
    weft_params_destroy(&t->net);
    weft_device_destroy(&t->dev);
}
