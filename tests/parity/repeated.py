"""What the tests of the repeater run: strategies with state and prepared arrays of every kind, and the shipped ones."""

from __future__ import annotations

import numba
import numpy as np
from modes import random_bars, settings_for

import strategies
from backtester import Strategy
from backtester.indicators import sma

SHIPPED = [getattr(strategies, name) for name in strategies.__all__]
NAMES = list(settings_for(random_bars(0)))
#: two sets of parameters with which the strategies find something to do in 400 bars
TWO = {
    "CrossSectionalMomentum": (
        {"lookback": 1, "skip": 0, "top": 1},
        {"lookback": 2, "skip": 0, "top": 2, "short": True},
    ),
    "DonchianBreakout": ({"channel": 20, "atr_period": 10}, {"channel": 12, "short": False}),
    "OpeningRangeBreakout": ({"opening": 1, "exit_minutes": 360.0}, {"opening": 1, "exit_minutes": 720.0}),
    "PairsTrading": ({"window": 20, "entry": 1.0, "stop": 2.0}, {"window": 30, "entry": 1.5, "stop": 3.0}),
    "RiskParity": ({"window": 20, "band": 0.02}, {"window": 10, "band": 0.05}),
    "RsiReversion": ({"entry": 20.0, "trend": 20}, {"entry": 30.0, "trend": 10}),
    "SmaCross": ({"fast": 5, "slow": 20}, {"fast": 3, "slow": 40}),
    "TimeSeriesMomentum": ({"lookback": 1, "center": 20}, {"lookback": 2, "center": 10}),
    "TrendTrailingStop": ({"trend": 20, "entry": 5}, {"trend": 30, "entry": 8}),
    "Turtle": ({"entry": 10, "exit": 5, "failsafe": 20}, {"entry": 20, "exit": 8, "failsafe": 30}),
}


class Holds(Strategy):
    """State of every kind: numbers, a bool, a tuple, arrays, a constant array, a typed list."""

    period: int = 5
    scale: float = 1.0
    typed: bool = False

    def prepare(self, bars):
        self.average = sma(bars.close, self.period)
        self.count = 0
        self.seen = 0.0
        self.on = False
        self.pair = (0, 1.5)
        self.bins = np.zeros(4)
        self.marks = np.zeros(bars.close.shape)
        if self.typed:
            self.many = numba.typed.List([1.0])
        else:
            self.many = np.ones(1)

    def on_bar(self, ctx):
        self.count += 1
        self.seen += self.scale * ctx.close[-1, 0]
        self.on = not self.on
        self.pair = (self.pair[0] + 1, self.pair[1] * 1.01)
        self.bins[self.count % 4] += 1.0
        self.marks[-1, 0] = self.pair[1]
        self.many[0] += 1.0
        if self.on and self.bins[0] >= self.bins[1] - 1.0:
            ctx.order_target(0, self.pair[0] % 7 + self.many[0] % 3.0 + self.marks[-1, 0] % 2.0)
        elif self.count % 5 == 0:
            ctx.order_target(0, 0.0)


class Free(Strategy):
    """A parameter of any type, which decides the type of a field."""

    step: object = 1

    def prepare(self, bars):
        self.total = self.step

    def on_bar(self, ctx):
        self.total += self.step
        if ctx.t % 10 == 0:
            ctx.order_target(0, self.total)


class Raises(Strategy):
    period: int = 5
    at: int = -1

    def prepare(self, bars):
        self.average = sma(bars.close, self.period)
        self.table = np.zeros(3)

    def on_bar(self, ctx):
        if ctx.t == self.at:
            self.table[ctx.t] = 1.0
        ctx.order_target(0, ctx.t % 5)


class Prepared(Strategy):
    """Prepared arrays of every kind: those no hook reads, and those that have to be copied, decide the start too."""

    late: int = 5
    kind: str = "unread"
    warmup: int | None = None

    def prepare(self, bars):
        self.average = sma(bars.close, 3)
        column = np.arange(bars.n_bars) / 7.0
        column[: self.late] = np.nan
        both = np.repeat(column[:, None], bars.n_assets, axis=1)
        if self.kind == "wide":
            self.other = np.zeros((bars.n_bars, bars.n_assets, 2)) + both[:, :, None]
        else:
            kinds = {"float32": both.astype(np.float32), "fortran": np.asfortranarray(both), "column": column}
            self.other = kinds.get(self.kind, both)


class PreparedUnread(Prepared):
    def on_bar(self, ctx):
        ctx.order_target(0, ctx.t % 4)


class PreparedRead(Prepared):
    def on_bar(self, ctx):
        ctx.order_target(0, ctx.t % 4 + self.other[-1].sum() % 2.0)
