"""How wide the error of every metric is: intervals by the stationary bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from backtester import metrics as library
from backtester.errors import SettingsError, did_you_mean
from backtester.metrics import arguments as check
from backtester.metrics._scan import readonly
from backtester.metrics.ratios import check_periods
from backtester.research.overfitting._random import stationary_rows
from backtester.research.overfitting._replicates import AT, MEASURED, measure_all
from backtester.research.overfitting.block_length import optimal_block_length
from backtester.research.overfitting.snooping import check_block_length

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05  # of the tails, as in the metrics
_CHUNK = 64  # samples at a time, where Python measures them
Metric = Callable[[np.ndarray], float]

_PLAIN = (
    *("total_return", "max_drawdown", "max_drawdown_duration", "value_at_risk", "conditional_value_at_risk"),
    *("tail_ratio", "skew", "kurtosis"),
)
_PER_YEAR = (
    *("cagr", "annual_return", "annual_volatility", "sharpe", "sortino", "calmar", "omega", "probabilistic_sharpe"),
)
_BESIDE = ("alpha", "beta", "information_ratio")
#: every metric by name, in reading order
METRICS = (
    *("total_return", "cagr", "annual_return", "annual_volatility", "sharpe", "sortino", "max_drawdown"),
    *("max_drawdown_duration", "calmar", "omega", "value_at_risk", "conditional_value_at_risk", "tail_ratio", "skew"),
    *("kurtosis", "alpha", "beta", "information_ratio", "probabilistic_sharpe"),
)


@dataclass(frozen=True, eq=False)
class Intervals:
    """What `bootstrap_intervals` finds.

    Attributes
    ----------
    table : DataFrame
        One row per metric: `estimate` of the data, `low` and `high` ends of the interval, `standard_error` (deviation
        over the replicates), `undefined` (fraction of replicates in which it is NaN; they are left out). All NaN where
        the estimate is.
    draws : float64 [replicates, n_metrics]
        The metric of every replicate, columns in the order of `table`.
    level : float
        Probability between the ends; half of the rest is on either side.
    block_length : float
        Mean length of the blocks, bars.
    seed : int
    """

    table: pd.DataFrame
    draws: np.ndarray = field(repr=False)
    level: float
    block_length: float
    seed: int

    def __str__(self) -> str:
        head = f"{self.level:.0%} intervals of {len(self.draws):,} samples in blocks of {self.block_length:.1f} bars"
        return f"{head}\n{self.table.to_string()}"


def bootstrap_intervals(
    returns: ArrayLike,
    metrics: str | Iterable[str] | Mapping[str, Metric] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    periods_per_year: float | None = None,
    risk_free: float = 0.0,
    benchmark: ArrayLike | None = None,
    block_length: float | None = None,
    replicates: int = 1000,
) -> Intervals:
    """Return the interval of each metric, from samples that the stationary bootstrap draws from the returns.

    The ends are quantiles of the replicates (the percentile interval). Blocks keep the dependence of neighbouring bars;
    what is longer than a block is lost, so intervals of the duration of drawdowns are the least trustworthy.

    Parameters
    ----------
    returns : array_like, float64 [n]
        Simple returns per bar, finite; 10 or more, 5 where `block_length` is given.
    metrics : str, iterable of str, or mapping of names to functions, optional
        Names of `backtester.metrics`. Where not given: all those that `periods_per_year` and `benchmark` allow. A
        function takes returns [n] and returns a number; Python calls it once per replicate.
    level : float
        Probability that the interval is to hold.
    seed : int
    periods_per_year : float, optional
        P, for the metrics that need it.
    risk_free : float
        Annual; needs `periods_per_year`.
    benchmark : array_like, float64 [n], optional
        Returns of a benchmark on the same bars, drawn together with `returns`; for alpha, beta and information_ratio.
    block_length : float, optional
        Mean length of the blocks in bars, 1 or more. Where not given the longer of the `optimal_block_length` of the
        returns and of their squares: deviations, tails and drawdowns depend on how large moves cluster.
    replicates : int
        At least 100.

    Returns
    -------
    Intervals
        The same for the same arguments.

    Raises
    ------
    SettingsError
        A return is not finite, there are too few, a metric is unknown, or needs what is not given.

    Notes
    -----
    D. N. Politis and J. P. Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89,
    1994; percentile intervals: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
    """
    values = check.series(returns, "returns", 10 if block_length is None else 5)
    beside = _benchmark(benchmark, len(values))
    level, seed = check.fraction(level, "level"), check.seed_number(seed)
    reps = check.at_least(replicates, "replicates", 100)
    periods = math.nan if periods_per_year is None else check_periods(periods_per_year)
    if risk_free != 0.0 and periods_per_year is None:
        raise SettingsError(f"risk_free is {risk_free}, a rate per year; it needs periods_per_year, such as 252")
    length = _length(block_length, values)
    names, functions = _chosen(metrics, periods_per_year is not None, beside is not None)
    threshold = risk_free / periods if risk_free != 0.0 else 0.0
    if functions is None and values.min() > -1.0:
        found = _measured(values, beside, names, periods, risk_free, threshold, (length, reps, seed))
    else:  # a function of the user's, or ruin in the returns, which ends a series early
        functions = functions or _functions(names, periods_per_year, risk_free)
        found = _called(values, beside, functions, (length, reps, seed))
    return Intervals(_table(names, found, level), found[1:], level, length, seed)


def _benchmark(benchmark: ArrayLike | None, n: int) -> np.ndarray | None:
    if benchmark is None:
        return None
    found = check.series(benchmark, "benchmark", 1)
    if len(found) != n:
        raise SettingsError(f"benchmark has {len(found)} returns and the strategy has {n}; pass the same bars")
    return found


def _length(asked: float | None, values: np.ndarray) -> float:
    if asked is not None:
        return check_block_length(asked, len(values))
    centred = values - values.mean()
    return float(optimal_block_length(np.stack([values, centred * centred], axis=1)).max())


def _chosen(
    metrics: Any, has_periods: bool, has_benchmark: bool
) -> tuple[tuple[str, ...], dict[str, Callable[..., float]] | None]:
    """Return the names of the metrics, and functions where the user brings his own."""
    if isinstance(metrics, Mapping):
        if not metrics or not all(callable(function) for function in metrics.values()):
            raise SettingsError("metrics must map names to functions of returns [n], at least one")
        return tuple(map(str, metrics)), {
            str(name): (lambda r, b, function=function: function(r)) for name, function in metrics.items()
        }
    if metrics is None:
        allowed = {*_PLAIN, *(_PER_YEAR if has_periods else ()), "omega", "probabilistic_sharpe"}
        if has_benchmark:
            allowed |= set(_BESIDE if has_periods else ("beta",))
        return tuple(name for name in METRICS if name in allowed), None
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    if not names:
        raise SettingsError("metrics is empty; name at least one, or leave it out for all")
    for name in names:
        if name not in METRICS:
            raise SettingsError(
                f"there is no metric {name!r}{did_you_mean(str(name), METRICS)}; one of {', '.join(METRICS)}"
            )
        if name in _BESIDE and not has_benchmark:
            raise SettingsError(f"{name} compares with a benchmark; pass benchmark=, its returns on the same bars")
        per_year = name in _PER_YEAR or name in ("alpha", "information_ratio")
        if per_year and name not in ("omega", "probabilistic_sharpe") and not has_periods:
            raise SettingsError(f"{name} is annual; pass periods_per_year=, such as 252")
    return names, None


def _measured(
    values: np.ndarray,
    beside: np.ndarray | None,
    names: tuple[str, ...],
    periods: float,
    risk_free: float,
    threshold: float,
    drawing: tuple[float, int, int],
) -> np.ndarray:
    """Return the metrics of the data and of every replicate, [1 + replicates, n_metrics], by the compiled pass."""
    length, reps, seed = drawing
    order = np.argsort(values, kind="stable")
    place = np.empty(len(values), np.int64)
    place[order] = np.arange(len(values))
    raw = np.full((reps + 1, len(MEASURED)), math.nan)
    against = readonly(np.zeros(0)) if beside is None else beside
    measure_all(values, against, values[order], place, seed, 1.0 / length, threshold, LEVEL, raw)
    with np.errstate(all="ignore"):
        formulas = _formulas(raw, len(values), periods, risk_free, threshold)
        found = np.stack([formulas[name]() for name in names], axis=1)
    return np.where(np.isfinite(found), found, math.nan)


def _formulas(
    raw: np.ndarray, n: int, periods: float, risk_free: float, per_bar: float
) -> dict[str, Callable[[], np.ndarray]]:
    """Return each metric as `backtester.metrics` defines it, of what was measured; 0/0 and x/0 become NaN."""
    of = {name: raw[:, column] for name, column in AT.items()}
    root = math.sqrt(periods)
    excess = of["mean"] - per_bar

    def cagr() -> np.ndarray:
        return of["growth"] ** (periods / n) - 1.0

    def probabilistic() -> np.ndarray:
        sharpe = excess / of["sd"]
        variance = 1.0 - of["skew"] * sharpe + (of["kurtosis"] - 1.0) / 4.0 * sharpe * sharpe
        z = sharpe * math.sqrt(n - 1) / np.sqrt(np.where(variance > 0.0, variance, math.nan))
        return np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z])

    return {
        "total_return": lambda: of["growth"] - 1.0,
        "cagr": cagr,
        "annual_return": lambda: periods * of["mean"],
        "annual_volatility": lambda: of["sd"] * root,
        "sharpe": lambda: excess / of["sd"] * root,
        "sortino": lambda: excess / of["downside"] * root,
        "max_drawdown": lambda: of["max_drawdown"],
        "max_drawdown_duration": lambda: of["max_drawdown_duration"],
        "calmar": lambda: cagr() / of["max_drawdown"],
        "omega": lambda: of["gain"] / of["loss"],
        "value_at_risk": lambda: -of["low"],
        "conditional_value_at_risk": lambda: -of["low_mean"],
        "tail_ratio": lambda: of["high"] / np.abs(of["low"]),
        "skew": lambda: of["skew"],
        "kurtosis": lambda: of["kurtosis"],
        "alpha": lambda: periods * (excess - of["beta"] * (of["benchmark_mean"] - risk_free / periods)),
        "beta": lambda: of["beta"],
        "information_ratio": lambda: of["active_mean"] / of["active_sd"] * root,
        "probabilistic_sharpe": probabilistic,
    }


def _functions(
    names: tuple[str, ...], periods: float | None, risk_free: float
) -> dict[str, Callable[[np.ndarray, Any], float]]:
    """Return each metric as a function of returns and benchmark."""

    def function_of(name: str) -> Callable[[np.ndarray, Any], float]:
        function = getattr(library, name)
        if name == "probabilistic_sharpe":
            return lambda r, b: function(r, periods_per_year=periods, risk_free=risk_free)
        if name == "beta":
            return lambda r, b: function(r, b)
        if name == "alpha":
            return lambda r, b: function(r, b, periods, risk_free)
        if name == "information_ratio":
            return lambda r, b: function(r, b, periods)
        if name in ("sharpe", "sortino", "omega"):
            return lambda r, b: function(r, periods, risk_free)
        if name in _PER_YEAR:
            return lambda r, b: function(r, periods)
        return lambda r, b: function(r)

    return {name: function_of(name) for name in names}


def _called(
    values: np.ndarray,
    beside: np.ndarray | None,
    functions: Mapping[str, Callable[..., float]],
    drawing: tuple[float, int, int],
) -> np.ndarray:
    """Return what `_measured` does, by functions that Python calls."""
    length, reps, seed = drawing
    found = np.empty((reps + 1, len(functions)))
    for k in range(-1, reps):
        if k >= 0 and k % _CHUNK == 0:
            chunk = stationary_rows(len(values), length, min(_CHUNK, reps - k), seed, k)
        rows = slice(None) if k < 0 else chunk[k % _CHUNK]
        r, b = values[rows], None if beside is None else beside[rows]
        found[k + 1] = [float(function(r, b)) for function in functions.values()]
    return found


def _table(names: tuple[str, ...], found: np.ndarray, level: float) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for estimate, drawn in zip(found[0], found[1:].T, strict=True):
        defined = drawn[np.isfinite(drawn)]
        undefined = 1.0 - len(defined) / len(drawn)
        if not math.isfinite(estimate) or len(defined) < 2:
            rows.append((math.nan, math.nan, math.nan, math.nan, undefined))
            continue
        low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        rows.append((float(estimate), float(low), float(high), float(defined.std(ddof=1)), undefined))
    columns = ["estimate", "low", "high", "standard_error", "undefined"]
    return pd.DataFrame(rows, index=pd.Index(names, name="metric"), columns=columns)
