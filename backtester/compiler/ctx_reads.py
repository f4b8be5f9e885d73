"""What `ctx` reads in compiled code, and its verbs that are no orders: records, random numbers, money.

Reads check the asset index.
"""

from __future__ import annotations

import math
from typing import Any

from numba import float64, int64
from numba.core import errors, types
from numba.core.extending import overload_attribute, overload_method

from backtester.compiler.ctx_type import MARKER, address_of_ctx, caller, check, state_of
from backtester.kernel import reads
from backtester.kernel.codes import Calendar, ChangeKind
from backtester.kernel.jit import inner_jit
from backtester.kernel.reads import record_key
from backtester.kernel.struct import Ctx, as_struct

_I, _F = int64, float64
_DEPOSIT, _CONVERT = int(ChangeKind.DEPOSIT), int(ChangeKind.CONVERT)
_change = caller(_I, _I, _I, _I, _I, _F, _F)
_record = caller(_I, _I, _I, _F)
_random = caller(_F, _I)
_ready = caller(_I, _I, _I)


@overload_method(Ctx, "record", prefer_literal=True)
def _ctx_record(ctx, name, value):
    if not isinstance(name, types.StringLiteral):
        raise errors.TypingError(f"{MARKER}ctx.record: the name must be written as a plain string, found {name}")
    check("record", {}, {"value": value})
    state = state_of(ctx)
    key = record_key(name.literal_value)

    def record(ctx, name, value):
        _record(as_struct(ctx, state).fn_record, (address_of_ctx(ctx), key, value))

    return record


@overload_method(Ctx, "random")
def _ctx_random(ctx):
    state = state_of(ctx)

    def random(ctx):
        return _random(as_struct(ctx, state).fn_random, (address_of_ctx(ctx),))

    return random


def _read_verb(name: str, read: Any) -> None:
    """Define a read of one asset: a range check, then `read(state, asset)`."""
    message = f"ctx.{name}(a): asset a is out of range: it must be from 0 to n_assets - 1"

    def typed(ctx, a):
        check(name, {"a": a})
        state = state_of(ctx)

        def implementation(ctx, a):
            s = as_struct(ctx, state)
            if a < 0 or a >= s.n_assets:
                raise IndexError(message)
            return read(s, a)

        return implementation

    overload_method(Ctx, name)(typed)


@inner_jit
def _unrealized_pnl(s, a):
    return reads.unrealized_pnl(s.positions[a], s.multipliers[a], s.marks[a], s.entry_prices[a])


@inner_jit
def _exposure(s, a):
    return reads.exposure(s.positions[a], s.multipliers[a], s.marks[a], s.equity)


_read_verb("position", inner_jit(lambda s, a: s.positions[a]))
_read_verb("entry_price", inner_jit(lambda s, a: s.entry_prices[a]))
_read_verb("open_orders", inner_jit(lambda s, a: s.open_counts[a]))
_read_verb("ready", inner_jit(lambda s, a: _ready(s.fn_ready, (address_of_ctx(s), a)) != 0))
_read_verb("unrealized_pnl", _unrealized_pnl)
_read_verb("exposure", _exposure)
_read_verb("mark", inner_jit(lambda s, a: s.marks[a]))
_read_verb("multiplier", inner_jit(lambda s, a: s.multipliers[a]))
_read_verb("balance", inner_jit(lambda s, a: s.balances[s.currencies[a]] if s.keeps else s.cash))


@overload_method(Ctx, "quantity_for_risk")
def _ctx_quantity_for_risk(ctx, a, risk_frac, stop_price, entry_price=math.nan):
    prices = {"stop_price": stop_price, "entry_price": entry_price}
    check("quantity_for_risk", {"a": a}, {"risk_frac": risk_frac, **prices})
    state = state_of(ctx)

    def quantity_for_risk(ctx, a, risk_frac, stop_price, entry_price=math.nan):
        s = as_struct(ctx, state)
        if a < 0 or a >= s.n_assets:
            raise IndexError("ctx.quantity_for_risk(a): asset a is out of range: it must be from 0 to n_assets - 1")
        entry = s.marks[a] if math.isnan(entry_price) else float(entry_price)
        return reads.quantity_for_risk(
            float(risk_frac), s.equity, entry, float(stop_price), s.multipliers[a], s.lot_size[a]
        )

    return quantity_for_risk


def _calendar_verb(name: str, bit: int) -> None:
    """Define a question about the calendar of the current bar."""

    def typed(ctx):
        state = state_of(ctx)

        def implementation(ctx):
            s = as_struct(ctx, state)
            return (s.calendar[s.t] & bit) != 0

        return implementation

    overload_method(Ctx, name)(typed)


_calendar_verb("is_session_start", int(Calendar.SESSION_START))
_calendar_verb("is_session_end", int(Calendar.SESSION_END))
_calendar_verb("is_month_start", int(Calendar.MONTH_START))
_calendar_verb("is_month_end", int(Calendar.MONTH_END))


@overload_method(Ctx, "minutes_to_close")
def _ctx_minutes_to_close(ctx):
    state = state_of(ctx)

    def minutes_to_close(ctx):
        s = as_struct(ctx, state)
        known = s.session_closes.shape[0] > 0
        close = s.session_closes[s.t] if known else reads.end_of_day(s.sessions[s.t])
        return reads.minutes_to_close(close, s.timestamp)

    return minutes_to_close


@overload_attribute(Ctx, "session")
def _ctx_session(ctx):
    state = state_of(ctx)

    def session(ctx):
        s = as_struct(ctx, state)
        return s.sessions[s.t]

    return session


@inner_jit
def _amount(amount):
    """Return an amount of money, NaN where it is not above 0."""
    return float(amount) if amount > 0.0 else math.nan


@overload_method(Ctx, "deposit")
def _ctx_deposit(ctx, amount):
    check("deposit", {}, {"amount": amount})
    state = state_of(ctx)

    def deposit(ctx, amount):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _DEPOSIT, 0, 0, math.nan, _amount(amount))) != 0

    return deposit


@overload_method(Ctx, "withdraw")
def _ctx_withdraw(ctx, amount):
    check("withdraw", {}, {"amount": amount})
    state = state_of(ctx)

    def withdraw(ctx, amount):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _DEPOSIT, 0, 0, math.nan, -_amount(amount))) != 0

    return withdraw


@overload_method(Ctx, "convert")
def _ctx_convert(ctx, amount, from_a, to_a):
    check("convert", {"from_a": from_a, "to_a": to_a}, {"amount": amount})
    state = state_of(ctx)

    def convert(ctx, amount, from_a, to_a):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _CONVERT, from_a, to_a, math.nan, _amount(amount))) != 0

    return convert
