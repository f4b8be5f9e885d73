"""`fit` and `FittedModel`: one model, fitted on one range, that says its signal for any bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import time_text
from backtester.bars.slices import rows as rows_of
from backtester.errors import ModelError
from backtester.signals.fitting.problem import Learnt, Problem
from backtester.signals.fitting.protocol import one_thread
from backtester.signals.fitting.recipe import Recipe
from backtester.signals.signal import Signal

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.cleaning import Cleaning
    from backtester.signals.features import Features
    from backtester.signals.fitting.recipe import ScalerMethod, Weights
    from backtester.signals.fitting.search import Search
    from backtester.signals.fitting.selection import Select
    from backtester.signals.labels import Label


@dataclass(frozen=True, eq=False, repr=False)
class FittedModel:
    """A fitted model with all that belongs to it: features, cleaning, scaler, chosen columns, and where its data ended.

    Attributes
    ----------
    recipe : Recipe
        What was fitted.
    learnt : Learnt
        What came out.
    symbols : tuple of str
        Of the bars it was fitted on.
    trained_from, trained_until : int
        Close, ns UTC, of the first bar and of the last one that is behind it, labels included.
    seed : int
    """

    recipe: Recipe
    learnt: Learnt
    symbols: tuple[str, ...]
    trained_from: int
    trained_until: int
    seed: int

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.recipe.title

    @property
    def columns(self) -> tuple[str, ...]:
        """The features the model gets."""
        return tuple(self.recipe.features.names[j] for j in self.learnt.columns)

    def predict(self, bars: Bars, *, in_sample: bool = False) -> Signal:
        """Return the signal for bars, those it was fitted on left out.

        Parameters
        ----------
        bars : Bars
            Any, of any assets; those before the bars of interest warm the features up.
        in_sample : bool
            Also for bars that close at or before `trained_until`. What it says there is no evidence of anything.

        Returns
        -------
        Signal
            NaN where a feature is missing.

        Raises
        ------
        FeatureError
            If the features cannot be computed.
        ModelError
            If the model returns what no signal is.
        """
        panel = self.recipe.features.compute(bars)
        clock = bars.timestamps
        first = 0 if in_sample else int(np.searchsorted(clock, self.trained_until, "right"))
        values = np.full((bars.n_bars, bars.n_assets), np.nan)
        classes = self.recipe.classes
        probabilities = None
        if first < bars.n_bars:
            with one_thread():
                said, chances, _ = self.learnt.speak(panel, slice(first, bars.n_bars), classes)
            values[first:] = said
            if chances is not None:
                probabilities = np.full((*values.shape, len(classes)), np.nan)
                probabilities[first:] = chances
        return Signal(
            values=values,
            timestamps=np.array(clock),
            symbols=tuple(bars.symbols),
            name=self.name,
            fold=np.where(np.isfinite(values).any(axis=1), 0, -1).astype(np.int32),
            trained_until=np.array([self.trained_until], np.int64),
            probabilities=probabilities,
            classes=classes,
            trials=1 + len(self.learnt.tried),
        )

    def described(self) -> str:
        """Return the model in one line, which stands for it in the manifest of a run."""
        return f"{self.name}, {self.recipe.label_name}, fitted until {time_text(self.trained_until)}"

    def about(self) -> dict[str, Any]:
        """Return what the manifest of a run that trades it keeps, as plain values."""
        return {
            "name": self.name,
            "label": self.recipe.label_name,
            "features": self.recipe.features.digest,
            "columns": list(self.columns),
            "trained_until": time_text(self.trained_until),
            "seed": self.seed,
        }

    def __repr__(self) -> str:
        return (
            f"FittedModel({self.name!r}, {len(self.columns)} features, {self.recipe.label_name}, "
            f"{self.learnt.n_samples:,} samples until {time_text(self.trained_until)})"
        )


def fit(
    model: Any,
    features: Features | Any,
    label: Label,
    bars: Bars,
    *,
    rows: Any = None,
    clean: Cleaning | None = None,
    scaler: ScalerMethod | None = "standard",
    select: Select | None = None,
    search: Search | None = None,
    weights: Weights | None = None,
    seed: int = 0,
) -> FittedModel:
    """Fit a model on a range of bars.

    Parameters
    ----------
    model : object or str
        Anything with scikit-learn's `fit` and `predict` or `predict_proba`, or the name of a plug-in (`"ridge"`). It is
        copied and stays as it is.
    features : Features or list
    label : Label
        Of these bars.
    bars : Bars
    rows : slice, date or text, optional
        The bars to learn from, as `bars[rows]` would take them, such as `slice(None, "2015")`; default all. Bars before
        them warm the features up. No label is used that reads a bar behind them.
    clean : Cleaning, optional
    scaler : {"standard", "robust"} or None
    select : Select, optional
    search : Search, optional
    weights : {"uniqueness", "return"} or None
        Sample weights, see `backtester.signals.labels`.
    seed : int
        Sets each `random_state` of the model that is None, and what selection and search draw.

    Returns
    -------
    FittedModel

    Raises
    ------
    ModelError
        If the model is none, does not learn such a label, fails, or there are too few samples.
    FeatureError
        If a feature breaks a rule, or is constant on the training samples.
    """
    recipe = Recipe.of(
        model, features, label, seed, clean=clean, scaler=scaler, select=select, search=search, weights=weights
    )
    problem = Problem.of(recipe, label, bars)
    chosen = slice(0, bars.n_bars) if rows is None else rows_of(bars, rows)
    mask = np.zeros(label.values.shape, np.bool_)
    mask[chosen] = label.end[chosen] < chosen.stop
    if not (mask & problem.learnable).any():
        raise ModelError(f"fit: no sample in the bars {chosen.start} to {chosen.stop - 1} has features and a label")
    learnt = problem.fit(mask, seed, f"fit of {recipe.title}")
    first = int(np.argmax((mask & problem.learnable).any(axis=1)))
    return FittedModel(
        recipe=recipe,
        learnt=learnt,
        symbols=tuple(bars.symbols),
        trained_from=int(bars.timestamps[first]),
        trained_until=int(bars.timestamps[learnt.last_row]),
        seed=seed,
    )
