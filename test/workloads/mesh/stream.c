/* Computes the frames of a stream: sizes and content from a generator seeded by stream and message number. */
#include "stream.h"

#include <string.h>

#include "../verdict.h"

static const uint64_t MESSAGE_MAGIC = 0x6d6573736167652eu, END_MAGIC = 0x656e64206f662e2eu;
static const uint64_t FNV_OFFSET = 0xcbf29ce484222325u, FNV_PRIME = 0x100000001b3u;

struct stream stream_make(uint64_t kind, uint64_t from, uint64_t to, uint64_t messages) {
  struct stream stream = {
      .seed = mix(mix(mix(kind, from), to), messages), .messages = messages, .next = 0, .chain = FNV_OFFSET};
  return stream;
}

/* Fills whole 64-bit words; the last one is cut to `length`. The chain runs over the whole words. */
static uint64_t fill_body(uint8_t *body, size_t length, uint64_t state, uint64_t chain) {
  for (size_t at = 0; at < length; at += sizeof state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    size_t left = length - at;
    memcpy(body + at, &state, left < sizeof state ? left : sizeof state);
    chain = (chain ^ state) * FNV_PRIME;
  }
  return chain;
}

size_t stream_next(struct stream *stream, uint8_t *buffer) {
  if (stream->next > stream->messages) return 0;
  struct header header = {END_MAGIC, stream->next, 0, stream->chain};
  if (stream->next < stream->messages) {
    uint64_t state = mix(stream->seed, stream->next) | 1;
    header.magic = MESSAGE_MAGIC;
    header.length = 1 + mix(state, 0) % BODY_BYTES_MAX;
    stream->chain = fill_body(buffer + sizeof header, header.length, state, stream->chain);
  }
  memcpy(buffer, &header, sizeof header);
  stream->next += 1;
  return sizeof header + header.length;
}
