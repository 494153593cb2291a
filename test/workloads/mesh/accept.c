/* Every accepted connection is read until its hello is complete. */
#include "accept.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "../verdict.h"
#include "bursts.h"
#include "loop.h"

enum { BACKLOG = 64, GREETINGS_MAX = 64 };

/* An accepted connection that has not said yet what it is. */
struct greeting {
  struct watch watch;
  struct hello hello;
  size_t at;
};

static const struct gang *gang;
static bool may_vanish;
static void (*link_opened)(int fd, unsigned long from);
static struct watch listener;
static struct greeting greetings[GREETINGS_MAX];

static void greeting_ready(struct watch *watch, uint32_t events) {
  struct greeting *greeting = (struct greeting *)watch;
  (void)events;
  uint8_t *into = (uint8_t *)&greeting->hello;
  ssize_t got = recv(watch->fd, into + greeting->at, sizeof greeting->hello - greeting->at, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    if (!may_vanish) corrupt("a connection ended before its hello: %s", got == 0 ? "closed" : strerror(errno));
    loop_close(watch);
    return;
  }
  greeting->at += (size_t)got;
  if (greeting->at < sizeof greeting->hello) return;
  hello_check(&greeting->hello, gang);
  int fd = watch->fd;
  loop_forget(watch);
  watch->fd = -1;
  if (greeting->hello.kind == HELLO_LINK) link_opened(fd, greeting->hello.from);
  else bursts_accept(fd, &greeting->hello);
}

static void listener_ready(struct watch *watch, uint32_t events) {
  (void)events;
  int at = 0;
  while (at < GREETINGS_MAX && greetings[at].watch.fd >= 0) at++;
  if (at == GREETINGS_MAX) corrupt("%d connections without a hello", GREETINGS_MAX);
  int fd = accept(watch->fd, NULL, NULL);
  if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) return;
  must(fd, "accept");
  greetings[at].at = 0;
  loop_add(&greetings[at].watch, fd, EPOLLIN, greeting_ready);
}

void accept_open(const struct gang *who, bool resets, void (*opened)(int fd, unsigned long from)) {
  gang = who;
  may_vanish = resets;
  link_opened = opened;
  for (int at = 0; at < GREETINGS_MAX; at++) greetings[at].watch.fd = -1;
  loop_add(&listener, listen_on(gang, gang->port + gang->rank, BACKLOG), EPOLLIN, listener_ready);
}
