"""The state of one account in one market: every field the kernel reads or writes, in one block of memory.

`STATE` is the numba type of that block, a plain pointer (see `struct`). Python owns the memory and reads it through
views; the kernel receives its address. Series end at the present: their length is the word `present` (= t + 1), so
"the present is [-1]" costs one store per bar.
"""

from __future__ import annotations

import numba
from numba import float64, int64, uint8

from backtester.kernel.struct import Field, State
from backtester.kernel.tables import ACTION, CASH_FLOW, CHANGE, FILL, ORDER, RECORD

_INTS = (
    "present",  # t + 1; word 0
    "t",
    "timestamp",  # int64 ns UTC of bar t
    "n_assets",
    "n_bars",
    "start",  # bar of the first on_bar
    "next_bar",  # where `advance` goes on
    "stage",  # 1 while `turn` has begun bar t and user code comes next, else 0
    "hook_index",  # the row on_fill or on_reject is called with
    # addresses of the kernel functions user verbs call, and of the table-grow callback
    "fn_submit",
    "fn_target",
    "fn_bracket",
    "fn_change",
    "fn_scale_out",
    "fn_record",
    "fn_random",
    "fn_group",
    "fn_ready",
    "fn_grow",
    # addresses of the parts of a bar
    "fn_match",
    "fn_attempt",
    "fn_settle",
    "fn_apply",
    "fn_carry",
    "fn_match_close",
    "fn_events",
    "fn_rates",
    # tables: rows in use
    "n_orders",
    "first_order",  # orders up to this id are forgotten: their rows are used again (see `forget`)
    "n_active",
    "n_fills",
    "n_flows",
    "n_changes",
    "n_actions",
    "n_records",
    "n_rejects",
    "next_change",  # first change that has not acted
    "fills_seen",  # fills handed to on_fill
    "rejects_seen",  # rejects handed to on_reject
    "order_mask",  # row of an order = (id - 1) & order_mask
    # counters that let a bar skip work
    "n_pending",  # live orders that are not yet eligible
    "n_ended",  # ended orders still in the active list
    "n_dated",  # live DAY and GTD orders
    "n_immediate",  # IOC and FOK orders to judge in this phase
    "n_trailing",  # live trailing stops
    "n_market",  # live market orders, targets among them
    "n_hand",  # working orders that are not in the book
    "n_booked",  # entries of the book, stale ones included
    "book_end",  # entries of the book's memory given out
    "first_pending",  # no order with a lower id is pending
    "next_expire",  # no GTD order expires earlier (int64 ns UTC)
    "n_woken",  # orders activated by fills of the current pass
    "n_groups",  # rebalance calls so far
    "factor_group",  # the rebalance whose factor is `factor` …
    "factor_stamp",  # … and the phase in which that was made
    # settings
    "fill_at",
    "same_bar",
    "limit_fill",
    "on_shortfall",
    "allow_short",
    "latency",
    "close_at_end",
    "negative_prices",  # 1 where prices of zero and below are allowed
    "has_carry",
    "has_impact",
    "has_events",  # 1 where the bars have columns of events
    "has_limits",  # 1 where `max_gross` or a `max_exposure` is set
    "watches",  # 1 where the margin or the drawdown has to be checked after every bar
    "delisting",  # Delisting
    "n_currencies",  # 1: all in the currency of the account
    "keeps",  # 1 where an asset is paid for in another currency, so that each has a balance of its own
    "hooks_rejects",  # 1 where on_reject is overridden
    "random_state",
    # run-wide results
    "bankrupt",
    "stopped",  # 1 after the drawdown limit was reached
    "exhausted",  # 1 where a table could not be grown: the run is void
    "ambiguous_bars",
    "ambiguous_bar",  # last bar counted as ambiguous
    "phase_stamp",  # which phase `phase_value` and `phase_gross` belong to
)

_FLOATS = (
    "cash",
    "equity",
    "leverage",
    "maintenance",
    "max_participation",  # inf: no cap
    "cash_rate",
    "debit_rate",
    "max_gross",  # inf: no limit; so are the two below
    "max_order",
    "max_drawdown",
    "factor",  # what scales the increases of a rebalance
    "peak",  # largest equity so far, scaled by deposits and withdrawals
    "phase_value",  # Σ position·multiplier·phase mark
    "phase_gross",  # Σ |position|·multiplier·phase mark
    "phase_margin",  # the same, weighted by margin: what leverage is measured by
)

_ASSET_FLOATS = (
    "positions",
    "entry_prices",  # average cost, NaN when flat
    "marks",  # last known close, NaN before the first bar
    "phase_marks",
    "multipliers",  # money of the account per unit of price and quantity now: contract × exchange rate
    "contracts",  # the multiplier of the contract alone
    "margins",  # weight of the value in the margin that is needed; 1 where it is paid in full
    "max_exposure",
    "lot_size",
    "tick_size",
    "commission",
    "commission_per_unit",
    "commission_per_order",
    "commission_min",
    "spread",
    "slippage",
    "impact",
    "borrow_rate",
    "used_volume",
    "bound_down",  # no working order is reached while the low stays above this …
    "bound_up",  # … and the high below this
)

_ASSET_INTS = (
    "open_counts",  # live orders
    "replaceable_counts",  # live orders a target verb would replace
    "protective_counts",  # live bracket children and trailing stops
    "commission_fn",  # address of f(price, quantity), or 0
    "margined",  # 1 for contracts whose value is not paid
    "delisted",  # 1 after a delisting
    "currencies",  # number of the asset's currency
    "settles",  # number of the currency in which the asset is paid for
    "used_bar",  # bar `used_volume` belongs to
)

#: two heaps per asset: [2a] what a falling price reaches, [2a + 1] what a rising price does
_BOOK_INTS = (
    "book_first",  # where its entries begin
    "book_count",
    "book_room",
)

_SERIES = ("open", "high", "low", "close", "volume")

#: columns of the bars that act before the open; [0, 0] where there is none
EVENTS = ("split", "dividend", "funding", "delisting")

_TABLES = (
    ("orders", ORDER),
    ("fills", FILL),
    ("flows", CASH_FLOW),
    ("changes", CHANGE),
    ("actions", ACTION),
    ("records", RECORD),
)


def _fields() -> tuple[Field, ...]:
    fields = [Field(name, "scalar", int64) for name in _INTS]
    fields += [Field(name, "scalar", float64) for name in _FLOATS]
    fields += [Field(name, "series", float64, 2, readonly=True) for name in _SERIES]
    fields += [Field(name, "array", float64, 1) for name in _ASSET_FLOATS]
    fields += [Field(name, "array", int64, 1) for name in (*_ASSET_INTS, *_BOOK_INTS)]
    fields += [Field(name, "array", numba.from_dtype(dtype), 1) for name, dtype in _TABLES]
    fields += [Field(f"event_{name}", "array", float64, 2, readonly=True) for name in EVENTS]
    fields += [
        Field("adjusted_close", "series", float64, 2, readonly=True),  # closes in the units of bar t, for user code
        Field("adjusted", "array", float64, 2),  # the same memory, for the kernel; [0, 0] where nothing is adjusted
        Field("event_rows", "array", uint8, 1, readonly=True),  # 1 where a row has an event
        Field("rates", "array", float64, 1),  # per currency: money of the account for one unit; [0] is 1
        Field("rate_assets", "array", int64, 1, readonly=True),  # per currency: the asset whose price it is
        Field("rate_inverse", "array", int64, 1, readonly=True),  # … and whether the rate is 1 / price
        Field("balances", "array", float64, 1),  # per currency, where they are kept
        Field("free", "array", float64, 1),  # scratch of carry, per currency
        Field("timestamps", "array", int64, 1, readonly=True),
        Field("sessions", "array", int64, 1, readonly=True),  # days since 1970-01-01
        Field("session_closes", "array", int64, 1, readonly=True),  # ns UTC; see `MarketArrays`
        Field("calendar", "array", uint8, 1, readonly=True),  # bits of `codes.Calendar`
        Field("session_ends", "array", uint8, 1, readonly=True),  # 1 on the last bar of a session
        Field("sigma", "array", float64, 2, readonly=True),  # for impact; [0, 0] where there is none
        Field("daily_volume", "array", float64, 2, readonly=True),
        Field("equity_curve", "array", float64, 1),
        Field("active", "array", int64, 1),  # ids of live orders, ascending; some have ended
        Field("hand", "array", int64, 1),  # ids of working orders that are not in the book
        Field("book_keys", "array", float64, 1),  # heaps: the price waited for, negative where it must fall
        Field("book_ids", "array", int64, 1),  # … and the order
        Field("shelf", "array", float64, 1),  # per order row: the key of its entry in the book; NaN: in the hand
        Field("keys", "array", int64, 2),  # scratch of a matching pass: class and asset, id, entry on the way up
        Field("key_prices", "array", float64, 1),  # … and the entry price that activated the order
        Field("ranks", "array", int64, 1),  # … and in which order its rows are attempted
        Field("woken", "array", int64, 1),  # ids activated by fills of the current pass
        Field("woken_prices", "array", float64, 1),  # reference price of the fill that did it
        Field("woken_up", "array", int64, 1),  # 1 where that fill was reached on the way up
        Field("rejects", "array", int64, 1),  # order rows, in order of refusal
        Field("ready_map", "array", int64, 2),  # per prepared array: address, items per bar, items per asset
    ]
    return tuple(fields)


STATE = State("State", _fields())
