"""Values and code in words that change when they do: of what a sweep depends on, and of what makes a trial a new one.

Code is told without line numbers and comments, with every function, constant and class of the user's that it reaches;
libraries, and this package, by name and version.
"""

from __future__ import annotations

import builtins
import dataclasses
import dis
import functools
import hashlib
import pickle
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backtester.compiler.bytecode import facts_of
from backtester.compiler.tokens import MISSING, code_token, plain_token
from backtester.compiler.walk import closure_of

_LARGE = 4096  # bytes of an array, above which its content is hashed and not spelt out


class Words:
    """Puts values into words that change when the values do; see the module's second paragraph.

    Parameters
    ----------
    leave_out : set of str
        Attributes of classes that are not told.
    modules : bool
        Whether it matters in which module of the user's a class is.

    Attributes
    ----------
    unknown : list of str
        The kinds of values for which there are no words.
    """

    def __init__(self, leave_out: frozenset[str] = frozenset(), modules: bool = True) -> None:
        self.unknown: list[str] = []
        self._modules = modules
        self._leave_out = leave_out
        self._seen: dict[int, tuple[int, Any]] = {}

    def of(self, value: Any) -> Any:
        """Return a value in words."""
        if isinstance(value, np.ndarray) and value.nbytes > _LARGE and not value.dtype.hasobject:
            content = hashlib.sha256(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
            return ["array", str(value.dtype), value.shape, content.hexdigest()]
        plain = plain_token(value)
        if plain is not None:
            return plain
        if isinstance(value, list | tuple):
            return [type(value).__name__, [self.of(item) for item in value]]
        if isinstance(value, set | frozenset):
            return ["set", sorted(repr(self.of(item)) for item in value)]
        if isinstance(value, Mapping):
            return ["dict", [(repr(self.of(key)), self.of(item)) for key, item in value.items()]]
        if type(value).__name__ == "Bars" and hasattr(value, "content_hash"):
            return ["bars", value.content_hash]
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__, _version(value.__name__)]
        again = self._seen.get(id(value))
        if again is not None:
            return ["again", again[0]]
        self._seen[id(value)] = (len(self._seen), value)  # the value is kept, so that its id stays its own
        return self._object(value)

    def _object(self, value: Any) -> Any:
        if hasattr(value, "py_func"):
            options = sorted((key, repr(one)) for key, one in getattr(value, "targetoptions", {}).items())
            return [options, self.of(value.py_func)]
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return [self.of(value.__func__), self.of(value.__self__)]
        if isinstance(value, staticmethod | classmethod):
            return self.of(value.__func__)
        if isinstance(value, property):
            return [self.of(part) for part in (value.fget, value.fset)]
        if isinstance(value, functools.partial):
            return ["partial", self.of(value.func), self.of(value.args), self.of(value.keywords)]
        if isinstance(value, type):
            return self._class(value)
        if dataclasses.is_dataclass(value):
            fields = [(one.name, self.of(getattr(value, one.name))) for one in dataclasses.fields(value)]
            return [self.of(type(value)), fields]
        return self._pickled(value)

    def _class(self, kind: type) -> Any:
        found: list[Any] = []
        for base in kind.__mro__:
            users = is_users(base.__module__)
            where = base.__module__ if self._modules or not users else ""
            found.append(("class", where, base.__qualname__, _version(base.__module__)))
            if users:
                own = sorted((name, value) for name, value in vars(base).items() if name not in self._leave_out)
                found += [(name, self.of(value)) for name, value in own if _counts(name, value)]
        return found

    def _function(self, function: types.FunctionType) -> Any:
        name = (function.__module__ or "", function.__qualname__)
        if not is_users(name[0]):
            return [*name, _version(name[0])]
        facts = facts_of(function.__code__)
        found = [code_token(function.__code__), self.of(function.__defaults__), self.of(function.__kwdefaults__)]
        for read in sorted(facts.globals):
            value = function.__globals__.get(read, getattr(builtins, read, MISSING))
            found.append((read, self._read(facts, (read,), value)))
        found += [(read, self.of(value)) for read, value in sorted(closure_of(function).items())]
        return found + [(module, self._file(module)) for module in _imported(function.__code__)]

    def _read(self, facts: Any, path: tuple[str, ...], value: Any) -> Any:
        """Return a global in words; of a module of the user's, what the function reads from it."""
        if not isinstance(value, types.ModuleType) or not is_users(value.__name__) or len(path) > 8:
            return self.of(value)
        names = sorted(name for name in facts.read_from(path) if hasattr(value, name))
        return [(name, self._read(facts, (*path, name), getattr(value, name))) for name in names]

    def _file(self, module: str) -> Any:
        """Return the text of a module that a function itself imports, hashed, or its version."""
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is None or not is_users(module):
            return _version(module)
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()

    def _pickled(self, value: Any) -> Any:
        kind = type(value)
        try:
            raw = pickle.dumps(value, protocol=4)
        except Exception:
            self.unknown.append(f"a {kind.__module__}.{kind.__qualname__}")
            return None
        return [self.of(kind), hashlib.sha256(raw).hexdigest()]


def _counts(name: str, value: Any) -> bool:
    """Whether an attribute of a class is the user's: Python keeps notes of its own there, some only later."""
    if name == "_abc_impl":
        return False
    return not name.startswith("__") or isinstance(value, types.FunctionType | staticmethod | classmethod | property)


@functools.lru_cache(maxsize=1024)
def _imported(code: types.CodeType) -> tuple[str, ...]:
    """Return the modules that a function imports itself."""
    return tuple(sorted({str(one.argval) for one in dis.get_instructions(code) if one.opname == "IMPORT_NAME"}))


@functools.cache
def is_users(module: str) -> bool:
    """Whether a module is the user's own, or one of the shipped strategies: not this package, not a library."""
    top = module.partition(".")[0]
    if top == "backtester" or (top in sys.stdlib_module_names and top != "__main__"):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is None or not {"site-packages", "dist-packages"} & set(Path(file).parts)


def _version(module: str) -> str:
    return str(getattr(sys.modules.get(module.partition(".")[0]), "__version__", ""))
