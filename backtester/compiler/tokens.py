"""Constants and code in words that change when they do: what a cache key is made of.

`None` stands for an object that cannot be put into words; code that reaches one is compiled every time.
"""

from __future__ import annotations

import enum
import types as python_types
from typing import Any

import numpy as np
from numba.core import types as numba_types
from numba.core.typing.templates import builtin_registry

#: top-level modules whose objects numba knows by name
LIBRARIES = frozenset({"numpy", "numba", "math", "cmath", "builtins", "operator", "llvmlite", "random"})
MISSING = object()
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), slice, range)


def code_token(code: python_types.CodeType) -> tuple[Any, ...]:
    """Return what a code object computes, in words: no line numbers and no file name."""
    constants = tuple(
        code_token(item) if isinstance(item, python_types.CodeType) else plain_token(item) or repr(item)
        for item in code.co_consts
    )
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_name, code.co_code, code.co_exceptiontable, constants, counts, names)


def plain_token(value: Any) -> Any:
    """Return a constant in words that change when it does, or None where that is not possible."""
    if isinstance(value, enum.Enum):
        return (type(value).__module__, type(value).__qualname__, value.name, repr(value.value))
    if type(value) in _PLAIN:
        return (type(value).__name__, repr(value))
    if isinstance(value, tuple):
        items = [plain_token(item) for item in value]
        return None if None in items else tuple(items)
    if isinstance(value, frozenset):
        return plain_token(tuple(sorted(value, key=repr)))
    if isinstance(value, np.generic):
        return (str(value.dtype), value.tobytes())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return (str(value.dtype), value.shape, value.strides, value.tobytes())
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return tuple(plain_token(member) for member in value)
    if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
        return ("namedtuple", value.__module__, value.__qualname__, value._fields)
    if isinstance(value, numba_types.Type):
        return ("numba", str(value))
    if value is MISSING:
        return ("missing",)
    if isinstance(value, (type, np.ufunc, python_types.BuiltinFunctionType)) or callable(value):
        return name_token(value) if in_library(value) else None
    return None


def name_token(value: Any) -> tuple[str, str]:
    """Return module and qualified name of a value, or its repr where it has no name."""
    return (getattr(value, "__module__", None) or "", getattr(value, "__qualname__", None) or repr(value))


def is_library(module: str) -> bool:
    """Whether numba knows the objects of a module by name."""
    return module.partition(".")[0] in LIBRARIES


def in_library(value: Any) -> bool:
    """Whether an object belongs to a module that numba knows."""
    return isinstance(value, np.ufunc) or is_library(getattr(value, "__module__", None) or "")


def own(function: Any) -> bool:
    """Whether a function belongs to this package, whose sources are hashed as a whole."""
    return (getattr(function, "__module__", None) or "").partition(".")[0] == __name__.partition(".")[0]


def known_to_numba(function: Any) -> bool:
    """Whether somebody taught numba this very function object (`numba.extending.overload`)."""
    return any(taught is function for taught, _ in builtin_registry.globals)
