#!/usr/bin/python3
"""Ranks that train alone and tell one another how far they are, without ever waiting for the others.

Every rank is connected to rank 0. A peer that says nothing, or takes nothing, slows nobody down.
"""

import argparse
import os
import socket
import sys

import torch

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "..", "test", "workloads"))
import workload  # noqa: E402


def connect(rank: int, size: int) -> list[socket.socket]:
    """The connections of this rank: rank 0 has one to each of the others, these have one to rank 0."""
    address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    if rank == 0:
        with socket.create_server(("", address[1])) as server:
            peers = [server.accept()[0] for _ in range(size - 1)]
    else:
        peers = [connect_patiently(address)]
    for peer in peers:
        peer.setblocking(False)
    return peers


def connect_patiently(address: tuple[str, int]) -> socket.socket:
    """Rank 0 may not listen yet."""
    for _ in range(200):
        try:
            return socket.create_connection(address)
        except ConnectionRefusedError:
            workload.time.sleep(0.05)
    workload.refuse(f"nobody listens at {address[0]}:{address[1]}")


def exchange(peers: list[socket.socket], word: bytes) -> None:
    """Says a word to every peer, and hears what has come."""
    for peer in peers:
        try:
            peer.send(word)
        except BlockingIOError:
            pass  # it has not listened for long: it misses this word
        try:
            workload.check(peer.recv(65536) != b"", "a peer has gone")
        except BlockingIOError:
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step-ms", type=int, default=0, help="a step takes at least this long")
    parser.add_argument("--times", required=True, help="append the time of each step to this file; {rank} is replaced")
    options = parser.parse_args()
    options.slow_while = None
    rank = workload.rank()
    peers = connect(rank, workload.world_size())
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    model = torch.nn.Linear(64, 64)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    times = workload.StepTimes(options.times.replace("{rank}", str(rank)))
    pace = workload.Pace(options)
    step = 0
    while True:
        inputs = torch.randn(32, 64)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), inputs).backward()
        optimizer.step()
        exchange(peers, f"{rank} {step}\n".encode())
        times.add(step)
        pace.wait()
        step += 1


if __name__ == "__main__":
    main()
