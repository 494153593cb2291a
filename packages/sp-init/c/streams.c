// The pipes behind the member's stdout and stderr, and their copy into the logs.
// sp-init keeps write ends itself, so there is never an end of file: "empty" is what ends a copy.
#include "sp-init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct stream streams[2];

static void stream_open(struct stream *stream, const char *log, int write_fd) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0 || dup3(ends[1], write_fd, O_CLOEXEC) < 0) die("cannot make a pipe for", log);
  close(ends[1]);
  // Only the read end: the flag on the write end would be the member's too.
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) die("cannot set up the pipe for", log);
  stream->pipe = ends[0];
  // O_NONBLOCK is for a log that is a pipe or a terminal (/dev/stdout in a container).
  stream->log = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  if (stream->log < 0) die("cannot open the log", log);
}

// Makes both pipes and opens both logs. Must be first to open files, so that the pinned numbers are free.
void streams_open(void) {
  stream_open(&streams[0], options.stdout_log, STDOUT_WRITE_FD);
  stream_open(&streams[1], options.stderr_log, STDERR_WRITE_FD);
}

// What to wait for: bytes in the pipe, or a log that takes what is held.
struct pollfd stream_poll(const struct stream *stream) {
  bool held = stream->to > 0;
  return (struct pollfd){.fd = held ? stream->log : stream->pipe, .events = held ? POLLOUT : POLLIN};
}

// Copies one buffer at most, and never blocks. A log that cannot take bytes (a full disk) loses them; one that will
// take them later (a slow reader behind a pipe) holds the member back, as a pipe does.
void stream_copy(struct stream *stream) {
  if (stream->to == 0) {
    ssize_t got = read(stream->pipe, stream->held, sizeof stream->held);
    if (got > 0) stream->to = (size_t)got;
  }
  while (stream->from < stream->to) {
    ssize_t put = write(stream->log, stream->held + stream->from, stream->to - stream->from);
    if (put > 0) {
      stream->from += (size_t)put;
      stream->logged_bytes += (uint64_t)put;
    } else if (put < 0 && errno == EAGAIN) {
      return;
    } else if (put == 0 || errno != EINTR) {
      stream->dropped_bytes += stream->to - stream->from;
      stream->from = stream->to;
    }
  }
  stream->from = stream->to = 0;
}

static size_t stream_waiting_bytes(const struct stream *stream) {
  int piped = 0;
  if (ioctl(stream->pipe, FIONREAD, &piped) < 0) piped = 0;
  return (size_t)piped + stream->to - stream->from;
}

// Whether all that the member has written so far has left the pipes.
bool streams_are_empty(void) {
  return stream_waiting_bytes(&streams[0]) + stream_waiting_bytes(&streams[1]) == 0;
}

// Copies what is left, for a bounded time; the rest counts as dropped.
void streams_finish(void) {
  int64_t deadline = now_ms() + DRAIN_DEADLINE_MS;
  while (!streams_are_empty() && now_ms() < deadline) {
    struct pollfd polls[2] = {stream_poll(&streams[0]), stream_poll(&streams[1])};
    if (poll(polls, 2, RETRY_MS) <= 0) continue;
    for (int i = 0; i < 2; i++)
      if (polls[i].revents) stream_copy(&streams[i]);
  }
  for (int i = 0; i < 2; i++) streams[i].dropped_bytes += stream_waiting_bytes(&streams[i]);
}

// Says in the stderr log what went wrong after the start, when no other place is left to say it.
void stderr_note(const char *what, const char *name) {
  dprintf(streams[1].log, "sp-init: %s %s: %s\n", what, name, strerror(errno));
}
