// The main child and all else below sp-init: start, adopt, reap, forward signals, end, exit file.
#include "sp-init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct member member;

static struct {
  bool begun, write_exit_file, childless;
  int64_t deadline;
} end;

// The child's own errors: fd 2 is the stderr pipe, so they end up in the log.
static _Noreturn void child_fail(int code, const char *what, const char *name) {
  dprintf(2, "sp-init: %s %s: %s\n", what, name, strerror(errno));
  _exit(code);
}

// Fails closed: a member outside its freezer cgroup could not be cut, so it is not started.
static void join_cgroup(const char *folder) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/cgroup.procs", folder);
  errno = ENAMETOOLONG;
  int fd = length < (int)sizeof path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
  if (fd < 0 || write(fd, "0", 1) != 1) child_fail(EXIT_NOT_RUNNABLE, "cannot join the cgroup", folder);
  close(fd);
}

static _Noreturn void run_command(void) {
  if (dup2(STDOUT_WRITE_FD, 1) < 0 || dup2(STDERR_WRITE_FD, 2) < 0) _exit(EXIT_NOT_RUNNABLE);
  setsid();
  for (int i = 0; i < options.cgroup_count; i++) join_cgroup(options.cgroups[i]);
  close(0);
  if (open("/dev/null", O_RDONLY) != 0) child_fail(EXIT_NOT_RUNNABLE, "cannot open", "/dev/null");
  if (close_range(3, ~0U, 0) < 0) child_fail(EXIT_NOT_RUNNABLE, "cannot close files for", options.command[0]);
  if (options.cwd && chdir(options.cwd) < 0)
    child_fail(EXIT_NOT_RUNNABLE, "cannot enter the folder", options.cwd);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execvp(options.command[0], options.command);
  child_fail(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE, "cannot run", options.command[0]);
}

static bool raise_last_pid(long last) {
  char found[32] = "", wanted[32];
  int length = snprintf(wanted, sizeof wanted, "%ld", last);
  int fd = open("/proc/sys/kernel/ns_last_pid", O_RDWR | O_CLOEXEC);
  bool raised = fd >= 0 && pread(fd, found, sizeof found - 1, 0) > 0 &&
                (atol(found) >= last || pwrite(fd, wanted, (size_t)length, 0) == length);
  if (fd >= 0) close(fd);
  return raised;
}

// Low PIDs belong to whatever runs in a new sandbox before CRIU restores this member there.
static void skip_low_pids(void) {
  if (raise_last_pid(options.first_pid - 1)) return;
  // /proc/sys is read-only in an ordinary container: use the low numbers up.
  for (pid_t pid = 0; pid < options.first_pid - 1;) {
    pid_t next = fork();
    if (next == 0) _exit(0);
    if (next < 0 || waitpid(next, NULL, 0) < 0) die("cannot skip low PIDs for", options.command[0]);
    if (next < pid) return; // wrapped: all low ones were passed
    pid = next;
  }
}

// Starts the command as the main child.
void member_start(void) {
  if (getpid() == 1) skip_low_pids();
  pid_t pid = fork();
  if (pid < 0) die("cannot fork for", options.command[0]);
  if (pid == 0) run_command();
  member.pid = pid;
  member.state = RUNNING;
}

// Makes a process that CRIU restored the main child. False while it is not (yet) a child of sp-init.
bool member_adopt(pid_t pid) {
  siginfo_t info;
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0) return false;
  member.pid = pid;
  member.state = RUNNING;
  return true;
}

bool member_has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

static void kill_all(void) {
  if (getpid() == 1) {
    kill(-1, SIGKILL);
    return;
  }
  // Not PID 1: those that a child leaves behind come to sp-init, their reaper, and are killed in the next round.
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  FILE *children = fopen(path, "re");
  if (!children) return;
  for (int pid; fscanf(children, "%d", &pid) == 1;) kill(pid, SIGKILL);
  fclose(children);
}

// Begins the end: everything is killed and reaped before the exit file says so. The first reason counts.
void member_end(int code, int signal, bool write_exit_file) {
  if (end.begun) return;
  end.begun = true;
  end.childless = false; // what was reaped last may be long ago: look again
  end.write_exit_file = write_exit_file;
  end.deadline = now_ms() + END_DEADLINE_MS;
  member.code = code;
  member.signal = signal;
  kill_all();
}

bool member_is_ending(void) { return end.begun; }

// A child that cannot die (frozen, or in the kernel for good) must not keep sp-init for ever.
bool member_has_ended(void) { return end.begun && (end.childless || now_ms() >= end.deadline); }

static void main_child_ended(int status) {
  int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  int code = number ? EXIT_BY_SIGNAL + number : WEXITSTATUS(status);
  member.pid = 0;
  if (member.state != PARKED) {
    member_end(code, number, true);
  } else if (!end.begun) {
    member.code = code;
    member.signal = number;
  }
}

// Reaps all dead children; once the end has begun, kills those that came to sp-init meanwhile.
void member_reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0 || (pid < 0 && errno == EINTR))
    if (pid > 0 && pid == member.pid) main_child_ended(status);
  end.childless = pid < 0;
  if (end.begun && !end.childless) kill_all();
}

// Passes a signal on. Without a main child, one that asks to terminate ends sp-init.
void member_forward(int number) {
  if (member.pid > 0)
    kill(member.pid, number);
  else if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
    member_end(EXIT_BY_SIGNAL + number, number, false);
}

// Writes the exit file, complete or not at all. A failure is said in the stderr log.
void member_write_exit_file(void) {
  if (!end.write_exit_file) return;
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.tmp", options.exit_file);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool written =
      fd >= 0 &&
      dprintf(fd, "{\"code\":%d,\"signal\":%d,\"stdoutBytes\":%llu,\"stderrBytes\":%llu}\n", member.code,
              member.signal, (unsigned long long)streams[0].logged_bytes,
              (unsigned long long)streams[1].logged_bytes) > 0 &&
      fsync(fd) == 0 && rename(temporary, options.exit_file) == 0;
  if (!written) {
    stderr_note("cannot write the exit file", options.exit_file);
    unlink(temporary);
  }
  if (fd >= 0) close(fd);
}
