#!/usr/bin/python3
"""Uses a System V shared memory segment: a blocker, since the segment belongs to no image."""

import ctypes
import os

import workload

IPC_PRIVATE, IPC_RMID, SEGMENT_BYTES = 0, 0, 4096
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


def attach() -> ctypes.Array:
    """A new segment, attached; it is marked for removal at once, so that it never outlives the process."""
    segment = LIBC.shmget(IPC_PRIVATE, SEGMENT_BYTES, 0o1600)
    if segment < 0:
        workload.refuse(f"shmget: {os.strerror(ctypes.get_errno())}")
    address = LIBC.shmat(segment, None, 0)
    LIBC.shmctl(segment, IPC_RMID, None)
    if address == ctypes.c_void_p(-1).value:
        workload.refuse(f"shmat: {os.strerror(ctypes.get_errno())}")
    return (ctypes.c_uint64 * (SEGMENT_BYTES // 8)).from_address(address)


def main() -> None:
    options = workload.arguments("System V shared memory").parse_args()
    words = attach()
    pace = workload.Pace(options)
    for step in range(options.steps):
        at = step % len(words)
        expected = workload.mix(at, step - len(words)) if step >= len(words) else 0
        workload.check(words[at] == expected, f"step {step}: word {at} of the segment")
        words[at] = workload.mix(at, step)
        workload.say(f"step {step} digest {words[at]:016x}")
        pace.wait()
    workload.say(f"OK steps {options.steps}")


if __name__ == "__main__":
    main()
