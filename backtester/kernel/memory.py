"""The memory of one account, seen from Python: allocate it, point it at a market, let its tables grow, read it back.

`AccountMemory` is all that engine, tests and environments need to drive the kernel; it knows NumPy alone.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numba import float64

from backtester.kernel import tables
from backtester.kernel.codes import FillAt, Table
from backtester.kernel.constants import NEVER
from backtester.kernel.impact import daily_statistics
from backtester.kernel.layout import EVENTS, STATE
from backtester.kernel.loop import PARTS, RARE_PARTS
from backtester.kernel.pool import empty
from backtester.kernel.struct import Field, State, StructBuffer
from backtester.kernel.verbs import DOORS

GROW = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)
_LIVE_ROWS = (
    ("active", np.int64, ()),
    ("hand", np.int64, ()),
    ("ranks", np.int64, ()),
    ("keys", np.int64, (3,)),
    ("key_prices", np.float64, ()),
    ("woken", np.int64, ()),
    ("woken_prices", np.float64, ()),
    ("woken_up", np.int64, ()),
)
COLUMN = "column "  # before the names of extra columns, which may be any
SMALL = 16  # first rows of tables that most runs hardly use
MOST_DOUBLINGS = 4  # of a table at a time
_TABLES = {
    Table.FILLS: ("fills", tables.FILL),
    Table.CASH_FLOWS: ("flows", tables.CASH_FLOW),
    Table.CHANGES: ("changes", tables.CHANGE),
    Table.RECORDS: ("records", tables.RECORD),
    Table.ACTIONS: ("actions", tables.ACTION),
    Table.REJECTS: ("rejects", np.dtype(np.int64)),
}


@dataclass(frozen=True)
class MarketArrays:
    """The market as the kernel sees it: C-contiguous arrays, [n_bars, n_assets] or [n_bars]."""

    timestamps: np.ndarray
    sessions: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    session_closes: np.ndarray | None = None  # ns UTC, the largest int64 where unknown; empty: the ends of the UTC days
    calendar: np.ndarray | None = None  # bits of `codes.Calendar`, uint8

    @cached_property
    def session_ends(self) -> np.ndarray:
        """1 on the last bar of every session, uint8 [n_bars]."""
        ends = np.ones(len(self.sessions), np.uint8)
        np.not_equal(self.sessions[1:], self.sessions[:-1], out=ends[:-1].view(np.bool_))
        return ends

    @cached_property
    def events(self) -> dict[str, np.ndarray]:
        """The columns of events that say anything, by name."""
        neutral = {"split": 1.0, "dividend": 0.0, "funding": 0.0, "delisting": np.nan}
        found = {}
        for name in EVENTS:
            column = self.extras.get(name)
            if column is not None and bool(np.any((column != neutral[name]) & ~np.isnan(column))):
                found[name] = column
        return found

    @cached_property
    def event_rows(self) -> np.ndarray:
        """1 where a row has an event, uint8 [n_bars]; empty where none has."""
        if not self.events:
            return np.zeros(0, np.uint8)
        rows = np.zeros(len(self.timestamps), np.uint8)
        for name, column in self.events.items():
            neutral = 1.0 if name == "split" else np.nan if name == "delisting" else 0.0
            rows |= np.any((column != neutral) & ~np.isnan(column), axis=1)
        return rows


@dataclass(frozen=True)
class Rules:
    """Every setting of costs, account and execution as the numbers the kernel reads.

    `per_asset` holds float64 [n_assets], `asset_words` int64 [n_assets]; `rate_assets` and `rate_inverse` are int64
    [n_currencies], of which 0 is the account's and has no pair (-1).
    """

    cash: float
    scalars: dict[str, float]
    per_asset: dict[str, np.ndarray]
    asset_words: dict[str, np.ndarray]
    rate_assets: np.ndarray
    rate_inverse: np.ndarray


def extended_state(extras: tuple[str, ...] = ()) -> State:
    """Return the state type with extra read-only series [n_bars, n_assets] appended, in order."""
    if not extras:
        return STATE
    columns = (Field(COLUMN + name, "series", float64, 2, readonly=True) for name in extras)
    return State("State", (*STATE.fields, *columns))


def _growing(memory: AccountMemory) -> ctypes._CFuncPtr:
    """Return the callback through which the kernel has a table grown; it does not keep the memory alive."""
    owner = weakref.ref(memory)

    def grow(_address: int, table: int) -> None:
        alive = owner()
        try:
            if alive is not None:
                alive.grow(table)
        except MemoryError:
            return  # the kernel sees that the table is as full as before, and stops

    return GROW(grow)


def first_capacity(asset_bars: int) -> int:
    """Return a power of two: an order every eight bars of an asset, within bounds."""
    return 1 << max(8, min(17, (asset_bars // 8).bit_length()))


class AccountMemory:
    """One account in one market.

    Parameters
    ----------
    market : MarketArrays
        Kept alive and shared, never written.
    rules : Rules
        Settings of the account.
    rows : int, optional
        First capacity of the order and fill tables, a power of two; tables grow when they are full. By default a
        generous guess from the number of bars: memory that is not written to costs nothing.
    short : int, optional
        For an account that forgets (`opening`): first rows of all other tables. It keeps no equity curve and no
        adjusted closes, which would take as much memory as the market itself.

    Attributes
    ----------
    buffer : StructBuffer
        The state; `buffer.address` is what kernel functions take.
    """

    def __init__(self, market: MarketArrays, rules: Rules, rows: int | None = None, short: int | None = None):
        self._look(market, StructBuffer(extended_state(tuple(market.extras))))
        self._short = short
        self._grow = _growing(self)
        self._point_at_market()
        self._set_rules(rules)
        self._allocate_account(rows or first_capacity(self.n_bars * self.n_assets))

    @classmethod
    def over(cls, buffer: StructBuffer, market: MarketArrays) -> AccountMemory:
        """Return an account that lies in memory laid out before, one of many that forget."""
        memory = cls.__new__(cls)
        memory._look(market, buffer)
        memory._short = SMALL
        return memory

    def _look(self, market: MarketArrays, buffer: StructBuffer) -> None:
        self.market = market
        self.n_bars, self.n_assets = market.close.shape
        self.buffer = buffer
        self._old: list[np.ndarray] = []

    @property
    def address(self) -> int:
        """Return the address of the state."""
        return self.buffer.address

    def __getitem__(self, name: str) -> float:
        return self.buffer.get(name)

    def __setitem__(self, name: str, value: float) -> None:
        self.buffer.set(name, value)

    def table(self, name: str) -> np.ndarray:
        """Return the used rows of `orders`, `fills`, `flows`, `changes` or `records`, without a copy."""
        count = int(self.buffer.get(f"n_{name}"))
        return self.buffer.get_array(name)[:count]

    def view(self, name: str) -> np.ndarray:
        """Return a per-asset array or the equity curve itself, without a copy."""
        return self.buffer.get_array(name)

    def set_ready_map(self, rows: np.ndarray) -> None:
        """Tell `ready` where the prepared arrays lie: address, items per bar, items per asset."""
        self.buffer.set_array("ready_map", np.ascontiguousarray(rows, np.int64).reshape(-1, 3))

    def finish(self) -> None:
        """End the run after the bar processed last: working orders expire, positions close where asked for."""
        if self["next_bar"] > 0:
            PARTS["fn_settle"].ctypes(self.address, self["next_bar"] - 1, 1)

    def _point_at_market(self) -> None:
        market, buffer = self.market, self.buffer
        for name in ("open", "high", "low", "close", "volume", "timestamps"):
            buffer.set_array(name, getattr(market, name))
        for name, array in market.extras.items():
            buffer.set_array(COLUMN + name, array)
        buffer.set_array("session_ends", market.session_ends)
        buffer.set_array("sessions", market.sessions)
        self._point_at_calendar()
        self._point_at_events()
        buffer.set("n_bars", self.n_bars)
        buffer.set("n_assets", self.n_assets)

    def _point_at_calendar(self) -> None:
        market, n = self.market, self.n_bars
        closes = np.zeros(0, np.int64) if market.session_closes is None else market.session_closes
        self.buffer.set_array("session_closes", closes)
        self.buffer.set_array("calendar", np.zeros(n, np.uint8) if market.calendar is None else market.calendar)

    def _point_at_events(self) -> None:
        """Point at the columns of events, and copy the closes where they have to be adjusted as bars go by."""
        market, buffer = self.market, self.buffer
        nothing = np.zeros((0, 0))
        for name in EVENTS:
            buffer.set_array(f"event_{name}", market.events.get(name, nothing))
        buffer.set_array("event_rows", market.event_rows)
        buffer.set("has_events", bool(market.events))
        adjusts = self._short is None and ("split" in market.events or "dividend" in market.events)
        adjusted = market.close.copy() if adjusts else nothing
        buffer.set_array("adjusted", adjusted)
        buffer.set_array("adjusted_close", adjusted if adjusts else market.close)

    def _set_rules(self, rules: Rules) -> None:
        buffer = self.buffer
        buffer.set("cash", rules.cash)
        buffer.set("equity", rules.cash)
        for name, value in rules.scalars.items():
            buffer.set(name, value)
        for name, values in rules.per_asset.items():
            buffer.set_array(name, np.array(values, np.float64))
        for name, words in rules.asset_words.items():
            buffer.set_array(name, np.array(words, np.int64))
        buffer.set_array("delisted", np.zeros(self.n_assets, np.int64))
        buffer.set("peak", rules.cash)
        self._set_currencies(rules)
        has_impact = bool(np.any(rules.per_asset["impact"] != 0.0))
        sigma = volume = np.zeros((0, 0))
        if has_impact:
            market = self.market
            split = market.events.get("split", np.zeros((0, 0)))
            sigma, volume = daily_statistics(market.close, market.volume, market.sessions, split)
        buffer.set_array("sigma", sigma)
        buffer.set_array("daily_volume", volume)
        buffer.set("has_impact", has_impact)
        rates = rules.scalars["cash_rate"], rules.scalars["debit_rate"]
        buffer.set("has_carry", any(rates) or bool(np.any(rules.per_asset["borrow_rate"] != 0.0)))

    def _set_currencies(self, rules: Rules) -> None:
        buffer, n = self.buffer, len(rules.rate_assets)
        buffer.set("n_currencies", n)
        buffer.set_array("rate_assets", rules.rate_assets)
        buffer.set_array("rate_inverse", rules.rate_inverse)
        rates, balances = np.full(n, np.nan), np.zeros(n)
        rates[0], balances[0] = 1.0, rules.cash
        for name, array in (("rates", rates), ("balances", balances), ("free", np.zeros(n))):
            buffer.set_array(name, array)
        multipliers = rules.per_asset["contracts"] * rates[rules.asset_words["currencies"]]
        buffer.set_array("multipliers", multipliers)

    def _allocate_account(self, rows: int) -> None:
        buffer, n = self.buffer, self.n_assets
        for name, value in (("positions", 0.0), ("entry_prices", np.nan), ("marks", np.nan), ("phase_marks", 0.0)):
            buffer.set_array(name, np.full(n, value))
        buffer.set_array("used_volume", np.zeros(n))
        buffer.set_array("bound_down", np.full(n, -np.inf))
        buffer.set_array("bound_up", np.full(n, np.inf))
        buffer.set_array("used_bar", np.full(n, -1, np.int64))
        for name in ("open_counts", "replaceable_counts", "protective_counts"):
            buffer.set_array(name, np.zeros(n, np.int64))
        for name in ("book_first", "book_count", "book_room"):
            buffer.set_array(name, np.zeros(2 * n, np.int64))
        buffer.set("first_pending", NEVER)
        buffer.set("next_expire", NEVER)
        buffer.set_array("equity_curve", empty(self.n_bars if self._short is None else 1, np.float64))
        buffer.set_array("ready_map", np.zeros((0, 3), np.int64))
        buffer.set("ambiguous_bar", -1)
        buffer.set("phase_stamp", -1)
        self._resize_orders(rows)
        self._resize_live(self._short or SMALL)
        self._resize_book(self._short or SMALL)
        for name, dtype in _TABLES.values():
            buffer.set_array(name, empty(self._short or (rows if name == "fills" else SMALL), dtype))
        for name, door in (DOORS | PARTS).items():
            buffer.set(name, door.address)
        needed = {
            "fn_carry": self["has_carry"],
            "fn_events": self["has_events"],
            "fn_rates": self["n_currencies"] > 1,
            "fn_match_close": self["fill_at"] == FillAt.CLOSE,
        }
        for name, part in RARE_PARTS.items():
            if needed[name]:
                buffer.set(name, part.address)
        buffer.set("fn_grow", ctypes.cast(self._grow, ctypes.c_void_p).value)

    def _resize_orders(self, rows: int) -> None:
        first, last = self.buffer.get("first_order"), self.buffer.get("n_orders")
        lie = np.arange(first, last) & self.buffer.get("order_mask")  # rows of the orders that are not forgotten
        for name, dtype in (("orders", tables.ORDER), ("shelf", np.dtype(np.float64))):
            old = self.buffer._kept.get(name)
            self._resize(name, dtype, (), rows)
            if first > 0 and old is not None:
                self.buffer.get_array(name)[np.arange(first, last) & (rows - 1)] = old[lie]
        self.buffer.set("order_mask", rows - 1)

    def _resize_live(self, rows: int) -> None:
        for name, dtype, shape in _LIVE_ROWS:
            self._resize(name, dtype, shape, rows)

    def _resize_book(self, rows: int) -> None:
        self._resize("book_keys", np.float64, (), rows)
        self._resize("book_ids", np.int64, (), rows)

    def _resize(self, name: str, dtype: np.dtype | type, shape: tuple[int, ...], rows: int) -> None:
        fresh = empty((rows, *shape), dtype)
        old = self.buffer._kept.get(name)
        if old is not None:
            fresh.view(np.uint8).reshape(-1)[: old.nbytes] = old.view(np.uint8).reshape(-1)
            self._old.append(old)
        self.buffer.set_array(name, fresh)

    def grow(self, table: int) -> None:
        """Make a full table larger; code up the stack may still point into the old one, which is kept until `tidy`."""
        if table == Table.ORDERS:
            self._extend(len(self.buffer.get_array("orders")), self._resize_orders)
        elif table == Table.ACTIVE:
            self._resize_live(2 * len(self.buffer.get_array("active")))
        elif table == Table.BOOK:
            self._resize_book(2 * len(self.buffer.get_array("book_ids")))
        else:
            name, dtype = _TABLES[Table(table)]
            self._extend(len(self.buffer.get_array(name)), lambda rows: self._resize(name, dtype, (), rows))

    def _extend(self, rows: int, resize: Callable[[int], None]) -> None:
        """Resize a table to what the run will need if it goes on like this, or to twice its rows.

        Rows that are not written to cost nothing; rows that are copied again and again cost more than to fill them.
        """
        needed = 0 if self._short else rows * self.n_bars / (self.buffer.get("t") + 1)
        ahead = rows << max(1, min(MOST_DOUBLINGS, math.ceil(math.log2(max(1.02 * needed / rows, 1.0)))))
        if ahead > 2 * rows:
            try:
                return resize(ahead)
            except MemoryError:
                pass  # it may never be needed
        return resize(2 * rows)

    @property
    def untidy(self) -> bool:
        """Whether growth left tables behind."""
        return bool(self._old)

    def tidy(self) -> None:
        """Free the tables that growth left behind; only between calls into the kernel."""
        self._old.clear()
