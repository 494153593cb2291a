/* epoll, level-triggered. A watch may be closed while others are called: events for it are then skipped. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../verdict.h"

enum { EVENTS_PER_TURN_MAX = 64, ACTIVE_MS_PER_TURN_MAX = 100 };

static int epoll_fd = -1;
static uint64_t turn_ms, active_ms, random_state, rate_bytes_per_ms;
static const char *limit_while;
static int64_t reading_budget;
static struct epoll_event events[EVENTS_PER_TURN_MAX];
static int event_count;

static void apply(struct watch *watch, int operation) {
  struct epoll_event event = {.events = watch->interest, .data.ptr = watch};
  must(epoll_ctl(epoll_fd, operation, watch->fd, &event), "epoll_ctl");
}

void loop_open(void) {
  epoll_fd = (int)must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  turn_ms = now_ns() / 1000000;
  random_state = mix(now_ns(), (uint64_t)getpid());
}

void loop_add(struct watch *watch, int fd, uint32_t interest, void (*ready)(struct watch *, uint32_t)) {
  must(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), "fcntl");
  *watch = (struct watch){fd, interest, ready};
  apply(watch, EPOLL_CTL_ADD);
}

void loop_change(struct watch *watch, uint32_t interest) {
  if (watch->interest == interest) return;
  watch->interest = interest;
  apply(watch, EPOLL_CTL_MOD);
}

void loop_forget(struct watch *watch) {
  must(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL), "epoll_ctl");
  for (int at = 0; at < event_count; at++) {
    if (events[at].data.ptr == watch) events[at].data.ptr = NULL;
  }
  watch->ready = NULL;
}

void loop_close(struct watch *watch) {
  if (watch->fd < 0) return;
  if (watch->ready != NULL) loop_forget(watch);
  close(watch->fd);
  watch->fd = -1;
}

void loop_turn(int wait_ms) {
  int found = epoll_wait(epoll_fd, events, EVENTS_PER_TURN_MAX, wait_ms);
  if (found < 0 && errno != EINTR) must(found, "epoll_wait");
  uint64_t now = now_ns() / 1000000;
  uint64_t active = now - turn_ms < ACTIVE_MS_PER_TURN_MAX ? now - turn_ms : ACTIVE_MS_PER_TURN_MAX;
  turn_ms = now;
  active_ms += active;
  if (rate_bytes_per_ms > 0 && !is_slow(limit_while)) rate_bytes_per_ms = 0;
  if (rate_bytes_per_ms > 0) {
    reading_budget += (int64_t)(rate_bytes_per_ms * active);
    int64_t most = (int64_t)(rate_bytes_per_ms * ACTIVE_MS_PER_TURN_MAX);
    if (reading_budget > most) reading_budget = most;
  }
  event_count = found < 0 ? 0 : found;
  /* By turns: whoever is looked at first gets the budget, and the others would starve. */
  int first = event_count == 0 ? 0 : (int)loop_random((uint64_t)event_count);
  for (int each = 0; each < event_count; each++) {
    int at = (first + each) % event_count;
    struct watch *watch = events[at].data.ptr;
    if (watch != NULL) watch->ready(watch, events[at].events);
  }
  event_count = 0;
}

uint64_t loop_now_ms(void) { return turn_ms; }

uint64_t loop_active_ms(void) { return active_ms; }

void loop_limit_reading(unsigned long rate_mb, const char *slow_while) {
  rate_bytes_per_ms = rate_mb * 1049;
  limit_while = slow_while;
}

unsigned long loop_reading_room(unsigned long most) {
  if (rate_bytes_per_ms == 0) return most;
  if (reading_budget <= 0) return 0;
  return (uint64_t)reading_budget < most ? (unsigned long)reading_budget : most;
}

void loop_spend_reading(unsigned long bytes) {
  if (rate_bytes_per_ms > 0) reading_budget -= (int64_t)bytes;
}

uint64_t loop_random(uint64_t bound) {
  random_state = mix(random_state, 1);
  return random_state % bound;
}
