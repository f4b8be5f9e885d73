"""From what a user says to an executor."""

from __future__ import annotations

from typing import Any

from backtester.errors import SettingsError, did_you_mean
from backtester.executors.processes import Processes
from backtester.executors.protocol import Executor
from backtester.executors.ray import Ray
from backtester.executors.threads import Threads

KINDS: dict[str, type[Any]] = {"threads": Threads, "processes": Processes, "ray": Ray}


def as_executor(executor: Any, workers: int | None = None) -> Executor:
    """Return an executor.

    Parameters
    ----------
    executor : {"threads", "processes", "ray"} or Executor
    workers : int, optional
        For a name alone.

    Raises
    ------
    SettingsError
        No such executor, or `workers` beside one that has them.
    """
    if isinstance(executor, str):
        if executor not in KINDS:
            raise SettingsError(
                f"executor is {executor!r}{did_you_mean(executor, KINDS)}; it is one of {', '.join(KINDS)}, or an "
                "object with `workers` and `map`"
            )
        return KINDS[executor](workers)
    if not isinstance(executor, type) and isinstance(executor, Executor):
        if workers is not None:
            raise SettingsError(
                f"workers={workers!r} is given beside {executor!r}, which has {executor.workers} of them"
            )
        return executor
    raise SettingsError(
        f"executor is {executor!r} ({type(executor).__name__}); it is one of {', '.join(KINDS)}, or an object with "
        "`workers` and `map`"
    )
