"""Walk-forward: choose on the past, trade what comes next, move on, all on one account.

`windows` says which bars, `choosing` sweeps a training window, `trainer` and `training` are for what learns otherwise,
`stitching` trades the tests, `fold` keeps what came of each, `api` puts it together, and `result` is what the user
gets, with `words` and `plots`.
"""

from backtester.research.walk_forward.api import walk_forward
from backtester.research.walk_forward.fold import Choice, Fold
from backtester.research.walk_forward.result import Decay, WalkForwardResult
from backtester.research.walk_forward.trainer import Trained, Trainer
from backtester.research.walk_forward.windows import Walk, Window

__all__ = ["Choice", "Decay", "Fold", "Trained", "Trainer", "Walk", "WalkForwardResult", "Window", "walk_forward"]
