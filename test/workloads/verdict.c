/* Lines, verdicts, clocks and the mixing function of the C workloads. */
#include "verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 512 };

static void put_line(int fd, const char *prefix, const char *format, va_list arguments) {
  char line[LINE_BYTES_MAX];
  int size = snprintf(line, sizeof line, "%s", prefix);
  size += vsnprintf(line + size, sizeof line - (size_t)size - 1, format, arguments);
  if (size > LINE_BYTES_MAX - 2) size = LINE_BYTES_MAX - 2;
  line[size++] = '\n';
  if (write(fd, line, (size_t)size) != size) _exit(3);
}

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  put_line(STDOUT_FILENO, "", format, arguments);
  va_end(arguments);
}

void corrupt(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  put_line(STDOUT_FILENO, "CORRUPT: ", format, arguments);
  va_end(arguments);
  _exit(1);
}

void refuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  put_line(STDERR_FILENO, "refused: ", format, arguments);
  va_end(arguments);
  _exit(2);
}

long must(long result, const char *what) {
  if (result < 0) corrupt("%s: %s", what, strerror(errno));
  return result;
}

uint64_t now_ns(void) {
  struct timespec now;
  must(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sleep_until(uint64_t deadline_ns) {
  struct timespec until = {(time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u)};
  int error;
  do {
    error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
  } while (error == EINTR);
  if (error != 0) corrupt("clock_nanosleep: %s", strerror(error));
  uint64_t woken = now_ns();
  if (woken < deadline_ns) corrupt("woken %llu ns before the deadline", (unsigned long long)(deadline_ns - woken));
}

bool is_slow(const char *slow_while) { return slow_while == NULL || access(slow_while, F_OK) == 0; }

uint64_t mix(uint64_t state, uint64_t value) {
  state += 0x9e3779b97f4a7c15u + value;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

unsigned long number_of(const char *text, const char *what) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-') refuse("%s: not a number: %s", what, text);
  return value;
}

unsigned long number_from_environment(const char *name, unsigned long otherwise) {
  const char *text = getenv(name);
  return text == NULL ? otherwise : number_of(text, name);
}
