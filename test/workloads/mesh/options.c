/* Parses the command line; README.md lists the options. */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../verdict.h"

enum { PORT_OFFSET = 1, MESSAGES_PER_BURST_CONNECTION = 32 };

static enum fault fault_of(const char *name) {
  static const char *const NAMES[] = {"none",  "flip",      "drop",       "double",    "early",
                                      "stall", "cut-burst", "lose-burst", "lose-reset"};
  for (unsigned at = 0; at < sizeof NAMES / sizeof *NAMES; at++) {
    if (strcmp(name, NAMES[at]) == 0) return (enum fault)at;
  }
  refuse("--inject: no such fault: %s", name);
}

static struct gang gang_of_environment(enum family family) {
  struct gang gang = {
      .name = getenv("STILLPOINT_GANG"),
      .rank = number_from_environment("RANK", 0),
      .size = number_from_environment("WORLD_SIZE", 1),
      .port = number_from_environment("MASTER_PORT", 29500) + PORT_OFFSET,
      .family = family,
  };
  if (gang.size > 1 && gang.name == NULL) refuse("STILLPOINT_GANG is not set: peers are <gang>-<rank>");
  return gang;
}

struct options options_parse(int count, char **arguments) {
  static const struct option KNOWN[] = {
      {"messages", required_argument, NULL, 'm'}, {"ipv6", no_argument, NULL, '6'},
      {"mapped", no_argument, NULL, '4'},         {"local", no_argument, NULL, 'l'},
      {"close-unsent", no_argument, NULL, 'c'},   {"reset", no_argument, NULL, 'r'},
      {"half-open", no_argument, NULL, 'h'},      {"outside", required_argument, NULL, 'o'},
      {"rate-mb", required_argument, NULL, 'b'},  {"stuck-s", required_argument, NULL, 's'},
      {"inject", required_argument, NULL, 'i'},   {"inject-at", required_argument, NULL, 'a'},
      {"slow-while", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
  struct options options = {.messages = 1000, .bursts.stuck_ms_max = 60000};
  enum family family = FAMILY_IPV4;
  for (int option; (option = getopt_long(count, arguments, "", KNOWN, NULL)) != -1;) {
    switch (option) {
      case 'm': options.messages = number_of(optarg, "--messages"); break;
      case '6': family = FAMILY_IPV6; break;
      case '4': family = FAMILY_MAPPED; break;
      case 'l': options.local = true; break;
      case 'c': options.bursts.close_unsent = true; break;
      case 'r': options.bursts.reset = true; break;
      case 'h': options.half_open = true; break;
      case 'o': options.outside = optarg; break;
      case 'b': options.rate_mb = number_of(optarg, "--rate-mb"); break;
      case 'w': options.slow_while = optarg; break;
      case 's': options.bursts.stuck_ms_max = 1000 * number_of(optarg, "--stuck-s"); break;
      case 'i': options.fault = fault_of(optarg); break;
      case 'a': options.fault_at = number_of(optarg, "--inject-at"); break;
      default: refuse("an option is unknown or lacks its value");
    }
  }
  if (optind < count) refuse("unexpected argument: %s", arguments[optind]);
  options.gang = gang_of_environment(family);
  if (options.gang.rank == 0) options.bursts.fault = options.fault;
  options.bursts.fault_at = options.fault_at;
  options.bursts.count = options.messages / MESSAGES_PER_BURST_CONNECTION + 1;
  return options;
}
