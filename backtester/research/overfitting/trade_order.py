"""The drawdowns that the same trades could have had in another order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.kernel.jit import kernel_jit
from backtester.metrics import arguments as check
from backtester.research.overfitting._random import below, shuffle, start


@dataclass(frozen=True, eq=False)
class TradeOrder:
    """What `trade_order` finds. Drawdowns are positive fractions, 1 for ruin, measured where trades close.

    Attributes
    ----------
    max_drawdown : float
        In the order that happened.
    total_return : float
        At the end, a fraction; the same in every order, unless trades are drawn with replacement.
    drawdowns, totals : float64 [replicates]
        Both, of each replicate.
    """

    max_drawdown: float
    total_return: float
    drawdowns: np.ndarray = field(repr=False)
    totals: np.ndarray = field(repr=False)

    def __str__(self) -> str:
        return (
            f"drawdown {self.max_drawdown:.3f} in the order that happened, median {np.median(self.drawdowns):.3f} over "
            f"{len(self.drawdowns):,} others, one in twenty {self.drawdown_quantile(0.95):.3f} or more; total return "
            f"{self.total_return:.3f}"
        )

    def drawdown_quantile(self, level: float) -> float:
        """Return the drawdown that a fraction `level` of the orders stays at or below, 0 to 1."""
        return float(np.quantile(self.drawdowns, check.fraction(level, "level")))

    def probability_of_drawdown(self, drawdown: float) -> float:
        """Return (1 + orders with at least that `drawdown`)/(1 + orders); pass `max_drawdown` for how lucky it was."""
        limit = check.number(drawdown, "drawdown", low=0.0, high=1.0)
        return (1 + int(np.sum(self.drawdowns >= limit - 1e-12))) / (1 + len(self.drawdowns))


def trade_order(
    trades: ArrayLike, *, cash: float | None = None, replace: bool = False, replicates: int = 1000, seed: int = 0
) -> TradeOrder:
    """Put trades in random orders, and measure the equity of each.

    A backtest shows one order, and its drawdown is one draw from this distribution, often a lucky one. Trades are taken
    as independent of each other; where losses follow losses, the orders understate drawdowns.

    Parameters
    ----------
    trades : array_like, float64 [n]
        Fractions of equity that each trade gained or lost, which are compounded; with `cash` money, which is added.
        2 or more, finite.
    cash : float, optional
        Equity at the beginning, above 0.
    replace : bool
        Draw n trades with replacement instead, so that the total varies too: a bootstrap of the trades.
    replicates : int
        At least 100.
    seed : int

    Returns
    -------
    TradeOrder
        The same for the same arguments.

    Raises
    ------
    SettingsError
        A trade is not finite, or there are fewer than two; cash is not above 0.

    Notes
    -----
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 15, for drawing with and
    without replacement. An account that falls to 0 stays there.
    """
    values = check.series(trades, "trades", 2, "trade")
    if cash is not None and not check.number(cash, "cash", low=0.0, high=math.inf, closed=False) < math.inf:
        raise SettingsError(f"cash is {cash!r}; it must be above 0 and finite")
    reps, seed = check.at_least(replicates, "replicates", 100), check.seed_number(seed)
    begin = 1.0 if cash is None else float(cash)
    drawdowns, totals = np.empty(reps + 1), np.empty(reps + 1)
    _walk(values, begin, cash is None, bool(replace), seed, drawdowns, totals)
    return TradeOrder(float(drawdowns[0]), float(totals[0]), drawdowns[1:], totals[1:])


@kernel_jit()
def _walk(trades, begin, compounds, replaces, seed, drawdowns, totals):
    """Measure the order as it is into entry 0, and replicate k into entry k + 1."""
    n = len(trades)
    order = np.arange(n)
    state = np.zeros(1, np.uint64)
    for k in range(len(drawdowns)):
        if k > 0:
            start(state, seed, k - 1)
            if replaces:
                for i in range(n):
                    order[i] = below(state, n)
            else:
                shuffle(state, order)
        equity = peak = begin
        deepest = 0.0
        for i in order:
            equity = equity * (1.0 + trades[i]) if compounds else equity + trades[i]
            if equity <= 0.0:
                equity, deepest = 0.0, 1.0
                break
            peak = max(peak, equity)
            deepest = max(deepest, 1.0 - equity / peak)
        drawdowns[k] = deepest
        totals[k] = equity / begin - 1.0
