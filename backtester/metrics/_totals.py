"""The jitted passes over the trade and fill tables: sums with compensation, extremes, and the time in the market."""

from __future__ import annotations

import numpy as np

from backtester.kernel.arithmetic import add_to
from backtester.kernel.codes import CashFlowKind
from backtester.kernel.jit import inner_jit, kernel_jit

_BORROW = int(CashFlowKind.BORROW)


@inner_jit
def sum_closed(trades):
    """Return of the closed trades: count, wins, Σ gains, Σ losses, Σ pnl, Σ return, best, worst, Σ bars."""
    n = wins = bars = 0
    gains = losses = pnl = fractions = 0.0
    gains_lost = losses_lost = pnl_lost = fractions_lost = 0.0
    best, worst = -np.inf, np.inf
    for i in range(len(trades)):
        row = trades[i]
        if row.open != 0:
            continue
        n += 1
        bars += row.bars
        pnl, pnl_lost = add_to(pnl, pnl_lost, row.pnl)
        if row.pnl > 0.0:
            wins += 1
            gains, gains_lost = add_to(gains, gains_lost, row.pnl)
        else:  # a NaN too: what it makes of the factor is NaN
            losses, losses_lost = add_to(losses, losses_lost, row.pnl)
        fraction = row.return_frac
        fractions, fractions_lost = add_to(fractions, fractions_lost, fraction)
        best = fraction if fraction > best or np.isnan(fraction) else best
        worst = fraction if fraction < worst or np.isnan(fraction) else worst
    gains, losses = gains + gains_lost, losses + losses_lost
    return n, wins, gains, losses, pnl + pnl_lost, fractions + fractions_lost, best, worst, bars


@inner_jit
def count_held(trades, n_bars):
    """Return in how many bars a position is held at the end, or -1 where the trades are not in the order of ends."""
    total, covered, last = 0, n_bars, n_bars
    for i in range(len(trades) - 1, -1, -1):
        row = trades[i]
        end = n_bars if row.open == 1 else row.exit_bar
        if end > last:
            return -1
        last = end
        # the latest end first: below its end, each interval finds covered what lies above the earliest entry so far
        total += max(min(end, covered) - row.entry_bar, 0)
        covered = min(covered, row.entry_bar)
    return total


@inner_jit
def write_spent(fills, multiplier, found):
    """Write Σ commission, spread, slippage, impact and rounding of fills, and Σ |quantity|·multiplier·price·fx."""
    lost = np.zeros(6)
    for k in range(6):
        found[k] = 0.0
    for i in range(len(fills)):
        row = fills[i]
        value = abs(row.quantity * row.price) * row.fx * multiplier[row.asset]
        found[0], lost[0] = add_to(found[0], lost[0], row.commission)
        found[1], lost[1] = add_to(found[1], lost[1], row.spread)
        found[2], lost[2] = add_to(found[2], lost[2], row.slippage)
        found[3], lost[3] = add_to(found[3], lost[3], row.impact)
        found[4], lost[4] = add_to(found[4], lost[4], row.rounding)
        found[5], lost[5] = add_to(found[5], lost[5], value)
    for k in range(6):
        found[k] += lost[k]


@inner_jit
def sum_borrowed(flows):
    """Return what was paid for borrowing, money."""
    total = lost = 0.0
    for i in range(len(flows)):
        if flows[i].kind == _BORROW:
            total, lost = add_to(total, lost, -flows[i].amount * flows[i].fx)
    return total + lost


@kernel_jit()
def _borrowed(flows):
    return sum_borrowed(flows)


@kernel_jit()
def _closed(trades):
    return sum_closed(trades)


@kernel_jit()
def _held(trades, n_bars):
    return count_held(trades, n_bars)


@kernel_jit()
def _spent(fills, multiplier, found):
    write_spent(fills, multiplier, found)


def _read(rows: np.ndarray) -> np.ndarray:
    """View rows as read-only, so that one compiled version serves every caller."""
    view = rows.view()
    view.flags.writeable = False
    return view


def closed_totals(trades: np.ndarray) -> tuple[float, ...]:
    """Return what `sum_closed` finds in a `TRADE` table."""
    return _closed(_read(trades))  # type: ignore[no-any-return]


def bars_held(trades: np.ndarray, n_bars: int) -> int:
    """Return in how many of `n_bars` bars a position is held at the end; trades in any order."""
    found = int(_held(_read(trades), n_bars))
    if found >= 0:
        return found
    end = np.where(trades["open"] == 1, n_bars, trades["exit_bar"])
    return int(_held(_read(trades[np.argsort(end, kind="stable")]), n_bars))


def fill_sums(fills: np.ndarray, multiplier: np.ndarray) -> list[float]:
    """Return what `write_spent` finds in a fill table; `multiplier` is float64 [n_assets]."""
    found = np.empty(6)
    _spent(_read(fills), _read(multiplier), found)
    return found.tolist()


def borrowed(cash_flows: np.ndarray) -> float:
    """Return what was paid for borrowing, money, from rows of dtype `backtester.kernel.tables.CASH_FLOW`."""
    return float(_borrowed(_read(cash_flows))) if len(cash_flows) else 0.0
