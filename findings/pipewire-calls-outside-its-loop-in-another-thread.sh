#!/usr/bin/env bash
# PipeWire 0.3.65 (Debian 12). A loop that one thread iterates, and another thread that gives it something to call (`pw_loop_invoke`),
# as PipeWire's own data thread does with the `process` of a stream that has not asked to be called there.
#
# One would expect: it is called in the loop's thread, and while that is elsewhere it waits for the next iteration.
# What happens: while nobody is inside the loop, it is called at once, in the thread that gave it. Before the loop was ever
# entered, between two iterations that enter and leave it, and after `run` has returned, callbacks of one thread are called in
# another, beside whatever the first one does, as to free what they use.
#
# Seen on 2026-11-29:
#   inside the loop: in the loop's thread
#   before the first iteration: in the other thread
#   between two iterations: in the other thread
#   after the loop was left: in the other thread
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs cc build-essential
needs pkg-config pkg-config
pkg-config --exists libpipewire-0.3 || untried "there is no libpipewire-0.3; it comes with the Debian package libpipewire-0.3-dev"
version PipeWire '0.3.65' "$(pkg-config --modversion libpipewire-0.3)"

cat >loop.c <<'C'
#include <pipewire/pipewire.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static struct pw_loop *loop;
static pthread_t owner;
static atomic_int called;

static int call(struct spa_loop *l, bool async, uint32_t seq, const void *data, size_t size, void *user) {
    atomic_store(&called, pthread_equal(pthread_self(), owner) ? 1 : 2);
    return 0;
}

static void *other(void *user) {
    pw_loop_invoke(loop, call, 1, NULL, 0, false, NULL);
    return NULL;
}

/* While the other thread gives the loop something to call, this one is inside it or elsewhere. */
static void look(const char *when, bool inside) {
    pthread_t thread;
    atomic_store(&called, 0);
    if (inside) pw_loop_enter(loop);
    pthread_create(&thread, NULL, other, NULL);
    pthread_join(thread, NULL);
    if (inside) {
        pw_loop_iterate(loop, 1000);
        pw_loop_leave(loop);
    }
    printf("%s: %s\n", when, (const char *[]){"not yet", "in the loop's thread", "in the other thread"}[atomic_load(&called)]);
}

static void iterate(void) {
    pw_loop_enter(loop);
    pw_loop_iterate(loop, 10);
    pw_loop_leave(loop);
}

int main(int argc, char **argv) {
    pw_init(&argc, &argv);
    struct pw_main_loop *main_loop = pw_main_loop_new(NULL);
    loop = pw_main_loop_get_loop(main_loop);
    owner = pthread_self();
    look("before the first iteration", false);
    look("inside the loop", true);
    iterate();
    look("between two iterations", false);
    iterate();
    look("after the loop was left", false);
    pw_main_loop_destroy(main_loop);
    return 0;
}
C
# shellcheck disable=SC2046 # several words
cc -o loop loop.c $(pkg-config --cflags --libs libpipewire-0.3) -pthread
./loop >seen
told() { sed -n "s/^$1: //p" seen; }
sees "inside the loop" "in the loop's thread" "$(told "inside the loop")"
for when in "before the first iteration" "between two iterations" "after the loop was left"; do
  sees "$when" "in the other thread" "$(told "$when")"
done
