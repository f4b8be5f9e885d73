"""What a strategy's code writes that is not its own: a buffer of the module, a list of the class, a generator.

Runs beside each other in one process would meet there. The walk reads the source of every function that the class
reaches, and follows what can be written to from where it is kept (a global, a closure, an attribute of a class, the
default of a parameter) through other names, attributes of self, arguments and returned values. It asks for a place that
writes; a table that is only read is none. What cannot be read (code without source) counts as writing.
"""

from __future__ import annotations

import ast
import builtins
import collections
import datetime
import enum
import functools
import inspect
import linecache
import logging
import pathlib
import random
import re
import types
import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.compiler.tokens import MISSING
from backtester.compiler.walk import closure_of
from backtester.compiler.words import is_users

if TYPE_CHECKING:
    from backtester.strategy import Strategy

_OURS = frozenset({"backtester", "strategies", "envs"})
_FIXED = (
    *(int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice, frozenset, np.generic, np.dtype, type),
    *(enum.Enum, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, pathlib.PurePath, re.Pattern),
    *(
        types.FunctionType,
        types.ModuleType,
        types.MappingProxyType,
        types.BuiltinFunctionType,
        types.GenericAlias,
        types.UnionType,
        np.ufunc,
    ),
    *(logging.Logger, property, staticmethod, classmethod),
)
_CONTAINERS = (list, dict, set, collections.deque, bytearray, np.ndarray)  # and those of pandas
_GENERATORS = (random.Random, np.random.RandomState)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: methods of containers that write
_WRITES = _names(
    "append appendleft extend extendleft insert pop popleft popitem remove clear sort reverse rotate update setdefault "
    "add discard difference_update intersection_update symmetric_difference_update fill put itemset resize partition "
    "setflags byteswap __setitem__ __delitem__ move_to_end"
)
#: functions that write into their first argument
_WRITE_FIRST = _names(
    "shuffle put copyto place putmask put_along_axis fill_diagonal at heappush heappop heapify heapreplace heappushpop "
    "insort insort_left insort_right setattr delattr"
)
#: functions and methods whose value is new
_NEW = _names(
    "array copy deepcopy list dict set tuple frozenset sorted len sum min max abs any all float int bool str repr hash "
    "round mean std var median prod dot zeros_like ones_like full_like empty_like where concatenate stack vstack "
    "hstack cumsum cumprod diff argsort argmax argmin searchsorted isnan isfinite tolist tobytes index count join "
    "format range astype sort_values dropna fillna shift pct_change rolling to_numpy isinstance"
)
#: functions of torch that draw from its one generator, or seed it
_TORCH_DRAWS = _names("manual_seed seed rand randn randint randperm normal bernoulli multinomial")


def written_beside(kind: type[Strategy]) -> str:
    """Say what code of a strategy writes that every run in this process sees, and where; "" where there is nothing."""
    return _Walk(kind).found


class _Walk:
    """The walk over all that the functions of one class reach.

    Attributes
    ----------
    found : str
        The first place that writes, in words.
    kept : dict
        What is known by (scope, name): the thing that others see too, by its name. Scopes are functions, classes (for
        the attributes of their instances) and "return".
    homes : dict
        The class that a function is a method of, by the code of the function.
    """

    def __init__(self, kind: type[Strategy]):
        self.found = ""
        self.kept: dict[tuple[Any, Any], str] = {}
        self.known_kind: dict[str, bool] = {}  # of a thing: whether it is a container whose methods are known
        self.functions: list[types.FunctionType] = []
        self.codes: set[types.CodeType] = set()  # of these functions
        self.homes: dict[types.CodeType, type] = {}
        self.stored: dict[type, frozenset[str]] = {}
        for name, (wanted, default) in kind.parameter_types().items():
            if not _is_plain(wanted) and name not in self.stored_on(kind):
                self.note(f"the parameter {name}", default)
                self.kept[kind, name] = f"the parameter {name}"
        self.reach_class(kind)
        n_known = -1
        while n_known != len(self.kept) and not self.found:
            n_known = len(self.kept)
            for function in self.functions:  # grows on the way
                if not self.found:
                    _Body(self, function).read()

    def reach(self, function: Any) -> None:
        """Have a function read, where it is a user's."""
        function = getattr(function, "py_func", function)
        if isinstance(function, types.FunctionType) and is_users(function.__module__ or "__main__"):
            if function.__code__ not in self.codes:
                self.codes.add(function.__code__)
                self.functions.append(function)

    def reach_class(self, kind: type) -> None:
        """Have the functions of a class and its bases read, as far as they are a user's."""
        for base in kind.__mro__ if is_users(kind.__module__) else ():
            for value in vars(base).values() if is_users(base.__module__) else ():
                for function in _functions_of(value):
                    self.reach(function)
                    if not isinstance(value, staticmethod):
                        self.homes.setdefault(function.__code__, kind)

    def stored_on(self, kind: type) -> frozenset[str]:
        """Return the attributes that instances of a class have of their own."""
        if kind not in self.stored:
            self.stored[kind] = _stored_on_self(kind)
        return self.stored[kind]

    def note(self, name: str, value: Any) -> str:
        """Remember what sort of thing goes by a name, and return the name."""
        known = isinstance(value, _CONTAINERS) or _package(type(value)) == "pandas"
        self.known_kind[name] = self.known_kind.get(name, True) and known
        return name


class _Body:
    """One function, read as its source."""

    def __init__(self, walk: _Walk, function: types.FunctionType):
        self.walk, self.function = walk, function
        code = function.__code__
        self.space = {**function.__globals__, **closure_of(function)}
        self.local = set(code.co_varnames) | set(code.co_cellvars)
        self.home = walk.homes.get(code)  # the class whose instance, or which itself, is the first argument
        self.me = code.co_varnames[0] if code.co_argcount and self.home is not None else ""
        self.rebound: set[str] = set()  # named by `global` or `nonlocal`

    def read(self) -> None:
        node = _source_of(self.function.__code__)
        if node is None:
            self._without_source()
            return
        for name, default in _defaults_of(self.function):
            if not _is_fixed(default):
                thing = self.walk.note(f"the default of {name} of {self.function.__qualname__}", default)
                self.walk.kept.setdefault((self.function.__code__, name), thing)
        self.local |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        self.local |= {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
        for one in ast.walk(node):
            if isinstance(one, ast.Global | ast.Nonlocal):
                self.rebound |= set(one.names)
        self.local -= self.rebound
        for one in ast.walk(node):
            self._statement(one)
            if self.walk.found:
                return

    def _without_source(self) -> None:
        code = self.function.__code__
        for name in code.co_names + code.co_freevars:
            thing = self._thing(self.space.get(name, MISSING), name)
            if thing:
                self._writes(f"{thing} is reached by code whose source is not there", None)

    def _statement(self, node: ast.AST) -> None:
        """Look at one node for places that write, and for new names of what others see."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._store(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._store(node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name | ast.Attribute) and (thing := self.thing_of(node.target)):
                self._writes(thing, node)
            self._store(node.target, node.value, new=False)
        elif isinstance(node, ast.For | ast.comprehension):
            self._store(node.target, node.iter)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._store(target, None)
        elif isinstance(node, ast.Return) and node.value is not None and (thing := self.thing_of(node.value)):
            self.walk.kept.setdefault(("return", self.function.__code__), thing)
        elif isinstance(node, ast.Call):
            self._call(node)

    def _store(self, target: ast.expr, value: ast.expr | None, new: bool = True) -> None:
        """Look at one target of an assignment."""
        if isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                self._store(one, value, new)
        elif isinstance(target, ast.Starred):
            self._store(target.value, value, new)
        elif isinstance(target, ast.Subscript):
            if thing := self.thing_of(target.value):
                self._writes(thing, target)
        elif isinstance(target, ast.Name):
            if target.id in self.rebound:
                self._writes(f"the name {target.id}", target)
            elif new and value is not None and (thing := self.thing_of(value)):
                self.walk.kept.setdefault((self.function.__code__, target.id), thing)
        elif isinstance(target, ast.Attribute):
            owner = self.object_of(target.value)
            if isinstance(owner, type | types.ModuleType | types.FunctionType):
                self._writes(f"{ast.unparse(target)}", target)
            elif self._is_me(target.value):
                if new and value is not None and (thing := self.thing_of(value)):
                    self.walk.kept.setdefault((self.home, target.attr), thing)
            elif thing := self.thing_of(target.value):
                self._writes(thing, target)

    def _call(self, node: ast.Call) -> None:
        called = self.object_of(node.func)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if _draws(called, name):
            self._writes(f"the generator behind {ast.unparse(node.func)}", node)
        elif name in _WRITE_FIRST and node.args and (thing := self._seen_or_owner(node.args[0])):
            self._writes(thing, node)
        for keyword in node.keywords:
            if keyword.arg == "out" and (thing := self.thing_of(keyword.value)):
                self._writes(thing, node)
        if isinstance(node.func, ast.Attribute) and (thing := self.thing_of(node.func.value)):
            in_place = any(
                one.arg == "inplace" and getattr(one.value, "value", True) is not False for one in node.keywords
            )
            known = self.walk.known_kind.get(thing, False)
            if name in _WRITES or in_place or not (known or name in _NEW):
                self._writes(thing, node)
        target = getattr(called, "py_func", called)
        if isinstance(target, type):
            self.walk.reach_class(target)
        elif isinstance(target, types.FunctionType):
            self.walk.reach(target)
            self._pass_on(node, target)

    def _pass_on(self, node: ast.Call, function: types.FunctionType) -> None:
        """Have the parameters of a function stand for what it is called with."""
        code = function.__code__
        if code not in self.walk.codes:
            return
        names = code.co_varnames[: code.co_argcount]
        skipped = int(isinstance(node.func, ast.Attribute) and self._is_me(node.func.value) and bool(names))
        if skipped and isinstance(inspect.getattr_static(self.home, function.__name__, None), staticmethod):
            skipped = 0
        given = [*zip(names[skipped:], node.args, strict=False)]
        given += [(one.arg, one.value) for one in node.keywords if one.arg is not None]
        for name, value in given:
            if thing := self.thing_of(value):
                self.walk.kept.setdefault((code, name), thing)

    def _seen_or_owner(self, node: ast.expr) -> str:
        owner = self.object_of(node)
        if isinstance(owner, type | types.ModuleType):
            return ast.unparse(node)
        return self.thing_of(node)

    def _is_me(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and bool(self.me) and node.id == self.me

    def object_of(self, node: ast.expr) -> Any:
        """Return the object that a name or a chain of names stands for before any run, or MISSING."""
        if isinstance(node, ast.Name):
            if node.id in self.local:
                return self.home if self._is_me(node) and self._is_class_method() else MISSING
            return self.space.get(node.id, getattr(builtins, node.id, MISSING))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
            return self.home if len(node.args) == 1 and self._is_me(node.args[0]) else MISSING
        if not isinstance(node, ast.Attribute):
            return MISSING
        if self._is_me(node.value):
            if node.attr == "__class__":
                return self.home
            held = inspect.getattr_static(self.home, node.attr, MISSING)
            held = getattr(held, "__func__", held)
            return held if callable(held) else MISSING
        owner = self.object_of(node.value)
        if isinstance(owner, type | types.ModuleType | types.FunctionType):
            return getattr(owner, node.attr, MISSING)
        return MISSING

    def _is_class_method(self) -> bool:
        return isinstance(inspect.getattr_static(self.home, self.function.__name__, None), classmethod)

    def thing_of(self, node: ast.expr | None) -> str:
        """Return the name of what others see too, where the value of an expression may be it or a part of it."""
        kept = self.walk.kept
        if isinstance(node, ast.Name):
            if node.id in self.local:
                return kept.get((self.function.__code__, node.id), "")
            return self._thing(self.space.get(node.id, MISSING), node.id)
        if isinstance(node, ast.Attribute):
            found = self.object_of(node)
            if found is not MISSING:
                return self._thing(found, ast.unparse(node))
            if not self._is_me(node.value):
                return self.thing_of(node.value)
            if (self.home, node.attr) in kept:
                return kept[self.home, node.attr]
            return self._of_class(node.attr)
        if isinstance(node, ast.Call):
            return self._returned(node)
        inside: list[ast.expr] = []
        if isinstance(node, ast.Subscript | ast.Starred | ast.NamedExpr):
            inside = [node.value]
        elif isinstance(node, ast.IfExp):
            inside = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            inside = node.values
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            inside = node.elts
        return next((thing for one in inside if (thing := self.thing_of(one))), "")

    def _of_class(self, name: str) -> str:
        """Return the name of an attribute of the class, where instances have none of their own by that name."""
        assert self.home is not None
        known = self.home.parameter_types() if hasattr(self.home, "parameter_types") else {}
        if name in known or name in self.walk.stored_on(self.home):
            return ""
        return self._thing(inspect.getattr_static(self.home, name, MISSING), f"{self.home.__name__}.{name}")

    def _returned(self, node: ast.Call) -> str:
        """Return what the value of a call may be."""
        called = self.object_of(node.func)
        called = getattr(called, "py_func", called)
        if isinstance(called, types.FunctionType) and called.__code__ in self.walk.codes:
            return self.walk.kept.get(("return", called.__code__), "")
        if isinstance(called, functools._lru_cache_wrapper):
            return self.walk.note(f"what {ast.unparse(node.func)} keeps", [])
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _NEW:
            return ""
        if isinstance(node.func, ast.Attribute) and called is MISSING and (thing := self.thing_of(node.func.value)):
            return thing
        return next((thing for one in node.args if (thing := self.thing_of(one))), "")

    def _thing(self, value: Any, name: str) -> str:
        return "" if value is MISSING or _is_fixed(value) else self.walk.note(name, value)

    def _writes(self, thing: str, node: ast.AST | None) -> None:
        code = self.function.__code__
        line = getattr(node, "lineno", code.co_firstlineno)
        self.walk.found = f"{thing} ({pathlib.Path(code.co_filename).name}:{line}, in {self.function.__qualname__})"


def _draws(called: Any, name: str) -> bool:
    """Whether a function draws from a generator that the whole process shares, or seeds it."""
    if isinstance(getattr(called, "__self__", None), _GENERATORS) or called is np.random.seed:
        return True
    return _package(called) == "torch" and name in _TORCH_DRAWS


def _is_fixed(value: Any, depth: int = 0) -> bool:
    """Whether nothing that holds a value can change it, or nobody of the user's does."""
    if isinstance(value, np.ndarray):
        return not value.flags.writeable
    if isinstance(value, tuple):
        return depth > 8 or all(_is_fixed(item, depth + 1) for item in value)
    if isinstance(value, _FIXED) or hasattr(value, "py_func"):
        return True
    return _package(type(value)) in _OURS or isinstance(value, functools._lru_cache_wrapper)


def _is_plain(wanted: Any) -> bool:
    """Whether the values of a parameter cannot be written to, by its annotation."""
    if typing.get_origin(wanted) is typing.Literal or wanted in (None, type(None), Ellipsis):
        return True
    parts = typing.get_args(wanted)
    if parts:
        return typing.get_origin(wanted) in (typing.Union, types.UnionType, tuple) and all(map(_is_plain, parts))
    if wanted in (int, float, str, bool) or (isinstance(wanted, type) and issubclass(wanted, enum.Enum)):
        return True
    return _package(wanted) in _OURS


def _package(value: Any) -> str:
    """Return the package that a class or a function is from."""
    return (getattr(value, "__module__", None) or "").partition(".")[0]


def _functions_of(value: Any) -> Iterator[types.FunctionType]:
    """Return the functions behind an attribute of a class."""
    value = getattr(value, "py_func", value)
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    parts = (value.fget, value.fset) if isinstance(value, property) else (value,)
    yield from (part for part in parts if isinstance(part, types.FunctionType))


def _stored_on_self(kind: type) -> frozenset[str]:
    """Return the attributes that code of a class gives to self, so that what the class has by that name is not read."""
    found: set[str] = set()
    for base in kind.__mro__:
        for value in vars(base).values() if is_users(base.__module__) else ():
            for function in _functions_of(value):
                node = _source_of(function.__code__)
                me = function.__code__.co_varnames[:1]
                for one in ast.walk(node) if node is not None else ():
                    targets = one.targets if isinstance(one, ast.Assign) else []
                    flat = [part for target in targets for part in getattr(target, "elts", [target])]
                    found |= {
                        part.attr
                        for part in flat
                        if isinstance(part, ast.Attribute) and getattr(part.value, "id", None) in me
                    }
    return frozenset(found)


def _defaults_of(function: types.FunctionType) -> list[tuple[str, Any]]:
    """Return the parameters of a function that have a default, with it."""
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return [*zip(names[len(names) - len(defaults) :], defaults, strict=True), *(function.__kwdefaults__ or {}).items()]


def _source_of(code: types.CodeType) -> ast.AST | None:
    """Return the definition of a function as a tree, or None where its source is not there."""
    lines = linecache.getlines(code.co_filename)
    return _definitions(code.co_filename, tuple(lines)).get((code.co_name, code.co_firstlineno))


@functools.lru_cache(maxsize=64)
def _definitions(file: str, lines: tuple[str, ...]) -> dict[tuple[str, int], ast.AST]:
    """Return the functions that a file defines, by name and first line; that of a decorator, where there is one."""
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return {}
    found: dict[tuple[str, int], ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)])] = node
        elif isinstance(node, ast.Lambda):
            found.setdefault(("<lambda>", node.lineno), node)
    return found
