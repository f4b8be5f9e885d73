"""Work spread over an executor, where that is quicker; what comes out is the same for any of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from backtester.executors import Processes, as_executor
from backtester.executors.protocol import check_workers
from backtester.signals.fitting.protocol import one_thread

if TYPE_CHECKING:
    from backtester.executors import Executor

Item = TypeVar("Item")
Out = TypeVar("Out")

_WORTH_IT = 5.0  # seconds of work left, per process, above which processes are started


def each(
    function: Callable[[Any, Item], Out],
    shared: Any,
    items: Sequence[Item],
    workers: int | None,
    progress: Callable[[int, int], None] | None = None,
    executor: str | Executor | None = None,
) -> list[Out]:
    """Return `function(shared, item)` of each item, in order.

    Parameters
    ----------
    function : callable
        Of a module. What it returns may not depend on where and when it runs.
    shared : object
        Sent to every worker once; large read-only arrays of it are shared memory.
    items : sequence
    workers : int or None
        None: all cores, but other processes only if the first item shows that they are worth starting.
    progress : callable, optional
        Called with the number of finished items and that of all.
    executor : {"threads", "processes", "ray"} or Executor, optional
        Who does all of it; by default this process, and others where `workers` is above 1.

    Raises
    ------
    SettingsError
        If `workers` is no int above 0, or there is no such executor.
    WorkerError
        If workers die again and again.
    """
    found: list[Out] = []
    tell = progress or (lambda done, total: None)
    if executor is not None:
        return _spread(as_executor(executor, workers), function, shared, items, found, tell)
    wanted = min(check_workers(workers), len(items))
    begun = time.perf_counter()
    while len(found) < len(items):
        left = len(items) - len(found)
        if wanted > 1 and (workers is not None or (found and _seconds(begun, len(found)) * left > _WORTH_IT * wanted)):
            return _spread(Processes(min(wanted, left)), function, shared, items, found, tell)
        found.append(function(shared, items[len(found)]))
        tell(len(found), len(items))
    return found


def _seconds(begun: float, n: int) -> float:
    return (time.perf_counter() - begun) / n


def _spread(
    executor: Executor,
    function: Callable[[Any, Item], Out],
    shared: Any,
    items: Sequence[Item],
    found: list[Out],
    tell: Callable[[int, int], None],
) -> list[Out]:
    """Return what is found already, and what an executor makes of the other items."""
    with one_thread():  # around all: threads would give each other's number of threads back
        for one in executor.map(function, shared, items[len(found) :]):
            found.append(one)
            tell(len(found), len(items))
    return found
