"""Interpreted code that computes the same bits as compiled code.

NumPy sums in pairs and has its own tanh; numba adds in sequence and calls the C library. The last bits differ, ties of
a sort come out in another order, and `math.log(0.0)` raises in Python alone. So in interpreted mode a hook runs over
globals whose `np` and `math` are stand-ins: reductions, sorts and transcendental functions there are jitted, everything
else is NumPy's or Python's own. The code object stays the same, so that debuggers and tracebacks show the user's lines.
"""

from __future__ import annotations

import enum
import math
import types as python_types
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError

from backtester.compiler.bytecode import facts_of
from backtester.compiler.tokens import MISSING, in_library, is_library
from backtester.compiler.walk import BASE
from backtester.kernel.jit import kernel_jit

NAMES = (
    "sum", "prod", "mean", "std", "var", "median", "nansum", "nanprod", "nanmean", "nanstd", "nanvar", "nanmedian",
    "cumsum", "cumprod", "dot", "vdot", "percentile", "quantile", "nanpercentile", "nanquantile", "corrcoef", "cov",
    "average", "trapezoid", "power", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh",
    "tanh", "arcsinh", "arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "hypot", "cbrt",
    "nancumsum", "nancumprod", "convolve", "correlate", "interp", "logaddexp", "logaddexp2", "float_power", "round",
    "around", "degrees", "radians", "deg2rad", "rad2deg", "sort", "argsort", "partition", "argpartition",
)  # fmt: skip
LINALG_NAMES = ("cond", "det", "inv", "matrix_power", "norm", "pinv", "slogdet", "solve")
MATH_NAMES = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "cos", "cosh", "degrees", "erf", "erfc", "exp",
    "expm1", "floor", "gamma", "hypot", "lgamma", "log", "log10", "log1p", "log2", "pow", "radians", "sin", "sinh",
    "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip


class Twin:
    """A library function that is computed by numba where numba can; elsewhere compiled code could not call it."""

    def __init__(self, function: Callable[..., Any]):
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self._jitted: dict[int, Any] = {}
        self._refused: set[Any] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)  # np.exp.reduce and the like

    def __repr__(self) -> str:
        return f"<{self.__name__}, compiled by numba>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or not all(isinstance(arg, (np.ndarray, float, int, np.generic)) for arg in args):
            return self.__wrapped__(*args, **kwargs)
        jitted = self._jitted.get(len(args))
        if jitted is None:
            jitted = self._jitted[len(args)] = _jitted(self.__wrapped__, len(args))
        if self._refused and _kind(args) in self._refused:
            return self.__wrapped__(*args)
        try:
            result = jitted(*args)
        except NumbaError:
            self._refused.add(_kind(args))
            return self.__wrapped__(*args)
        if type(result) is float:
            return np.float64(result)
        return np.int64(result) if type(result) is int else result


def _kind(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((type(arg), getattr(arg, "dtype", None), getattr(arg, "ndim", 0)) for arg in args)


def _jitted(function: Callable[..., Any], count: int) -> Any:
    """Return `function` of `count` arguments, jitted and kept on disk."""
    call: Any
    if count == 1:
        call = lambda x: function(x)  # noqa: E731
    elif count == 2:
        call = lambda x, y: function(x, y)  # noqa: E731
    else:
        call = lambda *args: function(*args)  # noqa: E731
    home = getattr(function, "__module__", None) or "numpy"  # a ufunc has none before NumPy 2.2
    call.__qualname__ = f"twin_{home}_{function.__name__}_{count}"
    return kernel_jit(call)


class _StandIn(python_types.ModuleType):
    """A library module with twins in place of some of its functions."""

    def __init__(self, module: python_types.ModuleType, twins: dict[str, Any]):
        super().__init__(module.__name__)
        self.__dict__.update({**vars(module), **twins, "_module": module})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)


def _twins_of(module: python_types.ModuleType, names: tuple[str, ...]) -> dict[str, Twin]:
    return {name: Twin(getattr(module, name)) for name in names if hasattr(module, name)}


_of_numpy, _of_linalg, _of_math = _twins_of(np, NAMES), _twins_of(np.linalg, LINALG_NAMES), _twins_of(math, MATH_NAMES)
_twins = {id(twin.__wrapped__): twin for twins in (_of_numpy, _of_linalg, _of_math) for twin in twins.values()}
_linalg = _StandIn(np.linalg, _of_linalg)
_numpy = _StandIn(np, {**_of_numpy, "linalg": _linalg})
_stand_ins = {id(np): _numpy, id(np.linalg): _linalg, id(math): _StandIn(math, _of_math)}


def rebuild_for_interpreter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the same code whose NumPy reductions, and those of its helpers, are jitted twins.

    Parameters
    ----------
    function : function
        A hook or a helper. Jitted functions and library functions among its globals stay as they are.

    Returns
    -------
    function
        With a copy of the globals, taken now; defaults, closure, name and annotations are the original's.
    """
    return _Interpreted().function(function)


def interpreted_class(cls: type) -> type:
    """Return a subclass of a strategy class that runs as compiled code does.

    Parameters
    ----------
    cls : type
        A strategy class. `super()` inside its methods goes to the original functions.

    Returns
    -------
    type
        A new class of the same name; assign it to an instance's `__class__`. The class's own functions are rebuilt for
        the interpreter, with the globals of this moment, and its numbers are NumPy scalars.
    """
    rebuild = _Interpreted()
    members: dict[str, Any] = {}
    for base in cls.__mro__:
        if base is object or base.__module__ == BASE:
            continue
        for name, member in vars(base).items():
            inner = member.__func__ if isinstance(member, (staticmethod, classmethod)) else member
            if name in members:
                continue
            if isinstance(inner, python_types.FunctionType):
                rebuilt = rebuild.function(inner)
                members[name] = rebuilt if inner is member else type(member)(rebuilt)
            else:
                members[name] = as_scalar(member)
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    kept = {name: member for name, member in members.items() if not name.startswith("__")}
    return type(cls)(cls.__name__, (cls,), kept | names)


def as_scalar(value: Any) -> Any:
    """Return numbers, and the numbers in a tuple, as NumPy scalars, which divide as machine code does; the rest as is.

    Bools stay Python's: NumPy's do not add.
    """
    if isinstance(value, (bool, enum.Enum)):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)) and -(2**63) <= value < 2**63:
        return np.int64(value)
    if isinstance(value, (float, np.floating)):
        return np.float64(value)
    return over_items(as_scalar, value) if isinstance(value, tuple) else value


def as_python(value: Any) -> Any:
    """Return NumPy scalars, also those in a tuple, as Python's; the opposite of `as_scalar`."""
    if isinstance(value, (np.int64, np.float64)):
        return value.item()
    return over_items(as_python, value) if isinstance(value, tuple) else value


def over_items(convert: Callable[[Any], Any], value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a tuple, or a named tuple of the same kind, of converted items."""
    items = [convert(item) for item in value]
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


class _Interpreted:
    """One rebuilding: every function and module is rebuilt once."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self._names: dict[int, set[str]] = {}  # of a module: what was rebuilt

    def function(self, function: Any) -> Any:
        if id(function) in self._made:
            return self._made[id(function)]
        facts = facts_of(function.__code__)
        space = dict(function.__globals__)
        cells = tuple(python_types.CellType() for _ in function.__code__.co_freevars)
        rebuilt = python_types.FunctionType(
            function.__code__, space, function.__name__, function.__defaults__, cells or None
        )
        rebuilt.__kwdefaults__, rebuilt.__dict__ = function.__kwdefaults__, dict(function.__dict__)
        rebuilt.__qualname__, rebuilt.__module__ = function.__qualname__, function.__module__
        rebuilt.__doc__, rebuilt.__annotations__ = function.__doc__, function.__annotations__
        self._made[id(function)] = rebuilt
        for name in facts.globals:
            if name in space:
                space[name] = self.value(space[name], facts.attributes)
        for old, new in zip(function.__closure__ or (), cells, strict=True):
            try:
                new.cell_contents = self.value(old.cell_contents, facts.attributes)
            except ValueError:  # a variable that has no value yet
                continue
        return rebuilt

    def value(self, value: Any, attributes: set[str]) -> Any:
        if id(value) in _stand_ins:
            return _stand_ins[id(value)]
        if id(value) in _twins:
            return _twins[id(value)]
        if isinstance(value, Dispatcher):
            return value
        if isinstance(value, python_types.FunctionType):
            return value if in_library(value) else self.function(value)
        if isinstance(value, python_types.ModuleType) and not is_library(value.__name__):
            return self._module(value, attributes)
        return value

    def _module(self, module: python_types.ModuleType, attributes: set[str]) -> Any:
        copy = self._made.get(id(module))
        if copy is None:
            copy = self._made[id(module)] = python_types.ModuleType(module.__name__)
            copy.__dict__.update(vars(module))
            copy.__dict__["__getattr__"] = lambda name: getattr(module, name)
            self._names[id(module)] = set()
        for name in sorted(attributes - self._names[id(module)]):
            value = getattr(module, name, MISSING)
            if value is not MISSING:
                self._names[id(module)].add(name)
                setattr(copy, name, self.value(value, attributes))
        return copy
