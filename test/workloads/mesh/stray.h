/* Connections that a cut must cope with: never accepted ones, one to the outside, one inside the member. */
#ifndef MESH_STRAY_H
#define MESH_STRAY_H

#include "connect.h"

/* Keeps connections to the next rank waiting in a backlog that nobody accepts. */
void half_open_open(const struct gang *gang);

/* Tries those again that have failed. */
void half_open_tick(void);

/* Keeps a connection to `HOST:PORT` outside the gang; what comes back must echo what was sent. */
void outside_open(const char *where);

/* Sends the next line; reconnects when the connection was lost. */
void outside_tick(void);

#endif
