"""The hindsight oracle: the most that market orders could have earned on a stretch of bars, all prices known.

Nobody can reach it and nothing may be above it, so it says how much of what was there an agent took, and a policy above
it is a fault of the accounts. One asset, long, flat or short.

Why three exposures are enough. Holding units and cash changes neither; what a trade does is linear in both. So from a
state on one side the best future is the largest of functions that are linear in the state: convex, and largest at an
end of what the account allows: hold, close, or go to the limit of rule 11. The states worth a look are therefore flat,
and "gone to the limit at bar s" for every s, long and short. A short drifts off the limit as prices move; it may be
held, closed, turned round, or filled up to the limit again. Everything scales with wealth, so of each state only the
largest is kept, and bars go by once, forward: n²/2 updates, exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.events import EVENTS
from backtester.costs import Account, Costs, Execution, per_asset
from backtester.errors import DataError, SettingsError
from backtester.kernel.jit import kernel_jit

if TYPE_CHECKING:
    from backtester.bars import Bars

MAX_BARS = 60_000
_YEAR_NS = 365.0 * 86_400e9
_DUST = 1e-9  # of a position: smaller fillings up are rounding, and rule 11 would reject them


@dataclass(frozen=True)
class Oracle:
    """The best path through a stretch of bars.

    Parameters
    ----------
    equity : float64 [n]
        At the close of every bar from `start` to `end`; the first is the cash.
    position : float64 [n]
        Signed units held at those closes.
    start : int
        The bar of the first close: the first decision is made there.
    """

    equity: np.ndarray
    position: np.ndarray
    start: int

    @property
    def quantities(self) -> np.ndarray:
        """Signed units traded at every bar, float64 [n]."""
        return np.diff(self.position, prepend=0.0)

    @property
    def log_growth(self) -> float:
        """The logarithm of the last equity over the first."""
        return float(np.log(self.equity[-1] / self.equity[0]))


def hindsight(
    bars: Bars,
    *,
    cash: float = 100_000.0,
    costs: Costs | None = None,
    account: Account | None = None,
    execution: Execution | None = None,
    start: int = 0,
    end: int | None = None,
    short: bool | None = None,
) -> Oracle:
    """Return the path of positions with the most equity at the close of `end`, knowing every price.

    It trades where market orders fill: at opens from `start` + 1 + `latency_bars` on (closes, from `start` +
    `latency_bars` on, under `fill_at="close"`), at P of rule 7, for the commission of rule 9, within rule 11.

    Parameters
    ----------
    bars : Bars
        One asset, no events. A bar that is missing or without volume takes no trade.
    cash : float
        Equity at the close of `start`, in money.
    costs : Costs, optional
        Exact in `commission` (a fraction), `commission_per_unit`, `spread`, `slippage`, `borrow_rate`, `cash_rate`.
    account : Account, optional
        Exact in `leverage` and `allow_short`.
    execution : Execution, optional
        Exact in `fill_at` and `latency_bars`.
    start, end : int, optional
        First and last bar; all of them by default.
    short : bool, optional
        Whether it may sell short; as the account by default.

    Returns
    -------
    Oracle
        Its equity is what the engine makes of its orders, where nothing of the following applies.

    Raises
    ------
    SettingsError
        For several assets, events, instruments, a commission that is a function, more than 60,000 bars, an empty range.
    DataError
        Where a price is not above 0.

    Notes
    -----
    It is an upper bound on every policy of market orders, to 1e-9 a trade (what rule 11 rounds). What it leaves out can
    only cost a policy: lots, ticks, `commission_per_order`, `commission_min`, impact, participation, limits of the
    account, liquidation and the end by `ruin`; and of `debit_rate` what is above `cash_rate`. Where these are in use it
    is a bound and not a path that could have been taken. Limit and stop orders can fill at better prices than opens, a
    liquidation fills at a close: the bound does not cover them.
    """
    costs, account, execution = costs or Costs(), account or Account(), execution or Execution()
    last = bars.n_bars - 1 if end is None else end
    _check(bars, costs, account, cash, start, last)
    rates = {
        name: float(per_asset("Costs", name, getattr(costs, name), bars.symbols)[0])
        for name in ("commission", "commission_per_unit", "spread", "slippage", "borrow_rate")
    }
    multiplier = float(per_asset("Account", "multiplier", account.multiplier, bars.symbols)[0])
    rows = slice(start, last + 1)
    at_close = execution.fill_at == "close"
    close = _filled(bars.close[rows, 0]) * multiplier
    prices = (close if at_close else bars.open[rows, 0] * multiplier).copy()
    untraded = np.isnan(bars.close[rows, 0]) | (bars.volume[rows, 0] == 0.0)
    untraded[: execution.latency_bars + (0 if at_close else 1)] = True
    prices[untraded] = np.nan
    if np.any(prices <= 0.0) or np.any(close <= 0.0):
        raise DataError("hindsight: a price is not above 0; the oracle is for prices that are")
    years = np.diff(bars.timestamps[rows], prepend=bars.timestamps[start]) / _YEAR_NS
    half = rates["spread"] / 2.0 + rates["slippage"]
    unit = rates["commission_per_unit"]
    buying = half + rates["commission"] * (1.0 + half)
    selling = min(half, 1.0) + rates["commission"] * max(1.0 - half, 0.0)
    carry = np.array([rates["borrow_rate"], costs.cash_rate, min(costs.cash_rate, costs.debit_rate)])
    sells = account.allow_short if short is None else short and account.allow_short
    best: Any = _best_path  # jitted
    numbers = (float(cash), buying, selling, unit, carry, float(account.leverage), bool(sells))
    position, equity = best(prices, close, years, *numbers)
    return Oracle(equity, position, start)


def _check(bars: Bars, costs: Costs, account: Account, cash: float, start: int, end: int) -> None:
    if bars.n_assets != 1:
        raise SettingsError(f"hindsight: {bars.n_assets} assets; it is for one: choose it with bars.select(symbol)")
    if not 0 <= start < end < bars.n_bars:
        raise SettingsError(f"hindsight: bars {start} to {end} of {bars.n_bars}; there must be two or more")
    if end - start >= MAX_BARS:
        raise SettingsError(f"hindsight: {end - start + 1:,} bars; at most {MAX_BARS:,}: the work is quadratic")
    if callable(costs.commission):
        raise SettingsError("hindsight: Costs.commission is a function; the oracle needs a fraction")
    if account.instruments:
        raise SettingsError("hindsight: the account has instruments; the oracle is for one asset in its own currency")
    found = [name for name in EVENTS if name in bars.extras and np.isfinite(bars.extras[name]).any()]
    if found:
        raise SettingsError(f"hindsight: the bars have {found[0]} events; adjust them first: bars.adjusted()")
    if not (np.isfinite(cash) and cash > 0.0):
        raise SettingsError(f"hindsight: cash is {cash!r}; it must be above 0")


def _filled(close: np.ndarray) -> np.ndarray:
    """Return marks: the last close there was; before the first, the first, at which nothing is held."""
    known = np.flatnonzero(~np.isnan(close))
    if len(known) == 0:
        raise DataError("hindsight: the range has no bar with a price")
    at = np.maximum(np.searchsorted(known, np.arange(len(close)), "right") - 1, 0)
    return close[known[at]]


@kernel_jit
def _best_path(prices, close, years, cash, buying, selling, unit, carry, leverage, short):
    """Return units [n] and equity [n] of the best path; a price of NaN takes no trade."""
    n = len(prices)
    flat = cash
    flat_at = 0  # the bar of the trade that made it
    units = np.zeros((2, n))  # of the state "gone to the limit at s", long and short; 0: none
    money = np.zeros((2, n))
    from_ray = np.zeros((2, n), np.bool_)  # whether it was filled up, from the same side
    from_bar = np.zeros((2, n), np.int64)
    flat_side = np.zeros(n, np.int64)  # the state that was closed to be flat
    flat_bar = np.zeros(n, np.int64)
    for k in range(n):
        if k > 0:
            flat += carry[1] * flat * years[k]
            for side in range(2):
                for s in range(k):
                    if units[side, s] != 0.0:
                        money[side, s] += _carried(money[side, s], units[side, s], close[k - 1], years[k], carry)
        p = prices[k]
        if np.isnan(p):
            continue
        buy, sell = p * buying + unit, p * selling + unit
        for side in range(2):
            for s in range(k):
                x = units[side, s]
                if x != 0.0:
                    closed = money[side, s] + x * p - abs(x) * (sell if x > 0.0 else buy)
                    if closed > flat:
                        flat = closed
                        flat_at, flat_side[k], flat_bar[k] = k, side + 1, s
        for side in range(2 if short else 1):
            cost = buy if side == 0 else sell
            sign = 1.0 if side == 0 else -1.0
            room = p + leverage * cost
            best = leverage * flat / room
            value = flat
            from_bar[side, k] = flat_at
            for s in range(k):
                x = units[side, s]
                if x != 0.0:
                    equity = money[side, s] + x * p
                    q = (leverage * equity - abs(x) * p) / room
                    if q > _DUST * abs(x) and abs(x) + q > best:
                        best, value = abs(x) + q, money[side, s] - sign * q * p - q * cost
                        from_ray[side, k], from_bar[side, k] = True, s
            if not from_ray[side, k]:
                value = flat - sign * best * p - best * cost
            units[side, k], money[side, k] = sign * best, value
    final, side_at, bar_at = flat, 0, flat_at
    for side in range(2):
        for s in range(n):
            x = units[side, s]
            if x != 0.0 and money[side, s] + x * close[n - 1] > final:
                final, side_at, bar_at = money[side, s] + x * close[n - 1], side + 1, s
    held = _traced(side_at, bar_at, units, from_ray, from_bar, flat_side, flat_bar)
    return _walked(held, prices, close, years, cash, buying, selling, unit, carry)


@kernel_jit
def _traced(side_at, bar_at, units, from_ray, from_bar, flat_side, flat_bar):
    """Return what is held from which bar on, float64 [n], from the state at the end backwards; NaN: as before."""
    held = np.full(units.shape[1], np.nan)
    while True:
        if side_at == 0:
            held[bar_at] = 0.0 if np.isnan(held[bar_at]) else held[bar_at]
            if flat_side[bar_at] == 0:
                return held
            side_at, bar_at = flat_side[bar_at], flat_bar[bar_at]
        else:
            held[bar_at] = units[side_at - 1, bar_at] if np.isnan(held[bar_at]) else held[bar_at]
            if not from_ray[side_at - 1, bar_at]:
                side_at, bar_at = 0, from_bar[side_at - 1, bar_at]
            else:
                bar_at = from_bar[side_at - 1, bar_at]


@kernel_jit
def _carried(money, units, mark, years, carry):
    """Return what carry adds to cash (rule 19)."""
    borrowed = -units * mark if units < 0.0 else 0.0
    free = money - borrowed
    return ((carry[1] if free >= 0.0 else carry[2]) * free - carry[0] * borrowed) * years


@kernel_jit
def _walked(held, prices, close, years, cash, buying, selling, unit, carry):
    """Return units and equity at every close of a path that says what is held from which bar on."""
    n = len(held)
    position, equity = np.empty(n), np.empty(n)
    money, x = cash, 0.0
    for k in range(n):
        if k > 0:
            money += _carried(money, x, close[k - 1], years[k], carry)
        if not np.isnan(held[k]) and held[k] != x:
            q = held[k] - x
            rate = buying if q > 0.0 else selling
            money -= q * prices[k] + abs(q) * (prices[k] * rate + unit)
            x = held[k]
        position[k], equity[k] = x, money + x * close[k]
    return position, equity
