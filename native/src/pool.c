/* Threads that share the tasks of a kernel.
 *
 * Workers are started when first wanted and then kept. Several callers may have jobs here at once. After a fork
 * the child has none of its parent's workers, forgets them, and starts its own when it wants some.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "kernel.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
typedef unsigned Environment;
static Environment standard(void) {
    Environment before = _mm_getcsr();
    _mm_setcsr(0x1F80); /* exceptions masked, to nearest, neither flush-to-zero nor denormals-are-zero */
    return before;
}
static void restore(Environment before) { _mm_setcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t Environment;
static void restore(Environment before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
static Environment standard(void) {
    Environment before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    restore(0);
    return before;
}
#else
#include <fenv.h>
typedef fenv_t Environment;
static Environment standard(void) {
    Environment before;
    fegetenv(&before);
    fesetenv(FE_DFL_ENV);
    return before;
}
static void restore(Environment before) { fesetenv(&before); }
#endif

enum { MOST_WORKERS = 63 };

typedef struct Job {
    Body body;
    void *context;
    int64_t tasks, places;         /* of lanes: how many threads may yet join, the caller aside */
    atomic_int_fast64_t next;      /* task */
    int64_t joined, working;       /* guarded by `mutex`, as `places` is */
    struct Job *after;
} Job;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t offered = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static Job *jobs;
static int64_t workers;

static void carry_out(Job *job, int64_t lane) {
    Environment before = standard();
    for (int64_t task; (task = atomic_fetch_add(&job->next, 1)) < job->tasks;) job->body(job->context, task, lane);
    restore(before);
}

static void *work(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (;;) {
        Job *job = jobs;
        while (job && !job->places) job = job->after;
        if (!job) {
            pthread_cond_wait(&offered, &mutex);
            continue;
        }
        job->places--;
        job->working++;
        int64_t lane = ++job->joined;
        pthread_mutex_unlock(&mutex);
        carry_out(job, lane);
        pthread_mutex_lock(&mutex);
        if (!--job->working) pthread_cond_broadcast(&finished);
    }
    return NULL;
}

/* With fewer workers than wanted, or none, the work is done all the same. */
static void want(int64_t wanted) {
    while (workers < least_of(wanted, MOST_WORKERS)) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL)) return;
        pthread_detach(thread);
        workers++;
    }
}

void parallel(int64_t threads, int64_t tasks, Body body, void *context) {
    Job job = {.body = body, .context = context, .tasks = tasks};
    job.places = least_of(least_of(threads, tasks), MOST_WORKERS + 1) - 1;
    if (job.places <= 0) {
        carry_out(&job, 0);
        return;
    }
    pthread_mutex_lock(&mutex);
    want(job.places);
    job.after = jobs;
    jobs = &job;
    pthread_cond_broadcast(&offered);
    pthread_mutex_unlock(&mutex);
    carry_out(&job, 0);
    pthread_mutex_lock(&mutex);
    Job **place = &jobs;
    while (*place != &job) place = &(*place)->after;
    *place = job.after; /* nobody joins any more */
    while (job.working) pthread_cond_wait(&finished, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void in_parent(void) { pthread_mutex_unlock(&mutex); }
static void in_child(void) {
    jobs = NULL;
    workers = 0;
    pthread_mutex_init(&mutex, NULL);
    pthread_cond_init(&offered, NULL);
    pthread_cond_init(&finished, NULL);
}
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(before_fork, in_parent, in_child); }
