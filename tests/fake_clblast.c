// A CLBlast that cannot be trusted, for tests: every call fails, or with FAKE_CLBLAST=wrong
// succeeds and writes nothing.
#include <stdlib.h>
#include <string.h>

int CLBlastSgemm(void);
int CLBlastDgemm(void);
int CLBlastSgemmStridedBatched(void);
int CLBlastDgemmStridedBatched(void);
int CLBlastClearCache(void);

static int answer(void)
{
    const char *mode = getenv("FAKE_CLBLAST");
    return mode && !strcmp(mode, "wrong") ? 0 : -2048;
}

int CLBlastSgemm(void)
{
    return answer();
}

int CLBlastDgemm(void)
{
    return answer();
}

int CLBlastSgemmStridedBatched(void)
{
    return answer();
}

int CLBlastDgemmStridedBatched(void)
{
    return answer();
}

int CLBlastClearCache(void)
{
    return 0;
}
