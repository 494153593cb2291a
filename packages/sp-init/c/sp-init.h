// The words and bounds that sp-init's files share. One process, one thread, one event loop: state is global.
#ifndef SP_INIT_H
#define SP_INIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  STDOUT_WRITE_FD = 10, // pinned: an agent hands /proc/<sp-init>/fd/10 and 11 to CRIU at a restore
  STDERR_WRITE_FD = 11,
  CLIENTS_MAX = 16,
  CGROUPS_MAX = 16,
  FIRST_PID_DEFAULT = 1000,
  FIRST_PID_MAX = 30000,
  LINE_BYTES_MAX = 256,
  ANSWER_BYTES_MAX = 4096,
  COPY_BYTES_MAX = 65536,
  RETRY_MS = 20,
  DRAIN_DEADLINE_MS = 2000,
  ADOPT_DEADLINE_MS = 5000,
  END_DEADLINE_MS = 5000,
  EXIT_LEFT = 75,        // told to quit: not the member's code, and no success either
  EXIT_INIT_FAILED = 125, // sp-init itself could not start
  EXIT_NOT_RUNNABLE = 126,
  EXIT_NOT_FOUND = 127,
  EXIT_BY_SIGNAL = 128, // plus the signal's number
};

struct options {
  bool await_restore;
  const char *control, *stdout_log, *stderr_log, *exit_file, *cwd;
  const char *cgroups[CGROUPS_MAX];
  int cgroup_count;
  long first_pid;
  char **command;
};

enum state { AWAITING, RUNNING, PARKED, EXITED };

// The main child. pid is 0 before it is there and once it is reaped; code is 128 + signal if a signal ended it.
struct member {
  enum state state;
  pid_t pid;
  int code, signal;
};

// One of the member's output pipes and the log behind it.
struct stream {
  int pipe, log;
  char held[COPY_BYTES_MAX]; // read from the pipe, not yet in the log: held[from..to)
  size_t from, to;
  uint64_t logged_bytes, dropped_bytes;
};

extern struct options options;
extern struct member member;
extern struct stream streams[2];

// main.c
int64_t now_ms(void);
_Noreturn void die(const char *what, const char *name);

// streams.c
void streams_open(void);
struct pollfd stream_poll(const struct stream *stream);
void stream_copy(struct stream *stream);
bool streams_are_empty(void);
void streams_finish(void);
void stderr_note(const char *what, const char *name);

// member.c
void member_start(void);
bool member_adopt(pid_t pid);
void member_reap(void);
void member_forward(int number);
bool member_has_children(void);
void member_end(int code, int signal, bool write_exit_file);
bool member_is_ending(void);
bool member_has_ended(void);
void member_write_exit_file(void);

// control.c
void control_listen(void);
void control_unlink(void);
int control_poll(struct pollfd *polls);
bool control_is_waiting(void);
void control_serve(const struct pollfd *polls);
void control_finish(void);

#endif
