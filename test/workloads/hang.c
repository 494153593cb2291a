/* Hangs in an uninterruptible wait: the parent of a vfork() stays in D state for as long as its child sleeps. */
#include <getopt.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verdict.h"

/* For the child of vfork(), which may not use its parent's locals. */
static uint64_t wake_ns;

static void hang(void) {
  pid_t child = vfork();
  if (child == 0) {
    sleep_until(wake_ns);
    _exit(9);
  }
  int status;
  if (must(waitpid(child, &status, 0), "waitpid") != child || WEXITSTATUS(status) != 9) corrupt("status %d", status);
  if (now_ns() < wake_ns) corrupt("vfork() returned before its child had ended");
}

int main(int count, char **arguments) {
  static const struct option KNOWN[] = {{"steps", required_argument, NULL, 's'},
                                        {"step-ms", required_argument, NULL, 'm'},
                                        {"hang-at", required_argument, NULL, 'a'},
                                        {"hang-ms", required_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  unsigned long steps = 100, step_ms = 20, hang_at = 10, hang_ms = 10000;
  for (int option; (option = getopt_long(count, arguments, "", KNOWN, NULL)) != -1;) {
    switch (option) {
      case 's': steps = number_of(optarg, "--steps"); break;
      case 'm': step_ms = number_of(optarg, "--step-ms"); break;
      case 'a': hang_at = number_of(optarg, "--hang-at"); break;
      case 'h': hang_ms = number_of(optarg, "--hang-ms"); break;
      default: refuse("an option is unknown or lacks its value");
    }
  }
  for (unsigned long step = 0; step < steps; step++) {
    say("step %lu digest %016llx", step, (unsigned long long)mix(0, step));
    wake_ns = now_ns() + (step == hang_at ? hang_ms : step_ms) * 1000000u;
    if (step == hang_at) hang();
    else sleep_until(wake_ns);
  }
  say("OK steps %lu", steps);
  return 0;
}
