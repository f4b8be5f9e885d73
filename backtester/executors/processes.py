"""Processes of this machine, for work that holds the interpreter: interpreted strategies, objectives in Python.

Each is a fresh interpreter at the other end of two pipes, and a thread of this process waits for it. It does not import
the main script, so that a script needs no `if __name__ == "__main__"`. The large arrays of what is shared lie in one
file that all map. A process that dies is replaced, and does its item again; if the work is given up, all are killed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from backtester.errors import WorkerError
from backtester.executors.parcel import dumps, pack
from backtester.executors.protocol import Item, Out, check_workers
from backtester.executors.threads import in_threads

MOST_DEATHS = 3  # of the workers of one item
_ALIGNED = 64  # bytes
_HEAD = struct.Struct("<Q")
TASK, ITEM, FORGET = b"T", b"I", b"F"  # what a message to a process begins with


class Processes:
    """Workers are processes of this machine, started for each piece of work.

    As a context manager it keeps them until the end of the block, for many pieces of work that are short beside the
    imports of a new process (a second or more with torch): `with Processes() as executor: …`.

    Parameters
    ----------
    workers : int, optional
        By default one per core.
    """

    def __init__(self, workers: int | None = None):
        self.workers = check_workers(workers)
        self._idle: list[subprocess.Popen[bytes]] | None = None  # None outside of a block

    def __enter__(self) -> Processes:
        self._idle = [] if self._idle is None else self._idle
        return self

    def __exit__(self, *_: object) -> None:
        idle, self._idle = self._idle or [], None
        for process in idle:
            _end(process)

    def __repr__(self) -> str:
        return f"Processes(workers={self.workers})"

    def map(
        self,
        function: Callable[[Any, Item], Out],
        shared: Any,
        items: Iterable[Item],
        stop: threading.Event | None = None,
    ) -> Iterator[Out]:
        """Yield `function(shared, item)` of each of the `items` in order, until `stop`; see `Executor.map`."""
        return self._answers(function, shared, items, stop, ordered=True)

    def as_done(self, function: Callable[[Any, Item], Out], shared: Any, items: Iterable[Item]) -> Iterator[Out]:
        """Yield `function(shared, item)` of each of the `items` when it is there; see `as_done` of the protocol."""
        return self._answers(function, shared, items, None, ordered=False)

    def _answers(
        self, function: Any, shared: Any, items: Iterable[Any], stop: threading.Event | None, ordered: bool
    ) -> Iterator[Any]:
        parcel = pack((function, shared))
        with _mapped(parcel.arrays) as where:
            crew = _Crew(pickle.dumps({"path": sys.path, "body": parcel.body, **where}, protocol=5), self._idle)
            yield from in_threads(self.workers, crew.worker, items, stop, ordered=ordered, give_up=crew.dismiss)


@contextlib.contextmanager
def _mapped(arrays: list[np.ndarray]) -> Iterator[dict[str, Any]]:
    """Write arrays into one file, in memory where the system has such a folder, and tell where each lies."""
    places, end = [], 0
    for array in arrays:
        places.append((end, array.shape, array.dtype.descr if array.dtype.names else array.dtype.str))
        end += -(-array.nbytes // _ALIGNED) * _ALIGNED
    if not arrays:
        yield {"file": None, "places": []}
        return
    handle, name = tempfile.mkstemp(prefix="backtester-", dir=_folder(end))
    try:
        with os.fdopen(handle, "wb") as file:
            for (at, _, _), array in zip(places, arrays, strict=True):
                file.seek(at)
                file.write(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
            file.truncate(end)
        yield {"file": name, "places": places}
    finally:
        Path(name).unlink(missing_ok=True)


def _folder(size: int) -> str | None:
    """Return a folder that lies in memory and has room, or None for the usual one."""
    folder = Path("/dev/shm")
    try:
        room = os.statvfs(folder)
    except (OSError, AttributeError):
        return None
    return str(folder) if os.access(folder, os.W_OK) and room.f_bavail * room.f_frsize > 2 * size else None


class _Crew:
    """The processes of one piece of work, each used by one thread.

    Parameters
    ----------
    task : bytes
        What each of them is told first.
    idle : list of Popen, or None
        Processes that may be taken, and where they are put back; None starts and ends them.
    """

    def __init__(self, task: bytes, idle: list[subprocess.Popen[bytes]] | None):
        self._task = task
        self._idle = idle
        self._working: set[subprocess.Popen[bytes]] = set()
        self._dismissed = False
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def worker(self) -> Iterator[Callable[[Any], Any]]:
        """Give a function that has a process of its own do the work."""
        process: subprocess.Popen[bytes] | None = None

        def call(item: Any) -> Any:
            nonlocal process
            body = dumps(item)
            for death in range(1, MOST_DEATHS + 1):
                try:
                    process = process or self._begin()
                    send(_to(process), ITEM + body)
                    ok, answer = pickle.loads(receive(_from(process)))
                except (EOFError, BrokenPipeError, ConnectionError) as error:
                    code = self._end(process)
                    process = None
                    if death == MOST_DEATHS or self._dismissed:
                        raise WorkerError(
                            f"{death} processes died one after the other on the same item (the last with exit code "
                            f"{code}); run with executor='threads', workers=1 to see why, or with fewer workers if "
                            "memory is short"
                        ) from error
                    continue
                if ok:
                    return answer
                raise answer
            raise AssertionError

        try:
            yield call
        finally:
            self._put_back(process)

    def dismiss(self) -> None:
        """Kill all processes and start no other: nobody waits for their answers any more."""
        with self._lock:
            self._dismissed = True
            for process in self._working:
                process.kill()

    def _begin(self) -> subprocess.Popen[bytes]:
        """Return a process that knows the task: an idle one that lives, or a new one."""
        with self._lock:
            if self._dismissed:
                raise EOFError
            process = self._idle.pop() if self._idle else None
            if process is not None and process.poll() is not None:
                _end(process)
                process = None
            process = process or _started()
            self._working.add(process)
        try:
            send(_to(process), TASK + self._task)
        except BaseException:
            self._end(process)
            raise
        return process

    def _put_back(self, process: subprocess.Popen[bytes] | None) -> None:
        if process is None:
            return
        if self._idle is None or self._dismissed or process.poll() is not None:
            self._end(process)
            return
        with contextlib.suppress(BrokenPipeError):  # one that is dead is found when it is taken again
            send(_to(process), FORGET)
        with self._lock:
            self._working.discard(process)
            self._idle.append(process)

    def _end(self, process: subprocess.Popen[bytes] | None) -> int | None:
        code = _end(process)
        with self._lock:
            self._working.discard(process)  # type: ignore[arg-type]
        return code


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"{__package__}.serve"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _end(process: subprocess.Popen[bytes] | None) -> int | None:
    """Close the pipes of a process, which ends it, and return its exit code."""
    if process is None:
        return None
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    try:
        return process.wait(timeout=10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _to(process: subprocess.Popen[bytes]) -> Any:
    return process.stdin


def _from(process: subprocess.Popen[bytes]) -> Any:
    return process.stdout


def send(pipe: BinaryIO, body: bytes) -> None:
    """Write a message to a `pipe`: the length of its `body`, and the body."""
    pipe.write(_HEAD.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def receive(pipe: BinaryIO) -> bytes:
    """Return the body of the next message of a `pipe`; `EOFError` where the other end is gone."""
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    (size,) = _HEAD.unpack(head)
    body = pipe.read(size)
    if len(body) < size:
        raise EOFError
    return body
