/* Accepts connections and passes them on by their hello. */
#ifndef MESH_ACCEPT_H
#define MESH_ACCEPT_H

#include "connect.h"

/* Listens for the gang. `opened` gets each mesh link; bursts are passed to bursts.h. `resets`: a connection may
 * vanish before its hello. */
void accept_open(const struct gang *gang, bool resets, void (*opened)(int fd, unsigned long from));

#endif
