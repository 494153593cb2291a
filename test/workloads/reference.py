#!/usr/bin/python3
"""Runs a gang without Stillpoint: one pid, mount and network namespace a member, all on one bridge.

Start it under `unshare --net --mount --pid --fork --kill-child`: it is PID 1 of a private world, and when it dies
nothing is left. It ends when its stdin does, at its deadline, or when the last member has ended. It prints one
JSON line: {"codes": [exit status of each rank], "timedOut": bool}.
"""

import argparse
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """A libc function that answers 0; raises OSError otherwise."""
    if getattr(LIBC, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}{arguments}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str = "none", flags: int = 0) -> None:
    call("mount", source.encode(), target.encode(), kind.encode(), flags, None)


def ip(*lines: str) -> None:
    """Runs `ip -batch`; raises on the first line that fails."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def address(rank: int) -> str:
    return f"10.77.0.{10 + rank}"


def address6(rank: int) -> str:
    return f"fd77::{10 + rank:x}"


def hosts(gang: str, members: int, own: int) -> str:
    """The member's /etc/hosts: every member by name, and this machine's host name as the member's own address."""
    lines = ["127.0.0.1 localhost", "::1 localhost", f"{address(own)} {socket.gethostname()}"]
    for rank in range(members):
        lines += [f"{address(rank)} {gang}-{rank}", f"{address6(rank)} {gang}-{rank}"]
    return "\n".join(lines) + "\n"


def private_mounts(options: argparse.Namespace, rank: int) -> None:
    """A /proc, /tmp and /dev/shm of the member's own; the working folder and the programs stay in view."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc")
    here = os.path.dirname(os.path.realpath(__file__))
    kept = {path: os.open(path, os.O_PATH) for path in (os.path.realpath(options.cwd), here)}
    mount("tmpfs", "/tmp", "tmpfs")
    mount("tmpfs", "/dev/shm", "tmpfs")
    for path, handle in kept.items():
        if path.startswith("/tmp/"):
            os.makedirs(path, exist_ok=True)
            mount(f"/proc/self/fd/{handle}", path, flags=MS_BIND)
        os.close(handle)
    with open("/tmp/.hosts", "w", encoding="ascii") as out:
        out.write(hosts(options.gang, options.members, rank))
    mount("/tmp/.hosts", "/etc/hosts", flags=MS_BIND)


def environment(options: argparse.Namespace, rank: int) -> dict[str, str]:
    return os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": "0",
        "WORLD_SIZE": str(options.members),
        "MASTER_ADDR": f"{options.gang}-0",
        "MASTER_PORT": "29500",
        "STILLPOINT_GANG": options.gang,
    }


def run_init(options: argparse.Namespace, rank: int) -> int:
    """PID 1 of the member: starts the command, reaps everything, and ends with the command's status."""
    private_mounts(options, rank)
    ip(
        "link set lo up",
        "link set inside name eth0",
        f"addr add {address(rank)}/24 dev eth0",
        f"addr add {address6(rank)}/64 dev eth0 nodad",
        "link set eth0 up",
    )
    main = os.fork()
    if main == 0:
        os.setsid()
        os.chdir(options.cwd)
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            log = os.open(f"{options.out}/{name}.{rank}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.dup2(log, descriptor)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.closerange(3, 256)
        os.execvpe(options.command[0], options.command, environment(options, rank))
    while True:
        pid, status = os.wait()
        if pid == main:
            return os.waitstatus_to_exitcode(status) & 0xFF


def start_member(options: argparse.Namespace, rank: int) -> int:
    """Forks the member's namespaces and plugs them into the bridge; answers the pid to wait for."""
    ready, ready_end = os.pipe()
    go_end, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        call("unshare", CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
        os.write(ready_end, b"r")
        os.read(go_end, 1)
        init = os.fork()
        if init == 0:
            status = 125
            try:
                status = run_init(options, rank)
            finally:
                os._exit(status)
        _, status = os.waitpid(init, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    os.read(ready, 1)
    ip(
        f"link add outside{rank} type veth peer name inside netns {pid}",
        f"link set outside{rank} master bridge0 up",
    )
    os.write(go, b"g")
    for descriptor in (ready, ready_end, go_end, go):
        os.close(descriptor)
    return pid


def await_members(pids: list[int], deadline: float) -> tuple[list[int | None], bool]:
    """Waits until all have ended, the deadline has passed, or stdin has ended; reaps what is reparented here."""
    codes: dict[int, int] = {}
    wake, wake_end = os.pipe()
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while not all(pid in codes for pid in pids):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            codes[pid] = os.waitstatus_to_exitcode(status)
        if all(pid in codes for pid in pids):
            break
        readable, _, _ = select.select([0, wake], [], [], max(0.0, deadline - time.monotonic()))
        if wake in readable:
            os.read(wake, 4096)
        elif 0 in readable or not readable:
            return [codes.get(pid) for pid in pids], True
    return [codes[pid] for pid in pids], False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--gang", default="reference")
    parser.add_argument("--cwd", required=True, help="the members' working folder")
    parser.add_argument("--out", required=True, help="folder for stdout.<rank> and stderr.<rank>, inside --cwd")
    parser.add_argument("--deadline-s", type=float, default=120)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ARGUMENT...")
    options = parser.parse_args()
    options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if os.getpid() != 1:
        sys.exit("refused: start this under unshare --net --mount --pid --fork --kill-child")
    ip("link set lo up", "link add bridge0 type bridge", "link set bridge0 up")
    pids = [start_member(options, rank) for rank in range(options.members)]
    codes, timed_out = await_members(pids, time.monotonic() + options.deadline_s)
    print(json.dumps({"codes": codes, "timedOut": timed_out}), flush=True)


if __name__ == "__main__":
    main()
