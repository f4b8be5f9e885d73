"""Money that comes, goes or is exchanged by a verb: deposits and withdrawals (rule 32), conversions (rule 35)."""

import math

from backtester.kernel.codes import CashFlowKind, ChangeKind, ChangeOutcome

from .book import Book
from .model import NAN, Change, Number


class Transfers(Book):
    """Changes of the account: asked for by a verb, acting at the start of a bar."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.peak = self.balance[0]  # the largest equity so far, scaled by deposits and withdrawals
        self.deposits = [self.number(0)] * self.market.n_bars

    def acting(self) -> dict:
        return {**super().acting(), ChangeKind.DEPOSIT: self.act_deposit, ChangeKind.CONVERT: self.act_convert}

    def ask_money(self, change: Change, refused: ChangeOutcome = ChangeOutcome.QUEUED) -> bool:
        """Queue a change of money, or write at once why it cannot be."""
        if self.bankrupt or self.stopped:
            refused = ChangeOutcome.ACCOUNT_ENDED
        elif not math.isfinite(change.quantity):
            refused = ChangeOutcome.AMOUNT_INVALID
        change.bar, change.acts, change.outcome = self.t, self.t + 1 + self.settings.latency_bars, refused
        if refused != ChangeOutcome.QUEUED:
            change.acts = -1
        self.changes.append(change)
        return change.outcome == ChangeOutcome.QUEUED

    def ask_deposit(self, amount: Number, sign: int) -> bool:
        return self.ask_money(Change(kind=ChangeKind.DEPOSIT, quantity=sign * amount if amount > 0 else NAN))

    def act_deposit(self, change: Change) -> ChangeOutcome:
        if self.bankrupt or self.stopped:
            return ChangeOutcome.ACCOUNT_ENDED
        amount, outcome, equity = self.number(change.quantity), ChangeOutcome.DONE, self.equity()
        if amount < 0:
            free = equity - self.weighted_gross() / self.number(self.settings.leverage)
            if not free > self.number(1e-12) * equity:
                return ChangeOutcome.INSUFFICIENT_EQUITY
            if -amount > free:
                amount, outcome = -free, ChangeOutcome.REDUCED
        self.pay(-1, CashFlowKind.DEPOSIT if amount > 0 else CashFlowKind.WITHDRAWAL, amount)
        self.deposits[self.t] += amount
        if equity > 0:
            self.peak *= (equity + amount) / equity
        return outcome

    def ask_convert(self, amount: Number, from_a: int, to_a: int) -> bool:
        change = Change(kind=ChangeKind.CONVERT, order_id=from_a, other=to_a, quantity=amount if amount > 0 else NAN)
        refused = ChangeOutcome.QUEUED
        if not all(-1 <= a < self.market.n_assets for a in (from_a, to_a)):
            refused = ChangeOutcome.ASSET_UNKNOWN
        elif not self.keeps():
            refused = ChangeOutcome.CURRENCY_NOT_KEPT
        return self.ask_money(change, refused)

    def act_convert(self, change: Change) -> ChangeOutcome:
        """Both sides at the pairs' opens: sold at X·(1 − cost), bought at X·(1 + cost)."""
        if self.bankrupt or self.stopped:
            return ChangeOutcome.ACCOUNT_ENDED
        sold, bought = (0 if a < 0 else self.currency(a) for a in (change.order_id, change.other))
        if sold == bought:
            return ChangeOutcome.NOTHING_TO_CHANGE
        rates = [self.rate_at(c, "open") for c in (sold, bought)]
        if None in rates:
            return ChangeOutcome.RATE_UNKNOWN
        amount = self.number(change.quantity)
        value = amount * rates[0] * (1 - self.conversion_cost(sold))
        self.pay(-1, CashFlowKind.CONVERSION, -amount, sold)
        self.pay(-1, CashFlowKind.CONVERSION, value / (rates[1] * (1 + self.conversion_cost(bought))), bought)
        for flow, rate in zip(self.cash_flows[-2:], rates, strict=True):
            flow.fx = rate
        return ChangeOutcome.DONE

    def conversion_cost(self, c: int) -> Number:
        if c == 0:
            return self.number(0)
        pair = self.settings.fx[c - 1][0]
        return self.cost("spread", pair) / 2 + self.cost("slippage", pair)
