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
        return self._answers(function, shared, items, stop, ordered=True)

    def as_done(self, function: Callable[[Any, Item], Out], shared: Any, items: Iterable[Item]) -> Iterator[Out]:
        """Yield `function(shared, item)` of each of the `items` when it is there; see `as_done` of the protocol."""
        return self._answers(function, shared, items, None, ordered=False)

    def _answers(
        self, function: Any, shared: Any, items: Iterable[Any], stop: threading.Event | None, ordered: bool
    ) -> Iterator[Any]:
        if self.workers > 1:
            calls = lambda: contextlib.nullcontext(lambda item: function(shared, item))  # noqa: E731
            yield from in_threads(self.workers, calls, items, stop, ordered=ordered)
            return
        for item in items:
            if stop is not None and stop.is_set():
                return
            if item is not WAIT:
                yield function(shared, item)


def in_threads(
    workers: int,
    open_call: Callable[[], contextlib.AbstractContextManager[Call]],
    items: Iterable[Any],
    stop: threading.Event | None,
    *,
    ordered: bool = True,
    give_up: Callable[[], None] | None = None,
) -> Iterator[Any]:
    """Yield what threads make of items.

    Parameters
    ----------
    workers : int
        How many threads.
    open_call : callable
        Entered by each thread when it begins; gives what it calls with each item.
    items : iterable
    stop : threading.Event or None
    ordered : bool
        In the order of the items; else in the order in which they are finished.
    give_up : callable, optional
        Called if it ends before its time, by an error, Ctrl-C or `close`: makes calls under way end soon.
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
    source, sent, following, exhausted, finished = iter(items), 0, 0, False, False
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
                    finished = True
                    return
                continue
            while not (following in waiting if ordered else waiting):
                number, found, error = done.get()
                if error is not None and number < 0:
                    raise error  # a worker that could not begin
                waiting[number] = found, error
            found, error = waiting.pop(following if ordered else next(iter(waiting)))
            following += 1
            if error is not None:
                raise error
            if found is not _SKIPPED:
                yield found
    finally:
        ended.set()
        if not finished and give_up is not None:
            give_up()
        for _ in begun:
            todo.put(_END)
        for thread in begun:
            thread.join()
