"""The market and the rules of the shipped strategies in plain Python, one bar after the other, to check them against.

Written from SEMANTICS and from the strategies' docstrings, with lists and loops alone. The account may borrow, so that
no order is ever reduced, and there are no costs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from datetime import date, timedelta

from backtester import Bars

CASH = 100_000.0
Fill = tuple[int, int, float, float]  # bar, asset, quantity, price


class SlowMarket:
    """One account: market entries that wait for the next bar, and one stop and one target per asset."""

    def __init__(self, bars: Bars):
        self.open, self.high, self.low, self.close = (
            getattr(bars, name).tolist() for name in ("open", "high", "low", "close")
        )
        self.n_bars, self.n_assets = bars.n_bars, bars.n_assets
        self.days = [date(1970, 1, 1) + timedelta(days) for days in bars.sessions.tolist()]
        self.cash = CASH
        self.position = [0.0] * self.n_assets
        self.mark = [0.0] * self.n_assets
        self.waiting: list[float | None] = [None] * self.n_assets  # target position of an order that has not met a bar
        self.stop: list[float | None] = [None] * self.n_assets
        self.target: list[float | None] = [None] * self.n_assets
        self.fills: list[Fill] = []

    def has_bar(self, t: int, a: int) -> bool:
        return not math.isnan(self.close[t][a])

    def closes(self, t: int, a: int) -> list[float]:
        """Return the asset's own closes up to now, missing bars left out."""
        return [row[a] for row in self.close[: t + 1] if not math.isnan(row[a])]

    def equity(self) -> float:
        return self.cash + sum(x * mark for x, mark in zip(self.position, self.mark, strict=True))

    def idle(self, a: int) -> bool:
        return self.position[a] == 0.0 and self.waiting[a] is None

    def play(self, decide: Callable[[SlowMarket, int], None]) -> list[Fill]:
        """Run all bars; `decide(market, t)` is called at each close from bar 1 on."""
        for t in range(self.n_bars):
            for a in range(self.n_assets):
                if self.has_bar(t, a):
                    self._bar(t, a)
                    self.mark[a] = self.close[t][a]
            if t > 0:
                decide(self, t)
        return self.fills

    def _bar(self, t: int, a: int) -> None:
        wanted = self.waiting[a]
        if wanted is not None:
            self.waiting[a] = None
            if wanted != self.position[a]:
                self._fill(t, a, wanted - self.position[a], self.open[t][a])
        if self.position[a] == 0.0:
            return
        side = math.copysign(1.0, self.position[a])
        stop, target = self.stop[a], self.target[a]
        worst, best = (self.low[t][a], self.high[t][a]) if side > 0.0 else (self.high[t][a], self.low[t][a])
        price = None
        if stop is not None and side * (worst - stop) <= 0.0:
            price = stop if side * (self.open[t][a] - stop) > 0.0 else self.open[t][a]
        elif target is not None and side * (best - target) >= 0.0:
            price = target
        if target is not None and side * (self.open[t][a] - target) >= 0.0:
            price = self.open[t][a]
        if price is not None:
            self._fill(t, a, -self.position[a], price)
            self.stop[a] = self.target[a] = None

    def _fill(self, t: int, a: int, quantity: float, price: float) -> None:
        self.cash -= quantity * price
        self.position[a] += quantity
        self.fills.append((t, a, quantity, price))


def mean_of(values: list[float], n: int) -> float:
    return sum(values[-n:]) / n if len(values) >= n else math.nan


def sma_cross(fast: int, slow: int) -> Callable[[SlowMarket, int], None]:
    def averages(market: SlowMarket, t: int, a: int) -> tuple[float, float]:
        if not market.has_bar(t, a):
            return math.nan, math.nan
        own = market.closes(t, a)
        return mean_of(own, fast), mean_of(own, slow)

    def decide(market: SlowMarket, t: int) -> None:
        for a in range(market.n_assets):
            (fast_now, slow_now), (fast_then, slow_then) = averages(market, t, a), averages(market, t - 1, a)
            if fast_now > slow_now and fast_then <= slow_then:
                market.waiting[a] = market.equity() / market.n_assets / market.close[t][a]
            elif fast_now < slow_now and fast_then >= slow_then and not market.idle(a):
                market.waiting[a] = 0.0

    return decide


def bollinger_reversion(n: int, k: float, stop: float) -> Callable[[SlowMarket, int], None]:
    def bands(market: SlowMarket, t: int, a: int) -> tuple[float, float]:
        own = market.closes(t, a)
        if not market.has_bar(t, a) or len(own) < n:
            return math.nan, math.nan
        return mean_of(own, n), mean_of(own, n) - k * statistics.pstdev(own[-n:])

    def decide(market: SlowMarket, t: int) -> None:
        for a in range(market.n_assets):
            (middle, lower), (_, lower_then) = bands(market, t, a), bands(market, t - 1, a)
            close = market.close[t][a]
            if market.idle(a) and close < lower and market.close[t - 1][a] >= lower_then:
                market.waiting[a] = market.equity() / market.n_assets / close
                market.stop[a], market.target[a] = close - stop * (middle - close), middle

    return decide


def donchian_breakout(
    channel: int, atr_period: int, stop_atrs: float, risk: float, short: bool
) -> Callable[[SlowMarket, int], None]:
    def true_ranges(market: SlowMarket, t: int, a: int) -> list[float]:
        found, before = [], math.nan
        for row in range(t + 1):
            if market.has_bar(row, a):
                found.append(max(market.high[row][a], before) - min(market.low[row][a], before))
                before = market.close[row][a]
        return found[1:]  # the first has no close before it

    def atr(market: SlowMarket, t: int, a: int) -> float:
        ranges = true_ranges(market, t, a)
        if len(ranges) < atr_period:
            return math.nan
        average = sum(ranges[:atr_period]) / atr_period
        for value in ranges[atr_period:]:
            average += (value - average) / atr_period
        return average

    def extremes(market: SlowMarket, t: int, a: int) -> tuple[float, float]:
        own = [row for row in range(t + 1) if market.has_bar(row, a)][-channel:]
        if not market.has_bar(t, a) or len(own) < channel:
            return math.nan, math.nan
        return max(market.high[row][a] for row in own), min(market.low[row][a] for row in own)

    def decide(market: SlowMarket, t: int) -> None:
        for a in range(market.n_assets):
            away = stop_atrs * atr(market, t, a)
            if not market.has_bar(t, a) or math.isnan(away) or math.isnan(extremes(market, t, a)[0]):
                continue
            close, x, stop = market.close[t][a], market.position[a], market.stop[a]
            if x != 0.0 and stop is not None:
                market.stop[a] = max(stop, close - away) if x > 0.0 else min(stop, close + away)
            elif market.idle(a):
                upper, lower = extremes(market, t - 1, a)
                side = 1.0 if close > upper else -1.0 if short and close < lower else 0.0
                if side:
                    equity = market.equity()
                    market.waiting[a] = side * min(risk * equity / away, equity / market.n_assets / close)
                    market.stop[a] = close - side * away

    return decide
