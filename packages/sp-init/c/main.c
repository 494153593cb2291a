// sp-init: PID 1 of a member's sandbox. Here: options, set-up and the event loop. README.md has the contract.
#include "sp-init.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct options options = {.first_pid = FIRST_PID_DEFAULT};

static const char usage_text[] =
    "usage: sp-init [--await-restore] --control PATH --stdout PATH --stderr PATH --exit-file PATH\n"
    "               [--cgroup DIR]... [--first-pid N] [--cwd DIR] -- CMD [ARG]...\n";

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Ends a start that failed. Not for use once the member runs.
_Noreturn void die(const char *what, const char *name) {
  fprintf(stderr, "sp-init: %s %s: %s\n", what, name, strerror(errno));
  exit(EXIT_INIT_FAILED);
}

static _Noreturn void usage(const char *problem) {
  fprintf(stderr, "sp-init: %s\n%s", problem, usage_text);
  exit(EXIT_INIT_FAILED);
}

static void parse_options(int argc, char **argv) {
  static const struct option known[] = {
      {"await-restore", no_argument, NULL, 'a'}, {"control", required_argument, NULL, 'c'},
      {"stdout", required_argument, NULL, 'o'},  {"stderr", required_argument, NULL, 'e'},
      {"exit-file", required_argument, NULL, 'x'}, {"cgroup", required_argument, NULL, 'g'},
      {"first-pid", required_argument, NULL, 'p'}, {"cwd", required_argument, NULL, 'd'},
      {"help", no_argument, NULL, 'h'},          {0},
  };
  for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
    char *rest = "";
    switch (option) {
    case 'a': options.await_restore = true; break;
    case 'c': options.control = optarg; break;
    case 'o': options.stdout_log = optarg; break;
    case 'e': options.stderr_log = optarg; break;
    case 'x': options.exit_file = optarg; break;
    case 'd': options.cwd = optarg; break;
    case 'g':
      if (options.cgroup_count == CGROUPS_MAX) usage("too many --cgroup");
      options.cgroups[options.cgroup_count++] = optarg;
      break;
    case 'p':
      options.first_pid = strtol(optarg, &rest, 10);
      if (*rest || options.first_pid < 2 || options.first_pid > FIRST_PID_MAX)
        usage("--first-pid must be 2 to 30000");
      break;
    case 'h': fputs(usage_text, stdout); exit(0);
    default: usage("bad option");
    }
  }
  if (!options.control || !options.stdout_log || !options.stderr_log || !options.exit_file)
    usage("--control, --stdout, --stderr and --exit-file are needed");
  if (strlen(options.exit_file) > PATH_MAX - 8) usage("--exit-file is too long");
  if (!options.await_restore && optind == argc) usage("no command");
  options.command = argv + optind;
}

// Lets go of everything inherited, so that nothing of sp-init depends on who started it.
static void detach(void) {
  int fd;
  while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd < 3) continue; // fds 0 to 2 are never anything else
  if (fd < 0) die("cannot open", "/dev/null");
  if (close_range(3, ~0U, 0) < 0) die("cannot close", "inherited files");
}

static int open_signals(void) {
  sigset_t all, forwarded;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  signal(SIGCHLD, SIG_DFL); // if ignored, children would vanish unreaped
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  sigemptyset(&forwarded);
  const int plain[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGTSTP, SIGWINCH};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) sigaddset(&forwarded, plain[i]);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++) sigaddset(&forwarded, number);
  int fd = signalfd(-1, &forwarded, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) die("cannot make", "a signalfd");
  return fd;
}

static void take_signals(int fd) {
  struct signalfd_siginfo info;
  while (read(fd, &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD) member_forward((int)info.ssi_signo);
  member_reap();
}

static void run_until_the_end(int signals) {
  struct pollfd polls[3 + 1 + CLIENTS_MAX];
  while (!member_has_ended()) {
    polls[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    for (int i = 0; i < 2; i++) polls[1 + i] = stream_poll(&streams[i]);
    nfds_t count = 3 + (nfds_t)control_poll(polls + 3);
    bool retry = member_is_ending() || control_is_waiting();
    if (poll(polls, count, retry ? RETRY_MS : -1) < 0) continue;
    for (int i = 0; i < 2; i++)
      if (polls[1 + i].revents) stream_copy(&streams[i]);
    if (polls[0].revents || member_is_ending()) take_signals(signals);
    control_serve(polls + 3);
  }
}

int main(int argc, char **argv) {
  parse_options(argc, argv);
  detach();
  int signals = open_signals();
  if (getpid() != 1) prctl(PR_SET_CHILD_SUBREAPER, 1);
  streams_open();
  if (unlink(options.exit_file) < 0 && errno != ENOENT) die("cannot remove the old", options.exit_file);
  control_listen();
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) die("cannot open", "/dev/null");
  if (!options.await_restore) member_start();
  for (int fd = 0; fd < 3; fd++) dup2(null, fd); // started: nothing of the starter's stays open
  close(null);
  run_until_the_end(signals);
  streams_finish();
  member.state = EXITED;
  member_write_exit_file();
  control_finish();
  return member.code;
}
