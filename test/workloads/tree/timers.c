/* Three periodic timers. None may fire before its time, more often than its time allows, or stop. */
#include "tree.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../verdict.h"

enum { PERIOD_MS = 20, SLACK_PERIODS = 3 };
static const uint64_t PERIOD_NS = PERIOD_MS * 1000000ull;

static volatile sig_atomic_t alarms, posix_alarms;
static uint64_t started_ns, late_ns_max, expirations;
static int timer_fd;

/* How a timer did so far: `fired` times, last seen to go on at `moved_ns`. */
static struct account {
  const char *name;
  uint64_t fired, moved_ns;
} by_signal = {.name = "setitimer"}, by_descriptor = {.name = "timerfd"}, by_posix = {.name = "timer_create"};

static void on_alarm(int number) {
  (void)number;
  alarms += 1;
}

static void on_posix_alarm(int number) {
  (void)number;
  posix_alarms += 1;
}

void timers_open(uint64_t late_ms_max) {
  late_ns_max = late_ms_max * 1000000u;
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  must(sigaction(SIGALRM, &action, NULL), "sigaction");
  action.sa_handler = on_posix_alarm;
  must(sigaction(SIGRTMIN + 4, &action, NULL), "sigaction");
  started_ns = by_signal.moved_ns = by_descriptor.moved_ns = by_posix.moved_ns = now_ns();
  struct itimerval interval = {{0, PERIOD_MS * 1000}, {0, PERIOD_MS * 1000}};
  must(setitimer(ITIMER_REAL, &interval, NULL), "setitimer");
  struct itimerspec period = {{0, (long)PERIOD_NS}, {0, (long)PERIOD_NS}};
  timer_fd = (int)must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create");
  must(timerfd_settime(timer_fd, 0, &period, NULL), "timerfd_settime");
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 4};
  timer_t posix;
  must(timer_create(CLOCK_MONOTONIC, &event, &posix), "timer_create");
  must(timer_settime(posix, 0, &period, NULL), "timer_settime");
}

static void check_account(struct account *account, uint64_t fired, uint64_t step) {
  uint64_t now = now_ns();
  uint64_t most = (now - started_ns) / PERIOD_NS + SLACK_PERIODS;
  if (fired > most) {
    corrupt("step %llu: %s fired %llu times, %llu were possible", (unsigned long long)step, account->name,
            (unsigned long long)fired, (unsigned long long)most);
  }
  if (fired > account->fired) {
    account->fired = fired;
    account->moved_ns = now;
  } else if (now - account->moved_ns > late_ns_max) {
    corrupt("step %llu: %s does not fire any more", (unsigned long long)step, account->name);
  }
}

void timers_step(uint64_t step) {
  uint64_t more = 0;
  ssize_t got = read(timer_fd, &more, sizeof more);
  if (got == sizeof more) expirations += more;
  else if (errno != EAGAIN) corrupt("reading the timerfd: %s", strerror(errno));
  check_account(&by_signal, (uint64_t)alarms, step);
  check_account(&by_descriptor, expirations, step);
  check_account(&by_posix, (uint64_t)posix_alarms, step);
}
