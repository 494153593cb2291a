/* The event loop: watched descriptors, one tick, and a budget for reading. */
#ifndef MESH_LOOP_H
#define MESH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* Embedded as the first field of whatever owns a descriptor. */
struct watch {
  int fd;
  uint32_t interest; /* EPOLLIN and EPOLLOUT; 0: not interested now */
  void (*ready)(struct watch *watch, uint32_t events);
};

void loop_open(void);

/* Begins to watch `fd` (made non-blocking) with `interest`. */
void loop_add(struct watch *watch, int fd, uint32_t interest, void (*ready)(struct watch *, uint32_t));

void loop_change(struct watch *watch, uint32_t interest);

/* Stops watching; the descriptor stays open. */
void loop_forget(struct watch *watch);

/* Stops watching and closes the descriptor. */
void loop_close(struct watch *watch);

/* Waits at most `wait_ms` and calls whoever is ready. */
void loop_turn(int wait_ms);

/* CLOCK_MONOTONIC in milliseconds, read at the start of this turn. */
uint64_t loop_now_ms(void);

/* The same, but without the time in which this process did not run: for deadlines that a freeze must not spend. */
uint64_t loop_active_ms(void);

/* Limits what the whole process reads, in MiB a second, as long as `is_slow(slow_while)`; 0: no limit. */
void loop_limit_reading(unsigned long rate_mb, const char *slow_while);

/* How much may be read now, at most `most`. */
unsigned long loop_reading_room(unsigned long most);

/* Says that `bytes` were read. */
void loop_spend_reading(unsigned long bytes);

/* A random number below `bound`, of this process's own generator. */
uint64_t loop_random(uint64_t bound);

#endif
