"""Whether a pipeline, from bars to signal, knows its own future: what it said before a cut may not change with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import FeatureError, ModelError, SettingsError, SplitError
from backtester.signals.checks.future import other_future
from backtester.signals.checks.label_ends import LabelSource, check_label_ends, label_for
from backtester.signals.fitting.problem import Learnt, Problem
from backtester.signals.fitting.protocol import one_thread
from backtester.signals.fitting.recipe import Recipe
from backtester.signals.out_of_sample import folds_of, seed_of, speak_test

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.cleaning import Cleaning
    from backtester.signals.features import Features
    from backtester.signals.fitting.recipe import ScalerMethod, Weights
    from backtester.signals.fitting.search import Search
    from backtester.signals.fitting.selection import Select
    from backtester.signals.splits.fold import Fold

Floats = npt.NDArray[np.float64]

_IS_THE_LABEL = 0.99  # correlation of a feature with the label above which nobody could have known it


@dataclass(frozen=True, eq=False)
class Played:
    """A pipeline on some bars: its folds, and what each of them said."""

    problem: Problem
    folds: list[Fold]
    learnt: list[Learnt]
    values: list[Floats]  # [n_test_rows, n_assets]


def check_pipeline(
    model: Any,
    features: Features | Any,
    label: LabelSource,
    bars: Bars,
    scheme: Any,
    *,
    clean: Cleaning | None = None,
    scaler: ScalerMethod | None = "standard",
    select: Select | None = None,
    search: Search | None = None,
    weights: Weights | None = None,
    seed: int = 0,
    cuts: int = 2,
    rtol: float = 1e-6,
) -> None:
    """Try whether anything between bars and signal knows its future; what does is named.

    In order: the features, as `Features.check_causal`; the label, as `check_label_ends`; whether a feature is the label
    in disguise; whether a fold trains on what it tests. Then everything is predicted anew as if the bars ended before
    a cut, and once more as if other bars came after it, and compared with what was said before the cut.

    Parameters
    ----------
    model, features, bars, scheme, clean, scaler, select, search, weights, seed
        As for `predict_out_of_sample`.
    label : Label, or function of bars
        A label that one of our functions made, or the function that makes yours: `f(bars)` returns a `Label`.
    cuts : int
        Places to cut at, 1 or more, chosen inside tests. Each takes the time of two predictions out of sample.
    rtol : float
        What may differ where the bars end at the cut, as a fraction of the largest signal of the fold: sums of another
        number of rows round differently. With other bars after the cut every bit must be the same.

    Raises
    ------
    FeatureError
        If a feature looks ahead, or is the label: it is named.
    LabelError
        If the label reads bars after its end, or none after its own bar.
    SplitError
        If a fold trains on labels that read what it tests, or folds depend on later bars.
    ModelError
        If the signal of a bar changes with later bars: it names the symbol, the time, the fold, and what moved: the
        samples, cleaning, scaler, chosen columns, settings, the model as it is fitted, or as it predicts.
    SettingsError
        If the scheme trains on what comes after its tests, whose signals are never known in time; or a setting is out
        of range.
    """
    if getattr(scheme, "knows_the_future", False):
        raise SettingsError(
            f"check_pipeline: {scheme!r} trains on what comes after its tests, so that its signal is not known in time "
            "whatever the pipeline does; check it with WalkForward(…)"
        )
    if not 0.0 <= rtol < 1.0:
        raise SettingsError(f"check_pipeline: rtol is {rtol!r}; it is a relative difference from 0, and below 1")
    known = label_for(label, bars)
    recipe = Recipe.of(
        model, features, known, seed, clean=clean, scaler=scaler, select=select, search=search, weights=weights
    )
    recipe.features.check_causal(bars, cuts=cuts, seed=seed)
    check_label_ends(label, bars, cuts=cuts, seed=seed)
    whole = played(Problem.of(recipe, known, bars), scheme, bars.n_bars)
    _check_disguised(whole.problem)
    for n in _places(whole.folds, bars, cuts, seed):
        for when, part, first_rows in (
            (f"when bar {n} and those after it are others", other_future(bars, n, seed=seed), False),
            (f"when the bars end before bar {n}", bars[:n], True),
        ):
            seen = recipe if not first_rows else ended(recipe, n)
            other = played(Problem.of(seen, label_for(label, part), part), scheme, n)
            _compare(whole, other, n, when, rtol if first_rows else 0.0)


def played(problem: Problem, scheme: Any, n: int) -> Played:
    """Fit and predict the folds that test a bar before row n."""
    folds = [fold for fold in folds_of(problem, scheme) if fold.test[0] < n]
    learnt = [problem.fit(fold.train, seed_of(problem, fold), _title(problem, fold)) for fold in folds]
    said = [speak_test(problem, fold, one)[0] for fold, one in zip(folds, learnt, strict=True)]
    return Played(problem, folds, learnt, said)


def _title(problem: Problem, fold: Fold) -> str:
    return f"fold {fold.number} of {problem.recipe.title}"


def ended(recipe: Recipe, n: int) -> Recipe:
    """Return the recipe as it would be if the data ended after n bars: arrays among the features end too."""
    return replace(recipe, features=recipe.features._first_rows(n))


def _places(folds: list[Fold], bars: Bars, cuts: object, seed: int) -> list[int]:
    """Return rows to cut before, inside tests where they are long enough, so that a test has bars on both sides."""
    if isinstance(cuts, bool) or not isinstance(cuts, int | np.integer) or cuts < 1:
        raise SettingsError(f"check_pipeline: cuts is {cuts!r}; it is the number of places to cut at, 1 or more")
    first = int(folds[0].test[0])
    inside = np.unique(np.concatenate([fold.test[1:] for fold in folds]))
    places = inside if inside.size else np.arange(first + 1, bars.n_bars)
    if not places.size:
        raise SettingsError("check_pipeline: the scheme tests one bar, the last; there is nothing after it to change")
    return sorted(np.random.default_rng(seed).permutation(places)[:cuts].tolist())


def _check_disguised(problem: Problem) -> None:
    """Refuse a feature that is the label in disguise."""
    found = disguised(problem)
    if found is not None:
        name, correlation, n = found
        raise FeatureError(
            f"feature {name!r} is the label in disguise: over {n:,} samples its correlation with "
            f"{problem.label.name} is {correlation:.4f}, and nobody could have known that. A label is never a feature; "
            "if it comes from elsewhere, look at when each value was known"
        )


def disguised(problem: Problem) -> tuple[str, float, int] | None:
    """Return the feature that moves as the label does, its correlation, and over how many samples; None if none does.

    Arrays from elsewhere cannot be cut, and may hold the answer.
    """
    seen, y = problem.panel[problem.learnable], problem.label.values[problem.learnable]
    centred = y - y.mean()
    spread = np.sqrt(centred @ centred)
    if len(y) < 10 or spread == 0.0:
        return None
    for j, name in enumerate(problem.recipe.features.names):
        x = seen[:, j] - seen[:, j].mean()
        scale = spread * np.sqrt(x @ x)
        found = float(x @ centred / scale) if scale > 0.0 else 0.0
        if abs(found) > _IS_THE_LABEL:
            return name, found, len(y)
    return None


def _compare(whole: Played, other: Played, n: int, when: str, rtol: float) -> None:
    """Compare what two runs say before row n; whole has all folds of other, and perhaps more."""
    problem = whole.problem
    if len(other.folds) < sum(fold.test[0] < n for fold in whole.folds):
        raise SplitError(
            f"the scheme has {len(other.folds)} folds that test a bar before bar {n} {when}, and more else"
        )
    for k, fold in enumerate(other.folds):
        before = whole.folds[k]
        rows = before.test[before.test < n]
        if not np.array_equal(rows, fold.test[fold.test < n]):
            raise SplitError(
                f"fold {fold.number} tests other bars before bar {n} {when}: folds depend on what is later"
            )
        left, right = whole.values[k][: len(rows)], other.values[k][: len(rows)]
        differs = ~((left == right) | (np.isnan(left) & np.isnan(right)))
        if rtol:
            with np.errstate(invalid="ignore"):
                differs &= ~(np.abs(left - right) <= rtol * np.nanmax(np.abs(left), initial=0.0))
        if differs.any():
            i, a = (int(place) for place in np.argwhere(differs)[0])
            t = int(rows[i])
            where = f"{problem.bars.symbols[a]} at bar {t} ({time_text(int(problem.bars.timestamps[t]))})"
            stage, remedy = _what_moved(whole, other, k, n)
            raise ModelError(
                f"{problem.recipe.title} knows its future: for {where}, in fold {fold.number}, it says "
                f"{float(left[i, a])!r}, and {float(right[i, a])!r} {when}. What moved first: {stage}. {remedy}"
            )


def _what_moved(whole: Played, other: Played, k: int, n: int) -> tuple[str, str]:
    """Return the first stage of fold k that differs, and what to do about it."""
    runs, fold = (whole, other), whole.folds[k]
    taught = [run.folds[k].train & run.problem.learnable for run in runs]
    pairs = list(zip(runs, taught, strict=True))
    for what, (left, right), remedy in (
        # of the same width, so that positions compare
        ("the samples it learns from", [np.flatnonzero(mask) for mask in taught], _SPANS),
        ("the features of its training samples", [run.problem.panel[mask] for run, mask in pairs], _ANEW),
        ("the labels of its training samples", [run.problem.label.values[mask] for run, mask in pairs], _ANEW),
    ):
        if not np.array_equal(left, right):
            return what, remedy
    one, two = (run.learnt[k] for run in runs)
    for what, read in _STAGES.items():
        if read(one) != read(two):
            return what, "It is fitted on the training samples alone; does it read anything else?"
    again = whole.problem.fit(fold.train, seed_of(whole.problem, fold), _title(whole.problem, fold))
    tested = fold.test[fold.test < n]
    rows = slice(int(tested[0]), int(tested[-1]) + 1)
    with one_thread():
        said = [part.speak(whole.problem.panel, rows, whole.problem.recipe.classes)[0] for part in (one, two, again)]
    first, second, third = said
    if np.array_equal(first, second, equal_nan=True):
        return (
            "the model as it predicts, since what it says of a bar depends on the other bars it is asked about",
            "What predict needs to know of the data, such as means and deviations, is learnt in fit",
        )
    if any(np.array_equal(third, one, equal_nan=True) for one in (first, second)):
        return "the model as it is fitted", "Its fit reads more than the X and y it is given"
    return (
        "the model, which says something else each time it is fitted on the same samples",
        "Let it draw its random numbers from random_state",
    )


_SPANS = "A scheme chooses by the spans of labels, and by nothing later"
_ANEW = "They are computed anew for other bars, and must not change"
_STAGES: Mapping[str, Callable[[Learnt], Any]] = {
    "the limits of the cleaning": lambda learnt: _spec(learnt.cleaning),
    "the scaler": lambda learnt: _spec(learnt.scaler),
    "the columns that are selected": lambda learnt: learnt.columns.tolist(),
    "the settings that the search chose": lambda learnt: repr((learnt.settings, learnt.tried)),
}


def _spec(part: Any) -> Any:
    return None if part is None else part.spec()
