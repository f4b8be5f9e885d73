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
        Splits, dividends and delistings that bars declare count as their holder has them.
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
    worthless = False
    if isinstance(benchmark, str):
        if benchmark == BUY_AND_HOLD:
            return buy_and_hold(bars, cash)
        if benchmark not in bars.symbols:
            names = (BUY_AND_HOLD, *bars.symbols)
            raise SettingsError(f"run: benchmark {benchmark!r} is no symbol{did_you_mean(benchmark, names)}")
        asset = bars.symbols.index(benchmark)
        prices, worthless = held_prices(bars)[:, asset], _ends_worthless(bars, asset)
    elif hasattr(benchmark, "timestamps"):
        if benchmark.n_assets != 1:
            raise SettingsError(f"run: benchmark Bars must hold one asset, found {benchmark.n_assets}")
        prices = _as_of(benchmark.timestamps, held_prices(benchmark)[:, 0], bars.timestamps)
        worthless = _ends_worthless(benchmark, 0)
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
    first = int(np.argmax(known))
    wrong = prices[known] < 0.0 if worthless else prices[known] <= 0.0
    if not known.any() or wrong.any() or prices[first] <= 0.0:
        raise SettingsError("run: benchmark prices must be finite and above 0, and begin not later than the bars end")
    equity = cash * prices / prices[first]
    equity[:first] = cash
    return equity


def benchmark_rows(benchmark: Any, first: int, last: int) -> Any:
    """Return a benchmark for the bars from `first` to before `last`; one with times of its own stays as it is.

    Raises
    ------
    SettingsError
        It is prices, one per bar, and they end before.
    """
    timed = hasattr(benchmark, "timestamps") or (hasattr(benchmark, "index") and hasattr(benchmark.index, "asi8"))
    if benchmark is None or isinstance(benchmark, str) or timed:
        return benchmark
    prices = np.asarray(benchmark, np.float64)
    if prices.ndim != 1 or len(prices) < last:
        raise SettingsError(f"run: benchmark has shape {prices.shape}; it must have one price per bar of the data")
    return prices[first:last]


def held_prices(bars: Bars) -> np.ndarray:
    """Return what a holder has of each asset, in its first price, [n_bars, n_assets]; NaN in gaps.

    Splits and dividends that the bars declare are put back in; from a delisting on it is what was paid out. Of an asset
    that has no bar before its delisting nobody holds anything: NaN.
    """
    events = any(name in bars.extras for name in ("split", "dividend"))
    prices = bars.adjusted_close if events else bars.close
    if "delisting" not in bars.extras:
        return prices
    prices = prices.copy()
    for row, asset in np.argwhere(~np.isnan(bars["delisting"])):
        if np.isnan(bars.close[:row, asset]).all():
            continue
        units = bars.adjustment[row, asset] if events else 1.0
        prices[row:, asset] = bars["delisting"][row, asset] / units
    return prices


def buy_and_hold(bars: Bars, cash: float) -> np.ndarray:
    """Return the equity of equal parts of every asset, bought at its first close and held, without costs."""
    held = held_prices(bars)
    total = np.zeros(bars.n_bars)
    part = cash / bars.n_assets
    for a in range(bars.n_assets):
        prices = _filled(held[:, a])
        known = np.isfinite(prices)
        first = int(np.argmax(known)) if known.any() else bars.n_bars - 1
        worth = np.full(bars.n_bars, part)
        if known.any():
            worth[first:] = part * prices[first:] / prices[first]
        total += worth
    return total


def _ends_worthless(bars: Bars, asset: int) -> bool:
    """Return whether the asset is delisted at 0, which is a price of a holder's units and no fault of the data."""
    return "delisting" in bars.extras and bool((bars["delisting"][:, asset] == 0.0).any())


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
