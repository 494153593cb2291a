/* What a process has in memory and on its descriptors, filled anew at each step and checked at the next. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../verdict.h"

enum { WORDS = 4096, SLOTS = 64, UMASK = 027 };
enum { BYTES = WORDS * sizeof(uint64_t) };

/* One stretch of words: word i of step s is mix(seed + i, s) for the last step in which it was written. */
struct region {
  const char *name;
  uint64_t seed;
  uint64_t *words;
  int fd; /* the file behind it, or -1 */
};

static struct region heap = {"heap", 1, NULL, -1}, private_file = {"private mapping", 2, NULL, -1},
                     shared_file = {"shared mapping", 3, NULL, -1}, shm = {"/dev/shm mapping", 4, NULL, -1},
                     unlinked_shm = {"unlinked /dev/shm mapping", 5, NULL, -1};
static struct region *const regions[] = {&heap, &private_file, &shared_file, &shm, &unlinked_shm};
enum { REGIONS = sizeof regions / sizeof *regions };

static char folder[PATH_MAX];
static int unlinked_fd, offset_fd, relative_fd;
static uint64_t offset_records;

static int new_file(const char *path) {
  return (int)must(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), path);
}

static void map(struct region *region, int fd, int flags) {
  region->fd = fd;
  if (fd >= 0) must(ftruncate(fd, BYTES), "ftruncate");
  void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (at == MAP_FAILED) corrupt("mmap of the %s: %s", region->name, strerror(errno));
  region->words = at;
}

/* Word `at` as it must be after `step`: each step rewrites an eighth of a region. */
static uint64_t word_of(const struct region *region, uint64_t at, uint64_t step) {
  uint64_t part = at % 8, last = step >= part ? step - (step - part) % 8 : 0;
  return step < part ? 0 : mix(region->seed + at, last);
}

static void write_region(struct region *region, uint64_t step) {
  for (uint64_t at = step % 8; at < WORDS; at += 8) region->words[at] = mix(region->seed + at, step);
}

static void check_region(const struct region *region, uint64_t step) {
  for (uint64_t at = 0; at < WORDS; at++) {
    if (region->words[at] != word_of(region, at, step)) {
      corrupt("step %llu: word %llu of the %s", (unsigned long long)step, (unsigned long long)at, region->name);
    }
  }
}

/* A shared mapping and its file agree; behind a private one the file still holds its zeros. */
static void check_file(const struct region *region, uint64_t step) {
  static uint64_t content[WORDS];
  if (pread(region->fd, content, BYTES, 0) != BYTES) corrupt("the file of the %s is short", region->name);
  for (uint64_t at = 0; at < WORDS; at++) {
    uint64_t expected = region == &private_file ? 0 : word_of(region, at, step);
    if (content[at] != expected) corrupt("word %llu of the %s's file", (unsigned long long)at, region->name);
  }
}

static void check_unlinked_file(uint64_t step) {
  uint64_t slots[SLOTS];
  if (step > 0) {
    ssize_t expected = (ssize_t)((step < SLOTS ? step : SLOTS) * sizeof *slots);
    if (pread(unlinked_fd, slots, sizeof slots, 0) != expected) corrupt("the unlinked file has another size");
    for (uint64_t at = 0; at < (uint64_t)expected / sizeof *slots; at++) {
      uint64_t last = step - 1 - (step - 1 - at) % SLOTS;
      if (slots[at] != mix(77, last)) corrupt("record %llu of the unlinked file", (unsigned long long)at);
    }
  }
  uint64_t record = mix(77, step);
  off_t where = (off_t)(step % SLOTS * sizeof record);
  if (pwrite(unlinked_fd, &record, sizeof record, where) != sizeof record) corrupt("the unlinked file: no room");
}

void memory_child_writes(uint64_t step) {
  uint64_t record = mix(88, step);
  if (write(offset_fd, &record, sizeof record) != sizeof record) corrupt("the file with the shared offset: no room");
}

static void check_shared_offset(void) {
  off_t at = lseek(offset_fd, 0, SEEK_CUR), expected = (off_t)(offset_records * sizeof(uint64_t));
  if (at != expected) corrupt("the shared offset is %lld, not %lld", (long long)at, (long long)expected);
  uint64_t record;
  for (uint64_t step = offset_records > 16 ? offset_records - 16 : 0; step < offset_records; step++) {
    ssize_t got = pread(offset_fd, &record, sizeof record, (off_t)(step * sizeof record));
    if (got != sizeof record || record != mix(88, step)) {
      corrupt("record %llu at the shared offset", (unsigned long long)step);
    }
  }
}

void memory_check_surroundings(const char *who) {
  char now[PATH_MAX];
  if (getcwd(now, sizeof now) == NULL || strcmp(now, folder) != 0) corrupt("%s: the working folder is %s", who, now);
  mode_t mask = umask(UMASK);
  if (mask != UMASK) corrupt("%s: the umask is %03o", who, mask);
  struct stat by_name, by_descriptor;
  must(stat("relative", &by_name), "stat of a relative path");
  must(fstat(relative_fd, &by_descriptor), "fstat");
  if (by_name.st_ino != by_descriptor.st_ino) corrupt("%s: the relative path leads to another file", who);
}

void memory_open(const char *where, unsigned long rank) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s/tree.%lu", where, rank);
  if (mkdir(name, 0755) < 0) refuse("%s: %s: start in an empty folder", name, strerror(errno));
  must(chdir(name), "chdir");
  umask(UMASK);
  if (getcwd(folder, sizeof folder) == NULL) corrupt("getcwd: %s", strerror(errno));
  relative_fd = new_file("relative");
  offset_fd = new_file("shared-offset");
  unlinked_fd = new_file("unlinked");
  must(unlink("unlinked"), "unlink");
  map(&heap, -1, MAP_PRIVATE | MAP_ANONYMOUS);
  map(&private_file, new_file("private"), MAP_PRIVATE);
  map(&shared_file, new_file("shared"), MAP_SHARED);
  snprintf(name, sizeof name, "/dev/shm/tree.%lu", rank);
  map(&shm, new_file(name), MAP_SHARED);
  snprintf(name, sizeof name, "/dev/shm/tree-unlinked.%lu", rank);
  map(&unlinked_shm, new_file(name), MAP_SHARED);
  must(unlink(name), "unlink");
}

uint64_t memory_step(uint64_t step) {
  uint64_t digest = 0;
  for (int at = 0; at < REGIONS; at++) {
    if (step > 0) check_region(regions[at], step - 1);
    if (step > 0 && regions[at]->fd >= 0) check_file(regions[at], step - 1);
    write_region(regions[at], step);
    digest = mix(digest, regions[at]->words[step % WORDS]);
  }
  check_unlinked_file(step);
  check_shared_offset();
  offset_records = step + 1; /* a child writes the record of this step before the next one */
  memory_check_surroundings("the root");
  return digest;
}
