"""Daily volatility and volume per asset and bar, for the square-root impact law (rule 7)."""

import numpy as np

from backtester.kernel.jit import kernel_jit

SESSIONS = 20


@kernel_jit()
def daily_statistics(close, volume, sessions, split):
    """Return volatility and mean volume over the last 20 sessions that ended before each bar.

    Parameters
    ----------
    close, volume : ndarray, float64 [n_bars, n_assets]
        NaN where an asset has no bar; NaN volume counts as 0.
    sessions : ndarray, int64 [n_bars]
        Session labels, non-decreasing.
    split : ndarray, float64 [n_bars, n_assets]
        Units after for each unit before, from before the open of a row on; NaN for none, [0, 0] where there is none at
        all. What came before it is brought to the units after it.

    Returns
    -------
    sigma, daily_volume : ndarray, float64 [n_bars, n_assets]
        `sigma` is the sample standard deviation (n - 1) of simple close-to-close session returns, over the sessions in
        which the asset had a bar; 0 with fewer than two returns.
    """
    n_bars, n_assets = close.shape
    sigma = np.zeros((n_bars, n_assets))
    mean_volume = np.zeros((n_bars, n_assets))
    returns = np.zeros(SESSIONS)
    volumes = np.zeros(SESSIONS)
    for a in range(n_assets):
        n_sessions = 0  # sessions with a bar that have ended
        last_close = np.nan  # close of the session before the current one
        current_close = np.nan
        current_volume = 0.0
        current_sigma = 0.0
        current_mean = 0.0
        for t in range(n_bars):
            if t > 0 and sessions[t] != sessions[t - 1] and current_close == current_close:
                slot = n_sessions % SESSIONS
                returns[slot] = current_close / last_close - 1.0
                volumes[slot] = current_volume
                n_sessions += 1
                last_close = current_close
                current_close = np.nan
                current_volume = 0.0
                held = min(n_sessions, SESSIONS)
                n_returns = 0
                mean = 0.0
                current_mean = 0.0
                for k in range(held):
                    current_mean += volumes[k]
                    if returns[k] == returns[k]:
                        mean += returns[k]
                        n_returns += 1
                current_mean /= held
                current_sigma = 0.0
                if n_returns > 1:
                    mean /= n_returns
                    square = 0.0
                    for k in range(held):
                        if returns[k] == returns[k]:
                            square += (returns[k] - mean) ** 2
                    current_sigma = np.sqrt(square / (n_returns - 1))
            if split.shape[0] > 0 and split[t, a] == split[t, a] and split[t, a] != 1.0:
                last_close /= split[t, a]
                current_close /= split[t, a]
                current_volume *= split[t, a]
                for k in range(min(n_sessions, SESSIONS)):
                    volumes[k] *= split[t, a]
                current_mean *= split[t, a]
            sigma[t, a] = current_sigma
            mean_volume[t, a] = current_mean
            if close[t, a] == close[t, a]:
                current_close = close[t, a]
                if volume[t, a] == volume[t, a]:
                    current_volume += volume[t, a]
    return sigma, mean_volume
