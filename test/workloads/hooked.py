#!/usr/bin/python3
"""Steps with a writer that keeps its events in memory, and a cache: both are told by hooks, as examples/hooks has it.

Each step adds an event to the writer, which writes `events.RANK` when it is flushed. A cache that was dropped is filled again.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "hooks"))

from on_signal import on_signal  # noqa: E402  (the example is what is tested)
import workload  # noqa: E402


class Writer:
    """What a SummaryWriter does: events wait in memory until they are flushed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._events: list[str] = []

    def add(self, event: str) -> None:
        self._events.append(event)

    def flush(self) -> None:
        with open(self._path, "a", encoding="ascii") as file:
            file.write("".join(f"{event}\n" for event in self._events))
        self._events.clear()


def main() -> None:
    parser = workload.arguments("a writer and a cache that hooks tell what to do")
    parser.add_argument("--cache-mb", type=int, default=48, help="MiB that can be made again")
    options = parser.parse_args()
    writer = Writer(f"events.{workload.rank()}")
    cache: dict[int, bytes] = {}
    on_signal(signal.SIGUSR1, writer.flush, "/tmp/flushed")
    on_signal(signal.SIGUSR2, cache.clear, "/tmp/dropped")
    pace = workload.Pace(options)
    digest = 0
    for step in range(options.steps):
        if step % 20 == 0:
            for key in range(options.cache_mb):
                cache.setdefault(key, os.urandom(1 << 20))
        digest = workload.mix(digest, step)
        writer.add(f"step {step}")
        workload.say(f"step {step} digest {digest:016x}")
        pace.wait()
    writer.flush()
    workload.say(f"OK steps {options.steps} digest {digest:016x}")


if __name__ == "__main__":
    main()
