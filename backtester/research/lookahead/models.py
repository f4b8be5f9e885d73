"""Models under the look-ahead check: features, label, what is fitted in each fold, and what is said of its test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.research.lookahead.functions import label_track
from backtester.research.lookahead.subject import Made
from backtester.research.lookahead.tracks import Track
from backtester.signals.checks.label_ends import label_for
from backtester.signals.checks.pipeline import disguised, ended, played
from backtester.signals.fitting.problem import Problem
from backtester.signals.fitting.recipe import Recipe

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.checks.label_ends import LabelSource

_OF_MODELS = 1e-6  # what signals may differ by where bars are deleted: sums of fewer rows round differently


class ModelSubject:
    """A model with its features, label and folds: all that `predict_out_of_sample` takes.

    Parameters
    ----------
    model, features, scheme
        As for `predict_out_of_sample`.
    label : Label, or function of bars
    bars : Bars
    seed : int
    settings : dict
        `clean`, `scaler`, `select`, `search`, `weights`.
    """

    sort = "model"
    remedy = "let the model draw its random numbers from random_state, which is set from the seed"

    def __init__(
        self,
        model: Any,
        features: Any,
        label: LabelSource,
        scheme: Any,
        bars: Bars,
        seed: int,
        settings: dict[str, Any],
    ):
        self.label = label
        self.scheme = scheme
        self.recipe = Recipe.of(model, features, label_for(label, bars), seed, **{"scaler": "standard", **settings})
        self.title = self.recipe.title
        self.problem: Problem | None = None

    def trace(self, bars: Bars, world: str, row: int) -> Made:
        """Return features, labels, what each fold learnt, and the signal."""
        recipe = ended(self.recipe, row) if world == "deleted" else self.recipe
        label = label_for(self.label, bars)
        problem = Problem.of(recipe, label, bars)
        if self.problem is None:
            self.problem = problem
        run = played(problem, self.scheme, bars.n_bars if world == "kept" else row)
        tracks: dict[str, Track] = {}
        for j, column in enumerate(recipe.features.names):
            name = f"feature {column}"
            tracks[name] = Track(name, np.ascontiguousarray(problem.panel[:, :, j]), asset="axis")
        tracks["label"] = label_track("label", label)
        values = np.full(label.values.shape, np.nan)
        for fold, learnt, said in zip(run.folds, run.learnt, run.values, strict=True):
            at = np.array([fold.test[0]], np.int64)  # when it is first used
            for part, scaler in (("scaler", learnt.scaler), ("cleaning", learnt.cleaning)):
                for key, array in _numbers(scaler).items():
                    name = f"fold {fold.number} {part}.{key}"
                    tracks[name] = Track(name, array[np.newaxis], at, rounding=_OF_MODELS)
            values[fold.test] = said
        size = float(np.nanmax(np.abs(values), initial=0.0))
        tracks["signal"] = Track("signal", values, asset="axis", follows=True, rounding=_OF_MODELS if size else 0.0)
        return Made(tracks, begins=int(min((fold.test[0] for fold in run.folds), default=0)))

    def disguised(self) -> tuple[str, float, int, int] | None:
        """Return a feature that is the label, its correlation, over how many samples, and the bar of the first."""
        assert self.problem is not None
        found = disguised(self.problem)
        if found is None:
            return None
        return *found, int(np.argmax(self.problem.learnable.any(axis=1)))

    def decided(self, trace: Any) -> list[int]:
        """Return nothing: a model speaks at every bar."""
        return []

    def notes(self) -> list[str]:
        """Nothing is left out."""
        return []


def _numbers(part: Any) -> dict[str, np.ndarray]:
    """Return the fitted arrays of a scaler or a cleaning, by name."""
    found = {}
    for name, value in (vars(part) if hasattr(part, "__dict__") else {}).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found[name] = value
    return found
