/* Names, ports, listening and connecting, and the hello with which every connection begins. */
#ifndef MESH_CONNECT_H
#define MESH_CONNECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILY_MAPPED };

/* Who this process is in the gang, from the environment. */
struct gang {
  const char *name;
  unsigned long rank, size, port; /* port: the first of those that the mesh uses */
  enum family family;
};

enum hello_kind { HELLO_LINK, HELLO_BURST, HELLO_RESET };

struct hello {
  uint64_t magic;
  uint32_t kind;
  uint32_t from;
  uint64_t number;
};

struct hello hello_make(enum hello_kind kind, unsigned long from, uint64_t number);

/* Ends as corrupt if the bytes are no hello that a rank of this gang could have sent. */
void hello_check(const struct hello *hello, const struct gang *gang);

/* The address of a member by its name in the gang; corrupt when the name cannot be resolved. */
socklen_t address_of(const struct gang *gang, unsigned long rank, unsigned long port, struct sockaddr_storage *out);

/* The loopback address. */
socklen_t loopback(const struct gang *gang, unsigned long port, struct sockaddr_storage *out);

/* A socket listening on every address of this member. */
int listen_on(const struct gang *gang, unsigned long port, int backlog);

/* Connects, again and again while nobody listens yet, for a minute at most. */
int connect_to(const struct sockaddr_storage *address, socklen_t size);

/* Begins to connect a non-blocking socket. */
int begin_connect(const struct sockaddr_storage *address, socklen_t size);

/* Writes the hello on a fresh connection; its send queue always has room for that. */
void send_hello(int fd, struct hello hello);

#endif
