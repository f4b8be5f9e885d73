"""A strategy instance's attributes as the fields of a struct: types, memory, and reading the state back.

Only attributes that compiled code names become fields. Scalars (bool, int, float, enums) and tuples of them are copied
into the struct's words; arrays, typed lists and typed dicts stay where they are and are shared in place.
"""

from __future__ import annotations

import enum
import inspect
import sys
from typing import Any

import numba
import numpy as np
from numba import boolean, float64, int64
from numba.core import types

from backtester.compiler.tokens import MISSING
from backtester.compiler.walk import BASE, Use, Walk
from backtester.errors import CannotCompile
from backtester.kernel.jit import kernel_jit
from backtester.kernel.struct import PRESENT, WORD, Field, Self, Struct, StructBuffer, make_cast, store_reference

_INT64 = np.iinfo(np.int64)


_as_words = make_cast(Struct("words", ()))


@kernel_jit()
def _store_container(address, offset, container):
    store_reference(_as_words(address), offset, container)


def make_fields(walk: Walk, n_bars: int) -> tuple[list[Field], dict[str, Any]]:
    """Return the fields that the code of `walk` uses, by name, and their values.

    An array of another order or number type than fields have is copied, and the copy put on the instance.

    Raises
    ------
    CannotCompile
        Where a used attribute has a type that a field cannot have, or is absent.
    """
    fields: list[Field] = []
    values: dict[str, Any] = {}
    for name, use in sorted(walk.uses.items()):
        if name in walk.methods:
            if use.stored and use.direct:
                raise CannotCompile(f"{use.place}: self.{name} is a function, which compiled code cannot replace")
            continue
        value, unwrapped, constant = _value(walk.strategy, name, use)
        if value is MISSING:
            continue
        if isinstance(unwrapped, np.ndarray) and unwrapped.ndim:
            unwrapped = _hold(walk.strategy, name, unwrapped)
        made = _field(name, unwrapped, n_bars, constant)
        if isinstance(made, str):
            if use.direct:
                raise CannotCompile(f"{use.place}: self.{name} {made}")
            continue
        if use.stored and use.direct and made.kind not in ("scalar", "tuple"):
            change = f"change it in place, e.g. self.{name}[...] = ..."
            raise CannotCompile(f"{use.place}: compiled code cannot replace self.{name} by another object; {change}")
        fields.append(made)
        values[name] = unwrapped
    return fields, values


def _value(strategy: Any, name: str, use: Use) -> tuple[Any, Any, bool]:
    """Return an attribute's value, the same without its `constant(...)` wrapper, and whether it had one."""
    held = inspect.getattr_static(type(strategy), name, None)
    if name not in vars(strategy) and hasattr(held, "__get__"):
        if not use.direct:
            return MISSING, None, False
        raise CannotCompile(f"{use.place}: self.{name} is a {type(held).__name__}; compiled code needs a plain method")
    value = getattr(strategy, name, MISSING)
    if value is MISSING:
        if use.stored:
            raise CannotCompile(f"{use.place}: self.{name} has no value before the run; give it one in prepare")
        raise CannotCompile(f"{use.place}: self.{name} does not exist; set it in prepare")
    module = sys.modules.get(BASE)
    if module is not None and isinstance(value, module.Constant):
        return value, value.value, True
    return value, value, False


def _field(name: str, value: Any, n_bars: int, constant: bool) -> Field | str:
    """Return the field for a value, or what is wrong with it, as the end of a sentence."""
    if name == PRESENT.name:
        return "needs another name: this one is taken"
    scalar = scalar_type(value)
    if scalar is not None:
        return Field(name, "scalar", scalar)
    if isinstance(value, np.ndarray):
        return _array_field(name, value, n_bars, constant)
    if isinstance(value, tuple):
        kind = tuple_type(value)
        if kind is None:
            return "is a tuple that holds something else than numbers; keep numbers in it, or use arrays"
        return Field(name, "tuple", kind)
    if type(value).__module__.startswith("numba.typed"):
        return Field(name, "ref", numba.typeof(value))
    return _refusal(value)


def scalar_type(value: Any) -> types.Type | None:
    """Return the numba type of a scalar, or None."""
    if isinstance(value, enum.Enum):
        plain = isinstance(value.value, int) and not isinstance(value.value, bool)
        return numba.typeof(value) if plain else None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)):
        return boolean
    if isinstance(value, (int, np.integer)) and not isinstance(value, np.timedelta64):
        return int64 if _INT64.min <= int(value) <= _INT64.max else None
    return float64 if isinstance(value, (float, np.floating)) else None


def tuple_type(value: Any) -> types.Type | None:
    """Return the numba type of a tuple of scalars, or None."""
    parts = [scalar_type(item) for item in value] if isinstance(value, tuple) else []
    if not parts or None in parts:
        return None
    return types.NamedTuple(parts, type(value)) if hasattr(value, "_fields") else types.Tuple(parts)


def _array_field(name: str, array: np.ndarray, n_bars: int, constant: bool) -> Field | str:
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "mM":
        return f"is an array of {array.dtype}; keep it as int64 nanoseconds: .astype('datetime64[ns]').astype('int64')"
    rows = kind == "V" and array.dtype.names and not array.dtype.hasobject
    if not rows and (kind not in "bif" or size > WORD):
        return f"is an array of {array.dtype}, which compiled code cannot hold; use float64, int64 or bool"
    series = array.shape[0] == n_bars and not constant
    element = numba.from_dtype(array.dtype)
    return Field(name, "series" if series else "array", element, array.ndim, readonly=not array.flags.writeable)


def _refusal(value: Any) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    if kind.startswith("pandas."):
        return f"is a {kind}; store its values as an array in prepare: .to_numpy()"
    remedies = {
        "list": "use a tuple, an array or numba.typed.List",
        "dict": "use arrays, or numba.typed.Dict",
        "set": "use an array",
        "str": "compare strings in prepare and store a number, or an IntEnum",
        "NoneType": "give it a number, e.g. math.nan or -1",
        "int": "it must fit 64 bits",
    }
    remedy = remedies.get(kind, "compiled code holds numbers, enums, tuples of them, arrays and numba.typed containers")
    return f"is {'None' if value is None else 'a ' + kind}; {remedy}"


def fill(struct_type: Self, values: dict[str, Any]) -> StructBuffer:
    """Return the struct's memory, filled."""
    buffer = StructBuffer(struct_type)
    for name, value in values.items():
        field, offset = struct_type.map[name]
        if field.kind in ("array", "series"):
            buffer.set_array(name, value)
        elif field.kind == "ref":
            _store_container(buffer.address, offset, value)
            buffer.keep(name, value)
        else:
            buffer.set(name, value)
    return buffer


def _hold(strategy: Any, name: str, array: np.ndarray) -> np.ndarray:
    """Return an array as a field holds it, and see that the instance holds the same."""
    held = as_held(array)
    if held is not array:
        old = getattr(strategy, name)
        object.__setattr__(strategy, name, held if old is array else type(old)(held))
    return held


def as_held(array: np.ndarray) -> np.ndarray:
    """Return an array as hooks hold it, or itself where it is so: C order, native, numbers of eight bytes or bools.

    A float32 times a literal is a float64 in machine code and a float32 in NumPy; among eight-byte numbers both agree.
    """
    kind, size = array.dtype.kind, array.dtype.itemsize
    dtype = array.dtype.newbyteorder("=")
    if kind in "iu" and (size < WORD or (kind == "u" and (array <= _INT64.max).all())):
        dtype = np.dtype(np.int64)
    elif kind == "f" and size < WORD:
        dtype = np.dtype(np.float64)
    elif kind not in "biufV" or array.dtype.hasobject:
        return array
    if array.flags.c_contiguous and array.flags.aligned and array.dtype == dtype and array.dtype.isnative:
        return array
    copy = np.array(array, dtype=dtype, order="C", subok=False)
    copy.flags.writeable = array.flags.writeable
    return copy


def read_back(strategy: Any, buffer: StructBuffer, names: list[str]) -> None:
    """Write the scalars and tuples that hooks assign back to the instance, as plain Python values."""
    for name in names:
        field, _ = buffer.type.map[name]
        if field.kind in ("scalar", "tuple"):
            value = buffer.get(name)
            if isinstance(field.type, types.BaseNamedTuple):
                value = type(getattr(strategy, name))(*value)
            object.__setattr__(strategy, name, value)
