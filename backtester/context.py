"""`ctx` for interpreted strategies: the same names over the same memory and the same kernel functions as compiled code.

Numbers are handed out as NumPy scalars, so that arithmetic on them (a division by zero, say) behaves as in machine
code, and the verbs go through the kernel's own doors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from backtester.kernel import reads
from backtester.kernel.codes import Calendar, ChangeKind, OrderKind
from backtester.kernel.memory import AccountMemory
from backtester.kernel.reads import record_key
from backtester.kernel.verbs import DOORS

NAN = math.nan
_CANCEL, _CANCEL_ALL = int(ChangeKind.CANCEL), int(ChangeKind.CANCEL_ALL)
_MODIFY, _OCO = int(ChangeKind.MODIFY), int(ChangeKind.OCO)
_DEPOSIT, _CONVERT = int(ChangeKind.DEPOSIT), int(ChangeKind.CONVERT)
_SESSION_START, _SESSION_END = int(Calendar.SESSION_START), int(Calendar.SESSION_END)
_MONTH_START, _MONTH_END = int(Calendar.MONTH_START), int(Calendar.MONTH_END)
_MARKET, _LIMIT, _STOP = int(OrderKind.MARKET), int(OrderKind.LIMIT), int(OrderKind.STOP)
_STOP_LIMIT, _TRAILING_STOP = int(OrderKind.STOP_LIMIT), int(OrderKind.TRAILING_STOP)
_QUANTITY, _VALUE, _PERCENT = 0, 1, 2

_unrealized_pnl = getattr(reads.unrealized_pnl, "py_func", reads.unrealized_pnl)
_exposure = getattr(reads.exposure, "py_func", reads.exposure)
_quantity_for_risk = getattr(reads.quantity_for_risk, "py_func", reads.quantity_for_risk)
_minutes_to_close = getattr(reads.minutes_to_close, "py_func", reads.minutes_to_close)
_end_of_day = getattr(reads.end_of_day, "py_func", reads.end_of_day)
_rung = getattr(reads.rung, "py_func", reads.rung)
_submit_id = DOORS["fn_submit"].ctypes
_scale_out_id = DOORS["fn_scale_out"].ctypes
_target_id = DOORS["fn_target"].ctypes
_bracket_id = DOORS["fn_bracket"].ctypes
_change = DOORS["fn_change"].ctypes
_record = DOORS["fn_record"].ctypes
_random = DOORS["fn_random"].ctypes
_group = DOORS["fn_group"].ctypes
_ready = DOORS["fn_ready"].ctypes


def _submit(*arguments: Any) -> Any:
    return np.int64(_submit_id(*arguments))


def _target(*arguments: Any) -> Any:
    return np.int64(_target_id(*arguments))


def _bracket(*arguments: Any) -> Any:
    return np.int64(_bracket_id(*arguments))


class Context:
    """What `on_bar` receives in interpreted mode; see the docs page on `ctx` for every name.

    Every array ends at the present: `ctx.close[-1, a]` is now. Order verbs return the order id.
    """

    __slots__ = (
        "_address",
        "_adjusted",
        "_at",
        "_balances",
        "_calendar",
        "_closes",
        "_counts",
        "_currencies",
        "_entries",
        "_extras",
        "_floats",
        "_keeps",
        "_lots",
        "_marks",
        "_multipliers",
        "_positions",
        "_series",
        "_sessions",
        "_size",
        "_words",
        "n_assets",
        "record_names",
    )

    def __init__(self, memory: AccountMemory):
        buffer = memory.buffer
        self._address = memory.address
        self._words = buffer.words
        self._floats = buffer.floats
        self._at = {name: buffer.offset(name) for name in ("t", "timestamp", "cash", "equity")}
        market = memory.market
        self._series = (market.open, market.high, market.low, market.close, market.volume)
        self._extras = market.extras
        self._positions = memory.view("positions")
        self._entries = memory.view("entry_prices")
        self._marks = memory.view("marks")
        self._multipliers = memory.view("multipliers")
        self._lots = memory.view("lot_size")
        self._currencies = memory.view("currencies")
        self._balances = memory.view("balances")
        self._keeps = bool(memory["keeps"])
        self._calendar = memory.view("calendar")
        self._sessions = memory.view("sessions")
        self._closes = memory.view("session_closes")
        self._adjusted = memory.view("adjusted_close").view()
        self._adjusted.flags.writeable = False
        self._counts = memory.view("open_counts")
        self.n_assets = np.int64(memory.n_assets)
        self._size = memory.n_assets
        self.record_names: dict[int, str] = {}

    def __getattr__(self, name: str) -> np.ndarray:
        if not name.startswith("_") and name in self._extras:
            return self._extras[name][: self._words[0]]
        from backtester.errors import did_you_mean

        names = [n for n in dir(type(self)) if not n.startswith("_")]
        raise AttributeError(f"ctx has no attribute {name!r}{did_you_mean(name, [*names, *self._extras])}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in Context.__slots__:
            raise AttributeError(f"ctx.{name} is read-only; keep state on self")
        object.__setattr__(self, name, value)

    @property
    def t(self) -> np.int64:
        """The current bar, counted from 0."""
        return self._words[self._at["t"]]

    @property
    def timestamp(self) -> np.int64:
        """Close of the current bar, int64 ns UTC."""
        return self._words[self._at["timestamp"]]

    @property
    def cash(self) -> np.float64:
        """Cash, in money."""
        return self._floats[self._at["cash"]]

    @property
    def equity(self) -> np.float64:
        """Cash plus positions at their marks, in money."""
        return self._floats[self._at["equity"]]

    @property
    def open(self) -> np.ndarray:
        """Opens up to now, float64 [t + 1, n_assets]."""
        return self._series[0][: self._words[0]]

    @property
    def high(self) -> np.ndarray:
        """Highs up to now, float64 [t + 1, n_assets]."""
        return self._series[1][: self._words[0]]

    @property
    def low(self) -> np.ndarray:
        """Lows up to now, float64 [t + 1, n_assets]."""
        return self._series[2][: self._words[0]]

    @property
    def close(self) -> np.ndarray:
        """Closes up to now, float64 [t + 1, n_assets]."""
        return self._series[3][: self._words[0]]

    @property
    def volume(self) -> np.ndarray:
        """Volumes up to now, float64 [t + 1, n_assets]; NaN where unknown."""
        return self._series[4][: self._words[0]]

    @property
    def adjusted_close(self) -> np.ndarray:
        """Closes up to now in the units of this bar, float64 [t + 1, n_assets]: splits and dividends leave no jump."""
        return self._adjusted[: self._words[0]]

    @property
    def session(self) -> np.int64:
        """Session of the current bar, days since 1970-01-01."""
        return self._sessions[self._words[self._at["t"]]]

    def _is(self, bit: int) -> bool:
        return bool(self._calendar[self._words[self._at["t"]]] & bit)

    def is_session_start(self) -> bool:
        """Whether this bar is the first of its session."""
        return self._is(_SESSION_START)

    def is_session_end(self) -> bool:
        """Whether this bar is the last of its session."""
        return self._is(_SESSION_END)

    def is_month_start(self) -> bool:
        """Whether this bar is the first of the sessions of its month."""
        return self._is(_MONTH_START)

    def is_month_end(self) -> bool:
        """Whether this bar is the last of the sessions of its month."""
        return self._is(_MONTH_END)

    def minutes_to_close(self) -> np.float64:
        """Minutes from this bar's close to the scheduled end of its session; NaN where that is not known."""
        t = self._words[self._at["t"]]
        close = int(self._closes[t]) if len(self._closes) else _end_of_day(int(self._sessions[t]))
        return np.float64(_minutes_to_close(close, int(self._words[self._at["timestamp"]])))

    def _asset(self, verb: str, a: int) -> int:
        if not 0 <= a < self._size:
            raise IndexError(f"ctx.{verb}(a): asset a is out of range: it must be from 0 to n_assets - 1")
        return a

    def position(self, a: int) -> np.float64:
        """Signed quantity held of asset `a`."""
        return self._positions[self._asset("position", a)]

    def entry_price(self, a: int) -> np.float64:
        """Average fill price of the position; NaN when flat."""
        return self._entries[self._asset("entry_price", a)]

    def unrealized_pnl(self, a: int) -> np.float64:
        """Position × multiplier × (mark − entry price), in money; 0 when flat."""
        a = self._asset("unrealized_pnl", a)
        return np.float64(_unrealized_pnl(self._positions[a], self._multipliers[a], self._marks[a], self._entries[a]))

    def exposure(self, a: int) -> np.float64:
        """Signed value of the position as a fraction of equity."""
        a = self._asset("exposure", a)
        return np.float64(_exposure(self._positions[a], self._multipliers[a], self._marks[a], self.equity))

    def mark(self, a: int) -> np.float64:
        """Price that asset `a` is valued at: its last close in units of now; NaN before its first bar."""
        return self._marks[self._asset("mark", a)]

    def multiplier(self, a: int) -> np.float64:
        """Money of the account per unit of price and quantity of asset `a` now: contract times exchange rate."""
        return self._multipliers[self._asset("multiplier", a)]

    def balance(self, a: int) -> np.float64:
        """Cash in the currency of asset `a`, in that currency; all cash where nothing is kept apart."""
        currency = self._currencies[self._asset("balance", a)]
        return self._balances[currency] if self._keeps else self.cash

    def quantity_for_risk(self, a: int, risk_frac: float, stop_price: float, entry_price: float = NAN) -> np.float64:
        """Signed quantity that loses `risk_frac` of equity from entry (else mark) to stop; 0 if undefined."""
        a = self._asset("quantity_for_risk", a)
        entry = float(self._marks[a] if math.isnan(entry_price) else entry_price)
        terms = (entry, float(stop_price), float(self._multipliers[a]), float(self._lots[a]))
        return np.float64(_quantity_for_risk(float(risk_frac), float(self.equity), *terms))

    def open_orders(self, a: int) -> np.int64:
        """Number of orders of asset `a` that have not ended, bracket children included."""
        return self._counts[self._asset("open_orders", a)]

    def ready(self, a: int) -> bool:
        """Whether every prepared array is finite for asset `a` now."""
        return _ready(self._address, self._asset("ready", a)) != 0

    def random(self) -> np.float64:
        """Uniform in [0, 1), from the seed of the run."""
        return np.float64(_random(self._address))

    def record(self, name: str, value: float) -> None:
        """Store a value for this bar in `result.records[name]`."""
        key = record_key(name)
        self.record_names[key] = name
        _record(self._address, key, value)

    def order(self, a: int, quantity: float, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Market order for a signed quantity."""
        return _submit(self._address, a, _MARKET, quantity, NAN, NAN, NAN, NAN, tif, expire, tag)

    def limit(self, a: int, quantity: float, price: float, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Limit order."""
        return _submit(self._address, a, _LIMIT, quantity, price, NAN, NAN, NAN, tif, expire, tag)

    def stop(self, a: int, quantity: float, price: float, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Stop order: a market order once the price reaches `price`."""
        return _submit(self._address, a, _STOP, quantity, NAN, price, NAN, NAN, tif, expire, tag)

    def stop_limit(
        self,
        a: int,
        quantity: float,
        stop_price: float,
        limit_price: float,
        tif: int = 0,
        expire: int = 0,
        tag: int = 0,
    ) -> int:
        """Stop-limit order: a limit order once the price reaches `stop_price`."""
        return _submit(self._address, a, _STOP_LIMIT, quantity, limit_price, stop_price, NAN, NAN, tif, expire, tag)

    def trailing_stop(
        self,
        a: int,
        quantity: float,
        distance: float = NAN,
        distance_frac: float = NAN,
        tif: int = 0,
        expire: int = 0,
        tag: int = 0,
    ) -> int:
        """Reduce-only stop that follows the best price at a distance, in price or as a fraction."""
        return _submit(self._address, a, _TRAILING_STOP, quantity, NAN, NAN, distance, distance_frac, tif, expire, tag)

    def bracket(
        self,
        a: int,
        quantity: float,
        stop_loss: float = NAN,
        take_profit: float = NAN,
        stop_loss_frac: float = NAN,
        take_profit_frac: float = NAN,
        entry_limit: float = NAN,
        entry_stop: float = NAN,
        tif: int = 0,
        expire: int = 0,
        tag: int = 0,
    ) -> int:
        """Entry with a stop loss and a take profit; returns the parent's id, the children are id + 1 and id + 2."""
        return _bracket(
            self._address,
            a,
            quantity,
            stop_loss,
            take_profit,
            stop_loss_frac,
            take_profit_frac,
            entry_limit,
            entry_stop,
            tif,
            expire,
            tag,
        )

    def order_target(self, a: int, quantity: float, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Order what is missing to a target position; returns 0 where nothing is to do."""
        return _target(self._address, a, _QUANTITY, quantity, 0, tif, expire, tag)

    def order_target_value(self, a: int, value: float, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Order what is missing to a target value in money."""
        return _target(self._address, a, _VALUE, value, 0, tif, expire, tag)

    def order_target_percent(self, a: int, fraction: float, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Order what is missing to a target exposure: a signed fraction of equity."""
        return _target(self._address, a, _PERCENT, fraction, 0, tif, expire, tag)

    def rebalance(self, weights: Sequence[float] | np.ndarray, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Target every asset's exposure at once; NaN leaves an asset alone. Returns the first order id, or 0."""
        if len(weights) != self._size:
            raise ValueError("rebalance needs exactly one weight per asset (NaN leaves an asset alone)")
        group = _group(self._address)
        first: Any = np.int64(0)
        for a in range(self._size):
            weight = float(weights[a])
            if not math.isnan(weight):
                made = _target(self._address, a, _PERCENT, weight, group, tif, expire, tag)
                if first == 0:
                    first = made
        return first

    def scale_out(
        self,
        a: int,
        prices: Sequence[float] | np.ndarray,
        fractions: Sequence[float] | np.ndarray | None = None,
        tif: int = 0,
        expire: int = 0,
        tag: int = 0,
    ) -> int:
        """One reduce-only limit order per price, for a fraction of the position each; returns the first id, or 0."""
        a = self._asset("scale_out", a)
        if len(prices) == 0 or (fractions is not None and len(fractions) != len(prices)):
            raise ValueError("scale_out needs at least one price, and as many fractions as prices, or none")
        total, n = 0.0, len(prices)
        parts = [1.0 / n] * n if fractions is None else [float(part) for part in fractions]
        for part in parts:
            total += part
        whole = abs(total - 1.0) <= 1e-9
        x, lot = float(self._positions[a]), float(self._lots[a])
        first: Any = np.int64(0)
        if x == 0.0:
            return first
        taken = 0.0
        for k in range(n):
            part = float(_rung(x, taken, parts[k], whole and k == n - 1, lot))
            taken += part
            made = np.int64(_scale_out_id(self._address, a, -part, float(prices[k]), tif, expire, tag))
            if k == 0:
                first = made
        return first

    def close_position(self, a: int, tif: int = 0, expire: int = 0, tag: int = 0) -> int:
        """Cancel every order of the asset and order its position to zero."""
        _change(self._address, _CANCEL_ALL, 0, a, NAN, 1.0)
        return _target(self._address, a, _QUANTITY, 0.0, 0, tif, expire, tag)

    def oco(self, id1: int, id2: int) -> bool:
        """Let two orders cancel each other; returns whether both are live."""
        return _change(self._address, _OCO, id1, id2, NAN, NAN) != 0

    def modify(self, order_id: int, price: float = NAN, quantity: float = NAN) -> bool:
        """Change the price or the signed total quantity of an order; returns whether it is live."""
        return _change(self._address, _MODIFY, order_id, 0, price, quantity) != 0

    def cancel(self, order_id: int) -> bool:
        """Cancel an order; returns whether it is live."""
        return _change(self._address, _CANCEL, order_id, 0, NAN, NAN) != 0

    def cancel_all(self, a: int) -> bool:
        """Cancel every order of an asset; returns whether it has any that is live."""
        return _change(self._address, _CANCEL_ALL, 0, a, NAN, NAN) != 0

    def deposit(self, amount: float) -> bool:
        """Pay money in at the start of the next bar; returns whether that was taken."""
        return _change(self._address, _DEPOSIT, 0, 0, NAN, _amount(amount)) != 0

    def withdraw(self, amount: float) -> bool:
        """Take money out at the start of the next bar, as far as it is free; returns whether that was taken."""
        return _change(self._address, _DEPOSIT, 0, 0, NAN, -_amount(amount)) != 0

    def convert(self, amount: float, from_a: int, to_a: int) -> bool:
        """Exchange money of the currency of one asset for that of another (-1: the account's) at the next opens."""
        return _change(self._address, _CONVERT, from_a, to_a, NAN, _amount(amount)) != 0


def _amount(amount: float) -> float:
    """Return an amount of money, NaN where it is not above 0."""
    return float(amount) if amount > 0.0 else NAN
