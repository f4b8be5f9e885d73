"""`ctx` as DESIGN.md names it: what a script may read and call."""

import math

from backtester.kernel.codes import ChangeKind, OrderKind, Reason, Role, Tif

from .model import NAN, Number, absent

GTC = Tif.GTC


class Panel:
    """A column of the bars up to now; `[-1, a]` is the present."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = rows

    def __getitem__(self, key: tuple[int, int]) -> float:
        i, a = key
        return self.rows[i][a]


class Ctx:
    """Verbs and reads, all of them handed on to the oracle."""

    def __init__(self, book) -> None:
        self._book = book

    # ---- reads

    @property
    def t(self) -> int:
        return self._book.t

    @property
    def timestamp(self) -> int:
        return self._book.market.timestamps[self._book.t]

    @property
    def n_assets(self) -> int:
        return self._book.market.n_assets

    @property
    def cash(self) -> Number:
        return self._book.cash

    @property
    def equity(self) -> Number:
        return self._book.equity()

    def __getattr__(self, name: str) -> Panel:
        if name in ("open", "high", "low", "close", "volume", "split", "dividend", "funding", "delisting"):
            return Panel(getattr(self._book.market, name)[: self._book.t + 1])
        raise AttributeError(name)

    def position(self, a: int) -> Number:
        return self._book.position[a]

    def entry_price(self, a: int) -> Number:
        return self._book.average[a] if self._book.position[a] else NAN

    def unrealized_pnl(self, a: int) -> Number:
        book = self._book
        x = book.position[a]
        return x * book.multiplier(a) * (book.mark[a] - book.average[a]) if x else book.number(0)

    def exposure(self, a: int) -> Number:
        book = self._book
        x = book.position[a]
        return x * book.multiplier(a) * book.mark[a] / book.equity() if x else book.number(0)

    def open_orders(self, a: int) -> int:
        return sum(o.live and o.asset == a for o in self._book.orders)

    def balance(self, a: int) -> Number:
        return self._book.balance[self._book.currency(a) if self._book.keeps() else 0]

    def multiplier(self, a: int) -> Number:
        m = self._book.multiplier(a)
        return NAN if m is None else m

    def mark(self, a: int) -> Number:
        mark = self._book.mark[a]
        return NAN if mark is None else mark

    def quantity_for_risk(self, a: int, risk_frac: float, stop_price: float, entry_price: float = NAN) -> Number:
        """What loses that fraction of equity between the entry (else the mark) and the stop."""
        book = self._book
        entry, m = self.mark(a) if absent(entry_price) else entry_price, self.multiplier(a)
        if absent(m) or not all(math.isfinite(v) for v in (risk_frac, stop_price, entry)) or entry == stop_price:
            return book.number(0)
        risk = book.number(risk_frac) * book.equity()
        if risk <= 0:
            return book.number(0)
        return book.towards_zero(risk / ((book.number(entry) - book.number(stop_price)) * m), a)

    # ---- orders

    def order(self, a, quantity, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit(a, OrderKind.MARKET, quantity, tif, expire, tag)

    def limit(self, a, quantity, price, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit(a, OrderKind.LIMIT, quantity, tif, expire, tag, limit=price)

    def stop(self, a, quantity, price, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit(a, OrderKind.STOP, quantity, tif, expire, tag, stop=price)

    def stop_limit(self, a, quantity, stop_price, limit_price, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit(
            a, OrderKind.STOP_LIMIT, quantity, tif, expire, tag, stop=stop_price, limit=limit_price
        )

    def trailing_stop(self, a, quantity, distance=NAN, distance_frac=NAN, tif=GTC, expire=0, tag=0) -> int:
        kind, role = OrderKind.TRAILING_STOP, Role.TRAILING
        return self._book.submit(a, kind, quantity, tif, expire, tag, role=role, distance=distance, frac=distance_frac)

    def bracket(
        self,
        a,
        quantity,
        stop_loss=NAN,
        take_profit=NAN,
        stop_loss_frac=NAN,
        take_profit_frac=NAN,
        entry_limit=NAN,
        entry_stop=NAN,
        tif=GTC,
        expire=0,
        tag=0,
    ) -> int:
        legs = (stop_loss, take_profit, stop_loss_frac, take_profit_frac, entry_limit, entry_stop)
        return self._book.submit_bracket(a, quantity, *legs, tif, expire, tag)

    def scale_out(self, a, prices, fractions=None, tif=GTC, expire=0, tag=0) -> int:
        return self._book.scale_out(a, prices, fractions, tif, expire, tag)

    # ---- targets

    def order_target(self, a, quantity, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit_target(a, quantity, "quantity", tif, expire, tag)

    def order_target_value(self, a, value, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit_target(a, value, "value", tif, expire, tag)

    def order_target_percent(self, a, fraction, tif=GTC, expire=0, tag=0) -> int:
        return self._book.submit_target(a, fraction, "percent", tif, expire, tag)

    def rebalance(self, weights, tif=GTC, expire=0, tag=0) -> None:
        book = self._book
        book.groups += 1
        for a, weight in enumerate(weights):
            if not absent(weight):
                book.submit_target(a, weight, "percent", tif, expire, tag, group=book.groups)

    def close_position(self, a, tif=GTC, expire=0, tag=0) -> int:
        self._book.ask_cancel_all(a, Reason.CLOSE_POSITION)
        return self.order_target(a, 0.0, tif=tif, expire=expire, tag=tag)

    # ---- changes

    def oco(self, id1, id2) -> bool:
        book = self._book
        return book.ask(ChangeKind.OCO, [book.find(id1), book.find(id2)], order_id=id1, other=id2)

    def modify(self, order_id, price=NAN, quantity=NAN) -> bool:
        book = self._book
        return book.ask(ChangeKind.MODIFY, [book.find(order_id)], order_id=order_id, price=price, quantity=quantity)

    def cancel(self, order_id) -> bool:
        return self._book.ask(ChangeKind.CANCEL, [self._book.find(order_id)], order_id=order_id)

    def cancel_all(self, a) -> bool:
        return self._book.ask_cancel_all(a, Reason.CANCELLED_BY_USER)

    # ---- money

    def deposit(self, amount) -> bool:
        return self._book.ask_deposit(amount, 1)

    def withdraw(self, amount) -> bool:
        return self._book.ask_deposit(amount, -1)

    def convert(self, amount, from_a, to_a) -> bool:
        return self._book.ask_convert(amount, from_a, to_a)
