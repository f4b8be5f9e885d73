"""What a user subclasses: `Strategy`, its parameters and its hooks, and `constant`.

Annotated class attributes are the parameters. They are checked once, when the strategy is made, and are then ordinary
attributes of the instance; state is set in `prepare` and changed in the hooks.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
import sys
import threading
import types
import typing
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from backtester.errors import ParameterError, did_you_mean

if TYPE_CHECKING:
    from backtester.bars import Bars

T = TypeVar("T")


class Constant(Generic[T]):
    """An array that is not a series although it has one row per bar; made by `constant`."""

    __slots__ = ("value",)

    def __init__(self, value: T):
        self.value = value


def constant(value: T) -> T:
    """Mark an array as not per bar: inside `on_bar` it is whole, whatever its number of rows.

    The hooks see the array itself, so that is its type here; until they run, `self` holds a `Constant`.

    Parameters
    ----------
    value : ndarray
        Stored on `self` in `prepare`: `self.table = constant(table)`; read as the plain array in the hooks.
    """
    return typing.cast(T, Constant(value))


class Strategy:
    """Base class of all strategies.

    Annotated class attributes are parameters, with their defaults:

    >>> class SmaCross(Strategy):
    ...     fast: int = 10
    ...     slow: int = 30
    >>> SmaCross(fast=20)
    SmaCross(fast=20, slow=30)

    Attributes
    ----------
    warmup : int, optional
        Class attribute or parameter. `on_bar` is first called at bar max(1, warmup); without it, at the first bar from
        1 on at which any asset is ready, which is when every prepared array is finite for it.

    Notes
    -----
    Inside the hooks every array on `ctx`, and every array that `prepare` stored on `self` with one row per bar, ends at
    the current bar: `self.ma[-1, a]` is now, and an index beyond the present is an IndexError.
    """

    def __init__(self, **parameters: Any):
        known = _remembered.get(type(self)) or type(self).parameter_types()
        for name in parameters:
            if name not in known:
                listed = ", ".join(known) or "none"
                hint = unannotated(type(self), name) or did_you_mean(name, known)
                raise ParameterError(f"{type(self).__name__} has no parameter {name!r}{hint} (parameters: {listed})")
        for name, (kind, default) in known.items():
            value = parameters.get(name, default)
            if value is inspect.Parameter.empty:
                raise ParameterError(f"{type(self).__name__} needs the parameter {name!r}, which has no default")
            setattr(self, name, check_parameter(type(self).__name__, name, kind, value))

    @classmethod
    def parameter_types(cls) -> dict[str, tuple[Any, Any]]:
        """Return name → (annotated type, default) of every parameter, base classes first."""
        found: dict[str, tuple[Any, Any]] = {}
        for base in reversed(cls.__mro__):
            if base in (object, Strategy) or not issubclass(base, Strategy):
                continue
            hints = _hints(base)
            for name in vars(base).get("__annotations__", {}):
                kind = hints.get(name, Any)
                if name.startswith("_") or typing.get_origin(kind) is ClassVar or kind is ClassVar:
                    continue
                found[name] = (kind, vars(base).get(name, inspect.Parameter.empty))
            for name in found:
                if name in vars(base) and name not in vars(base).get("__annotations__", {}):
                    found[name] = (found[name][0], vars(base)[name])
        return found

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters and their present values."""
        return {name: getattr(self, name) for name in type(self).parameter_types()}

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({inside})"

    def _repr_html_(self) -> str:
        from backtester.report.cards import html_of_strategy

        return html_of_strategy(self)

    def plot(self, bars: Bars, symbol: str | None = None) -> Any:
        """Return a Plotly figure of what `prepare` computes on `bars`: see `backtester.report.strategy_plot.plot`.

        Of the asset `symbol`, by default the first.
        """
        from backtester.report.strategy_plot import plot

        return plot(self, bars, symbol)

    def prepare(self, bars: Bars) -> None:
        """Compute from `bars`, once and vectorised, what the hooks read; ordinary Python. It must be deterministic."""

    def on_bar(self, ctx: Any) -> None:
        """Decide at the close of a bar, through `ctx`; compiled to machine code where it can be."""

    def on_fill(self, ctx: Any, fill: Any) -> None:
        """Called with `ctx` for each `fill`, before the `on_bar` of its bar (for fills at the close, of the next)."""

    def on_reject(self, ctx: Any, order: Any) -> None:
        """Called with `ctx` for every refused `order`, before the next `on_bar`."""

    def manifest_facts(self) -> dict[str, Any]:
        """Return what the manifest of a run keeps beside the parameters; asked after the run, plain values.

        The sentences in its list "warnings" are shown with the metrics and in the report.
        """
        return {}


#: the parameters of classes of which many instances are made at present
_remembered: dict[type[Strategy], dict[str, tuple[Any, Any]]] = {}
_users: Counter[type[Strategy]] = Counter()
_lock = threading.Lock()


@contextlib.contextmanager
def remembered_parameters(kind: type[Strategy]) -> Iterator[None]:
    """Look at the annotations of a class once for all instances made meanwhile; it must not be changed."""
    with _lock:
        _users[kind] += 1
        _remembered[kind] = kind.parameter_types()
    try:
        yield
    finally:
        with _lock:
            _users[kind] -= 1
            if not _users[kind]:
                del _users[kind], _remembered[kind]


def unannotated(kind: type, name: str) -> str:
    """Return a hint where `name` is an attribute of a class that only lacks its annotation, "" where it is not."""
    value = getattr(kind, name, None)
    if not isinstance(value, bool | int | float | str):
        return ""
    return f"; it is an attribute without a type: write `{name}: {type(value).__name__} = {value!r}` in the class"


def _hints(cls: type) -> dict[str, Any]:
    """Return the annotations of a class as types; one that names what is not there at run time stays a string."""
    try:
        return typing.get_type_hints(cls)
    except Exception:
        space = vars(sys.modules.get(cls.__module__, typing))
        return {name: _hint(raw, space) for name, raw in vars(cls).get("__annotations__", {}).items()}


def _hint(raw: Any, space: dict[str, Any]) -> Any:
    try:
        return eval(raw, space) if isinstance(raw, str) else raw
    except Exception:
        return raw


def check_parameter(owner: str, name: str, kind: Any, value: Any) -> Any:
    """Return the value of a parameter as its annotated type `kind`, or raise `ParameterError`."""
    if kind is Any or isinstance(kind, (str, TypeVar)):
        return value
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(kind)
        for option in options:
            try:
                return check_parameter(owner, name, option, value)
            except ParameterError:
                continue
        raise _wrong(owner, name, kind, value)
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise _wrong(owner, name, kind, value)
        return value
    kind = origin or kind
    if kind is type(None):
        kind = types.NoneType
    if kind is bool:
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
    elif kind is int:
        if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, enum.Enum)):
            return int(value)
    elif kind is float:
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            return float(value)
    elif not isinstance(kind, type) or isinstance(value, kind):
        return value
    raise _wrong(owner, name, kind, value)


def _wrong(owner: str, name: str, kind: Any, value: Any) -> ParameterError:
    wanted = getattr(kind, "__name__", None) if isinstance(kind, type) else str(kind)
    remedy = ""
    if kind is int and isinstance(value, float) and value.is_integer():
        remedy = f"; write {int(value)}"
    return ParameterError(f"{owner}: {name} must be {wanted}, found {value!r} ({type(value).__name__}){remedy}")
