"""The loop in plain Python: the same kernel, the same doors, user code interpreted.

A debugger stops in `on_bar` here. Arrays on `self` that have one row per bar are cut at the present before every call,
numbers on `self` are NumPy scalars while the run lasts, and a field keeps the type it was given, as in compiled code.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from backtester.compiler import Place, as_held, as_python, as_scalar, interpreted_class, rebuild_for_interpreter
from backtester.context import Context
from backtester.errors import StrategyError
from backtester.kernel.loop import close_bar, turn
from backtester.kernel.memory import AccountMemory
from backtester.strategy import Constant, Strategy

_MISSING = object()
_WORDS = {np.int64: "an int", np.float64: "a float", bool: "a bool"}  # as `compiler.checks` says them
_NUMBERS = (*_WORDS, enum.Enum)


class Interpreted:
    """Runs the hooks of one prepared strategy over one account, bar by bar.

    Parameters
    ----------
    strategy : Strategy
        After `prepare`; its class and attributes are put back by `restore`.
    memory : AccountMemory
    n_bars : int
        Arrays with this many rows are series; those of the bars that the strategy was prepared on.
    """

    def __init__(self, strategy: Strategy, memory: AccountMemory, n_bars: int):
        self.strategy = strategy
        self.memory = memory
        self.ctx = Context(memory)
        self._class = type(strategy)
        self._fields = strategy.__dict__
        self._series: list[tuple[str, np.ndarray]] = []
        self._originals: dict[str, Any] = {}  # constants and functions, as they were before they were dressed
        self._scalars: dict[str, tuple[Any, Any]] = {}  # the same for numbers, each with what stands for it
        self._dress(n_bars)

    def _dress(self, n_bars: int) -> None:
        """Give the instance twins of its functions, NumPy scalars, plain constants and guarded assignment."""
        fields = self._fields
        for name, value in list(fields.items()):
            if isinstance(value, Constant):
                inner = value.value
                self._originals[name] = value
                if isinstance(inner, np.ndarray):
                    inner = as_held(inner)
                    self._originals[name] = value if inner is value.value else Constant(inner)
                fields[name] = inner
            elif isinstance(value, np.ndarray) and value.ndim:
                fields[name] = as_held(value)
                if value.shape[0] == n_bars:
                    self._series.append((name, fields[name]))
            elif isinstance(value, types.FunctionType):
                self._originals[name] = value
                fields[name] = rebuild_for_interpreter(value)
            else:
                fields[name] = as_scalar(value)
                self._scalars[name] = value, fields[name]
        own = {  # a class of this run alone: another thread may run the same strategy
            "__setattr__": _guard(frozenset(name for name, _ in self._series)),
            "__module__": self._class.__module__,
            "__qualname__": self._class.__qualname__,
        }
        dressed = type(self._class.__name__, (interpreted_class(self._class),), own)
        object.__setattr__(self.strategy, "__class__", dressed)
        self.hears_fills = self._class.on_fill is not Strategy.on_fill
        self._has_reject = self._class.on_reject is not Strategy.on_reject

    @property
    def prepared(self) -> dict[str, np.ndarray]:
        """The arrays with one row per bar, whole, by name."""
        return dict(self._series)

    def restore(self) -> None:
        """Put class and attributes back: whole arrays, plain Python numbers where hooks assigned some."""
        object.__setattr__(self.strategy, "__class__", self._class)
        fields = self._fields
        for name, value in list(fields.items()):
            original, dressed = self._scalars.get(name, (None, _MISSING))
            fields[name] = original if value is dressed else as_python(value)
        fields.update(self._series)
        fields.update(self._originals)

    def advance(self, until: int) -> int:
        """Run bars up to `until` (exclusive); return how many bars are done."""
        address, memory = self.memory.address, self.memory
        words = memory.buffer.words
        bankrupt, stopped = memory.buffer.offset("bankrupt"), memory.buffer.offset("stopped")
        start, on_bar, ctx = int(memory["start"]), self.strategy.on_bar, self.ctx
        fields, series = self._fields, self._series
        events = self.hears_fills or self._has_reject
        done = int(memory["next_bar"])
        with np.errstate(all="ignore"):
            while done < until:
                t = turn(address)
                if t < 0:
                    break
                now = t + 1
                for name, whole in series:
                    fields[name] = whole[:now]
                if events:
                    self._call_events()
                if t >= start and not words[bankrupt] and not words[stopped]:
                    on_bar(ctx)
                done = now
                if done == until:
                    close_bar(address)
        return done

    def _call_events(self) -> None:
        memory = self.memory
        while self.hears_fills and memory["fills_seen"] < memory["n_fills"]:
            row = int(memory["fills_seen"])
            memory["fills_seen"] = row + 1
            self.strategy.on_fill(self.ctx, _row(memory.view("fills"), row))
        until = memory["n_rejects"]  # what on_reject itself has refused waits for the next bar
        while self._has_reject and memory["rejects_seen"] < until:
            row = int(memory.view("rejects")[int(memory["rejects_seen"])])
            memory["rejects_seen"] = int(memory["rejects_seen"]) + 1
            self.strategy.on_reject(self.ctx, _row(memory.view("orders"), row))


def _row(table: np.ndarray, row: int) -> Any:
    """Return a read-only copy of a row, with its fields as attributes."""
    copy = table[row : row + 1].copy().view(np.recarray)
    copy.flags.writeable = False
    return copy[0]


def _guard(series: frozenset[str]) -> Callable[[Any, str, Any], None]:
    """Return the `__setattr__` of a running strategy: a field keeps its type, and a series stays what it is."""

    def guarded(self: Any, name: str, value: Any) -> None:
        old = self.__dict__.get(name, _MISSING)
        if old is _MISSING:
            old = getattr(type(self), name, _MISSING)
        if name in series:
            if value is not old:
                raise StrategyError(
                    f"self.{name} has one row per bar, and cannot be replaced while the strategy runs; "
                    f"change it in place, e.g. self.{name}[-1] = ..."
                )
            return
        new = as_scalar(value)
        kept = _kept(old, new)
        if kept is _MISSING:
            code, line = sys._getframe(1).f_code, sys._getframe(1).f_lineno
            place = Place(code.co_filename, line, code.co_qualname)
            raise StrategyError(
                f"{place}: self.{name} is {_word(old)}, and a field keeps the type it was given in prepare: "
                f"it cannot take {_word(new)}; {_remedy(name, old, new)}"
            )
        object.__setattr__(self, name, kept)

    return guarded


def _kept(old: Any, new: Any) -> Any:
    """Return a new value of a field as the type of the old one, or `_MISSING` where that would change it."""
    kind = type(old)
    if type(new) is kind and kind is not tuple:
        return new
    if kind is np.float64 and isinstance(new, (np.int64, bool, enum.IntEnum)):
        return np.float64(new)
    if kind is np.int64 and isinstance(new, (bool, enum.IntEnum)):
        return np.int64(new)
    if isinstance(old, tuple) and old and all(isinstance(item, _NUMBERS) for item in old):
        if not isinstance(new, tuple) or len(new) != len(old):
            return _MISSING
        items = [_kept(*pair) for pair in zip(old, new, strict=True)]
        if any(item is _MISSING for item in items):
            return _MISSING
        return type(new)(*items) if hasattr(new, "_fields") else tuple(items)
    if kind in _WORDS or (isinstance(old, enum.Enum) and isinstance(old.value, int)):
        return _MISSING
    return new


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return "a tuple (" + ", ".join(map(_word, value)) + ")"
    return _WORDS.get(type(value), f"a value of type {type(value).__name__}")


def _remedy(name: str, old: Any, new: Any) -> str:
    if isinstance(old, np.int64) and isinstance(new, np.float64):
        return f"set self.{name} = 0.0 in prepare, or convert with int(...)"
    if isinstance(old, bool):
        return "assign a comparison or bool(...)"
    return f"give self.{name} the type it needs in prepare"
