#!/usr/bin/python3
"""Clocks and time-outs: the monotonic clock neither stands nor leaps, and nothing that waits wakes early or storms."""

import os
import queue
import select
import signal
import socket
import threading
import time

import workload

PERIOD_S = 0.02
WAIT_S = 0.01


class Waits:
    """Every usual way to wait for a time-out. Each must take at least as long as asked, and not much longer."""

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._condition = threading.Condition()
        self._queue: queue.Queue[int] = queue.Queue()
        self._silent, self._peer = socket.socketpair()
        self._silent.settimeout(WAIT_S)
        self._epoll = select.epoll()
        self._epoll.register(self._silent, select.EPOLLIN)
        self._ways = {
            "time.sleep": lambda: time.sleep(WAIT_S),
            "a condition variable": self._wait_condition,
            "a queue": self._wait_queue,
            "select": lambda: select.select([self._silent], [], [], WAIT_S),
            "epoll": lambda: self._epoll.poll(WAIT_S),
            "a socket time-out": self._wait_socket,
            "a thread that is joined": self._wait_timer,
        }

    def _wait_condition(self) -> None:
        with self._condition:
            workload.check(not self._condition.wait(WAIT_S), "a condition variable was notified by nobody")

    def _wait_queue(self) -> None:
        try:
            self._queue.get(timeout=WAIT_S)
        except queue.Empty:
            return
        workload.corrupt("an empty queue gave something")

    def _wait_socket(self) -> None:
        try:
            self._silent.recv(1)
        except TimeoutError:
            return
        workload.corrupt("a silent socket gave something")

    def _wait_timer(self) -> None:
        fired = threading.Event()
        timer = threading.Timer(WAIT_S, fired.set)
        timer.start()
        timer.join()
        workload.check(fired.is_set(), "a timer ended without firing")

    def all(self, step: int) -> None:
        """Waits once in each way."""
        for name, wait in self._ways.items():
            before = time.monotonic()
            wait()
            took = time.monotonic() - before
            # epoll and select round to whole milliseconds on the way in.
            workload.check(took >= WAIT_S - 0.001, f"step {step}: {name} woke after {took:.6f} s, not {WAIT_S}")
            workload.check(took <= WAIT_S + self._tolerance_s, f"step {step}: {name} took {took:.3f} s")


class Interval:
    """setitimer in real time: how often it fired, against how often it may."""

    def __init__(self) -> None:
        self._fired = 0
        signal.signal(signal.SIGALRM, self._on_alarm)
        self._started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, PERIOD_S, PERIOD_S)
        self._before = 0

    def _on_alarm(self, *_: object) -> None:
        self._fired += 1

    def verify(self, step: int) -> None:
        most = int((time.monotonic() - self._started) / PERIOD_S) + 3
        workload.check(self._fired <= most, f"step {step}: setitimer fired {self._fired} times, {most} were possible")
        workload.check(step == 0 or self._fired > self._before, f"step {step}: setitimer does not fire any more")
        self._before = self._fired


class Clocks:
    """The monotonic clocks between two looks at them."""

    IDS = {
        "CLOCK_MONOTONIC": time.CLOCK_MONOTONIC,
        "CLOCK_MONOTONIC_RAW": time.CLOCK_MONOTONIC_RAW,
        "CLOCK_MONOTONIC_COARSE": 6,
        "CLOCK_BOOTTIME": time.CLOCK_BOOTTIME,
    }

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._last = self._read()

    def _read(self) -> dict[str, float]:
        return {name: time.clock_gettime(clock) for name, clock in self.IDS.items()}

    def verify(self, step: int, busy_s: float) -> None:
        """No clock went back, or further than a step takes plus the tolerance."""
        now = self._read()
        for name in self.IDS:
            passed = now[name] - self._last[name]
            workload.check(passed >= 0, f"step {step}: {name} went back by {-passed:.6f} s")
            workload.check(
                passed <= busy_s + self._tolerance_s, f"step {step}: {name} leapt by {passed:.3f} s in one step"
            )
        self._last = now


def main() -> None:
    parser = workload.arguments("clocks, timers and time-outs", step_ms=0)
    parser.add_argument("--tolerance-ms", type=int, default=5000, help="how long a freeze may be")
    options = parser.parse_args()
    tolerance_s = options.tolerance_ms / 1000
    waits, interval, clocks = Waits(tolerance_s), Interval(), Clocks(tolerance_s)
    pace = workload.Pace(options)
    digest = workload.rank()
    pid = os.getpid()
    for step in range(options.steps):
        waits.all(step)
        interval.verify(step)
        clocks.verify(step, 8 * WAIT_S + options.step_ms / 1000)
        workload.check(os.getpid() == pid, f"step {step}: the pid is {os.getpid()}, not {pid}")
        digest = workload.mix(digest, step)
        workload.say(f"step {step} digest {digest:016x}")
        pace.wait()
    signal.setitimer(signal.ITIMER_REAL, 0)
    workload.say(f"OK steps {options.steps} digest {digest:016x}")


if __name__ == "__main__":
    main()
