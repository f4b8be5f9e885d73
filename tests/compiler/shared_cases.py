"""Strategies that write what is not theirs, one way each, and some that only look as if."""

import copy
import functools
import random
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from backtester import Strategy
from backtester.indicators import sma

BUFFER = np.zeros((2000, 1))
WEIGHTS = [1, 2, 3]
NOTES: list[int] = []
SETTINGS = {"a": 1, "inner": {"b": 2}}
TABLE = pd.DataFrame({"x": [1.0, 2.0]})
COUNT = 0
GENERATOR = np.random.default_rng(0)
FROZEN = np.arange(3.0)
FROZEN.flags.writeable = False


class Settled:
    """Holds what somebody may change."""

    level = 1.0
    seen: ClassVar[list[int]] = []


HOLDER = Settled()


def fill(x, value):
    x[:] = value


def the_buffer():
    return BUFFER


@functools.lru_cache
def remembered():
    return np.zeros(3)


def count(x, seen=[]):  # noqa: B006
    seen.append(x)
    return len(seen)


class Still(Strategy):
    """Does nothing."""

    def on_bar(self, ctx):
        pass


class FillsABuffer(Strategy):
    n: int = 10

    def prepare(self, bars):
        BUFFER[: bars.n_bars] = sma(bars.close, self.n)
        self.average = BUFFER[: bars.n_bars]

    def on_bar(self, ctx):
        ctx.order_target_percent(0, 0.9 if ctx.close[-1, 0] > self.average[-1, 0] else 0.0)


class AppendsToAListOfTheClass(Strategy):
    n: int = 10
    seen: ClassVar[list[float]] = []

    def prepare(self, bars):
        self.seen.clear()
        self.average = sma(bars.close, self.n)

    def on_bar(self, ctx):
        self.seen.append(ctx.close[-1, 0])
        ctx.order_target_percent(0, 0.9 if sum(self.seen[-3:]) / 3 > self.average[-1, 0] else 0.0)


class WritesThroughSelf(Strategy):
    def prepare(self, bars):
        self.mine = BUFFER

    def on_bar(self, ctx):
        self.mine[ctx.t, 0] = 1.0


class WritesIntoAnArgument(Still):
    def prepare(self, bars):
        fill(BUFFER[:100], value=1.0)


class WritesIntoWhatAFunctionReturns(Strategy):
    def prepare(self, bars):
        self.part = the_buffer()[:10]

    def on_bar(self, ctx):
        self.part[0] += 1.0


class DrawsFromTheGlobalGenerator(Still):
    def prepare(self, bars):
        np.random.seed(1)  # noqa: NPY002


class DrawsFromPythons(Still):
    def prepare(self, bars):
        self.level = random.gauss(0.0, 1.0)


class DrawsFromAGeneratorOfTheModule(Still):
    def prepare(self, bars):
        self.noise = GENERATOR.normal(size=3)


class CountsInTheModule(Still):
    def prepare(self, bars):
        global COUNT
        COUNT += 1


class CountsInTheClass(Still):
    runs: ClassVar[int] = 0

    def prepare(self, bars):
        type(self).runs += 1


class CountsInTheClassByName(Still):
    def prepare(self, bars):
        Settled.level = 2.0


class CountsInAClassMethod(Still):
    runs: ClassVar[int] = 0

    def prepare(self, bars):
        self.note()

    @classmethod
    def note(cls):
        cls.runs += 1


class ChangesAnObject(Still):
    def prepare(self, bars):
        HOLDER.level = 3.0


class CallsAMethodOfAnObject(Still):
    model: Any = None

    def prepare(self, bars):
        self.model.fit(bars.close[:-1], bars.close[1:])


class WritesIntoACache(Still):
    def prepare(self, bars):
        self.kept = remembered()
        self.kept[0] = 2.0


class WritesIntoADefault(Still):
    def prepare(self, bars):
        self.n_seen = count(1)


class WritesIntoItsParameter(Still):
    weights: Any = None

    def prepare(self, bars):
        self.weights[0] = 1.0


class WritesByOut(Still):
    def prepare(self, bars):
        np.add(bars.close, 1.0, out=BUFFER[: bars.n_bars])


class WritesInAMethod(Strategy):
    def prepare(self, bars):
        self.log = NOTES

    def on_bar(self, ctx):
        self.note(ctx.t)

    def note(self, t):
        self.log.append(t)


class WritesInALoop(Still):
    def prepare(self, bars):
        for row in BUFFER:
            row[0] = 1.0


class WritesInside(Still):
    def prepare(self, bars):
        inner = SETTINGS["inner"]
        inner["b"] = 3


class WritesIntoAFrame(Still):
    def prepare(self, bars):
        TABLE.loc[0, "x"] = 3.0


class SortsAFrame(Still):
    def prepare(self, bars):
        TABLE.sort_values("x", inplace=True)


class AddsInPlace(Still):
    seen: ClassVar[list[int]] = []

    def prepare(self, bars):
        self.seen += [1]


class Helper:
    """Is made anew for each run, and keeps notes for all of them."""

    notes: ClassVar[list[int]] = []

    def __init__(self):
        self.own = []

    def note(self, t):
        self.own.append(t)
        self.notes.append(t)


class WritesInAHelper(Still):
    def prepare(self, bars):
        self.helper = Helper()
        self.helper.note(bars.n_bars)


class Inherits(FillsABuffer):
    """Writes where its base does."""


WRITING = [kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, Still | Strategy)]
WRITING = [kind for kind in WRITING if kind not in (Strategy, Still)]


class Reads(Still):
    """Looks at all of it, and writes into copies and into its own."""

    n: int = 5
    name: str | None = None
    seen: list[int] = []  # noqa: RUF012
    share = 0.5

    def prepare(self, bars):
        self.seen = []
        self.weights = np.array(WEIGHTS) * 2
        self.weights[0] = 3
        self.level = SETTINGS["a"] + SETTINGS.get("inner", {})["b"] + HOLDER.level
        self.scaled = [weight + 1 for weight in WEIGHTS]
        for weight in WEIGHTS:
            self.level += weight
        generator = np.random.default_rng(1)
        self.noise = generator.normal(size=4)
        mine = WEIGHTS.copy()
        mine.append(4)
        settings = copy.deepcopy(SETTINGS)
        settings["inner"]["b"] = 5
        self.state = np.zeros(3)
        np.copyto(self.state, FROZEN)
        self.table = BUFFER[: bars.n_bars]
        self.total = remembered().sum() + len(NOTES)
        self.average = sma(bars.close, self.n)
        self.wide = TABLE.sort_values("x").pivot_table(values="x") + TABLE["x"].mean()

    def on_bar(self, ctx):
        self.state[0] += WEIGHTS[0] + self.table[-1, 0]
        self.n += 1
        self.seen.append(1)


class OwnNotes:
    """Keeps notes for itself."""

    def __init__(self):
        self.notes = []

    def note(self, t):
        self.notes.append(t)


class ReadsMore(Reads):
    """And calls what its base does."""

    def prepare(self, bars):
        super().prepare(bars)
        self.mean = np.asarray(BUFFER).mean()
        self.helper = OwnNotes()
        self.helper.note(bars.n_bars)
