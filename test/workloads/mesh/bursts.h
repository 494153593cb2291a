/* Short side connections to the next rank: closed with unsent data, or reset at random. */
#ifndef MESH_BURSTS_H
#define MESH_BURSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "connect.h"
#include "link.h"

struct burst_options {
  bool close_unsent, reset;
  uint64_t count;        /* connections of each kind that this member makes */
  uint64_t stuck_ms_max; /* a burst that makes no progress for so long is lost */
  enum fault fault;
  uint64_t fault_at; /* the number of the falsified connection */
};

void bursts_open(const struct gang *gang, struct burst_options options);

/* Takes over an accepted connection whose hello says burst or reset. */
void bursts_accept(int fd, const struct hello *hello);

/* Opens what is due; ends as corrupt if something is stuck. */
void bursts_tick(void);

/* Whether everything that is to be sent was sent. */
bool bursts_sent(void);

/* Whether everything that must arrive from the previous rank has arrived. */
bool bursts_received(void);

#endif
