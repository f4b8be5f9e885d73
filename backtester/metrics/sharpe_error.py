"""How far to believe one Sharpe ratio: after so many bars, with such tails, as the best of so many trials.

Sharpe ratios are per bar, mean(r − r_f)/sd(r) with n − 1 in the denominator; `annual / √P` turns an annual one into
that. `kurtosis` is Pearson's, 3 for normal returns. NaN goes in and comes out, as it does where a variance is not
positive; an argument that cannot be is a `SettingsError`. `sharpe_estimate` measures returns, and its result can be
unpacked: `deflated_sharpe(*sharpe_estimate(r), trials=…, sharpe_variance=…)`.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.metrics import arguments as check
from backtester.metrics._scan import scan_returns, scan_wealth
from backtester.metrics.ratios import alive, probabilistic_sharpe_of, sharpe_per_bar

EULER_MASCHERONI = 0.5772156649015329  # γ
_NORMAL = NormalDist()


class SharpeEstimate(NamedTuple):
    """A Sharpe ratio with what its error depends on, in the order the functions here take them.

    Attributes
    ----------
    sharpe : float
        Per bar.
    n : int
        Returns behind it.
    skew, kurtosis : float
        γ₃ and Pearson's γ₄ of the returns.
    """

    sharpe: float
    n: int
    skew: float
    kurtosis: float


def sharpe_estimate(returns: ArrayLike, risk_free_per_bar: float = 0.0) -> SharpeEstimate:
    """Measure the Sharpe ratio per bar of simple returns, and their moments.

    Parameters
    ----------
    returns : array_like, float64 [n]
        Simple returns per bar; they end with ruin, as those of `backtester.metrics` do.
    risk_free_per_bar : float
        Taken off each return.

    Returns
    -------
    SharpeEstimate
        NaN for constant returns.

    Raises
    ------
    SettingsError
        A return up to ruin is NaN or infinite.
    """
    spread = scan_returns(check.series(alive(returns), "returns", 0), is_equity=False)
    return SharpeEstimate(sharpe_per_bar(spread, risk_free_per_bar), spread.n, spread.skew, spread.kurtosis)


def sharpe_of_wealth(wealth: ArrayLike, risk_free_per_bar: float = 0.0) -> SharpeEstimate:
    """Measure the Sharpe ratio per bar of a curve of wealth, up to the bar of ruin, and the moments of its returns.

    Parameters
    ----------
    wealth : array_like, float64 [n]
        Money at the end of each bar, without what was paid in and out.
    risk_free_per_bar : float
        Taken off each return.

    Returns
    -------
    SharpeEstimate
        To the bit what `summary` has; NaN for fewer than two bars, and where a value is not finite.
    """
    curve = np.asarray(wealth, dtype=np.float64)
    if len(curve) < 2:
        return SharpeEstimate(math.nan, 0, math.nan, math.nan)
    scanned = scan_wealth(curve)
    if not scanned.valid:
        return SharpeEstimate(math.nan, len(curve) - 1, math.nan, math.nan)
    spread = scan_returns(curve[: scanned.alive], is_equity=True)
    return SharpeEstimate(sharpe_per_bar(spread, risk_free_per_bar), spread.n, spread.skew, spread.kurtosis)


def sharpe_interval(sharpe: float, n: int, skew: float, kurtosis: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the true Sharpe ratio lies with probability `level`, by its normal approximation.

    SR ± z·√((1 − γ₃·SR + (γ₄ − 1)/4·SR²)/(n − 1)).

    Parameters
    ----------
    sharpe : float
        SR, per bar.
    n : int
        Returns behind it.
    skew, kurtosis : float
        γ₃ and Pearson's γ₄ of the returns.
    level : float
        Above 0 and below 1.

    Returns
    -------
    low, high : float
        Per bar; NaN where an argument is, for fewer than two returns, and where the variance is not positive.

    Raises
    ------
    SettingsError
        An argument is out of range.

    Notes
    -----
    E. Mertens, "Comments on variance of the IID estimator in Lo (2002)", 2002; A. W. Lo, "The Statistics of Sharpe
    Ratios", Financial Analysts Journal 58 (4), 2002, for normal returns.
    """
    z = _NORMAL.inv_cdf(0.5 + check.fraction(level, "level") / 2.0)
    estimate = check.number(sharpe, "sharpe")
    fourth = check.number(kurtosis, "kurtosis", low=1.0)
    variance = 1.0 - check.number(skew, "skew") * estimate + (fourth - 1.0) / 4.0 * estimate * estimate
    if n < 2 or not variance > 0.0:
        return math.nan, math.nan
    half = z * math.sqrt(variance / (n - 1))
    return estimate - half, estimate + half


def probabilistic_sharpe(sharpe: float, n: int, skew: float, kurtosis: float, benchmark_sharpe: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark's.

    PSR(SR*) = Φ((SR − SR*)·√(n − 1)/√(1 − γ₃·SR + (γ₄ − 1)/4·SR²)).

    Parameters
    ----------
    sharpe : float
        SR, the estimate, per bar.
    n : int
        Returns behind it, 1 or more; NaN for one.
    skew, kurtosis : float
        γ₃ and Pearson's γ₄ of the returns.
    benchmark_sharpe : float
        SR*, per bar.

    Returns
    -------
    float
        0 to 1; NaN where an argument is, or the variance is not positive.

    Raises
    ------
    SettingsError
        n is below 1 or no whole number; kurtosis is below 1, which no returns have.

    Notes
    -----
    D. H. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2), 2012, equation
    11. Their 24 monthly returns with SR 0.458, skew −2.448 and kurtosis 10.164 have PSR(0) = 0.913.
    """
    return probabilistic_sharpe_of(
        check.number(sharpe, "sharpe"),
        check.at_least(n, "n", 1),
        check.number(skew, "skew"),
        check.number(kurtosis, "kurtosis", low=1.0),
        check.number(benchmark_sharpe, "benchmark_sharpe"),
    )


def expected_max_sharpe(trials: float, sharpe_variance: float = 1.0) -> float:
    """Return what the best Sharpe ratio of N independent trials is expected to be, if none has any skill.

    √V·[(1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e))], γ the Euler–Mascheroni constant; 0 for one trial.

    Parameters
    ----------
    trials : float
        N, 1 or more; an effective number need not be whole. Below 2 the approximation can fall under 0, the expected
        maximum of one trial, and is then 0.
    sharpe_variance : float
        V, the variance of the trials' Sharpe ratios; the result has the unit of its root.

    Raises
    ------
    SettingsError
        trials is below 1, or sharpe_variance below 0.

    Notes
    -----
    D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40 (5), 2014,
    equation 1 and appendix A.1. For N = 10 and V = 1 it is 1.57 (D. H. Bailey, J. M. Borwein, M. López de Prado and
    Q. J. Zhu, "Pseudo-Mathematics and Financial Charlatanism", Notices of the AMS 61 (5), 2014, equation 4).
    """
    n = check.number(trials, "trials", low=1.0)
    variance = check.number(sharpe_variance, "sharpe_variance", low=0.0)
    if math.isnan(n) or math.isnan(variance):
        return math.nan
    if n == 1.0 or math.isinf(n):
        return 0.0 if n == 1.0 else math.inf
    # Φ⁻¹(1 − x) = −Φ⁻¹(x), without the digits that 1 − x loses
    maximum = (EULER_MASCHERONI - 1.0) * _NORMAL.inv_cdf(1.0 / n)
    maximum -= EULER_MASCHERONI * _NORMAL.inv_cdf(1.0 / (n * math.e))
    return math.sqrt(variance) * max(maximum, 0.0)


def deflated_sharpe(
    sharpe: float,
    n: int,
    skew: float,
    kurtosis: float,
    *,
    trials: float,
    sharpe_variance: float,
    effective_trials: float | None = None,
) -> float:
    """Return the probability that the true Sharpe ratio is above 0, for the best of so many trials.

    DSR = PSR(SR₀), SR₀ = `expected_max_sharpe(trials, sharpe_variance)`.

    Parameters
    ----------
    sharpe : float
        The chosen strategy's, per bar.
    n : int
        Returns behind it.
    skew, kurtosis : float
        γ₃ and Pearson's γ₄ of its returns.
    trials : float
        N, every configuration that was tried, 1 or more.
    sharpe_variance : float
        V, the variance of their Sharpe ratios per bar (an annual variance over P); not used for one trial.
    effective_trials : float, optional
        Independent ones among them, 1 to `trials`, as from `effective_trials`; N where not given.

    Returns
    -------
    float
        0 to 1; NaN where an argument is, or the variance of the estimate is not positive.

    Raises
    ------
    SettingsError
        An argument is out of range; effective_trials is above trials.

    Notes
    -----
    D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting,
    and Non-Normality", Journal of Portfolio Management 40 (5), 2014, equation 2. Their example: N = 100, V = 1/2 a
    year, five years of 250 days, an annual Sharpe ratio of 2.5, skew −3, kurtosis 10: SR₀ = 0.1132, DSR = 0.9004.
    """
    independent = check.number(trials, "trials", low=1.0)
    if effective_trials is not None:
        given = check.number(effective_trials, "effective_trials", low=1.0)
        if given > independent:
            raise SettingsError(
                f"effective_trials is {given:g} and trials {independent:g}; there are no more independent trials than "
                "trials"
            )
        independent = given
    variance = check.number(sharpe_variance, "sharpe_variance", low=0.0)
    threshold = 0.0 if independent == 1.0 else expected_max_sharpe(independent, variance)
    if math.isinf(threshold):
        raise SettingsError(f"trials is {trials} and sharpe_variance {sharpe_variance}; both must be finite")
    return probabilistic_sharpe(sharpe, n, skew, kurtosis, threshold)


def min_track_record_length(
    sharpe: float, skew: float, kurtosis: float, benchmark_sharpe: float = 0.0, level: float = 0.95
) -> float:
    """Return how many bars it takes until a Sharpe ratio is above a benchmark's with probability `level`.

    1 + (1 − γ₃·SR + (γ₄ − 1)/4·SR²)·(z/(SR − SR*))², z = Φ⁻¹(level): the n at which PSR(SR*) is `level`.

    Parameters
    ----------
    sharpe, benchmark_sharpe : float
        SR and SR*, per bar.
    skew, kurtosis : float
        γ₃ and Pearson's γ₄ of the returns.
    level : float
        At least 0.5.

    Returns
    -------
    float
        Bars, not rounded; inf where SR is not above SR*, as no length is enough; NaN where an argument is NaN, or the
        variance is not positive.

    Raises
    ------
    SettingsError
        An argument is out of range.

    Notes
    -----
    D. H. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2), 2012, equation
    13. An annual 2 against 1 at 0.95 needs 2.73 years of normal daily returns, 3.24 of monthly ones, and 4.99 where
    those have skew −0.72 and kurtosis 5.78.
    """
    estimate = check.number(sharpe, "sharpe")
    against = check.number(benchmark_sharpe, "benchmark_sharpe")
    fourth = check.number(kurtosis, "kurtosis", low=1.0)
    z = _NORMAL.inv_cdf(_level(level))
    variance = 1.0 - check.number(skew, "skew") * estimate + (fourth - 1.0) / 4.0 * estimate * estimate
    if math.isnan(against) or not variance > 0.0:
        return math.nan
    if estimate <= against:
        return math.inf
    return 1.0 + variance * (z / (estimate - against)) ** 2


def min_backtest_length(trials: float, expected_max: float) -> float:
    """Return how long a backtest must be, so that the best of N skill-less trials is expected to show no more.

    ((1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e)))²/E², with E = `expected_max`: below 2·ln(N)/E². A shorter backtest
    that shows a Sharpe ratio of E shows what selection alone would.

    Parameters
    ----------
    trials : float
        N, independent ones, 1 or more.
    expected_max : float
        E, a Sharpe ratio above 0: per bar, and the result is in bars; annual, and it is in years.

    Returns
    -------
    float
        Not rounded; 0 for one trial; NaN where an argument is NaN.

    Raises
    ------
    SettingsError
        trials is below 1, or expected_max not above 0.

    Notes
    -----
    D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, "Pseudo-Mathematics and Financial Charlatanism: The
    Effects of Backtest Overfitting on Out-of-Sample Performance", Notices of the AMS 61 (5), 2014, equation 6. With
    five years of data no more than 45 independent trials, or an annual Sharpe ratio of 1 is to be expected.
    """
    most = check.number(expected_max, "expected_max", low=0.0, closed=False)
    return (expected_max_sharpe(trials) / most) ** 2


def _level(level: float) -> float:
    found = check.fraction(level, "level")
    if found < 0.5:
        raise SettingsError(f"level is {level}; it must be 0.5 at least, such as 0.95")
    return found


def variance_of_sharpes(sharpes: ArrayLike) -> float:
    """Return the variance of the Sharpe ratios of trials, n − 1 in the denominator; NaN for fewer than two.

    Parameters
    ----------
    sharpes : array_like, float64 [trials]
        Per bar. NaN, of trials whose returns are constant, are left out.
    """
    values = np.asarray(sharpes, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    return float(values.var(ddof=1)) if len(values) > 1 else math.nan
