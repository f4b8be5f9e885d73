"""What functions of bars return, and sets of features, under the look-ahead check: each becomes tracks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError
from backtester.research.lookahead.strategies import copied_value, series_of
from backtester.research.lookahead.subject import Made
from backtester.research.lookahead.tracks import Track
from backtester.signals.features import Features
from backtester.signals.fitting.fitted import FittedModel
from backtester.signals.labels.label import Label
from backtester.signals.signal import Signal

if TYPE_CHECKING:
    from backtester.bars import Bars

_LABEL_ROW = np.dtype([("bar", np.int64), ("asset", np.int64), ("end", np.int64), ("value", np.float64)])
_SEEDED = "give generators and models a seed: the same bars must give the same numbers"


class FunctionSubject:
    """A function of bars, made anew by calling it.

    Parameters
    ----------
    function : callable
        `f(bars)`: returns a Signal, a Label, a fitted model or scaler, arrays with one row per bar, or a mapping of
        those.
    title, sort : str
    known : int or None
        The bar at which what belongs to no bar is known: the last row that a scaler was fitted on.
    """

    remedy = _SEEDED

    def __init__(self, function: Callable[[Bars], Any], title: str, sort: str, known: int | None = None):
        self.function = function
        self.title = title
        self.sort = sort
        self.known = known
        self._trained: dict[str, int] = {}  # when models that it returns have learnt, with the bars as they are

    def trace(self, bars: Bars, world: str, row: int) -> Made:
        """Return what the function makes of the bars."""
        return self.made(self.function(bars), bars)

    def made(self, value: Any, bars: Bars) -> Made:
        """Return a result of the function as tracks."""
        made = Made({})
        name = "" if isinstance(value, Mapping) else self.title
        _add(made, name, value, bars, self.known, self._trained)
        return made

    def decided(self, trace: Any) -> list[int]:
        """Return nothing: a function decides everywhere."""
        return []

    def notes(self) -> list[str]:
        """Nothing is left out."""
        return []


class FeatureSubject(FunctionSubject):
    """A set of features: each column is a track.

    Parameters
    ----------
    features : Features
    """

    def __init__(self, features: Features, title: str):
        super().__init__(lambda bars: None, title, "features")
        self.features = features

    def trace(self, bars: Bars, world: str, row: int) -> Made:
        """Return the columns of the panel."""
        features = self.features._first_rows(row) if world == "deleted" else self.features
        panel = features.compute(bars, workers=1)
        tracks = {}
        for j, column in enumerate(features.names):
            name = f"feature {column}"
            tracks[name] = Track(name, np.ascontiguousarray(panel[:, :, j]), asset="axis")
        return Made(tracks)

    def notes(self) -> list[str]:
        """Return the columns that are arrays from elsewhere."""
        fixed = [
            name for one in self.features.elements for part in one.parts() if part.kind == "external"
            for name in part.columns
        ]  # fmt: skip
        if not fixed:
            return []
        return [
            f"{', '.join(dict.fromkeys(fixed))}: values from elsewhere, which no other bars change; when each was "
            "known is what their source says"
        ]


class FittedSubject(FeatureSubject):
    """A fitted model: its features, and what it says of bars.

    Parameters
    ----------
    model : FittedModel
    """

    def __init__(self, model: FittedModel, title: str):
        super().__init__(model.recipe.features, title)
        self.model = model
        self.sort = "model"

    def trace(self, bars: Bars, world: str, row: int) -> Made:
        """Return the features and the signal."""
        made = super().trace(bars, world, row)
        signal = self.model.predict(bars, in_sample=True)
        made.tracks["signal"] = Track("signal", signal.values, asset="axis", follows=True)
        return made


def _add(made: Made, name: str, value: Any, bars: Bars, known: int | None, trained: dict[str, int]) -> None:
    """Add a value to a trace, as tracks where its rows have bars.

    `trained` holds the bars at which models have learnt, by name, and is added to: where bars are deleted before that,
    a model of fewer rows is another one, and says nothing of this one.
    """
    if isinstance(value, Label):
        made.tracks[name] = label_track(name or "label", value)
    elif isinstance(value, Signal):
        made.tracks[name or "signal"] = Track(name or "signal", value.values, asset="axis")
        if value.probabilities is not None:
            key = f"{name or 'signal'} probabilities"
            made.tracks[key] = Track(key, value.probabilities, asset="axis")
    elif isinstance(value, FittedModel):
        at = trained.setdefault(name, int(np.searchsorted(bars.timestamps, value.trained_until, "right")) - 1)
        learnt = value.learnt
        parts = {"scaler": learnt.scaler, "cleaning": learnt.cleaning, "columns": list(learnt.columns)}
        for part, one in parts.items():
            if one is not None:
                _add_fixed(made, f"{name} {part}".strip(), one, at)
        made.tracks["signal"] = Track("signal", value.predict(bars).values, asset="axis", follows=True)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            _add(made, f"{name}[{key!r}]" if name else str(key), one, bars, known, trained)
    elif (array := series_of(value, bars.n_bars)) is not None:
        made.tracks[name] = Track(name, array, asset="axis" if array.ndim > 1 else None)
    elif known is not None:
        _add_fixed(made, name, value, known)
    else:
        raise SettingsError(
            f"check_lookahead: {name or 'the function'} returned {_said(value, bars)}; it returns a Strategy, an "
            "environment, Features, a Signal, a Label, a FittedModel, an array with one row per bar, or a dict of "
            "those. For what belongs to no bar, such as a fitted scaler, say at which bar it is known: known=…"
        )


def _add_fixed(made: Made, name: str, value: Any, known: int) -> None:
    """Add numbers that are known at one bar: what was fitted on the rows up to it."""
    numbers = _numbers(value)
    if not numbers:
        raise SettingsError(f"check_lookahead: {name} is {type(value).__name__}, in which no numbers were found")
    for part, array in numbers.items():
        key = f"{name}.{part}" if part else name
        rows = np.array(array)[np.newaxis]
        at = np.array([known], np.int64)
        made.tracks[key] = Track(key, rows, at)


def _numbers(value: Any) -> dict[str, np.ndarray]:
    """Return the arrays of numbers in a fitted thing, by name."""
    if isinstance(value, int | float | np.ndarray | np.generic | list | tuple) and not isinstance(value, bool):
        array = np.asarray(value)
        return {"": array} if array.dtype.kind in "fiub" else {}
    names = getattr(value, "__dict__", None) or {
        name: getattr(value, name) for name in getattr(type(value), "__slots__", ()) if hasattr(value, name)
    }
    found = {}
    for name, one in names.items():
        if isinstance(one, int | float | np.ndarray | np.generic) and not isinstance(one, bool):
            array = np.asarray(copied_value(one))
            if array.dtype.kind in "fiub":
                found[name] = array
    return found


def label_track(name: str, label: Label) -> Track:
    """Return the labels there are, in the order in which they become known: at their end."""
    rows, assets = np.nonzero(label.exists)
    table = np.empty(len(rows), _LABEL_ROW)
    table["bar"], table["asset"] = rows, assets
    table["end"], table["value"] = label.end[rows, assets], label.values[rows, assets]
    table = table[np.lexsort((assets, rows, table["end"]))]
    return Track(name, table, table["end"].copy(), table["bar"].copy(), asset="asset")


def _said(value: Any, bars: Bars) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{type(value).__name__} of shape {tuple(shape)}, and there are {bars.n_bars} bars"
    return f"{type(value).__name__}"
