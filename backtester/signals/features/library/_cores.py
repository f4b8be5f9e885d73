"""What several modules of the library compute with: logarithms of prices, and sums over windows of an asset's own bars.

The cores are run by `each_asset`: they see an asset's own bars alone, one below the other, and write every value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtester.indicators._panel import each_asset
from backtester.kernel.jit import inner_jit, kernel_jit

Floats = npt.NDArray[np.float64]


def logs(x: Floats) -> Floats:
    """Return the natural logarithm, NaN where `x` is 0 or less; inside `remembered` it is computed once."""
    return each_asset("log", _log, {"x": x})[0]


@kernel_jit()
def _log(x, out):
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            out[t, a] = np.log(x[t, a]) if x[t, a] > 0.0 else np.nan


@inner_jit
def zero_where_undefined(out, first):
    """Write 0 over each NaN from row `first` on."""
    for t in range(first, out.shape[0]):
        for a in range(out.shape[1]):
            if out[t, a] != out[t, a]:
                out[t, a] = 0.0
