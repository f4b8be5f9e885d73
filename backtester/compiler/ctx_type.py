"""`ctx` in compiled code: its type, and what its methods are made of; `ctx_verbs` and `ctx_reads` define them.

A method is an `overload_method` of the type `Ctx` with ordinary defaults and keywords. Its body calls a kernel function
by the address stored in the state (`fn_submit`, ...), so that a strategy never compiles the kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llvmlite import ir
from numba import float64, int64
from numba.core import errors, types
from numba.core.extending import intrinsic, lower_cast

from backtester.kernel.struct import Ctx, Field, State

CTX_FIELDS = (
    "t", "timestamp", "n_assets", "cash", "equity", "open", "high", "low", "close", "volume", "adjusted_close",
)  # fmt: skip
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


def caller(result: types.Type, *arguments: types.Type) -> Any:
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


address_of_ctx: Any = intrinsic(_address_of)


@lower_cast(types.IntEnumMember, types.Float)
def _enum_to_float(context: Any, builder: Any, fromty: Any, toty: Any, val: Any) -> Any:
    return context.cast(builder, val, fromty.dtype, toty)


def _plain(typ: Any) -> Any:
    """Return the type of an argument: literals and omitted defaults count as what they stand for."""
    if isinstance(typ, types.Omitted):
        return types.float64 if isinstance(typ.value, float) else types.int64
    return types.unliteral(typ) if isinstance(typ, types.Type) else types.int64


def check(verb: str, integers: dict[str, Any], numbers: dict[str, Any] | None = None) -> None:
    """Raise for an argument of the wrong type, in words the user knows."""
    for name, typ in integers.items():
        if not isinstance(_plain(typ), (types.Integer, types.Boolean, types.IntEnumMember)):
            raise errors.TypingError(f"{MARKER}ctx.{verb}: {name} must be an integer, found {_plain(typ)}")
    for name, typ in (numbers or {}).items():
        if not isinstance(_plain(typ), (types.Integer, types.Boolean, types.Float, types.IntEnumMember)):
            raise errors.TypingError(f"{MARKER}ctx.{verb}: {name} must be a number, found {_plain(typ)}")


def check_numbers(what: str, values: Any) -> None:
    """Raise for what is not a row of numbers: a 1-D array, or a tuple of numbers of one type."""
    one_axis = isinstance(values, types.Array) and values.ndim == 1
    if not one_axis and not isinstance(values, types.UniTuple):
        raise errors.TypingError(
            f"{MARKER}ctx.{what} must be a 1-D array or a tuple of numbers of one type, found {values}"
        )


def state_of(ctx: Ctx) -> State:
    """Return the state that a ctx type looks at."""
    return _states[ctx.name]
