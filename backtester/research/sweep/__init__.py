"""Sweep: a strategy with many sets of parameters, as fast as the machine goes, in memory that does not grow.

`space` and `points` say what is tried, `trials` runs it in every worker, `drive` hands it out and takes it in, `store`
keeps it, `tpe` proposes by what came before, `digest` tells whether a sweep is the same as one in the store, and
`result` is what the user gets, with `stability` and `plots`.
"""

from backtester.research.sweep.api import sweep
from backtester.research.sweep.result import Sweep, Trial
from backtester.research.sweep.stability import Stability

__all__ = ["Stability", "Sweep", "Trial", "sweep"]
