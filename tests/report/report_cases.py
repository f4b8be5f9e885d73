"""Strategies and bars that the report tests run."""

from __future__ import annotations

import numpy as np

from backtester import Bars, Strategy
from backtester.result import Result, Tables

DAY = 86_400 * 10**9
FIRST = np.datetime64("2020-01-06", "ns").astype(np.int64)
HOSTILE_NAMES = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://example.com","x")',
    "🚀 מניה \u202eevil\x1b[31m",
)


class EverySoOften(Strategy):
    """Buys one unit of every asset every ten bars and sells it four bars later."""

    every: int = 10

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if ctx.t % self.every == 2:
                ctx.order(a, 1.0)
            elif ctx.t % self.every == 6:
                ctx.order(a, -1.0)


class Hostile(Strategy):
    label: str = "</script><b>"

    def on_bar(self, ctx):
        ctx.record("<svg onload=alert(1)>", ctx.cash)
        if ctx.t % 5 == 2:
            for a in range(ctx.n_assets):
                ctx.order(a, 1.0, tag=ctx.t)
        if ctx.t == 7:
            ctx.order(0, np.inf)
            ctx.order(0, np.nan)
            ctx.limit(0, 1e19, 1.0)


class Idle(Strategy):
    def on_bar(self, ctx):
        pass


class ShortAll(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 2:
            ctx.order_target_percent(0, -4.0)


class BothLegs(Strategy):
    """One bracket whose legs the next bar reaches both."""

    def on_bar(self, ctx):
        if ctx.t == 2:
            ctx.bracket(0, 10.0, stop_loss=90.0, take_profit=110.0)


class Brackets(Strategy):
    """A bracket in every asset every ten bars, two of three of them long."""

    every: int = 10

    def on_bar(self, ctx):
        if ctx.t % self.every == 3:
            side = 1.0 if (ctx.t // self.every) % 3 else -1.0
            for a in range(ctx.n_assets):
                price = ctx.close[-1, a]
                ctx.bracket(a, side, stop_loss=price * (1 - 0.02 * side), take_profit=price * (1 + 0.03 * side))


def daily(closes, symbols=None, name="made", spread=0.01):
    """Return daily bars whose open is the close before, and whose range is a hundredth beyond both."""
    close = np.atleast_2d(np.asarray(closes, np.float64).T).T
    opened = np.vstack([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) * (1 + spread), np.minimum(opened, close) * (1 - spread)
    stamps = FIRST + DAY * np.arange(1, len(close) + 1)
    volume = np.full(close.shape, 1e6)
    return Bars.from_arrays(stamps, opened, high, low, close, volume, symbols=symbols, name=name)


def wave(n, k=1):
    t = np.arange(n)[:, None] + 7 * np.arange(k)
    return 100.0 + 5.0 * np.sin(t / 6.0) + 0.01 * t


def altered(result, n_bars=None, facts=None):
    """Return a result with other facts, or of its first bars alone."""
    tables = dict(vars(result.tables))
    n = n_bars or result.bars.n_bars
    tables["equity"] = tables["equity"][:n]
    return Result(
        result.bars[:n],
        Tables(**tables),
        result._facts | (facts or {}),
        result._record_names,
        result.ambiguous_bars,
        None,
    )
