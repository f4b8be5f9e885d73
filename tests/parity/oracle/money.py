"""Prices, costs, equity and carry: rules 7, 9, 11, 14, 19 and 33-35, every number from scratch each time."""

import math
from dataclasses import dataclass
from itertools import pairwise

from backtester.kernel.codes import CashFlowKind, Phase, Reason

from .model import NAN, CashFlow, Fill, Market, Number, Order, Settings

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
        self.balance = [number(settings.cash)] + [number(0)] * len(settings.fx)  # per currency
        self.rate: list[Number | None] = [number(1)] + [None] * len(settings.fx)  # exchange rates of this phase
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
        units = self.units_since(a)
        key = ("statistics", sessions[self.t], units[0], a)
        if key in self.known:
            return self.known[key]
        closes: dict[int, Number] = {}
        volumes: dict[int, Number] = {}
        for i in range(self.t):
            if sessions[i] != sessions[self.t] and self.market.has_bar(i, a):
                volume = self.market.volume[i][a]
                closes[sessions[i]] = self.bar("close", a, i) / units[i]
                volumes.setdefault(sessions[i], self.number(0))
                volumes[sessions[i]] += self.number(0 if math.isnan(volume) else volume) * units[i]
        returns = [now / before - 1 for before, now in pairwise(closes.values())][-20:]
        result = (0.0, self.number(0))
        if len(returns) >= 2:
            mean, last = sum(returns) / len(returns), list(volumes.values())[-20:]
            sd = math.sqrt(sum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
            result = (sd, sum(last) / len(last))
        self.known[key] = result
        return result

    def units_since(self, a: int) -> list[Number]:
        """Rule 29: for each bar before t, the units in bar t for one unit then."""
        units = [self.number(1)] * (self.t + 1)
        for i in range(self.t, 0, -1):
            r = self.market.event("split", i, a)
            units[i - 1] = units[i] if math.isnan(r) else units[i] * self.number(r)
        return units

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

    # ---- currencies, rule 35

    def currency(self, a: int) -> int:
        return 0 if self.settings.currency is None else self.settings.currency[a]

    def settles_in(self, a: int) -> int:
        """The currency in which what asset a pays and costs is booked."""
        keeps = self.settings.settlement == "keep" or self.margin(a) is not None
        return self.currency(a) if keeps else 0

    def keeps(self) -> bool:
        """Whether any asset is paid for in another currency than the account's."""
        return any(self.settles_in(a) for a in range(self.market.n_assets))

    def rate_at(self, c: int, column: str) -> Number | None:
        """Money of the account for one unit of currency c: from a column of this bar, else from the last mark."""
        if c == 0:
            return self.number(1)
        pair, inverse = self.settings.fx[c - 1]
        price = self.bar(column, pair) if self.has_bar(pair) else self.mark[pair]
        return 1 / price if inverse and price is not None else price

    def move_rates(self, column: str) -> None:
        self.rate = [self.rate_at(c, column) for c in range(len(self.rate))]

    def rate_of(self, a: int) -> Number | None:
        return self.rate[self.currency(a)]

    def multiplier(self, a: int) -> Number | None:
        """m·X: money of the account per unit of price and quantity; None where the rate is not known yet."""
        rate = self.rate_of(a)
        return None if rate is None else self.cost("multiplier", a) * rate

    @property
    def cash(self) -> Number:
        """C = Σ C_c·X_c."""
        held = [(amount, rate) for amount, rate in zip(self.balance, self.rate, strict=True) if amount != 0]
        if any(rate is None for _, rate in held):
            return NAN  # bought at the first open of its pair, before rates have moved there
        return sum((amount * rate for amount, rate in held), self.number(0))

    # ---- equity and affordability, rules 11, 33, 34

    def margin(self, a: int) -> float | None:
        return None if self.settings.margin is None else self.settings.margin[a]

    def weight(self, a: int) -> Number:
        """μ."""
        margin = self.margin(a)
        return self.number(1) if margin is None else self.number(margin)

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

    def values(self, marks: list[Number] | None = None) -> list[Number]:
        """x·m·X·mark per asset."""
        marks = self.marks(Phase.CLOSE) if marks is None else marks
        return [
            x * self.multiplier(a) * mark if x else self.number(0)
            for a, (x, mark) in enumerate(zip(self.position, marks, strict=True))
        ]

    def equity(self, marks: list[Number] | None = None) -> Number:
        return self.cash + sum(self.values(marks))

    def gross(self, marks: list[Number] | None = None) -> Number:
        return sum(abs(value) for value in self.values(marks))

    def weighted_gross(self, marks: list[Number] | None = None) -> Number:
        """G with each asset weighted by μ."""
        return sum(self.weight(a) * abs(value) for a, value in enumerate(self.values(marks)))

    def proportional(self, a: int, price: Number, quantity: Number) -> Number:
        """c·P, or f(P, |q|)/|q|: money per unit of quantity and of multiplier."""
        if callable(self.settings.commission):
            return self.number(self.settings.commission(price, quantity)) / quantity
        return self.cost("commission", a) * price

    def unit_cost(self, a: int, p: Number, price: Number, quantity: Number) -> Number:
        """u = (|P − p| + c·P)·m + per_unit."""
        m = self.multiplier(a)
        return (abs(price - p) + self.proportional(a, price, quantity)) * m + self.cost("commission_per_unit", a)

    def affordable(
        self, order: Order, p: Number, price: Number, wanted: Number, k: Number, phase: Phase
    ) -> tuple[Number, Reason]:
        """The smallest q* (r* where the fill also closes k) of leverage and the limits, and what an order it cuts says.

        Of each the smaller of the two branches of the commission.
        """
        a, marks = order.asset, self.marks(phase, order.asset, p)
        m, equity = self.multiplier(a), self.equity(marks)
        proportional = self.cost("commission_per_order", a) + order.commission_base - order.commission
        minimum = self.cost("commission_min", a) - order.commission
        branches = ((proportional, self.unit_cost(a, p, price, wanted)), (minimum, abs(price - p) * m))

        def most(limit: Number, gross: Number, value: Number) -> Number:
            free = [(limit * (equity - fixed - u * k) - (gross - k * value), u) for fixed, u in branches]
            quantities = [self.floor_lot(money / (value + limit * u), a) for money, u in free]
            return max(min(quantities), self.number(0))

        quantity = most(self.number(self.settings.leverage), self.weighted_gross(marks), self.weight(a) * p * m)
        by_leverage, reason = quantity, Reason.INSUFFICIENT_EQUITY
        limits = (
            (self.settings.max_gross, self.gross(marks)),
            (self.settings.of("max_exposure", a), abs(self.position[a]) * p * m),
        )
        for limit, gross in limits:
            if limit < math.inf:
                allowed = most(self.number(limit), gross, p * m)
                if allowed < by_leverage * (1 - self.number(1e-9)):
                    reason = Reason.EXPOSURE_LIMIT
                quantity = min(quantity, allowed)
        return quantity, reason

    # ---- changes of the account

    def pay(self, a: int, kind: CashFlowKind, amount: Number, currency: int = 0) -> None:
        """A change of cash, in its currency."""
        if amount != 0:
            self.balance[currency] += amount
            self.cash_flows.append(CashFlow(self.t, a, kind, amount, currency, self.rate[currency]))

    def pay_asset(self, a: int, kind: CashFlowKind, amount: Number) -> None:
        """What asset a pays, in its own currency: kept there, or exchanged at once."""
        c = self.settles_in(a)
        self.pay(a, kind, amount if c == self.currency(a) else amount * self.rate_of(a), c)

    def carry(self) -> None:
        """Rule 19: borrow per short asset, then one row per currency on what is free of it."""
        years = self.number(self.market.timestamps[self.t] - self.market.timestamps[self.t - 1]) / NS_PER_YEAR
        free = list(self.balance)
        for a, x in enumerate(self.position):
            if x == 0:
                continue
            c, value = self.settles_in(a), x * self.cost("multiplier", a) * self.mark[a]
            own = value if c == self.currency(a) else value * self.rate_of(a)
            if self.margin(a) is not None:
                free[c] += own
            elif x < 0:
                free[c] += own
                self.pay_asset(a, CashFlowKind.BORROW, self.cost("borrow_rate", a) * value * years)
        for c, amount in enumerate(free):
            if amount >= 0:
                self.pay(-1, CashFlowKind.CASH_INTEREST, self.number(self.settings.cash_rate) * amount * years, c)
            else:
                self.pay(-1, CashFlowKind.DEBIT_INTEREST, self.number(self.settings.debit_rate) * amount * years, c)

    def book(self, order: Order, quantity: Number, p: Number, quote: Quote, phase: Phase, taker: bool) -> None:
        """Write one fill of |quantity|: commission by rule 9, cash, position, the rows."""
        a, s, price = order.asset, order.sign, quote.price
        m, before = self.multiplier(a), self.position[a]
        order.commission_base += (
            self.cost("commission_per_unit", a) + self.proportional(a, price, quantity) * m
        ) * quantity
        total = max(self.cost("commission_min", a), self.cost("commission_per_order", a) + order.commission_base)
        paid, order.commission = total - order.commission, total
        left = self.no_dust(abs(order.remaining) - quantity, abs(order.quantity))
        order.filled = order.quantity if left == 0 else order.filled + s * quantity
        order.filled_value += quantity * price
        c = self.settles_in(a)
        self.balance[c] -= (s * quantity * price * m + paid) / self.rate[c]
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
                fx=self.rate_of(a),
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
