"""Orders from the verb to the last status: submission (rules 10, 14-16, 33, 36), queued changes (2), how they end."""

import math
from collections.abc import Callable

from backtester.kernel.codes import ChangeKind, ChangeOutcome, FillAt, OrderKind, Reason, Role, Status, Tif

from .model import NAN, Change, Number, Order, absent
from .money import Money

LARGEST = 1e15
FILL_AT = {"next_open": FillAt.NEXT_OPEN, "close": FillAt.CLOSE}


class Book(Money):
    """The order table and the queue of changes."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.orders: list[Order] = []
        self.changes: list[Change] = []
        self.groups = 0
        self.bankrupt = False
        self.stopped = False  # by `max_drawdown`
        self.delisted: set[int] = set()

    def at_close(self, order: Order) -> bool:
        """Whether it fills in the close phase: market kinds under `fill_at="close"`."""
        return FILL_AT[self.settings.fill_at] == FillAt.CLOSE and order.kind == OrderKind.MARKET

    def find(self, order_id: int) -> Order | None:
        return self.orders[order_id - 1] if 1 <= order_id <= len(self.orders) else None

    # ---- how an order ends

    def end(self, order: Order, status: Status, reason: Reason) -> None:
        order.status, order.reason, order.ended = status, reason, self.t
        if any(order.legs) and order.filled == 0:
            for leg in self.legs_of(order):
                if leg.live:
                    self.end(leg, Status.CANCELLED, Reason.PARENT_ENDED)
        partner = self.find(order.partner)
        if status == Status.FILLED and partner is not None and partner.live:
            self.end(partner, Status.CANCELLED, Reason.OTHER_LEG_FILLED)
        if order.parent:
            self.end_parent_without_legs(self.find(order.parent))

    def end_parent_without_legs(self, parent: Order) -> None:
        """Rule 16: no leg works any more, and one has filled or gone with the position."""
        legs = self.legs_of(parent)
        gone = any(leg.status == Status.FILLED or leg.reason == Reason.NOTHING_TO_REDUCE for leg in legs)
        if parent.live and gone and not any(leg.live for leg in legs):
            self.end(parent, Status.CANCELLED, Reason.LEGS_ENDED)

    def legs_of(self, parent: Order) -> list[Order]:
        return [self.find(leg) for leg in parent.legs if leg]

    # ---- submission

    def new(self, a: int, kind: OrderKind, quantity: Number, tif: int, expire: int, tag: int, **more) -> Order:
        order = Order(len(self.orders) + 1, a, kind, tif=tif, expire=expire, tag=tag, quantity=quantity, **more)
        order.submitted = self.t
        self.orders.append(order)
        order.eligible = self.t + self.settings.latency_bars + (0 if self.at_close(order) else 1)
        return order

    def reject(self, order: Order, reason: Reason) -> int:
        order.eligible = -1
        self.end(order, Status.REJECTED, reason)
        return order.id

    def bad_asset(self, a: int) -> Reason:
        if self.bankrupt:
            return Reason.BANKRUPT
        if self.stopped:
            return Reason.DRAWDOWN_LIMIT
        if not 0 <= a < self.market.n_assets:
            return Reason.ASSET_UNKNOWN
        return Reason.DELISTED if a in self.delisted else Reason.NONE

    def bad_quantity(self, quantity: Number) -> Reason:
        if not math.isfinite(quantity):
            return Reason.QUANTITY_NOT_FINITE
        if quantity == 0:
            return Reason.QUANTITY_ZERO
        return Reason.QUANTITY_TOO_LARGE if abs(quantity) > LARGEST else Reason.NONE

    def bad_tif(self, tif: int, expire: int) -> Reason:
        if tif not in list(Tif):
            return Reason.TIF_UNKNOWN
        return Reason.EXPIRE_MISSING if tif == Tif.GTD and expire <= 0 else Reason.NONE

    def too_large(self, a: int, quantity: Number) -> Reason:
        """Rule 33, `max_order`: of an order that would do more than reduce."""
        x, limit = self.position[a], self.settings.max_order
        if limit == math.inf or quantity == 0 or (quantity * x < 0 and abs(quantity) <= abs(x)):
            return Reason.NONE
        if self.mark[a] is None or self.rate_of(a) is None:
            return Reason.NO_MARK
        value = abs(quantity) * self.multiplier(a) * self.mark[a]
        return Reason.ORDER_TOO_LARGE if value > self.number(limit) * self.equity() else Reason.NONE

    def rounded(self, quantity: Number, a: int) -> Number:
        """Rule 14: towards zero to the lot, except exactly −x."""
        quantity = self.number(quantity)
        return quantity if quantity == -self.position[a] else self.towards_zero(quantity, a)

    def submit(
        self,
        a: int,
        kind: OrderKind,
        quantity: Number,
        tif: int,
        expire: int,
        tag: int,
        *,
        role: Role = Role.PLAIN,
        limit: Number = NAN,
        stop: Number = NAN,
        distance: Number = NAN,
        frac: Number = NAN,
        exact: bool = False,
    ) -> int:
        """`order`, `limit`, `stop`, `stop_limit`, `trailing_stop`, a rung of `scale_out`; `exact` is not rounded."""
        order = self.new(a, kind, quantity, tif, expire, tag, role=role)
        needed = {OrderKind.LIMIT: [limit], OrderKind.STOP: [stop], OrderKind.STOP_LIMIT: [stop, limit]}.get(kind, [])
        reason = self.bad_asset(a) or self.bad_quantity(quantity)
        if not reason and not all(good_price(price) for price in needed):
            reason = Reason.PRICE_INVALID
        if not reason and kind == OrderKind.TRAILING_STOP and not good_distance(distance, frac, quantity):
            reason = Reason.DISTANCE_INVALID
        reason = reason or self.bad_tif(tif, expire)
        if not reason:
            size = self.number(quantity) if exact else self.rounded(quantity, a)
            if size == 0:
                reason = Reason.QUANTITY_BELOW_LOT
            elif not order.protective:
                reason = self.too_large(a, size)
        if reason:
            return self.reject(order, reason)
        order.quantity = size
        order.limit_price, order.stop_price = self.price_or_nan(limit), self.price_or_nan(stop)
        order.distance, order.distance_frac = self.price_or_nan(distance), self.price_or_nan(frac)
        return order.id

    def price_or_nan(self, value: Number) -> Number:
        return NAN if absent(value) else self.number(value)

    def submit_target(self, a: int, amount: Number, unit: str, tif: int, expire: int, tag: int, group: int = 0) -> int:
        """Rule 10. `unit` is "quantity", "value" or "percent"; the target position is fixed here."""
        reason = self.bad_asset(a)
        if reason == Reason.DELISTED and amount == 0:
            return 0
        if not reason and not math.isfinite(amount):
            reason = Reason.TARGET_NOT_FINITE
        if not reason and unit == "quantity" and abs(amount) > LARGEST:
            reason = Reason.QUANTITY_TOO_LARGE
        reason = reason or self.bad_tif(tif, expire)
        if not reason and unit != "quantity" and (self.mark[a] is None or self.rate_of(a) is None):
            reason = Reason.NO_MARK
        target = NAN
        if not reason:
            target = self.number(amount)
            if unit != "quantity":
                value = target if unit == "value" else target * self.equity()
                target = value / (self.mark[a] * self.multiplier(a))
            if abs(target) > LARGEST:
                reason = Reason.QUANTITY_TOO_LARGE
            target = self.towards_zero(target, a)
            reason = reason or self.too_large(a, self.gap(target, a))
        if not reason and not self.replaceable(a) and self.gap(target, a) == 0:
            return 0
        order = self.new(a, OrderKind.MARKET, 0, tif, expire, tag, role=Role.TARGET, group=group, target=target)
        return self.reject(order, reason) if reason else order.id

    def gap(self, target: Number, a: int) -> Number:
        """X − x."""
        x = self.position[a]
        return self.no_dust(target - x, max(abs(target), abs(x)))

    def replaceable(self, a: int, below: int | None = None) -> list[Order]:
        """Live market and target orders of asset a, with an id lower than `below`."""
        return [
            o
            for o in self.orders
            if o.live and o.asset == a and o.kind == OrderKind.MARKET and (below is None or o.id < below)
        ]

    def submit_bracket(
        self,
        a: int,
        quantity: Number,
        stop_loss: Number,
        take_profit: Number,
        stop_loss_frac: Number,
        take_profit_frac: Number,
        entry_limit: Number,
        entry_stop: Number,
        tif: int,
        expire: int,
        tag: int,
    ) -> int:
        """Rule 16: the parent, its stop child (id + 1), its target child (id + 2)."""
        kinds = (OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP, OrderKind.STOP_LIMIT)
        kind = kinds[(not absent(entry_limit)) + 2 * (not absent(entry_stop))]
        parent = self.new(a, kind, quantity, tif, expire, tag)
        parent.legs = (parent.id + 1, parent.id + 2)
        for child_kind, role in ((OrderKind.STOP, Role.STOP_LOSS), (OrderKind.LIMIT, Role.TAKE_PROFIT)):
            child = self.new(a, child_kind, 0, Tif.GTC, 0, tag, role=role, parent=parent.id)
            child.status, child.eligible = Status.DORMANT, -1
        stop, target = self.legs_of(parent)
        stop.partner, target.partner = target.id, stop.id

        prices = (entry_limit, entry_stop, stop_loss, take_profit)
        reason = self.bad_asset(a) or self.bad_quantity(quantity)
        twice = ((stop_loss, stop_loss_frac), (take_profit, take_profit_frac))
        if not reason and not all(absent(price) or good_price(price) for price in prices):
            reason = Reason.PRICE_INVALID
        if not reason and any(not absent(price) and not absent(frac) for price, frac in twice):
            reason = Reason.PRICE_INVALID
        reason = reason or self.bad_tif(tif, expire)
        if not reason and kind == OrderKind.MARKET and self.mark[a] is None:
            reason = Reason.NO_MARK
        if not reason and self.rounded(quantity, a) == 0:
            reason = Reason.QUANTITY_BELOW_LOT
        if not reason:
            reference = self.mark[a] if kind == OrderKind.MARKET else None
            if not absent(entry_limit):
                reference = entry_limit
            elif not absent(entry_stop):
                reference = entry_stop
            s = 1 if quantity > 0 else -1
            if wrong_leg(stop_loss, stop_loss_frac, self.number(reference), -s):
                reason = Reason.STOP_LOSS_WRONG_SIDE
            elif wrong_leg(take_profit, take_profit_frac, self.number(reference), s):
                reason = Reason.TAKE_PROFIT_WRONG_SIDE
        reason = reason or self.too_large(a, self.rounded(quantity, a))
        if reason:
            for child in (stop, target):
                self.end(child, Status.REJECTED, Reason.PARENT_REJECTED)
            return self.reject(parent, reason)

        parent.quantity = self.rounded(quantity, a)
        parent.limit_price, parent.stop_price = self.price_or_nan(entry_limit), self.price_or_nan(entry_stop)
        stop.stop_price, target.limit_price = self.price_or_nan(stop_loss), self.price_or_nan(take_profit)
        for child, price, frac in ((stop, stop_loss, stop_loss_frac), (target, take_profit, take_profit_frac)):
            if absent(price) and absent(frac):
                self.end(child, Status.CANCELLED, Reason.LEG_ABSENT)
            elif absent(price):
                child.distance_frac = self.number(frac)
        return parent.id

    def scale_out(self, a: int, prices: list, fractions: list | None, tif: int, expire: int, tag: int) -> int:
        """Rule 36: one limit order against the position for each price; the id of the first."""
        x = self.position[a] if 0 <= a < self.market.n_assets else NAN
        if x == 0 and not (self.bankrupt or self.stopped):
            return 0
        parts = [self.number(1) / len(prices)] * len(prices) if fractions is None else fractions
        whole = all(math.isfinite(part) for part in parts) and abs(sum(parts) - 1) <= 1e-9
        left, ids = x, []
        for n, (price, part) in enumerate(zip(prices, parts, strict=True)):
            if x != x or not math.isfinite(part):
                quantity = NAN
            elif whole and n == len(prices) - 1:
                quantity = -self.no_dust(left, abs(x))
            else:
                quantity = -self.towards_zero(self.number(part) * x, a)
                left += quantity
            kind, role = OrderKind.LIMIT, Role.SCALE_OUT
            ids.append(self.submit(a, kind, quantity, tif, expire, tag, role=role, limit=price, exact=True))
        return ids[0] if ids else 0

    # ---- changes: rows now, acting at the start of bar t + 1 + latency

    def ask(self, kind: ChangeKind, orders: list[Order | None], **fields) -> bool:
        """Queue a change of the named orders, or write at once why it cannot be."""
        change = Change(self.t, self.t + 1 + self.settings.latency_bars, kind, **fields)
        self.changes.append(change)
        if any(order is None for order in orders):
            change.outcome, change.acts = ChangeOutcome.ORDER_UNKNOWN, -1
        elif not orders or not all(order.live for order in orders):
            change.outcome, change.acts = ChangeOutcome.ORDER_ENDED, -1
        return change.outcome == ChangeOutcome.QUEUED

    def ask_cancel_all(self, a: int, reason: Reason) -> bool:
        known = 0 <= a < self.market.n_assets
        orders = [o for o in self.orders if o.live and o.asset == a] if known else [None]
        return self.ask(ChangeKind.CANCEL_ALL, orders, order_id=len(self.orders), other=a, reason=reason)

    def act_on_changes(self) -> None:
        """Rule 2, first step of a bar: in call order."""
        act = self.acting()
        for change in self.changes:
            if change.outcome == ChangeOutcome.QUEUED and change.acts == self.t:
                change.outcome = act[change.kind](change)

    def acting(self) -> dict[ChangeKind, Callable[[Change], ChangeOutcome]]:
        return {
            ChangeKind.CANCEL: self.act_cancel,
            ChangeKind.CANCEL_ALL: self.act_cancel_all,
            ChangeKind.MODIFY: self.act_modify,
            ChangeKind.OCO: self.act_oco,
        }

    def act_cancel(self, change: Change) -> ChangeOutcome:
        order = self.find(change.order_id)
        if not order.live:
            return ChangeOutcome.ORDER_ENDED
        self.end(order, Status.CANCELLED, change.reason)
        return ChangeOutcome.DONE

    def act_cancel_all(self, change: Change) -> ChangeOutcome:
        outcome = ChangeOutcome.ORDER_ENDED
        for order in self.orders[: change.order_id]:
            if order.live and order.asset == change.other:
                self.end(order, Status.CANCELLED, change.reason)
                outcome = ChangeOutcome.DONE
        return outcome

    def act_modify(self, change: Change) -> ChangeOutcome:
        order, price, quantity = self.find(change.order_id), change.price, change.quantity
        if not order.live:
            return ChangeOutcome.ORDER_ENDED
        if absent(price) and absent(quantity):
            return ChangeOutcome.NOTHING_TO_CHANGE
        if not absent(price):
            if not order.rests_as_limit and (not order.waits_for_stop or order.kind == OrderKind.TRAILING_STOP):
                return ChangeOutcome.PRICE_NOT_MODIFIABLE
            if not good_price(price):
                return ChangeOutcome.PRICE_INVALID
        if not absent(quantity):
            if order.parent:
                return ChangeOutcome.QUANTITY_ON_CHILD
            if not self.good_new_quantity(order, quantity):
                return ChangeOutcome.QUANTITY_INVALID
        if not absent(price):
            change.old_price = order.price
            if order.rests_as_limit:
                order.limit_price = self.number(price)
            else:
                order.stop_price = self.number(price)
            if order.parent:
                order.distance_frac = NAN
        if not absent(quantity):
            change.old_quantity = order.quantity
            order.quantity = self.rounded(quantity, order.asset)
            if self.no_dust(order.remaining, abs(order.quantity)) == 0:
                self.end(order, Status.CANCELLED, Reason.REDUCED_BY_MODIFY)
        return ChangeOutcome.DONE

    def good_new_quantity(self, order: Order, quantity: Number) -> bool:
        """The new signed total: same sign, at least what is filled; a target must have been fixed."""
        if self.bad_quantity(quantity) or order.quantity == 0:
            return False
        new = self.rounded(quantity, order.asset)
        return new * order.quantity > 0 and self.no_dust(abs(new) - abs(order.filled), abs(new)) >= 0

    def act_oco(self, change: Change) -> ChangeOutcome:
        first, second = self.find(change.order_id), self.find(change.other)
        if not (first.live and second.live):
            return ChangeOutcome.ORDER_ENDED
        if first is second:
            return ChangeOutcome.NOTHING_TO_CHANGE
        if first.partner or second.partner:
            return ChangeOutcome.OCO_ALREADY_PAIRED
        first.partner, second.partner = second.id, first.id
        return ChangeOutcome.DONE


def good_price(price: Number) -> bool:
    return math.isfinite(price) and price > 0


def good_distance(distance: Number, frac: Number, quantity: Number) -> bool:
    """Exactly one of the two, finite and positive; a long's fraction is below one."""
    if absent(distance) == absent(frac):
        return False
    if absent(frac):
        return math.isfinite(distance) and distance > 0
    return math.isfinite(frac) and frac > 0 and (quantity > 0 or frac < 1)


def wrong_leg(price: Number, frac: Number, reference: Number, side: int) -> bool:
    """Whether a leg is not strictly on its side (+1 above, -1 below) of the reference."""
    if not absent(price):
        return (price - reference) * side <= 0
    if absent(frac):
        return False
    return not (math.isfinite(frac) and frac > 0 and (side > 0 or frac < 1))
