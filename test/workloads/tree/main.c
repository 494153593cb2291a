/* A process tree with something of everything that an image must hold; each step checks and changes all of it. */
#include <getopt.h>
#include <stddef.h>
#include <unistd.h>

#include "../verdict.h"
#include "tree.h"

int main(int count, char **arguments) {
  static const struct option KNOWN[] = {{"steps", required_argument, NULL, 's'},
                                        {"step-ms", required_argument, NULL, 'm'},
                                        {"late-ms", required_argument, NULL, 'l'},
                                        {"slow-while", required_argument, NULL, 'w'},
                                        {"in", required_argument, NULL, 'i'},
                                        {NULL, 0, NULL, 0}};
  unsigned long steps = 100, step_ms = 20, late_ms = 60000;
  /* Files that are written in place: by default where they belong to the member alone. */
  const char *where = "/tmp", *slow_while = NULL;
  for (int option; (option = getopt_long(count, arguments, "", KNOWN, NULL)) != -1;) {
    switch (option) {
      case 's': steps = number_of(optarg, "--steps"); break;
      case 'm': step_ms = number_of(optarg, "--step-ms"); break;
      case 'w': slow_while = optarg; break;
      case 'l': late_ms = number_of(optarg, "--late-ms"); break;
      case 'i': where = optarg; break;
      default: refuse("an option is unknown or lacks its value");
    }
  }
  pid_t pid = getpid();
  memory_open(where, number_from_environment("RANK", 0));
  queues_open();
  children_open();
  threads_open();
  timers_open(late_ms);
  uint64_t digest = 0, next_ns = now_ns();
  for (uint64_t step = 0; step < steps; step++) {
    if (getpid() != pid) corrupt("pid %d became %d", pid, getpid());
    digest = mix(digest, memory_step(step));
    digest = mix(digest, queues_step(step));
    digest = mix(digest, threads_step(step));
    digest = mix(digest, children_step(step));
    timers_step(step);
    say("step %llu digest %016llx", (unsigned long long)step, (unsigned long long)digest);
    next_ns += step_ms * 1000000u;
    /* After a stall the steps must not run in a burst to catch up. */
    if (next_ns < now_ns()) next_ns = now_ns();
    if (is_slow(slow_while)) sleep_until(next_ns);
  }
  children_close();
  say("OK steps %lu digest %016llx", steps, (unsigned long long)digest);
  return 0;
}
