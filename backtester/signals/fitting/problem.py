"""A problem: the data of a fit, shared by all folds, and one fit on a part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, ModelError
from backtester.signals.fitting.protocol import fresh, is_classifier, lookback_of, one_thread, speak, teach
from backtester.signals.fitting.recipe import Recipe
from backtester.signals.fitting.samples import Samples, whole, windows
from backtester.signals.fitting.search import Settings, best_of
from backtester.signals.scaler import Scaler
from backtester.signals.scores.measures import Predictions, measure_named

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.cleaning import FittedCleaning
    from backtester.signals.labels import Label

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

QUANTILES = np.linspace(0.0, 1.0, 101)
_SUMMARY_ROWS = 20_000  # samples behind the quantiles of a training range
_FEWEST = 10  # samples that a model is fitted on


@dataclass(frozen=True, eq=False)
class Learnt:
    """What one fit made: the model, and what is done to a panel before the model sees it.

    Attributes
    ----------
    model : object
        Fitted.
    scaler : Scaler or None
    cleaning : FittedCleaning or None
    columns : ndarray of int64
        The features the model gets, increasing.
    settings : dict
        Those that a search chose; empty without one.
    tried : tuple of (dict, float)
        All settings of the search with their scores on the inner tests.
    n_samples : int
    last_row : int
        The last bar that is behind the fit, labels included.
    quantiles : ndarray of float64, [n_features, 101]
        Of the training samples before anything was done to them, from 0 to 1 by hundredths.
    """

    model: Any
    scaler: Scaler | None
    cleaning: FittedCleaning | None
    columns: npt.NDArray[np.int64]
    settings: dict[str, Any]
    tried: tuple[tuple[dict[str, Any], float], ...]
    n_samples: int
    last_row: int
    quantiles: Floats

    def inputs(self, panel: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a panel [n_bars, n_assets, n_features] as the model sees it: cleaned, scaled, columns chosen."""
        if self.cleaning is not None:
            panel = self.cleaning.apply(panel)
        if self.scaler is not None:
            panel = self.scaler.transform(panel)
        return panel if len(self.columns) == panel.shape[-1] else panel[..., self.columns]

    def speak(
        self, panel: npt.NDArray[Any], rows: slice, classes: tuple[int, ...]
    ) -> tuple[Floats, Floats | None, Bools]:
        """Return what the model says at the rows of a panel.

        Parameters
        ----------
        panel : ndarray of float64, [n_bars, n_assets, n_features]
        rows : slice
            With start and stop.
        classes : tuple of int

        Returns
        -------
        values : ndarray of float64, [n_rows, n_assets]
            NaN where a feature is missing.
        probabilities : ndarray of float64, [n_rows, n_assets, n_classes], or None
        spoken : ndarray of bool, [n_rows, n_assets]
        """
        lookback = lookback_of(self.model)
        begin = max(0, rows.start - max(lookback - 1, 0))
        block = panel[begin : rows.stop]
        spoken = whole(block, lookback)
        spoken[: rows.start - begin] = False
        row, asset = np.nonzero(spoken)
        shape = block.shape[:2]
        values = np.full(shape, np.nan)
        probabilities = None
        if len(row):
            x = _seen(self.inputs(block), row, asset, lookback)
            said, chances = speak(self.model, x, classes)
            values[row, asset] = said
            if chances is not None:
                probabilities = np.full((*shape, len(classes)), np.nan)
                probabilities[row, asset] = chances
        at = slice(rows.start - begin, None)
        return values[at], None if probabilities is None else probabilities[at], spoken[at]

    def samples_at(
        self, panel: npt.NDArray[Any], rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return row and asset of what the model can speak about at some rows of a panel, which increase."""
        lookback = lookback_of(self.model)
        low = max(0, int(rows[0]) - max(lookback - 1, 0))
        spoken = whole(panel[low : int(rows[-1]) + 1], lookback)
        at, asset = np.nonzero(spoken[rows - low])
        return rows[at], asset

    def seen(
        self, panel: npt.NDArray[Any], row: npt.NDArray[np.int64], asset: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """Return X of some samples of a panel, one at least, in their order."""
        lookback = lookback_of(self.model)
        low = max(0, int(row.min()) - max(lookback - 1, 0))
        return _seen(self.inputs(panel[low : int(row.max()) + 1]), row - low, asset, lookback)


@dataclass(frozen=True, eq=False)
class Problem:
    """A panel of features with its label, and the recipe of what is to be fitted on it.

    Attributes
    ----------
    recipe : Recipe
    bars : Bars
    panel : ndarray of float64, [n_bars, n_assets, n_features]
    label : Label
    learnable : ndarray of bool, [n_bars, n_assets]
        Where there is a label, and every feature over the lookback.
    first : int
        The first bar at which anything can be learnt or said.
    """

    recipe: Recipe
    bars: Bars
    panel: Floats
    label: Label
    learnable: Bools
    first: int

    @classmethod
    def of(cls, recipe: Recipe, label: Label, bars: Bars) -> Problem:
        """Compute the features of the bars, and see which samples there are.

        Raises
        ------
        ModelError
            If the label is of other bars, or nothing can be learnt.
        """
        if label.values.shape != (bars.n_bars, bars.n_assets) or not np.array_equal(label.timestamps, bars.timestamps):
            raise ModelError(
                f"{label.name} is of other bars: it is {label.values.shape}, and the bars are "
                f"{(bars.n_bars, bars.n_assets)} or have other times; compute it from the bars you pass: label.of(bars)"
            )
        panel = recipe.features.compute(bars)
        speakable = whole(panel, lookback_of(recipe.model))
        learnable = speakable & np.isfinite(label.values)
        if not learnable.any():
            recipe.features.warmup(panel)  # says which feature is never finite
            raise ModelError(
                f"{recipe.title}: no bar of {bars.n_bars:,} has all features over the lookback and a label; give more "
                "bars, or shorter windows"
            )
        panel.flags.writeable = learnable.flags.writeable = False  # so that processes can share them
        return cls(recipe, bars, panel, label, learnable, int(np.argmax(speakable.any(axis=1))))

    def fit(self, mask: Bools, seed: int, where: str) -> Learnt:
        """Fit the recipe on the samples of a mask, its search included.

        Parameters
        ----------
        mask : ndarray of bool, [n_bars, n_assets]
            Samples to learn from; those that cannot be learnt from are left out.
        seed : int
        where : str
            For messages: which fold.

        Raises
        ------
        ModelError
            If there are too few samples, one class alone, or the model fails.
        FeatureError
            If a feature is constant on the training samples and nothing selects features.
        """
        with one_thread():
            settings, tried = self._searched(mask, seed, where)
            learnt = self._fit_once(mask, settings, seed, where)
        return replace(learnt, settings=settings, tried=tuple(tried))

    def _searched(self, mask: Bools, seed: int, where: str) -> tuple[Settings, list[tuple[Settings, float]]]:
        search = self.recipe.search
        if search is None:
            return {}, []
        has_chances = bool(self.recipe.classes) and callable(getattr(self.recipe.model, "predict_proba", None))
        measure = measure_named(search.metric or ("log_loss" if has_chances else "rank_ic"))
        parts = list(self._inner_folds(mask, search.inner, where))

        def score(settings: dict[str, Any]) -> float:
            said, happened, chances = [], [], []
            for train, test in parts:
                learnt = self._fit_once(train, settings, seed, f"{where}, inner fold")
                values, probabilities, spoken = self._test(learnt, test)
                said.append(values[spoken])
                happened.append(self.label.values[test][spoken])
                if probabilities is not None:
                    chances.append(probabilities[spoken])
            pooled = np.concatenate(chances) if chances else None
            return measure.function(
                Predictions(np.concatenate(said), np.concatenate(happened), pooled, self.recipe.classes)
            )

        tried = search.run(score, measure.larger_is_better, seed)
        best = best_of(tried, measure.larger_is_better)
        if best is None:
            raise ModelError(
                f"{where}: {measure.name} is NaN for all {len(tried)} settings tried, so that none is the best; the "
                "predictions may be constant"
            )
        return best, tried

    def _inner_folds(self, mask: Bools, inner: Any, where: str) -> Any:
        from backtester.signals.splits import PurgedKFold

        scheme = PurgedKFold(3) if inner is None else inner
        usable = mask & self.learnable
        rows = np.flatnonzero(usable.any(axis=1))
        if len(rows) < _FEWEST:
            raise ModelError(f"{where}: {len(rows)} bars to learn from are too few to search settings on")
        low, high = int(rows[0]), int(rows[-1]) + 1
        end = np.where(usable[low:high], self.label.end[low:high], -1)
        for fold in scheme.folds(self.label.start[low:high], end, int(end.max()) + 1):
            train = np.zeros(mask.shape, np.bool_)
            train[low:high] = fold.train & usable[low:high]
            test = fold.test[fold.test < high]
            if len(test := test[usable[test].any(axis=1)]):
                yield train, test

    def _test(self, learnt: Learnt, test: npt.NDArray[np.int64]) -> tuple[Floats, Floats | None, Bools]:
        """Return what `speak` says at chosen rows, where there is a label too."""
        rows = slice(int(test[0]), int(test[-1]) + 1)
        values, probabilities, spoken = learnt.speak(self.panel, rows, self.recipe.classes)
        at = test - rows.start
        return (
            values[at],
            None if probabilities is None else probabilities[at],
            spoken[at] & np.isfinite(self.label.values[test]),
        )

    def _fit_once(self, mask: Bools, settings: dict[str, Any], seed: int, where: str) -> Learnt:
        recipe = self.recipe
        model = fresh(recipe.model, seed, settings)
        lookback = lookback_of(model)
        usable = mask & self.learnable
        row, asset = np.nonzero(usable)
        if len(row) < _FEWEST:
            raise ModelError(
                f"{where}: {len(row)} samples are left to learn from, and {_FEWEST} are the fewest; give it a longer "
                "training range, or a label that looks less far ahead"
            )
        end, y = self.label.end[row, asset], self.label.values[row, asset]
        samples = Samples(row, asset, end, y)
        self._check_classes(y, where)
        raw = self.panel[row, asset]
        quantiles = _quantiles(raw)
        self._check_constant(raw, where)
        cleaning = None if recipe.clean is None else recipe.clean.fit(raw, names=recipe.features.names)
        if cleaning is not None:
            raw = cleaning.apply(raw)
        scaler = None
        if recipe.scaler is not None:
            scaler = Scaler.fit(raw, rows=slice(None), names=recipe.features.names, method=recipe.scaler)
        learnt = Learnt(
            model=model,
            scaler=scaler,
            cleaning=cleaning,
            columns=np.arange(self.panel.shape[2]),
            settings={},
            tried=(),
            n_samples=len(row),
            last_row=int(end.max()),
            quantiles=quantiles,
        )
        x = self._training_inputs(learnt, raw, samples, lookback)
        del raw  # as large as what the model is given
        if recipe.select is not None:
            columns = recipe.select.choose(x, y, samples, model, recipe.classes, seed)
            learnt = replace(learnt, columns=columns)
            x = np.ascontiguousarray(x[..., columns])
        weight = self._weights(usable, row, asset)
        return replace(learnt, model=_taught(model, x, y, weight, samples, where))

    def _training_inputs(self, learnt: Learnt, cleaned: Floats, samples: Samples, lookback: int) -> npt.NDArray[Any]:
        if not lookback:
            x = cleaned if learnt.scaler is None else learnt.scaler.transform(cleaned)
            return np.asarray(x, np.float64)
        low = int(samples.row[0]) - lookback + 1
        block = learnt.inputs(self.panel[low : int(samples.row[-1]) + 1])
        return _seen(block, samples.row - low, samples.asset, lookback)

    def _weights(self, usable: Bools, row: npt.NDArray[np.int64], asset: npt.NDArray[np.int64]) -> Floats | None:
        if self.recipe.weights is None:
            return None
        from backtester.signals.labels import average_uniqueness, return_attribution

        known = self.label.where(usable)  # a sample that is purged weighs nothing, and changes no other's weight
        if self.recipe.weights == "uniqueness":
            weight = average_uniqueness(known)[row, asset]
        else:
            weight = return_attribution(known, self.bars)[row, asset]
        mean = float(weight.mean())
        return weight / mean if mean > 0.0 else np.ones(len(weight))  # no price moved at all

    def _check_classes(self, y: Floats, where: str) -> None:
        if self.recipe.classes and is_classifier(self.recipe.model) and (y == y[0]).all():
            raise ModelError(
                f"{where}: {self.recipe.label_name} is {y[0]:g} for all {len(y):,} training samples, and a classifier "
                "needs two classes; give it a longer training range, or other barriers"
            )

    def _check_constant(self, raw: Floats, where: str) -> None:
        if self.recipe.select is not None:
            return
        still = np.flatnonzero((raw == raw[0]).all(axis=0))
        if still.size:
            names = [self.recipe.features.names[j] for j in still]
            more = f", and so {'is' if len(names) == 2 else 'are'} {', '.join(names[1:])}" if names[1:] else ""
            raise FeatureError(
                f"{where}: feature {names[0]!r} is {raw[0, still[0]]:g} in all {len(raw):,} training samples{more}; a "
                "constant teaches nothing. Leave it out, or let select=Select(…) choose"
            )


def _taught(model: Any, x: npt.NDArray[Any], y: Floats, weight: Floats | None, samples: Samples, where: str) -> Any:
    try:
        return teach(model, x, y, weight, samples)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{where}: {type(model).__name__}.fit raised {type(error).__name__}: {error} (X is {x.dtype} {x.shape})"
        ) from error


def _seen(
    block: npt.NDArray[Any], row: npt.NDArray[np.int64], asset: npt.NDArray[np.int64], lookback: int
) -> npt.NDArray[Any]:
    """Return X: float64 [n, n_features], or float32 [n, lookback, n_features]."""
    return windows(block, row, asset, lookback).astype(np.float32 if lookback else np.float64, copy=False)


def _quantiles(raw: Floats) -> Floats:
    at = np.unique(np.linspace(0, len(raw) - 1, min(len(raw), _SUMMARY_ROWS)).astype(np.int64))
    return np.ascontiguousarray(np.quantile(raw[at], QUANTILES, axis=0).T)
