"""Predictions out of sample: a model fitted anew for every fold, on its training rows alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import BacktesterError, ModelError, SplitError
from backtester.signals.fitting.problem import Learnt, Problem
from backtester.signals.fitting.protocol import one_thread
from backtester.signals.fitting.recipe import Recipe
from backtester.signals.signal import FoldRecord, Signal
from backtester.signals.workers import each
from backtester.trials.record import record_other

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.executors import Executor
    from backtester.signals.cleaning import Cleaning
    from backtester.signals.features import Features
    from backtester.signals.fitting.recipe import ScalerMethod, Weights
    from backtester.signals.fitting.search import Search
    from backtester.signals.fitting.selection import Select
    from backtester.signals.labels import Label
    from backtester.signals.splits.fold import Fold

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Said:
    """What one fold said at its test rows, or why it failed."""

    record: FoldRecord | None
    rows: npt.NDArray[np.int64]
    values: Floats
    probabilities: Floats | None
    failure: BacktesterError | None = None


def predict_out_of_sample(
    model: Any,
    features: Features | Any,
    label: Label,
    bars: Bars,
    scheme: Any,
    *,
    clean: Cleaning | None = None,
    scaler: ScalerMethod | None = "standard",
    select: Select | None = None,
    search: Search | None = None,
    weights: Weights | None = None,
    seed: int = 0,
    importance: bool = False,
    workers: int | None = None,
    executor: str | Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Signal:
    """Fit a model in every fold and return what it says about bars it was not fitted on.

    Everything that learns, learns in the fold: cleaning, scaler, selection, search and model see its training samples
    alone, and no training sample's label reads a test bar. Features are computed once, as they know the past alone.

    Parameters
    ----------
    model : object or str
        As for `fit`.
    features : Features or list
    label : Label
        Of these bars.
    bars : Bars
    scheme : WalkForward, PurgedKFold, CombinatorialPurgedCV, or the like
        Its folds begin at the first bar at which all features of an asset are known.
    clean, scaler, select, search, weights, seed
        As for `fit`. Fold k works with a seed made of `seed` and k.
    importance : bool
        Also measure in every fold, on its own test, by how much the loss grows when a feature is shuffled; `explain`
        tells it. Nothing of the signal changes.
    workers : int, optional
        Processes; by default as many as there are cores, where it is worth starting them. The result is the same for
        any number.
    executor : {"processes", "threads", "ray"} or Executor, optional
        Where all folds are fitted, see `backtester.executors`; by default in this process, or in `workers` of its own.
        The result is the same for any, but for a model of yours that draws from a generator which threads share, such
        as `np.random` or torch's; the models that come with this package do not.
    progress : callable, optional
        Called with the number of finished folds and that of all.

    Returns
    -------
    Signal
        It knows the fold of every value and the last training time behind it. Of a scheme that tests a bar more than
        once `values` is the mean, and `paths` has each path. The project's trial ledger counts it, with the settings
        that a search tried.

    Raises
    ------
    ModelError
        If a fold fails, which is named; `error.signal` has what the finished ones said.
    FeatureError, SplitError
    SettingsError
        If there is no such executor, or `workers` is no number of them.
    WorkerError
        If a process dies again and again on the same fold; one that dies once loses nothing.
    """
    recipe = Recipe.of(
        model, features, label, seed, clean=clean, scaler=scaler, select=select, search=search, weights=weights
    )
    problem = Problem.of(recipe, label, bars)
    folds = folds_of(problem, scheme)
    said = each(_explained_fold if importance else one_fold, problem, folds, workers, progress, executor)
    signal = _together(said, problem, bars, scheme)
    failed = [one.failure for one in said if one.failure is not None]
    if failed:
        kept = f"{len(said) - len(failed)} of {len(said)} folds are finished, and kept in error.signal"
        raise ModelError(f"{failed[0]} ({kept})", signal=signal) from failed[0]
    record_other(bars, type(recipe.model), recipe.words(), "model", behind=_settings_tried(signal))
    return signal


def _settings_tried(signal: Signal) -> int:
    """Return how many settings the model was chosen from, in the fold that tried the most."""
    return max((len(record.tried) for record in signal.folds), default=0) or 1


def folds_of(problem: Problem, scheme: Any) -> list[Fold]:
    """Return the folds of the rows from the first at which anything can be learnt.

    Raises
    ------
    SplitError
        If it is no scheme, or one of its folds trains a sample whose label reads what the fold tests.
    """
    if not callable(getattr(scheme, "folds", None)):
        raise SplitError(
            f"{scheme!r} is no scheme: it has no folds(start, end, n_bars), so that it cannot know which bars a label "
            "reads, as scikit-learn's splitters cannot; take WalkForward(…), PurgedKFold(…) or CombinatorialPurgedCV(…)"
        )
    first, shape = problem.first, problem.label.values.shape
    found = []
    for fold in scheme.folds(problem.label.start[first:], problem.label.end[first:], shape[0]):
        train = np.zeros(shape, np.bool_)
        train[first:] = fold.train
        _check_apart(train & problem.learnable, fold, problem, scheme)
        found.append(replace(fold, train=train))
    return found


def _check_apart(train: npt.NDArray[np.bool_], fold: Fold, problem: Problem, scheme: Any) -> None:
    """Check that no label that a fold trains on reads a bar that it tests; a scheme of anybody is held to it."""
    rows, assets = np.nonzero(train)
    ends = problem.label.end[rows, assets]
    tested = np.zeros(len(train) + 1, np.int64)
    tested[fold.test + 1] = 1
    before = np.cumsum(tested)  # test rows before each row
    inside = np.flatnonzero(before[ends + 1] > before[rows])
    if not inside.size:
        return
    t, a, end = int(rows[inside[0]]), int(assets[inside[0]]), int(ends[inside[0]])
    where = f"{problem.bars.symbols[a]} at bar {t} ({time_text(int(problem.label.timestamps[t]))})"
    hit = int(fold.test[np.searchsorted(fold.test, t)])
    raise SplitError(
        f"{scheme!r}: fold {fold.number} tests bar {hit}, and trains on the label {problem.label.name} of {where}, "
        f"which reads the bars {t} to {end}; so do {inside.size:,} of its {rows.size:,} training samples. Purge them: "
        "WalkForward, PurgedKFold and CombinatorialPurgedCV do"
    )


def seed_of(problem: Problem, fold: Fold) -> int:
    """Return the seed that a fold works with, made of that of the recipe and its number."""
    return int(np.random.SeedSequence([problem.recipe.seed, fold.number]).generate_state(1)[0] >> 1)


def _explained_fold(problem: Problem, fold: Fold) -> _Said:
    return one_fold(problem, fold, importance=True)


def one_fold(problem: Problem, fold: Fold, importance: bool = False) -> _Said:
    """Fit one fold and return what it says, or why it failed."""
    begun = time.perf_counter()
    where = f"fold {fold.number} of {problem.recipe.title}"
    seed = seed_of(problem, fold)
    try:
        learnt = problem.fit(fold.train, seed, where)
        values, chances = speak_test(problem, fold, learnt)
        grown: dict[str, float] = {}
        if importance:
            with one_thread():
                grown = _importance(problem, learnt, fold, seed)
    except BacktesterError as error:
        text = str(error) if where in str(error) else f"{where}: {error}"
        return _Said(None, fold.test, np.empty(0), None, type(error)(text))
    learnable = fold.train & problem.learnable
    record = FoldRecord(
        number=fold.number,
        first=int(fold.test[0]),
        last=int(fold.test[-1]),
        n_train=learnt.n_samples,
        trained_until=int(problem.label.timestamps[learnt.last_row]),
        columns=tuple(problem.recipe.features.names[j] for j in learnt.columns),
        settings=learnt.settings,
        tried=learnt.tried,
        seconds=time.perf_counter() - begun,
        trained_from=int(problem.label.timestamps[np.argmax(learnable.any(axis=1))]),
        label_mean=float(problem.label.values[learnable].mean()),
        importance=grown,
    )
    return _Said(record, fold.test, values, chances)


def speak_test(problem: Problem, fold: Fold, learnt: Learnt) -> tuple[Floats, Floats | None]:
    """Return what a fit says at the test rows of its fold, in their order: values, and probabilities of a class."""
    values, probabilities = [], []
    classes = problem.recipe.classes
    with one_thread():
        for block in np.split(fold.test, np.flatnonzero(np.diff(fold.test) > 1) + 1):
            said, chances, _ = learnt.speak(problem.panel, slice(int(block[0]), int(block[-1]) + 1), classes)
            values.append(said)
            if classes:
                missing = np.full((*said.shape, len(classes)), np.nan)
                probabilities.append(missing if chances is None else chances)
    return np.concatenate(values), np.concatenate(probabilities) if probabilities else None


def _importance(problem: Problem, learnt: Learnt, fold: Fold, seed: int) -> dict[str, float]:
    """Return the permutation importance of each column on the test; empty where nothing of it has a label."""
    from backtester.signals.explanation.permutation import grown_losses

    grown, _ = grown_losses(learnt, problem.panel, problem.label.values, fold.test, problem.recipe.classes, seed)
    names = [problem.recipe.features.names[j] for j in learnt.columns]
    return {name: float(one.mean()) for name, one in zip(names, grown, strict=True)} if len(grown) else {}


def _together(said: list[_Said], problem: Problem, bars: Bars, scheme: Any) -> Signal:
    """Return the signal of the folds that are finished."""
    done = [one for one in said if one.record is not None]
    whole = _signal(done, problem, bars)
    if not hasattr(scheme, "paths") or len(done) < len(said):
        return whole
    groups = scheme.groups(problem.first, bars.n_bars)
    paths = tuple(
        _signal([_only(said[number], groups[g]) for g, number in enumerate(numbers)], problem, bars)
        for numbers in scheme.paths().tolist()
    )
    return replace(whole, paths=paths)


def _only(said: _Said, rows: npt.NDArray[np.int64]) -> _Said:
    """Return what a fold said at some of its rows."""
    at = np.isin(said.rows, rows)
    chances = None if said.probabilities is None else said.probabilities[at]
    return replace(said, rows=said.rows[at], values=said.values[at], probabilities=chances)


def _signal(done: list[_Said], problem: Problem, bars: Bars) -> Signal:
    """Return the mean of what folds said; of a bar that several tested, `fold` is the one that knows most."""
    shape = (bars.n_bars, bars.n_assets)
    classes = problem.recipe.classes
    total, count = np.zeros(shape), np.zeros(shape, np.int64)
    chances = np.zeros((*shape, len(classes)))
    fold = np.full(bars.n_bars, -1, np.int32)
    records = [one.record for one in done if one.record is not None]
    until = np.array([record.trained_until for record in records], np.int64)
    for k, one in enumerate(done):
        heard = np.isfinite(one.values)
        total[one.rows] += np.where(heard, one.values, 0.0)
        count[one.rows] += heard
        if one.probabilities is not None:
            chances[one.rows] += np.nan_to_num(one.probabilities)
        mine = one.rows[heard.any(axis=1)]
        later = (fold[mine] < 0) | (until[k] > until[np.maximum(fold[mine], 0)])
        fold[mine[later]] = k
    with np.errstate(invalid="ignore"):
        values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        shares = np.where((count > 0)[:, :, np.newaxis], chances / np.maximum(count, 1)[:, :, np.newaxis], np.nan)
    has_chances = any(one.probabilities is not None and np.isfinite(one.probabilities).any() for one in done)
    return Signal(
        values=values,
        timestamps=np.array(bars.timestamps),
        symbols=tuple(bars.symbols),
        name=problem.recipe.title,
        fold=fold,
        trained_until=until,
        probabilities=shares if has_chances else None,
        classes=classes,
        label=problem.label,
        folds=tuple(records),
        trials=sum(max(1, len(record.tried)) for record in records),
    )
