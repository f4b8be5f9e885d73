"""The trial ledger: how many trials were made on a market, by whatever door, and what they came to.

`marked` says that the runs inside are no search for an edge: they are written down, and not counted.
"""

from backtester.trials.mark import LOOK_AHEAD, STRESS, TEST, mark, marked

__all__ = ["LOOK_AHEAD", "STRESS", "TEST", "mark", "marked"]
