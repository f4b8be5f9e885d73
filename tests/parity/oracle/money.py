"""Prices, costs, equity and carry: rules 7, 9, 11, 14 and 19, every number from scratch each time it is asked for."""

import math
from dataclasses import dataclass
from itertools import pairwise

from backtester.kernel.codes import CashFlowKind, Phase

from .model import CashFlow, Fill, Market, Number, Order, Settings

NS_PER_YEAR = 365 * 86_400 * 10**9


@dataclass
class Quote:
    """A price P for one fill, and its parts per unit of quantity and of multiplier."""

    price: Number
    spread: Number
    slippage: Number
    impact: Number


class Money:
    """The account: cash, positions, marks. `number` is the type in which all of it is computed."""

    def __init__(self, market: Market, settings: Settings, number: type) -> None:
        self.market, self.settings, self.number = market, settings, number
        self.t = 0
        self.cash = number(settings.cash)
        self.position = [number(0)] * market.n_assets
        self.mark: list[Number | None] = [None] * market.n_assets
        self.average = [number(0)] * market.n_assets  # average cost, for `ctx.entry_price`
        self.fills: list[Fill] = []
        self.cash_flows: list[CashFlow] = []
        self.taken = [number(0)] * market.n_assets  # volume taken in this bar, rule 12
        self.known: dict[tuple, Number] = {}  # numbers already converted

    def bar(self, column: str, a: int, t: int | None = None) -> Number:
        t = self.t if t is None else t
        if (column, t, a) not in self.known:
            self.known[column, t, a] = self.number(getattr(self.market, column)[t][a])
        return self.known[column, t, a]

    def cost(self, name: str, a: int) -> Number:
        if (name, a) not in self.known:
            self.known[name, a] = self.number(self.settings.of(name, a))
        return self.known[name, a]

    def has_bar(self, a: int) -> bool:
        return self.market.has_bar(self.t, a)

    def tradable(self, a: int) -> bool:
        return self.market.tradable(self.t, a)

    # ---- rounding, rule 14

    def floor_lot(self, v: Number, a: int) -> Number:
        lot = self.cost("lot_size", a)
        return v if lot == 0 else math.floor(v / lot + self.number(1e-9)) * lot

    def towards_zero(self, q: Number, a: int) -> Number:
        return self.floor_lot(q, a) if q > 0 else -self.floor_lot(-q, a)

    def to_tick(self, price: Number, s: int, a: int) -> Number:
        tick, slack = self.cost("tick_size", a), self.number(1e-9)
        if tick == 0:
            return price
        return (math.ceil(price / tick - slack) if s > 0 else math.floor(price / tick + slack)) * tick

    def no_dust(self, v: Number, scale: Number) -> Number:
        """What a sum of quantities leaves of rounding is 0: a position, a remainder, a volume, a gap to a target."""
        return self.number(0) if abs(v) <= self.number(1e-12) * scale else v

    # ---- prices, rule 7

    def session_statistics(self, a: int) -> tuple[float, Number]:
        """σ and V of asset a at bar t, from sessions that ended before it; (0, 0) where there is no impact."""
        sessions = self.market.sessions
        if ("statistics", sessions[self.t], a) in self.known:
            return self.known["statistics", sessions[self.t], a]
        closes: dict[int, Number] = {}
        volumes: dict[int, Number] = {}
        for i in range(self.t):
            if sessions[i] != sessions[self.t] and self.market.has_bar(i, a):
                volume = self.market.volume[i][a]
                closes[sessions[i]] = self.bar("close", a, i)
                volumes.setdefault(sessions[i], self.number(0))
                volumes[sessions[i]] += self.number(0 if math.isnan(volume) else volume)
        returns = [now / before - 1 for before, now in pairwise(closes.values())][-20:]
        result = (0.0, self.number(0))
        if len(returns) >= 2:
            mean, last = sum(returns) / len(returns), list(volumes.values())[-20:]
            sd = math.sqrt(sum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
            result = (sd, sum(last) / len(last))
        self.known["statistics", sessions[self.t], a] = result
        return result

    def taker_quote(self, s: int, a: int, p: Number, quantity: Number, limit: Number | None = None) -> Quote:
        """P = p·[1 + s·(spread/2 + slippage + impact·σ·√(|q|/V))], floored, rounded, then clamped."""
        impact = self.number(0)
        if self.settings.of("impact", a) != 0:
            sigma, volume = self.session_statistics(a)
            if volume > 0:
                impact = self.cost("impact", a) * self.number(sigma) * self.number(math.sqrt(quantity / volume))
        half, slippage = self.cost("spread", a) / 2, self.cost("slippage", a)
        price = max(p * (1 + s * (half + slippage + impact)), self.number(0))
        price = self.to_tick(price, s, a)
        if limit is not None:
            price = min(price, limit) if s > 0 else max(price, limit)
        return Quote(price, p * half, p * slippage, p * impact)

    # ---- equity and affordability, rule 11

    def marks(self, phase: Phase, a: int = -1, p: Number = 0) -> list[Number]:
        """Open marks in the open and intrabar phases, else the last marks; asset a at p."""
        result = []
        for b, mark in enumerate(self.mark):
            if b == a:
                result.append(p)
            elif phase in (Phase.OPEN, Phase.INTRABAR) and self.has_bar(b):
                result.append(self.bar("open", b))
            else:
                result.append(self.number(0) if mark is None else mark)
        return result

    def equity(self, marks: list[Number] | None = None) -> Number:
        marks = self.marks(Phase.CLOSE) if marks is None else marks
        return self.cash + sum(
            x * self.cost("multiplier", a) * mark for a, (x, mark) in enumerate(zip(self.position, marks, strict=True))
        )

    def gross(self, marks: list[Number] | None = None) -> Number:
        marks = self.marks(Phase.CLOSE) if marks is None else marks
        return sum(
            (abs(x) * self.cost("multiplier", a) * mark)
            for a, (x, mark) in enumerate(zip(self.position, marks, strict=True))
        )

    def proportional(self, a: int, price: Number, quantity: Number) -> Number:
        """c·P, or f(P, |q|)/|q|: money per unit of quantity and of multiplier."""
        if callable(self.settings.commission):
            return self.number(self.settings.commission(price, quantity)) / quantity
        return self.cost("commission", a) * price

    def unit_cost(self, a: int, p: Number, price: Number, quantity: Number) -> Number:
        """u = (|P − p| + c·P)·m + per_unit."""
        m = self.cost("multiplier", a)
        return (abs(price - p) + self.proportional(a, price, quantity)) * m + self.cost("commission_per_unit", a)

    def affordable(self, order: Order, p: Number, price: Number, wanted: Number, k: Number, phase: Phase) -> Number:
        """q* where k = 0, r* where the fill also closes k: the smaller of the two branches of the commission."""
        a, leverage = order.asset, self.number(self.settings.leverage)
        m, marks = self.cost("multiplier", a), self.marks(phase, a, p)
        equity, gross = self.equity(marks), self.gross(marks)

        def most(fixed: Number, u: Number) -> Number:
            free = leverage * (equity - fixed - u * k) - (gross - k * p * m)
            return self.floor_lot(free / (p * m + leverage * u), a)

        proportional = self.cost("commission_per_order", a) + order.commission_base - order.commission
        minimum = self.cost("commission_min", a) - order.commission
        return min(most(proportional, self.unit_cost(a, p, price, wanted)), most(minimum, abs(price - p) * m))

    # ---- changes of the account

    def pay(self, a: int, kind: CashFlowKind, amount: Number) -> None:
        if amount != 0:
            self.cash += amount
            self.cash_flows.append(CashFlow(self.t, a, kind, amount))

    def carry(self) -> None:
        """Rule 19: borrow per short asset, then one row on what is free."""
        years = self.number(self.market.timestamps[self.t] - self.market.timestamps[self.t - 1]) / NS_PER_YEAR
        free = self.cash
        for a, x in enumerate(self.position):
            if x < 0:
                value = -x * self.cost("multiplier", a) * self.mark[a]
                free -= value
                self.pay(a, CashFlowKind.BORROW, -self.cost("borrow_rate", a) * value * years)
        if free >= 0:
            self.pay(-1, CashFlowKind.CASH_INTEREST, self.number(self.settings.cash_rate) * free * years)
        else:
            self.pay(-1, CashFlowKind.DEBIT_INTEREST, self.number(self.settings.debit_rate) * free * years)

    def book(self, order: Order, quantity: Number, p: Number, quote: Quote, phase: Phase, taker: bool) -> None:
        """Write one fill of |quantity|: commission by rule 9, cash, position, the rows."""
        a, s, price = order.asset, order.sign, quote.price
        m, before = self.cost("multiplier", a), self.position[a]
        order.commission_base += (
            self.cost("commission_per_unit", a) + self.proportional(a, price, quantity) * m
        ) * quantity
        total = max(self.cost("commission_min", a), self.cost("commission_per_order", a) + order.commission_base)
        paid, order.commission = total - order.commission, total
        left = self.no_dust(abs(order.remaining) - quantity, abs(order.quantity))
        order.filled = order.quantity if left == 0 else order.filled + s * quantity
        order.filled_value += quantity * price
        self.cash -= s * quantity * price * m + paid
        after = before + s * quantity
        after = self.no_dust(after, max(abs(before), quantity))
        self.average_in(a, before, after, price)
        self.position[a] = after
        parts = (quote.spread, quote.slippage, quote.impact) if taker else (self.number(0),) * 3
        spread, slippage, impact = (part * quantity * m for part in parts)
        rounding = s * (price - p) * quantity * m - (spread + slippage + impact)
        self.fills.append(
            Fill(
                order_id=order.id,
                asset=a,
                bar=self.t,
                phase=phase,
                taker=int(taker),
                tag=order.tag,
                quantity=s * quantity,
                reference_price=p,
                price=price,
                commission=paid,
                spread=spread,
                slippage=slippage,
                impact=impact,
                rounding=rounding,
            )
        )

    def average_in(self, a: int, before: Number, after: Number, price: Number) -> None:
        """Average cost: weighted when |x| grows, kept when it shrinks, the price of the fill when x changes sign."""
        if after == 0:
            self.average[a] = self.number(0)
        elif before * after <= 0:
            self.average[a] = price
        elif abs(after) > abs(before):
            self.average[a] = (self.average[a] * before + price * (after - before)) / after
