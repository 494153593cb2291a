"""counter.py FILE: a main thread, another thread and a child, each counting in a page shared with FILE."""

import mmap
import os
import struct
import sys
import threading

PAGE_BYTES = 4096


def count(page, offset):
    while True:
        value = struct.unpack_from("Q", page, offset)[0]
        struct.pack_into("Q", page, offset, value + 1)


os.closerange(3, 1024)
with open(sys.argv[1], "w+b") as file:
    file.truncate(PAGE_BYTES)
    page = mmap.mmap(file.fileno(), PAGE_BYTES)
if os.fork() == 0:
    count(page, 16)
threading.Thread(target=count, args=(page, 8), daemon=True).start()
count(page, 0)
