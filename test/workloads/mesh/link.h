/* A connection with a verified stream each way. */
#ifndef MESH_LINK_H
#define MESH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "stream.h"

/* How one outgoing message (or burst) is falsified, to prove that the receiver notices. */
enum fault {
  FAULT_NONE,
  FAULT_FLIP,
  FAULT_DROP,
  FAULT_DOUBLE,
  FAULT_EARLY,
  FAULT_STALL,      /* it and all after it are never sent */
  FAULT_CUT_BURST,  /* a burst is reset instead of closed: its unsent data are lost */
  FAULT_LOSE_BURST, /* a burst is never sent */
  FAULT_LOSE_RESET, /* a reset is never sent */
};

struct link {
  struct watch watch;
  unsigned long peer;
  bool pauses;   /* stops reading now and then, so that the peer's queue fills */
  bool keep_end; /* the end may not be sent yet */
  uint64_t stuck_ms_max; /* silence for so long means that something is lost for good */
  bool end_is_late;      /* except before the end, which the peer may keep back */
  enum fault fault;
  uint64_t fault_at; /* the number of the falsified message */
  struct stream out, in;
  uint8_t *out_frame, *in_frame; /* being sent; expected next */
  size_t out_size, out_at, in_size, in_at;
  uint64_t paused_until_ms, heard_ms, ended_ms, bytes_in, bytes_out;
  bool sent_all, received_end, received_eof, finished;
  uint64_t milestone_every, *milestones; /* the incoming chain after each so many messages */
};

/* Takes over a connected socket. `self` and `peer` name the two streams; `every`: messages between milestones. */
void link_open(struct link *link, int fd, unsigned long self, unsigned long peer, uint64_t messages, uint64_t every);

/* Looks after what time alone changes: pauses, the reading budget, silence, the last acknowledgement. */
void link_tick(struct link *link);

#endif
