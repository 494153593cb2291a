#!/usr/bin/python3
"""DistributedDataParallel over gloo: every step is deterministic, agreed between the ranks, and logged bit for bit."""

import torch

import training
import workload
from ballast import Ballast


def parse() -> "workload.argparse.Namespace":
    parser = workload.arguments("a deterministic DistributedDataParallel training over gloo", step_ms=0)
    parser.add_argument("--size-mb", type=int, default=0, help="extra resident, verified memory in MiB")
    parser.add_argument("--params-mb", type=int, default=0, help="about this many MiB of trained parameters")
    parser.add_argument("--batch", type=int, default=32, help="samples a step")
    parser.add_argument("--times", help="append the time of each step to this file; {rank} is replaced")
    parser.add_argument("--overwrite", action="store_true", help="replace logs of an earlier run in this folder")
    return parser.parse_args()


def main() -> None:
    options = parse()
    rank = workload.rank()
    log = workload.StepLog(f"steps.{rank}.log", options.overwrite)
    times = workload.StepTimes(options.times.replace("{rank}", str(rank))) if options.times else None
    training.make_deterministic(seed=7)
    ballast = Ballast(options.size_mb, seed=rank)
    training.join_gang()
    model = training.make_model(options.params_mb)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    # Each rank's data come from a generator whose state lives in memory: a rank that was set back or
    # started afresh draws other samples, and its digests differ from then on.
    samples = torch.Generator().manual_seed(1000 + rank)
    pace = workload.Pace(options)
    for step in range(options.steps):
        inputs = torch.randn(options.batch, 64, generator=samples)
        targets = torch.randint(0, 10, (options.batch,), generator=samples)
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        digest = training.digest_of(model)
        training.check_agreement(step, digest)
        ballast.verify(step)
        line = f"step {step} loss {loss.item().hex()} sum {digest[:32]}"
        log.add(line)
        workload.say(line)
        if times:
            times.add(step)
        pace.wait()
    weights = training.digest_of(model)
    with open(f"weights.{rank}.sha256", "w", encoding="ascii") as out:
        out.write(f"{weights}\n")
    training.finish(f"OK steps {options.steps} weights {weights}")


if __name__ == "__main__":
    main()
