/* One direction of a connection: numbered messages whose every byte both ends can compute. */
#ifndef MESH_STREAM_H
#define MESH_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum { BODY_BYTES_MAX = 256 << 10 };

/* What stands before each body. The end of a stream is a header with length 0 and its own magic. */
struct header {
  uint64_t magic;
  uint64_t number;
  uint64_t length;
  uint64_t chain; /* over all bodies before this one */
};

enum { FRAME_BYTES_MAX = sizeof(struct header) + BODY_BYTES_MAX };

struct stream {
  uint64_t seed;
  uint64_t messages; /* how many there are in all */
  uint64_t next;     /* the number of the next one; `messages` stands for the end, one more for nothing left */
  uint64_t chain;    /* FNV-1a over the 64-bit words of all bodies so far */
};

/* The stream `kind` from one rank to another. */
struct stream stream_make(uint64_t kind, uint64_t from, uint64_t to, uint64_t messages);

/* Writes the next frame into `buffer` (FRAME_BYTES_MAX bytes) and moves on; answers its size, 0 after the end. */
size_t stream_next(struct stream *stream, uint8_t *buffer);

#endif
