"""What happens to an asset before the open: splits, dividends, funding, delistings. Rules 28-31."""

import math

from backtester.kernel.codes import ActionKind, CashFlowKind, ChangeKind, ChangeOutcome, Reason, Status

from .matching import Matching
from .model import Action, Change, Number, Order


class Events(Matching):
    """The columns of events of bar t."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.actions: list[Action] = []

    def happen(self) -> None:
        """Rule 28: for each asset its split, its dividend, its funding, its delisting."""
        for a in range(self.market.n_assets):
            split, dividend, funding, delisting = (
                self.market.event(column, self.t, a) for column in ("split", "dividend", "funding", "delisting")
            )
            if not math.isnan(split) and split != 1:
                self.split(a, self.number(split))
            held = self.position[a] * self.cost("multiplier", a)
            if not math.isnan(dividend) and held != 0:
                self.pay_asset(a, CashFlowKind.DIVIDEND, held * self.number(dividend))
            if not math.isnan(funding) and held != 0:
                self.pay_asset(a, CashFlowKind.FUNDING, -held * self.mark[a] * self.number(funding))
            if not math.isnan(delisting):
                self.delist(a, self.number(delisting))

    # ---- rule 29

    def split(self, a: int, r: Number) -> None:
        x = self.position[a]
        after = self.towards_zero(x * r, a)
        for order in self.orders:
            if not order.live and order.asset == a:
                order.since *= r
        touched = [order for order in self.orders if order.live and order.asset == a]
        for order in touched:
            if order.live:  # the legs of a parent that the split has cancelled are over
                self.split_order(order, r, x, after)
        for change in self.changes:
            queued = change.outcome == ChangeOutcome.QUEUED and change.kind == ChangeKind.MODIFY
            if queued and self.find(change.order_id) in touched:
                change.price, change.quantity = change.price / r, change.quantity * r
        if self.mark[a] is not None:
            self.mark[a] /= r
        if x != 0:
            fraction = self.no_dust(x * r - after, abs(x * r))
            self.position[a], self.average[a] = after, self.average[a] / r if after else self.number(0)
            self.pay_asset(a, CashFlowKind.CASH_IN_LIEU, fraction * self.cost("multiplier", a) * self.mark[a])
            self.actions.append(
                Action(self.t, a, ActionKind.SPLIT, r, x, after, self.mark[a], self.rate_of(a)),
            )
        self.end_idle_protection(a)

    def split_order(self, order: Order, r: Number, x: Number, after: Number) -> None:
        """`x` and `after`: the position before and after."""
        closes = x != 0 and self.no_dust(order.remaining + x, abs(x)) == 0
        row = Change(self.t, self.t, ChangeKind.SPLIT, order.id, order.asset, ChangeOutcome.DONE)
        row.old_price, row.old_quantity = order.price, order.quantity
        for name in ("quantity", "filled", "target"):
            setattr(order, name, getattr(order, name) * r)
        for name in ("limit_price", "stop_price", "distance"):
            setattr(order, name, getattr(order, name) / r)
        own_rules = order.parent or row.old_quantity == 0
        if not own_rules:
            order.quantity = order.filled - after if closes else self.towards_zero(order.quantity, order.asset)
        row.price, row.quantity = order.price, order.quantity
        self.changes.append(row)
        more = self.no_dust(abs(order.quantity) - abs(order.filled), abs(order.quantity)) > 0
        if not own_rules and not more:
            self.end(order, Status.CANCELLED, Reason.SPLIT)

    # ---- rule 31

    def delist(self, a: int, declared: Number) -> None:
        for order in self.orders:
            if order.live and order.asset == a:
                self.end(order, Status.CANCELLED, Reason.DELISTED)
        self.delisted.add(a)
        x = self.position[a]
        if x == 0:
            return
        policy = self.settings.delisting
        price = {"final_price": declared, "last_mark": self.mark[a], "worthless": self.number(0)}[policy]
        self.position[a] = self.average[a] = self.number(0)
        self.pay_asset(a, CashFlowKind.DELISTING, x * self.cost("multiplier", a) * price)
        row = Action(self.t, a, ActionKind.DELISTING, price, x, self.number(0), self.mark[a], self.rate_of(a))
        self.actions.append(row)
