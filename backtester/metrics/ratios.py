"""Performance ratios of simple returns.

Common to all. `r` is float64 [n], simple returns r_t = E_t / E_{t−1} − 1 per bar, as an array or a pandas Series
(values are read by position). `periods_per_year` P is the number of bars in a year; `risk_free` is annual,
r_f = risk_free / P per bar. The statistics end with the first return of −1 or less: that is ruin, and after it there is
no capital to earn a return on, so what follows (0/0 for an equity of 0) is not read; durations alone count on to the
end of `r`. Undefined is NaN, never 0: an empty `r`, a NaN or an infinity in it, a zero denominator. A standard
deviation below 8 machine epsilons is rounding of the returns and counts as 0.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.metrics._scan import NAN, NOISE, Spread, Wealth, scan_returns, scan_wealth


def total_return(r: ArrayLike) -> float:
    """Return Π(1 + r_t) − 1, a fraction: −1 after ruin."""
    values = alive(r)
    return defined(float(np.prod(1.0 + values)) - 1.0) if len(values) else NAN


def cagr(r: ArrayLike, periods_per_year: float) -> float:
    """Return the compound annual growth rate, Π(1 + r_t)^(1/years) − 1 with years = n / P: −1 after ruin."""
    values = as_returns(r)
    return growth_rate(1.0 + total_return(values), len(values) / check_periods(periods_per_year))


def annual_return(r: ArrayLike, periods_per_year: float) -> float:
    """Return P · mean(r), a fraction per year."""
    return check_periods(periods_per_year) * _spread(r).mean


def annual_volatility(r: ArrayLike, periods_per_year: float) -> float:
    """Return sd(r) · √P with n − 1 in the denominator, a fraction per √year; NaN for one return."""
    return _spread(r).sd * math.sqrt(check_periods(periods_per_year))


def sharpe(r: ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Return mean(r − r_f) / sd(r) · √P, n − 1 in the denominator.

    Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21, 1994.
    """
    periods = check_periods(periods_per_year)
    return sharpe_per_bar(_spread(r), risk_free / periods) * math.sqrt(periods)


def sortino(r: ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Return mean(r − r_f) · √P / √mean(min(r − r_f, 0)²); all n returns are in the lower mean.

    Source: F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework", Journal of
    Investing 3, 1994.
    """
    periods = check_periods(periods_per_year)
    spread = _spread(r, risk_free / periods)
    return ratio(spread.mean - risk_free / periods, spread.downside) * math.sqrt(periods)


def max_drawdown(r: ArrayLike) -> float:
    """Return max over t of 1 − W_t / max_{s ≤ t} W_s for the wealth W of 1 invested: a positive fraction, 0 if none."""
    return _wealth(r).max_drawdown


def max_drawdown_duration(r: ArrayLike) -> float:
    """Return the longest stretch, in bars, from a peak of wealth until it is regained, or until the end; 0 if none."""
    return _wealth(r).max_drawdown_duration


def calmar(r: ArrayLike, periods_per_year: float) -> float:
    """Return cagr / max_drawdown, over the whole of `r`; NaN without a drawdown.

    Source: T. W. Young, "Calmar Ratio: A Smoother Tool", Futures 20, 1991 (there over 36 months).
    """
    return ratio(cagr(r, periods_per_year), max_drawdown(r))


def omega(
    r: ArrayLike, periods_per_year: float | None = None, risk_free: float = 0.0, *, threshold: float | None = None
) -> float:
    """Return Σ max(r − θ, 0) / Σ max(θ − r, 0); θ = risk_free / P per bar, or `threshold`; NaN without a loss.

    Source: C. Keating and W. F. Shadwick, "A Universal Performance Measure", Journal of Performance Measurement 6,
    2002.
    """
    if threshold is None:
        threshold = _per_bar(risk_free, periods_per_year)
    spread = _spread(r, threshold)
    return ratio(spread.gain, spread.loss)


def value_at_risk(r: ArrayLike, level: float = 0.05) -> float:
    """Return −Q(level): the historical loss per bar that a fraction `level` of the bars exceeds, positive for a loss.

    Q interpolates linearly between order statistics at (n − 1)·level, definition 7 of R. J. Hyndman and Y. Fan,
    "Sample Quantiles in Statistical Packages", The American Statistician 50, 1996; it is `numpy.quantile`'s.
    """
    return -_spread(r, level=level).low


def conditional_value_at_risk(r: ArrayLike, level: float = 0.05) -> float:
    """Return −mean(r where r ≤ Q(level)), Q as in `value_at_risk`: the mean loss per bar of the worst bars.

    Never below the value at risk. Source: the tail conditional expectation of P. Artzner, F. Delbaen, J.-M. Eber and
    D. Heath, "Coherent Measures of Risk", Mathematical Finance 9, 1999, of the empirical distribution.
    """
    return -_spread(r, level=level).low_mean


def tail_ratio(r: ArrayLike) -> float:
    """Return Q(0.95) / abs(Q(0.05)), Q as in `value_at_risk`."""
    return tails(_spread(r))


def skew(r: ArrayLike) -> float:
    """Return the population skewness m₃ / m₂^1.5, with central moments m_k = mean((r − mean(r))^k)."""
    return _spread(r).skew


def kurtosis(r: ArrayLike) -> float:
    """Return the population kurtosis of Pearson, m₄ / m₂²: 3 for a normal distribution."""
    return _spread(r).kurtosis


def alpha(r: ArrayLike, benchmark: ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Return P · [mean(r − r_f) − β · mean(b − r_f)] for benchmark returns b [n] of the same bars, a fraction per year.

    Source: M. C. Jensen, "The Performance of Mutual Funds in the Period 1945-1964", Journal of Finance 23, 1968.
    """
    periods = check_periods(periods_per_year)
    return jensen(compare(r, benchmark), periods, risk_free)


def beta(r: ArrayLike, benchmark: ArrayLike) -> float:
    """Return cov(r, b) / var(b) for benchmark returns b [n] of the same bars."""
    return compare(r, benchmark).beta


def information_ratio(r: ArrayLike, benchmark: ArrayLike, periods_per_year: float) -> float:
    """Return mean(r − b) / sd(r − b) · √P, n − 1 in the denominator, for benchmark returns b [n] of the same bars.

    Source: T. H. Goodwin, "The Information Ratio", Financial Analysts Journal 54, 1998.
    """
    return information(compare(r, benchmark), check_periods(periods_per_year))


def probabilistic_sharpe(
    r: ArrayLike,
    benchmark_sharpe: float = 0.0,
    *,
    periods_per_year: float | None = None,
    risk_free: float = 0.0,
) -> float:
    """Return the probability that the true Sharpe ratio exceeds `benchmark_sharpe`, both per bar.

    The estimate is mean(r − r_f) / sd(r) per bar; see `probabilistic_sharpe_of` for the equation. `periods_per_year` is
    needed where `risk_free` is not 0.
    """
    spread = _spread(r)
    estimate = sharpe_per_bar(spread, _per_bar(risk_free, periods_per_year))
    return probabilistic_sharpe_of(estimate, spread.n, spread.skew, spread.kurtosis, benchmark_sharpe)


def probabilistic_sharpe_of(
    sharpe: float, n: int, skew: float, kurtosis: float, benchmark_sharpe: float = 0.0
) -> float:
    """Return Φ((SR − SR*)·√(n − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4·SR²)); NaN for n < 2 or a variance that is not positive.

    Parameters
    ----------
    sharpe, benchmark_sharpe : float
        SR, the estimate, and SR*, per bar.
    n : int
        Returns behind the estimate.
    skew, kurtosis : float
        γ₃ and Pearson's γ₄ of the returns.

    Notes
    -----
    D. H. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15, 2012, equation 11.
    """
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if n < 2 or not variance > 0.0:
        return NAN
    z = (sharpe - benchmark_sharpe) * math.sqrt(n - 1) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


# Formulas that `summary` shares with the functions above.


class Comparison(NamedTuple):
    """Moments of returns beside those of a benchmark; NaN where undefined."""

    mean: float = NAN
    benchmark_mean: float = NAN
    beta: float = NAN
    active_mean: float = NAN
    active_sd: float = NAN


def compare(r: ArrayLike, benchmark: ArrayLike) -> Comparison:
    """Regress returns on a benchmark, up to ruin.

    Raises
    ------
    SettingsError
        Lengths differ, or both are Series with different indexes.
    """
    ours: Any = getattr(r, "index", None)
    theirs: Any = getattr(benchmark, "index", None)
    if hasattr(ours, "equals") and hasattr(theirs, "equals") and not ours.equals(theirs):
        raise SettingsError("r and benchmark have different indexes; align them on the same bars first")
    x, b = as_returns(r), as_returns(benchmark)
    if len(x) != len(b):
        raise SettingsError(f"benchmark has {len(b)} returns and r has {len(x)}; they must be of the same bars")
    x = alive(x)
    b = b[: len(x)]
    n = len(x)
    if n < 2 or not (np.isfinite(x).all() and np.isfinite(b).all()):
        return Comparison()
    mean, benchmark_mean = float(x.mean()), float(b.mean())
    dx, db = x - mean, b - benchmark_mean
    variance = float((db * db).sum())
    slope = float((dx * db).sum()) / variance if variance > (n - 1) * NOISE**2 else NAN
    active = x - b
    active_mean = float(active.mean())
    deviation = active - active_mean
    sd = math.sqrt(float((deviation * deviation).sum()) / (n - 1))
    return Comparison(mean, benchmark_mean, slope, active_mean, sd if sd > NOISE else 0.0)


def jensen(c: Comparison, periods: float, risk_free: float) -> float:
    """Return the annualised alpha of a comparison."""
    per_bar = risk_free / periods
    return periods * (c.mean - per_bar - c.beta * (c.benchmark_mean - per_bar))


def information(c: Comparison, periods: float) -> float:
    """Return the annualised information ratio of a comparison."""
    return ratio(c.active_mean, c.active_sd) * math.sqrt(periods)


def sharpe_per_bar(spread: Spread, per_bar: float) -> float:
    """Return mean(r − per_bar) / sd(r)."""
    return ratio(spread.mean - per_bar, spread.sd)


def tails(spread: Spread) -> float:
    """Return the tail ratio of a spread at level 0.05."""
    return ratio(spread.high, abs(spread.low))


def growth_rate(growth: float, years: float) -> float:
    """Return growth^(1/years) − 1; NaN for a negative growth or no time, inf beyond float64."""
    if not (growth >= 0.0 and years > 0.0):
        return NAN
    try:
        return float(growth) ** (1.0 / years) - 1.0
    except OverflowError:
        return math.inf


def ratio(numerator: float, denominator: float) -> float:
    """Return numerator / denominator, NaN for a denominator of 0."""
    return numerator / denominator if denominator != 0.0 else NAN


def defined(value: float) -> float:
    """Return a finite value, or NaN."""
    return value if math.isfinite(value) else NAN


def as_returns(r: ArrayLike) -> np.ndarray:
    """Return `r` as float64 [n].

    Raises
    ------
    SettingsError
        It has another number of dimensions.
    """
    values = np.asarray(r, dtype=np.float64)
    if values.ndim != 1:
        raise SettingsError(f"returns have shape {values.shape}; pass one series, float64 [n]")
    return values


def alive(r: ArrayLike) -> np.ndarray:
    """Return the returns up to and including the first of −1 or less."""
    values = as_returns(r)
    ruin = values <= -1.0
    return values[: int(ruin.argmax()) + 1] if ruin.any() else values


def check_periods(periods_per_year: Any) -> float:
    """Return P as a float.

    Raises
    ------
    SettingsError
        It is not a positive finite number.
    """
    if not (isinstance(periods_per_year, (int, float, np.number)) and 0.0 < periods_per_year < math.inf):
        raise SettingsError(f"periods_per_year is {periods_per_year!r}; it must be a number above 0, such as 252")
    return float(periods_per_year)


def _per_bar(risk_free: float, periods_per_year: float | None) -> float:
    return risk_free / check_periods(periods_per_year) if risk_free != 0.0 else 0.0


def _spread(r: ArrayLike, threshold: float = 0.0, level: float = 0.05) -> Spread:
    if not 0.0 < level < 1.0:
        raise SettingsError(f"level is {level!r}; it must be a fraction between 0 and 1, such as 0.05")
    return scan_returns(alive(r), is_equity=False, threshold=threshold, level=level)


def _wealth(r: ArrayLike) -> Wealth:
    values = as_returns(r)
    wealth = np.ones(len(values) + 1)
    grown = np.cumprod(1.0 + alive(values))
    wealth[1 : len(grown) + 1] = grown
    wealth[len(grown) + 1 :] = grown[-1] if len(grown) else NAN
    return scan_wealth(wealth)
