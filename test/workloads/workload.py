"""What every workload shares: one line per step, one verdict at the end, and the checks behind both.

The programs know nothing of checkpoints. They may be frozen, killed and restored at any moment; whatever they
find that one uninterrupted run could not have produced is reported as `CORRUPT: ...` with exit status 1.
"""

import argparse
import os
import time
from typing import NoReturn

MASK = (1 << 64) - 1


def rank() -> int:
    """This process's rank; 0 outside a gang."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many ranks there are; 1 outside a gang."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def say(line: str) -> None:
    """Writes one line to stdout with one write, so that lines of several processes never mix."""
    os.write(1, f"{line}\n".encode())


def corrupt(why: str) -> NoReturn:
    """Ends the process at once (no cleanup may hide the state): something is lost, doubled, early or wrong."""
    say(f"CORRUPT: {why}")
    os._exit(1)


def refuse(why: str) -> NoReturn:
    """Ends the process because it was started wrongly; nothing is corrupt."""
    os.write(2, f"refused: {why}\n".encode())
    os._exit(2)


def check(holds: bool, why: str) -> None:
    """Ends the process as corrupt unless `holds`."""
    if not holds:
        corrupt(why)


def mix(state: int, value: int) -> int:
    """One splitmix64 round over `state` and `value`: the evolving digest of workloads without tensors."""
    state = (state + 0x9E3779B97F4A7C15 + (value & MASK)) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def arguments(description: str, steps: int = 100, step_ms: int = 20) -> argparse.ArgumentParser:
    """A parser that has the options common to all workloads."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=steps, help="steps before the program ends with OK")
    parser.add_argument("--step-ms", type=int, default=step_ms, help="a step takes at least this long")
    parser.add_argument("--slow-while", metavar="FILE", help="--step-ms counts only while there is this file")
    return parser


class Pace:
    """Pads steps to a minimum length."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._step_ns = options.step_ms * 1_000_000
        self._slow_while = options.slow_while
        self._started = time.monotonic_ns()

    def wait(self) -> None:
        """Sleeps for what is left of this step and begins the next one."""
        left = self._started + self._step_ns - time.monotonic_ns()
        if left > 0 and (self._slow_while is None or os.path.exists(self._slow_while)):
            time.sleep(left / 1e9)
        self._started = time.monotonic_ns()


class StepLog:
    """An O_APPEND log in the working directory that must hold exactly the lines which this timeline wrote.

    It is created, never reopened: a program that was silently started again from nothing finds it and refuses.
    """

    def __init__(self, path: str, overwrite: bool = False) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | (os.O_TRUNC if overwrite else os.O_EXCL)
        try:
            self._fd = os.open(path, flags, 0o644)
        except FileExistsError:
            refuse(f"{path} exists already: start in an empty folder, or pass --overwrite")
        self._path = path
        self._size = 0
        self._last = b""

    def add(self, line: str) -> None:
        """Checks the end of the log, then appends `line`."""
        size = os.fstat(self._fd).st_size
        check(size == self._size, f"{self._path} has {size} bytes, this timeline wrote {self._size}")
        tail = os.pread(self._fd, len(self._last), self._size - len(self._last))
        check(tail == self._last, f"{self._path} ends with {tail!r}, this timeline wrote {self._last!r}")
        self._last = f"{line}\n".encode()
        written = os.write(self._fd, self._last)
        check(written == len(self._last), f"{self._path}: {written} of {len(self._last)} bytes written")
        self._size += written


class StepTimes:
    """When each step ended, for measuring stalls: `step N <monotonic ns> <realtime ns>` a line.

    Both clocks, because the monotonic one is shifted by time namespaces and the real one may be set.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o644)

    def add(self, step: int) -> None:
        """Appends the present moment."""
        os.write(self._fd, f"step {step} {time.monotonic_ns()} {time.time_ns()}\n".encode())
