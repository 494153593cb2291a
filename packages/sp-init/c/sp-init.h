// What sp-init's files share: bounds, state, functions. One thread and one loop, so the state is global.
#ifndef SP_INIT_H
#define SP_INIT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Pinned: an agent hands /proc/<sp-init>/fd/10 and 11 to CRIU at a restore.
enum { STDOUT_WRITE_FD = 10, STDERR_WRITE_FD = 11 };
enum { CLIENTS_MAX = 16, CGROUPS_MAX = 16, FIRST_PID_DEFAULT = 1000, FIRST_PID_MAX = 30000 };
enum { LINE_BYTES_MAX = 256, ANSWER_BYTES_MAX = 512, COPY_BYTES_MAX = 65536 };
enum { RETRY_MS = 20, DRAIN_DEADLINE_MS = 2000, ADOPT_DEADLINE_MS = 5000, END_DEADLINE_MS = 5000 };
// EXIT_LEFT, after `quit`, is neither the member's code nor a success. A signal is added to EXIT_BY_SIGNAL.
enum { EXIT_LEFT = 75, EXIT_FAILED = 125, EXIT_NO_START = 126, EXIT_NOT_FOUND = 127, EXIT_BY_SIGNAL = 128 };

struct options {
  bool await_restore;
  const char *control, *stdout_log, *stderr_log, *exit_file, *cwd, *cgroups[CGROUPS_MAX];
  int cgroup_count;
  long first_pid;
  char **command;
};

// The main child: pid is 0 before it is there and once it is reaped. ending: all is being killed and reaped.
struct member {
  enum { AWAITING, RUNNING, PARKED, EXITED } state;
  pid_t pid;
  int code, signal;
  bool ending;
};

// One of the member's output pipes and its log; held[from..to) is read from the pipe and not yet in the log.
struct stream {
  int pipe, log;
  char held[COPY_BYTES_MAX];
  size_t from, to;
  unsigned long long logged_bytes, dropped_bytes;
};

extern struct options options;
extern struct member member;
extern struct stream streams[2];

int64_t now_ms(void);
_Noreturn void die(const char *what, const char *name);

void stream_open(struct stream *stream, const char *log, int write_fd);
struct pollfd stream_poll(const struct stream *stream);
void stream_copy(struct stream *stream);
bool streams_are_empty(void);
void streams_give_up(void);

void member_start(void);
bool member_adopt(pid_t pid);
bool member_reap(void);
void member_forward(int number);
void member_end(int code, int signal, bool write_exit_file);
bool member_has_ended(void);
void member_write_exit_file(void);

void control_listen(void);
bool control_poll(struct pollfd polls[1 + CLIENTS_MAX]);
void control_serve(const struct pollfd *polls);
void control_finish(void);

#endif
