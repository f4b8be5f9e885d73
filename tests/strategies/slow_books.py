"""The strategies that let orders rest in the market, in plain Python: see `slow`.

Each is a market of its own, that knows the prices at which it wants to trade and asks of every bar whether the open is
beyond them, or the high and low reach them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from slow import SlowMarket, mean_of

from backtester import Bars

NAN = math.nan


class BookMarket(SlowMarket):
    """A market with the indicators these strategies share."""

    def own_rows(self, t: int, a: int) -> list[int]:
        return [row for row in range(t + 1) if self.has_bar(row, a)]

    def highest(self, t: int, a: int, n: int) -> float:
        return max(self.high[row][a] for row in self.own_rows(t, a)[-n:])

    def lowest(self, t: int, a: int, n: int) -> float:
        return min(self.low[row][a] for row in self.own_rows(t, a)[-n:])

    def average_range(self, t: int, a: int, n: int) -> float:
        rows = self.own_rows(t, a)
        ranges = [
            max(self.high[now][a], self.close[before][a]) - min(self.low[now][a], self.close[before][a])
            for before, now in itertools.pairwise(rows)
        ]
        average = sum(ranges[:n]) / n
        for value in ranges[n:]:
            average += (value - average) / n
        return average


# ---- the turtles


@dataclass
class Unit:
    quantity: float
    stop: float


@dataclass
class Entry:
    side: float
    level: float
    stop: float
    quantity: float


@dataclass
class Turtle:
    """What one asset's trader remembers."""

    n: float = NAN
    quantity: float = NAN
    last_fill: float = NAN
    units: list[Unit] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    sent: tuple[float, float] = (NAN, NAN)
    adding: bool = False
    paper: tuple[float, float, float] | None = None  # side, price, stop of the last breakout while it runs
    won: bool = False
    channels: tuple[float, ...] | None = None  # of the bar before


class TurtleMarket(BookMarket):
    def __init__(
        self, bars: Bars, entry=20, exit=10, failsafe=55, atr_period=20, stop=2.0, step=0.5, max_units=4, risk=0.01,
        leverage=1.0, short=True,
    ):  # fmt: skip
        super().__init__(bars)
        self.entry, self.exit, self.failsafe, self.atr_period = entry, exit, failsafe, atr_period
        self.stop_n, self.step, self.max_units, self.risk = stop, step, max_units, risk
        self.leverage, self.short = leverage, short
        self.turtles = [Turtle() for _ in range(self.n_assets)]

    def _bar(self, t: int, a: int) -> None:
        """Everything that waits meets the open, then the range; stops come first."""
        turtle = self.turtles[a]
        open_, high, low = self.open[t][a], self.high[t][a], self.low[t][a]
        for price_of, best, worst in ((lambda _: open_, open_, open_), (lambda level: level, high, low)):
            for unit in turtle.units[:]:
                if unit.stop >= worst if unit.quantity > 0.0 else unit.stop <= best:
                    self.leave(t, a, unit, price_of(unit.stop))
            for entry in turtle.entries[:]:
                if entry in turtle.entries and (entry.level <= best if entry.side > 0.0 else entry.level >= worst):
                    unit = self.take(t, a, entry, price_of(entry.level))
                    inside = best > worst
                    if inside and (unit.stop >= low if entry.side > 0.0 else unit.stop <= high):
                        self.leave(t, a, unit, unit.stop)

    def take(self, t: int, a: int, entry: Entry, price: float) -> Unit:
        turtle = self.turtles[a]
        unit = Unit(entry.side * entry.quantity, entry.stop)
        turtle.units.append(unit)
        turtle.entries.clear()  # the order at the other end of the channel is cancelled
        turtle.last_fill, turtle.adding = price, False
        self._fill(t, a, unit.quantity, price)
        return unit

    def leave(self, t: int, a: int, unit: Unit, price: float) -> None:
        turtle = self.turtles[a]
        turtle.units.remove(unit)
        self._fill(t, a, -unit.quantity, price)
        if not turtle.units:
            self.position[a] = 0.0

    def decide(self, _: SlowMarket, t: int) -> None:
        for a in range(self.n_assets):
            longest = max(self.entry, self.exit, self.failsafe, self.atr_period + 1)
            if not self.has_bar(t, a) or len(self.own_rows(t, a)) < longest:
                continue
            turtle, n = self.turtles[a], self.average_range(t, a, self.atr_period)
            self.follow(turtle, t, a)
            turtle.channels = (
                *(self.highest(t, a, self.entry), self.lowest(t, a, self.entry)),
                *(self.highest(t, a, self.exit), self.lowest(t, a, self.exit), n),
            )
            if turtle.units:
                self.manage(turtle, t, a)
            else:
                self.seek(turtle, t, a, n)

    def follow(self, turtle: Turtle, t: int, a: int) -> None:
        if turtle.channels is None:
            return
        upper, lower, exit_upper, exit_lower, n = turtle.channels
        open_, high, low = self.open[t][a], self.high[t][a], self.low[t][a]
        if turtle.paper is None:
            if high >= upper:
                price = max(upper, open_)
                turtle.paper = (1.0, price, price - self.stop_n * n)
            elif low <= lower:
                price = min(lower, open_)
                turtle.paper = (-1.0, price, price + self.stop_n * n)
        elif turtle.paper[0] > 0.0:
            out = max(turtle.paper[2], exit_lower)
            if low <= out:
                turtle.won, turtle.paper = min(out, open_) - turtle.paper[1] > 0.0, None
        else:
            out = min(turtle.paper[2], exit_upper)
            if high >= out:
                turtle.won, turtle.paper = turtle.paper[1] - max(out, open_) > 0.0, None

    def seek(self, turtle: Turtle, t: int, a: int, n: float) -> None:
        skip = self.failsafe > 0 and (turtle.won or turtle.paper is not None)
        length = self.failsafe if skip else self.entry
        buy, sell = self.highest(t, a, length), self.lowest(t, a, length)
        if turtle.entries and turtle.sent == (buy, sell):
            return
        equity = self.equity()
        share = self.leverage * equity / self.n_assets / self.max_units
        turtle.n, turtle.sent = n, (buy, sell)
        turtle.quantity = min(self.risk * equity / n, share / (buy + (self.max_units - 1) * self.step * n))
        turtle.entries = [Entry(1.0, buy, buy - self.stop_n * n, turtle.quantity)]
        if self.short:
            turtle.entries.append(Entry(-1.0, sell, sell + self.stop_n * n, turtle.quantity))

    def manage(self, turtle: Turtle, t: int, a: int) -> None:
        side = math.copysign(1.0, turtle.units[0].quantity)
        opposite = self.lowest(t, a, self.exit) if side > 0.0 else self.highest(t, a, self.exit)
        nearest = max if side > 0.0 else min
        old = [unit.stop for unit in turtle.units if hasattr(unit, "moved")]
        stop = nearest([turtle.last_fill - side * self.stop_n * turtle.n, opposite, *old])
        for unit in turtle.units:
            unit.stop = stop
            unit.moved = True
        turtle.sent = (NAN, NAN)
        if len(turtle.units) < self.max_units and not turtle.adding:
            level = turtle.last_fill + side * self.step * turtle.n
            turtle.entries = [Entry(side, level, level - side * self.stop_n * turtle.n, turtle.quantity)]
            turtle.adding = True


# ---- the grid


@dataclass
class Resting:
    line: int
    quantity: float
    price: float


class GridMarket(BookMarket):
    def __init__(self, bars: Bars, step: float, levels: int, short: bool):
        super().__init__(bars)
        self.step, self.levels, self.short = step, levels, short
        self.reference = [NAN] * self.n_assets
        self.resting: list[list[Resting]] = [[] for _ in range(self.n_assets)]

    def price(self, a: int, line: int) -> float:
        return self.reference[a] + line * self.step * self.reference[a]

    def _bar(self, t: int, a: int) -> None:
        answers = []
        for order in self.resting[a][:]:
            buys, open_ = order.quantity > 0.0, self.open[t][a]
            beyond = open_ <= order.price if buys else open_ >= order.price
            if beyond or (self.low[t][a] <= order.price if buys else self.high[t][a] >= order.price):
                self.resting[a].remove(order)
                self._fill(t, a, order.quantity, open_ if beyond else order.price)
                line = order.line + (1 if buys else -1)
                answers.append(Resting(line, -order.quantity, self.price(a, line)))
        self.resting[a] += answers
        if abs(self.position[a]) < 1e-9 * sum(abs(order.quantity) for order in self.resting[a]):
            self.position[a] = 0.0

    def decide(self, _: SlowMarket, t: int) -> None:
        for a in range(self.n_assets):
            if not self.has_bar(t, a):
                continue
            close = self.close[t][a]
            empty = not self.short and self.position[a] == 0.0 and close >= self.price(a, 1)
            if math.isnan(self.reference[a]) or empty:
                self.reference[a] = close
                lines = [*range(-self.levels, 0), *(range(1, self.levels + 1) if self.short else ())]
                quantity = self.equity() / self.n_assets / (self.worst() * close)
                self.resting[a] = [Resting(k, quantity if k < 0 else -quantity, self.price(a, k)) for k in lines]

    def worst(self) -> float:
        """Return what a unit on every line needs at most, in references: value on the last line and loss on the way."""
        if not self.short:
            return self.levels
        loss = sum((self.levels - k) * self.step for k in range(1, self.levels + 1))
        return self.levels * (1.0 + self.levels * self.step) + loss


# ---- the trailing stop


class TrailingMarket(BookMarket):
    def __init__(self, bars: Bars, trend: int, entry: int, atr_period: int, stop_atrs: float, risk: float, short: bool):
        super().__init__(bars)
        self.trend, self.entry, self.atr_period = trend, entry, atr_period
        self.stop_atrs, self.risk, self.short = stop_atrs, risk, short
        self.distance = [NAN] * self.n_assets
        self.level = [NAN] * self.n_assets

    def _bar(self, t: int, a: int) -> None:
        open_, high, low = self.open[t][a], self.high[t][a], self.low[t][a]
        wanted, self.waiting[a] = self.waiting[a], None
        if wanted is not None:
            self._fill(t, a, wanted, open_)
            self.level[a] = open_ - math.copysign(self.distance[a], wanted)
        if self.position[a] > 0.0:
            if low <= self.level[a]:
                self._fill(t, a, -self.position[a], min(self.level[a], open_))
            self.level[a] = max(self.level[a], high - self.distance[a])
        elif self.position[a] < 0.0:
            if high >= self.level[a]:
                self._fill(t, a, -self.position[a], max(self.level[a], open_))
            self.level[a] = min(self.level[a], low + self.distance[a])

    def decide(self, _: SlowMarket, t: int) -> None:
        for a in range(self.n_assets):
            own = self.closes(t, a)
            longest = max(self.trend, self.entry, self.atr_period + 1)
            if not self.has_bar(t, a) or not self.idle(a) or len(own) < longest:
                continue
            close, average = own[-1], mean_of(own, self.trend)
            up = close > average and close >= max(own[-self.entry :])
            down = self.short and close < average and close <= min(own[-self.entry :])
            if up or down:
                self.distance[a] = self.stop_atrs * self.average_range(t, a, self.atr_period)
                equity = self.equity()
                quantity = min(self.risk * equity / self.distance[a], equity / self.n_assets / close)
                self.waiting[a] = quantity if up else -quantity
