#!/usr/bin/python3
"""Forks short-lived children and orphaned grandchildren all the time, within a bound; every exit status is checked."""

import os
import random
import time

import workload


def run_child(number: int, life_s: float, grandchild: bool) -> None:
    """Lives shortly; may leave a grandchild to the sandbox's PID 1. Never returns."""
    if grandchild and os.fork() == 0:
        time.sleep(life_s)
        os._exit(0)
    time.sleep(life_s)
    os._exit(workload.mix(number, 1) % 100)


class Children:
    """The children alive, and what each must end with."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers: dict[int, int] = {}
        self._random = random.Random(workload.rank())
        self.forked = 0
        self.reaped = 0

    def fork(self) -> None:
        """Forks unless there are enough."""
        if len(self._numbers) >= self._most:
            return
        life_s, grandchild = self._random.random() * 0.05, self._random.random() < 0.2
        pid = os.fork()
        if pid == 0:
            run_child(self.forked, life_s, grandchild)
        self._numbers[pid] = self.forked
        self.forked += 1

    def reap(self, wait: bool = False) -> None:
        """Reaps all that have ended; with `wait`, all there are."""
        while self._numbers:
            pid, status = os.waitpid(-1, 0 if wait else os.WNOHANG)
            if pid == 0:
                return
            number = self._numbers.pop(pid, None)
            if number is None:
                workload.corrupt(f"process {pid} is no child of this program")
            code = os.waitstatus_to_exitcode(status)
            expected = workload.mix(number, 1) % 100
            workload.check(code == expected, f"child {number} ended with {code}, not {expected}")
            self.reaped += 1


def main() -> None:
    parser = workload.arguments("forks all the time")
    parser.add_argument("--alive", type=int, default=100, help="most children at once (grandchildren come on top)")
    parser.add_argument("--rate", type=int, default=500, help="most forks a second")
    options = parser.parse_args()
    children = Children(options.alive)
    step_s = max(options.step_ms, 1) / 1000
    for step in range(options.steps):
        ends = time.monotonic() + step_s
        while time.monotonic() < ends:
            children.fork()
            children.reap()
            time.sleep(1 / options.rate)
        workload.say(f"step {step} forked {children.forked} reaped {children.reaped}")
    children.reap(wait=True)
    workload.check(children.forked == children.reaped, f"{children.forked} forked, {children.reaped} reaped")
    workload.say(f"OK steps {options.steps}")


if __name__ == "__main__":
    main()
