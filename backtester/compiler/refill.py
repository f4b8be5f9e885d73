"""One struct for many instances of a strategy: the fields of the next are written where those of the last were.

Compiling, even from the cache, looks at the source of everything that the hooks reach. Instances of one class that hold
the same kinds of values share their machine code, so that a sweep does that once.
"""

from __future__ import annotations

import sys
import types as python_types
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import boolean, float64
from numba.core.dispatcher import Dispatcher

from backtester.compiler.fields import as_held, scalar_type, tuple_type
from backtester.compiler.walk import BASE
from backtester.indicators.memory import frozen_owner
from backtester.kernel.ready import is_prepared, map_row
from backtester.kernel.struct import Field, dtype_of

if TYPE_CHECKING:
    from backtester.compiler import CompiledHooks

_EMPTY = object()
_WRITEABLE = 0x400  # bits of `ndarray.flags.num`, as in NumPy's C interface
_HELD = 0x1 | 0x100  # C-contiguous, aligned


class Refill:
    """The fields of a compiled strategy, to be filled from other instances of its class.

    Parameters
    ----------
    hooks : CompiledHooks
        As `compile_hooks` returned them, before the first bar.
    strategy : Strategy
        The instance they were compiled for, prepared.
    n_bars, n_assets : int

    Attributes
    ----------
    ready : int64 [n_arrays, 3]
        Where the prepared arrays of the last instance lie: address, items per bar, items per asset (0: all of them).
    knows_ready : bool
        Whether `ready` is all of them.
    """

    def __init__(self, hooks: CompiledHooks, strategy: Any, n_bars: int, n_assets: int):
        self.buffer = buffer = hooks.self_buffer
        self._kind = type(strategy)
        self._names = frozenset(vars(strategy))
        self._n_bars, self._n_assets = n_bars, n_assets
        self._constant = sys.modules[BASE].Constant
        self._fields = [
            (name, field, at, _quick_kind(field)) for name, (field, at) in list(buffer.type.map.items())[1:]
        ]  # the first is `present`
        self._start = buffer.words.copy()
        self._globals = [(space, name, space.get(name)) for space, name in hooks.looked_up]
        self._cells = [(cell, _content(cell)) for cell in hooks.cells]
        read = [value for _, _, value in self._globals] + [value for _, value in self._cells]
        self._plain = all(
            field.kind in ("scalar", "tuple", "array", "series") for _, field, _, _ in self._fields
        ) and not any(_may_change(value) for value in read)
        self._own_functions = any(
            isinstance(value, python_types.FunctionType | Dispatcher) for value in vars(strategy).values()
        )
        fields = {name for name, _, _, _ in self._fields}
        self._unread = sorted(self._names - fields)
        prepared = [name for name, _, _, kind in self._fields if kind is np.ndarray and name in self._names]
        prepared += [name for name in self._unread if is_prepared(vars(strategy)[name], n_bars)]
        self._rows = {name: row for row, name in enumerate(prepared)}
        self._held = [name for name, field, _, _ in self._fields if field.ndim]
        self._held += [name for name in self._unread if name in self._rows]
        self.ready = np.zeros((len(self._rows), 3), np.int64)
        self.knows_ready = False

    def fill(self, strategy: Any) -> bool:
        """Write an instance's fields, and say whether its machine code is the same as that of the first.

        Where it is not, or that cannot be told quickly, the buffer is in no defined state and the instance is to be
        compiled by itself.
        """
        held = vars(strategy)
        if not self._plain or self._own_functions or type(strategy) is not self._kind:
            return False
        if held.keys() != self._names:
            return False
        if any(space.get(name) is not value for space, name, value in self._globals):
            return False
        if any(_content(cell) is not value for cell, value in self._cells):
            return False
        self.knows_ready = all(self._knows(name, held[name]) for name in self._unread)
        self.buffer.words[:] = self._start
        for name, field, at, kind in self._fields:
            value = held.get(name)
            if type(value) is kind and self._write_quickly(name, value, field, at):
                continue
            if not self._write(strategy, name, field, at):
                return False
        return True

    def changeable(self, strategy: Any) -> dict[int, list[np.ndarray]] | None:
        """Return its arrays that may change by the memory they look at, which no other instance may look at too.

        None where that cannot be told: memory that belongs to something else than an array.
        """
        found: dict[int, list[np.ndarray]] = {}
        for name in self._held:
            value = getattr(strategy, name)
            array = value.value if isinstance(value, self._constant) else value
            if frozen_owner(array) is None:
                owner = _owner(array)
                if owner is None:
                    return None
                found.setdefault(id(owner), []).append(array)
        return found

    def _knows(self, name: str, value: Any) -> bool:
        """Write the row of the ready map of an attribute that no hook reads, if it has one; False where it cannot."""
        if name not in self._rows:
            return not is_prepared(value, self._n_bars)
        if type(value) is not np.ndarray or value.dtype != np.float64:
            return False
        shape = value.shape
        if not shape or shape[0] != self._n_bars or value.flags.num & _HELD != _HELD:
            return False
        self._write_row(name, shape, value.__array_interface__["data"][0])
        return True

    def _write_row(self, name: str, shape: tuple[int, ...], address: int) -> None:
        self.ready[self._rows[name]] = map_row(address, shape, self._n_assets)

    def _write_quickly(self, name: str, value: Any, field: Any, at: int) -> bool:
        """Write what most fields are, a number or a series of float64, where it needs no change; say whether it did."""
        if type(value) is not np.ndarray:
            words = self.buffer.floats if type(value) is float else self.buffer.words
            words[at] = value
            return True
        shape, flags = value.shape, value.flags.num
        if value.dtype != np.float64:
            return False
        if len(shape) != field.ndim or shape[0] != self._n_bars or flags & _HELD != _HELD:
            return False
        if bool(flags & _WRITEABLE) == field.readonly:
            return False
        address = value.__array_interface__["data"][0]
        if name in self._rows:
            self._write_row(name, shape, address)
        self.buffer.set_at(name, at, value, address, shape[1:])
        return True

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
        if name in self._rows:
            self._write_row(name, held.shape, held.ctypes.data)
        else:
            self.knows_ready &= field.kind != "series" or field.type != float64
        return True


def _quick_kind(field: Field) -> type | None:
    """Return the type of the values of a field that are written without a further look."""
    if field.kind == "series" and field.type == float64:
        return np.ndarray
    if field.kind != "scalar":
        return None
    return float if field.type == float64 else bool if field.type == boolean else None


def _owner(array: np.ndarray) -> np.ndarray | None:
    """Return the array whose memory an array looks at, through blocks of the pool too; None where it is no array's."""
    base: Any = array
    while base is not None:
        array = base
        base = base.base
        if type(base) is memoryview:
            base = base.obj
        if base is not None and not isinstance(base, np.ndarray):
            return None
    return array


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
