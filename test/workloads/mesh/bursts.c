/* The sender closes (or resets) at once after its last write; only the receiver can tell whether all came through. */
#include "bursts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../verdict.h"
#include "loop.h"
#include "stream.h"

/* A closed connection with unsent data prevents a cut: the gap leaves moments without any. */
enum { MESSAGES_PER_BURST = 3, GAP_MS = 700, SLUGGISH_MS = 200, RECEIVING_MAX = 64, QUEUE_BYTES = 1 << 20 };
enum { KINDS = 2 };

/* One outgoing connection at a time of each kind. */
struct sender {
  struct watch watch;
  enum hello_kind kind;
  bool open, connected;
  uint64_t number, due_ms, cut_at; /* cut_at: bytes after which a reset connection is reset */
  struct stream stream;
  uint8_t frame[FRAME_BYTES_MAX];
  size_t size, at, total;
};

struct receiver {
  struct watch watch;
  struct hello hello;
  uint64_t read_from_ms, stuck_at_ms;
  struct stream stream;
  uint8_t frame[FRAME_BYTES_MAX];
  size_t size, at;
};

static const struct gang *gang;
static struct burst_options options;
static struct sender senders[KINDS];
static struct receiver *receiving[RECEIVING_MAX];
static uint64_t received_count, quiet_since_ms;
static bool *received_number;
static uint8_t scratch[32 << 10];

static bool enabled(enum hello_kind kind) { return kind == HELLO_BURST ? options.close_unsent : options.reset; }

static struct stream burst_stream(const struct hello *hello, unsigned long to) {
  return stream_make(mix(hello->kind, hello->number), hello->from, to, MESSAGES_PER_BURST);
}

static bool is_faulty(const struct sender *sender, enum fault fault) {
  return options.fault == fault && options.fault_at == sender->number;
}

static void sender_end(struct sender *sender) {
  bool burst = sender->kind == HELLO_BURST;
  if (!burst || is_faulty(sender, FAULT_CUT_BURST)) {
    struct linger reset = {1, 0};
    must(setsockopt(sender->watch.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
  }
  if (!burst && is_faulty(sender, FAULT_LOSE_RESET)) loop_forget(&sender->watch);
  else loop_close(&sender->watch);
  sender->open = false;
  sender->number += 1;
  sender->due_ms = loop_now_ms() + GAP_MS;
}

static void sender_ready(struct watch *watch, uint32_t events) {
  struct sender *sender = (struct sender *)watch;
  int error = 0;
  socklen_t length = sizeof error;
  must(getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
  if (error != 0) corrupt("burst %llu to the next rank: %s", (unsigned long long)sender->number, strerror(error));
  if (!(events & EPOLLOUT)) return;
  if (!sender->connected) {
    sender->connected = true;
    send_hello(watch->fd, hello_make(sender->kind, gang->rank, sender->number));
  }
  for (;;) {
    if (sender->at == sender->size) {
      sender->at = 0;
      sender->size = stream_next(&sender->stream, sender->frame);
    }
    if (sender->size == 0 || (sender->kind == HELLO_RESET && sender->total >= sender->cut_at)) {
      sender_end(sender);
      return;
    }
    ssize_t sent = send(watch->fd, sender->frame + sender->at, sender->size - sender->at, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) corrupt("sending a burst to the next rank: %s", strerror(errno));
    sender->at += (size_t)sent;
    sender->total += (size_t)sent;
  }
}

static void sender_begin(struct sender *sender) {
  if (sender->kind == HELLO_BURST && is_faulty(sender, FAULT_LOSE_BURST)) sender->number += 1;
  unsigned long next = (gang->rank + 1) % gang->size;
  struct sockaddr_storage address;
  socklen_t length = address_of(gang, next, gang->port + next, &address);
  struct hello hello = hello_make(sender->kind, gang->rank, sender->number);
  sender->stream = burst_stream(&hello, next);
  sender->size = sender->at = sender->total = 0;
  sender->cut_at = loop_random(MESSAGES_PER_BURST * (uint64_t)BODY_BYTES_MAX);
  sender->connected = false;
  sender->open = true;
  int fd = begin_connect(&address, length), bytes = QUEUE_BYTES;
  must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), "SO_SNDBUF");
  loop_add(&sender->watch, fd, EPOLLOUT, sender_ready);
}

static void receiver_end(struct receiver *receiver, bool complete) {
  if (complete) {
    uint64_t number = receiver->hello.number;
    if (number >= options.count) corrupt("burst %llu was never due", (unsigned long long)number);
    received_number[number] = true;
    received_count += 1;
  }
  loop_close(&receiver->watch);
  for (int at = 0; at < RECEIVING_MAX; at++) {
    if (receiving[at] == receiver) receiving[at] = NULL;
  }
  free(receiver);
}

static bool is_reset(int error) {
  return error == ECONNRESET || error == ECONNABORTED || error == EPIPE || error == ETIMEDOUT;
}

static void receiver_ready(struct watch *watch, uint32_t events) {
  struct receiver *receiver = (struct receiver *)watch;
  bool resets = receiver->hello.kind == HELLO_RESET;
  unsigned long long number = receiver->hello.number;
  (void)events;
  ssize_t got = recv(watch->fd, scratch, sizeof scratch, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  receiver->stuck_at_ms = loop_active_ms() + options.stuck_ms_max;
  quiet_since_ms = loop_active_ms();
  if (got < 0) {
    if (!resets || !is_reset(errno)) corrupt("burst %llu: %s", number, strerror(errno));
    receiver_end(receiver, false);
    return;
  }
  if (got == 0) {
    if (resets) corrupt("burst %llu was to be reset and ended cleanly", number);
    if (receiver->size != 0) corrupt("burst %llu ended early: unsent data of a closed socket is lost", number);
    receiver_end(receiver, true);
    return;
  }
  for (size_t at = 0; at < (size_t)got;) {
    size_t part = receiver->size - receiver->at;
    if (part > (size_t)got - at) part = (size_t)got - at;
    if (part == 0 || memcmp(scratch + at, receiver->frame + receiver->at, part) != 0) {
      corrupt("burst %llu differs near byte %zu", number, receiver->at);
    }
    at += part;
    receiver->at += part;
    if (receiver->at == receiver->size) {
      receiver->at = 0;
      receiver->size = stream_next(&receiver->stream, receiver->frame);
    }
  }
}

void bursts_accept(int fd, const struct hello *hello) {
  unsigned long previous = (gang->rank + gang->size - 1) % gang->size;
  if (!enabled(hello->kind) || hello->from != previous) corrupt("an unexpected burst from rank %u", hello->from);
  if (hello->kind == HELLO_BURST && hello->number < options.count && received_number[hello->number]) {
    corrupt("burst %llu came twice", (unsigned long long)hello->number);
  }
  int at = 0;
  while (at < RECEIVING_MAX && receiving[at] != NULL) at++;
  if (at == RECEIVING_MAX) corrupt("%d bursts are open at once: their ends do not arrive", RECEIVING_MAX);
  struct receiver *receiver = calloc(1, sizeof *receiver);
  if (receiver == NULL) refuse("out of memory");
  receiver->hello = *hello;
  receiver->stream = burst_stream(hello, gang->rank);
  receiver->size = stream_next(&receiver->stream, receiver->frame);
  receiver->read_from_ms = loop_now_ms() + SLUGGISH_MS;
  receiver->stuck_at_ms = loop_active_ms() + options.stuck_ms_max;
  receiving[at] = receiver;
  /* Not read for a while: so the sender closes with its queue full. */
  loop_add(&receiver->watch, fd, 0, receiver_ready);
}

void bursts_open(const struct gang *who, struct burst_options with) {
  gang = who;
  options = with;
  received_number = calloc(options.count + 1, sizeof *received_number);
  if (received_number == NULL) refuse("out of memory");
  senders[0].kind = HELLO_BURST;
  senders[1].kind = HELLO_RESET;
}

void bursts_tick(void) {
  uint64_t now = loop_now_ms();
  if (quiet_since_ms == 0) quiet_since_ms = loop_active_ms();
  for (int at = 0; at < KINDS && gang->size > 1; at++) {
    struct sender *sender = &senders[at];
    if (enabled(sender->kind) && !sender->open && sender->number < options.count && now >= sender->due_ms) {
      sender_begin(sender);
    }
  }
  for (int at = 0; at < RECEIVING_MAX; at++) {
    struct receiver *receiver = receiving[at];
    if (receiver == NULL) continue;
    if (now >= receiver->read_from_ms) loop_change(&receiver->watch, EPOLLIN);
    if (loop_active_ms() >= receiver->stuck_at_ms) {
      corrupt("burst %llu is stuck: its %s never came", (unsigned long long)receiver->hello.number,
              receiver->hello.kind == HELLO_RESET ? "reset" : "end");
    }
  }
  if (!bursts_received() && loop_active_ms() >= quiet_since_ms + options.stuck_ms_max) {
    corrupt("only %llu of %llu bursts came", (unsigned long long)received_count, (unsigned long long)options.count);
  }
}

bool bursts_sent(void) {
  for (int at = 0; at < KINDS && gang->size > 1; at++) {
    if (enabled(senders[at].kind) && (senders[at].open || senders[at].number < options.count)) return false;
  }
  return true;
}

bool bursts_received(void) {
  if (gang->size == 1) return true;
  for (int at = 0; at < RECEIVING_MAX; at++) {
    if (receiving[at] != NULL) return false;
  }
  return !options.close_unsent || received_count == options.count;
}
