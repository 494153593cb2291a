// The main child and all else below sp-init: start, adopt, reap, signals, the end and the exit file.
#include "sp-init.h"

#include <sys/wait.h>

struct member member;

static struct {
  bool write_exit_file, childless;
  int64_t deadline;
} end;

// The child's own failures go to fd 2, the stderr pipe, and so into the log.
static _Noreturn void child_fail(int code, const char *what, const char *name) {
  dprintf(2, "sp-init: %s %s: %s\n", what, name, strerror(errno));
  _exit(code);
}

// Fails closed: a member outside its freezer cgroup could not be cut, so it is not started.
static void join_cgroup(const char *folder) {
  char *path;
  int fd = asprintf(&path, "%s/cgroup.procs", folder) < 0 ? -1 : open(path, O_WRONLY);
  if (fd < 0 || write(fd, "0", 1) != 1) child_fail(EXIT_NO_START, "cannot join the cgroup", folder);
}

static _Noreturn void run_command(void) {
  const char *command = options.command[0];
  if (dup2(STDOUT_WRITE_FD, 1) < 0 || dup2(STDERR_WRITE_FD, 2) < 0) _exit(EXIT_NO_START);
  setsid();
  for (int i = 0; i < options.cgroup_count; i++) join_cgroup(options.cgroups[i]);
  close(0);
  if (open("/dev/null", O_RDONLY) != 0) child_fail(EXIT_NO_START, "cannot open", "/dev/null");
  if (close_range(3, ~0U, 0) < 0) child_fail(EXIT_NO_START, "cannot close files for", command);
  if (options.cwd && chdir(options.cwd) < 0) child_fail(EXIT_NO_START, "cannot enter", options.cwd);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execvp(command, options.command);
  child_fail(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NO_START, "cannot run", command);
}

static bool raise_last_pid(void) {
  int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
  bool raised = fd >= 0 && dprintf(fd, "%ld", options.first_pid - 1) > 0;
  if (fd >= 0) close(fd);
  return raised;
}

// Low PIDs belong to what runs in a new sandbox before CRIU restores this member there. Where /proc/sys is
// read-only, as in an ordinary container, they are used up one by one.
static void skip_low_pids(void) {
  for (pid_t last = 1, pid;; last = pid) {
    pid = fork();
    if (pid == 0) _exit(0);
    if (pid < 0 || waitpid(pid, NULL, 0) < 0) die("cannot skip low PIDs for", options.command[0]);
    if (pid < last || pid >= options.first_pid - 1 || raise_last_pid()) return; // pid < last: they wrapped
  }
}

// Starts the command as the main child.
void member_start(void) {
  if (getpid() == 1) skip_low_pids();
  pid_t pid = fork();
  if (pid < 0) die("cannot fork for", options.command[0]);
  if (pid == 0) run_command();
  member = (struct member){.state = RUNNING, .pid = pid};
}

// Makes a process that CRIU restored the main child. False while it is no child of sp-init.
bool member_adopt(pid_t pid) {
  siginfo_t info;
  if (member.state != AWAITING || member.ending) return false;
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0) return false;
  member = (struct member){.state = RUNNING, .pid = pid};
  return true;
}

static void kill_all(void) {
  if (getpid() == 1) {
    kill(-1, SIGKILL);
    return;
  }
  // Not PID 1: what a dead child leaves behind becomes a child of sp-init and is killed in the next round.
  FILE *children = fopen("/proc/thread-self/children", "re");
  for (int pid; children && fscanf(children, "%d", &pid) == 1;) kill(pid, SIGKILL);
  if (children) fclose(children);
}

// Begins the end: all is killed and reaped before the exit file is written. The first reason counts.
void member_end(int code, int signal, bool write_exit_file) {
  if (member.ending) return;
  member.ending = true;
  member.code = code;
  member.signal = signal;
  end.write_exit_file = write_exit_file;
  end.deadline = now_ms() + END_DEADLINE_MS;
  end.childless = false;
  kill_all();
}

// Whether nothing runs and all output is in the logs. Neither what cannot die (frozen, stuck in the kernel) nor
// a log that takes nothing keeps sp-init for ever.
bool member_has_ended(void) {
  return member.ending && ((end.childless && streams_are_empty()) || now_ms() >= end.deadline);
}

static void main_child_ended(int status) {
  int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  int code = number ? EXIT_BY_SIGNAL + number : WEXITSTATUS(status);
  member.pid = 0;
  if (member.state != PARKED) member_end(code, number, true);
  if (member.ending) return;
  member.code = code;
  member.signal = number;
}

// Reaps the dead; says whether no child is left. While ending, kills those that came to sp-init since.
bool member_reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
    if (pid == member.pid) main_child_ended(status);
  end.childless = pid < 0;
  if (member.ending && !end.childless) kill_all();
  return end.childless;
}

// Passes a signal on. Without a main child, one that asks to terminate ends sp-init.
void member_forward(int number) {
  if (member.pid > 0)
    kill(member.pid, number);
  else if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
    member_end(EXIT_BY_SIGNAL + number, number, false);
}

// Writes the exit file whole or not at all. No place but the stderr log is left to report a failure.
void member_write_exit_file(void) {
  if (!end.write_exit_file) return;
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.tmp", options.exit_file);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd >= 0 &&
      dprintf(fd, "{\"code\":%d,\"signal\":%d,\"stdoutBytes\":%llu,\"stderrBytes\":%llu}\n", member.code,
              member.signal, streams[0].logged_bytes, streams[1].logged_bytes) > 0 &&
      fsync(fd) == 0 && rename(temporary, options.exit_file) == 0)
    return;
  dprintf(streams[1].log, "sp-init: cannot write the exit file %s: %s\n", options.exit_file, strerror(errno));
  unlink(temporary);
}
