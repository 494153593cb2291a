"""What the PyTorch workloads share: a deterministic process group, model and digest, and the per-step checks."""

import hashlib
import ipaddress
import os
import socket
from typing import NoReturn

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

import workload


def make_deterministic(seed: int) -> None:
    """One thread, fixed seeds, deterministic kernels: the same bits on every run."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def join_gang() -> None:
    """Initialises gloo from the environment; refuses where gloo would silently fall back to loopback."""
    if workload.world_size() > 1 and "GLOO_SOCKET_IFNAME" not in os.environ:
        name = socket.gethostname()
        try:
            address = socket.getaddrinfo(name, None)[0][4][0]
        except OSError as error:
            workload.refuse(f"gloo needs the host name {name} to resolve to this member's address: {error}")
        if ipaddress.ip_address(address).is_loopback:
            workload.refuse(f"gloo would bind {address}: the host name {name} must resolve to this member's address")
    torch.distributed.init_process_group("gloo")


def finish(line: str) -> NoReturn:
    """Prints the verdict once every rank is here, and ends the process.

    At once, without destructors: those of gloo in torch 1.13 now and then wait for ever when all ranks leave together.
    """
    torch.distributed.barrier()
    workload.say(line)
    os._exit(0)


def make_model(params_mb: int) -> DistributedDataParallel:
    """A small network of 64 inputs and 10 classes, widened until it has about `params_mb` MiB of parameters."""
    hidden = 128
    while params_mb and hidden * (hidden + 64 + 10) * 4 < params_mb << 20:
        hidden += 64
    network = torch.nn.Sequential(
        torch.nn.Linear(64, hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, 10),
    )
    return DistributedDataParallel(network)


def digest_of(model: torch.nn.Module) -> str:
    """sha256 over the bits of all parameters."""
    content = hashlib.sha256()
    for parameter in model.parameters():
        content.update(memoryview(parameter.detach().numpy()).cast("B"))
    return content.hexdigest()


def check_agreement(step: int, digest: str) -> None:
    """Ends as corrupt unless all ranks are at the same step with the same parameters."""
    mine = torch.tensor([step, int(digest[:15], 16)], dtype=torch.int64)
    all_ranks = [torch.empty_like(mine) for _ in range(workload.world_size())]
    torch.distributed.all_gather(all_ranks, mine)
    for other, theirs in enumerate(all_ranks):
        if not torch.equal(theirs, mine):
            workload.corrupt(f"step {step}: rank {other} is at step {int(theirs[0])} with other parameters")
