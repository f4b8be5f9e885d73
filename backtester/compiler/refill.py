"""One struct for many instances of a strategy: the fields of the next are written where those of the last were.

Compiling, even from the cache, looks at the source of everything that the hooks reach. Instances of one class that hold
the same kinds of values share their machine code, so that a sweep does that once.
"""

from __future__ import annotations

import sys
import types as python_types
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from backtester.compiler.fields import as_held, scalar_type, tuple_type
from backtester.compiler.walk import BASE
from backtester.kernel.struct import dtype_of

if TYPE_CHECKING:
    from backtester.compiler import CompiledHooks

_EMPTY = object()


class Refill:
    """The fields of a compiled strategy, to be filled from other instances of its class.

    Parameters
    ----------
    hooks : CompiledHooks
        As `compile_hooks` returned them, before the first bar.
    strategy : Strategy
        The instance they were compiled for, prepared.
    n_bars : int
    """

    def __init__(self, hooks: CompiledHooks, strategy: Any, n_bars: int):
        self.buffer = buffer = hooks.self_buffer
        self._kind = type(strategy)
        self._names = frozenset(vars(strategy))
        self._n_bars = n_bars
        self._constant = sys.modules[BASE].Constant
        self._fields = list(buffer.type.map.items())[1:]  # the first is `present`
        self._start = buffer.words.copy()
        self._globals = [(space, name, space.get(name)) for space, name in hooks.looked_up]
        self._cells = [(cell, _content(cell)) for cell in hooks.cells]
        read = [value for _, _, value in self._globals] + [value for _, value in self._cells]
        self._plain = all(
            field.kind in ("scalar", "tuple", "array", "series") for _, (field, _) in self._fields
        ) and not any(_may_change(value) for value in read)
        self._own_functions = any(
            isinstance(value, python_types.FunctionType | Dispatcher) for value in vars(strategy).values()
        )

    def fill(self, strategy: Any) -> bool:
        """Write an instance's fields, and say whether its machine code is the same as that of the first.

        Where it is not, or that cannot be told quickly, the buffer is in no defined state and the instance is to be
        compiled by itself.
        """
        if not self._plain or self._own_functions or type(strategy) is not self._kind:
            return False
        if vars(strategy).keys() != self._names:
            return False
        if any(space.get(name) is not value for space, name, value in self._globals):
            return False
        if any(_content(cell) is not value for cell, value in self._cells):
            return False
        self.buffer.words[:] = self._start
        return all(self._write(strategy, name, field, at) for name, (field, at) in self._fields)

    def _write(self, strategy: Any, name: str, field: Any, at: int) -> bool:
        value = getattr(strategy, name, None)
        constant = isinstance(value, self._constant)
        value = getattr(value, "value", None) if constant else value
        if field.kind in ("scalar", "tuple"):
            if (scalar_type(value) if field.kind == "scalar" else tuple_type(value)) != field.type:
                return False
            self.buffer.set(name, value)
            return True
        if not isinstance(value, np.ndarray) or value.ndim != field.ndim or value.dtype.hasobject:
            return False
        held = as_held(value)
        series = held.shape[0] == self._n_bars and not constant
        if (field.kind == "series") != series or held.dtype != dtype_of(field.type):
            return False
        if held.flags.writeable == field.readonly:
            return False
        if held is not value:
            setattr(strategy, name, self._constant(held) if constant else held)
        self.buffer.set_array(name, held)
        return True


def _content(cell: python_types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _may_change(value: Any) -> bool:
    """Whether a constant of the code can be written into without being replaced; machine code holds a copy of it."""
    if isinstance(value, np.ndarray):
        return bool(value.flags.writeable)
    return isinstance(value, list | dict | set | bytearray) or (
        isinstance(value, tuple) and any(map(_may_change, value))
    )
