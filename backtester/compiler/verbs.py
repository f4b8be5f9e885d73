"""`ctx` in compiled code: which fields it shows, and its methods ("verbs").

A verb is an `overload_method` of the type `Ctx` with ordinary defaults and keywords. Its body calls a kernel function
by the address stored in the state (`fn_submit`, ...), so that a strategy never compiles the kernel. Reads check the
asset index; orders for an unknown asset are refused by the kernel, with a reason.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from llvmlite import ir
from numba import float64, int64
from numba.core import errors, types
from numba.core.extending import intrinsic, lower_cast, overload_method

from backtester.kernel import reads
from backtester.kernel.codes import ChangeKind
from backtester.kernel.jit import inner_jit
from backtester.kernel.reads import record_key
from backtester.kernel.struct import Ctx, Field, State, as_struct

CTX_FIELDS = ("t", "timestamp", "n_assets", "cash", "equity", "open", "high", "low", "close", "volume")
NAN = math.nan
_CANCEL, _CANCEL_ALL = int(ChangeKind.CANCEL), int(ChangeKind.CANCEL_ALL)
_MODIFY, _OCO = int(ChangeKind.MODIFY), int(ChangeKind.OCO)
_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _TRAILING_STOP = range(5)
_QUANTITY, _VALUE, _PERCENT = range(3)
MARKER = "ctx: "  # begins the sentences below, so that `messages` finds them in numba's text
_states: dict[str, State] = {}  # name of a ctx type -> the state it looks at


def make_ctx_type(state_type: State, extras: tuple[str, ...] = ()) -> Ctx:
    """Return the type of `ctx` over a state.

    Parameters
    ----------
    state_type : State
        The kernel's struct; it holds `CTX_FIELDS`, the arrays that reads need, and the `fn_...` addresses.
    extras : tuple of str
        Extra columns of the bars: read-only float64 series of two dimensions, appended after the state's last word.

    Returns
    -------
    Ctx
        Read-only fields at the state's offsets; `n_words` counts the extras too.
    """
    fields = [replace(state_type.map[name][0], readonly=True) for name in CTX_FIELDS]
    offsets = {name: state_type.offset(name) for name in CTX_FIELDS}
    end = state_type.n_words
    for name in extras:
        fields.append(Field(name, "series", float64, 2, readonly=True))
        offsets[name] = end
        end += fields[-1].words
    made = Ctx(f"ctx {state_type.digest}", fields, offsets)
    made.n_words = end
    _states[made.name] = state_type
    return made


def _caller(result: types.Type, *arguments: types.Type) -> Any:
    """Return an intrinsic `call(address, (a, b, ...))`: a C function with these types; arguments are cast to them."""

    @intrinsic
    def call(typingctx, address, values):
        def codegen(context, builder, sig, args):
            values = [builder.extract_value(args[1], i) for i in range(len(arguments))]
            values = [
                context.cast(builder, value, found, wanted)
                for value, found, wanted in zip(values, sig.args[1], arguments, strict=True)
            ]
            function_type = ir.FunctionType(context.get_value_type(result), [v.type for v in values])
            return builder.call(builder.inttoptr(args[0], function_type.as_pointer()), values)

        return result(int64, values), codegen

    return call


def _address_of(typingctx: Any, ctx: Any) -> Any:
    def codegen(context, builder, sig, args):
        return builder.ptrtoint(args[0], ir.IntType(64))

    return int64(ctx), codegen


_address: Any = intrinsic(_address_of)
_I, _F = int64, float64
_submit = _caller(_I, _I, _I, _I, _F, _F, _F, _F, _F, _I, _I, _I)
_target = _caller(_I, _I, _I, _I, _F, _I, _I, _I, _I)
_bracket = _caller(_I, _I, _I, _F, _F, _F, _F, _F, _F, _F, _I, _I, _I)
_change = _caller(_I, _I, _I, _I, _I, _F, _F)
_record = _caller(_I, _I, _I, _F)
_random = _caller(_F, _I)
_group = _caller(_I, _I)
_ready = _caller(_I, _I, _I)


@lower_cast(types.IntEnumMember, types.Float)
def _enum_to_float(context: Any, builder: Any, fromty: Any, toty: Any, val: Any) -> Any:
    return context.cast(builder, val, fromty.dtype, toty)


def _plain(typ: Any) -> Any:
    """Return the type of an argument: literals and omitted defaults count as what they stand for."""
    if isinstance(typ, types.Omitted):
        return types.float64 if isinstance(typ.value, float) else types.int64
    return types.unliteral(typ) if isinstance(typ, types.Type) else types.int64


def _check(verb: str, integers: dict[str, Any], numbers: dict[str, Any] | None = None) -> None:
    """Raise for an argument of the wrong type, in words the user knows."""
    for name, typ in integers.items():
        if not isinstance(_plain(typ), (types.Integer, types.Boolean, types.IntEnumMember)):
            raise errors.TypingError(f"{MARKER}ctx.{verb}: {name} must be an integer, found {_plain(typ)}")
    for name, typ in (numbers or {}).items():
        if not isinstance(_plain(typ), (types.Integer, types.Boolean, types.Float, types.IntEnumMember)):
            raise errors.TypingError(f"{MARKER}ctx.{verb}: {name} must be a number, found {_plain(typ)}")


def state_of(ctx: Ctx) -> State:
    """Return the state that a ctx type looks at."""
    return _states[ctx.name]


@overload_method(Ctx, "order")
def _ctx_order(ctx, a, quantity, tif=0, expire=0, tag=0):
    _check("order", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity})
    state = state_of(ctx)

    def order(ctx, a, quantity, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        return _submit(fn, (_address(ctx), a, _MARKET, quantity, NAN, NAN, NAN, NAN, tif, expire, tag))

    return order


@overload_method(Ctx, "limit")
def _ctx_limit(ctx, a, quantity, price, tif=0, expire=0, tag=0):
    _check("limit", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity, "price": price})
    state = state_of(ctx)

    def limit(ctx, a, quantity, price, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        return _submit(fn, (_address(ctx), a, _LIMIT, quantity, price, NAN, NAN, NAN, tif, expire, tag))

    return limit


@overload_method(Ctx, "stop")
def _ctx_stop(ctx, a, quantity, price, tif=0, expire=0, tag=0):
    _check("stop", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity, "price": price})
    state = state_of(ctx)

    def stop(ctx, a, quantity, price, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        return _submit(fn, (_address(ctx), a, _STOP, quantity, NAN, price, NAN, NAN, tif, expire, tag))

    return stop


@overload_method(Ctx, "stop_limit")
def _ctx_stop_limit(ctx, a, quantity, stop_price, limit_price, tif=0, expire=0, tag=0):
    numbers = {"quantity": quantity, "stop_price": stop_price, "limit_price": limit_price}
    _check("stop_limit", {"a": a, "tif": tif, "expire": expire, "tag": tag}, numbers)
    state = state_of(ctx)

    def stop_limit(ctx, a, quantity, stop_price, limit_price, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        values = (_address(ctx), a, _STOP_LIMIT, quantity, limit_price, stop_price, NAN, NAN, tif, expire, tag)
        return _submit(fn, values)

    return stop_limit


@overload_method(Ctx, "trailing_stop")
def _ctx_trailing_stop(ctx, a, quantity, distance=NAN, distance_frac=NAN, tif=0, expire=0, tag=0):
    numbers = {"quantity": quantity, "distance": distance, "distance_frac": distance_frac}
    _check("trailing_stop", {"a": a, "tif": tif, "expire": expire, "tag": tag}, numbers)
    state = state_of(ctx)

    def trailing_stop(ctx, a, quantity, distance=NAN, distance_frac=NAN, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        values = (_address(ctx), a, _TRAILING_STOP, quantity, NAN, NAN, distance, distance_frac, tif, expire, tag)
        return _submit(fn, values)

    return trailing_stop


@overload_method(Ctx, "bracket")
def _ctx_bracket(
    ctx, a, quantity, stop_loss=NAN, take_profit=NAN, stop_loss_frac=NAN, take_profit_frac=NAN,
    entry_limit=NAN, entry_stop=NAN, tif=0, expire=0, tag=0,
):  # fmt: skip
    prices = {"stop_loss": stop_loss, "take_profit": take_profit, "entry_limit": entry_limit, "entry_stop": entry_stop}
    fractions = {"stop_loss_frac": stop_loss_frac, "take_profit_frac": take_profit_frac}
    numbers = {"quantity": quantity, **prices, **fractions}
    _check("bracket", {"a": a, "tif": tif, "expire": expire, "tag": tag}, numbers)
    state = state_of(ctx)

    def bracket(
        ctx, a, quantity, stop_loss=NAN, take_profit=NAN, stop_loss_frac=NAN, take_profit_frac=NAN,
        entry_limit=NAN, entry_stop=NAN, tif=0, expire=0, tag=0,
    ):  # fmt: skip
        fn = as_struct(ctx, state).fn_bracket
        values = (
            _address(ctx), a, quantity, stop_loss, take_profit, stop_loss_frac, take_profit_frac,
            entry_limit, entry_stop, tif, expire, tag,
        )  # fmt: skip
        return _bracket(fn, values)

    return bracket


@overload_method(Ctx, "order_target")
def _ctx_order_target(ctx, a, quantity, tif=0, expire=0, tag=0):
    _check("order_target", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity})
    state = state_of(ctx)

    def order_target(ctx, a, quantity, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_target
        return _target(fn, (_address(ctx), a, _QUANTITY, quantity, 0, tif, expire, tag))

    return order_target


@overload_method(Ctx, "order_target_value")
def _ctx_order_target_value(ctx, a, value, tif=0, expire=0, tag=0):
    _check("order_target_value", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"value": value})
    state = state_of(ctx)

    def order_target_value(ctx, a, value, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_target
        return _target(fn, (_address(ctx), a, _VALUE, value, 0, tif, expire, tag))

    return order_target_value


@overload_method(Ctx, "order_target_percent")
def _ctx_order_target_percent(ctx, a, fraction, tif=0, expire=0, tag=0):
    _check("order_target_percent", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"fraction": fraction})
    state = state_of(ctx)

    def order_target_percent(ctx, a, fraction, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_target
        return _target(fn, (_address(ctx), a, _PERCENT, fraction, 0, tif, expire, tag))

    return order_target_percent


@overload_method(Ctx, "rebalance")
def _ctx_rebalance(ctx, weights, tif=0, expire=0, tag=0):
    _check("rebalance", {"tif": tif, "expire": expire, "tag": tag})
    one_axis = isinstance(weights, types.Array) and weights.ndim == 1
    if not one_axis and not isinstance(weights, types.UniTuple):
        raise errors.TypingError(f"{MARKER}ctx.rebalance: weights must be a 1-D array, one per asset, found {weights}")
    state = state_of(ctx)

    def rebalance(ctx, weights, tif=0, expire=0, tag=0):
        s = as_struct(ctx, state)
        if len(weights) != s.n_assets:
            raise ValueError("rebalance needs exactly one weight per asset (NaN leaves an asset alone)")
        group = _group(s.fn_group, (_address(ctx),))
        first = 0
        for a in range(s.n_assets):
            weight = float(weights[a])
            if not math.isnan(weight):
                made = _target(s.fn_target, (_address(ctx), a, _PERCENT, weight, group, tif, expire, tag))
                if first == 0:
                    first = made
        return first

    return rebalance


@overload_method(Ctx, "close_position")
def _ctx_close_position(ctx, a, tif=0, expire=0, tag=0):
    _check("close_position", {"a": a, "tif": tif, "expire": expire, "tag": tag})
    state = state_of(ctx)

    def close_position(ctx, a, tif=0, expire=0, tag=0):
        s = as_struct(ctx, state)
        _change(s.fn_change, (_address(ctx), _CANCEL_ALL, 0, a, NAN, 1.0))
        return _target(s.fn_target, (_address(ctx), a, _QUANTITY, 0.0, 0, tif, expire, tag))

    return close_position


@overload_method(Ctx, "modify")
def _ctx_modify(ctx, order_id, price=NAN, quantity=NAN):
    _check("modify", {"order_id": order_id}, {"price": price, "quantity": quantity})
    state = state_of(ctx)

    def modify(ctx, order_id, price=NAN, quantity=NAN):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (_address(ctx), _MODIFY, order_id, 0, price, quantity)) != 0

    return modify


@overload_method(Ctx, "cancel")
def _ctx_cancel(ctx, order_id):
    _check("cancel", {"order_id": order_id})
    state = state_of(ctx)

    def cancel(ctx, order_id):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (_address(ctx), _CANCEL, order_id, 0, NAN, NAN)) != 0

    return cancel


@overload_method(Ctx, "cancel_all")
def _ctx_cancel_all(ctx, a):
    _check("cancel_all", {"a": a})
    state = state_of(ctx)

    def cancel_all(ctx, a):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (_address(ctx), _CANCEL_ALL, 0, a, NAN, NAN)) != 0

    return cancel_all


@overload_method(Ctx, "oco")
def _ctx_oco(ctx, id1, id2):
    _check("oco", {"id1": id1, "id2": id2})
    state = state_of(ctx)

    def oco(ctx, id1, id2):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (_address(ctx), _OCO, id1, id2, NAN, NAN)) != 0

    return oco


@overload_method(Ctx, "record", prefer_literal=True)
def _ctx_record(ctx, name, value):
    if not isinstance(name, types.StringLiteral):
        raise errors.TypingError(f"{MARKER}ctx.record: the name must be written as a plain string, found {name}")
    _check("record", {}, {"value": value})
    state = state_of(ctx)
    key = record_key(name.literal_value)

    def record(ctx, name, value):
        _record(as_struct(ctx, state).fn_record, (_address(ctx), key, value))

    return record


@overload_method(Ctx, "random")
def _ctx_random(ctx):
    state = state_of(ctx)

    def random(ctx):
        return _random(as_struct(ctx, state).fn_random, (_address(ctx),))

    return random


def _read_verb(name: str, read: Any) -> None:
    """Define a read of one asset: a range check, then `read(state, asset)`."""
    message = f"ctx.{name}(a): asset a is out of range: it must be from 0 to n_assets - 1"

    def typed(ctx, a):
        _check(name, {"a": a})
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
_read_verb("ready", inner_jit(lambda s, a: _ready(s.fn_ready, (_address(s), a)) != 0))
_read_verb("unrealized_pnl", _unrealized_pnl)
_read_verb("exposure", _exposure)
