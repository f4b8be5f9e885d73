"""The information coefficient over time: how steadily signal and label move together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import SettingsError, did_you_mean
from backtester.signals.scores.measures import correlation, ranks

if TYPE_CHECKING:
    import pandas as pd

    from backtester.signals.scores.scored import Scored

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PERIODS = ("bar", "day", "month", "quarter", "year")
FEWEST = 5  # samples of a correlation
_WANTED = 20  # samples of a period that is chosen, in the median


def newey_west(x: npt.ArrayLike, lags: int) -> tuple[float, float]:
    """Return mean and t-statistic of a series whose neighbours may depend on each other.

    .. math:: t = \\bar{x} \\Big/ \\sqrt{\\hat{S}/n}, \\quad
              \\hat{S} = \\gamma_0 + 2 \\sum_{k=1}^{L} \\left(1 - \\frac{k}{L+1}\\right) \\gamma_k, \\quad
              \\gamma_k = \\frac{1}{n} \\sum_{t=k+1}^{n} (x_t - \\bar{x})(x_{t-k} - \\bar{x})

    Parameters
    ----------
    x : array_like of float, [n]
        In the order of time; without NaN.
    lags : int
        L: how many neighbours on each side depend on a value, 0 or more; cut to n − 1.

    Returns
    -------
    mean, t_statistic : float
        NaN where there are fewer than two values, and a t-statistic of a series without spread.

    Raises
    ------
    SettingsError
        If `lags` is no int of 0 or more.

    Notes
    -----
    Newey and West, "A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation Consistent Covariance
    Matrix", Econometrica 55 (1987), 703-708, equation 5. With L = 0 it is the ordinary t-statistic, of the population's
    deviation.
    """
    if isinstance(lags, bool) or not isinstance(lags, int | np.integer) or lags < 0:
        raise SettingsError(f"newey_west: lags is {lags!r}; it is an int, 0 or more")
    series = np.asarray(x, np.float64)
    n = len(series)
    if n < 2:
        return (float(series[0]) if n else np.nan), np.nan
    mean = float(series.mean())
    apart = series - mean
    reach = min(int(lags), n - 1)
    spread = float(apart @ apart)
    if spread <= n * (8.0 * np.finfo(float).eps * float(np.abs(series).max())) ** 2:  # constant but for rounding
        return mean, np.nan
    for k in range(1, reach + 1):
        spread += 2.0 * (1.0 - k / (reach + 1)) * float(apart[k:] @ apart[:-k])
    variance = spread / n
    return mean, mean / np.sqrt(variance / n) if variance > 0.0 else np.nan


def ic_over_time(samples: Scored, period: str | None = None) -> tuple[pd.DataFrame, str]:
    """Return IC and rank IC of each period, and what a period is.

    Of a bar it is the correlation across its assets. Of a longer period it is what the period adds to the correlation
    over all samples: the mean over its samples of the product of signal and label, each less its mean over all samples,
    in units of its deviation over them. The mean over periods, each counted with its samples, is the IC over all.

    Parameters
    ----------
    samples : Scored
    period : {"bar", "day", "month", "quarter", "year"}, optional
        Default: the bar where there are five assets or more; else the shortest with 20 samples in the median.

    Returns
    -------
    frame : DataFrame
        Index the close of the period's last bar that is scored, UTC; columns `ic`, `rank_ic`, NaN below five samples or
        where signal or label is constant, and `n`, the samples.
    period : str

    Raises
    ------
    SettingsError
        If the period is none of these, or "bar" with fewer than five assets.

    Notes
    -----
    A correlation within a short period would be biased. Of a random walk the moves over the last k bars and over the
    next h have the correlation −√(k·h)/T within T bars, as both are measured from the mean of those few bars: with k
    and h of five a month finds a reversal of 0.24 where there is none.
    """
    import pandas as pd

    clock = samples.signal.timestamps
    period = _chosen(samples, period)
    keys = samples.row if period == "bar" else period_keys(clock, period)[samples.row]
    begins = np.concatenate(([0], np.flatnonzero(np.diff(keys)) + 1))
    ends = np.append(begins[1:], len(keys))
    count = ends - begins
    pairs = {"ic": (samples.p.values, samples.p.actual)}
    if period == "bar":
        columns = _across_assets(*pairs["ic"], begins, ends)
    else:
        pairs["rank_ic"] = (ranks(samples.p.values), ranks(samples.p.actual))
        columns = {name: _share(*pair, begins, count) for name, pair in pairs.items()}
    index = pd.DatetimeIndex(clock[samples.row[ends - 1]].astype("M8[ns]"), tz="UTC", name="time")
    return pd.DataFrame({**columns, "n": count}, index=index), period


def _across_assets(said: Floats, happened: Floats, begins: Ints, ends: Ints) -> dict[str, Floats]:
    """Return the correlations of each block of samples."""
    found = np.full((len(begins), 2), np.nan)
    for k, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if end - begin >= FEWEST:
            x, y = said[begin:end], happened[begin:end]
            found[k] = correlation(x, y), correlation(ranks(x), ranks(y))
    return {"ic": found[:, 0], "rank_ic": found[:, 1]}


def _share(x: Floats, y: Floats, begins: Ints, count: Ints) -> Floats:
    """Return what each block of samples adds to the correlation of all, per sample."""
    if np.isnan(correlation(x, y)):
        return np.full(len(begins), np.nan)
    product = (x - x.mean()) * (y - y.mean()) / (x.std() * y.std())
    return np.where(count >= FEWEST, np.add.reduceat(product, begins) / count, np.nan)


def ic_statistics(series: pd.DataFrame, lags: int) -> pd.DataFrame:
    """Return the statistics of IC and rank IC over time.

    Parameters
    ----------
    series : DataFrame
        Of `ic_over_time`.
    lags : int
        Of `newey_west`.

    Returns
    -------
    DataFrame
        Rows `ic` and `rank_ic`; columns `mean`, `std` (n − 1), `ratio` (mean over std, per period), `t_statistic`
        (Newey and West), `lags`, `positive` (fraction of the periods), `n_periods` (those with a value).
    """
    import pandas as pd

    rows = {}
    for name in ("ic", "rank_ic"):
        known = series[name].to_numpy()
        known = known[np.isfinite(known)]
        mean, t = newey_west(known, lags)
        std = float(known.std(ddof=1)) if len(known) > 1 else np.nan
        rows[name] = {
            "mean": mean,
            "std": std,
            "ratio": mean / std if std > 0.0 else np.nan,
            "t_statistic": t,
            "lags": min(lags, max(len(known) - 1, 0)),
            "positive": float((known > 0.0).mean()) if len(known) else np.nan,
            "n_periods": len(known),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def lags_of(samples: Scored, series: pd.DataFrame, period: str) -> int:
    """Return over how many periods the label of a sample reaches beyond its own."""
    if period == "bar":
        return samples.overlap
    bars = len(np.unique(samples.row)) / max(len(series), 1)
    return int(np.ceil(samples.overlap / bars))


def period_keys(timestamps: Ints, period: str) -> Ints:
    """Return for each bar the number of its day, month, quarter or year, UTC; midnight ends the day before."""
    moments = (timestamps - 1).astype("M8[ns]")
    if period == "day":
        return moments.astype("M8[D]").astype(np.int64)
    months = moments.astype("M8[M]").astype(np.int64)
    return months // {"month": 1, "quarter": 3, "year": 12}[period]


def _chosen(samples: Scored, period: Any) -> str:
    enough = samples.signal.n_assets >= FEWEST
    if period is not None:
        if period not in PERIODS:
            hint = did_you_mean(str(period), PERIODS)
            raise SettingsError(f"period is {period!r}{hint}; it is one of {', '.join(map(repr, PERIODS))}")
        if period == "bar" and not enough:
            raise SettingsError(
                f"period is 'bar', and the signal has {samples.signal.n_assets} assets: a correlation across them "
                f"needs {FEWEST}; choose one of {', '.join(map(repr, PERIODS[1:]))}"
            )
        return str(period)
    if enough:
        return "bar"
    for one in PERIODS[1:]:
        keys = period_keys(samples.signal.timestamps, one)[samples.row]
        if np.median(np.unique(keys, return_counts=True)[1]) >= _WANTED:
            return one
    return "year"
