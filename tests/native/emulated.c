/* Calls kernels by name with what comes in, and sends back what they wrote: tests/native/emulated.py is the other end. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 24 };
enum { INTEGER, NOTHING, MEMORY, TABLE };

static struct {
    char *bytes;
    int64_t size;
} memories[16 * MOST];
static int count;

static void get(void *p, int64_t size) {
    if (size && fread(p, (size_t)size, 1, stdin) != 1) exit(0); /* the tests are over */
}
static int64_t integer(void) {
    int64_t x;
    get(&x, sizeof x);
    return x;
}

/* What lies between `size` bytes that belong to nobody else, so that a step beyond them is the more likely to fail;
 * the pointer may lie within. */
static int64_t pointer(void) {
    int64_t size = integer(), offset = integer();
    char *bytes = malloc((size_t)size);
    get(bytes, size);
    memories[count].bytes = bytes;
    memories[count++].size = size;
    return (int64_t)(bytes + offset);
}

static int64_t argument(void) {
    int64_t kind = integer();
    if (kind == INTEGER) return integer();
    if (kind == NOTHING) return 0;
    if (kind == MEMORY) return pointer();
    int64_t *table = malloc(8 * 16 * MOST), length = integer();
    for (int64_t i = 0; i < length; i++) table[i] = argument();
    return (int64_t)table;
}

int main(int many, char **words) {
    void *library = many == 2 ? dlopen(words[1], RTLD_NOW) : NULL;
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    for (;;) {
        char name[256] = {0};
        get(name, integer());
        int64_t a[MOST] = {0}, given = integer();
        for (int64_t i = 0; i < given; i++) a[i] = argument();
        union {
            void *address;
            int64_t (*call)(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                            int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                            int64_t, int64_t);
        } kernel = {dlsym(library, name)};
        if (!kernel.address) return fprintf(stderr, "no %s\n", name), 1;
        int64_t made = kernel.call(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13],
                                   a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23]);
        fwrite(&made, sizeof made, 1, stdout);
        for (int i = 0; i < count; i++) {
            fwrite(memories[i].bytes, 1, (size_t)memories[i].size, stdout);
            free(memories[i].bytes);
        }
        fflush(stdout);
        count = 0;
    }
}
