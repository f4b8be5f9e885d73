"""Strategies for sweeps: importable, so that other processes find them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from backtester import Bars, Strategy
from backtester.indicators import crossed_above, crossed_below, sma


def walk(n_bars: int = 400, seed: int = 1, n_assets: int = 1) -> Bars:
    """Return a random walk with a little drift."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0005, 0.01, (n_bars, n_assets)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]])
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) * 0.998
    times = (np.arange(n_bars) + 1) * 86_400 * 10**9
    names = [f"S{a}" for a in range(n_assets)]
    return Bars.from_arrays(times, open_, high, low, close, np.full(close.shape, 1e6), symbols=names)


class Cross(Strategy):
    """Long while the fast average is above the slow one."""

    fast: int = 5
    slow: int = 20
    share: float = 1.0

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, self.share / ctx.n_assets)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 0.0)


class Fragile(Cross):
    """Raises in `on_bar` where `fast` is 7, in `prepare` where it is 8."""

    def prepare(self, bars):
        if self.fast == 8:
            raise ValueError("eight is not allowed")
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)
        self.table = np.zeros(3)

    def on_bar(self, ctx):
        if self.fast == 7 and ctx.t == 50:
            self.table[ctx.t] = 1.0
        ctx.order_target(0, float(ctx.t % self.fast))


class Idle(Strategy):
    """Never trades, so that every ratio is NaN."""

    x: int = 1

    def on_bar(self, ctx):
        if ctx.close[-1, 0] < 0.0:
            ctx.order(0, self.x)


class Slow(Cross):
    """Takes its time, and notes each run in a file."""

    log: str = ""

    def prepare(self, bars):
        time.sleep(0.02)
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{self.fast} {self.slow}\n")
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)


class Dies(Cross):
    """Kills the process it runs in, the first time that `fast` is 6."""

    marker: str = ""

    def prepare(self, bars):
        if self.fast == 6 and self.marker and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)


def double(shared, item):
    """Return shared + 2·item, later for smaller items."""
    time.sleep(0.002 * (5 - item % 5))
    return shared + 2 * item


def total(shared, item):
    """Return a sum over a part of an array, and whether it can be written."""
    return float(shared["array"][item:].sum()), bool(shared["array"].flags.writeable)


def fails_at_three(shared, item):
    """Raise for one item."""
    if item == 3:
        raise KeyError("three")
    return item


def kill_once(shared, item):
    """Kill the process for one item, the first time."""
    if item == 4 and not Path(shared).exists():
        Path(shared).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def kill_always(shared, item):
    """Kill the process."""
    os.kill(os.getpid(), signal.SIGKILL)


def whose(shared, item):
    """Return the process that does the work."""
    time.sleep(0.05)
    return os.getpid()


def printing(shared, item):
    """Print, as users do."""
    print("hello from a worker", item)
    return item


def last_first(shared, item):
    """Return the item; 0 waits for the two others, which say in the folder `shared` that they are done."""
    others = [Path(shared) / str(k) for k in (1, 2)]
    if item:
        others[item - 1].touch()
    until = time.monotonic() + 60.0
    while item == 0 and not all(one.exists() for one in others) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.0 if item else 0.5)  # for their answers to arrive
    return item


def sleeps(shared, item):
    """Return after so many seconds."""
    time.sleep(item)
    return item
