"""What an executor is, and the order that all of them keep."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

from backtester.errors import SettingsError

Item = TypeVar("Item")
Out = TypeVar("Out")

AHEAD = 3  # items per worker that are handed out before the first of them is back


class _Wait:
    def __repr__(self) -> str:
        return "WAIT"


WAIT: Any = _Wait()
"""Stands among the items where the next one depends on what has not come back yet: ask again after that."""


@runtime_checkable
class Executor(Protocol):
    """Anything with these two; `Threads`, `Processes` and `Ray` are the ones that come along.

    Attributes
    ----------
    workers : int
        How many items are worked on at once.
    """

    workers: int

    def map(
        self,
        function: Callable[[Any, Item], Out],
        shared: Any,
        items: Iterable[Item],
        stop: threading.Event | None = None,
    ) -> Iterator[Out]:
        """Yield `function(shared, item)` of each item, in the order of the items.

        Parameters
        ----------
        function : callable
            Of a module. What it returns depends on its arguments alone, not on where and when it runs: an item whose
            worker died is done again.
        shared : object
            Given to every worker once. Workers in one process share the object itself. What a worker keeps from one
            item to the next lies in it, in a `threading.local`.
        items : iterable
            Read in the calling thread, a few items ahead of what is yielded. An item that is `WAIT` is no item: the
            next one is known when everything that was handed out has been yielded.
        stop : threading.Event, optional
            Once it is set no item is begun; those under way are finished and yielded.

        Yields
        ------
        object

        Raises
        ------
        Exception
            What `function` raised, in place of its item; `WorkerError` where workers die again and again.
        """
        ...


def as_done(
    executor: Executor, function: Callable[[Any, Item], Out], shared: Any, items: Iterable[Item]
) -> Iterator[Out]:
    """Yield `function(shared, item)` of each item as soon as it is there, in whatever order.

    For items that take very different times and say themselves which they are: a long one holds up no other, and what
    is finished can be kept at once. `Threads`, `Processes` and `Ray` have a method `as_done`; of an executor without
    one the answers come in order.

    Parameters
    ----------
    executor : Executor
    function, shared, items
        As for `map`; `WAIT` is no item here.

    Yields
    ------
    object

    Raises
    ------
    Exception
        As `map` does.
    """
    answers: Callable[..., Iterator[Out]] = getattr(executor, "as_done", executor.map)
    return answers(function, shared, items)


def check_workers(workers: int | None) -> int:
    """Return a number of workers; None stands for one per core.

    Raises
    ------
    SettingsError
        `workers` is no int above 0.
    """
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise SettingsError(f"workers is {workers!r}; it is a number of workers, 1 or more, or None for one per core")
    return workers
