/* The command line and the gang's environment. */
#ifndef MESH_OPTIONS_H
#define MESH_OPTIONS_H

#include "bursts.h"
#include "connect.h"
#include "link.h"

struct options {
  struct gang gang;
  uint64_t messages; /* per direction of each link */
  bool local, half_open;
  const char *outside;
  struct burst_options bursts;
  enum fault fault;
  uint64_t fault_at;
  unsigned long rate_mb;
  const char *slow_while;
};

/* Refuses anything it does not know. */
struct options options_parse(int count, char **arguments);

#endif
