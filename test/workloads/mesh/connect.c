/* Blocking start-up connections, non-blocking later ones. */
#include "connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../verdict.h"

static const uint64_t HELLO_MAGIC = 0x68656c6c6f2e2e2eu;
static const uint64_t CONNECT_NS_MAX = 60000000000u, RETRY_NS = 50000000u;

struct hello hello_make(enum hello_kind kind, unsigned long from, uint64_t number) {
  return (struct hello){HELLO_MAGIC, kind, (uint32_t)from, number};
}

void hello_check(const struct hello *hello, const struct gang *gang) {
  if (hello->magic != HELLO_MAGIC || hello->kind > HELLO_RESET || hello->from >= gang->size) {
    corrupt("a connection began with %llx kind %u from %u", (unsigned long long)hello->magic, hello->kind,
            hello->from);
  }
}

static socklen_t put_port(struct sockaddr_storage *out, unsigned long port) {
  if (out->ss_family == AF_INET) {
    ((struct sockaddr_in *)out)->sin_port = htons((uint16_t)port);
    return sizeof(struct sockaddr_in);
  }
  ((struct sockaddr_in6 *)out)->sin6_port = htons((uint16_t)port);
  return sizeof(struct sockaddr_in6);
}

static void map_to_ipv6(struct sockaddr_storage *address) {
  struct sockaddr_in plain = *(struct sockaddr_in *)address;
  struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
  memcpy(&mapped.sin6_addr.s6_addr[12], &plain.sin_addr, sizeof plain.sin_addr);
  memcpy(address, &mapped, sizeof mapped);
}

socklen_t address_of(const struct gang *gang, unsigned long rank, unsigned long port, struct sockaddr_storage *out) {
  char name[256];
  snprintf(name, sizeof name, "%s-%lu", gang->name, rank);
  struct addrinfo hints = {.ai_family = gang->family == FAMILY_IPV6 ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found;
  int error = getaddrinfo(name, NULL, &hints, &found);
  if (error != 0) refuse("%s has no address of the family asked for: %s", name, gai_strerror(error));
  memset(out, 0, sizeof *out);
  memcpy(out, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (gang->family == FAMILY_MAPPED) map_to_ipv6(out);
  return put_port(out, port);
}

socklen_t loopback(const struct gang *gang, unsigned long port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (gang->family == FAMILY_IPV6) {
    *(struct sockaddr_in6 *)out = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
  } else {
    *(struct sockaddr_in *)out =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (gang->family == FAMILY_MAPPED) map_to_ipv6(out);
  }
  return put_port(out, port);
}

static int stream_socket(int domain) {
  int fd = (int)must(socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  int on = 1;
  must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  return fd;
}

int listen_on(const struct gang *gang, unsigned long port, int backlog) {
  struct sockaddr_storage any = {.ss_family = gang->family == FAMILY_IPV4 ? AF_INET : AF_INET6};
  int fd = stream_socket(any.ss_family), on = 1, only6 = gang->family == FAMILY_IPV6;
  must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  if (any.ss_family == AF_INET6) must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6), "IPV6_V6ONLY");
  must(bind(fd, (struct sockaddr *)&any, put_port(&any, port)), "bind");
  must(listen(fd, backlog), "listen");
  return fd;
}

int connect_to(const struct sockaddr_storage *address, socklen_t size) {
  uint64_t deadline = now_ns() + CONNECT_NS_MAX;
  for (;;) {
    int fd = stream_socket(address->ss_family);
    if (connect(fd, (const struct sockaddr *)address, size) == 0) return fd;
    int error = errno;
    close(fd);
    if (now_ns() > deadline) refuse("a peer cannot be reached: %s", strerror(error));
    sleep_until(now_ns() + RETRY_NS);
  }
}

int begin_connect(const struct sockaddr_storage *address, socklen_t size) {
  int fd = (int)must(socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  if (connect(fd, (const struct sockaddr *)address, size) < 0 && errno != EINPROGRESS) must(-1, "connect");
  return fd;
}

void send_hello(int fd, struct hello hello) {
  ssize_t sent = send(fd, &hello, sizeof hello, MSG_NOSIGNAL);
  if (sent != (ssize_t)sizeof hello) corrupt("a hello could not be sent: %s", strerror(errno));
}
