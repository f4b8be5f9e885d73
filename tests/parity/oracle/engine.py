"""The bars one after another: rule 2's order of events, liquidation (rule 20), the end of the data (rule 4)."""

from collections.abc import Callable
from fractions import Fraction

from backtester.kernel.codes import CashFlowKind, ChangeOutcome, OrderKind, Phase, Reason, Role, Status, Tif

from .matching import Matching
from .model import Market, Number, OracleResult, Settings
from .verbs import Ctx

Script = Callable[[Ctx, int], None]


class Oracle(Matching):
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
            equity=self.history,
            cash=self.cash,
            positions=self.position,
            ambiguous_bars=len(self.ambiguous),
            bankrupt=self.bankrupt,
        )

    def one_bar(self, ctx: Ctx) -> None:
        """Rule 2."""
        self.taken = [self.number(0)] * self.market.n_assets
        self.act_on_changes()
        if self.t > 0:
            self.carry()
        self.make_eligible(close_phase=False)
        self.open_phase()
        self.intrabar_phase()
        self.move_trailing_stops()
        self.expire(close_phase=False)
        self.take_marks()
        self.margin_check()
        if self.t >= self.settings.start and not self.bankrupt:
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

    # ---- rule 20

    def margin_check(self) -> None:
        maintenance = self.number(self.settings.maintenance)
        if any(self.position) and self.equity() < maintenance * self.gross():
            self.end_all(Status.CANCELLED, Reason.LIQUIDATION)
            held = [a for a, x in enumerate(self.position) if x != 0 and self.tradable(a)]
            for a in sorted(
                held, key=lambda a: (-abs(self.position[a]) * self.cost("multiplier", a) * self.mark[a], a)
            ):
                if self.equity() >= maintenance * self.gross():
                    break
                self.force(a, Role.LIQUIDATION, Reason.LIQUIDATION)
        if not self.bankrupt and not any(self.position) and self.equity() <= 0:
            self.end_all(Status.CANCELLED, Reason.BANKRUPT)
            self.pay(-1, CashFlowKind.WRITE_OFF, -self.cash)
            self.bankrupt = True

    def end_all(self, status: Status, reason: Reason) -> None:
        for order in self.orders:
            if order.live:
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
