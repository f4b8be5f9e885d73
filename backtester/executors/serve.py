"""The other end of `Processes`: `python -m backtester.executors.serve` answers items on standard input."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any

import numpy as np

from backtester.errors import WorkerError
from backtester.executors.parcel import Parcel, dumps
from backtester.executors.processes import ITEM, TASK, receive, send


def serve() -> None:
    """Answer items until standard input ends; what the work prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the parent decides
    source = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    function, shared = None, None
    while True:
        try:
            message = receive(source)
        except EOFError:
            return
        kind, body = message[:1], memoryview(message)[1:]
        if kind == ITEM:
            send(answers, _answer(function, shared, pickle.loads(body)))
            continue
        function, shared = None, None
        if kind == TASK:
            task = pickle.loads(body)
            sys.path[:] = task["path"]
            function, shared = Parcel(task["body"], _mapped(task["file"], task["places"])).open()


def _answer(function: Any, shared: Any, item: Any) -> bytes:
    try:
        return dumps((True, function(shared, item)))
    except Exception as error:
        return _raised(error)


def _mapped(file: str | None, places: list[tuple[int, tuple[int, ...], Any]]) -> list[np.ndarray]:
    """Return the arrays that lie in a file, without a copy."""
    if file is None:
        return []
    memory = np.asarray(np.memmap(file, np.uint8, "r"))
    found = []
    for at, shape, described in places:
        dtype = np.dtype([tuple(one) for one in described] if isinstance(described, list) else described)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        found.append(memory[at : at + size].view(dtype).reshape(shape))
    return found


def _raised(error: Exception) -> bytes:
    error.add_note("raised in a worker process")
    try:
        return dumps((False, error))
    except WorkerError:
        return dumps((False, WorkerError(f"{type(error).__name__} in a worker process: {error}")))


if __name__ == "__main__":
    serve()
