"""Stress: a backtest again under worse conditions, until its edge dies.

`plan` lists the scenarios, each a change of `changes` or another market of `markets` (whose rows `rows` draws); `lab`
runs one in a worker, `drive` hands them out, `search` finds where costs eat the edge, `edge` says what an edge is,
`origin` goes back from a result to what was run. `result` is what the user gets, in `words` and as `plots`.
"""

from backtester.research.stress.api import stress
from backtester.research.stress.plan import KINDS
from backtester.research.stress.result import Stress

__all__ = ["KINDS", "Stress", "stress"]
