"""Work spread over processes, where that is quicker; what comes out is the same for any number of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from backtester.errors import SettingsError

Item = TypeVar("Item")
Out = TypeVar("Out")

_WORTH_IT = 5.0  # seconds of work left, per process, above which processes are started


def each(
    function: Callable[[Any, Item], Out],
    shared: Any,
    items: Sequence[Item],
    workers: int | None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Out]:
    """Return `function(shared, item)` of each item, in order.

    Parameters
    ----------
    function : callable
        Of a module. What it returns may not depend on where and when it runs.
    shared : object
        Sent to every process once; large arrays of it are shared memory.
    items : sequence
    workers : int or None
        None: all cores, but other processes only if the first item shows that they are worth starting.
    progress : callable, optional
        Called with the number of finished items and that of all.

    Raises
    ------
    SettingsError
        If `workers` is no int above 0.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise SettingsError(f"workers is {workers!r}; it is a number of processes, 1 or more, or None for all cores")
    found: list[Out] = []
    tell = progress or (lambda done, total: None)
    wanted = min(workers or os.cpu_count() or 1, len(items))
    begun = time.perf_counter()
    while len(found) < len(items):
        left = len(items) - len(found)
        if wanted > 1 and (workers is not None or (found and _seconds(begun, len(found)) * left > _WORTH_IT * wanted)):
            return found + _in_processes(function, shared, items[len(found) :], min(wanted, left), tell, len(items))
        found.append(function(shared, items[len(found)]))
        tell(len(found), len(items))
    return found


def _seconds(begun: float, n: int) -> float:
    return (time.perf_counter() - begun) / n


def _in_processes(
    function: Callable[[Any, Item], Out],
    shared: Any,
    items: Sequence[Item],
    workers: int,
    tell: Callable[[int, int], None],
    total: int,
) -> list[Out]:
    from joblib import Parallel, delayed

    found: list[Out] = []
    pool = Parallel(n_jobs=workers, return_as="generator", max_nbytes="1M", mmap_mode="r")
    for one in pool(delayed(function)(shared, item) for item in items):
        found.append(one)
        tell(total - len(items) + len(found), total)
    return found
