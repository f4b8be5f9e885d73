"""What a result is compared with: the equity of a benchmark on the same bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from backtester.bars import Bars

BUY_AND_HOLD = "buy_and_hold"


def benchmark_equity(benchmark: Any, bars: Bars, cash: float) -> np.ndarray:
    """Return the equity of a benchmark that starts with the same cash.

    Parameters
    ----------
    benchmark : str, Bars, Series or array
        "buy_and_hold": equal parts of every asset at its first close; a symbol of `bars`; Bars of one asset, whose last
        close not later than each bar counts; a Series of prices with a DatetimeIndex, likewise; or prices, one per bar.
    bars : Bars
    cash : float

    Returns
    -------
    ndarray, float64 [n_bars]
        Without costs, scaled to `cash` at the first price.

    Raises
    ------
    SettingsError
        Where it names no asset, has another length, or begins after the bars.
    """
    if isinstance(benchmark, str):
        if benchmark == BUY_AND_HOLD:
            return buy_and_hold(bars, cash)
        if benchmark not in bars.symbols:
            names = (BUY_AND_HOLD, *bars.symbols)
            raise SettingsError(f"run: benchmark {benchmark!r} is no symbol{did_you_mean(benchmark, names)}")
        prices = worth_of_one(bars, bars.symbols.index(benchmark))
    elif hasattr(benchmark, "timestamps"):
        if benchmark.n_assets != 1:
            raise SettingsError(f"run: benchmark Bars must hold one asset, found {benchmark.n_assets}")
        prices = _as_of(benchmark.timestamps, worth_of_one(benchmark, 0), bars.timestamps)
    elif hasattr(benchmark, "index") and hasattr(benchmark.index, "asi8"):
        index = benchmark.index.as_unit("ns")
        index = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
        prices = _as_of(index.asi8, np.asarray(benchmark, np.float64), bars.timestamps)
    else:
        prices = np.asarray(benchmark, np.float64)
    if prices.shape != (bars.n_bars,):
        wanted = (bars.n_bars,)
        raise SettingsError(f"run: benchmark has shape {prices.shape}; it must have one price per bar, {wanted}")
    prices = _filled(prices)
    known = np.isfinite(prices)
    if not known.any() or np.any(prices[known] <= 0.0):
        raise SettingsError("run: benchmark prices must be finite and above 0, and begin not later than the bars end")
    first = int(np.argmax(known))
    equity = cash * prices / prices[first]
    equity[:first] = cash
    return equity


def buy_and_hold(bars: Bars, cash: float) -> np.ndarray:
    """Return the equity of equal parts of every asset, bought at its first close and held, without costs.

    Dividends are kept as cash; exchange rates are not counted.
    """
    total = np.zeros(bars.n_bars)
    part = cash / bars.n_assets
    for a in range(bars.n_assets):
        prices = worth_of_one(bars, a)
        known = np.isfinite(prices)
        first = int(np.argmax(known)) if known.any() else bars.n_bars - 1
        worth = np.full(bars.n_bars, part)
        if known.any():
            worth[first:] = part * prices[first:] / prices[first]
        total += worth
    return total


def worth_of_one(bars: Bars, a: int) -> np.ndarray:
    """Return what one unit of an asset, held from its first close on, has become at each close, float64 [n_bars].

    Splits multiply the units, dividends add up as cash, and a delisting pays what the bars declare; without any it is
    the close, the last one where a bar is missing. NaN before the first close; money of the asset's currency.
    """
    close = bars.close[:, a]
    events = {name: bars.extras[name][:, a] for name in ("split", "dividend", "delisting") if name in bars.extras}
    known = np.isfinite(close)
    if not events or not known.any():
        return _filled(close)
    first = int(np.argmax(known))
    after = np.arange(bars.n_bars) > first
    nothing = np.full(bars.n_bars, np.nan)
    split, dividend, delisting = (events.get(name, nothing) for name in ("split", "dividend", "delisting"))
    units = np.cumprod(np.where(after & (split > 0.0), split, 1.0))
    worth = _filled(close * units)
    ended = np.flatnonzero(after & ~np.isnan(delisting))
    if len(ended):
        worth[ended[0] :] = units[ended[0]] * delisting[ended[0]]
        after[ended[0] + 1 :] = False
    return worth + np.cumsum(np.where(after & (dividend > 0.0), units * dividend, 0.0))


def _filled(prices: np.ndarray) -> np.ndarray:
    """Carry the last price over missing bars."""
    known = np.isfinite(prices)
    if known.all():
        return prices
    at = np.maximum.accumulate(np.where(known, np.arange(len(prices)), -1))
    return np.where(at >= 0, prices[at], np.nan)


def _as_of(times: np.ndarray, prices: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Return the last price whose time is not later than each moment of the clock."""
    at = np.searchsorted(times, clock, side="right") - 1
    return np.where(at >= 0, prices[at], np.nan)
