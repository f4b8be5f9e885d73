"""Interpreted code that computes the same bits as compiled code.

NumPy sums in pairs and has its own tanh; numba adds in sequence and calls the C library. The last bits differ. So in
interpreted mode a hook runs over globals whose `np` is a stand-in: reductions and transcendental functions there are
jitted, everything else is NumPy's own. The code object stays the same, so that debuggers and tracebacks show the
user's lines.
"""

from __future__ import annotations

import types as python_types
import weakref
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
)  # fmt: skip


class Twin:
    """A NumPy function that is computed by numba where numba can; elsewhere compiled code could not call it."""

    def __init__(self, function: Callable[..., Any]):
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self._jitted: dict[int, Any] = {}
        self._refused: set[Any] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)  # np.exp.reduce and the like

    def __repr__(self) -> str:
        return f"<numpy.{self.__name__}, compiled by numba>"

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
    call.__qualname__ = f"twin_{function.__name__}_{count}"
    return kernel_jit(call)


_twins = {id(getattr(np, name)): Twin(getattr(np, name)) for name in NAMES if hasattr(np, name)}


class _NumPy(python_types.ModuleType):
    """NumPy with the twins in place of the functions they stand for."""

    def __init__(self) -> None:
        super().__init__("numpy")
        self.__dict__.update(vars(np))
        self.__dict__.update({name: _twins[id(getattr(np, name))] for name in NAMES if hasattr(np, name)})

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


_numpy = _NumPy()
_classes: weakref.WeakKeyDictionary[type, type] = weakref.WeakKeyDictionary()


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
    """Return a subclass of a strategy class whose own functions are rebuilt for the interpreter.

    Parameters
    ----------
    cls : type
        A strategy class. `super()` inside its methods goes to the original functions.

    Returns
    -------
    type
        The same class object for the same `cls`, with its name; assign it to an instance's `__class__`.
    """
    made = _classes.get(cls)
    if made is None:
        rebuild = _Interpreted()
        members: dict[str, Any] = {}
        for base in cls.__mro__:
            if base is object or base.__module__ == BASE:
                continue
            for name, member in vars(base).items():
                inner = member.__func__ if isinstance(member, (staticmethod, classmethod)) else member
                if isinstance(inner, python_types.FunctionType) and name not in members:
                    rebuilt = rebuild.function(inner)
                    members[name] = rebuilt if inner is member else type(member)(rebuilt)
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        made = _classes[cls] = type(cls)(cls.__name__, (cls,), members | names)
    return made


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
        if value is np:
            return _numpy
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
