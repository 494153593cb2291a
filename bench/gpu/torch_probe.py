#!/usr/bin/python3
"""Measures the driver's checkpoint API on real PyTorch: one process that trains, and two ranks of a NCCL group on one GPU.

usage: torch_probe.py PROBE     (PROBE: bench/gpu/probe.c, built; docs/gpu-facts.md). Prints a line of JSON a fact.
"""

import json
import os
import subprocess
import sys
import time

CALL_SECONDS = 20


def fact(name: str, **found: object) -> None:
    print(json.dumps({"fact": name, **found}), flush=True)


def train(steps: int, pause_at: int) -> None:
    """Trains and prints each loss; says `paused` once and waits for a line before it goes on."""
    import torch

    torch.manual_seed(7)
    torch.use_deterministic_algorithms(True)
    model = torch.nn.Sequential(torch.nn.Linear(2048, 8192), torch.nn.ReLU(), torch.nn.Linear(8192, 2048)).cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(steps):
        x = torch.randn(256, 2048, device="cuda")
        loss = (model(x) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step} {loss.item().hex()}", flush=True)
        if step == pause_at:
            print("paused", flush=True)
            sys.stdin.readline()


def rank(number: int) -> None:
    """A rank that does what it is told: `reduce N`, `destroy`, `rebuild PORT`, `flood`."""
    import torch
    import torch.distributed as dist

    def join(port: str) -> None:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
        dist.init_process_group("nccl", rank=number, world_size=2)

    value = torch.full((1 << 20,), float(number + 1), device="cuda")
    print("ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        try:
            if word == "rebuild":
                join(rest[0])
            elif word == "reduce":
                for _ in range(int(rest[0])):
                    total = value.clone()
                    dist.all_reduce(total)
                torch.cuda.synchronize()
                assert total[0].item() == 3.0, total[0].item()
            elif word == "lonely":
                # issued by one rank only: it waits in the GPU for the other
                dist.all_reduce(value.clone())
            elif word == "compute":
                product = torch.randn(4096, 4096, device="cuda") @ torch.randn(4096, 4096, device="cuda")
                assert torch.isfinite(product).all().item()
            elif word == "destroy":
                dist.destroy_process_group()
            print("done", flush=True)
        except Exception as error:  # the parent prints it
            print(f"failed {str(error).splitlines()[0][:300]}", flush=True)


def start(*args: str, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, __file__, *args],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, "CUBLAS_WORKSPACE_CONFIG": ":4096:8", **env},
    )


def say(child: subprocess.Popen, line: str) -> None:
    child.stdin.write(f"{line}\n")
    child.stdin.flush()


def calls(probe: str, step: str, pids: list[int]) -> list[str]:
    """One step on all processes at once. @returns how each went: `ok 0.8 s`, `failed`, or `hangs`"""
    begun = time.monotonic()
    running = [subprocess.Popen([probe, step, str(pid)], stdout=subprocess.DEVNULL) for pid in pids]
    found = []
    for each in running:
        left = CALL_SECONDS - (time.monotonic() - begun)
        try:
            code = each.wait(max(0.1, left))
            found.append(f"{'ok' if code == 0 else 'failed'} {time.monotonic() - begun:.2f} s")
        except subprocess.TimeoutExpired:
            each.kill()
            found.append(f"hangs for {CALL_SECONDS} s")
    return found


def main(probe: str) -> None:
    whole = subprocess.run(
        [sys.executable, __file__, "train", "60", "-1"], capture_output=True, text=True, check=True,
        env={**os.environ, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
    ).stdout.splitlines()
    child = start("train", "60", "30")
    lines = []
    for line in child.stdout:
        if line.strip() == "paused":
            break
        lines.append(line.strip())
    steps = {step: calls(probe, step, [child.pid]) for step in ("lock", "checkpoint", "restore", "unlock")}
    say(child, "go")
    lines += [line.strip() for line in child.stdout]
    fact("a training, checkpointed and restored at step 30", **steps, bit_identical=lines == whole, steps=len(lines))

    why(probe)
    live(probe, "0")
    live(probe, "1")
    for cumem in ("0", "1"):
        for with_checkpoint in (False, True):
            rebuilt(probe, cumem, with_checkpoint)


def why(probe: str) -> None:
    """What it takes for a collective to fail after a restore."""
    everything = ("lock", "checkpoint", "restore", "unlock")
    for name, uses_nccl, steps, one_by_one, env in (
        ("NCCL was never used before", False, everything, False, {}),
        ("only locked", True, ("lock", "unlock"), False, {}),
        ("one process after the other", True, everything, True, {}),
        ("modules loaded at once", True, everything, False, {"CUDA_MODULE_LOADING": "EAGER"}),
    ):
        group = Group("0", **env)
        try:
            before = group.all("compute")
            if uses_nccl:
                before += group.all("rebuild 29621") + group.all("reduce 5") + group.all("destroy")
            for pids in [[pid] for pid in group.pids] if one_by_one else [group.pids]:
                for step in steps:
                    before += calls(probe, step, pids)
            fact(f"made after: {name}", before=before, compute=group.all("compute"), group=group.all("rebuild 29622"),
                 reduce=group.all("reduce 5"))
        finally:
            group.end()


class Group:
    """Two ranks on one GPU: NCCL takes them for two machines, by a host id each."""

    def __init__(self, cumem: str, **more: str) -> None:
        env = {**more, "NCCL_SOCKET_IFNAME": "lo", "NCCL_NVLS_ENABLE": "0", "NCCL_RAS_ENABLE": "0"}
        env |= {"NCCL_CUMEM_ENABLE": cumem, "NCCL_CUMEM_HOST_ENABLE": "0"}
        self.ranks = [start("rank", str(each), NCCL_HOSTID=f"host{each}", **env) for each in range(2)]
        self.pids = [each.pid for each in self.ranks]
        self.answers()

    def answers(self) -> list[str]:
        return [each.stdout.readline().strip() or "it has ended" for each in self.ranks]

    def all(self, line: str) -> list[str]:
        for each in self.ranks:
            say(each, line)
        return self.answers()

    def end(self) -> None:
        for each in self.ranks:
            each.kill()
            each.wait()


def live(probe: str, cumem: str) -> None:
    """A communicator that is idle, and there, while its processes are checkpointed."""
    group = Group(cumem)
    try:
        before = group.all("rebuild 29611") + group.all("reduce 50")
        steps = {step: calls(probe, step, group.pids) for step in ("lock", "checkpoint", "restore", "unlock")}
        fact(f"live idle communicator, NCCL_CUMEM_ENABLE={cumem}", before=before, **steps, then=group.all("reduce 10"))
    finally:
        group.end()


def rebuilt(probe: str, cumem: str, with_checkpoint: bool) -> None:
    """Communicators that are destroyed before, and made anew after."""
    group = Group(cumem)
    name = f"{'checkpointed' if with_checkpoint else 'not checkpointed'}, NCCL_CUMEM_ENABLE={cumem}"
    try:
        begun = time.monotonic()
        before = group.all("rebuild 29612") + group.all("reduce 50")
        made = time.monotonic() - begun
        begun = time.monotonic()
        before += group.all("destroy")
        gone = time.monotonic() - begun
        steps = {}
        if with_checkpoint:
            steps = {step: calls(probe, step, group.pids) for step in ("lock", "checkpoint", "restore", "unlock")}
        begun = time.monotonic()
        after = group.all("rebuild 29613") + group.all("reduce 50")
        fact(f"destroyed and made anew, {name}", before=before, made_s=round(made, 2), destroyed_s=round(gone, 2), **steps,
             after=after, again_s=round(time.monotonic() - begun, 2))
        if not with_checkpoint and all(each == "done" for each in after):
            say(group.ranks[0], "lonely")
            group.ranks[0].stdout.readline()
            fact(f"lock while a collective is half issued, NCCL_CUMEM_ENABLE={cumem}", is_=calls(probe, "lock", group.pids))
    finally:
        group.end()


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "train":
        train(int(sys.argv[2]), int(sys.argv[3]))
    elif len(sys.argv) == 3 and sys.argv[1] == "rank":
        rank(int(sys.argv[2]))
    elif len(sys.argv) == 3 and sys.argv[2] == "why":
        why(sys.argv[1])
    elif len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        sys.exit(__doc__)
