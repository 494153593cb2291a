#!/usr/bin/python3
"""Ranks 0 and 1 with one connection beside their steps, which rank 0 opens, resets or closes when it is told to.

It is told by a file `open`, `reset` or `close` in the working directory. Rank 0 closes with a queue full of data.
Rank 1 prints what it sees of the connection: `channel accepted`, `channel reset`, `channel closed after N bytes`.
"""

import os
import socket
import struct

import workload

PORT = 7200
CLOSE_BYTES = 40_000


def content(count: int) -> bytes:
    """The first bytes of what is sent before a close."""
    return bytes(workload.mix(at, 0) & 0xFF for at in range(count))


class Opener:
    """Rank 0's end."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * CLOSE_BYTES)

    def turn(self) -> None:
        """Does what is newly asked for."""
        for order in ("open", "reset", "close"):
            if order not in self._done and os.path.exists(order):
                self._done.add(order)
                getattr(self, f"_{order}")()

    def _open(self) -> None:
        self._socket.setblocking(False)
        self._socket.connect_ex((f"{os.environ['STILLPOINT_GANG']}-1", PORT))
        workload.say("channel opening")

    def _reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        workload.say("channel reset")

    def _close(self) -> None:
        sent = self._socket.send(content(CLOSE_BYTES))
        workload.check(sent == CLOSE_BYTES, f"{sent} of {CLOSE_BYTES} bytes found room")
        self._socket.close()
        workload.say("channel closed")


class Accepter:
    """Rank 1's end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("", PORT))
        self._listener.setblocking(False)
        self._socket: socket.socket | None = None
        self._received = b""

    def turn(self) -> None:
        """Takes what has come."""
        try:
            if self._socket is None:
                self._socket, _ = self._listener.accept()
                self._socket.setblocking(False)
                workload.say("channel accepted")
            while self._read(self._socket):
                pass
        except BlockingIOError:
            pass
        except ConnectionError:
            workload.say("channel reset")
            self._forget()

    def _read(self, end: socket.socket) -> bool:
        data = end.recv(65536)
        self._received += data
        if data:
            return True
        workload.check(self._received == content(len(self._received)), "what came is not what was sent")
        workload.say(f"channel closed after {len(self._received)} bytes")
        self._forget()
        return False

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._received = None, b""


def main() -> None:
    options = workload.arguments("a connection that does what it is told").parse_args()
    end = Opener() if workload.rank() == 0 else Accepter()
    pace = workload.Pace(options)
    digest = 0
    for step in range(options.steps):
        end.turn()
        digest = workload.mix(digest, step)
        workload.say(f"step {step} digest {digest:016x}")
        pace.wait()
    workload.say(f"OK steps {options.steps} digest {digest:016x}")


if __name__ == "__main__":
    main()
