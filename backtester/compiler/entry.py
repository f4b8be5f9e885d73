"""From rebuilt hooks to addresses: numba's native calling convention, no wrapper, no cfunc.

A hook is compiled as `void f(self, ctx)`. numba gives it the C signature `int32 f(ret*, excinfo**, self*, ctx*)`; the
returned status is 0, or not 0 where the code raised. `on_fill` and `on_reject` get a small wrapper that looks up the
row the state's `hook_index` points at.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numba
from numba.core import types
from numba.core.extending import intrinsic
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

from backtester.compiler.ctx_type import state_of
from backtester.compiler.rebuild import USER_OPTIONS
from backtester.kernel.struct import Ctx, Row, Self, as_struct
from backtester.kernel.tables import FILL, ORDER

FILL_ROW = Row.of("fill", FILL)
ORDER_ROW = Row.of("order", ORDER)


@dataclass
class Hook:
    """One compiled hook: its address, and what must live as long as the address is used."""

    name: str
    symbol: str
    library: Any
    environments: tuple[Any, ...]
    storable: bool

    @property
    def address(self) -> int:
        """The address of the machine code."""
        return self.library.get_pointer_to_function(self.symbol)


@intrinsic
def _as_row(typingctx, record, row):
    def codegen(context, builder, sig, args):
        return builder.bitcast(args[0], context.get_value_type(sig.return_type))

    return row.instance_type(record, row), codegen


def compile_hook(name: str, dispatcher: Any, self_type: Self, ctx_type: Ctx) -> Hook:
    """Compile one hook; numba's errors pass through."""
    target = dispatcher if name == "on_bar" else _with_row(name, dispatcher, ctx_type)
    target.compile(types.void(self_type, ctx_type))
    compiled = target.overloads[(self_type, ctx_type)]
    environments = tuple(compiled._find_referenced_environments())
    storable = not compiled.library.has_dynamic_globals and not compiled.reload_init
    return Hook(name, compiled.fndesc.llvm_func_name, compiled.library, environments, storable)


def _with_row(name: str, dispatcher: Any, ctx_type: Ctx) -> Any:
    """Return `f(self, ctx)` that calls `dispatcher(self, ctx, row)`."""
    state = state_of(ctx_type)
    if name == "on_fill":

        def hook(self, ctx):
            s = as_struct(ctx, state)
            dispatcher(self, ctx, _as_row(s.fills[s.hook_index], FILL_ROW))

    else:

        def hook(self, ctx):
            s = as_struct(ctx, state)
            dispatcher(self, ctx, _as_row(s.orders[s.hook_index], ORDER_ROW))

    hook.__qualname__ = f"{name}_of_{dispatcher.py_func.__qualname__}"
    return numba.njit(**{**USER_OPTIONS, "boundscheck": False})(hook)


def to_bytes(hooks: list[Hook]) -> bytes:
    """Return compiled hooks as bytes: object code and environments."""
    return dumps([(h.name, h.symbol, h.library.serialize_using_object_code(), h.environments) for h in hooks])


def from_bytes(data: bytes) -> list[Hook]:
    """Return hooks from bytes, ready to be called."""
    context = cpu_target.target_context
    context.refresh()
    codegen = context.codegen()
    hooks = []
    for name, symbol, library_state, environments in pickle.loads(data):
        library = codegen.unserialize_library(library_state)
        for environment in environments:  # without its environment, `print` in cached code deadlocks
            codegen.set_env(environment.env_name, environment)
        hooks.append(Hook(name, symbol, library, environments, True))
    return hooks


def machine() -> tuple[Any, ...]:
    """Return what names this CPU and its features to LLVM."""
    return cpu_target.target_context.codegen().magic_tuple()
