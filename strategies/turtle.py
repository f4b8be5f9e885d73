"""The Turtles: buy what leaves its channel, add while it runs, and leave all of it at the opposite channel.

Source: Curtis Faith, "Way of the Turtle" (2007), appendix "Original Turtle Trading Rules": units that are worth 1 % of
equity per N (the average true range of 20 days), stops 2 N away that move up with each unit, a unit more every half N,
System 1 with its filter and System 2. Limits over correlated markets are not in it; an equal part of equity for each
asset takes their place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import atr, donchian


class Turtle(Strategy):
    """Enter with stop orders at the channel, pyramid, and leave with stop orders.

    The defaults are System 1: a breakout is left out when the one before it, taken or not, would have been a winner,
    unless it is one of the longer channel too. `Turtle(entry=55, exit=20, failsafe=0)` is System 2.

    The orders of a bar lie at the channel of the bars before it, and fill inside the bar or at the open beyond it. A
    bar brings one unit at most. N, and the quantity of a unit, are those of the bar in which the orders for the first
    unit were last moved, and stay as long as the position; those orders move when their channel does.
    Every unit has a stop; all of them lie at the same price: `stop` N from the last fill, or at the exit channel where
    that is nearer, and never move back.

    Parameters
    ----------
    entry : int
        Bars whose highest high and lowest low are the entry channel, 1 or more.
    exit : int
        Bars whose lowest low (for a long position) is the exit channel, 1 or more.
    failsafe : int
        Bars in the channel whose breakouts are always taken, 1 or more; 0: all breakouts of `entry` are taken.
    atr_period : int
        Bars in N, 1 or more.
    stop : float
        Distance of the stop from the last fill, in N, above 0.
    step : float
        Distance of a further unit from the last fill, in N, above 0.
    max_units : int
        Units in one position, 1 or more.
    risk : float
        Fraction of equity that one N of a unit is worth, above 0. A position of all units gets at most 1/n of
        `leverage` times equity, for n assets.
    leverage : float
        Gross value that all positions may have, in equities, above 0; more than the account has is reduced there.
    short : bool
        Whether to sell short.
    """

    entry: int = 20
    exit: int = 10
    failsafe: int = 55
    atr_period: int = 20
    stop: float = 2.0
    step: float = 0.5
    max_units: int = 4
    risk: float = 0.01
    leverage: float = 1.0
    short: bool = True

    def prepare(self, bars: Bars) -> None:
        for name in ("stop", "step", "risk", "leverage"):
            if not getattr(self, name) > 0.0:
                raise ParameterError(f"Turtle: {name} is {getattr(self, name)}; it must be above 0")
        if self.max_units < 1:
            raise ParameterError(f"Turtle: max_units is {self.max_units}; it must be 1 or more")
        if self.failsafe < 0:
            raise ParameterError(f"Turtle: failsafe is {self.failsafe}; it must be a number of bars, or 0 for none")
        self.upper, _, self.lower = donchian(bars.high, bars.low, self.entry)
        self.exit_upper, _, self.exit_lower = donchian(bars.high, bars.low, self.exit)
        self.far_upper, _, self.far_lower = donchian(bars.high, bars.low, self.failsafe or self.entry)
        self.n = atr(bars.high, bars.low, bars.close, self.atr_period)
        self.prepare_state(bars.n_assets)

    def prepare_state(self, n_assets: int) -> None:
        """Set what is remembered of each asset: its position, its orders, and the last breakout."""
        self.held = constant(np.zeros(n_assets))  # position after each fill, the fills of one bar told apart
        self.units = constant(np.zeros(n_assets, np.int64))
        self.last_fill = constant(np.zeros(n_assets))  # price of the last unit
        self.unit_n = constant(np.zeros(n_assets))  # N and quantity, when the orders for the first unit were sent
        self.unit_quantity = constant(np.zeros(n_assets))
        self.unit_held = constant(np.zeros((n_assets, self.max_units)))  # of each unit, with the order id of its stop
        self.stop_ids = constant(np.zeros((n_assets, self.max_units), np.int64))
        self.stop_prices = constant(np.full((n_assets, self.max_units), math.nan))
        self.buy_price = constant(np.full(n_assets, math.nan))  # of the orders for the first unit
        self.sell_price = constant(np.full(n_assets, math.nan))
        self.adding = constant(np.zeros(n_assets, np.bool_))  # an order for a further unit has been sent
        self.breakout = constant(np.zeros(n_assets))  # side of the last breakout's trade while it runs, taken or not
        self.breakout_price = constant(np.zeros(n_assets))
        self.breakout_stop = constant(np.zeros(n_assets))
        self.won = constant(np.zeros(n_assets, np.bool_))  # whether the last one that is over made a profit
        self.before = constant(np.full((n_assets, 5), math.nan))  # channels and N at the asset's own bar before

    def on_fill(self, ctx: Context, fill: Any) -> None:
        if self.held[fill.asset] * fill.quantity >= 0.0:
            self.entered(fill.asset, fill.order_id, fill.quantity, fill.price)
        else:
            self.left(fill.asset, fill.order_id, fill.quantity)

    def entered(self, a: int, order_id: int, quantity: float, price: float) -> None:
        """Note a fill that adds: a new unit, or more of the last one; its stop is the order after it."""
        u = self.units[a]
        if (u == 0 or self.stop_ids[a, u - 1] != order_id + 1) and u < self.max_units:
            self.stop_ids[a, u] = order_id + 1
            self.stop_prices[a, u] = math.nan
            self.unit_held[a, u] = 0.0
            u += 1
            self.units[a] = u
        self.unit_held[a, u - 1] += quantity
        self.held[a] += quantity
        self.last_fill[a] = price
        self.adding[a] = False

    def left(self, a: int, order_id: int, quantity: float) -> None:
        """Note a fill of a stop, and forget a unit of which nothing is left."""
        kept, least = 0, 1e-9 * self.unit_quantity[a]
        for u in range(self.units[a]):
            if self.stop_ids[a, u] == order_id:
                self.unit_held[a, u] += quantity
            if abs(self.unit_held[a, u]) > least:
                self.stop_ids[a, kept] = self.stop_ids[a, u]
                self.stop_prices[a, kept] = self.stop_prices[a, u]
                self.unit_held[a, kept] = self.unit_held[a, u]
                kept += 1
        self.units[a] = kept
        self.held[a] += quantity
        if abs(self.held[a]) <= least:
            self.held[a] = 0.0
            self.units[a] = 0

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            if not ctx.ready(a):
                continue
            self.follow(ctx, a)
            if ctx.position(a) == 0.0:
                self.seek(ctx, a)
            else:
                self.manage(ctx, a)

    def follow(self, ctx: Context, a: int) -> None:
        """Play the trade of the last breakout on paper, one unit, to know whether it won."""
        upper, lower, exit_upper, exit_lower, n = self.before[a]
        open_, high, low = ctx.open[-1, a], ctx.high[-1, a], ctx.low[-1, a]
        if self.breakout[a] > 0.0:
            level = max(self.breakout_stop[a], exit_lower)
            if low <= level:
                self.breakout[a], self.won[a] = 0.0, min(open_, level) > self.breakout_price[a]
        elif self.breakout[a] < 0.0:
            level = min(self.breakout_stop[a], exit_upper)
            if high >= level:
                self.breakout[a], self.won[a] = 0.0, max(open_, level) < self.breakout_price[a]
        elif high >= upper or low <= lower:
            side = 1.0 if high >= upper else -1.0
            self.breakout[a] = side
            self.breakout_price[a] = max(open_, upper) if side > 0.0 else min(open_, lower)
            self.breakout_stop[a] = self.breakout_price[a] - side * self.stop * n
        self.before[a, 0], self.before[a, 1] = self.upper[-1, a], self.lower[-1, a]
        self.before[a, 2], self.before[a, 3] = self.exit_upper[-1, a], self.exit_lower[-1, a]
        self.before[a, 4] = self.n[-1, a]

    def seek(self, ctx: Context, a: int) -> None:
        """Keep an order for the first unit at each end of the channel."""
        near = self.failsafe == 0 or (self.breakout[a] == 0.0 and not self.won[a])
        buy = self.upper[-1, a] if near else self.far_upper[-1, a]
        sell = self.lower[-1, a] if near else self.far_lower[-1, a]
        n, working = self.n[-1, a], ctx.open_orders(a) > 0
        if n <= 0.0 or (working and buy == self.buy_price[a] and sell == self.sell_price[a]):
            return
        if working:
            ctx.cancel_all(a)
        dearest, money = buy + (self.max_units - 1) * self.step * n, ctx.equity / ctx.multiplier(a)
        most = self.leverage * money / ctx.n_assets / self.max_units / dearest
        self.unit_n[a], self.unit_quantity[a] = n, min(self.risk * money / n, most)
        self.buy_price[a], self.sell_price[a] = buy, sell
        bought = ctx.bracket(a, self.unit_quantity[a], stop_loss=buy - self.stop * n, entry_stop=buy)
        if self.short:
            sold = ctx.bracket(a, -self.unit_quantity[a], stop_loss=sell + self.stop * n, entry_stop=sell)
            ctx.oco(bought, sold)

    def manage(self, ctx: Context, a: int) -> None:
        """Move all stops to their common price, and order a further unit."""
        side, n = math.copysign(1.0, ctx.position(a)), self.unit_n[a]
        self.buy_price[a] = self.sell_price[a] = math.nan
        price = self.last_fill[a] - side * self.stop * n
        for u in range(self.units[a]):
            if not math.isnan(self.stop_prices[a, u]):  # never back
                price = side * max(side * price, side * self.stop_prices[a, u])
        price = max(price, self.exit_lower[-1, a]) if side > 0.0 else min(price, self.exit_upper[-1, a])
        for u in range(self.units[a]):
            if price != self.stop_prices[a, u]:
                self.stop_prices[a, u] = price
                ctx.modify(self.stop_ids[a, u], price=price)
        if self.units[a] < self.max_units and not self.adding[a]:
            level = self.last_fill[a] + side * self.step * n
            ctx.bracket(a, side * self.unit_quantity[a], stop_loss=level - side * self.stop * n, entry_stop=level)
            self.adding[a] = True
