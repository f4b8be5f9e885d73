"""`diff`: where two runs part, what each did there, and why; an object that prints itself."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.bars.check import time_text
from backtester.diff.causes import reasons_why
from backtester.diff.data import DataChange, data_changes
from backtester.diff.inputs import Input, input_changes
from backtester.diff.walk import Walk, walk
from backtester.diff.words import Difference, Teller
from backtester.errors import ResultError
from backtester.summary_text import clean, count_of, written

if TYPE_CHECKING:
    from backtester.result import Result

_MOST = 12  # differences of one bar, and inputs, that are shown


@dataclass(frozen=True)
class Diff:
    """How two runs differ. True where they did different things: `if a.diff(b): …`.

    `print(diff)` says it all; `as_dict()` holds it as plain values.

    Attributes
    ----------
    names : (str, str)
        What the two runs are called.
    first : Difference or None
        The first difference in time, and in the order of events within its bar; None where the runs did the same.
    also : tuple of Difference
        What else differs in the bar of the first.
    why : tuple of str
        Sentences on its cause; empty where the runs did the same.
    inputs : tuple of Input
        What the runs were given differently, data apart.
    data : tuple of DataChange
        How their bars differ, the earliest first.
    after : dict of str to (number, number)
        Counts of both runs and their final equity.
    common_bars, equity_bars : int
        How many bars both have, and in how many of these equity is another.
    """

    names: tuple[str, str]
    first: Difference | None
    also: tuple[Difference, ...]
    why: tuple[str, ...]
    inputs: tuple[Input, ...]
    data: tuple[DataChange, ...]
    after: dict[str, tuple[float, float]]
    common_bars: int
    equity_bars: int

    def __bool__(self) -> bool:
        return self.first is not None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values: text, numbers, lists and dicts."""
        return {
            "names": list(self.names),
            "same": self.first is None,
            "first": None if self.first is None else dataclasses.asdict(self.first),
            "also": [dataclasses.asdict(one) for one in self.also],
            "why": list(self.why),
            "inputs": [dataclasses.asdict(one) for one in self.inputs],
            "data": [{**dataclasses.asdict(one), "time": time_text(one.time)} for one in self.data],
            "after": {name: list(values) for name, values in self.after.items()},
            "common_bars": self.common_bars,
            "equity_bars": self.equity_bars,
        }

    def __str__(self) -> str:
        lines = [*_head(self), *_why(self), *_inputs(self)]
        return "\n".join(line.rstrip() for line in lines)


def diff(a: Result, b: Result, *, names: tuple[str, str] = ("A", "B"), rtol: float = 0.0) -> Diff:
    """Find the first thing that two runs did differently, and why.

    Parameters
    ----------
    a, b : Result
        Of this process, or loaded. Bars are matched by their times and assets by their symbols, so that runs over
        other periods can be compared.
    names : (str, str)
        What to call them.
    rtol : float
        Numbers no further apart than this fraction of the larger count as equal. 0.0: to the last bit, which is what
        two runs of the same inputs on one machine are (rule 26).

    Returns
    -------
    Diff

    Raises
    ------
    ResultError
        If one of them is no `Result`, or `rtol` is not between 0 and 1.
    """
    from backtester.result import Result

    for which, result in (("first", a), ("second", b)):
        if not isinstance(result, Result):
            raise ResultError(f"diff: the {which} of the two must be a Result, found {type(result).__name__}")
    number = isinstance(rtol, (int, float)) and not isinstance(rtol, bool)
    if not number or not math.isfinite(rtol) or not 0.0 <= rtol < 1.0:
        raise ResultError(f"diff: rtol is {rtol!r}; it must be a fraction, at least 0 and below 1")
    names = (clean(names[0]), clean(names[1]))
    walked = walk(a, b, float(rtol))
    inputs, data = input_changes(a, b), data_changes(a.bars, b.bars, names)
    found = _told(a, b, walked, names)
    why: tuple[str, ...] = ()
    if walked.time is not None:
        why = reasons_why((a, b), names, found, walked.time, inputs, data)
    return Diff(
        names=names,
        first=found[0] if found else None,
        also=found[1:],
        why=why,
        inputs=inputs,
        data=data,
        after=_after(a, b),
        common_bars=walked.common_bars,
        equity_bars=walked.equity_bars,
    )


def _told(a: Result, b: Result, walked: Walk, names: tuple[str, str]) -> tuple[Difference, ...]:
    if walked.time is None:
        return ()
    teller = Teller(a, b, walked, names)
    return tuple(teller.tell(pair) for pair in walked.pairs)


def _after(a: Result, b: Result) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {"bars": (a.bars.n_bars, b.bars.n_bars)}
    for name, label in (("orders", "orders"), ("fills", "fills"), ("flows", "cash_flows")):
        found[label] = (len(getattr(a.tables, name)), len(getattr(b.tables, name)))
    found["final_equity"] = (float(a.tables.equity[-1]), float(b.tables.equity[-1]))
    return found


# --- text ------------------------------------------------------------------------------------------------------------


def _head(found: Diff) -> list[str]:
    a, b = found.names
    if found.first is None:
        same = f"{a} and {b} did the same in the {count_of(found.common_bars, 'bar')} that both have"
        return [f"No difference: {same}. Every order, fill, cash flow, change, record and equity is equal."]
    first = found.first
    lines = [f"First difference: {_place(first, found.names)}, {first.noun}", *_wrapped(first.text)]
    if found.also:
        lines += ["", "In the same bar also"]
        for other in found.also[:_MOST]:
            lines += _wrapped(other.text)
        if len(found.also) > _MOST:
            lines.append(f"  and {len(found.also) - _MOST} more")
    return lines


def _place(first: Difference, names: tuple[str, str]) -> str:
    one, other = first.bars
    if one == other:
        return f"bar {one} ({first.time})"
    bars = [
        f"bar {t} of {name}" if t is not None else f"no bar of {name}"
        for t, name in zip(first.bars, names, strict=True)
    ]
    return f"{', '.join(bars)} ({first.time})"


def _why(found: Diff) -> list[str]:
    if found.first is None:
        return []
    lines = ["", "Why"]
    for sentence in found.why:
        lines += _wrapped(sentence)
    (a, b), after = found.names, found.after
    lines += ["", "Afterwards"]
    lines += _wrapped(
        f"equity differs in {found.equity_bars:,} of {count_of(found.common_bars, 'common bar')}; final equity "
        f"{written(after['final_equity'][0], 'money')} in {a}, {written(after['final_equity'][1], 'money')} in {b}"
    )
    counts = [
        f"{label.replace('_', ' ')} {x:,} and {y:,}" for label, (x, y) in after.items() if label != "final_equity"
    ]
    lines += _wrapped(", ".join(counts))
    return lines


def _inputs(found: Diff) -> list[str]:
    if not found.inputs and not found.data:
        return ["", "Given", "  the same strategy, parameters, settings, seed, data and versions"]
    lines = ["", f"Given differently ({found.names[0]} → {found.names[1]})"]
    texts = [one.text + ("" if one.matters else " (changes nothing that a run does)") for one in found.inputs]
    texts += [f"data: {text}" for text in _data(found.data)]
    for text in texts[:_MOST]:
        lines += _wrapped(text)
    if len(texts) > _MOST:
        lines.append(f"  and {len(texts) - _MOST} more")
    return lines


def _data(changes: tuple[DataChange, ...]) -> list[str]:
    """Return how the data differ: of each symbol, the first of the columns that do, and which others do."""
    by_symbol: dict[str, list[DataChange]] = {}
    firsts = []
    for change in changes:
        if change.symbol not in by_symbol or not change.symbol:
            firsts.append(change)
        by_symbol.setdefault(change.symbol, []).append(change)
    found = []
    for change in firsts:
        others = [other.column for other in by_symbol[change.symbol] if other is not change and other.column]
        found.append(change.text + (f"; also {', '.join(others)}" if others else ""))
    return found


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 118, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
