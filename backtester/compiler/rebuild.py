"""User functions as numba needs them: the same code objects over globals that hold jitted helpers.

A plain function in the globals, in a closure or in a user's module becomes a dispatcher of its rebuilt self; a user's
module becomes a shallow copy with just the names in use. Nothing of the user's is changed. The new functions say they
live in this module, which can be imported anywhere: numba's environments are pickled with that name. They carry the
digest of everything reached in their names, so that machine code from the cache and fresh machine code of another
version of the same function can never share a symbol.
"""

from __future__ import annotations

import builtins
import inspect
import types as python_types
from collections.abc import Sequence
from typing import Any

import numba
from numba.core.dispatcher import Dispatcher

from backtester.compiler.bytecode import Facts, facts_of
from backtester.compiler.tokens import MISSING, in_library, is_library, known_to_numba, own
from backtester.compiler.walk import closure_of, fixed_signatures

#: options of all user code: a division by zero gives inf or NaN as with NumPy scalars; indices are checked
USER_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "boundscheck": True,
    "nogil": True,
    "no_cpython_wrapper": True,
}
#: bytes of bytecode up to which helpers are merged into the hooks: an array argument of a call that is not merged
#: costs about 4 ns in reference counts; merging large functions costs compile time
INLINE_UP_TO = 8000


class Rebuilder:
    """Makes jitted twins of user functions, one per function.

    Parameters
    ----------
    digest : str
        Becomes part of every function's name.
    functions : sequence of function
        Every function of the user's that hooks reach.

    Attributes
    ----------
    dispatchers : list
        Every dispatcher made, for the checks after compiling.
    """

    def __init__(self, digest: str, functions: Sequence[python_types.FunctionType]):
        self._digest = digest
        size = sum(len(function.__code__.co_code) for function in functions)
        self._options = {**USER_OPTIONS, "forceinline": size <= INLINE_UP_TO}
        self._made: dict[int, Any] = {}
        self._kept: list[Any] = []  # so that an id stays the object's own
        self.dispatchers: list[Dispatcher] = []

    def jitted(self, function: Any) -> Any:
        """Return the dispatcher of a user's function, or of a user's dispatcher with its own options."""
        if isinstance(function, Dispatcher):
            return self._recompiled(function)
        return self._make(function, function, self._options)

    def _recompiled(self, dispatcher: Dispatcher) -> Any:
        """Return a dispatcher over rebuilt code: numba's own disk cache would not notice an edited callee."""
        if own(dispatcher.py_func) or in_library(dispatcher.py_func):
            return dispatcher
        options = {key: value for key, value in dispatcher.targetoptions.items() if value is not None}
        made = self._make(dispatcher, dispatcher.py_func, options)
        for signature in fixed_signatures(dispatcher):
            if signature not in made.nopython_signatures:
                made.compile(signature.args)
        return made

    def _make(self, key: Any, function: Any, options: dict[str, Any]) -> Any:
        if id(key) in self._made:
            return self._made[id(key)]
        self._kept.append(key)
        rebuilt, fill_in = self._shell(function)
        dispatcher = numba.jit(**{**options, "nopython": True})(rebuilt)
        self._made[id(key)] = dispatcher  # before its globals are filled in: it may name itself
        self.dispatchers.append(dispatcher)
        fill_in()
        return dispatcher

    def _shell(self, function: python_types.FunctionType) -> tuple[python_types.FunctionType, Any]:
        """Return a function of the same code, and what fills in its globals and closure."""
        space: dict[str, Any] = {"__name__": __name__, "__builtins__": builtins}
        cells = tuple(python_types.CellType() for _ in function.__code__.co_freevars)
        code, defaults = _plain_parameters(function)
        rebuilt = python_types.FunctionType(code, space, function.__name__, defaults, cells or None)
        rebuilt.__qualname__ = f"{function.__qualname__}_{self._digest}"
        rebuilt.__module__ = __name__

        def fill_in() -> None:
            facts = facts_of(function.__code__)
            for name in facts.globals:
                value = function.__globals__.get(name, MISSING)
                if value is not MISSING:
                    space[name] = self._value(value, (name,), facts)
            held = closure_of(function)
            for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
                if name in held:
                    cell.cell_contents = self._value(held[name], (name,), facts)

        return rebuilt, fill_in

    def _value(self, value: Any, path: tuple[str, ...], facts: Facts) -> Any:
        """Return what stands for a global or closure variable, known as `path`, in rebuilt code."""
        if isinstance(value, Dispatcher):
            return self._recompiled(value)
        if isinstance(value, python_types.FunctionType):
            return value if in_library(value) or known_to_numba(value) else self.jitted(value)
        if isinstance(value, python_types.ModuleType) and not is_library(value.__name__):
            return self._module(value, path, facts)
        return value

    def _module(self, module: python_types.ModuleType, path: tuple[str, ...], facts: Facts) -> python_types.ModuleType:
        copy = self._made.get(id(module))
        if copy is None:
            copy = self._made[id(module)] = python_types.ModuleType(module.__name__)
            self._kept.append(module)
        for name in sorted(facts.read_from(path)):
            value = getattr(module, name, MISSING)
            if value is not MISSING and len(path) < 8:  # a package may hold itself
                setattr(copy, name, self._value(value, (*path, name), facts))
        return copy


def _plain_parameters(function: python_types.FunctionType) -> tuple[python_types.CodeType, tuple[Any, ...] | None]:
    """Return code and defaults with keyword-only parameters as ordinary ones, which is all that numba knows."""
    code, named = function.__code__, function.__kwdefaults__ or {}
    count = code.co_kwonlyargcount
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + count]
    if not count or code.co_flags & inspect.CO_VARARGS or any(name not in named for name in keywords):
        return code, function.__defaults__
    plain = code.replace(co_argcount=code.co_argcount + count, co_kwonlyargcount=0)
    return plain, (function.__defaults__ or ()) + tuple(named[name] for name in keywords)
