"""`Label`: what a model learns for each bar and asset, with the last row it reads, which is what purging goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import LabelError, did_you_mean
from backtester.signals.labels.scan import FINE, INFINITE, WRONG_END, first_wrong

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KINDS = ("return", "class")


@dataclass(frozen=True, eq=False, repr=False)
class Label:
    """What a model learns.

    Make one with a function of labels, such as `forward_return(bars, 5)`, or from numbers of your own with
    `Label.from_arrays`. A label at row t reads bars after t: it must never be a feature, and a sample may only train
    where all rows up to `end` are known.

    Attributes
    ----------
    values : ndarray of float64, shape (n_bars, n_assets)
        What a model learns for bar t; NaN where there is none: where the asset has no bar, and where what the label
        reads lies outside the data.
    end : ndarray of int64, shape (n_bars, n_assets)
        The row of the last bar that `values[t, a]` reads, t or later; −1 where it is NaN. Nothing after it changes the
        value.
    kind : {"return", "class"}
        A number, or a class: −1, 0 and 1, or 0 and 1.
    name : str
        The call that makes it: `"forward_return(5)"`.
    spec : dict
        The call as values that JSON can hold: `{"label": "forward_return", "settings": {…}}`, and the names of `arrays`
        where there are any.
    timestamps : ndarray of int64, shape (n_bars,)
        The close of each bar, ns UTC.
    symbols : tuple of str
        One per column.
    returns : ndarray of float64, shape (n_bars, n_assets), or None
        What a unit of money made from the entry to the end of the label, as a fraction: 0.02 is 2 %. Of a long
        position, if the label has no side. NaN where there is no label.
    arrays : mapping of str to ndarray of float64, shape (n_bars, n_assets)
        What the label was made with beside bars and settings, such as the side.

    Raises
    ------
    LabelError
        If shapes do not fit, a value is infinite or no class, or an end lies before its row or outside the data.
    """

    values: Floats
    end: Ints
    kind: str
    name: str
    spec: dict[str, Any]
    timestamps: Ints
    symbols: tuple[str, ...]
    returns: Floats | None = None
    arrays: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "symbols", tuple(self.symbols))
        put(self, "arrays", dict(self.arrays))
        shape = (len(self.timestamps), len(self.symbols))
        floats: dict[str, Any] = {"values": self.values, "returns": self.returns, **self.arrays}
        for name, array in {**floats, "end": self.end}.items():
            if array is not None and np.shape(array) != shape:
                raise LabelError(
                    f"label {self.name!r}: {name} has shape {np.shape(array)}, and there are {shape[0]} bars of "
                    f"{shape[1]} assets"
                )
        if self.kind not in KINDS:
            raise LabelError(
                f"label {self.name!r}: kind is {self.kind!r}{did_you_mean(str(self.kind), KINDS)}; {KINDS}"
            )
        put(self, "values", _frozen(self.values, np.float64))
        put(self, "end", _frozen(self.end, np.int64))
        put(self, "timestamps", _frozen(self.timestamps, np.int64))
        if self.returns is not None:
            put(self, "returns", _frozen(self.returns, np.float64))
        put(self, "arrays", {name: _frozen(array, np.float64) for name, array in self.arrays.items()})
        self._check()

    def _check(self) -> None:
        """Look for values and ends that no label has."""
        what, t, a = first_wrong(self.values, self.end, self.kind == "class")
        if what == FINE:
            return
        where = f"{self.symbols[a]} at bar {t} ({time_text(int(self.timestamps[t]))})"
        value, end = float(self.values[t, a]), int(self.end[t, a])
        if what == WRONG_END:
            raise LabelError(
                f"label {self.name!r}: the end of the value {value} of {where} is row {end}; it is the last row that "
                f"the value reads, {t} to {len(self.timestamps) - 1}, and −1 where the value is NaN"
            )
        rule = "a label is finite, or NaN where there is none" if what == INFINITE else "classes are −1, 0 and 1"
        raise LabelError(f"label {self.name!r}: the value of {where} is {value}; {rule}")

    # ---------------------------------------------------------------- samples

    @property
    def start(self) -> Ints:
        """The row of each value, shape (n_bars, n_assets), read-only; with `end` it is what schemes split by."""
        rows = np.arange(len(self.timestamps), dtype=np.int64)[:, np.newaxis]
        return np.broadcast_to(rows, self.values.shape)

    @property
    def exists(self) -> npt.NDArray[np.bool_]:
        """Where there is a label, shape (n_bars, n_assets)."""
        return ~np.isnan(self.values)

    @property
    def classes(self) -> tuple[float, ...]:
        """The classes that occur, increasing; empty for kind "return"."""
        if self.kind != "class":
            return ()
        return tuple(np.unique(self.values[self.exists]).tolist())

    def spans(self) -> Ints:
        """Return first and last row of each label there is: int64 [n_samples, 2].

        In the order of `numpy.argwhere(label.exists)`: by row, then by asset. It is `groups` for scikit-learn.
        """
        rows, assets = np.nonzero(self.exists)
        return np.stack((rows.astype(np.int64), self.end[rows, assets]), axis=1)

    def where(self, mask: npt.NDArray[np.bool_]) -> Label:
        """Return the label with nothing outside a mask, [n_bars, n_assets]: as if only these samples were known."""
        values, end = np.where(mask, self.values, np.nan), np.where(mask, self.end, -1)
        returns = None if self.returns is None else np.where(mask, self.returns, np.nan)
        return replace(self, values=values, end=end, returns=returns)

    # ---------------------------------------------------------------- again, for other bars

    def of(self, bars: Bars) -> Label:
        """Return the label of the same declaration for other bars.

        Parameters
        ----------
        bars : Bars
            Where the label was made with arrays, these must be rows and symbols of the bars it was made for.

        Raises
        ------
        LabelError
            If an array has no value for a bar or a symbol, or the label was made of arrays alone.
        """
        return Label.from_spec(self.spec, bars, **{name: self._part(name, bars) for name in self.arrays})

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any], bars: Bars, **arrays: npt.ArrayLike) -> Label:
        """Return the label that a specification describes, for some bars.

        Parameters
        ----------
        spec : mapping
            `label.spec`, by way of JSON or not.
        bars : Bars
        **arrays : array_like, shape (n_bars, n_assets)
            Those that the specification names, such as `side`.

        Raises
        ------
        LabelError
            If it is no specification, or an array is missing or not asked for.
        SettingsError
            If a setting is out of range.
        """
        from backtester.signals.labels.rebuild import rebuild

        return rebuild(spec, bars, arrays)

    @classmethod
    def from_arrays(
        cls, bars: Bars, values: npt.ArrayLike, end: npt.ArrayLike, *, name: str, kind: str = "return"
    ) -> Label:
        """Return a label of numbers of your own.

        Parameters
        ----------
        bars : Bars
        values : array_like of float, shape (n_bars, n_assets)
            NaN where there is no label.
        end : array_like of int, shape (n_bars, n_assets) or (n_bars, 1)
            The row of the last bar that each value was made from. What is said here is what purging goes by: an end
            too early is a leak. It is not read where the value is NaN.
        name : str
        kind : {"return", "class"}
            Numbers, or classes −1, 0 and 1.

        Raises
        ------
        LabelError
            As for `Label`, or if `end` holds no integers.
        """
        labels = np.asarray(values, dtype=np.float64)
        ends = np.asarray(end)
        if ends.dtype.kind not in "iu":
            raise LabelError(f"label {name!r}: end is {ends.dtype}; it is rows of bars, integers")
        if labels.ndim == 2 and ends.shape == (labels.shape[0], 1):
            ends = np.broadcast_to(ends, labels.shape)
        if ends.shape == labels.shape:
            ends = np.where(np.isnan(labels), -1, ends)
        spec = {"label": "from_arrays", "settings": {"name": name, "kind": kind}}
        return cls(labels, ends, kind, name, spec, bars.timestamps, bars.symbols)

    def _part(self, name: str, bars: Bars) -> Floats:
        """Return the rows and columns of an array for other bars, found by their closes and symbols."""
        missing = [symbol for symbol in bars.symbols if symbol not in self.symbols]
        at = np.minimum(np.searchsorted(self.timestamps, bars.timestamps), len(self.timestamps) - 1)
        strange = np.flatnonzero(self.timestamps[at] != bars.timestamps)
        if missing or strange.size:
            where = missing[0] if missing else f"bar {strange[0]} ({time_text(int(bars.timestamps[strange[0]]))})"
            raise LabelError(
                f"label {self.name!r}: its array {name!r} has no values for {where}; make the label anew, or "
                f"Label.from_spec(label.spec, bars, {name}=…)"
            )
        columns = [self.symbols.index(symbol) for symbol in bars.symbols]
        return self.arrays[name][at][:, columns]

    def __repr__(self) -> str:
        n_bars, n_assets = self.values.shape
        return f"<Label {self.name}: {int(self.exists.sum()):,} values of {n_bars:,} bars × {n_assets}, {self.kind}>"


def _frozen(array: npt.ArrayLike, dtype: Any) -> Any:
    """Return a read-only C-contiguous array; memory that somebody else may write is copied."""
    found = np.ascontiguousarray(array, dtype=dtype)
    if found.flags.writeable and (found is array or found.base is not None):
        found = found.copy()
    found.flags.writeable = False
    return found
