"""oddities.py WHAT FOLDER: does one thing that CRIU trips over, writes its PID to FOLDER/WHAT.json, and waits."""

import ctypes
import json
import os
import signal
import socket
import sys

SYS_IO_URING_SETUP = 425
IPC_PRIVATE = 0
libc = ctypes.CDLL(None, use_errno=True)
kept = []


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def nothing(folder):
    pass


def io_uring(folder):
    check(libc.syscall(SYS_IO_URING_SETUP, 1, ctypes.create_string_buffer(120)))


def device(folder):
    kept.append(os.open("/dev/loop-control", os.O_RDWR))


def half_open(folder):
    listener = socket.create_server(("127.0.0.1", 0))
    kept.extend([listener, socket.create_connection(listener.getsockname())])


def unix_server(folder):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/socket")
    listener.listen()
    announce("unix_server", folder)
    kept.extend([listener, listener.accept()[0]])


def unix_client(folder):
    client = socket.socket(socket.AF_UNIX)
    client.connect(f"{folder}/socket")
    kept.append(client)


def system_v(folder):
    libc.shmat.restype = ctypes.c_void_p
    segment = check(libc.shmget(IPC_PRIVATE, 4096, 0o600))
    libc.shmat(segment, None, 0)
    check(libc.shmctl(segment, 0, None))  # IPC_RMID: gone with the process


def unlinked(folder):
    file = open(f"{folder}/unlinked", "wb")
    file.write(b"x" * 100_000)
    file.flush()
    os.unlink(file.name)
    kept.append(file)


def renamed(folder):
    kept.append(open(f"{folder}/first-name", "w"))
    os.link(f"{folder}/first-name", f"{folder}/second-name")
    os.unlink(f"{folder}/first-name")


def corked(folder):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_UDP, 1, 1)  # UDP_CORK
    kept.append(sock)


def mptcp(folder):
    kept.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))


def sized_file(folder):
    file = open(f"{folder}/sized", "w+")
    file.write("at the cut")
    file.flush()
    kept.append(file)


def listener(folder):
    kept.append(socket.create_server(("10.66.0.1", 4000)))


def announce(what, folder):
    with open(f"{folder}/{what}.json.new", "w") as file:
        json.dump(os.getpid(), file)
    os.rename(file.name, f"{folder}/{what}.json")


what, folder = sys.argv[1:]
os.closerange(3, 9)
globals()[what](folder)
announce(what, folder)
while True:
    signal.pause()
