"""`Signal`: what a model says at each bar and asset, and what was known when it said so."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import ModelError

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import plotly.graph_objects as go

    from backtester.bars import Bars
    from backtester.report.sections import Section
    from backtester.signals.labels import Label
    from backtester.signals.scores import ModelMetrics

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoldRecord:
    """How one fold was made.

    Attributes
    ----------
    number : int
    first, last : int
        Its first and last test bar, as rows of the signal.
    n_train : int
        Samples it learnt from.
    trained_until : int
        Close, ns UTC, of the last bar that is behind it, labels included.
    columns : tuple of str
        The features the model got.
    settings : dict
        What a search chose.
    tried : tuple of (dict, float)
        All settings that were tried, each with its score on the inner tests.
    seconds : float
        What fitting and predicting took; no part of what is reproducible.
    trained_from : int
        Close, ns UTC, of the first bar it learnt from.
    label_mean : float
        Mean of the labels it learnt, what one would say without a model; NaN where it is not known.
    importance : dict of str to float
        Of each of `columns`, by how much the loss on the test grows when it is shuffled; empty where that was not asked
        for. See `backtester.signals.explanation`.
    """

    number: int
    first: int
    last: int
    n_train: int
    trained_until: int
    columns: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    tried: tuple[tuple[dict[str, Any], float], ...] = ()
    seconds: float = 0.0
    trained_from: int = 0
    label_mean: float = math.nan
    importance: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Signal:
    """A model's output, known at the close of each bar; unitless.

    Attributes
    ----------
    values : ndarray of float64, [n_bars, n_assets]
        Read-only. Of a regressor its prediction, of a classifier the expected class, Σ class·probability. NaN where
        there is none: before the first test, where a feature is missing, where an asset has no bar.
    timestamps : ndarray of int64, [n_bars]
        Closes, ns UTC.
    symbols : tuple of str
    name : str
        Of the model.
    fold : ndarray of int32, [n_bars]
        Which fold made the bar's values, −1 where none did.
    trained_until : ndarray of int64, [n_folds]
        Close, ns UTC, of the last bar whose data, labels included, is behind each fold's model.
    probabilities : ndarray of float64, [n_bars, n_assets, n_classes], or None
        Of each class, where the model is a classifier.
    classes : tuple of int
        Empty for labels of returns.
    label : Label or None
        What the model learnt, for the same bars; None where it is not known.
    folds : tuple of FoldRecord
    trials : int
        Fits that were tried to make it, those of searches included.
    paths : tuple of Signal
        Of combinatorial cross-validation: one for each path; `values` is their mean. Else empty.
    """

    values: Floats
    timestamps: npt.NDArray[np.int64]
    symbols: tuple[str, ...]
    name: str
    fold: npt.NDArray[np.int32]
    trained_until: npt.NDArray[np.int64]
    probabilities: Floats | None = None
    classes: tuple[int, ...] = ()
    label: Label | None = None
    folds: tuple[FoldRecord, ...] = ()
    trials: int = 0
    paths: tuple[Signal, ...] = ()

    def __post_init__(self) -> None:
        n_bars, n_assets = len(self.timestamps), len(self.symbols)
        wanted = {"values": (n_bars, n_assets), "fold": (n_bars,)}
        if self.probabilities is not None:
            wanted["probabilities"] = (n_bars, n_assets, len(self.classes))
        for name, shape in wanted.items():
            found = getattr(self, name)
            if found.shape != shape:
                raise ModelError(f"Signal {self.name!r}: {name} has the shape {found.shape}, and it must be {shape}")
        if self.fold.max(initial=-1) >= len(self.trained_until):
            raise ModelError(
                f"Signal {self.name!r}: fold {self.fold.max()} is not among {len(self.trained_until)} in trained_until"
            )
        infinite = np.isinf(self.values)
        if infinite.any():
            t, a = np.argwhere(infinite)[0]
            where = f"{self.symbols[a]} at {time_text(int(self.timestamps[t]))}"
            raise ModelError(
                f"Signal {self.name!r}: {self.values[t, a]} for {where}; a signal is finite, or NaN where there is none"
            )
        for name in ("values", "timestamps", "fold", "trained_until", "probabilities"):
            array = getattr(self, name)
            if array is not None:
                array.flags.writeable = False

    @classmethod
    def of(cls, values: npt.ArrayLike, bars: Any, name: str = "signal") -> Signal:
        """Return numbers of your own as a signal; that they were known at each close is your word.

        Parameters
        ----------
        values : array_like, [n_bars, n_assets] or [n_bars]
            NaN where there is none.
        bars : Bars
        name : str

        Raises
        ------
        ModelError
            If the shape is another, or a value infinite.
        """
        array = np.array(values, np.float64)
        if array.ndim == 1:
            array = np.repeat(array[:, np.newaxis], bars.n_assets, axis=1)
        return cls(
            values=array,
            timestamps=np.array(bars.timestamps),
            symbols=tuple(bars.symbols),
            name=name,
            fold=np.full(len(array), -1, np.int32),
            trained_until=np.empty(0, np.int64),
        )

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.timestamps)

    @property
    def n_assets(self) -> int:
        """Number of assets."""
        return len(self.symbols)

    @property
    def tested(self) -> npt.NDArray[np.bool_]:
        """Which bars have a value of some asset: bool, [n_bars]."""
        return np.asarray(np.isfinite(self.values).any(axis=1))

    @property
    def known_in_time(self) -> bool:
        """Whether every value came from a model fitted on nothing that closed at or after the value's bar."""
        made = self.fold >= 0
        if not made.any():
            return True
        return bool((self.trained_until[self.fold[made]] < self.timestamps[made]).all())

    def metrics(
        self, label: Label | None = None, *, bars: Bars | None = None, period: str | None = None
    ) -> ModelMetrics:
        """Return how well the signal agrees with what happened, on rows its models were not fitted on.

        Parameters
        ----------
        label : Label, optional
            What to score against; default what the model learnt.
        bars : Bars, optional
            Those the signal is of: with them also by regime of volatility.
        period : {"bar", "day", "month", "quarter", "year"}, optional
            Of the information coefficient over time; see `backtester.signals.scores.information.ic_over_time`.

        Raises
        ------
        ModelError
            If there is no label, it or the bars are others than the signal's, or nothing is out of sample.
        SettingsError
            If the period is none of these.
        """
        from backtester.signals.scores import metrics_of

        return metrics_of(self, label, bars=bars, period=period)

    def plot(self, kind: str = "predicted_actual", **options: Any) -> go.Figure:
        """Return a Plotly figure of the signal.

        Parameters
        ----------
        kind : {"predicted_actual", "calibration", "ic", "importance", "signal"}
            What happened against what was said; how often a class happened against its probability; the information
            coefficient over time; what the models look at, fold by fold; the values themselves.
        **options
            Those of the function of `backtester.signals.scores.plots` that draws it, such as `label`.

        Raises
        ------
        SettingsError
            If there is no plot of that name.
        ModelError
            If the signal does not hold what it shows.
        """
        from backtester.signals.scores.plots import plot

        return plot(self, kind, **options)

    @property
    def report_title(self) -> str:
        """What its page is called."""
        return self.name if self.label is None else f"{self.name} on {self.label.name}"

    def report_sections(self) -> list[Section]:
        """Return the parts of its page: scores, calibration, information coefficient, importance, the signal itself."""
        from backtester.signals.scores.sections import sections_of

        return sections_of(self)

    def report(self, path: str | PathLike[str]) -> None:
        """Write one self-contained HTML page to `path`; see `backtester.report.write_report`."""
        from backtester.report import write_report

        write_report(self, path)

    @property
    def digest(self) -> str:
        """SHA-256 of values, folds, times and symbols, 64 hex digits."""
        found = hashlib.sha256("\n".join(self.symbols).encode())
        for array in (self.timestamps, self.values, self.fold, self.trained_until):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def described(self) -> str:
        """Return name and digest in one line, which stands for the signal in the manifest of a run."""
        return f"{self.name}, signal {self.digest[:12]}"

    def about(self) -> dict[str, Any]:
        """Return what the manifest of a run that trades it keeps, as plain values."""
        return {
            "name": self.name,
            "digest": self.digest,
            "label": None if self.label is None else self.label.name,
            "folds": len(self.trained_until),
            "trained_until": time_text(int(self.trained_until.max())) if len(self.trained_until) else None,
            "known_in_time": self.known_in_time,
            "trials": self.trials,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the values as a DataFrame: closes in UTC by symbols."""
        import pandas as pd

        index = pd.DatetimeIndex(self.timestamps.astype("M8[ns]"), tz="UTC", name="time")
        return pd.DataFrame(self.values, index=index, columns=list(self.symbols))

    def to_parquet(self, directory: str | PathLike[str]) -> None:
        """Write the signal to a directory, in full or not at all: Parquet files beside a manifest with their hashes.

        Parameters
        ----------
        directory : path
            New, empty, or an earlier signal, which is replaced.

        Raises
        ------
        ModelError
            If the directory holds anything else, or cannot be written; what was there is still there.
        """
        from backtester.signals.stored import save

        save(self, directory)

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> Signal:
        """Return the signal that `to_parquet` wrote, bit for bit, with its folds and its label.

        Parameters
        ----------
        directory : path

        Raises
        ------
        ModelError
            If there is no signal, or a file of it is missing, altered, or something else.
        """
        from backtester.signals.stored import load

        return load(directory)

    def _repr_html_(self) -> str:
        from backtester.signals.card import html_of

        return html_of(self)

    def __repr__(self) -> str:
        tested = np.flatnonzero(self.tested)
        assets = f"{self.n_assets:,} asset{'s' * (self.n_assets != 1)}"
        if not tested.size:
            return f"Signal({self.name!r}, {assets}, no value)"
        first, last = (time_text(int(self.timestamps[t])) for t in (tested[0], tested[-1]))
        folds = f", {len(self.trained_until)} folds" if len(self.trained_until) else ""
        late = "" if self.known_in_time else ", TRAINED ON THE FUTURE of its tests"
        return f"Signal({self.name!r}, {assets}, {len(tested):,} bars from {first} to {last}{folds}{late})"
