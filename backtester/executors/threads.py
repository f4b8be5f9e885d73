"""Threads of this process: nothing is copied, and machine code runs in all of them at once (it releases the GIL)."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from backtester.executors.protocol import AHEAD, WAIT, Item, Out, check_workers

Call = Callable[[Any], Any]
_SKIPPED = object()
_END = object()


class Threads:
    """Workers are threads of this process.

    Parameters
    ----------
    workers : int, optional
        By default one per core. A single one is the calling thread itself, so that a debugger can stop in the work.
    """

    def __init__(self, workers: int | None = None):
        self.workers = check_workers(workers)

    def __repr__(self) -> str:
        return f"Threads(workers={self.workers})"

    def map(
        self,
        function: Callable[[Any, Item], Out],
        shared: Any,
        items: Iterable[Item],
        stop: threading.Event | None = None,
    ) -> Iterator[Out]:
        """Yield `function(shared, item)` of each of the `items` in order, until `stop`; see `Executor.map`."""
        if self.workers == 1:
            for item in items:
                if stop is not None and stop.is_set():
                    return
                if item is not WAIT:
                    yield function(shared, item)
            return
        yield from in_threads(
            self.workers, lambda: contextlib.nullcontext(lambda item: function(shared, item)), items, stop
        )


def in_threads(
    workers: int,
    open_call: Callable[[], contextlib.AbstractContextManager[Call]],
    items: Iterable[Any],
    stop: threading.Event | None,
) -> Iterator[Any]:
    """Yield what threads make of items, in order.

    Parameters
    ----------
    workers : int
        How many threads.
    open_call : callable
        Entered by each thread when it begins; gives what it calls with each item.
    items : iterable
    stop : threading.Event or None
    """
    todo: queue.SimpleQueue[Any] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
    ended = threading.Event()
    begun: list[threading.Thread] = []

    def work() -> None:
        try:
            with open_call() as call:
                while (task := todo.get()) is not _END:
                    number, item = task
                    if ended.is_set() or (stop is not None and stop.is_set()):
                        done.put((number, _SKIPPED, None))
                        continue
                    try:
                        done.put((number, call(item), None))
                    except BaseException as error:
                        done.put((number, None, error))
        except BaseException as error:
            done.put((-1, None, error))

    waiting: dict[int, tuple[Any, BaseException | None]] = {}
    source, sent, following, exhausted = iter(items), 0, 0, False
    try:
        while True:
            while not exhausted and sent - following < AHEAD * workers and not (stop is not None and stop.is_set()):
                item = next(source, _END)
                if item is _END or item is WAIT:
                    exhausted = item is _END
                    break
                todo.put((sent, item))
                sent += 1
                if len(begun) < workers:
                    begun.append(threading.Thread(target=work, daemon=True, name=f"backtester-{len(begun)}"))
                    begun[-1].start()
            if following == sent:
                if exhausted or (stop is not None and stop.is_set()):
                    return
                continue
            while following not in waiting:
                number, found, error = done.get()
                if error is not None and number < 0:
                    raise error  # a worker that could not begin
                waiting[number] = found, error
            found, error = waiting.pop(following)
            following += 1
            if error is not None:
                raise error
            if found is not _SKIPPED:
                yield found
    finally:
        ended.set()
        for _ in begun:
            todo.put(_END)
        for thread in begun:
            thread.join()
