#!/usr/bin/python3
"""A small image classifier, trained with DistributedDataParallel over gloo. It knows nothing of checkpoints.

The data are made, not downloaded: ten blurry shapes and much noise. Every rank prints one line a step: the loss
as a hexadecimal float, all its bits, and a digest of the parameters. Two runs that print the same lines have
computed the same, bit for bit. The ranks come from the environment, as torchrun and Stillpoint set it.
"""

import argparse
import hashlib
import os
import time

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

SIDE = 16  # pixels
CLASSES = 10


class Shapes:
    """An endless stream of noisy shapes; each rank draws its own from a generator that lives in its memory."""

    def __init__(self, rank: int) -> None:
        fixed = torch.Generator().manual_seed(1)
        self.shapes = torch.randn(CLASSES, 1, SIDE, SIDE, generator=fixed)
        self.draws = torch.Generator().manual_seed(1000 + rank)

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(CLASSES, (size,), generator=self.draws)
        noise = torch.randn(size, 1, SIDE, SIDE, generator=self.draws)
        return self.shapes[labels] + 3 * noise, labels


def make_model() -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * (SIDE // 2) ** 2, 64),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(64, CLASSES),
    )


def digest(model: torch.nn.Module) -> str:
    """sha256 over the bits of all parameters."""
    content = hashlib.sha256()
    for parameter in model.parameters():
        content.update(parameter.detach().numpy().tobytes())
    return content.hexdigest()


def say(line: str) -> None:
    """One line with one write."""
    os.write(1, f"{line}\n".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--pace-ms", type=int, default=0, help="a step takes at least this long")
    options = parser.parse_args()

    torch.manual_seed(7)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    dist.init_process_group("gloo")
    rank = dist.get_rank()

    data = Shapes(rank)
    model = DistributedDataParallel(make_model())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    for step in range(1, options.steps + 1):
        started = time.monotonic()
        inputs, labels = data.batch(32)
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        say(f"step {step} loss {loss.item().hex()} weights {digest(model)[:32]}")
        time.sleep(max(0.0, options.pace_ms / 1000 - (time.monotonic() - started)))

    dist.barrier()  # so that no rank sees another one vanish
    dist.destroy_process_group()
    say(f"done steps {options.steps} weights {digest(model)}")


if __name__ == "__main__":
    main()
