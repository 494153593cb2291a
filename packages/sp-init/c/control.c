// The control socket: one command a line, one JSON object a line back. Clients may be slow or hostile: nothing
// blocks or grows for one. The worst that happens is that it is disconnected.
#include "sp-init.h"

#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

// While a client waits for something its further lines wait too: answers keep the order of the commands.
struct client {
  int fd; // -1: a free slot
  bool watching;
  enum { NOTHING, FOR_DRAIN, FOR_ADOPTION, FOR_END } waiting;
  int64_t deadline;
  pid_t adopted;
  char in[LINE_BYTES_MAX];
  size_t in_bytes;
};

static int listener;
static struct client clients[CLIENTS_MAX];
static struct member announced; // as the watchers know it

static void disconnect(struct client *client) {
  if (client->fd >= 0) close(client->fd);
  *client = (struct client){.fd = -1};
}

// An answer that does not fit into the socket's buffer means that the client does not read: it is let go.
__attribute__((format(printf, 2, 3))) static void answer(struct client *client, const char *format, ...) {
  char line[ANSWER_BYTES_MAX];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (send(client->fd, line, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) != length) disconnect(client);
}

static void answer_error(struct client *client, const char *reason) {
  answer(client, "{\"error\":\"%s\"}\n", reason);
}

static void answer_status(struct client *client, const char *more) {
  static const char *const states[] = {"awaiting", "running", "parked", "exited"};
  answer(client,
         "{\"state\":\"%s\",\"pid\":%d,\"code\":%d,\"signal\":%d,"
         "\"stdoutBytes\":%llu,\"stderrBytes\":%llu,\"dropped\":%llu%s}\n",
         states[member.state], (int)member.pid, member.code, member.signal, streams[0].logged_bytes,
         streams[1].logged_bytes, streams[0].dropped_bytes + streams[1].dropped_bytes, more);
}

// Reads the number of `VERB NUMBER`, 1 to max.
static bool has_number(const char *line, const char *verb, long max, long *number) {
  char *rest = NULL;
  size_t length = strlen(verb);
  if (strncmp(line, verb, length) != 0 || line[length] < '0' || line[length] > '9') return false;
  *number = strtol(line + length, &rest, 10);
  return *rest == '\0' && *number >= 1 && *number <= max;
}

// Carries out one command. Returns why it is refused, or NULL.
static const char *obey(struct client *client, const char *line) {
  long number;
  if (strcmp(line, "watch") == 0) {
    client->watching = true;
  } else if (strcmp(line, "drain") == 0) {
    client->waiting = FOR_DRAIN;
    client->deadline = now_ms() + DRAIN_DEADLINE_MS;
  } else if (has_number(line, "adopt ", INT_MAX, &number)) {
    if (member.state != AWAITING || member.ending) return "not awaiting a restore";
    client->waiting = FOR_ADOPTION;
    client->deadline = now_ms() + ADOPT_DEADLINE_MS;
    client->adopted = (pid_t)number;
  } else if (has_number(line, "signal ", SIGRTMAX, &number)) {
    if (member.pid == 0) return "no main child";
    if (kill(member.pid, (int)number) < 0) return "the signal was refused";
  } else if (strcmp(line, "park") == 0) {
    if (member.state == AWAITING || member.ending) return "no main child";
    member.state = PARKED;
  } else if (strcmp(line, "kill") == 0) {
    client->waiting = FOR_END;
    member_end(EXIT_BY_SIGNAL + SIGKILL, SIGKILL, true);
  } else if (strcmp(line, "quit") == 0) {
    if (member.state == RUNNING) return "not parked and not awaiting a restore";
    if (!member_reap() || (getpid() == 1 && kill(-1, 0) == 0)) return "processes are left";
    client->waiting = FOR_END;
    member_end(EXIT_LEFT, 0, false);
  } else if (strcmp(line, "status") != 0) {
    return "unknown command";
  }
  if (!client->waiting) answer_status(client, "");
  return NULL;
}

// Answers what has come about, or has not in time.
static void settle(struct client *client) {
  if (client->waiting != FOR_DRAIN && client->waiting != FOR_ADOPTION) return;
  bool is_drain = client->waiting == FOR_DRAIN;
  bool done = is_drain ? streams_are_empty() : member_adopt(client->adopted);
  if (!done && now_ms() < client->deadline) return;
  client->waiting = NOTHING;
  if (!done && !is_drain) answer_error(client, "not a child of sp-init");
  else answer_status(client, !is_drain ? "" : done ? ",\"drained\":true" : ",\"drained\":false");
}

// Obeys the complete lines that are there, up to one that has to wait.
static void obey_lines(struct client *client) {
  char *newline;
  while (!client->waiting && (newline = memchr(client->in, '\n', client->in_bytes))) {
    *newline = '\0';
    const char *refusal = obey(client, client->in);
    if (refusal) answer_error(client, refusal);
    if (client->fd < 0) return;
    size_t used = (size_t)(newline + 1 - client->in);
    memmove(client->in, newline + 1, client->in_bytes -= used);
    settle(client);
  }
  if (client->waiting || client->in_bytes < sizeof client->in) return;
  answer_error(client, "line too long");
  disconnect(client);
}

static void receive(struct client *client) {
  size_t room = sizeof client->in - client->in_bytes;
  ssize_t got = recv(client->fd, client->in + client->in_bytes, room, MSG_DONTWAIT);
  if (got > 0) client->in_bytes += (size_t)got;
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) disconnect(client);
}

static void welcome(void) {
  struct client newcomer = {.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)};
  if (newcomer.fd < 0) {
    poll(NULL, 0, 1); // out of files, perhaps: the listener stays readable, so do not spin
    return;
  }
  for (int i = 0; i < CLIENTS_MAX; i++) {
    if (clients[i].fd >= 0) continue;
    clients[i] = newcomer;
    return;
  }
  answer_error(&newcomer, "too many clients");
  disconnect(&newcomer);
}

// Binds the socket. What an earlier sp-init left at its path is replaced; a living one's is not.
void control_listen(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const struct sockaddr *name = (const struct sockaddr *)&address;
  struct stat found;
  errno = ENAMETOOLONG;
  if (strlen(options.control) >= sizeof address.sun_path) die("cannot listen on", options.control);
  strcpy(address.sun_path, options.control);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (lstat(options.control, &found) == 0 && S_ISSOCK(found.st_mode) &&
      connect(listener, name, sizeof address) < 0 && errno == ECONNREFUSED)
    unlink(options.control);
  mode_t mask = umask(0177); // the socket's mode is 0600 from the start
  if (bind(listener, name, sizeof address) < 0 || listen(listener, CLIENTS_MAX) < 0)
    die("cannot listen on", options.control);
  umask(mask);
  for (int i = 0; i < CLIENTS_MAX; i++) clients[i].fd = -1;
}

// Fills an entry for the listener and one a client. Says whether one waits for what no entry announces.
bool control_poll(struct pollfd polls[1 + CLIENTS_MAX]) {
  bool waiting = false;
  polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (int i = 0; i < CLIENTS_MAX; i++) {
    polls[1 + i] = (struct pollfd){.fd = clients[i].fd, .events = clients[i].waiting ? 0 : POLLIN};
    waiting |= clients[i].waiting;
  }
  return waiting;
}

// Serves all clients once, then tells the watchers of a change.
void control_serve(const struct pollfd *polls) {
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *client = &clients[i];
    short events = polls[1 + i].revents;
    if (client->fd < 0) continue;
    if (events & POLLIN) receive(client);
    else if (events & (POLLHUP | POLLERR)) disconnect(client);
    settle(client);
    obey_lines(client);
  }
  if (polls[0].revents) welcome();
  // The end is announced when the exit file is there.
  if (member.ending || (announced.state == member.state && announced.pid == member.pid)) return;
  announced = member;
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].watching) answer_status(&clients[i], "");
}

// The last word to all who wait or watch.
void control_finish(void) {
  for (int i = 0; i < CLIENTS_MAX; i++) {
    if (clients[i].waiting == FOR_ADOPTION) answer_error(&clients[i], "sp-init ends");
    else if (clients[i].waiting == FOR_DRAIN) answer_status(&clients[i], ",\"drained\":true");
    else if (clients[i].waiting || clients[i].watching) answer_status(&clients[i], "");
  }
  unlink(options.control);
}
