/* Keeps an io_uring open and passes one request a step through it: a blocker, since no image can hold a ring. */
#include <errno.h>
#include <getopt.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verdict.h"

enum { ENTRIES = 4 };

static struct {
  int fd;
  struct io_uring_params parameters;
  uint8_t *submissions, *completions;
  struct io_uring_sqe *entries;
} ring;

static void *map_ring(size_t bytes, off_t offset) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, offset);
  if (at == MAP_FAILED) corrupt("mmap of the ring: %s", strerror(errno));
  return at;
}

static void ring_open(void) {
  struct io_uring_params *with = &ring.parameters;
  ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, with);
  if (ring.fd < 0) refuse("io_uring is not to be had here: %s", strerror(errno));
  ring.submissions = map_ring(with->sq_off.array + with->sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
  ring.completions =
      map_ring(with->cq_off.cqes + with->cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
  ring.entries = map_ring(with->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

/* Submits a request that does nothing and takes its completion. */
static void ring_step(uint64_t step) {
  const struct io_uring_params *with = &ring.parameters;
  uint32_t mask = *(uint32_t *)(ring.submissions + with->sq_off.ring_mask), slot = (uint32_t)step & mask;
  ring.entries[slot] = (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = step};
  ((uint32_t *)(ring.submissions + with->sq_off.array))[slot] = slot;
  atomic_store((_Atomic uint32_t *)(ring.submissions + with->sq_off.tail), (uint32_t)step + 1);
  must(syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
  mask = *(uint32_t *)(ring.completions + with->cq_off.ring_mask);
  const struct io_uring_cqe *done = (struct io_uring_cqe *)(ring.completions + with->cq_off.cqes);
  unsigned long long asked = step, answered = done[(uint32_t)step & mask].user_data;
  if (answered != asked) corrupt("request %llu was answered as %llu", asked, answered);
  atomic_store((_Atomic uint32_t *)(ring.completions + with->cq_off.head), (uint32_t)step + 1);
}

int main(int count, char **arguments) {
  static const struct option KNOWN[] = {
      {"steps", required_argument, NULL, 's'}, {"step-ms", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
  unsigned long steps = 100, step_ms = 20;
  for (int option; (option = getopt_long(count, arguments, "", KNOWN, NULL)) != -1;) {
    switch (option) {
      case 's': steps = number_of(optarg, "--steps"); break;
      case 'm': step_ms = number_of(optarg, "--step-ms"); break;
      default: refuse("an option is unknown or lacks its value");
    }
  }
  ring_open();
  for (unsigned long step = 0; step < steps; step++) {
    ring_step(step);
    say("step %lu digest %016llx", step, (unsigned long long)mix(1, step));
    sleep_until(now_ns() + step_ms * 1000000u);
  }
  say("OK steps %lu", steps);
  return 0;
}
