"""Two processes over TCP connections in many states, which know every byte that they sent and read.

pairs.py FOLDER ADDRESS4 ADDRESS6: makes the connections and writes FOLDER/pid.json. Once FOLDER/held is there (now the
network is down) each side does what is to be in flight and writes FOLDER/{client,server}-state.json. Once FOLDER/go is
there both send some more, read to the end, check every byte, and write FOLDER/{client,server}-result.json.
"""

import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import termios
import time

BUFFER_BYTES = 32 * 1024
MORE_BYTES = 777
SIOCOUTQ = termios.TIOCOUTQ


class End:
    """One end of a connection, and what went through it."""

    def __init__(self, name, sock):
        self.name, self.sock = name, sock
        self.sent = self.read = 0
        self.shut = False
        self.ended = None
        sock.setblocking(False)

    def pattern(self, side, start, size):
        seed = sum(map(ord, self.name)) + (101 if side == "client" else 7)
        return bytes((seed + 31 * i + (i >> 8)) & 0xFF for i in range(start, start + size))

    def send(self, side, size):
        """Sends up to `size` more bytes; returns how many the kernel took."""
        try:
            taken = self.sock.send(self.pattern(side, self.sent, size))
        except BlockingIOError:
            return 0
        self.sent += taken
        return taken

    def fill(self, side):
        """Sends until the kernel takes nothing for a while."""
        idle = 0
        while idle < 10:
            idle = 0 if self.send(side, 8192) else idle + 1
            if idle:
                time.sleep(0.01)

    def receive(self, other_side):
        """Reads what is there and checks it."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.ended = errno.errorcode[error.errno]
            return
        if not data:
            self.ended = "EOF"
        elif data != self.pattern(other_side, self.read, len(data)):
            self.ended = "CORRUPT at %d" % self.read
        self.read += len(data)

    def shut_down(self):
        self.sock.shutdown(socket.SHUT_WR)
        self.shut = True

    def describe(self):
        return {
            "inode": os.fstat(self.sock.fileno()).st_ino,
            "sent": self.sent,
            "read": self.read,
            "shut": self.shut,
            "ended": self.ended,
            "local": name_of(self.sock.getsockname),
            "remote": name_of(self.sock.getpeername),
        }


def name_of(getter):
    try:
        return list(getter()[:2])
    except OSError:
        return None


def listen(family, address):
    sock = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    sock.bind((address, 0))
    sock.listen()
    return sock


def connect(listener, family, address):
    client = socket.socket(family, socket.SOCK_STREAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    client.connect((address, listener.getsockname()[1]))
    return client, listener.accept()[0]


def make_nothing(client, server):
    pass


def make_quiet(client, server):
    """Bytes both ways, all read."""
    client.send("client", 1000)
    server.send("server", 600)
    settle([client, server])
    client.receive("server")
    server.receive("client")


def make_unread(client, server):
    client.send("client", 5000)
    server.send("server", 3000)


def make_full(client, server):
    client.fill("client")


def make_half_closed(client, server):
    client.send("client", 1000)
    client.shut_down()


def make_fin_behind_data(client, server):
    client.fill("client")
    client.shut_down()


def make_last_ack(client, server):
    client.shut_down()
    settle([client, server])
    server.fill("server")
    server.shut_down()


def make_over(client, server):
    client.send("client", 1500)
    server.send("server", 400)
    client.shut_down()
    settle([client, server])
    server.shut_down()


CASES = {
    "idle": make_nothing,
    "in-flight": make_nothing,
    "both-fins": make_nothing,
    "quiet": make_quiet,
    "unread": make_unread,
    "full": make_full,
    "half-closed": make_half_closed,
    "fin-behind-data": make_fin_behind_data,
    "last-ack": make_last_ack,
    "over": make_over,
}


def settle(ends):
    """Waits until no send queue has changed for a while: acknowledgements may be delayed by 40 ms."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 0.15:
        queues = [queued(end.sock) for end in ends]
        if queues != last:
            last, since = queues, time.monotonic()
        time.sleep(0.01)


def queued(sock):
    return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, b"\0" * 4))[0]


def write_json(path, value):
    with open(path + ".new", "w") as file:
        json.dump(value, file)
    os.rename(path + ".new", path)


def finish(side, ends):
    """Sends some more on every end that can, and reads every end to its end."""
    other = "server" if side == "client" else "client"
    goals = {end: end.sent + (0 if end.shut else MORE_BYTES) for end in ends}
    while any(end.ended is None or not end.shut for end in ends):
        reading = [end.sock for end in ends if end.ended is None]
        select.select(reading, [], [], 0.05)
        for end in ends:
            if end.ended is None:
                end.receive(other)
            try:
                if not end.shut and goals[end] > end.sent:
                    end.send(side, goals[end] - end.sent)
                if not end.shut and goals[end] == end.sent:
                    end.shut_down()
            except OSError as error:
                end.shut = errno.errorcode[error.errno]


def depart(side, end):
    """What happens while nothing can get through."""
    if end.name.endswith("in-flight"):
        end.send(side, 700 if side == "client" else 300)
    if end.name.endswith("both-fins"):
        end.shut_down()


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)


def run_side(side, folder, ends):
    wait_for(f"{folder}/held")
    for end in ends:
        depart(side, end)
    write_json(f"{folder}/{side}-state.json", {end.name: end.describe() for end in ends})
    wait_for(f"{folder}/go")
    before = {end.name: end.describe() for end in ends}
    finish(side, ends)
    write_json(
        f"{folder}/{side}-result.json",
        {end.name: {**end.describe(), **{k: before[end.name][k] for k in ("local", "remote")}} for end in ends},
    )


def main():
    os.closerange(3, 1024)
    folder, address4, address6 = sys.argv[1:]
    families = {
        "ipv4": (listen(socket.AF_INET, address4), socket.AF_INET, address4),
        "ipv6": (listen(socket.AF_INET6, address6), socket.AF_INET6, address6),
        "mapped": (listen(socket.AF_INET6, "::"), socket.AF_INET, address4),
    }
    clients, servers = [], []
    for family, (listener, client_family, address) in families.items():
        for case, make in CASES.items():
            client, server = connect(listener, client_family, address)
            clients.append(End(f"{family} {case}", client))
            servers.append(End(f"{family} {case}", server))
            make(clients[-1], servers[-1])
    bound_udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound_udp.bind((address4, 0))
    connected_udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    connected_udp.connect((address6, 9))
    unconnected = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    settle(clients + servers)
    write_json(f"{folder}/pid.json", os.getpid())
    if os.fork() == 0:
        for end in clients:
            end.sock.close()
        run_side("server", folder, servers)
    else:
        for end in servers:
            end.sock.close()
        run_side("client", folder, clients)
        time.sleep(3600)
    del bound_udp, connected_udp, unconnected


main()
