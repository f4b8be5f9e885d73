"""Everything a strategy's hooks reach: which attributes of self, which functions, which constants.

The walk reads bytecode, never source text, so that classes made by exec, in a notebook or at the REPL work alike. It
starts at the hooks, follows globals, closures, modules and the strategy's own methods, and collects

- `uses`: the attributes of self, with the line of the first use;
- `methods`: the strategy's functions among them;
- `tokens`: what the machine code depends on, without line numbers: the cache key is a hash of it;
- `cacheable`: False once something is met whose content cannot be put into words; then code is compiled every time.
"""

from __future__ import annotations

import builtins
import dis
import enum
import functools
import inspect
import types as python_types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba.core import types as numba_types
from numba.core.dispatcher import Dispatcher
from numba.core.typing.templates import builtin_registry

from backtester.errors import StrategyError

#: top-level modules whose objects numba knows by name
LIBRARIES = frozenset({"numpy", "numba", "math", "cmath", "builtins", "operator", "llvmlite", "random"})
BASE = "backtester.strategy"  # the module of the base class, whose hooks do nothing
MISSING = object()
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), slice, range)


#: opcodes without a compiled form, and what to say
_CONSTRUCTS = {
    "LOAD_SUPER_ATTR": "super() has no compiled form; move the shared part into a method of its own",
    "IMPORT_NAME": "an import inside a function has no compiled form; move it to the top of the file",
    "STORE_GLOBAL": "compiled code cannot assign to a global; keep the value on self",
    "DELETE_GLOBAL": "compiled code cannot delete a global",
    "BEFORE_WITH": "`with` has no compiled form",
    "DELETE_ATTR": "compiled code cannot delete an attribute",
}


@dataclass(frozen=True)
class Place:
    """A line of the user's code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} (in {self.function})"


@dataclass
class Facts:
    """What one code object names, nested functions included. Dict values are line numbers."""

    globals: dict[str, int] = field(default_factory=dict)
    loads: dict[str, int] = field(default_factory=dict)  # of attributes of the first argument
    stores: dict[str, int] = field(default_factory=dict)
    assigned: dict[tuple[str, str], int] = field(default_factory=dict)  # ("ctx", "cash")
    constructs: dict[str, int] = field(default_factory=dict)  # sentences about what has no compiled form
    chains: dict[tuple[str, ...], int] = field(default_factory=dict)  # ("np", "random", "normal")
    attributes: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=4096)
def facts_of(code: python_types.CodeType) -> Facts:
    """Return what a function's code names."""
    facts = Facts()
    first = code.co_varnames[0] if code.co_argcount else ""
    attributes: set[str] = set()
    strings: set[str] = set()
    _scan(code, first, facts, attributes, strings)
    facts.attributes, facts.strings = frozenset(attributes), frozenset(strings)
    return facts


def _scan(code: python_types.CodeType, first: str, facts: Facts, attributes: set[str], strings: set[str]) -> None:
    chain: tuple[str, ...] = ()
    on_self = False
    attributes.update(code.co_names)
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        line = (instruction.positions.lineno if instruction.positions else None) or code.co_firstlineno
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            facts.globals.setdefault(value, line)
            chain, on_self = (value,), False
        elif name.startswith(("LOAD_FAST", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")):
            last = value[-1] if isinstance(value, tuple) else value
            chain, on_self = (last,), last == first
        elif name in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            if on_self and len(chain) == 1:
                facts.loads.setdefault(value, line)
            chain = (*chain, value)
            facts.chains.setdefault(chain, line)
        elif name == "STORE_ATTR":
            # `self.x = v` loads self just before; `self.x += v` loaded it before the value: both name the attribute
            if chain == (first,) or value in facts.loads:
                facts.stores.setdefault(value, line)
            elif len(chain) == 1:
                facts.assigned.setdefault((chain[0], value), line)
            chain = ()
        elif name not in ("COPY", "DUP_TOP", "CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOP"):
            chain = ()
        if name in _CONSTRUCTS:
            facts.constructs.setdefault(_CONSTRUCTS[name], line)
        if name == "LOAD_GLOBAL" and value == "super":
            facts.constructs.setdefault(_CONSTRUCTS["LOAD_SUPER_ATTR"], line)
        if name == "LOAD_CONST" and isinstance(value, str):
            strings.add(value)
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            _scan(constant, first, facts, attributes, strings)


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
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # so that an id stays the object's own
        for name, function in hooks.items():
            self.tokens.append(("hook", name))
            self.function(function, bound=True)

    def function(self, function: python_types.FunctionType, bound: bool = False) -> None:
        """Walk one function of the user's."""
        if self._again(function):
            return
        self.functions.append(function)
        code = function.__code__
        facts = facts_of(code)
        self.tokens.append(code_token(code))
        self.strings |= facts.strings
        for default in (function.__defaults__ or ()), tuple((function.__kwdefaults__ or {}).items()):
            self.value(default, facts, function)
        refuse_random(function)
        for name in sorted(facts.globals):
            value = function.__globals__.get(name, getattr(builtins, name, MISSING))
            self.tokens.append(name)
            self.value(value, facts, function)
        for name, value in closure_of(function).items():
            self.tokens.append(name)
            self.value(value, facts, function)
        for name in sorted(facts.attributes):
            self._attribute(name, facts, function, bound)

    def _again(self, thing: Any) -> bool:
        """Whether a thing was walked before; if so, say which in the tokens."""
        number = self._seen.setdefault(id(thing), len(self._seen))
        self._kept.append(thing)
        self.tokens.append(number)
        return number < len(self._seen) - 1

    def _attribute(self, name: str, facts: Facts, function: python_types.FunctionType, bound: bool) -> None:
        line = facts.loads.get(name) or facts.stores.get(name)
        direct = bound and line is not None
        code = function.__code__
        use = Use(
            Place(code.co_filename, line or code.co_firstlineno, function.__qualname__), direct, name in facts.stores
        )
        held = inspect.getattr_static(self.strategy, name, MISSING)
        if held is MISSING and not direct:
            return
        known = self.uses.get(name)
        if known is None or (direct and not known.direct):
            use.stored |= known is not None and known.stored
            self.uses[name] = use
        elif use.stored:
            known.stored = True
        if known is None:
            self._method(name, held, facts, function)

    def _method(self, name: str, held: Any, facts: Facts, function: python_types.FunctionType) -> None:
        on_instance = name in getattr(self.strategy, "__dict__", {})
        kind = "static" if on_instance or isinstance(held, staticmethod) else "method"
        inner = held.__func__ if isinstance(held, staticmethod) else held
        if isinstance(inner, (python_types.FunctionType, Dispatcher)):
            self.methods[name] = (kind, inner)
            self.tokens.append((kind, name))
            if isinstance(inner, python_types.FunctionType):
                self.function(inner, bound=kind == "method")
            else:
                self.value(inner, facts, function)

    def value(self, value: Any, facts: Facts, function: python_types.FunctionType) -> None:
        """Put a global, a closure variable or a default into the tokens, and walk what it leads to."""
        if isinstance(value, Dispatcher):
            self._dispatcher(value)
        elif isinstance(value, python_types.FunctionType):
            if in_library(value):
                self.tokens.append(_name(value))
            elif known_to_numba(value):
                self.cacheable = False
            else:
                self.function(value)
        elif isinstance(value, python_types.ModuleType):
            self._module(value, facts, function)
        elif isinstance(value, (tuple, frozenset)):
            self.tokens.append((type(value).__qualname__, len(value)))
            for item in value if isinstance(value, tuple) else sorted(value, key=repr):
                self.value(item, facts, function)
        else:
            token = plain_token(value)
            self.tokens.append(token)
            if token is None:
                self.cacheable = False
            elif isinstance(value, str):
                self.strings.add(value)

    def _dispatcher(self, dispatcher: Dispatcher) -> None:
        function = dispatcher.py_func
        if own(function) or in_library(function):
            self.tokens.append(_name(function))  # the hash of the package's sources covers it
            return
        self.tokens.append(sorted((key, repr(value)) for key, value in dispatcher.targetoptions.items()))
        self.tokens.append([str(signature) for signature in fixed_signatures(dispatcher)])
        self.function(function)

    def _module(self, module: python_types.ModuleType, facts: Facts, function: python_types.FunctionType) -> None:
        self.tokens.append(module.__name__)
        if is_library(module.__name__) or self._again(module):
            return
        for name in sorted(facts.attributes):
            value = getattr(module, name, MISSING)
            if value is not MISSING:
                self.tokens.append(name)
                self.value(value, facts, function)


def closure_of(function: python_types.FunctionType) -> dict[str, Any]:
    """Return the closure variables of a function; a variable not yet assigned is left out."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


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
    if isinstance(value, numba_types.Type):
        return ("numba", str(value))
    if value is MISSING:
        return ("missing",)
    if isinstance(value, (type, np.ufunc, python_types.BuiltinFunctionType)) or callable(value):
        return _name(value) if in_library(value) else None
    return None


def _name(value: Any) -> tuple[str, str]:
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


def fixed_signatures(dispatcher: Dispatcher) -> list[Any]:
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
