/* Hangs in an uninterruptible wait for a while, then goes on.
 *
 * `--kind lock`: a child waits for the lock of a folder whose file system does not answer. Nothing can stop it, not
 * even the cgroup freezer. With `--in FOLDER` the folder is one that `hang --serve FOLDER` has mounted, and the wait
 * lasts until that process is killed. `--kind vfork`: the parent of a vfork(); the freezer counts it as frozen, ptrace can't. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verdict.h"

enum { CHILD_STATUS = 9 };

/* Static, because the child of a vfork() may not use its parent's locals. */
static uint64_t wake_ns;

static void await_child(pid_t child) {
  int status;
  if (must(waitpid(child, &status, 0), "waitpid") != child) corrupt("another child ended");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != CHILD_STATUS) corrupt("a child's status is %d", status);
  if (now_ns() < wake_ns) corrupt("a child that hung came back early");
}

static void hang_by_vfork(void) {
  pid_t child = vfork();
  if (child == 0) {
    sleep_until(wake_ns);
    _exit(CHILD_STATUS);
  }
  await_child((pid_t)must(child, "vfork"));
}

static pid_t start_child(int server, void (*work)(const char *folder), const char *folder) {
  pid_t child = (pid_t)must(fork(), "fork");
  if (child > 0) return child;
  must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
  if (server >= 0) close(server);
  must(chdir("/"), "chdir");
  work(folder);
  _exit(CHILD_STATUS);
}

/* Holds the folder's lock until the file system answers. */
static void look_up(const char *folder) {
  char path[128];
  struct stat found;
  snprintf(path, sizeof path, "%s/name", folder);
  if (stat(path, &found) == 0) corrupt("a file system that never answers has a file");
}

/* Wants the lock exclusively. */
static void make_folder(const char *folder) {
  char path[128];
  snprintf(path, sizeof path, "%s/folder", folder);
  if (mkdir(path, 0755) == 0) corrupt("a file system that never answers made a folder");
}

static void await_disk_sleep(pid_t child) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  for (uint64_t deadline = now_ns() + 10000000000u; now_ns() < deadline; sleep_until(now_ns() + 1000000)) {
    int fd = (int)must(open(path, O_RDONLY | O_CLOEXEC), path);
    ssize_t size = must(read(fd, text, sizeof text - 1), path);
    close(fd);
    text[size] = '\0';
    if (strstr(text, ") D ") != NULL) return;
  }
  refuse("a child that should hang does not");
}

/* Mounts a FUSE file system whose server, this process, never answers. Returns the server's descriptor: closing it ends
 * all waiting. */
static int mount_silence(const char *folder) {
  char options[96];
  int server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (server < 0) refuse("/dev/fuse: %s", strerror(errno));
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
  if (mount("fuse", folder, "fuse", 0, options) < 0) refuse("mounting FUSE: %s", strerror(errno));
  return server;
}

/* Two children hang in the folder; `server` is the descriptor that ends it, or -1 when that is another process's. */
static void hang_in(const char *folder, int server) {
  pid_t holder = start_child(server, look_up, folder);
  await_disk_sleep(holder);
  pid_t waiter = start_child(server, make_folder, folder);
  await_disk_sleep(waiter);
  if (server >= 0) {
    sleep_until(wake_ns);
    close(server);
  } else {
    wake_ns = 0;
  }
  await_child(holder);
  await_child(waiter);
}

static void hang_by_lock(void) {
  char folder[64];
  snprintf(folder, sizeof folder, "/tmp/hang.%d", getpid());
  must(mkdir(folder, 0755), folder);
  hang_in(folder, mount_silence(folder));
  must(umount(folder), folder);
  must(rmdir(folder), folder);
}

/* Until it is killed. */
_Noreturn static void serve(const char *folder) {
  mount_silence(folder);
  say("serving %s", folder);
  for (;;) pause();
}

int main(int count, char **arguments) {
  static const struct option KNOWN[] = {
      {"steps", required_argument, NULL, 's'},   {"step-ms", required_argument, NULL, 'm'},
      {"hang-at", required_argument, NULL, 'a'}, {"hang-ms", required_argument, NULL, 'h'},
      {"kind", required_argument, NULL, 'k'},    {"in", required_argument, NULL, 'i'},
      {"serve", required_argument, NULL, 'S'},   {NULL, 0, NULL, 0}};
  unsigned long steps = 100, step_ms = 20, hang_at = 10, hang_ms = 10000;
  const char *kind = "lock", *folder = NULL;
  for (int option; (option = getopt_long(count, arguments, "", KNOWN, NULL)) != -1;) {
    switch (option) {
      case 's': steps = number_of(optarg, "--steps"); break;
      case 'm': step_ms = number_of(optarg, "--step-ms"); break;
      case 'a': hang_at = number_of(optarg, "--hang-at"); break;
      case 'h': hang_ms = number_of(optarg, "--hang-ms"); break;
      case 'k': kind = optarg; break;
      case 'i': folder = optarg; break;
      case 'S': serve(optarg);
      default: refuse("an option is unknown or lacks its value");
    }
  }
  bool by_lock = strcmp(kind, "lock") == 0;
  if (!by_lock && strcmp(kind, "vfork") != 0) refuse("--kind: lock or vfork, not %s", kind);
  for (unsigned long step = 0; step < steps; step++) {
    say("step %lu digest %016llx", step, (unsigned long long)mix(0, step));
    wake_ns = now_ns() + (step == hang_at ? hang_ms : step_ms) * 1000000u;
    if (step != hang_at) sleep_until(wake_ns);
    else if (by_lock && folder != NULL) hang_in(folder, -1);
    else if (by_lock) hang_by_lock();
    else hang_by_vfork();
  }
  say("OK steps %lu", steps);
  return 0;
}
