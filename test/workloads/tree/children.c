/* Four kinds of child: a relay, a nested child behind it, a counter of signals, and zombies reaped a step later. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../verdict.h"

/* Written by the counter, read by the root. */
static struct {
  volatile uint64_t queued, plain;
} *counted;

static int to_relay, from_relay;
static pid_t relay, counter, zombie;
static volatile sig_atomic_t plain_signals, queued_signals, last_value, early_value;

static uint64_t relayed(uint64_t value) { return mix(value, 501); }
static uint64_t nested(uint64_t value) { return mix(value, 502); }

static bool read_word(int fd, uint64_t *word) {
  size_t at = 0;
  while (at < sizeof *word) {
    ssize_t got = read(fd, (char *)word + at, sizeof *word - at);
    if (got == 0) return false;
    if (got < 0 && errno == EINTR) continue;
    must(got, "read from a child");
    at += (size_t)got;
  }
  return true;
}

static void write_word(int fd, uint64_t word) {
  if (write(fd, &word, sizeof word) != sizeof word) corrupt("write to a child: %s", strerror(errno));
}

/* In a child: who forked it, and who it is. */
static pid_t own_parent, own_pid;

static pid_t fork_child(void) {
  pid_t parent = getpid(), child = (pid_t)must(fork(), "fork");
  if (child == 0) {
    own_parent = parent;
    own_pid = getpid();
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
    if (getppid() != parent) _exit(3);
  }
  return child;
}

/* What a child must find unchanged whenever it works. */
static void check_child(const char *who) {
  if (getpid() != own_pid || getppid() != own_parent) {
    corrupt("%s is pid %d of parent %d, not %d of %d", who, getpid(), getppid(), own_pid, own_parent);
  }
  memory_check_surroundings(who);
}

/* In its own session; answers each word with another until its socket ends. */
static _Noreturn void run_nested(int socket) {
  must(setsid(), "setsid");
  for (uint64_t word; read_word(socket, &word);) {
    check_child("the nested child");
    if (getsid(0) != own_pid) corrupt("the nested child lost its session");
    write_word(socket, nested(word));
  }
  _exit(0);
}

/* Passes each word on to the nested child, and writes the record of the step at the shared offset. */
static _Noreturn void run_relay(int in, int out) {
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
  pid_t child = fork_child();
  if (child == 0) {
    close(ends[0]);
    run_nested(ends[1]);
  }
  close(ends[1]);
  uint64_t step = 0;
  for (uint64_t word; read_word(in, &word); step++) {
    check_child("the relay");
    memory_child_writes(step);
    write_word(ends[0], relayed(word));
    if (!read_word(ends[0], &word)) corrupt("the nested child is gone");
    write_word(out, word);
  }
  close(ends[0]);
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) corrupt("the nested child ended with %d", status);
  _exit(0);
}

static void on_plain(int number) {
  (void)number;
  plain_signals += 1;
}

static void on_queued(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  if (info->si_value.sival_int != last_value + 1) early_value = info->si_value.sival_int;
  last_value = info->si_value.sival_int;
  queued_signals += 1;
}

/* Counts signals; a queued one carries its number, so that a lost, doubled or early one is seen. They are blocked
 * when it starts, and ever after except where it waits for them. */
static _Noreturn void run_counter(void) {
  sigset_t none;
  sigemptyset(&none);
  struct sigaction plain = {.sa_handler = on_plain};
  struct sigaction queued = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO};
  must(sigaction(SIGUSR1, &plain, NULL), "sigaction");
  must(sigaction(SIGRTMIN + 2, &queued, NULL), "sigaction");
  for (;;) {
    counted->plain = (uint64_t)plain_signals;
    counted->queued = (uint64_t)queued_signals;
    sigsuspend(&none);
    if (early_value != 0) corrupt("signal %d came after signal %d", early_value, last_value - 1);
    check_child("the counter");
  }
}

void children_open(void) {
  void *at = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) corrupt("mmap: %s", strerror(errno));
  counted = at;
  int to[2], from[2];
  must(pipe2(to, O_CLOEXEC), "pipe2");
  must(pipe2(from, O_CLOEXEC), "pipe2");
  relay = fork_child();
  if (relay == 0) {
    close(to[1]);
    close(from[0]);
    run_relay(to[0], from[1]);
  }
  close(to[0]);
  close(from[1]);
  to_relay = to[1];
  from_relay = from[0];
  sigset_t counted_signals, before;
  sigemptyset(&counted_signals);
  sigaddset(&counted_signals, SIGUSR1);
  sigaddset(&counted_signals, SIGRTMIN + 2);
  must(sigprocmask(SIG_BLOCK, &counted_signals, &before), "sigprocmask");
  counter = fork_child();
  if (counter == 0) {
    close(to_relay);
    close(from_relay);
    run_counter();
  }
  must(sigprocmask(SIG_SETMASK, &before, NULL), "sigprocmask");
}

/* Waits until the counter has seen all signals sent so far. */
static void await_signals(uint64_t sent) {
  uint64_t deadline = now_ns() + 60000000000u;
  while (counted->plain < sent || counted->queued < sent) {
    if (now_ns() > deadline) corrupt("signal %llu never came", (unsigned long long)sent);
    sleep_until(now_ns() + 200000);
  }
  if (counted->plain != sent || counted->queued != sent) corrupt("more signals came than were sent");
}

static int zombie_status(uint64_t step) { return (int)(mix(503, step) % 100); }

/* The child of the last step has been a zombie since; the next one becomes one now. */
static void exchange_zombies(uint64_t step) {
  int status;
  if (step > 0) {
    if (waitpid(zombie, &status, 0) != zombie) corrupt("the zombie is gone: %s", strerror(errno));
    bool expected = WIFEXITED(status) && WEXITSTATUS(status) == zombie_status(step - 1);
    if (!expected) corrupt("the zombie's status is %d", status);
  }
  zombie = (pid_t)must(fork(), "fork");
  if (zombie == 0) _exit(zombie_status(step));
  siginfo_t info;
  must(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT), "waitid");
}

uint64_t children_step(uint64_t step) {
  write_word(to_relay, step);
  uint64_t answer;
  if (!read_word(from_relay, &answer)) corrupt("the relay is gone");
  if (answer != nested(relayed(step))) corrupt("step %llu: the relay gave another answer", (unsigned long long)step);
  union sigval number = {.sival_int = (int)(step + 1)};
  must(sigqueue(counter, SIGRTMIN + 2, number), "sigqueue");
  must(kill(counter, SIGUSR1), "kill");
  await_signals(step + 1);
  exchange_zombies(step);
  return answer;
}

void children_close(void) {
  int status;
  close(to_relay);
  if (waitpid(relay, &status, 0) != relay || status != 0) corrupt("the relay ended with %d", status);
  must(kill(counter, SIGKILL), "kill");
  if (waitpid(counter, &status, 0) != counter || !WIFSIGNALED(status)) corrupt("the counter ended with %d", status);
  must(waitpid(zombie, &status, 0), "waitpid");
  if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD) corrupt("there is a child too many");
}
