#!/usr/bin/python3
"""DistributedDataParallel fed by DataLoader workers: batches cross processes in shared memory and are checked."""

import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler

import training
import workload

SAMPLES = 1024
FEATURES = 64


def sample_of(index: int) -> torch.Tensor:
    """The content of sample `index`: what a worker sends and what the trainer expects."""
    return torch.randn(FEATURES, generator=torch.Generator().manual_seed(50_000 + index))


class Synthetic(Dataset):
    """Samples computed in the worker; each carries its index and the worker's running count."""

    def __init__(self) -> None:
        self.served = 0

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int, int]:
        self.served += 1
        return sample_of(index), index, self.served


class Batches:
    """An endless, deterministic run of batches from persistent workers, every byte of which is verified."""

    def __init__(self, batch: int, workers: int) -> None:
        self._batch = batch
        self._workers = workers
        self._sampler = DistributedSampler(range(SAMPLES), shuffle=True, seed=3, drop_last=True)
        self._loader = DataLoader(
            Synthetic(),
            batch_size=batch,
            sampler=self._sampler,
            num_workers=workers,
            persistent_workers=True,
            drop_last=True,
        )
        self._epoch = -1
        self._served = [0] * workers
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._epoch += 1
        self._sampler.set_epoch(self._epoch)
        self._expected = list(self._sampler)
        self._position = 0
        self._iterator = iter(self._loader)

    def next(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of the next batch; ends as corrupt if it is not exactly the expected one."""
        if self._position + self._batch > len(self._expected):
            self._begin_epoch()
        content, indices, served = next(self._iterator)
        expected = self._expected[self._position : self._position + self._batch]
        workload.check(indices.tolist() == expected, f"step {step}: samples {indices.tolist()}, not {expected}")
        workload.check(
            torch.equal(content, torch.stack([sample_of(index) for index in expected])),
            f"step {step}: a batch differs from what its worker computed",
        )
        worker = (self._position // self._batch) % self._workers
        first = self._served[worker] + 1
        counts = list(range(first, first + self._batch))
        workload.check(served.tolist() == counts, f"step {step}: worker {worker} counted {served.tolist()}")
        self._served[worker] += self._batch
        self._position += self._batch
        return content, indices % 10


def main() -> None:
    parser = workload.arguments("DistributedDataParallel with DataLoader worker processes", step_ms=0)
    parser.add_argument("--workers", type=int, default=2, help="DataLoader processes a rank")
    parser.add_argument("--batch", type=int, default=16, help="samples a step")
    parser.add_argument("--overwrite", action="store_true", help="replace logs of an earlier run in this folder")
    options = parser.parse_args()
    log = workload.StepLog(f"steps.{workload.rank()}.log", options.overwrite)
    training.make_deterministic(seed=11)
    training.join_gang()
    batches = Batches(options.batch, options.workers)
    model = training.make_model(params_mb=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    pace = workload.Pace(options)
    for step in range(options.steps):
        inputs, targets = batches.next(step)
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        digest = training.digest_of(model)
        training.check_agreement(step, digest)
        line = f"step {step} loss {loss.item().hex()} sum {digest[:32]}"
        log.add(line)
        workload.say(line)
        pace.wait()
    del batches  # ends the workers
    training.finish(f"OK steps {options.steps} weights {training.digest_of(model)}")


if __name__ == "__main__":
    main()
