/* Each thread adds its turn to a value that goes round under one mutex; its own state is thread-local. */
#include "tree.h"

#include <pthread.h>
#include <stdbool.h>
#include <signal.h>

#include "../verdict.h"

enum { THREADS = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn = -1; /* whose turn it is; THREADS: the root's; -1: nobody's */
static uint64_t value, current_step;
static _Thread_local uint64_t turns_taken;

static uint64_t contribution(uint64_t index, uint64_t step) { return mix(900 + index, step); }

static void *run(void *argument) {
  int index = (int)(intptr_t)argument;
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (turn != index) pthread_cond_wait(&turned, &mutex);
    if (turns_taken != current_step) corrupt("thread %d took %llu turns", index, (unsigned long long)turns_taken);
    turns_taken += 1;
    value = mix(value, contribution((uint64_t)index, current_step));
    turn = index + 1;
    pthread_cond_broadcast(&turned);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

void threads_open(void) {
  /* Signals are the root's affair. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (intptr_t at = 0; at < THREADS; at++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, (void *)at) != 0) refuse("no thread can be made");
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint64_t threads_step(uint64_t step) {
  uint64_t expected = step;
  for (uint64_t at = 0; at < THREADS; at++) expected = mix(expected, contribution(at, step));
  pthread_mutex_lock(&mutex);
  value = current_step = step;
  turn = 0;
  pthread_cond_broadcast(&turned);
  while (turn != THREADS) pthread_cond_wait(&turned, &mutex);
  uint64_t found = value;
  pthread_mutex_unlock(&mutex);
  if (found != expected) corrupt("step %llu: the threads made another value", (unsigned long long)step);
  return found;
}
