/* What the C workloads share: one line per step, one verdict at the end, clocks, and a mixing function. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/* Writes one line to stdout with one write, so that lines of several processes never mix. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints `CORRUPT: ...` and ends the process with status 1: something is lost, doubled, early or wrong. */
_Noreturn void corrupt(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints `refused: ...` to stderr and ends with status 2: started wrongly, or the machine lacks something. */
_Noreturn void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends as corrupt with errno's text unless the system call succeeded (`result` is not negative). */
long must(long result, const char *what);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_ns(void);

/* Sleeps until `deadline_ns` of CLOCK_MONOTONIC; corrupt if the kernel wakes it early. */
void sleep_until(uint64_t deadline_ns);

/* Whether a limit on the pace still counts: always without a file, else as long as there is this file. */
bool is_slow(const char *slow_while);

/* One splitmix64 round over both values. */
uint64_t mix(uint64_t state, uint64_t value);

/* A whole decimal number from an option or the environment; refuses anything else. */
unsigned long number_of(const char *text, const char *what);

/* The same from the environment, or `otherwise` where the variable is not set. */
unsigned long number_from_environment(const char *name, unsigned long otherwise);

#endif
