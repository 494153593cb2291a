// The pipes behind the member's stdout and stderr, and their copy into the logs.
// sp-init keeps write ends itself, so there is never an end of file: being empty is what ends a copy.
#include "sp-init.h"

#include <sys/ioctl.h>

struct stream streams[2];

// Makes a pipe and opens its log. Comes early, while the pinned numbers are free.
void stream_open(struct stream *stream, const char *log, int write_fd) {
  int ends[2];
  // Only the read end does not block: the write end's flags are the member's.
  if (pipe2(ends, O_CLOEXEC) < 0 || dup3(ends[1], write_fd, O_CLOEXEC) < 0 ||
      fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
    die("cannot make a pipe for", log);
  close(ends[1]);
  stream->pipe = ends[0];
  // O_NONBLOCK is for a log that is a pipe or a terminal (/dev/stdout in a container).
  stream->log = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  if (stream->log < 0) die("cannot open the log", log);
}

// What to wait for: bytes in the pipe, or a log that takes what is held.
struct pollfd stream_poll(const struct stream *stream) {
  if (stream->to > 0) return (struct pollfd){.fd = stream->log, .events = POLLOUT};
  return (struct pollfd){.fd = stream->pipe, .events = POLLIN};
}

// Copies one buffer at most, without blocking. Bytes that the log cannot take (a full disk) are dropped; if it
// will take them later (a slow reader of a pipe) they are kept, and the member has to wait as for any pipe.
void stream_copy(struct stream *stream) {
  if (stream->to == 0) {
    ssize_t got = read(stream->pipe, stream->held, sizeof stream->held);
    if (got > 0) stream->to = (size_t)got;
  }
  while (stream->from < stream->to) {
    ssize_t put = write(stream->log, stream->held + stream->from, stream->to - stream->from);
    if (put > 0) {
      stream->from += (size_t)put;
      stream->logged_bytes += (size_t)put;
    } else if (put < 0 && errno == EAGAIN) {
      return;
    } else if (put == 0 || errno != EINTR) {
      stream->dropped_bytes += stream->to - stream->from;
      break;
    }
  }
  stream->from = stream->to = 0;
}

static size_t waiting_bytes(const struct stream *stream) {
  int piped = 0;
  if (ioctl(stream->pipe, FIONREAD, &piped) < 0) piped = 0;
  return (size_t)piped + stream->to - stream->from;
}

// Whether all that the member has written so far has left the pipes.
bool streams_are_empty(void) { return waiting_bytes(&streams[0]) + waiting_bytes(&streams[1]) == 0; }

// What is still not in the logs counts as dropped.
void streams_give_up(void) {
  for (int i = 0; i < 2; i++) streams[i].dropped_bytes += waiting_bytes(&streams[i]);
}
