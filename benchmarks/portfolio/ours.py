"""Our engine on the portfolio benchmark's work."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np

from backtester import Account, Bars, Costs, Result, Strategy, run
from backtester.engine import prepare_run
from backtester.indicators import returns
from benchmarks.portfolio.market import (
    CASH,
    COMMISSION,
    GRID_CASH,
    GRID_COMMISSION,
    GRID_LEVERAGE,
    GRID_ORDERS,
    GRID_STEP,
    INVESTED,
    LOOKBACK,
    TOP,
    Panel,
    month_ends,
)


class TopMomentum(Strategy):
    """P1: at the end of every month, equal parts of the assets with the greatest return over half a year."""

    lookback: int = LOOKBACK
    top: int = TOP
    invested: float = INVESTED

    def prepare(self, bars):
        self.momentum = returns(bars.close, self.lookback)
        self.month_end = month_ends(bars.timestamps)

    def on_bar(self, ctx):
        if self.month_end[-1]:
            momentum = self.momentum[-1]
            least = np.partition(momentum, ctx.n_assets - self.top)[ctx.n_assets - self.top]
            ctx.rebalance(np.where(momentum >= least, self.invested / self.top, 0.0))


class EqualWeight(Strategy):
    """P2: equal parts of all assets, every day."""

    invested: float = INVESTED

    def prepare(self, bars):
        self.weights = np.full(bars.n_assets, self.invested / bars.n_assets)

    def on_bar(self, ctx):
        ctx.rebalance(self.weights)


class LimitGrid(Strategy):
    """P3: per asset, buys below and sales above the first price; what fills is followed by its opposite a level on."""

    n_orders: int = GRID_ORDERS
    step: float = GRID_STEP

    def prepare(self, bars):
        half = self.n_orders // 2
        self.half = half
        self.placed = False
        levels = np.arange(2 * half + 1) - half
        self.prices = bars.close[1][:, None] * (1.0 + self.step * levels)

    def on_bar(self, ctx):
        if not self.placed:
            self.placed = True
            for a in range(ctx.n_assets):
                for k in range(2 * self.half + 1):
                    if k != self.half:
                        ctx.limit(a, 1.0 if k < self.half else -1.0, self.prices[a, k], tag=k)

    def on_fill(self, ctx, fill):
        level = fill.tag + (1 if fill.quantity > 0.0 else -1)
        ctx.limit(fill.asset, -fill.quantity, self.prices[fill.asset, level], tag=level)


STRATEGIES: dict[str, type[Strategy]] = {"P1": TopMomentum, "P2": EqualWeight, "P3": LimitGrid}
REBALANCED: dict[str, Any] = {"cash": CASH, "costs": Costs(commission=COMMISSION)}
GRID: dict[str, Any] = {
    "cash": GRID_CASH,
    "costs": Costs(commission=GRID_COMMISSION),
    "account": Account(leverage=GRID_LEVERAGE),
}


def settings(workload: str) -> dict[str, Any]:
    """The keywords of `run`."""
    return GRID if workload == "P3" else REBALANCED


def load(panel: Panel) -> Bars:
    """The panel as Bars."""
    prices = {name: getattr(panel, name) for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_arrays(panel.timestamps, **prices, symbols=panel.symbols)


def kernel_seconds(workload: str, bars: Bars, **parameters: Any) -> float:
    """Seconds of the loop alone: the indicators computed, the account fresh, the strategy compiled."""
    prepared = prepare_run(STRATEGIES[workload](**parameters), bars, **settings(workload))
    prepared.prepare()
    gc.collect()
    started = time.perf_counter()
    prepared.advance()
    return time.perf_counter() - started


def whole_seconds(workload: str, bars: Bars, **parameters: Any) -> tuple[Result, float]:
    """The result, and the seconds of `run`."""
    gc.collect()
    started = time.perf_counter()
    result = run(STRATEGIES[workload](**parameters), bars, **settings(workload))
    return result, time.perf_counter() - started
