"""The order verbs of `ctx` in compiled code; orders for an unknown asset are refused by the kernel, with a reason."""

from __future__ import annotations

import math

from numba import float64, int64
from numba.core import types
from numba.core.extending import overload_method

from backtester.compiler.ctx_type import address_of_ctx, caller, check, check_numbers, state_of
from backtester.kernel import reads
from backtester.kernel.codes import ChangeKind
from backtester.kernel.jit import inner_jit
from backtester.kernel.struct import Ctx, as_struct

NAN = math.nan
_CANCEL, _CANCEL_ALL = int(ChangeKind.CANCEL), int(ChangeKind.CANCEL_ALL)
_MODIFY, _OCO = int(ChangeKind.MODIFY), int(ChangeKind.OCO)
_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _TRAILING_STOP = range(5)
_QUANTITY, _VALUE, _PERCENT = range(3)
_I, _F = int64, float64
_submit = caller(_I, _I, _I, _I, _F, _F, _F, _F, _F, _I, _I, _I)
_scale_out = caller(_I, _I, _I, _F, _F, _I, _I, _I)
_target = caller(_I, _I, _I, _I, _F, _I, _I, _I, _I)
_bracket = caller(_I, _I, _I, _F, _F, _F, _F, _F, _F, _F, _I, _I, _I)
_change = caller(_I, _I, _I, _I, _I, _F, _F)
_group = caller(_I, _I)


@overload_method(Ctx, "order")
def _ctx_order(ctx, a, quantity, tif=0, expire=0, tag=0):
    check("order", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity})
    state = state_of(ctx)

    def order(ctx, a, quantity, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        return _submit(fn, (address_of_ctx(ctx), a, _MARKET, quantity, NAN, NAN, NAN, NAN, tif, expire, tag))

    return order


@overload_method(Ctx, "limit")
def _ctx_limit(ctx, a, quantity, price, tif=0, expire=0, tag=0):
    check("limit", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity, "price": price})
    state = state_of(ctx)

    def limit(ctx, a, quantity, price, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        return _submit(fn, (address_of_ctx(ctx), a, _LIMIT, quantity, price, NAN, NAN, NAN, tif, expire, tag))

    return limit


@overload_method(Ctx, "stop")
def _ctx_stop(ctx, a, quantity, price, tif=0, expire=0, tag=0):
    check("stop", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity, "price": price})
    state = state_of(ctx)

    def stop(ctx, a, quantity, price, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        return _submit(fn, (address_of_ctx(ctx), a, _STOP, quantity, NAN, price, NAN, NAN, tif, expire, tag))

    return stop


@overload_method(Ctx, "stop_limit")
def _ctx_stop_limit(ctx, a, quantity, stop_price, limit_price, tif=0, expire=0, tag=0):
    numbers = {"quantity": quantity, "stop_price": stop_price, "limit_price": limit_price}
    check("stop_limit", {"a": a, "tif": tif, "expire": expire, "tag": tag}, numbers)
    state = state_of(ctx)

    def stop_limit(ctx, a, quantity, stop_price, limit_price, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        values = (address_of_ctx(ctx), a, _STOP_LIMIT, quantity, limit_price, stop_price, NAN, NAN, tif, expire, tag)
        return _submit(fn, values)

    return stop_limit


@overload_method(Ctx, "trailing_stop")
def _ctx_trailing_stop(ctx, a, quantity, distance=NAN, distance_frac=NAN, tif=0, expire=0, tag=0):
    numbers = {"quantity": quantity, "distance": distance, "distance_frac": distance_frac}
    check("trailing_stop", {"a": a, "tif": tif, "expire": expire, "tag": tag}, numbers)
    state = state_of(ctx)

    def trailing_stop(ctx, a, quantity, distance=NAN, distance_frac=NAN, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_submit
        values = (address_of_ctx(ctx), a, _TRAILING_STOP, quantity, NAN, NAN, distance, distance_frac, tif, expire, tag)
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
    check("bracket", {"a": a, "tif": tif, "expire": expire, "tag": tag}, numbers)
    state = state_of(ctx)

    def bracket(
        ctx, a, quantity, stop_loss=NAN, take_profit=NAN, stop_loss_frac=NAN, take_profit_frac=NAN,
        entry_limit=NAN, entry_stop=NAN, tif=0, expire=0, tag=0,
    ):  # fmt: skip
        fn = as_struct(ctx, state).fn_bracket
        values = (
            address_of_ctx(ctx), a, quantity, stop_loss, take_profit, stop_loss_frac, take_profit_frac,
            entry_limit, entry_stop, tif, expire, tag,
        )  # fmt: skip
        return _bracket(fn, values)

    return bracket


@overload_method(Ctx, "order_target")
def _ctx_order_target(ctx, a, quantity, tif=0, expire=0, tag=0):
    check("order_target", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"quantity": quantity})
    state = state_of(ctx)

    def order_target(ctx, a, quantity, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_target
        return _target(fn, (address_of_ctx(ctx), a, _QUANTITY, quantity, 0, tif, expire, tag))

    return order_target


@overload_method(Ctx, "order_target_value")
def _ctx_order_target_value(ctx, a, value, tif=0, expire=0, tag=0):
    check("order_target_value", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"value": value})
    state = state_of(ctx)

    def order_target_value(ctx, a, value, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_target
        return _target(fn, (address_of_ctx(ctx), a, _VALUE, value, 0, tif, expire, tag))

    return order_target_value


@overload_method(Ctx, "order_target_percent")
def _ctx_order_target_percent(ctx, a, fraction, tif=0, expire=0, tag=0):
    check("order_target_percent", {"a": a, "tif": tif, "expire": expire, "tag": tag}, {"fraction": fraction})
    state = state_of(ctx)

    def order_target_percent(ctx, a, fraction, tif=0, expire=0, tag=0):
        fn = as_struct(ctx, state).fn_target
        return _target(fn, (address_of_ctx(ctx), a, _PERCENT, fraction, 0, tif, expire, tag))

    return order_target_percent


@overload_method(Ctx, "rebalance")
def _ctx_rebalance(ctx, weights, tif=0, expire=0, tag=0):
    check("rebalance", {"tif": tif, "expire": expire, "tag": tag})
    check_numbers("rebalance: weights", weights)
    state = state_of(ctx)

    def rebalance(ctx, weights, tif=0, expire=0, tag=0):
        s = as_struct(ctx, state)
        if len(weights) != s.n_assets:
            raise ValueError("rebalance needs exactly one weight per asset (NaN leaves an asset alone)")
        group = _group(s.fn_group, (address_of_ctx(ctx),))
        first = 0
        for a in range(s.n_assets):
            weight = float(weights[a])
            if not math.isnan(weight):
                made = _target(s.fn_target, (address_of_ctx(ctx), a, _PERCENT, weight, group, tif, expire, tag))
                if first == 0:
                    first = made
        return first

    return rebalance


_prices_count = inner_jit(lambda fractions, n: n)
_equal_fraction = inner_jit(lambda fractions, k, n: 1.0 / n)
_fractions_count = inner_jit(lambda fractions, n: len(fractions))
_given_fraction = inner_jit(lambda fractions, k, n: float(fractions[k]))


@overload_method(Ctx, "scale_out")
def _ctx_scale_out(ctx, a, prices, fractions=None, tif=0, expire=0, tag=0):
    check("scale_out", {"a": a, "tif": tif, "expire": expire, "tag": tag})
    check_numbers("scale_out: prices", prices)
    if fractions is None or isinstance(fractions, (types.NoneType, types.Omitted)):
        count, fraction = _prices_count, _equal_fraction
    else:
        check_numbers("scale_out: fractions", fractions)
        count, fraction = _fractions_count, _given_fraction
    state = state_of(ctx)

    def scale_out(ctx, a, prices, fractions=None, tif=0, expire=0, tag=0):
        s = as_struct(ctx, state)
        if a < 0 or a >= s.n_assets:
            raise IndexError("ctx.scale_out(a): asset a is out of range: it must be from 0 to n_assets - 1")
        n = len(prices)
        if n == 0 or count(fractions, n) != n:
            raise ValueError("scale_out needs at least one price, and as many fractions as prices, or none")
        total = 0.0
        for k in range(n):
            total += fraction(fractions, k, n)
        whole = abs(total - 1.0) <= 1e-9
        x = s.positions[a]
        if x == 0.0:
            return 0
        first = 0
        taken = 0.0
        for k in range(n):
            part = reads.rung(x, taken, fraction(fractions, k, n), whole and k == n - 1, s.lot_size[a])
            taken += part
            made = _scale_out(s.fn_scale_out, (address_of_ctx(ctx), a, -part, prices[k], tif, expire, tag))
            if k == 0:
                first = made
        return first

    return scale_out


@overload_method(Ctx, "close_position")
def _ctx_close_position(ctx, a, tif=0, expire=0, tag=0):
    check("close_position", {"a": a, "tif": tif, "expire": expire, "tag": tag})
    state = state_of(ctx)

    def close_position(ctx, a, tif=0, expire=0, tag=0):
        s = as_struct(ctx, state)
        _change(s.fn_change, (address_of_ctx(ctx), _CANCEL_ALL, 0, a, NAN, 1.0))
        return _target(s.fn_target, (address_of_ctx(ctx), a, _QUANTITY, 0.0, 0, tif, expire, tag))

    return close_position


@overload_method(Ctx, "modify")
def _ctx_modify(ctx, order_id, price=NAN, quantity=NAN):
    check("modify", {"order_id": order_id}, {"price": price, "quantity": quantity})
    state = state_of(ctx)

    def modify(ctx, order_id, price=NAN, quantity=NAN):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _MODIFY, order_id, 0, price, quantity)) != 0

    return modify


@overload_method(Ctx, "cancel")
def _ctx_cancel(ctx, order_id):
    check("cancel", {"order_id": order_id})
    state = state_of(ctx)

    def cancel(ctx, order_id):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _CANCEL, order_id, 0, NAN, NAN)) != 0

    return cancel


@overload_method(Ctx, "cancel_all")
def _ctx_cancel_all(ctx, a):
    check("cancel_all", {"a": a})
    state = state_of(ctx)

    def cancel_all(ctx, a):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _CANCEL_ALL, 0, a, NAN, NAN)) != 0

    return cancel_all


@overload_method(Ctx, "oco")
def _ctx_oco(ctx, id1, id2):
    check("oco", {"id1": id1, "id2": id2})
    state = state_of(ctx)

    def oco(ctx, id1, id2):
        fn = as_struct(ctx, state).fn_change
        return _change(fn, (address_of_ctx(ctx), _OCO, id1, id2, NAN, NAN)) != 0

    return oco
