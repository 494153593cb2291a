/* Half-open connections and the connection to the outside; the mesh itself goes on beside them. */
#include "stray.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../verdict.h"
#include "loop.h"

enum { HALF_OPEN_COUNT = 4, OUTSIDE_LINE_MS = 100, OUTSIDE_RETRY_MS = 500 };
enum { HALF_OPEN_PORT = 200 };

static const struct gang *gang;
static int backlog_fd = -1;
static struct watch half_open[HALF_OPEN_COUNT];

static void half_open_ready(struct watch *watch, uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) loop_close(watch);
  else loop_change(watch, 0);
}

void half_open_open(const struct gang *who) {
  gang = who;
  backlog_fd = listen_on(gang, gang->port + HALF_OPEN_PORT + gang->rank, 0);
  for (int at = 0; at < HALF_OPEN_COUNT; at++) half_open[at].fd = -1;
}

void half_open_tick(void) {
  if (backlog_fd < 0) return;
  unsigned long next = (gang->rank + 1) % gang->size;
  for (int at = 0; at < HALF_OPEN_COUNT; at++) {
    if (half_open[at].fd >= 0) continue;
    struct sockaddr_storage address;
    socklen_t size = address_of(gang, next, gang->port + HALF_OPEN_PORT + next, &address);
    loop_add(&half_open[at], begin_connect(&address, size), EPOLLOUT, half_open_ready);
  }
}

static struct {
  struct watch watch;
  struct sockaddr_storage address;
  socklen_t size;
  bool connected;
  uint64_t due_ms, sent_line, expected_line;
  char partial[32];
  size_t partial_size;
} outside = {.watch.fd = -1};

static void outside_lost(const char *why) {
  say("outside lost: %s", why);
  loop_close(&outside.watch);
  outside.connected = false;
  outside.partial_size = 0;
  outside.expected_line = outside.sent_line;
  outside.due_ms = loop_now_ms() + OUTSIDE_RETRY_MS;
}

static void check_echo(const char *bytes, size_t count) {
  for (size_t at = 0; at < count; at++) {
    if (outside.partial_size == sizeof outside.partial) corrupt("the outside sent a long line");
    outside.partial[outside.partial_size++] = bytes[at];
    if (bytes[at] != '\n') continue;
    char expected[32];
    unsigned long long line = outside.expected_line;
    size_t size = (size_t)snprintf(expected, sizeof expected, "line %llu\n", line);
    if (size != outside.partial_size || memcmp(expected, outside.partial, size) != 0) {
      corrupt("the outside echoed %.*s, not line %llu", (int)outside.partial_size - 1, outside.partial, line);
    }
    outside.expected_line += 1;
    outside.partial_size = 0;
  }
}

static void outside_ready(struct watch *watch, uint32_t events) {
  int error = 0;
  socklen_t length = sizeof error;
  must(getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
  if (error != 0) return outside_lost(strerror(error));
  if ((events & EPOLLOUT) && !outside.connected) {
    outside.connected = true;
    say("outside connected");
    loop_change(watch, EPOLLIN);
  }
  if (!(events & (EPOLLIN | EPOLLHUP))) return;
  char bytes[4096];
  ssize_t got = recv(watch->fd, bytes, sizeof bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return outside_lost(got == 0 ? "closed" : strerror(errno));
  check_echo(bytes, (size_t)got);
}

void outside_open(const char *where) {
  char host[256];
  const char *colon = strrchr(where, ':');
  if (colon == NULL || (size_t)(colon - where) >= sizeof host) refuse("--outside: not HOST:PORT: %s", where);
  memcpy(host, where, (size_t)(colon - where));
  host[colon - where] = '\0';
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  int error = getaddrinfo(host, colon + 1, &hints, &found);
  if (error != 0) refuse("--outside %s: %s", where, gai_strerror(error));
  memcpy(&outside.address, found->ai_addr, found->ai_addrlen);
  outside.size = found->ai_addrlen;
  freeaddrinfo(found);
}

void outside_tick(void) {
  if (outside.size == 0 || loop_now_ms() < outside.due_ms) return;
  if (outside.watch.fd < 0) {
    outside.due_ms = loop_now_ms() + OUTSIDE_LINE_MS;
    loop_add(&outside.watch, begin_connect(&outside.address, outside.size), EPOLLOUT, outside_ready);
    return;
  }
  if (!outside.connected) return;
  outside.due_ms = loop_now_ms() + OUTSIDE_LINE_MS;
  char line[32];
  int size = snprintf(line, sizeof line, "line %llu\n", (unsigned long long)outside.sent_line);
  if (send(outside.watch.fd, line, (size_t)size, MSG_NOSIGNAL) == size) outside.sent_line += 1;
}
