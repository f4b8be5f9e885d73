"""The strategies that live by the calendar, in plain Python: see `slow`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from slow import SlowMarket

from backtester import Bars


@dataclass
class Day:
    """What one asset's trader remembers of a session."""

    seen: int
    top: float = -math.inf
    bottom: float = math.inf
    entries: list[tuple[float, float, float, float]] = field(default_factory=list)  # side, level, stop, quantity


class OpeningRangeMarket(SlowMarket):
    def __init__(self, bars: Bars, opening: int, exit_minutes: float, risk: float, short: bool):
        super().__init__(bars)
        self.opening, self.exit_minutes, self.risk, self.short = opening, exit_minutes, risk, short
        self.times, self.ends = bars.timestamps.tolist(), bars.session_ends.tolist()
        self.trader = [Day(opening) for _ in range(self.n_assets)]  # nothing is known of a session that has begun

    def begins(self, t: int) -> bool:
        return self.days[t] != self.days[t - 1]

    def _bar(self, t: int, a: int) -> None:
        day, (open_, high, low) = self.trader[a], (self.open[t][a], self.high[t][a], self.low[t][a])
        if self.waiting[a] is not None:  # the exit at the market
            self.waiting[a] = None
            self.leave(t, a, open_)
        for side, level, stop, quantity in day.entries:
            if side * (open_ - level) >= 0.0:
                self.enter(t, a, side * quantity, open_, stop)
                break
        x, stop = self.position[a], self.stop[a]
        if x != 0.0 and stop is not None:
            if (low if x > 0.0 else high) * math.copysign(1.0, x) <= stop * math.copysign(1.0, x):
                self.leave(t, a, min(open_, stop) if x > 0.0 else max(open_, stop))
        for side, level, stop, quantity in day.entries:
            if (high >= level) if side > 0.0 else (low <= level):
                self.enter(t, a, side * quantity, level, stop)
                if (low <= stop) if side > 0.0 else (high >= stop):
                    self.leave(t, a, stop)
                break

    def enter(self, t: int, a: int, quantity: float, price: float, stop: float) -> None:
        self.trader[a].entries = []
        self.stop[a] = stop
        self._fill(t, a, quantity, price)

    def leave(self, t: int, a: int, price: float) -> None:
        self.stop[a] = None
        if self.position[a] != 0.0:
            self._fill(t, a, -self.position[a], price)

    def decide(self, _: SlowMarket, t: int) -> None:
        over = (self.ends[t] - self.times[t]) / 60e9 <= self.exit_minutes
        for a, day in enumerate(self.trader):
            if t + 1 < self.n_bars and self.begins(t + 1):  # orders for the day
                day.entries = []
            if self.begins(t):
                day.seen, day.top, day.bottom = 0, -math.inf, math.inf
            if self.begins(t) or over:
                day.entries, self.stop[a] = [], None
                if self.position[a] != 0.0:
                    self.waiting[a] = 0.0
            if over or day.seen >= self.opening or not self.has_bar(t, a):
                continue
            day.seen += 1
            day.top, day.bottom = max(day.top, self.high[t][a]), min(day.bottom, self.low[t][a])
            if day.seen == self.opening:
                equity = self.equity()
                quantity = min(self.risk * equity / (day.top - day.bottom), equity / self.n_assets / day.top)
                day.entries = [(1.0, day.top, day.bottom, quantity)]
                if self.short:
                    day.entries.append((-1.0, day.bottom, day.top, quantity))


class SaverMarket(SlowMarket):
    def __init__(self, bars: Bars, amount: float):
        super().__init__(bars)
        self.amount, self.on_its_way, self.money_waits = amount, 0.0, True

    def decide(self, _: SlowMarket, t: int) -> None:
        self.cash += self.on_its_way
        self.on_its_way = 0.0
        there = [a for a in range(self.n_assets) if self.has_bar(t, a)]
        if self.money_waits and there:
            self.money_waits = False
            if self.cash > 0.0:
                for a in there:
                    self.waiting[a] = self.position[a] + self.cash / len(there) / self.close[t][a]
        if self.days[t].month != self.days[t - 1].month:
            self.on_its_way = self.amount
            self.money_waits = True
