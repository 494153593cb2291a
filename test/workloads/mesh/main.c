/* A full mesh of verified TCP connections between all members, and on request the awkward ones beside it. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../verdict.h"
#include "accept.h"
#include "loop.h"
#include "options.h"
#include "stray.h"

enum { TURN_MS = 5, PROGRESS_MS = 1000, STEP_MESSAGES = 32, LOCAL_PORT = 300, LOCAL_ID = 1000 };

static struct options options;
static struct link *links; /* one a rank (our own is unused), and the local one last */
static unsigned long link_count;

static bool is_open(const struct link *link) { return link->out_frame != NULL; }

static void open_link(struct link *link, int fd, unsigned long self, unsigned long peer) {
  if (is_open(link)) corrupt("rank %lu connected twice", peer);
  link->pauses = peer < LOCAL_ID;
  link->stuck_ms_max = options.bursts.stuck_ms_max;
  link->end_is_late = options.bursts.close_unsent || options.bursts.reset;
  if (self == 0 || self == LOCAL_ID) {
    bool first = peer == 1 || peer == LOCAL_ID + 1;
    link->fault = first ? options.fault : FAULT_NONE;
    link->fault_at = options.fault_at;
  }
  link_open(link, fd, self, peer, options.messages, STEP_MESSAGES);
}

static void link_accepted(int fd, unsigned long from) {
  if (from <= options.gang.rank) corrupt("rank %lu must not connect to a higher one", from);
  open_link(&links[from], fd, options.gang.rank, from);
}

static void connect_mesh(void) {
  struct gang *gang = &options.gang;
  bursts_open(gang, options.bursts);
  if (gang->size == 1) return;
  accept_open(gang, options.bursts.reset, link_accepted);
  for (unsigned long peer = 0; peer < gang->rank; peer++) {
    struct sockaddr_storage address;
    socklen_t size = address_of(gang, peer, gang->port + peer, &address);
    int fd = connect_to(&address, size);
    send_hello(fd, hello_make(HELLO_LINK, gang->rank, 0));
    open_link(&links[peer], fd, gang->rank, peer);
  }
  if (options.half_open) half_open_open(gang);
}

/* The second process of this member: its only link leads to the first one. */
static _Noreturn void run_local_child(const struct sockaddr_storage *address, socklen_t size, unsigned long self) {
  must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
  loop_open();
  struct link *link = &links[link_count - 1];
  open_link(link, connect_to(address, size), self, self - 1);
  while (!link->finished) {
    loop_turn(TURN_MS);
    link_tick(link);
  }
  _exit(0);
}

/* Forks the second process; both talk over the loopback interface as fast as they can. */
static pid_t start_local(void) {
  unsigned long port = options.gang.port + LOCAL_PORT + options.gang.rank;
  unsigned long self = LOCAL_ID + 2 * options.gang.rank;
  struct sockaddr_storage address;
  socklen_t size = loopback(&options.gang, port, &address);
  int waiting = listen_on(&options.gang, port, 1);
  pid_t child = (pid_t)must(fork(), "fork");
  if (child == 0) {
    close(waiting);
    run_local_child(&address, size, self + 1);
  }
  loop_open();
  open_link(&links[link_count - 1], (int)must(accept(waiting, NULL, NULL), "accept"), self, self + 1);
  close(waiting);
  return child;
}

/* Ends may be sent only when nothing else is owed on that side: the peer may leave after it. */
static void update_ends(void) {
  if (options.gang.size == 1) return;
  unsigned long size = options.gang.size, rank = options.gang.rank;
  struct link *next = &links[(rank + 1) % size], *previous = &links[(rank + size - 1) % size];
  next->keep_end = !bursts_sent() || (next == previous && !bursts_received());
  if (next != previous) previous->keep_end = !bursts_received();
}

/* Prints each step that all links have reached, with the chains at exactly that point. */
static uint64_t print_steps(uint64_t step, bool all_open) {
  for (; all_open && (step + 1) * STEP_MESSAGES <= options.messages; step++) {
    uint64_t digest = step;
    for (unsigned long at = 0; at < link_count; at++) {
      if (!is_open(&links[at])) continue;
      if (links[at].milestones[step] == 0) return step;
      digest = mix(digest, links[at].milestones[step]);
    }
    say("step %llu chain %016llx", (unsigned long long)step, (unsigned long long)digest);
  }
  return step;
}

static void print_progress(void) {
  unsigned long long in = 0, out = 0;
  for (unsigned long at = 0; at < link_count; at++) {
    in += links[at].bytes_in;
    out += links[at].bytes_out;
  }
  say("progress received %llu sent %llu", in, out);
}

static void run(unsigned long expected_links) {
  uint64_t step = 0, progress_ms = loop_now_ms() + PROGRESS_MS;
  unsigned long open = 0;
  for (bool done = false; !done;) {
    loop_turn(TURN_MS);
    /* Whoever has a link to us listens: only then may other connections follow. */
    if (open == expected_links) {
      bursts_tick();
      half_open_tick();
    }
    outside_tick();
    update_ends();
    unsigned long finished = 0;
    open = 0;
    for (unsigned long at = 0; at < link_count; at++) {
      if (!is_open(&links[at])) continue;
      link_tick(&links[at]);
      open += 1;
      finished += links[at].finished;
    }
    step = print_steps(step, open == expected_links);
    if (loop_now_ms() >= progress_ms) {
      progress_ms = loop_now_ms() + PROGRESS_MS;
      print_progress();
    }
    done = finished == expected_links;
  }
}

int main(int count, char **arguments) {
  options = options_parse(count, arguments);
  link_count = options.gang.size + 1;
  links = calloc(link_count, sizeof *links);
  if (links == NULL) refuse("out of memory");
  pid_t local = 0;
  if (options.local) local = start_local();
  else loop_open();
  loop_limit_reading(options.rate_mb, options.slow_while);
  connect_mesh();
  if (options.outside != NULL) outside_open(options.outside);
  run(options.gang.size - 1 + (options.local ? 1 : 0));
  if (local > 0) {
    int status;
    must(waitpid(local, &status, 0), "waitpid");
    if (status != 0) corrupt("the local process ended with status %d", status);
  }
  uint64_t digest = 0;
  for (unsigned long at = 0; at < link_count; at++) {
    if (is_open(&links[at])) digest = mix(digest, links[at].in.chain);
  }
  say("OK messages %llu chain %016llx", (unsigned long long)options.messages, (unsigned long long)digest);
  return 0;
}
