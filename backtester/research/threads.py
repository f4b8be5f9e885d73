"""Whether the runs of a strategy may go beside each other in the threads of one process."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from backtester.compiler.shared import written_beside
from backtester.engine.session import users_level
from backtester.executors import Executor, Threads

if TYPE_CHECKING:
    from backtester.strategy import Strategy


def for_runs_of(kind: type[Strategy], executor: Executor) -> Executor:
    """Return the executor, or a single thread where runs in several would write into the same thing.

    Warns
    -----
    UserWarning
        In the second case: what is written, and where.
    """
    if not isinstance(executor, Threads) or executor.workers == 1:
        return executor
    written = written_beside(kind)
    if not written:
        return executor
    warnings.warn(
        f"{kind.__name__} writes {written}, which all runs in a process see: they run one after the other. "
        "executor='processes' runs them beside each other",
        UserWarning,
        stacklevel=users_level(),
    )
    return Threads(1)
