"""Where work is done: threads of this process, other processes, or the machines of a Ray cluster.

An executor has one method, `map(function, shared, items)`, which yields `function(shared, item)` of each item in
order. Sweeps use it, the folds of a model, the seeds of an agent, and so can anything that is a list of independent
pieces.
"""

from __future__ import annotations

from backtester.executors.choose import as_executor
from backtester.executors.processes import Processes
from backtester.executors.protocol import WAIT, Executor, as_done
from backtester.executors.ray import Ray
from backtester.executors.threads import Threads

__all__ = ["WAIT", "Executor", "Processes", "Ray", "Threads", "as_done", "as_executor"]
