"""Markets and strategies for stress tests: importable, so that other processes find them."""

from __future__ import annotations

import numpy as np

from backtester import Bars, Strategy
from backtester.indicators import sma

DAY = 86_400 * 10**9


def ladder(closes, *, volume=1e6, gaps=False, **more):
    """Return bars whose open is the close before (with gaps the close), with the higher of both as high."""
    close = np.array(closes, np.float64).reshape(len(closes), -1)
    open_ = close if gaps else np.vstack([close[:1], close[:-1]])
    times = (np.arange(len(close)) + 1) * DAY
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return Bars.from_arrays(times, open_, high, low, close, np.full(close.shape, volume), **more)


def noise(n_bars=300, n_assets=1, seed=1, width=0.01, drift=0.0, hours=24):
    """Return a random walk, with `24 / hours` bars a session."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(drift, width, (n_bars, n_assets)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, width / 4, close.shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, width, close.shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, width, close.shape))
    times = (np.arange(n_bars) + 1) * (DAY // 24 * hours)
    names = [f"S{a}" for a in range(n_assets)]
    return Bars.from_arrays(times, open_, high, low, close, rng.uniform(1e5, 1e6, close.shape), symbols=names)


class InAndOut(Strategy):
    """Buys a fixed quantity at one bar, and sells it at another."""

    quantity: float = 10.0
    buy: int = 2
    sell: int = 6
    warmup = 1

    def on_bar(self, ctx):
        if ctx.t == self.buy:
            ctx.order(0, self.quantity)
        elif ctx.t == self.sell:
            ctx.order(0, -self.quantity)


class Trend(Strategy):
    """Long above an average, short below it; refuses a length of 6 or less."""

    length: int = 8
    share: float = 0.5

    def prepare(self, bars):
        if self.length <= 6:
            raise ValueError("six is too short")
        self.mean = sma(bars.close, self.length)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            side = 1.0 if ctx.close[-1, a] > self.mean[-1, a] else -1.0
            if np.sign(ctx.position(a)) != side:
                ctx.order_target_percent(a, self.share * side / ctx.n_assets)


class Momentum(Strategy):
    """Long after a rise, short after a fall, at every bar."""

    def on_bar(self, ctx):
        side = 1.0 if ctx.close[-1, 0] > ctx.close[-2, 0] else -1.0
        if np.sign(ctx.position(0)) != side:
            ctx.order_target_percent(0, 0.5 * side)


class Idle(Strategy):
    """Never trades."""

    x: int = 1

    def on_bar(self, ctx):
        if ctx.close[-1, 0] < 0.0:
            ctx.order(0, self.x)
