"""Two runs side by side: `diff` finds the first bar, order, fill or cash flow that differs, and says why.

Read off the tables, the bars and the manifests alone, so that it works on results of this process and on stored ones:
`streams` puts a run in the order of time, `walk` finds where two part, `words` says what each did there, and `causes`
weighs what the two were given differently (`inputs`, `data`). `compare` sets any number of results beside each other.
"""

from __future__ import annotations

from backtester.diff.outcome import Diff, diff
from backtester.diff.side import Comparison, compare

__all__ = ["Comparison", "Diff", "compare", "diff"]
