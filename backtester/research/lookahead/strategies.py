"""Strategies under the look-ahead check: what `prepare` left on self, and what was decided, filled and earned."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.engine.session import Run, prepare_run
from backtester.errors import StrategyError
from backtester.research.lookahead.beforehand import globals_made_beforehand, is_per_bar
from backtester.research.lookahead.futures import WORLDS
from backtester.research.lookahead.tracks import Track
from backtester.result import tables_of
from backtester.strategy import Constant, Strategy

if TYPE_CHECKING:
    from backtester.bars import Bars

#: what a run does, in the order in which one follows from the other: field that says when, and field of the asset
_DONE = {
    "orders": ("submitted", "asset"),
    "changes": ("bar", None),
    "records": ("bar", None),
    "fills": ("bar", "asset"),
    "flows": ("bar", "asset"),
    "actions": ("bar", "asset"),
}


class StrategySubject:
    """A strategy, made anew for every run.

    Parameters
    ----------
    source : Strategy, or function of bars
        A strategy is copied, and `prepare` called on the copy; a function makes one for the bars.
    settings : dict
        Of `run`.
    title : str
    """

    sort = "strategy"
    remedy = "draw random numbers from ctx.random(), or from a generator with a seed that prepare makes"

    def __init__(self, source: Strategy | Callable[[Bars], Strategy], settings: dict[str, Any], title: str):
        self.source = source
        self.settings = {**settings, "progress": False, "close_at_end": False, "benchmark": None}
        self.title = title
        self._said = False
        self._notes: list[str] = []
        self._n_bars = 0  # of the bars as they are

    def trace(self, bars: Bars, world: str, row: int) -> StrategyTrace:
        """Return a run of the strategy, prepared."""
        if world == "kept":
            self._n_bars = bars.n_bars
        strategy = self._made(bars, world, row)
        with warnings.catch_warnings():
            if self._said:
                warnings.simplefilter("ignore")  # it was said at the first run
            return StrategyTrace(_watched(prepare_run(strategy, bars, **self.settings)))

    def decided(self, trace: Any) -> list[int]:
        """Return the bars of orders, changes and records."""
        self._said = True
        done = trace.acted(trace.run.bars.n_bars)
        rows = [done[name].known for name in ("orders", "changes", "records") if name in done]
        return sorted({int(t) for one in rows if one is not None for t in one})

    def notes(self) -> list[str]:
        """Return what cannot be tried of this strategy."""
        found = list(self._notes)
        if not isinstance(self.source, Strategy):
            return found
        for name in globals_made_beforehand(type(self.source), self._n_bars):
            found.append(
                f"{name}, which the code reads and prepare is not given, holds numbers that were made beforehand: what "
                "they knew is not tried; make them in prepare, from its bars"
            )
        for name, value in vars(self.source).items():
            if is_per_bar(value, self._n_bars):
                found.append(
                    f"{name} has a row per bar, numbers that were made beforehand: what they knew when they were made "
                    "is not tried; make them in prepare, from its bars"
                )
            if _is_signal(value):
                found.append(
                    f"{name} is a Signal, numbers that were made beforehand: what they knew when they were made is not "
                    "tried; check a function that makes it: "
                    "check_lookahead(lambda bars: predict_out_of_sample(…), bars)"
                )
        return found

    def _made(self, bars: Bars, world: str, row: int) -> Strategy:
        if not isinstance(self.source, Strategy):
            made = self.source(bars)
            if isinstance(made, type) and issubclass(made, Strategy):
                made = made()
            if not isinstance(made, Strategy):
                raise StrategyError(
                    f"{self.title} returned {type(made).__name__} for other bars, and a Strategy before"
                )
            return made
        made = _copied(self.source)
        for name, value in list(vars(made).items()):
            if world != "kept" and _is_bars(value):
                setattr(made, name, _as_then(value, bars, world, row))
            elif world in ("deleted", "later") and is_per_bar(value, self._n_bars):  # its rows are those of the bars
                setattr(made, name, value[:row] if world == "deleted" else value[row:])
        return made


class StrategyTrace:
    """A prepared run, which goes on as far as it is asked."""

    def __init__(self, run: _Watched):
        self.run = run
        self.tracks = run.tracks
        self.loose = run.loose
        self.begins = int(run.memory["start"])

    def acted(self, n: int) -> dict[str, Track]:
        """Return orders, changes, records, fills, flows, actions and equity before bar n."""
        if n > self.run.n_done:
            self.run.advance(n)
        tables = tables_of(self.run)
        found = {}
        for name, (when, asset) in _DONE.items():
            rows = getattr(tables, name)
            if name == "changes" and len(rows):
                rows = rows[rows["bar"] >= 0]
            known = rows[when].astype(np.int64)
            if name == "orders":
                known = np.maximum.accumulate(known) if len(known) else known
            found[name] = Track(name, rows.copy(), known, asset=asset)
        found["equity"] = Track("equity", tables.equity.copy())
        return found


class _Watched(Run):
    """A run that notes what `prepare` left, before anything else happens."""

    tracks: dict[str, Track]
    loose: dict[str, Any]

    def lay_out(self) -> None:
        """Note the attributes, then lay out the account."""
        self.tracks, self.loose = attributes(self.strategy, self.bars.n_bars)
        super().lay_out()


def _watched(run: Run) -> _Watched:
    watched = _Watched(run.strategy, run.bars, run.settings)
    watched.prepare()
    return watched


def attributes(strategy: Strategy, n_bars: int) -> tuple[dict[str, Track], dict[str, Any]]:
    """Return copies of what lies on a strategy: series with one row per bar as tracks, everything else by name.

    Parameters are left out: they were given, not prepared.
    """
    tracks: dict[str, Track] = {}
    loose: dict[str, Any] = {}
    given = type(strategy).parameter_types()
    for name, value in vars(strategy).items():
        if name in given and not _is_bars(value):
            continue
        label = f"self.{name}"
        array = series_of(value, n_bars)
        if array is not None:
            tracks[label] = Track(label, array, asset="axis" if array.ndim > 1 else None)
        else:
            loose[label] = copied_value(value.value if isinstance(value, Constant) else value)
    return tracks, loose


def series_of(value: Any, n_bars: int) -> npt.NDArray[Any] | None:
    """Return a copy of an array, Series or DataFrame that has one row per bar, or None."""
    if isinstance(value, Constant):
        return None
    if not isinstance(value, np.ndarray):
        if not (hasattr(value, "to_numpy") and hasattr(value, "shape")):
            return None
        value = value.to_numpy()
    if value.ndim == 0 or value.shape[0] != n_bars or value.dtype.hasobject:
        return None
    if value.dtype.kind in "mM":
        value = value.view(np.int64) if value.dtype.itemsize == 8 else value
    return np.array(value, np.float64) if value.dtype.kind == "f" else np.array(value)


def copied_value(value: Any) -> Any:
    """Return a value that later writes do not reach; itself where it cannot be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def same_value(one: Any, other: Any, rtol: float = 0.0) -> bool:
    """Return whether two values that belong to no bar are the same; False where that cannot be told."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        if one.dtype.names is not None or one.dtype.hasobject:
            return one.dtype.names is not None and one.tobytes() == other.tobytes()
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same_value(one[key], other[key], rtol) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same_value(*pair, rtol) for pair in zip(one, other, strict=True))
    if isinstance(one, float):
        return one == other or (one != one and other != other) or abs(one - other) <= rtol * max(abs(one), abs(other))
    try:
        return bool(one == other)
    except Exception:
        return False


def _copied(strategy: Strategy) -> Strategy:
    try:
        return copy.deepcopy(strategy)
    except Exception:
        return copy.copy(strategy)


def _is_bars(value: Any) -> bool:
    from backtester.bars import Bars

    return isinstance(value, Bars)


def _is_signal(value: Any) -> bool:
    return hasattr(value, "trained_until") and hasattr(value, "values") and hasattr(value, "timestamps")


def _as_then(held: Bars, bars: Bars, world: str, row: int) -> Bars:
    """Return bars that a strategy holds as a parameter, such as a history, in the world of the bars that it runs over.

    Rows at the times of those bars are theirs. Others after the moment of the cut are changed in the same manner.
    """
    clock = bars.timestamps
    if world == "deleted" or row >= len(clock):
        cut = int(np.searchsorted(held.timestamps, clock[-1], "right"))
        return held[:cut]
    cut = int(np.searchsorted(held.timestamps, clock[row], "left"))
    changed = WORLDS[world](held, cut, 0) if cut < held.n_bars else held
    shared = np.isin(held.timestamps, clock)
    if held.symbols != bars.symbols or not shared.any() or set(held.extras) != set(bars.extras):
        return changed
    rows = np.searchsorted(clock, held.timestamps[shared])
    columns = {}
    for name in ("open", "high", "low", "close", "volume", *held.extras):
        columns[name] = np.array(changed[name])
        columns[name][shared] = bars[name][rows]
    return held._make(
        held.timestamps,
        [columns[name] for name in ("open", "high", "low", "close", "volume")],
        held.symbols,
        {name: columns[name] for name in held.extras},
        held._sessions,
        held._session_ends,
        held.name,
        held.allow_negative,
    )
