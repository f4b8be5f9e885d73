"""Which samples of a signal are scored: those with a value and a label, of models that were not fitted on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import ModelError
from backtester.signals.scores.measures import Predictions

if TYPE_CHECKING:
    from backtester.signals.labels import Label
    from backtester.signals.signal import Signal

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scored:
    """The samples of a signal that are scored, by row and then by asset.

    Attributes
    ----------
    signal : Signal
    label : Label
    row, asset : ndarray of int64, [n]
    p : Predictions
        Of these samples.
    asked : ndarray of bool, [n_bars, n_assets]
        Where a value was wanted: tested bars with a label.
    n_left_out : int
        Values that are not scored, because the model was fitted on their bars.
    """

    signal: Signal
    label: Label
    row: Ints
    asset: Ints
    p: Predictions
    asked: Bools
    n_left_out: int

    def __len__(self) -> int:
        return len(self.row)

    @property
    def mask(self) -> Bools:
        """Where a sample is scored: bool [n_bars, n_assets]."""
        found = np.zeros(self.asked.shape, np.bool_)
        found[self.row, self.asset] = True
        return found

    @property
    def overlap(self) -> int:
        """How many of the following bars' labels a label shares bars with, at most: 0 where each stands alone."""
        reach = self.label.end[self.row, self.asset] - self.row
        return max(int(reach.max()) - 1, 0)

    @property
    def known_in_time(self) -> bool:
        """Whether the model of every sample was fitted on nothing that closed at or after its bar."""
        until, made = self.signal.trained_until, self.signal.fold[self.row]
        if not len(until):
            return True
        return bool((until[made] < self.signal.timestamps[self.row]).all())

    @cached_property
    def n_effective(self) -> float:
        """Σ of the samples' average uniqueness: how many they are worth, as labels of an asset overlap."""
        from backtester.signals.labels import average_uniqueness

        return float(average_uniqueness(self.label.where(self.mask))[self.row, self.asset].sum())


def scored(signal: Signal, label: Label | None = None, only: Bools | None = None) -> Scored:
    """Return the samples that are scored.

    Parameters
    ----------
    signal : Signal
    label : Label, optional
        Default: what the model learnt.
    only : ndarray of bool, [n_bars, n_assets], optional
        Score these alone.

    Raises
    ------
    ModelError
        If there is no label, it is of other bars, or nothing is out of sample.
    """
    label = _label_of(signal, label)
    tested, fitted = tested_bars(signal), _fitted_on(signal)
    known = np.isfinite(label.values)
    asked = known & (tested & ~fitted)[:, np.newaxis]
    if only is not None:
        asked &= only
    chosen = asked & np.isfinite(signal.values)
    left_out = int((np.isfinite(signal.values) & known & fitted[:, np.newaxis]).sum())
    if not chosen.any():
        why = (
            f"the model was fitted on all bars up to {time_text(int(signal.trained_until[-1]))}, which has "
            f"{left_out:,} of its values behind it; predict later bars"
            if left_out
            else "no bar has both a value and a label"
        )
        raise ModelError(
            f"the signal of {signal.name!r} has nothing to score out of sample against {label.name}: {why}"
        )
    row, asset = np.nonzero(chosen)
    probabilities = signal.probabilities
    if probabilities is not None and label.kind == "class" and tuple(signal.classes) == tuple(label.classes):
        probabilities = probabilities[row, asset]
    else:
        probabilities = None
    p = Predictions(
        signal.values[row, asset],
        label.values[row, asset],
        probabilities,
        tuple(label.classes),
        _baseline(signal, label, row),
    )
    return Scored(signal, label, row, asset, p, asked, left_out)


def tested_bars(signal: Signal) -> Bools:
    """Return which bars a value was wanted at: bool [n_bars]; of a signal without folds those that have one."""
    if not len(signal.trained_until):
        return signal.tested
    found = signal.fold >= 0
    spans = sorted((record.first, record.last) for record in signal.folds)
    if all(after[0] > before[1] for before, after in pairwise(spans)):
        for first, last in spans:
            found[first : last + 1] = True
    return found


def _label_of(signal: Signal, label: Any) -> Label:
    from backtester.signals.labels import Label

    found = signal.label if label is None else label
    if found is None:
        raise ModelError(
            f"the signal of {signal.name!r} does not know what it was to predict; say what to score it against: "
            "metrics(label=forward_return(bars, 5))"
        )
    if not isinstance(found, Label):
        raise ModelError(f"label is {found!r}; it is a Label, such as forward_return(bars, 5)")
    same_times = np.array_equal(found.timestamps, signal.timestamps)
    if not same_times or tuple(found.symbols) != tuple(signal.symbols):
        what = "symbols" if same_times else "times"
        raise ModelError(
            f"{found.name} is of other {what} than the signal of {signal.name!r} ({signal.n_bars:,} bars of "
            f"{signal.n_assets} assets); compute it from the bars that the signal is of: label.of(bars)"
        )
    return found


def _fitted_on(signal: Signal) -> Bools:
    """Return the bars that the model was fitted on, or later ones; a signal of folds has none among its tests."""
    if signal.folds or not len(signal.trained_until):
        return np.zeros(signal.n_bars, np.bool_)
    return (signal.fold >= 0) & (signal.trained_until[np.maximum(signal.fold, 0)] >= signal.timestamps)


def _baseline(signal: Signal, label: Label, row: Ints) -> npt.NDArray[np.float64] | None:
    """Return the mean of the training labels of each sample's fold; None where it is not known."""
    if label is not signal.label or not signal.folds:
        return None
    means = np.array([record.label_mean for record in signal.folds])
    return means[signal.fold[row]] if np.isfinite(means).all() else None
