#!/usr/bin/python3
"""Writes files in every usual way and verifies at each step that they hold exactly what this timeline wrote.

Every record carries its step and the hash of its predecessor. In a file that all members append to (--shared) each
record also says which step of every other member its writer has seen: a rank that finds itself seen in its own
future is in an inconsistent cut.
"""

import hashlib
import os

import workload


def record_of(rank: int, step: int, before: str, extra: str = "") -> str:
    """One line: who, which step, what came before, and a hash over all of it."""
    head = f"rank {rank} step {step} after {before}{extra}"
    return f"{head} hash {hashlib.sha256(head.encode()).hexdigest()[:16]}"


class OwnFile:
    """A file that this rank alone writes, and a copy in memory of what it must hold."""

    def __init__(self, path: str, rank: int, flags: int) -> None:
        self._path = path
        self._rank = rank
        try:
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, 0o644)
        except FileExistsError:
            workload.refuse(f"{path} exists already: start in an empty folder")
        self._content = bytearray()
        self._before = "-"

    def verify(self, step: int) -> None:
        """Compares the whole file, by its name and by its descriptor."""
        with open(self._path, "rb") as named:
            content = named.read()
        if content != self._content:
            at = next((i for i, (a, b) in enumerate(zip(content, self._content)) if a != b), None)
            workload.corrupt(
                f"step {step}: {self._path} has {len(content)} bytes, this timeline wrote {len(self._content)}; "
                f"first difference at {at}"
            )
        size = os.fstat(self.fd).st_size
        workload.check(size == len(content), f"step {step}: the descriptor of {self._path} leads to another file")

    def next_record(self, step: int) -> bytes:
        """The record of this step; remembers its hash for the next."""
        line = record_of(self._rank, step, self._before)
        self._before = line.rsplit(" ", 1)[1]
        return f"{line}\n".encode()


class Log(OwnFile):
    """Grows at its end: with O_APPEND, or without it at the descriptor's offset."""

    def __init__(self, path: str, rank: int, append: bool) -> None:
        super().__init__(path, rank, os.O_APPEND if append else 0)

    def write(self, step: int) -> None:
        line = self.next_record(step)
        offset = os.lseek(self.fd, 0, os.SEEK_CUR)
        workload.check(offset == len(self._content), f"step {step}: {self._path} is at offset {offset}")
        workload.check(os.write(self.fd, line) == len(line), f"step {step}: {self._path}: short write")
        self._content += line


class InPlace(OwnFile):
    """A file of fixed slots that are rewritten in turn."""

    SLOTS, SLOT_BYTES = 16, 128

    def __init__(self, path: str, rank: int) -> None:
        super().__init__(path, rank, 0)
        self._content = bytearray(self.SLOTS * self.SLOT_BYTES)
        os.pwrite(self.fd, self._content, 0)

    def write(self, step: int) -> None:
        line = self.next_record(step).ljust(self.SLOT_BYTES, b" ")
        start = step % self.SLOTS * self.SLOT_BYTES
        os.pwrite(self.fd, line, start)
        self._content[start : start + self.SLOT_BYTES] = line


class Replaced(OwnFile):
    """A file that each step writes anew beside the old one and renames over it, as one saves a model."""

    def __init__(self, path: str, rank: int) -> None:
        super().__init__(path, rank, 0)

    def write(self, step: int) -> None:
        os.close(self.fd)
        self._content = bytearray(self.next_record(step) * 40)
        with open(f"{self._path}.new", "wb") as new:
            new.write(self._content)
        os.rename(f"{self._path}.new", self._path)
        self.fd = os.open(self._path, os.O_RDONLY)


class Shared:
    """One file that all members append to."""

    def __init__(self, path: str, rank: int) -> None:
        self._path = path
        self._rank = rank
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._verified = hashlib.sha256()
        self._verified_bytes = 0
        self._seen: dict[int, int] = {}
        self._hashes: dict[int, str] = {}

    def _check_line(self, line: str, own_step: int) -> None:
        head, _, digest = line.rpartition(" hash ")
        workload.check(
            hashlib.sha256(head.encode()).hexdigest()[:16] == digest, f"{self._path}: a line that nobody wrote: {line}"
        )
        _, rank, _, step, _, before, *pairs = head.split(" ")
        writer = int(rank)
        expected = self._seen.get(writer, -1) + 1
        workload.check(int(step) == expected, f"{self._path}: rank {writer} wrote step {step}, not {expected}")
        workload.check(before == self._hashes.get(writer, "-"), f"{self._path}: the chain of rank {writer} is broken")
        for pair in pairs:
            seen, _, at = pair.partition(":")
            workload.check(
                int(seen) != self._rank or int(at) <= own_step,
                f"{self._path}: rank {writer} has seen step {at} of rank {seen}, which is at {own_step}",
            )
        self._seen[writer] = int(step)
        self._hashes[writer] = digest

    def verify(self, own_step: int) -> None:
        """Reads all of it again: what was verified must not have changed, what is new must be in order."""
        content = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        old = content[: self._verified_bytes]
        workload.check(
            len(old) == self._verified_bytes and hashlib.sha256(old).digest() == self._verified.digest(),
            f"step {own_step}: {self._path} has changed within what was read before",
        )
        complete = content.rfind(b"\n") + 1
        for line in content[self._verified_bytes : complete].decode().splitlines():
            self._check_line(line, own_step)
        self._verified.update(content[self._verified_bytes : complete])
        self._verified_bytes = complete
        own = self._seen.get(self._rank, -1)
        workload.check(own == own_step, f"{self._path}: ends at step {own} of this rank, which is at {own_step}")

    def write(self, step: int) -> None:
        seen = "".join(f" {rank}:{at}" for rank, at in sorted(self._seen.items()) if rank != self._rank)
        line = f"{record_of(self._rank, step, self._hashes.get(self._rank, '-'), seen)}\n".encode()
        workload.check(os.write(self._fd, line) == len(line), f"step {step}: {self._path}: short write")


def main() -> None:
    parser = workload.arguments("files of every kind, verified at each step")
    parser.add_argument("--shared", metavar="PATH", help="a file that all members append to")
    parser.add_argument("--in-place", action="store_true", help="also a file that is rewritten in place")
    parser.add_argument("--replace", action="store_true", help="also a file that is replaced by rename")
    parser.add_argument("--private", default="/tmp,/dev/shm", help="folders that belong to this member alone")
    options = parser.parse_args()
    rank = workload.rank()
    own: list[Log | InPlace | Replaced] = [
        Log(f"append.{rank}.log", rank, append=True),
        Log(f"plain.{rank}.log", rank, append=False),
    ]
    for folder in filter(None, options.private.split(",")):
        own += [InPlace(f"{folder}/in-place.{rank}", rank), Log(f"{folder}/log.{rank}", rank, append=True)]
    if options.in_place:
        own.append(InPlace(f"in-place.{rank}", rank))
    if options.replace:
        own.append(Replaced(f"replaced.{rank}", rank))
    shared = Shared(options.shared, rank) if options.shared else None
    pace = workload.Pace(options)
    digest = rank
    for step in range(options.steps):
        for file in own:
            file.verify(step)
            file.write(step)
        if shared:
            shared.verify(step - 1)
            shared.write(step)
        digest = workload.mix(digest, step)
        workload.say(f"step {step} digest {digest:016x}")
        pace.wait()
    for file in own:
        file.verify(options.steps)
    if shared:
        shared.verify(options.steps - 1)
    workload.say(f"OK steps {options.steps} digest {digest:016x}")


if __name__ == "__main__":
    main()
