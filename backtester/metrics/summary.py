"""All metrics of a run in one ordered dict: two passes over equity, and sums over the trade and fill tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError, did_you_mean
from backtester.metrics import ratios
from backtester.metrics._scan import NAN, Spread, Wealth, scan_returns, scan_wealth, simple_returns
from backtester.metrics._totals import bars_held, borrowed, closed_totals, fill_sums
from backtester.metrics.flows import money_weighted_return, rate_without_flows, wealth_index

YEAR_NS = 365.25 * 86_400e9
_TRADES = (
    *("n_trades", "win_rate", "profit_factor", "expectancy", "average_trade_return", "best_trade", "worst_trade"),
    "average_bars_held",
)
COSTS = ("commission", "spread", "slippage", "impact", "rounding", "borrow")


def bars_per_year(timestamps: np.ndarray) -> float:
    """Return P = (n − 1) / years, years = (last − first) / 365.25 days; NaN below two bars.

    Parameters
    ----------
    timestamps : int64 [n]
        ns UTC, increasing.
    """
    if len(timestamps) < 2:
        return NAN
    span = float(timestamps[-1] - timestamps[0])
    return (len(timestamps) - 1) * YEAR_NS / span if span > 0.0 else NAN


def summary(
    equity: np.ndarray,
    timestamps: np.ndarray,
    *,
    periods_per_year: float | None = None,
    risk_free: float = 0.0,
    benchmark: ArrayLike | None = None,
    deposits: np.ndarray | None = None,
    trades: np.ndarray | None = None,
    costs: Mapping[str, float] | None = None,
    traded_value: float | None = None,
    exposure_time: float | None = None,
    n_orders: int | None = None,
    n_fills: int | None = None,
    ambiguous_bars: int | None = None,
) -> dict[str, float]:
    """Return every metric of a run, in reading order: fractions, never percents; NaN where undefined or not given.

    Parameters
    ----------
    equity : float64 [n]
        Equity at the end of each bar, in money.
    timestamps : int64 [n]
        ns UTC, increasing.
    periods_per_year : float, optional
        P; `bars_per_year(timestamps)` where not given. years = (n − 1) / P.
    risk_free : float
        Annual.
    benchmark : float64 [n], optional
        Equity of a benchmark on the same bars.
    deposits : float64 [n], optional
        Deposits less withdrawals at the start of each bar, money. They are no returns: every metric of returns is of
        E_t/(E_{t−1} + D_t) − 1.
    trades : structured array, dtype `backtester.trades.TRADE`, optional
        Open ones are left out of the trade statistics, and count in `exposure_time`.
    costs : mapping, optional
        Money per kind: commission, spread, slippage, impact, rounding, borrow. See `fill_totals`.
    traded_value : float, optional
        Σ abs(quantity)·multiplier·price over all fills. `turnover` = traded_value / mean(equity) / years.
    exposure_time : float, optional
        Fraction of bars that end with a position; from `trades` where not given.
    n_orders, n_fills, ambiguous_bars : int, optional

    Returns
    -------
    dict of str to float
        The functions of `backtester.metrics` by name, of the returns of `equity` up to and including the bar of ruin
        (the first with equity ≤ 0; after it total_return and cagr are −1); `final_equity`; `money_weighted_return`,
        the annual rate at which starting equity and deposits become it; the trade statistics; costs,
        with `total_costs` their sum; counts. All but counts and trade statistics is NaN if equity is anywhere not
        finite, or does not start above 0.

    Raises
    ------
    SettingsError
        Lengths differ, or a setting is out of range.
    """
    equity = np.asarray(equity, dtype=np.float64)
    if equity.ndim != 1 or len(equity) != len(timestamps):
        raise SettingsError(
            f"equity has shape {equity.shape}; it must be [n], one value for each of {len(timestamps)} bars"
        )
    n = len(equity)
    periods = bars_per_year(timestamps) if periods_per_year is None else ratios.check_periods(periods_per_year)
    years = ratios.ratio(n - 1, periods)
    if trades is not None and exposure_time is None:
        exposure_time = exposure_time_of(trades, n)
    found, mean_equity = _with_flows(equity, deposits, timestamps, (periods, years, risk_free, benchmark))
    turnover = ratios.ratio(ratios.ratio(_or_nan(traded_value), mean_equity), years)
    counts = (_or_nan(n_orders), _or_nan(n_fills), _or_nan(ambiguous_bars))
    return in_order(found, trade_statistics(trades), _or_nan(exposure_time), turnover, _cost_rows(costs), counts)


def in_order(
    performance: dict[str, float],
    trades: dict[str, float],
    exposure_time: float,
    turnover: float,
    costs: dict[str, float],
    counts: tuple[float, float, float],
) -> dict[str, float]:
    """Return the rows of a summary in reading order; `counts` are orders, fills and ambiguous bars."""
    found = performance | trades
    found["exposure_time"], found["turnover"] = exposure_time, turnover
    found |= costs
    found["n_orders"], found["n_fills"], found["ambiguous_bars"] = counts
    return found


def _with_flows(
    equity: np.ndarray, deposits: np.ndarray | None, timestamps: np.ndarray, terms: tuple[Any, ...]
) -> tuple[dict[str, float], float]:
    """Return the metrics of equity without what was paid in and out, the money-weighted rate, and mean equity."""
    if deposits is None or not len(equity):
        found, mean = _performance(equity, *terms)
        first, last = (float(equity[0]), float(equity[-1])) if len(equity) else (NAN, NAN)
        found["money_weighted_return"] = rate_of(found["total_return"], first, last, timestamps)
        return found, mean
    flows = np.asarray(deposits, dtype=np.float64)
    if flows.shape != equity.shape:
        raise SettingsError(f"deposits has shape {flows.shape}, equity {equity.shape}; they must be of the same bars")
    found, _ = _performance(wealth_index(equity, flows), *terms)
    found["final_equity"] = float(equity[-1])
    return found | {"money_weighted_return": money_weighted_return(equity, flows, timestamps)}, float(equity.mean())


def rate_of(total_return: float, first: float, last: float, timestamps: np.ndarray) -> float:
    """Return the money-weighted rate where nothing came or went: from the first and the last equity, money."""
    if total_return != total_return:
        return NAN
    span = float(timestamps[-1] - timestamps[0]) / YEAR_NS
    if total_return > -1.0 and span > 0.0:  # something is left
        return rate_without_flows(first, last, span)
    return money_weighted_return(np.array([first, last]), np.zeros(2), np.asarray(timestamps)[[0, -1]])


def _performance(
    equity: np.ndarray, periods: float, years: float, risk_free: float, benchmark: ArrayLike | None
) -> tuple[dict[str, float], float]:
    """Return the metrics of an equity curve, and its mean."""
    n = len(equity)
    wealth = scan_wealth(equity) if n else Wealth(NAN, NAN, NAN, 0, False)
    living = equity[: wealth.alive] if wealth.valid and n > 1 else equity[:0]
    measured = len(living) > 1 and periods == periods
    spread = scan_returns(living, is_equity=True, threshold=risk_free / periods) if measured else Spread(0)
    ends = (float(equity[0]), float(equity[-1])) if n else (NAN, NAN)
    comparison = None if benchmark is None else compare_curves(equity, len(living), benchmark)
    return performance_of(ends, wealth, spread, comparison, (periods, years, risk_free)), wealth.mean


def performance_of(
    ends: tuple[float, float],
    wealth: Wealth,
    spread: Spread,
    comparison: ratios.Comparison | None,
    terms: tuple[float, float, float],
) -> dict[str, float]:
    """Return the metrics of an equity curve from what the passes over it find.

    Parameters
    ----------
    ends : (float, float)
        First and last equity, money.
    wealth : Wealth
        Of the whole curve.
    spread : Spread
        Of the returns up to ruin, against a threshold of `risk_free` / P.
    comparison : Comparison, optional
        With a benchmark.
    terms : (float, float, float)
        P, years, `risk_free`.
    """
    periods, years, risk_free = terms
    per_bar = risk_free / periods
    growth = ends[1] / ends[0] if wealth.valid and wealth.alive > 1 else NAN
    compound = ratios.growth_rate(growth, years)
    deepest, longest = wealth.max_drawdown, wealth.max_drawdown_duration
    per_bar_sharpe = ratios.sharpe_per_bar(spread, per_bar)
    scale = math.sqrt(periods)
    comparison = comparison or ratios.Comparison()
    return {
        "final_equity": ends[1],
        "total_return": growth - 1.0,
        "cagr": compound,
        "annual_return": periods * spread.mean,
        "annual_volatility": spread.sd * scale,
        "sharpe": per_bar_sharpe * scale,
        "sortino": ratios.ratio(spread.mean - per_bar, spread.downside) * scale,
        "calmar": ratios.ratio(compound, deepest),
        "max_drawdown": deepest,
        "max_drawdown_duration": longest,
        "omega": ratios.ratio(spread.gain, spread.loss),
        "value_at_risk": -spread.low,
        "conditional_value_at_risk": -spread.low_mean,
        "tail_ratio": ratios.tails(spread),
        "skew": spread.skew,
        "kurtosis": spread.kurtosis,
        "probabilistic_sharpe": ratios.probabilistic_sharpe_of(per_bar_sharpe, spread.n, spread.skew, spread.kurtosis),
        "alpha": ratios.jensen(comparison, periods, risk_free),
        "beta": comparison.beta,
        "information_ratio": ratios.information(comparison, periods),
    }


def compare_curves(equity: np.ndarray, alive: int, benchmark: ArrayLike) -> ratios.Comparison:
    """Compare an equity curve with that of a benchmark in its first `alive` bars.

    Raises
    ------
    SettingsError
        Their shapes differ.
    """
    other = np.asarray(benchmark, dtype=np.float64)
    if other.shape != equity.shape:
        raise SettingsError(
            f"benchmark has shape {other.shape} and equity {equity.shape}; they must be of the same bars"
        )
    return ratios.compare(simple_returns(equity[:alive]), simple_returns(other[:alive]))


def trade_statistics(trades: np.ndarray | None) -> dict[str, float]:
    """Return the statistics of the closed trades of a `TRADE` table, or of none (all NaN).

    `n_trades`; `win_rate`, the fraction with pnl > 0; `profit_factor` = Σ gains / Σ losses, NaN without a loss;
    `expectancy` = mean pnl, money; `average_trade_return`, `best_trade`, `worst_trade` of `return_frac`;
    `average_bars_held`.
    """
    if trades is None:
        return dict.fromkeys(_TRADES, NAN)
    return statistics_of(closed_totals(trades))


def statistics_of(closed: Sequence[float]) -> dict[str, float]:
    """Return the statistics of closed trades from what `closed_totals` finds."""
    n, wins, gains, losses, pnl, fraction, best, worst, bars = closed
    if n == 0:
        return {**dict.fromkeys(_TRADES, NAN), "n_trades": 0.0}
    return {
        "n_trades": float(n),
        "win_rate": wins / n,
        "profit_factor": ratios.ratio(gains, -losses),
        "expectancy": pnl / n,
        "average_trade_return": fraction / n,
        "best_trade": best,
        "worst_trade": worst,
        "average_bars_held": bars / n,
    }


def exposure_time_of(trades: np.ndarray, n_bars: int) -> float:
    """Return the fraction of bars at whose end a position is held: the union of [entry_bar, exit_bar) over all trades.

    Parameters
    ----------
    trades : structured array, dtype `backtester.trades.TRADE`
        Open ones count to the last bar.
    n_bars : int

    Returns
    -------
    float
        In [0, 1]; NaN when there is no bar.
    """
    if n_bars <= 0:
        return float("nan")
    return bars_held(trades, n_bars) / n_bars


def fill_totals(fills: np.ndarray, cash_flows: np.ndarray, multiplier: np.ndarray) -> dict[str, Any]:
    """Return `costs`, `traded_value` and `n_fills` for `summary`, summed over a run's fills and cash flows.

    Parameters
    ----------
    fills : structured array, dtype `backtester.kernel.tables.FILL`
    cash_flows : structured array, dtype `backtester.kernel.tables.CASH_FLOW`
    multiplier : float64 [n_assets]
    """
    scale = np.ascontiguousarray(multiplier, dtype=np.float64)
    *spent, value = fill_sums(fills, scale)
    costs = dict(zip(COSTS[:-1], spent, strict=True))
    return {"costs": costs | {"borrow": borrowed(cash_flows)}, "traded_value": value, "n_fills": len(fills)}


def _cost_rows(costs: Mapping[str, float] | None) -> dict[str, float]:
    given = dict(costs or {})
    unknown = [name for name in given if name not in COSTS]
    if unknown:
        raise SettingsError(
            f"costs has {unknown[0]!r}{did_you_mean(unknown[0], COSTS)}; it may have {', '.join(COSTS)}"
        )
    return costs_of([float(given.get(name, NAN)) for name in COSTS])


def costs_of(amounts: Sequence[float]) -> dict[str, float]:
    """Return the rows of costs; `amounts` are in the order of `COSTS`."""
    return {"total_costs": sum(amounts), **dict(zip(COSTS, amounts, strict=True))}


def _or_nan(value: float | None) -> float:
    return NAN if value is None else float(value)
