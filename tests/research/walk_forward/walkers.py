"""Strategies and bars for walks: importable, so that other processes find them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backtester import Bars, Strategy
from backtester.indicators import sma

BARS = Bars.simulate("gbm", n_bars=400, n_assets=2, seed=5)


class Sways(Strategy):
    """Buys what rose within the bar, sells what fell: it needs no bar before."""

    step: float = 0.004
    size: float = 0.5

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            move = ctx.close[-1, a] / ctx.open[-1, a] - 1.0
            if move > self.step:
                ctx.order_target_percent(a, self.size)
            elif move < -self.step:
                ctx.order_target_percent(a, -self.size)


class Trend(Strategy):
    """Long above its average, and sent anew at every bar."""

    n: int = 10
    log: str = ""

    def prepare(self, bars):
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{self.n} {bars.timestamps[0]} {bars.n_bars}\n")
        self.mean = sma(bars.close, self.n)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            ctx.order_target_percent(a, 0.5 if ctx.close[-1, a] > self.mean[-1, a] else 0.0)


class Cheap(Strategy):
    """Holds what costs less than `below`, so that where everything is dear it never trades."""

    below: float = 50.0

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            ctx.order_target(a, 1.0 if ctx.close[-1, a] < self.below else 0.0)


class Breaks(Sways):
    """Raises where the price is above `limit`."""

    limit: float = 1e9

    def prepare(self, bars):
        self.table = np.zeros(3)

    def on_bar(self, ctx):
        if ctx.close[-1, 0] > self.limit:
            self.table[ctx.t] = 1.0
        ctx.order_target(0, float(ctx.t % 3))
