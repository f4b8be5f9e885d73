"""The jitted passes over the trade and fill tables: sums with compensation, extremes, and the time in the market.

Compensated sums: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974).
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit


@inner_jit
def _add(total, lost, value):
    """Return total + value, and what has been lost in rounding so far."""
    added = total + value
    if abs(total) >= abs(value):
        lost += (total - added) + value
    else:
        lost += (value - added) + total
    return added, lost


@kernel_jit()
def _closed(trades):
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
        pnl, pnl_lost = _add(pnl, pnl_lost, row.pnl)
        if row.pnl > 0.0:
            wins += 1
            gains, gains_lost = _add(gains, gains_lost, row.pnl)
        else:  # a NaN too: what it makes of the factor is NaN
            losses, losses_lost = _add(losses, losses_lost, row.pnl)
        fraction = row.return_frac
        fractions, fractions_lost = _add(fractions, fractions_lost, fraction)
        best = fraction if fraction > best or np.isnan(fraction) else best
        worst = fraction if fraction < worst or np.isnan(fraction) else worst
    gains, losses = gains + gains_lost, losses + losses_lost
    return n, wins, gains, losses, pnl + pnl_lost, fractions + fractions_lost, best, worst, bars


@kernel_jit()
def _held(trades, n_bars):
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


@kernel_jit()
def _spent(fills, multiplier):
    """Return Σ commission, spread, slippage, impact and rounding of fills, and Σ |quantity|·multiplier·price·fx."""
    sums = np.zeros(6)
    lost = np.zeros(6)
    for i in range(len(fills)):
        row = fills[i]
        value = abs(row.quantity * row.price) * row.fx * multiplier[row.asset]
        sums[0], lost[0] = _add(sums[0], lost[0], row.commission)
        sums[1], lost[1] = _add(sums[1], lost[1], row.spread)
        sums[2], lost[2] = _add(sums[2], lost[2], row.slippage)
        sums[3], lost[3] = _add(sums[3], lost[3], row.impact)
        sums[4], lost[4] = _add(sums[4], lost[4], row.rounding)
        sums[5], lost[5] = _add(sums[5], lost[5], value)
    return sums + lost


def _read(rows: np.ndarray) -> np.ndarray:
    """View rows as read-only, so that one compiled version serves every caller."""
    view = rows.view()
    view.flags.writeable = False
    return view


def closed_totals(trades: np.ndarray) -> tuple[float, ...]:
    """Return what `_closed` finds in a `TRADE` table."""
    return _closed(_read(trades))  # type: ignore[no-any-return]


def bars_held(trades: np.ndarray, n_bars: int) -> int:
    """Return in how many of `n_bars` bars a position is held at the end; trades in any order."""
    found = int(_held(_read(trades), n_bars))
    if found >= 0:
        return found
    end = np.where(trades["open"] == 1, n_bars, trades["exit_bar"])
    return int(_held(_read(trades[np.argsort(end, kind="stable")]), n_bars))


def fill_sums(fills: np.ndarray, multiplier: np.ndarray) -> list[float]:
    """Return what `_spent` finds in a fill table; `multiplier` is float64 [n_assets]."""
    return _spent(_read(fills), _read(multiplier)).tolist()  # type: ignore[no-any-return]
