/* Sends computed frames and compares what arrives, byte for byte, with the frames that must arrive. */
#include "link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../verdict.h"

enum { READ_BYTES_MAX = 64 << 10, READS_PER_TURN = 8, PAUSE_ONE_IN = 24, PAUSE_MS_MAX = 120 };
enum { LAST_ACK_MS_MAX = 60000, FIN_ACK_MS_MAX = 5000 };

static const uint64_t MESH_STREAM = 0x6d657368;
static uint8_t scratch[READ_BYTES_MAX];

static bool must_wait(const struct link *link) {
  bool stalled = link->fault == FAULT_STALL && link->out.next >= link->fault_at;
  return stalled || (link->keep_end && link->out.next == link->out.messages);
}

/* Puts the next frame into out_frame, falsified where the fault says so. */
static size_t next_frame(struct link *link) {
  if (must_wait(link)) return 0;
  uint64_t number = link->out.next;
  size_t size = stream_next(&link->out, link->out_frame);
  if (link->fault == FAULT_NONE || number != link->fault_at || number >= link->out.messages) return size;
  switch (link->fault) {
    case FAULT_FLIP:
      link->out_frame[size - 1] ^= 1;
      return size;
    case FAULT_DROP:
      return stream_next(&link->out, link->out_frame);
    case FAULT_DOUBLE:
      memcpy(link->out_frame + size, link->out_frame, size);
      return 2 * size;
    case FAULT_EARLY: {
      uint8_t *first = malloc(size);
      if (first == NULL) refuse("out of memory");
      memcpy(first, link->out_frame, size);
      size_t second = stream_next(&link->out, link->out_frame);
      memcpy(link->out_frame + second, first, size);
      free(first);
      return second + size;
    }
    default:
      return size;
  }
}

static void update_interest(struct link *link) {
  if (link->ended_ms > 0) return;
  bool may_read = !link->received_eof && loop_now_ms() >= link->paused_until_ms && loop_reading_room(1) > 0;
  bool may_write = !link->sent_all && (link->out_at < link->out_size || !must_wait(link));
  loop_change(&link->watch, (may_read ? EPOLLIN : 0u) | (may_write ? EPOLLOUT : 0u));
}

static void send_some(struct link *link) {
  while (!link->sent_all) {
    if (link->out_at == link->out_size) {
      if (link->out.next > link->out.messages) {
        must(shutdown(link->watch.fd, SHUT_WR), "shutdown");
        link->sent_all = true;
        return;
      }
      link->out_at = 0;
      link->out_size = next_frame(link);
      if (link->out_size == 0) return; /* nothing may be sent now */
    }
    ssize_t sent = send(link->watch.fd, link->out_frame + link->out_at, link->out_size - link->out_at, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) corrupt("sending to rank %lu: %s", link->peer, strerror(errno));
    link->out_at += (size_t)sent;
    link->bytes_out += (uint64_t)sent;
  }
}

static void expect_next_frame(struct link *link) {
  uint64_t received = link->in.next;
  if (received > 0 && received % link->milestone_every == 0 && received <= link->in.messages) {
    link->milestones[received / link->milestone_every - 1] = link->in.chain;
  }
  link->received_end = received > link->in.messages;
  link->in_at = 0;
  link->in_size = stream_next(&link->in, link->in_frame);
  if (link->pauses && loop_random(PAUSE_ONE_IN) == 0) {
    link->paused_until_ms = loop_now_ms() + 1 + loop_random(PAUSE_MS_MAX);
  }
}

static void compare(struct link *link, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    if (link->in_size == 0) corrupt("rank %lu sent %zu bytes after its end", link->peer, count);
    size_t part = link->in_size - link->in_at < count ? link->in_size - link->in_at : count;
    if (memcmp(bytes, link->in_frame + link->in_at, part) != 0) {
      size_t at = 0;
      while (bytes[at] == link->in_frame[link->in_at + at]) at++;
      corrupt("message %llu from rank %lu differs at byte %zu of %zu", (unsigned long long)link->in.next - 1,
              link->peer, link->in_at + at, link->in_size);
    }
    bytes += part;
    count -= part;
    link->in_at += part;
    if (link->in_at == link->in_size) expect_next_frame(link);
  }
}

static void receive_some(struct link *link) {
  for (int turn = 0; turn < READS_PER_TURN && loop_now_ms() >= link->paused_until_ms; turn++) {
    size_t room = loop_reading_room(sizeof scratch);
    if (room == 0) return;
    ssize_t got = recv(link->watch.fd, scratch, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) corrupt("receiving from rank %lu: %s", link->peer, strerror(errno));
    if (got == 0) {
      if (!link->received_end) {
        corrupt("rank %lu closed before message %llu", link->peer, (unsigned long long)link->in.next - 1);
      }
      link->received_eof = true;
      return;
    }
    loop_spend_reading((unsigned long)got);
    link->bytes_in += (uint64_t)got;
    link->heard_ms = loop_active_ms();
    compare(link, scratch, (size_t)got);
  }
}

static void link_ready(struct watch *watch, uint32_t events) {
  struct link *link = (struct link *)watch;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive_some(link);
  if (events & (EPOLLOUT | EPOLLERR)) send_some(link);
  update_interest(link);
}

void link_open(struct link *link, int fd, unsigned long self, unsigned long peer, uint64_t messages, uint64_t every) {
  link->peer = peer;
  link->out = stream_make(MESH_STREAM, self, peer, messages);
  link->in = stream_make(MESH_STREAM, peer, self, messages);
  link->out_frame = malloc(2 * FRAME_BYTES_MAX);
  link->in_frame = malloc(FRAME_BYTES_MAX);
  link->milestone_every = every;
  link->milestones = calloc(messages / every + 1, sizeof *link->milestones);
  if (link->out_frame == NULL || link->in_frame == NULL || link->milestones == NULL) refuse("out of memory");
  link->heard_ms = loop_active_ms();
  loop_add(&link->watch, fd, EPOLLIN | EPOLLOUT, link_ready);
  expect_next_frame(link);
}

/* The member's network goes when it ends: whether the peer has everything must be known before. A FIN counts as one,
 * and may stay unacknowledged: the peer has left after it had read our end. */
static bool all_taken(const struct link *link) {
  int error = 0, unacknowledged = 0;
  socklen_t length = sizeof error;
  must(getsockopt(link->watch.fd, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
  if (error != 0) corrupt("rank %lu did not take everything: %s", link->peer, strerror(error));
  must(ioctl(link->watch.fd, SIOCOUTQ, &unacknowledged), "SIOCOUTQ");
  uint64_t waited_ms = loop_active_ms() + 1 - link->ended_ms;
  if (unacknowledged > 1 && waited_ms > LAST_ACK_MS_MAX) {
    corrupt("rank %lu did not take the last %d bytes", link->peer, unacknowledged - 1);
  }
  return unacknowledged == 0 || (unacknowledged == 1 && waited_ms > FIN_ACK_MS_MAX);
}

static void check_silence(const struct link *link) {
  bool only_end = link->in.next > link->in.messages;
  if (link->received_eof || (only_end && link->end_is_late)) return;
  if (loop_active_ms() > link->heard_ms + link->stuck_ms_max) {
    corrupt("rank %lu is silent: message %llu never came", link->peer, (unsigned long long)link->in.next - 1);
  }
}

void link_tick(struct link *link) {
  if (link->finished) return;
  update_interest(link);
  check_silence(link);
  if (!link->sent_all || !link->received_eof) return;
  if (link->ended_ms == 0) {
    link->ended_ms = loop_active_ms() + 1;
    loop_forget(&link->watch);
  }
  if (!all_taken(link)) return;
  loop_close(&link->watch);
  link->finished = true;
}
