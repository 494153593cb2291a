/* Measures what Stillpoint's design of GPU checkpoints rests on: the CUDA driver's checkpoint API, called from
 * a resident helper on other
 * processes. Prints one line of JSON a fact. libcuda is opened at run time: no CUDA headers are needed to build it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef int result;
typedef uint64_t pointer;
/* Each is 64 bytes, zero but for what is named. */
struct lock_arguments { unsigned timeout_ms, reserved0; uint64_t reserved1[7]; };
struct plain_arguments { uint64_t reserved[8]; };

static result (*init)(unsigned);
static result (*device_get)(int *, int);
static result (*retain)(void **, int);
static result (*set_current)(void *);
static result (*alloc)(pointer *, size_t);
static result (*alloc_host)(void **, size_t);
static result (*set32)(pointer, unsigned, size_t);
static result (*to_host)(void *, pointer, size_t);
static result (*memory_info)(size_t *, size_t *);
static result (*synchronize)(void);
static result (*load)(void **, const void *);
static result (*function_get)(void **, void *, const char *);
static result (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *,
    void **, void **);
static result (*error_name)(result, const char **);
static result (*driver_version)(int *);
static result (*lock)(int, struct lock_arguments *);
static result (*checkpoint)(int, struct plain_arguments *);
static result (*restore)(int, struct plain_arguments *);
static result (*unlock)(int, struct plain_arguments *);
static result (*get_state)(int, int *);

static void *library;

static void *symbol(const char *name) {
  void *found = dlsym(library, name);
  if (!found) { printf("{\"fact\":\"missing\",\"symbol\":\"%s\"}\n", name); exit(2); }
  return found;
}

static void open_driver(void) {
  library = dlopen("libcuda.so.1", RTLD_NOW);
  if (!library) { fprintf(stderr, "no NVIDIA driver here: %s\n", dlerror()); exit(2); }
  init = symbol("cuInit"); device_get = symbol("cuDeviceGet"); retain = symbol("cuDevicePrimaryCtxRetain");
  set_current = symbol("cuCtxSetCurrent"); alloc = symbol("cuMemAlloc_v2"); alloc_host = symbol("cuMemAllocHost_v2");
  set32 = symbol("cuMemsetD32_v2"); to_host = symbol("cuMemcpyDtoH_v2"); memory_info = symbol("cuMemGetInfo_v2");
  synchronize = symbol("cuCtxSynchronize"); load = symbol("cuModuleLoadData");
  function_get = symbol("cuModuleGetFunction");
  launch = symbol("cuLaunchKernel"); error_name = symbol("cuGetErrorName");
  driver_version = symbol("cuDriverGetVersion");
  lock = symbol("cuCheckpointProcessLock"); checkpoint = symbol("cuCheckpointProcessCheckpoint");
  restore = symbol("cuCheckpointProcessRestore"); unlock = symbol("cuCheckpointProcessUnlock");
  get_state = symbol("cuCheckpointProcessGetState");
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static const char *name_of(result code) {
  const char *name = NULL;
  if (code == 0) return "SUCCESS";
  return error_name(code, &name) == 0 && name ? name : "?";
}

static void must(result code, const char *what) {
  if (code == 0) return;
  printf("{\"fact\":\"failed\",\"what\":\"%s\",\"error\":\"%s\",\"code\":%d}\n", what, name_of(code), code);
  exit(1);
}

enum { PATTERN = 0x5a17b01d, PINNED_BYTES = 1 << 20 };
static const char *spin_code =
  ".version 6.0\n.target sm_50\n.address_size 64\n.visible .entry spin(.param .u64 cycles){\n.reg .u64 %r<4>;\n"
      ".reg .pred %p;\n"
  "ld.param.u64 %r1,[cycles];\nmov.u64 %r2,%clock64;\nagain:\nmov.u64 %r3,%clock64;\nsub.u64 %r3,%r3,%r2;\n"
      "setp.lt.u64 %p,%r3,%r1;\n"
  "@%p bra again;\nret;\n}\n";

/* A process with memory on the GPU that does what it is told. */
static void play(size_t megabytes) {
  int device;
  void *context, *pinned, *module, *spin;
  pointer memory;
  open_driver();
  must(init(0), "cuInit"); must(device_get(&device, 0), "device"); must(retain(&context, device), "context");
  must(set_current(context), "current");
  size_t bytes = megabytes << 20;
  must(alloc(&memory, bytes), "alloc"); must(alloc_host(&pinned, PINNED_BYTES), "alloc host");
  must(set32(memory, PATTERN, bytes / 4), "fill"); must(synchronize(), "synchronize");
  memset(pinned, 0x42, PINNED_BYTES);
  must(load(&module, spin_code), "module"); must(function_get(&spin, module, "spin"), "function");
  printf("ready %d %p\n", getpid(), pinned); fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (line[0] == 'v') {
      static unsigned back[1 << 18];
      int good = 1;
      for (size_t at = 0; at < bytes; at += bytes > sizeof back * 64 ? bytes / 64 & ~(size_t)3 : sizeof back) {
        size_t n = bytes - at < sizeof back ? bytes - at : sizeof back;
        if (to_host(back, memory + at, n) != 0) { good = 0; break; }
        for (size_t i = 0; i < n / 4; i++) if (back[i] != PATTERN) good = 0;
      }
      for (int i = 0; i < PINNED_BYTES; i++) if (((char *)pinned)[i] != 0x42) good = 0;
      printf("%s\n", good ? "good" : "bad"); fflush(stdout);
    } else if (line[0] == 's') {
      uint64_t cycles = strtoull(line + 1, NULL, 10) * 1700000ull;
      void *arguments[] = { &cycles };
      must(launch(spin, 1, 1, 1, 1, 1, 1, 0, NULL, arguments, NULL), "launch");
      printf("spinning\n"); fflush(stdout);
    } else break;
  }
  exit(0);
}

struct player { int pid; FILE *to, *from; void *pinned; };

static struct player start(size_t megabytes) {
  int in[2], out[2];
  if (pipe(in) || pipe(out)) { perror("pipe"); exit(1); }
  char text[32];
  snprintf(text, sizeof text, "%zu", megabytes);
  int pid = fork();
  if (pid == 0) {
    dup2(in[0], 0); dup2(out[1], 1);
    close(in[1]); close(out[0]);
    execl("/proc/self/exe", "probe", "play", text, (char *)NULL);
    _exit(127);
  }
  close(in[0]); close(out[1]);
  struct player p = { pid, fdopen(in[1], "w"), fdopen(out[0], "r"), NULL };
  char line[256] = "";
  int told = 0;
  if (!fgets(line, sizeof line, p.from) || sscanf(line, "ready %d %p", &told, &p.pinned) != 2) {
    printf("{\"fact\":\"failed\",\"what\":\"player\",\"said\":\"%.*s\"}\n", (int)strcspn(line, "\n\""), line);
    exit(1);
  }
  return p;
}

static const char *tell(struct player *p, const char *what) {
  static char line[64];
  fprintf(p->to, "%s\n", what); fflush(p->to);
  if (!fgets(line, sizeof line, p->from)) return "gone";
  line[strcspn(line, "\n")] = 0;
  return line;
}

static void stop(struct player *p) {
  kill(p->pid, SIGKILL);
  waitpid(p->pid, NULL, 0);
  fclose(p->to); fclose(p->from);
}

static int state_of(int pid) {
  int state = -1;
  result code = get_state(pid, &state);
  return code == 0 ? state : -code;
}

static size_t free_mb(void) {
  size_t free_bytes = 0, total = 0;
  memory_info(&free_bytes, &total);
  return free_bytes >> 20;
}

enum step { LOCK, CHECKPOINT, RESTORE, UNLOCK };
static const char *step_names[] = { "lock", "checkpoint", "restore", "unlock" };

static result perform(enum step step, int pid, unsigned timeout_ms) {
  struct lock_arguments with_timeout = { .timeout_ms = timeout_ms };
  struct plain_arguments plain = { { 0 } };
  switch (step) {
    case LOCK: return lock(pid, &with_timeout);
    case CHECKPOINT: return checkpoint(pid, &plain);
    case RESTORE: return restore(pid, &plain);
    case UNLOCK: return unlock(pid, &plain);
  }
  return -1;
}

static void cycle(size_t megabytes) {
  struct player p = start(megabytes);
  printf("{\"fact\":\"cycle\",\"vram_mb\":%zu,\"state\":%d,\"free_mb_before\":%zu", megabytes, state_of(p.pid),
      free_mb());
  for (enum step step = LOCK; step <= UNLOCK; step++) {
    double from = now_ms();
    result code = perform(step, p.pid, 10000);
    printf(",\"%s_ms\":%.1f,\"%s\":\"%s\",\"state_after_%s\":%d", step_names[step], now_ms() - from,
        step_names[step], name_of(code),
           step_names[step], state_of(p.pid));
    if (step == CHECKPOINT) {
      char byte = 0;
      struct iovec to = { &byte, 1 }, from_there = { p.pinned, 1 };
      ssize_t got = process_vm_readv(p.pid, &to, 1, &from_there, 1, 0);
      printf(",\"free_mb_checkpointed\":%zu,\"pinned_readable_checkpointed\":%s,\"pinned_errno\":\"%s\"", free_mb(),
             got == 1 && byte == 0x42 ? "true" : "false", got == 1 ? "" : strerror(errno));
    }
  }
  printf(",\"content\":\"%s\"}\n", tell(&p, "v")); fflush(stdout);
  stop(&p);
}

static void wrong_order(void) {
  struct player p = start(64);
  result c = perform(CHECKPOINT, p.pid, 0), r = perform(RESTORE, p.pid, 0), u = perform(UNLOCK, p.pid, 0);
  printf("{\"fact\":\"wrong order while running\",\"checkpoint\":\"%s\",\"restore\":\"%s\",\"unlock\":\"%s\","
      "\"state\":%d}\n", name_of(c),
         name_of(r), name_of(u), state_of(p.pid));
  result first = perform(LOCK, p.pid, 1000), second = perform(LOCK, p.pid, 1000);
  r = perform(RESTORE, p.pid, 0);
  printf("{\"fact\":\"wrong order while locked\",\"lock\":\"%s\",\"lock_again\":\"%s\",\"restore\":\"%s\","
      "\"state\":%d}\n", name_of(first),
         name_of(second), name_of(r), state_of(p.pid));
  perform(UNLOCK, p.pid, 0);
  int pid = p.pid;
  stop(&p);
  int plain = fork();
  if (plain == 0) { pause(); _exit(0); }
  int state = -1;
  result dead = perform(LOCK, pid, 1000), none = perform(LOCK, plain, 1000), none_state = get_state(plain, &state);
  printf("{\"fact\":\"others\",\"lock_dead\":\"%s\",\"lock_without_cuda\":\"%s\",\"state_without_cuda\":\"%s\"}\n",
      name_of(dead),
         name_of(none), name_of(none_state));
  kill(plain, SIGKILL);
  waitpid(plain, NULL, 0);
  fflush(stdout);
}

static void busy(void) {
  struct player p = start(64);
  tell(&p, "s4000");
  double from = now_ms();
  result code = perform(LOCK, p.pid, 500);
  double took = now_ms() - from;
  int after = state_of(p.pid);
  from = now_ms();
  result again = perform(LOCK, p.pid, 20000);
  printf("{\"fact\":\"lock while a kernel runs 4 s\",\"timeout_500ms\":\"%s\",\"took_ms\":%.0f,\"state_after\":%d,"
      "\"lock_20s\":\"%s\","
         "\"lock_20s_ms\":%.0f}\n", name_of(code), took, after, name_of(again), now_ms() - from);
  perform(UNLOCK, p.pid, 0);
  printf("{\"fact\":\"after that\",\"state\":%d,\"content\":\"%s\"}\n", state_of(p.pid), tell(&p, "v"));
  fflush(stdout);
  stop(&p);
}

/* What a stopped process lets one do: each in a child, for it may never return. */
static void stopped(void) {
  struct player p = start(64);
  for (int locked = 0; locked <= 1; locked++) {
    if (locked) { perform(LOCK, p.pid, 5000); perform(CHECKPOINT, p.pid, 0); }
    kill(p.pid, SIGSTOP);
    double from = now_ms();
    int child = fork();
    if (child == 0) {
      /* a fresh process: contexts do not survive fork */
      char pid[16];
      snprintf(pid, sizeof pid, "%d", p.pid);
      execl("/proc/self/exe", "probe", locked ? "restore" : "state", pid, (char *)NULL);
      _exit(127);
    }
    int status = 0, done = 0;
    while (now_ms() - from < 8000 && !(done = waitpid(child, &status, WNOHANG))) usleep(10000);
    printf("{\"fact\":\"%s of a process that is stopped\",\"returned_within_8s\":%s,\"ms\":%.0f}\n",
        locked ? "restore" : "state",
           done ? "true" : "false", now_ms() - from);
    fflush(stdout);
    kill(p.pid, SIGCONT);
    if (!done) { for (int i = 0; i < 500 && !waitpid(child, &status, WNOHANG); i++) usleep(10000); kill(child,
        SIGKILL); }
    if (locked) { usleep(500000); perform(RESTORE, p.pid, 0); perform(UNLOCK, p.pid, 0); }
  }
  printf("{\"fact\":\"after it went on\",\"state\":%d,\"content\":\"%s\"}\n", state_of(p.pid), tell(&p, "v"));
  fflush(stdout);
  stop(&p);
}

static void all_at_once(int count, size_t megabytes) {
  struct player players[8];
  for (int i = 0; i < count; i++) players[i] = start(megabytes);
  for (int together = 0; together <= 1; together++) {
    for (int i = 0; i < count; i++) must(perform(LOCK, players[i].pid, 10000), "lock");
    for (enum step step = CHECKPOINT; step <= RESTORE; step++) {
      double from = now_ms();
      if (!together) {
        for (int i = 0; i < count; i++) must(perform(step, players[i].pid, 0), step_names[step]);
      } else {
        int children[8];
        for (int i = 0; i < count; i++) {
          char pid[16];
          snprintf(pid, sizeof pid, "%d", players[i].pid);
          if ((children[i] = fork()) == 0) { execl("/proc/self/exe", "probe", step_names[step], pid, (char *)NULL);
          _exit(127); }
        }
        for (int i = 0; i < count; i++) waitpid(children[i], NULL, 0);
      }
      printf("{\"fact\":\"%s of %d processes of %zu MB, %s\",\"ms\":%.0f}\n", step_names[step], count, megabytes,
             together ? "at once, each from a process of its own" : "one after the other from the resident helper",
                 now_ms() - from);
      fflush(stdout);
    }
    for (int i = 0; i < count; i++) must(perform(UNLOCK, players[i].pid, 0), "unlock");
  }
  for (int i = 0; i < count; i++) { printf("{\"fact\":\"content %d\",\"is\":\"%s\"}\n", i, tell(&players[i], "v"));
  stop(&players[i]); }
  fflush(stdout);
}

int main(int count, char **words) {
  if (count == 3 && !strcmp(words[1], "play")) play(strtoull(words[2], NULL, 10));
  open_driver();
  double from = now_ms();
  must(init(0), "cuInit");
  if (count == 3) {
    int pid = atoi(words[2]);
    if (!strcmp(words[1], "state")) return state_of(pid) < 0;
    for (enum step step = LOCK; step <= UNLOCK; step++)
      if (!strcmp(words[1], step_names[step])) return perform(step, pid, 0) != 0;
    return 2;
  }
  int device, version = 0;
  void *context;
  driver_version(&version);
  printf("{\"fact\":\"cuInit of a fresh process\",\"ms\":%.0f,\"driver_api\":%d}\n", now_ms() - from, version);
  must(device_get(&device, 0), "device"); must(retain(&context, device), "context"); must(set_current(context),
      "current");
  wrong_order();
  cycle(64); cycle(1024); cycle(8192); cycle(32768);
  busy();
  stopped();
  all_at_once(4, 1024);
  return 0;
}
