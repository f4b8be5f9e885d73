"""The loop in plain Python: the same kernel, the same doors, user code interpreted.

A debugger stops in `on_bar` here. Arrays on `self` that have one row per bar are cut at the present before every call,
numbers on `self` are NumPy scalars while the run lasts, and a field keeps the type it was given, as in compiled code.
"""

from __future__ import annotations

import enum
import types
from typing import Any

import numpy as np

from backtester.compiler import rebuild_for_interpreter
from backtester.context import Context
from backtester.errors import StrategyError
from backtester.kernel.loop import close_bar, turn
from backtester.kernel.memory import AccountMemory
from backtester.strategy import Constant, Strategy

_MISSING = object()
_WORDS = {np.int64: "an integer", np.float64: "a float", bool: "a bool"}


class Interpreted:
    """Runs the hooks of one prepared strategy over one account, bar by bar.

    Parameters
    ----------
    strategy : Strategy
        After `prepare`; its class and attributes are put back by `restore`.
    memory : AccountMemory
    """

    def __init__(self, strategy: Strategy, memory: AccountMemory):
        self.strategy = strategy
        self.memory = memory
        self.ctx = Context(memory)
        self._class = type(strategy)
        self._fields = strategy.__dict__
        self._series: list[tuple[str, np.ndarray]] = []
        self._wrapped: dict[str, Constant[Any]] = {}
        self._dress()

    def _dress(self) -> None:
        """Give the instance twins of its methods, NumPy scalars, plain constants and guarded assignment."""
        fields, n_bars = self._fields, self.memory.n_bars
        for name, value in list(fields.items()):
            if isinstance(value, Constant):
                self._wrapped[name] = value
                fields[name] = value.value
            elif isinstance(value, np.ndarray):
                if value.ndim and value.shape[0] == n_bars:
                    self._series.append((name, value))
            else:
                fields[name] = _as_scalar(value)
        space: dict[str, Any] = {"__setattr__": _guarded, "__module__": self._class.__module__}
        for base in reversed(self._class.__mro__):
            if base in (object, Strategy):
                continue
            for name, value in vars(base).items():
                if isinstance(value, types.FunctionType) and name not in ("__setattr__", "__init__", "prepare"):
                    space[name] = rebuild_for_interpreter(value)
        space["__qualname__"] = self._class.__qualname__
        dressed = type(self._class.__name__, (self._class,), space)
        object.__setattr__(self.strategy, "__class__", dressed)
        self._has_fill = self._class.on_fill is not Strategy.on_fill
        self._has_reject = self._class.on_reject is not Strategy.on_reject

    def restore(self) -> None:
        """Put class and attributes back: whole arrays, plain Python numbers."""
        object.__setattr__(self.strategy, "__class__", self._class)
        fields = self._fields
        for name, value in list(fields.items()):
            if isinstance(value, (np.int64, np.float64)):
                fields[name] = value.item()
        for name, whole in self._series:
            fields[name] = whole
        for name, wrapped in self._wrapped.items():
            fields[name] = wrapped

    def advance(self, until: int) -> int:
        """Run bars up to `until` (exclusive); return how many bars are done."""
        address, memory = self.memory.address, self.memory
        words, bankrupt = memory.buffer.words, memory.buffer.offset("bankrupt")
        start, on_bar, ctx = int(memory["start"]), self.strategy.on_bar, self.ctx
        fields, series = self._fields, self._series
        events = self._has_fill or self._has_reject
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
                if t >= start and not words[bankrupt]:
                    on_bar(ctx)
                done = now
                if done == until:
                    close_bar(address)
        return done

    def _call_events(self) -> None:
        memory = self.memory
        while self._has_fill and memory["fills_seen"] < memory["n_fills"]:
            row = int(memory["fills_seen"])
            memory["fills_seen"] = row + 1
            self.strategy.on_fill(self.ctx, _row(memory.view("fills"), row))
        while self._has_reject and memory["rejects_seen"] < memory["n_rejects"]:
            row = int(memory.view("rejects")[int(memory["rejects_seen"])])
            memory["rejects_seen"] = int(memory["rejects_seen"]) + 1
            self.strategy.on_reject(self.ctx, _row(memory.view("orders"), row))


def _row(table: np.ndarray, row: int) -> Any:
    """Return a read-only copy of a row, with its fields as attributes."""
    copy = table[row : row + 1].copy().view(np.recarray)
    copy.flags.writeable = False
    return copy[0]


def _as_scalar(value: Any) -> Any:
    """Return numbers as NumPy scalars, so that they behave as in machine code; anything else as it is."""
    if isinstance(value, (bool, enum.Enum)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)) and -(2**63) <= value < 2**63:
        return np.int64(value)
    return np.float64(value) if isinstance(value, (float, np.floating)) else value


def _guarded(self: Any, name: str, value: Any) -> None:
    """Assign a field of a running strategy: it keeps its type."""
    old = self.__dict__.get(name, _MISSING)
    new = _as_scalar(value)
    kind = type(old)
    if kind in _WORDS and type(new) is not kind:
        if kind is np.float64 and isinstance(new, (np.int64, bool)):
            new = np.float64(new)
        elif kind is np.int64 and isinstance(new, bool):
            new = np.int64(new)
        elif kind is np.int64 and isinstance(new, enum.IntEnum):
            new = np.int64(new.value)
        else:
            found = _WORDS.get(type(new), f"a {type(new).__name__}")
            raise StrategyError(
                f"self.{name} is {_WORDS[kind]}, and a field keeps the type it was given in prepare: "
                f"it cannot take {found} ({value!r})"
            )
    object.__setattr__(self, name, new)
