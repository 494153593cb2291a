// The control socket: one command a line, one JSON object a line back. A client can be slow, stuck or hostile:
// nothing here blocks or grows, and the worst that happens to it is that it is disconnected.
#include "sp-init.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// What a client waits for. Its further lines wait too, so that answers keep the order of the commands.
enum pending { NOTHING, FOR_DRAIN, FOR_ADOPTION, FOR_END };

struct client {
  int fd; // -1: a free slot
  bool watching, skipping, half_closed; // skipping: what is left of a line that was too long
  enum pending pending;
  int64_t deadline;
  pid_t adopted;
  char in[LINE_BYTES_MAX], out[ANSWER_BYTES_MAX];
  size_t in_bytes, out_bytes;
};

static int listener = -1;
static struct client clients[CLIENTS_MAX];
static struct member announced; // as the watchers know it
static int64_t deaf_until;

static void disconnect(struct client *client) {
  close(client->fd);
  *client = (struct client){.fd = -1};
}

static void flush(struct client *client) {
  ssize_t sent = send(client->fd, client->out, client->out_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    disconnect(client);
  } else if (sent > 0) {
    client->out_bytes -= (size_t)sent;
    memmove(client->out, client->out + sent, client->out_bytes);
  }
}

__attribute__((format(printf, 2, 3))) static void answer(struct client *client, const char *format, ...) {
  if (client->fd < 0) return;
  size_t room = sizeof client->out - client->out_bytes;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(client->out + client->out_bytes, room, format, arguments);
  va_end(arguments);
  if ((size_t)length >= room) { // it does not read its answers
    disconnect(client);
    return;
  }
  client->out_bytes += (size_t)length;
  flush(client);
}

static void answer_error(struct client *client, const char *reason) {
  answer(client, "{\"error\":\"%s\"}\n", reason);
}

static void answer_status(struct client *client, const char *more) {
  static const char *const names[] = {"awaiting", "running", "parked", "exited"};
  answer(client,
         "{\"state\":\"%s\",\"pid\":%d,\"code\":%d,\"signal\":%d,\"stdoutBytes\":%llu,\"stderrBytes\":%llu,"
         "\"dropped\":%llu%s}\n",
         names[member.state], (int)member.pid, member.code, member.signal,
         (unsigned long long)streams[0].logged_bytes, (unsigned long long)streams[1].logged_bytes,
         (unsigned long long)(streams[0].dropped_bytes + streams[1].dropped_bytes), more);
}

static void wait_for(struct client *client, enum pending pending, int deadline_ms) {
  client->pending = pending;
  client->deadline = now_ms() + deadline_ms;
}

// Parses `VERB NUMBER` with 1 <= NUMBER <= max.
static bool has_number(const char *line, const char *verb, long max, long *number) {
  size_t length = strlen(verb);
  const char *digits = line + length + 1;
  if (strncmp(line, verb, length) != 0 || line[length] != ' ' || *digits < '0' || *digits > '9') return false;
  char *rest;
  *number = strtol(digits, &rest, 10);
  return *rest == '\0' && *number >= 1 && *number <= max;
}

// Carries out one command. Returns why it is refused, or NULL when it is answered, now or later.
static const char *obey(struct client *client, const char *line) {
  long number;
  if (strcmp(line, "drain") == 0) {
    wait_for(client, FOR_DRAIN, DRAIN_DEADLINE_MS);
    return NULL;
  }
  if (has_number(line, "adopt", INT32_MAX, &number)) {
    if (member.state != AWAITING || member_is_ending()) return "not awaiting a restore";
    client->adopted = (pid_t)number;
    wait_for(client, FOR_ADOPTION, ADOPT_DEADLINE_MS);
    return NULL;
  }
  if (strcmp(line, "kill") == 0) {
    wait_for(client, FOR_END, 0);
    member_end(EXIT_BY_SIGNAL + SIGKILL, SIGKILL, true);
    return NULL;
  }
  if (strcmp(line, "quit") == 0) {
    if (member.state == RUNNING) return "not parked and not awaiting a restore";
    if (member_has_children()) return "processes are left";
    wait_for(client, FOR_END, 0);
    member_end(EXIT_LEFT, 0, false);
    return NULL;
  }
  if (has_number(line, "signal", SIGRTMAX, &number)) {
    if (member.pid == 0) return "no main child";
    if (kill(member.pid, (int)number) < 0) return "the signal was refused";
  } else if (strcmp(line, "park") == 0) {
    if (member.state == AWAITING || member_is_ending()) return "no main child";
    member.state = PARKED;
  } else if (strcmp(line, "watch") == 0) {
    client->watching = true;
  } else if (strcmp(line, "status") != 0) {
    return "unknown command";
  }
  answer_status(client, "");
  return NULL;
}

// Answers what has come about, or did not in time.
static void settle(struct client *client) {
  bool late = now_ms() >= client->deadline;
  if (client->pending == FOR_DRAIN && (late || streams_are_empty())) {
    client->pending = NOTHING;
    answer_status(client, streams_are_empty() ? ",\"drained\":true" : ",\"drained\":false");
  } else if (client->pending == FOR_ADOPTION) {
    bool adopted = member.state == AWAITING && !member_is_ending() && member_adopt(client->adopted);
    if (!adopted && !late && member.state == AWAITING) return;
    client->pending = NOTHING;
    if (adopted)
      answer_status(client, "");
    else
      answer_error(client, "not a child of sp-init, or another was adopted");
  }
}

// Obeys the complete lines that are there, up to one that has to wait.
static void obey_lines(struct client *client) {
  char *newline;
  while (client->fd >= 0 && !client->pending && (newline = memchr(client->in, '\n', client->in_bytes))) {
    char line[LINE_BYTES_MAX];
    size_t length = (size_t)(newline - client->in);
    memcpy(line, client->in, length);
    line[length] = '\0';
    client->in_bytes -= length + 1;
    memmove(client->in, newline + 1, client->in_bytes);
    const char *refusal = client->skipping ? NULL : obey(client, line);
    client->skipping = false;
    if (refusal) answer_error(client, refusal);
    if (client->fd >= 0) settle(client);
  }
  if (client->fd < 0 || client->pending || client->in_bytes < sizeof client->in) return;
  if (!client->skipping) answer_error(client, "line too long");
  client->skipping = true;
  client->in_bytes = 0;
}

static void receive(struct client *client) {
  ssize_t got = recv(client->fd, client->in + client->in_bytes, sizeof client->in - client->in_bytes, MSG_DONTWAIT);
  if (got > 0)
    client->in_bytes += (size_t)got;
  else if (got == 0)
    client->half_closed = true;
  else if (errno != EAGAIN && errno != EINTR)
    disconnect(client);
}

static void welcome(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    deaf_until = now_ms() + RETRY_MS; // out of files: the listener stays readable, so look away
    return;
  }
  for (int i = 0; i < CLIENTS_MAX; i++) {
    if (clients[i].fd >= 0) continue;
    clients[i] = (struct client){.fd = fd};
    return;
  }
  struct client extra = {.fd = fd};
  answer_error(&extra, "too many clients");
  if (extra.fd >= 0) disconnect(&extra);
}

// Binds the socket. What an earlier sp-init left at its path is replaced, a living one's is not.
void control_listen(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct stat found;
  if (strlen(options.control) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    die("cannot listen on", options.control);
  }
  strcpy(address.sun_path, options.control);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const struct sockaddr *name = (const struct sockaddr *)&address;
  if (lstat(options.control, &found) == 0 && S_ISSOCK(found.st_mode) &&
      connect(listener, name, sizeof address) < 0 && errno == ECONNREFUSED)
    unlink(options.control);
  mode_t mask = umask(0177);
  if (bind(listener, name, sizeof address) < 0 || listen(listener, CLIENTS_MAX) < 0)
    die("cannot listen on", options.control);
  umask(mask);
  for (int i = 0; i < CLIENTS_MAX; i++) clients[i].fd = -1;
  announced = member;
}

void control_unlink(void) { unlink(options.control); }

// Fills one entry for the listener and one a client; returns how many.
int control_poll(struct pollfd *polls) {
  polls[0] = (struct pollfd){.fd = listener, .events = now_ms() < deaf_until ? 0 : POLLIN};
  for (int i = 0; i < CLIENTS_MAX; i++) {
    bool deaf = clients[i].pending || clients[i].half_closed;
    polls[i + 1] = (struct pollfd){.fd = clients[i].fd,
                                   .events = (short)((deaf ? 0 : POLLIN) | (clients[i].out_bytes ? POLLOUT : 0))};
  }
  return CLIENTS_MAX + 1;
}

// Whether a client waits for what no file descriptor will announce.
bool control_is_waiting(void) {
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].pending) return true;
  return now_ms() < deaf_until;
}

// Serves all clients once, then tells the watchers of a change.
void control_serve(const struct pollfd *polls) {
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *client = &clients[i];
    short events = polls[i + 1].revents;
    if (client->fd < 0) continue;
    if (events & POLLIN) receive(client);
    else if (events & (POLLHUP | POLLERR)) disconnect(client);
    if (client->fd >= 0 && client->pending) settle(client);
    if (client->fd >= 0) obey_lines(client);
    if (client->fd >= 0 && client->out_bytes) flush(client);
    if (client->half_closed && !client->pending && !client->out_bytes) disconnect(client);
  }
  if (polls[0].revents) welcome();
  if (member_is_ending()) return; // the last word comes when the exit file is there
  if (memcmp(&announced, &member, sizeof member) == 0) return; // four words, no padding
  announced = member;
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].watching) answer_status(&clients[i], "");
}

// The last word to everyone who waits or watches.
void control_finish(void) {
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *client = &clients[i];
    if (client->pending == FOR_ADOPTION) answer_error(client, "sp-init ends");
    else if (client->pending == FOR_DRAIN) answer_status(client, ",\"drained\":true");
    else if (client->pending || client->watching) answer_status(client, "");
  }
  control_unlink();
}
