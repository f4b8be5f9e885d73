"""The look-ahead check: does anything depend on bars that come after it?

`check_lookahead` makes a strategy, a model, features, a label, a function of bars or an environment anew with later
bars replaced and deleted, and names what moved before the cut.
"""

from backtester.research.lookahead.api import check_lookahead
from backtester.research.lookahead.report import Finding, LookAheadReport

__all__ = ["Finding", "LookAheadReport", "check_lookahead"]
