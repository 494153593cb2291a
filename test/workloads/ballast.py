#!/usr/bin/python3
"""Resident, incompressible memory whose content is verified slice by slice while the program steps."""

import hashlib
import mmap

import numpy

import workload

SLICE_BYTES = 8 << 20


class Ballast:
    """`mb` MiB of resident random bytes; `verify` checks a slice a call, round and round."""

    def __init__(self, mb: int, seed: int) -> None:
        self._memory = mmap.mmap(-1, max(mb << 20, 1))
        generator = numpy.random.Generator(numpy.random.SFC64(seed))
        self._sums: list[bytes] = []
        for start in range(0, mb << 20, SLICE_BYTES):
            content = generator.bytes(min(SLICE_BYTES, (mb << 20) - start))
            self._memory[start : start + len(content)] = content
            self._sums.append(hashlib.sha256(content).digest())

    def verify(self, step: int) -> None:
        """Ends the process as corrupt if the slice of this step has changed."""
        if not self._sums:
            return
        index = step % len(self._sums)
        start = index * SLICE_BYTES
        end = min(start + SLICE_BYTES, len(self._memory))
        with memoryview(self._memory) as view:
            found = hashlib.sha256(view[start:end]).digest()
        workload.check(found == self._sums[index], f"step {step}: resident memory differs in slice {index}")


def main() -> None:
    parser = workload.arguments("resident memory, verified")
    parser.add_argument("--mb", type=int, default=256, help="MiB of resident memory")
    options = parser.parse_args()
    ballast = Ballast(options.mb, seed=workload.rank())
    pace = workload.Pace(options)
    digest = options.mb
    for step in range(options.steps):
        ballast.verify(step)
        digest = workload.mix(digest, step)
        workload.say(f"step {step} digest {digest:016x}")
        pace.wait()
    workload.say(f"OK steps {options.steps} digest {digest:016x}")


if __name__ == "__main__":
    main()
