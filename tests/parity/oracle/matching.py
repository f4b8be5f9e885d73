"""Which orders meet the market in which phase, at which price: rules 2, 3, 5, 7, 8, 13, 17, 18."""

from collections.abc import Callable

from backtester.kernel.codes import OrderKind, Phase, Reason, Role, Status, Tif

from .execution import Execution
from .model import Number, Order
from .path import bar_path, rest_of_path, travelled


class Matching(Execution):
    """Eligibility, the three phases, trailing levels, expiry."""

    # ---- newly eligible orders, ruling 11: in id order

    def make_eligible(self, close_phase: bool) -> None:
        for order in self.orders:
            if order.status != Status.PENDING or order.eligible != self.t or self.at_close(order) != close_phase:
                continue
            if order.tif == Tif.GTD and order.expire < self.market.timestamps[self.t]:
                self.end(order, Status.EXPIRED, Reason.GTD_ENDED)
            elif order.role == Role.TARGET:
                self.fix_target(order)
            elif order.kind == OrderKind.TRAILING_STOP and self.position[order.asset] * order.sign >= 0:
                order.status = Status.SLEEPING
            elif order.role == Role.SCALE_OUT and self.position[order.asset] * order.sign >= 0:
                self.end(order, Status.CANCELLED, Reason.NOTHING_TO_REDUCE)
            else:
                order.status = Status.WORKING
                if order.kind == OrderKind.TRAILING_STOP:
                    order.stop_price = self.trail(order, self.mark[order.asset])

    def fix_target(self, order: Order) -> None:
        """Rules 2 and 10: what it replaces ends, then q = X − x."""
        order.status = Status.WORKING
        for other in self.replaceable(order.asset, below=order.id):
            self.end(other, Status.CANCELLED, Reason.REPLACED_BY_TARGET)
        order.quantity = self.gap(order.target, order.asset)
        if order.quantity == 0:
            self.end(order, Status.CANCELLED, Reason.TARGET_REACHED)

    # ---- passes, rule 3

    def order_class(self, order: Order) -> int:
        x = self.position[order.asset]
        if order.protective:
            return 0
        if order.sign * x >= 0:
            return 2
        return 0 if abs(order.remaining) <= abs(x) else 1

    def run_phase(self, phase: Phase, orders: list[Order], handle: Callable[[Order], None]) -> None:
        """Match every order once; then, pass after pass, what the fills have activated."""
        self.phase, self.factors = phase, {}
        while orders:
            by_asset = phase == Phase.INTRABAR
            self.queue = sorted(orders, key=lambda o: (self.order_class(o), o.asset if by_asset else 0, o.id))
            self.activated = []
            self.losers = self.same_bar_losers(self.queue) if phase == Phase.INTRABAR else []
            while self.queue:
                order = self.queue[0]
                if order.status == Status.WORKING:
                    handle(order)
                    if order.status == Status.WORKING and phase != Phase.INTRABAR:
                        self.end_immediate(order)
                self.queue.pop(0)
            orders = self.activated

    def end_immediate(self, order: Order) -> None:
        """Rule 13: IOC and FOK are judged at their first open (or close)."""
        if order.tif == Tif.IOC:
            self.end(order, Status.EXPIRED, Reason.IOC_REMAINDER)
        elif order.tif == Tif.FOK:
            self.end(order, Status.EXPIRED, Reason.FOK_NOT_FILLED)

    # ---- open phase

    def open_phase(self) -> None:
        working = [o for o in self.orders if o.status == Status.WORKING and not self.at_close(o)]
        self.run_phase(Phase.OPEN, working, self.match_at_open)
        for order in self.orders:
            if order.status == Status.SLEEPING:
                self.end_immediate(order)

    def match_at_open(self, order: Order) -> None:
        """Rule 7: market orders, and what the open has passed, which is then judged at the open alone."""
        a = order.asset
        if not self.tradable(a):
            return
        p = self.bar("open", a)
        if order.waits_for_stop:
            if not self.passed(order, p):
                return
            order.judged = order.triggered = self.t
            if order.kind == OrderKind.STOP_LIMIT and not self.inside(order, p):
                return  # rule 8: rests from the next bar
        elif order.rests_as_limit and not self.inside(order, p):
            return
        order.judged = self.t
        self.match(order, p, taker=True)

    def passed(self, order: Order, p: Number) -> bool:
        """Whether a price p has passed the order's stop or limit."""
        if order.rests_as_limit:
            return self.inside(order, p)
        return (p - order.stop_price) * order.sign >= 0

    def inside(self, order: Order, p: Number) -> bool:
        """Whether p is good enough for the order's limit, by `limit_fill`."""
        gain = (order.limit_price - p) * order.sign
        return gain > 0 or (gain == 0 and self.settings.limit_fill == "touch")

    # ---- intrabar phase

    def intrabar_phase(self) -> None:
        working = [
            o
            for o in self.orders
            if o.status == Status.WORKING and o.judged != self.t and (o.waits_for_stop or o.rests_as_limit)
        ]
        self.run_phase(Phase.INTRABAR, working, self.match_in_bar)

    def match_in_bar(self, order: Order) -> None:
        if order in self.losers or not self.tradable(order.asset):
            return
        by_entry = self.entered_here(order) and self.passed(order, order.entry[1])
        if not by_entry and not self.reached(order):
            return
        p = order.entry[1] if by_entry else order.price  # rule 17: already passed by r
        was_stop = order.waits_for_stop
        self.fill_rises = order.rising
        if was_stop:
            order.triggered = self.t
            if order.kind == OrderKind.STOP_LIMIT and not self.inside(order, p):
                return  # rule 8: rests from the next bar
        self.match(order, p, taker=was_stop or by_entry)

    def entered_here(self, order: Order) -> bool:
        """Whether an intrabar fill of this bar activated the order."""
        return bool(order.entry) and order.entry[0] == self.t

    def reached(self, order: Order) -> bool:
        """Whether the bar reaches the order's price, in what of the bar is left for it (rule 17)."""
        if not self.tradable(order.asset):
            return False
        if self.entered_here(order):
            if self.settings.same_bar in ("ohlc", "olhc"):
                return self.way_to(order) is not None
            if order.rests_as_limit:
                return self.inside(order, self.bar("close", order.asset))
        return self.passed(order, self.bar("high" if order.rising else "low", order.asset))

    def way_to(self, order: Order) -> Number | None:
        """How far along the path the order's price lies; from the entry where there was one."""
        a = order.asset
        path = bar_path(*(self.bar(c, a) for c in ("open", "high", "low", "close")), self.settings.same_bar)
        if self.entered_here(order):
            path = rest_of_path(path, *order.entry[1:])
        strict = order.rests_as_limit and self.settings.limit_fill == "through"
        return travelled(path, order.price, order.rising, strict)

    # ---- rule 18

    def same_bar_losers(self, orders: list[Order]) -> list[Order]:
        """Decided at the start of the pass, for pairs on one asset of which both legs are in it."""
        losers = []
        for first in orders:
            second = self.find(first.partner)
            if second not in orders or first.id > second.id or first.asset != second.asset:
                continue
            if first.status != Status.WORKING or second.status != Status.WORKING:
                continue  # the fill that activated them left them nothing to reduce
            decided = [o for o in (first, second) if self.entered_here(o) and self.passed(o, o.entry[1])]
            if len(decided) == 1:
                losers.append(second if decided[0] is first else first)
            elif not decided and self.reached(first) and self.reached(second):
                self.ambiguous.add(self.t)
                losers.append(second if self.first_wins(first, second) else first)
        return losers

    def first_wins(self, first: Order, second: Order) -> bool:
        if first.waits_for_stop == second.waits_for_stop:
            return True  # two legs of one kind: the lower id
        same_bar, stop_is_first = self.settings.same_bar, first.waits_for_stop
        if same_bar in ("stop_first", "target_first"):
            return stop_is_first == (same_bar == "stop_first")
        if same_bar == "nearest":
            start = self.bar("open", first.asset)
            way = [abs(o.price - start) for o in (first, second)]
        else:
            way = [self.way_to(o) for o in (first, second)]
        return way[0] < way[1] or (way[0] == way[1] and stop_is_first)

    # ---- close phase, rule 2

    def close_phase(self) -> None:
        self.make_eligible(close_phase=True)
        working = [o for o in self.orders if o.status == Status.WORKING and self.at_close(o)]
        self.run_phase(Phase.CLOSE, working, self.match_at_close)
        self.expire(close_phase=True)

    def match_at_close(self, order: Order) -> None:
        if self.tradable(order.asset):
            self.match(order, self.bar("close", order.asset), taker=True)

    # ---- trailing levels, rule 8

    def trail(self, order: Order, price: Number) -> Number:
        """The level that belongs to an extreme price."""
        if order.distance == order.distance:
            return price + order.sign * order.distance
        return price * (1 + order.sign * order.distance_frac)

    def move_trailing_stops(self) -> None:
        for order in self.orders:
            moves = order.kind == OrderKind.TRAILING_STOP and order.status == Status.WORKING and order.triggered < 0
            if moves and self.has_bar(order.asset):
                column = "close" if self.entered_here(order) else ("low" if order.sign > 0 else "high")
                level = self.trail(order, self.bar(column, order.asset))
                order.stop_price = min(order.stop_price, level) if order.sign > 0 else max(order.stop_price, level)

    # ---- expiry, rule 13

    def expire(self, close_phase: bool) -> None:
        times, sessions, t = self.market.timestamps, self.market.sessions, self.t
        last = t + 1 == self.market.n_bars
        for order in self.orders:
            if order.status not in (Status.WORKING, Status.SLEEPING) or self.at_close(order) != close_phase:
                continue
            if order.tif == Tif.DAY and (last or sessions[t + 1] != sessions[t]):
                self.end(order, Status.EXPIRED, Reason.DAY_ENDED)
            elif order.tif == Tif.GTD and (order.expire <= times[t] if last else order.expire < times[t + 1]):
                self.end(order, Status.EXPIRED, Reason.GTD_ENDED)
