"""The bars one after another: rules 2 and 28, liquidation and ruin (20), the drawdown stop (33), the end (4)."""

import math
from collections.abc import Callable
from fractions import Fraction

from backtester.kernel.codes import CashFlowKind, ChangeOutcome, OrderKind, Phase, Reason, Role, Status, Tif

from .events import Events
from .model import Market, Number, OracleResult, Settings
from .verbs import Ctx

Script = Callable[[Ctx, int], None]


class Oracle(Events):
    """One run of `script` over `market`; `number` is Fraction (exact) or float."""

    def __init__(self, market: Market, settings: Settings, script: Script, number: type = Fraction) -> None:
        super().__init__(market, settings, number)
        self.script = script
        self.history: list[Number] = []  # equity per bar

    def run(self) -> OracleResult:
        ctx = Ctx(self)
        for t in range(self.market.n_bars):
            self.t = t
            self.one_bar(ctx)
        return OracleResult(
            orders=self.orders,
            fills=self.fills,
            cash_flows=self.cash_flows,
            changes=self.changes,
            actions=self.actions,
            equity=self.history,
            cash=self.cash,
            balances=self.balance,
            deposits=self.deposits,
            positions=self.position,
            ambiguous_bars=len(self.ambiguous),
            bankrupt=self.bankrupt,
        )

    def one_bar(self, ctx: Ctx) -> None:
        """Rules 2 and 28."""
        self.taken = [self.number(0)] * self.market.n_assets
        if self.t > 0:
            self.carry()
        self.act_on_changes()
        if not self.bankrupt:
            self.happen()
        self.move_rates("open")
        self.make_eligible(close_phase=False)
        self.open_phase()
        self.intrabar_phase()
        self.move_trailing_stops()
        self.expire(close_phase=False)
        self.take_marks()
        self.margin_check()
        self.drawdown_check()
        if self.t >= self.settings.start and not (self.bankrupt or self.stopped):
            self.script(ctx, self.t)
        if self.settings.fill_at == "close":
            self.close_phase()
        if self.t + 1 == self.market.n_bars:
            self.end_of_data()
        self.history.append(self.equity())

    def take_marks(self) -> None:
        """Rule 5: a missing bar leaves the last mark."""
        for a in range(self.market.n_assets):
            if self.has_bar(a):
                self.mark[a] = self.bar("close", a)
        self.move_rates("close")

    # ---- rule 20

    def margin_check(self) -> None:
        maintenance = self.number(self.settings.maintenance)
        if any(self.position) and self.equity() < maintenance * self.weighted_gross():
            self.end_all(Status.CANCELLED, Reason.LIQUIDATION)
            held = [a for a, x in enumerate(self.position) if x != 0 and self.tradable(a)]
            value = self.values()
            for a in sorted(held, key=lambda a: (-abs(value[a]), a)):
                if self.equity() >= maintenance * self.weighted_gross():
                    break
                self.force(a, Role.LIQUIDATION, Reason.LIQUIDATION)
        if not self.bankrupt and not any(self.position) and self.equity() <= 0:
            self.end_all(Status.CANCELLED, Reason.BANKRUPT)
            for c, held in enumerate(self.balance):
                self.pay(-1, CashFlowKind.WRITE_OFF, -held, c)
            self.bankrupt = True

    # ---- rule 33

    def drawdown_check(self) -> None:
        """`max_drawdown`, once: every position is closed by an order that is eligible without latency."""
        limit = self.settings.max_drawdown
        self.peak = max(self.peak, self.equity())
        if limit == math.inf or self.bankrupt or self.stopped:
            return
        if self.equity() >= (1 - self.number(limit)) * self.peak:
            return
        self.end_all(Status.CANCELLED, Reason.DRAWDOWN_LIMIT)
        for a, x in enumerate(self.position):
            if x != 0:
                order = self.new(a, OrderKind.MARKET, -x, Tif.GTC, 0, 0, role=Role.DRAWDOWN_STOP)
                order.eligible -= self.settings.latency_bars
        self.stopped = True

    def end_all(self, status: Status, reason: Reason) -> None:
        for order in self.orders:
            spared = reason == Reason.LIQUIDATION and order.role == Role.DRAWDOWN_STOP
            if order.live and not spared:
                self.end(order, status, reason)

    def force(self, a: int, role: Role, reason: Reason) -> None:
        """Close the whole position as taker from close[t], without participation."""
        order = self.new(a, OrderKind.MARKET, -self.position[a], Tif.GTC, 0, 0, role=role)
        order.eligible, quantity, p = self.t, abs(order.quantity), self.mark[a]
        self.book(order, quantity, p, self.taker_quote(order.sign, a, p, quantity), Phase.FORCED, True)
        self.end(order, Status.FILLED, reason)

    # ---- rule 4

    def end_of_data(self) -> None:
        self.end_all(Status.EXPIRED, Reason.DATA_ENDED)
        for change in self.changes:
            if change.outcome == ChangeOutcome.QUEUED:
                change.outcome = ChangeOutcome.DATA_ENDED
        if self.settings.close_at_end:
            for a, x in enumerate(self.position):
                if x != 0 and self.tradable(a):
                    self.force(a, Role.CLOSE_AT_END, Reason.AT_END)
