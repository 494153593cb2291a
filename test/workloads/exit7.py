#!/usr/bin/python3
"""Ends with a status of its own after some steps: the gang must end with the same one."""

import sys

import workload


def main() -> None:
    parser = workload.arguments("ends with a given exit status")
    parser.add_argument("--code", type=int, default=7, help="the exit status")
    parser.add_argument("--only-rank", type=int, help="only this rank ends so; the others end with 0")
    options = parser.parse_args()
    pace = workload.Pace(options)
    for step in range(options.steps):
        workload.say(f"step {step} digest {workload.mix(options.code, step):016x}")
        pace.wait()
    mine = options.only_rank is None or options.only_rank == workload.rank()
    workload.say(f"OK steps {options.steps} code {options.code if mine else 0}")
    sys.exit(options.code if mine else 0)


if __name__ == "__main__":
    main()
