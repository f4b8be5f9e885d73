"""Everything a strategy's hooks reach: which attributes of self, which functions, which constants.

The walk starts at the hooks, follows globals, closures, modules and the strategy's own methods, and collects

- `uses`: the attributes of self, with the line of the first use;
- `methods`: the strategy's functions among them;
- `functions`: every function of the user's;
- `tokens`: what the machine code depends on, without line numbers: the cache key is a hash of it;
- `cacheable`: False once something is met whose content cannot be put into words; then code is compiled every time.

Where a method hands `self` itself on, any attribute name in any function reached may be one of self's.
"""

from __future__ import annotations

import builtins
import inspect
import types as python_types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numba.core.dispatcher import Dispatcher

from backtester.compiler.bytecode import Facts, Place, facts_of
from backtester.compiler.tokens import (
    MISSING,
    code_token,
    in_library,
    is_library,
    known_to_numba,
    name_token,
    own,
    plain_token,
)
from backtester.errors import StrategyError

BASE = "backtester.strategy"  # the module of the base class, whose hooks do nothing


@dataclass
class Use:
    """One attribute of self that compiled code may read or write."""

    place: Place
    direct: bool  # written `self.name`, rather than `anything.name`
    stored: bool


class Walk:
    """The walk over what `hooks` reach; see the module's first paragraph."""

    def __init__(self, strategy: Any, hooks: Mapping[str, python_types.FunctionType]):
        self.strategy = strategy
        self.uses: dict[str, Use] = {}
        self.methods: dict[str, tuple[str, Any]] = {}  # name -> ("method" | "static", function or dispatcher)
        self.tokens: list[Any] = []
        self.cacheable = True
        self.strings: set[str] = set()
        self.functions: list[python_types.FunctionType] = []
        self.looked_up: list[tuple[dict[str, Any], str]] = []  # globals and attributes of modules, by where they are
        self.cells: list[python_types.CellType] = []
        self._seen: dict[int, int] = {}
        self._escapes = False
        for name, function in hooks.items():
            self.tokens.append(("hook", name))
            self._function(function, bound=True)
        if self._escapes:
            for function in self.functions:  # grows on the way
                for name in sorted(facts_of(function.__code__).attributes):
                    self._attribute(name, function, bound=False)

    def _function(self, function: python_types.FunctionType, bound: bool = False) -> None:
        """Walk one function of the user's; `bound` says that its first argument is self."""
        number = self._seen.get(id(function))
        self.tokens.append(("function", number))
        if number is not None:
            return
        self._seen[id(function)] = len(self._seen)
        self.functions.append(function)  # which also keeps its id from being used again
        facts = facts_of(function.__code__)
        self.tokens.append(code_token(function.__code__))
        self.strings |= facts.strings
        refuse_random(function)
        self._value((), facts, (function.__defaults__, tuple(sorted((function.__kwdefaults__ or {}).items()))))
        for name in sorted(facts.globals):
            self.tokens.append(name)
            self.looked_up.append((function.__globals__, name))
            self._value((name,), facts, function.__globals__.get(name, getattr(builtins, name, MISSING)))
        self.cells += function.__closure__ or ()
        for name, value in closure_of(function).items():
            self.tokens.append(name)
            self._value((name,), facts, value)
        if bound:
            self._escapes |= facts.first in facts.bare
            for name in sorted(facts.loads.keys() | facts.stores.keys()):
                self._attribute(name, function, bound=True)

    def _attribute(self, name: str, function: python_types.FunctionType, bound: bool) -> None:
        """Note that a function may use an attribute of self."""
        held = inspect.getattr_static(self.strategy, name, MISSING)
        if held is MISSING and not bound:
            return
        code, facts = function.__code__, facts_of(function.__code__)
        line = facts.loads.get(name) or facts.stores.get(name) or code.co_firstlineno
        stored = name in facts.stores or any(attribute == name for _, attribute in facts.assigned)
        known = self.uses.get(name)
        if known is not None:
            known.stored |= stored
            return
        self.uses[name] = Use(Place(code.co_filename, line, function.__qualname__), bound, stored)
        self._method(name, held)

    def _method(self, name: str, held: Any) -> None:
        on_instance = name in getattr(self.strategy, "__dict__", {})
        kind = "static" if on_instance or isinstance(held, staticmethod) else "method"
        inner = held.__func__ if isinstance(held, staticmethod) else held
        if isinstance(inner, (python_types.FunctionType, Dispatcher)):
            self.methods[name] = (kind, inner)
            self.tokens.append((kind, name))
            if isinstance(inner, Dispatcher):
                self._dispatcher(inner)
            else:
                self._function(inner, bound=kind == "method")

    def _value(self, path: tuple[str, ...], facts: Facts, value: Any) -> None:
        """Put a global, a closure variable or a default into the tokens, and walk what it leads to."""
        if isinstance(value, Dispatcher):
            self._dispatcher(value)
        elif isinstance(value, python_types.FunctionType):
            if in_library(value):
                self.tokens.append(name_token(value))
            elif known_to_numba(value):
                self.cacheable = False
            else:
                self._function(value)
        elif isinstance(value, python_types.ModuleType):
            self._module(path, facts, value)
        elif isinstance(value, tuple):
            self.tokens.append((type(value).__qualname__, len(value)))
            for item in value:
                self._value((), facts, item)
        else:
            token = plain_token(value)
            self.tokens.append(token)
            if token is None:
                self.cacheable = False
            elif isinstance(value, str):
                self.strings.add(value)

    def _module(self, path: tuple[str, ...], facts: Facts, module: python_types.ModuleType) -> None:
        self.tokens.append(("module", module.__name__))
        if is_library(module.__name__):
            return
        for name in sorted(facts.read_from(path) if path else facts.attributes):
            value = getattr(module, name, MISSING)
            if value is not MISSING and len(path) < 8:  # a package may hold itself
                self.tokens.append(name)
                self.looked_up.append((vars(module), name))
                self._value((*path, name), facts, value)

    def _dispatcher(self, dispatcher: Any) -> None:
        function = dispatcher.py_func
        if own(function) or in_library(function):
            self.tokens.append(name_token(function))  # the hash of the package's sources covers it
            return
        self.tokens.append(sorted((key, repr(value)) for key, value in dispatcher.targetoptions.items()))
        self.tokens.append([str(signature) for signature in fixed_signatures(dispatcher)])
        self._function(function)


def closure_of(function: python_types.FunctionType) -> dict[str, Any]:
    """Return the closure variables of a function; a variable not yet assigned is left out."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def fixed_signatures(dispatcher: Any) -> list[Any]:
    """Return the signatures a dispatcher was restricted to, or an empty list."""
    return [] if dispatcher._can_compile else list(dispatcher.nopython_signatures)


def refuse_random(function: python_types.FunctionType) -> None:
    """Raise `StrategyError` where a function draws from `numpy.random` or `random`: neither is the run's seeded one."""
    facts = facts_of(function.__code__)
    space = {**closure_of(function)}
    for chain, line in [*facts.chains.items(), *(((name,), line) for name, line in facts.globals.items())]:
        value = space.get(chain[0], function.__globals__.get(chain[0]))
        for name in chain[1:]:
            value = getattr(value, name, None) if isinstance(value, python_types.ModuleType) else None
        if _is_random(value):
            place = Place(function.__code__.co_filename, line, function.__qualname__)
            raise StrategyError(
                f"{place}: {'.'.join(chain)} is not the run's seeded generator, so that a run could not be repeated; "
                "use ctx.random(), or draw the numbers in prepare"
            )


def _is_random(value: Any) -> bool:
    if isinstance(value, python_types.ModuleType):
        return value.__name__ in ("numpy.random", "random")
    owner = getattr(value, "__self__", None)
    module = getattr(value, "__module__", None) or type(owner).__module__
    return callable(value) and module in ("random", "numpy.random", "numpy.random.mtrand")
