"""outsider.py FOLDER INSIDE OUTSIDE: connections from address INSIDE to itself and to OUTSIDE, and two files of one path.

Writes FOLDER/ready.json, waits for FOLDER/go, and writes to FOLDER/result.json what became of them.
"""

import errno
import json
import os
import socket
import sys
import time


def connect(source, target):
    listener = socket.create_server((target, 0))
    client = socket.create_connection(listener.getsockname(), source_address=(source, 0))
    server = listener.accept()[0]
    listener.close()
    return client, server


def attempt(action):
    try:
        return action()
    except OSError as error:
        return errno.errorcode[error.errno]


def talk(sender, receiver):
    """What a send, and a read at the other end, come to."""
    sent = attempt(lambda: sender.send(b"hello"))
    receiver.settimeout(5)
    received = attempt(lambda: receiver.recv(100).decode())
    return [sent, received]


def write_json(path, value):
    with open(path + ".new", "w") as file:
        json.dump(value, file)
    os.rename(path + ".new", path)


os.closerange(3, 1024)
folder, inside, outside = sys.argv[1:]
inner = connect(inside, inside)
outer = connect(inside, outside)
unlinked = open(f"{folder}/log", "w+")
unlinked.write("unlinked")
unlinked.flush()
os.unlink(unlinked.name)
named = open(f"{folder}/log", "w+")
named.write("named")
named.flush()
write_json(f"{folder}/ready.json", os.getpid())
while not os.path.exists(f"{folder}/go"):
    time.sleep(0.01)
unlinked.seek(0)
named.seek(0)
write_json(
    f"{folder}/result.json",
    {"inner": talk(*inner), "outer": talk(*outer), "unlinked": unlinked.read(), "named": named.read()},
)
time.sleep(3600)
