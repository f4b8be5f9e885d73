"""Looking through a label for what no label holds: the compiled part of `Label`."""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import kernel_jit

FINE, INFINITE, WRONG_END, NO_CLASS = range(4)


@kernel_jit()
def first_wrong(values, end, classes):
    """Return (what, row, column) of the first value or end that breaks a rule, with `FINE` where none does.

    Parameters
    ----------
    values : ndarray of float64, [n_bars, n_assets]
        Read-only.
    end : ndarray of int64, [n_bars, n_assets]
        Read-only. −1 where the value is NaN, else its row or later, inside the data.
    classes : bool
        Values are −1, 0 and 1.
    """
    n_bars, n_assets = values.shape
    for t in range(n_bars):
        for a in range(n_assets):
            x, last = values[t, a], end[t, a]
            if np.isnan(x):
                if last != -1:
                    return WRONG_END, t, a
            elif np.isinf(x):
                return INFINITE, t, a
            elif last < t or last >= n_bars:
                return WRONG_END, t, a
            elif classes and x != -1.0 and x != 0.0 and x != 1.0:
                return NO_CLASS, t, a
    return FINE, 0, 0
