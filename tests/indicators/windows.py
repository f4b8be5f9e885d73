"""What the tests of indicators share: series, and a function of every window of one."""

import numpy as np


def walk(n_bars, seed, scale=100.0, step=0.01):
    """Return open, high, low, close and volume of a random walk, [n_bars] arrays."""
    rng = np.random.default_rng(seed)
    close = scale * np.exp(np.cumsum(rng.normal(0.0, step, n_bars)))
    before = np.concatenate([[scale], close[:-1]])
    opens = before * np.exp(rng.normal(0.0, step / 2, n_bars))
    high = np.maximum(opens, close) * (1.0 + rng.uniform(0.0, step, n_bars))
    low = np.minimum(opens, close) * (1.0 - rng.uniform(0.0, step, n_bars))
    return opens, high, low, close, rng.uniform(1.0, 1e6, n_bars)


def of_each_window(function, n, *series):
    """Return `function` of the last n values of each series at every bar; NaN where there are fewer."""
    out = np.full(len(series[0]), np.nan)
    for t in range(n - 1, len(out)):
        out[t] = function(*(x[t - n + 1 : t + 1] for x in series))
    return out
