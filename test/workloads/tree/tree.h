/* The parts of the process tree, one file each. Every part mixes a digest that the root can foretell. */
#ifndef TREE_H
#define TREE_H

#include <stdint.h>

/* Memory of every kind and files: mappings, an unlinked file, a shared offset, the cwd, the umask. */
void memory_open(const char *where, unsigned long rank);
uint64_t memory_step(uint64_t step);

/* Writes one record through a descriptor that a parent shares; its offset is the parent's too. */
void memory_child_writes(uint64_t step);

/* Ends as corrupt unless cwd and umask are what memory_open set. */
void memory_check_surroundings(const char *who);

/* Threads that pass a value around under a mutex and condition variables. */
void threads_open(void);
uint64_t threads_step(uint64_t step);

/* Child processes: a relay over a pipe with a nested child behind a socket pair, a counter of signals, zombies. */
void children_open(void);
uint64_t children_step(uint64_t step);
void children_close(void);

/* Pipes and socket pairs that always hold data nobody has read yet. */
void queues_open(void);
uint64_t queues_step(uint64_t step);

/* Interval timers of all kinds: neither early, nor lost, nor in a storm. */
void timers_open(uint64_t late_ms_max);
void timers_step(uint64_t step);

#endif
