/* Every queue always holds a fixed number of records: each step adds one and must find the right one in front. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../verdict.h"

/* A datagram socket's queue is short (net.unix.max_dgram_qlen). */
enum { QUEUES = 4, DEPTH = 40, DATAGRAM_QUEUE = 2, DATAGRAM_DEPTH = 8, RECORD_WORDS = 16, PIPE_BYTES = 128 << 10 };

static struct {
  const char *name;
  int in, out;
} queues[QUEUES] = {{.name = "pipe"}, {.name = "stream pair"}, {.name = "datagram pair"}, {.name = "packet pair"}};

static uint64_t depth_of(uint64_t queue) { return queue == DATAGRAM_QUEUE ? DATAGRAM_DEPTH : DEPTH; }

static void put(uint64_t queue, uint64_t number) {
  uint64_t record[RECORD_WORDS];
  for (uint64_t at = 0; at < RECORD_WORDS; at++) record[at] = mix(queue * 1000 + at, number);
  if (write(queues[queue].in, record, sizeof record) != sizeof record) {
    corrupt("writing to the %s: %s", queues[queue].name, strerror(errno));
  }
}

static uint64_t take(uint64_t queue, uint64_t number) {
  uint64_t record[RECORD_WORDS];
  if (read(queues[queue].out, record, sizeof record) != sizeof record) corrupt("the %s is short", queues[queue].name);
  for (uint64_t at = 0; at < RECORD_WORDS; at++) {
    if (record[at] != mix(queue * 1000 + at, number)) {
      corrupt("the %s gave another record than %llu", queues[queue].name, (unsigned long long)number);
    }
  }
  return record[0];
}

void queues_open(void) {
  static const int TYPES[QUEUES] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (int at = 0; at < QUEUES; at++) {
    int ends[2];
    if (TYPES[at] == 0) must(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe2");
    else must(socketpair(AF_UNIX, TYPES[at] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), "socketpair");
    queues[at].out = ends[0];
    queues[at].in = ends[1];
  }
  must(fcntl(queues[0].in, F_SETPIPE_SZ, PIPE_BYTES), "F_SETPIPE_SZ");
  for (uint64_t at = 0; at < QUEUES; at++) {
    for (uint64_t number = 0; number < depth_of(at); number++) put(at, number);
  }
}

uint64_t queues_step(uint64_t step) {
  uint64_t digest = 0;
  for (uint64_t at = 0; at < QUEUES; at++) {
    digest = mix(digest, take(at, step));
    put(at, step + depth_of(at));
  }
  if (fcntl(queues[0].in, F_GETPIPE_SZ) != PIPE_BYTES) corrupt("the pipe has another size");
  return digest;
}
