// sp-init: PID 1 of a member's sandbox. Here: options, set-up and the event loop. README.md has the contract.
#include "sp-init.h"

#include <getopt.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>

struct options options = {.first_pid = FIRST_PID_DEFAULT};

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Ends a start that failed, for the reason in errno.
_Noreturn void die(const char *what, const char *name) {
  fprintf(stderr, "sp-init: %s %s: %s\n", what, name, strerror(errno));
  exit(EXIT_FAILED);
}

static _Noreturn void usage(const char *problem) {
  const char *text = "usage: sp-init [--await-restore] --control PATH --stdout PATH --stderr PATH\n"
                     "         --exit-file PATH [--cgroup DIR]... [--first-pid N] [--cwd DIR] -- CMD [ARG]...\n";
  fprintf(stderr, "sp-init: %s\n%s", problem, text);
  exit(EXIT_FAILED);
}

static void parse_options(int argc, char **argv) {
  static const struct option known[] = {
      {"await-restore", no_argument, NULL, 'a'},   {"control", required_argument, NULL, 'c'},
      {"stdout", required_argument, NULL, 'o'},    {"stderr", required_argument, NULL, 'e'},
      {"exit-file", required_argument, NULL, 'x'}, {"cgroup", required_argument, NULL, 'g'},
      {"first-pid", required_argument, NULL, 'p'}, {"cwd", required_argument, NULL, 'd'},
      {0},
  };
  char *rest = "";
  for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
    if (option == 'g' && options.cgroup_count == CGROUPS_MAX) usage("too many --cgroup");
    switch (option) {
    case 'a': options.await_restore = true; break;
    case 'c': options.control = optarg; break;
    case 'o': options.stdout_log = optarg; break;
    case 'e': options.stderr_log = optarg; break;
    case 'x': options.exit_file = optarg; break;
    case 'd': options.cwd = optarg; break;
    case 'g': options.cgroups[options.cgroup_count++] = optarg; break;
    case 'p': options.first_pid = strtol(optarg, &rest, 10); break;
    default: usage("bad option");
    }
    if (*rest || options.first_pid < 2 || options.first_pid > FIRST_PID_MAX) usage("bad --first-pid");
  }
  if (!options.control || !options.stdout_log || !options.stderr_log || !options.exit_file)
    usage("--control, --stdout, --stderr and --exit-file are needed");
  if (strlen(options.exit_file) + sizeof ".tmp" > PATH_MAX) usage("--exit-file is too long");
  if (!options.await_restore && optind == argc) usage("no command");
  options.command = argv + optind;
}

// Blocks all signals, which keeps them from PID 1 too, and takes them from a signalfd instead.
static int open_signals(void) {
  static const int of_its_own_writes[] = {SIGPIPE, SIGXFSZ, SIGTTOU};
  sigset_t taken;
  sigfillset(&taken);
  sigprocmask(SIG_SETMASK, &taken, NULL);
  signal(SIGCHLD, SIG_DFL); // inherited as ignored it would reap by itself and lose exit codes
  for (size_t i = 0; i < sizeof of_its_own_writes / sizeof(int); i++) sigdelset(&taken, of_its_own_writes[i]);
  int fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
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
    bool retry = control_poll(polls + 3) || member.ending;
    if (poll(polls, sizeof polls / sizeof *polls, retry ? RETRY_MS : -1) < 0) continue;
    for (int i = 0; i < 2; i++)
      if (polls[1 + i].revents) stream_copy(&streams[i]);
    if (polls[0].revents || member.ending) take_signals(signals);
    control_serve(polls + 3);
  }
}

int main(int argc, char **argv) {
  parse_options(argc, argv);
  if (close_range(3, ~0U, 0) < 0) die("cannot close", "inherited files");
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (null >= 0 && null < 3) null = dup(null); // 0 to 2, if closed, must not become something else
  if (null < 0) die("cannot open", "/dev/null");
  int signals = open_signals();
  if (getpid() != 1) prctl(PR_SET_CHILD_SUBREAPER, 1);
  stream_open(&streams[0], options.stdout_log, STDOUT_WRITE_FD);
  stream_open(&streams[1], options.stderr_log, STDERR_WRITE_FD);
  if (unlink(options.exit_file) < 0 && errno != ENOENT) die("cannot remove the old", options.exit_file);
  control_listen();
  if (!options.await_restore) member_start();
  for (int fd = 0; fd < 3; fd++) dup2(null, fd); // from here on nothing depends on who started sp-init
  close(null);
  run_until_the_end(signals);
  streams_give_up();
  member.state = EXITED;
  member_write_exit_file();
  control_finish();
  return member.code;
}
