"""One order against one price: how much of it, at what P, and what that fill changes. Rules 3, 7, 10-12, 16."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from backtester.kernel.codes import OrderKind, Phase, Reason, Status, Tif

from .model import Number, Order
from .money import Quote
from .transfers import Transfers


@dataclass
class Request:
    """What an order asks for at p: closing + opening = quantity, after every cap but affordability."""

    quantity: Number
    closing: Number
    opening: Number
    quote: Quote
    refused: Reason  # NONE, or why the order ends once it has this quantity
    whole: bool  # nothing has been capped


class Execution(Transfers):
    """Affordability, fills, and what follows from a fill."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.phase = Phase.OPEN
        self.queue: list[Order] = []  # orders of this pass that are not matched yet, the current one first
        self.activated: list[Order] = []
        self.factors: dict[int, Number] = {}
        self.fill_rises = False  # whether the order that fills intrabar was reached from below
        self.ambiguous: set[int] = set()

    # ---- the request

    def volume_left(self, a: int) -> Number | None:
        """Rule 12; None is no cap."""
        part, volume = self.settings.max_participation, self.market.volume[self.t][a]
        if part is None or part != part or volume != volume:
            return None
        most = self.floor_lot(self.number(part) * self.number(volume), a)
        return max(self.no_dust(most - self.taken[a], most), self.number(0))

    def request(self, order: Order, p: Number, taker: bool) -> Request:
        a, s, x = order.asset, order.sign, self.position[order.asset]
        remaining = abs(order.remaining)
        quantity, refused = remaining, Reason.NONE
        if order.protective:
            quantity = min(quantity, abs(x) if s * x < 0 else self.number(0))
        if not self.settings.allow_short and s < 0 and quantity > max(x, self.number(0)):
            quantity, refused = max(x, self.number(0)), Reason.SHORT_NOT_ALLOWED
        left = self.volume_left(a)
        if left is not None and left < quantity:
            quantity, refused = left, Reason.NONE  # the volume is what stops it now
        closing = min(quantity, abs(x)) if s * x < 0 else self.number(0)
        if taker:
            limit = order.limit_price if order.kind in (OrderKind.LIMIT, OrderKind.STOP_LIMIT) else None
            quote = self.taker_quote(s, a, p, quantity, limit)
        else:
            quote = Quote(p, self.number(0), self.number(0), self.number(0))
        whole = self.no_dust(remaining - quantity, remaining) == 0
        return Request(quantity, closing, quantity - closing, quote, refused, whole)

    # ---- rule 3: one factor for a rebalance

    def factor(self, order: Order) -> Number:
        """Computed at the group's first order that opens in this phase, over those not matched yet."""
        if order.group not in self.factors:
            factor = self.factor_for(order.group, self.number(self.settings.leverage), self.weight)
            if self.settings.max_gross < math.inf:
                gross = self.factor_for(order.group, self.number(self.settings.max_gross), lambda a: self.number(1))
                factor = min(factor, gross)
            self.factors[order.group] = factor
        return self.factors[order.group]

    def factor_for(self, group: int, limit: Number, weight: Callable[[int], Number]) -> Number:
        """The factor at which Σ weight·|value| ≤ limit·E′."""
        values = self.values(self.marks(self.phase))
        free = limit * (self.cash + sum(values)) - sum(weight(a) * abs(value) for a, value in enumerate(values))
        needed = self.number(0)
        for other in self.queue:
            a = other.asset
            if other.group != group or other.status != Status.WORKING or not self.tradable(a):
                continue
            p = self.bar("close" if self.phase == Phase.CLOSE else "open", a)
            want, m = self.request(other, p, taker=True), self.multiplier(a)
            if want.quantity == 0 or m is None:
                continue
            u = self.unit_cost(a, p, want.quote.price, want.quantity)
            fixed = max(self.cost("commission_min", a), self.cost("commission_per_order", a))
            fixed = fixed if other.filled == 0 else self.number(0)
            free += want.closing * weight(a) * p * m - limit * (fixed + u * want.closing)
            needed += want.opening * (weight(a) * p * m + limit * u)
        full = free * (1 + self.number(1e-9)) >= needed
        return self.number(1) if full else max(free / needed, self.number(0))

    # ---- rule 11

    def match(self, order: Order, p: Number, taker: bool) -> None:
        want = self.request(order, p, taker)
        if order.tif == Tif.FOK and not want.whole:
            return  # ended by the caller
        if want.quantity == 0:
            if want.refused:
                self.refuse(order, want.refused)
            return
        opening, reason = self.open_amount(order, want, p)
        if order.tif == Tif.FOK and opening < want.opening:
            return
        quantity, reason = want.closing + opening, reason or want.refused
        if quantity == 0:
            self.refuse(order, reason)
        else:
            self.fill(order, quantity, p, want.quote, taker, reason)

    def open_amount(self, order: Order, want: Request, p: Number) -> tuple[Number, Reason]:
        """How much of the opening part is taken, and the reason why the order then ends, if it does."""
        opening, reason, zero = want.opening, Reason.NONE, self.number(0)
        if opening == 0:
            return opening, reason
        if self.rate_of(order.asset) is None:
            return zero, Reason.INSUFFICIENT_EQUITY
        if order.group and self.factor(order) < 1:
            opening, reason = self.floor_lot(self.factor(order) * opening, order.asset), Reason.SCALED_TO_EQUITY
        most, limit = self.affordable(order, p, want.quote.price, want.quantity, want.closing, self.phase)
        if opening > most * (1 + self.number(1e-9)):
            if not reason and self.settings.on_shortfall == "reject":
                return zero, limit
            opening, reason = max(most, zero), reason or limit
        lot = self.cost("lot_size", order.asset)
        if reason and opening < (lot if lot > 0 else self.number(1e-9) * want.opening):
            opening = zero
        return opening, reason

    def refuse(self, order: Order, reason: Reason) -> None:
        self.end(order, Status.CANCELLED if order.filled else Status.REJECTED, reason)

    # ---- a fill and what follows from it

    def fill(self, order: Order, quantity: Number, p: Number, quote: Quote, taker: bool, reason: Reason) -> None:
        a = order.asset
        self.book(order, quantity, p, quote, self.phase, taker)
        self.taken[a] += quantity
        if order.remaining == 0:
            self.end(order, Status.FILLED, Reason.NONE)
        elif reason:
            self.end(order, Status.FILLED, reason)
        else:
            self.shrink_partner(order, quantity)
        if any(order.legs):
            self.feed_legs(order, quote.price, p)
        self.wake_trailing_stops(a, quote.price, p)
        self.end_idle_protection(a)

    def end_idle_protection(self, a: int) -> None:
        """Rule 10: protective orders that are awake and have nothing left to reduce."""
        for other in self.orders:
            awake = other.protective and other.asset == a and other.status == Status.WORKING
            if awake and self.position[a] * other.sign >= 0:
                self.end(other, Status.CANCELLED, Reason.NOTHING_TO_REDUCE)

    def shrink_partner(self, order: Order, quantity: Number) -> None:
        """Rule 16: a partial fill of one of a pair shrinks the other (its completion ends it, in `end`)."""
        partner = self.find(order.partner)
        if partner is None or not partner.live:
            return
        if order.parent:
            partner.quantity = -(self.find(order.parent).filled_now + order.filled)
        elif partner.quantity != 0:
            partner.quantity -= partner.sign * min(quantity, abs(partner.remaining))
            if partner.remaining == 0:
                self.end(partner, Status.CANCELLED, Reason.OTHER_LEG_FILLED)

    def feed_legs(self, parent: Order, price: Number, r: Number) -> None:
        """Children follow the parent's fills; its first fill wakes them, and places those given by fraction."""
        legs = self.legs_of(parent)
        for leg in legs:
            if not leg.live:
                continue
            other = self.find(leg.partner)
            leg.quantity = -(parent.filled + other.filled_now)
            if leg.status == Status.DORMANT:
                if leg.price != leg.price:
                    side = parent.sign if leg.kind == OrderKind.LIMIT else -parent.sign
                    level = price * (1 + side * leg.distance_frac)
                    leg.stop_price, leg.limit_price = (
                        (leg.stop_price, level) if leg.kind == OrderKind.LIMIT else (level, leg.limit_price)
                    )
                self.activate(leg, r)

    def wake_trailing_stops(self, a: int, price: Number, r: Number) -> None:
        for order in self.orders:
            if order.status == Status.SLEEPING and order.asset == a and self.position[a] * order.sign < 0:
                order.stop_price = self.trail(order, price)
                self.activate(order, r)

    def activate(self, order: Order, r: Number) -> None:
        """It is matched in a further pass of this phase, or from the next bar after the close phase."""
        order.status = Status.WORKING
        if order.eligible < 0:
            order.eligible = self.t + (self.phase == Phase.CLOSE)
        if self.phase == Phase.INTRABAR:
            order.entry = (self.t, r, self.fill_rises)
        if self.phase in (Phase.OPEN, Phase.INTRABAR):
            self.activated.append(order)
