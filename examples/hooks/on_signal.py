"""Does something when a hook asks for it by a signal, and says so when it is done.

In the training program, with a TensorBoard writer and a cache that can be filled again:

    import signal
    from on_signal import on_signal

    on_signal(signal.SIGUSR1, writer.flush, "/tmp/flushed")
    on_signal(signal.SIGUSR2, cache.clear, "/tmp/dropped")

The hooks are in flush-tensorboard.yaml and drop-cache.yaml beside this file. The work is done by the main thread, between two of its
instructions: a step that takes long in C code lets the hook wait.
"""

import os
import signal
from typing import Callable


def on_signal(number: signal.Signals, work: Callable[[], object], done: str) -> None:
    """Calls `work` whenever the signal comes, and then replaces the file `done`, for which signal-and-wait.sh waits."""

    def handle(_number: int, _frame: object) -> None:
        work()
        temporary = f"{done}.{os.getpid()}"
        with open(temporary, "w", encoding="ascii") as file:
            file.write("done\n")
        os.replace(temporary, done)

    signal.signal(number, handle)
