"""The tree-structured Parzen estimator: Optuna proposes a batch, the batch is run, and its scores are told in order.

The size of a batch is a setting of the sweep, and scores are told in the order of the trials, whichever was finished
first: so the result does not depend on the number of workers. Within a batch a point that is being run counts as a
poor one (the "constant liar"), which keeps its points apart. A point that is proposed again is no new trial: Optuna is
told the score it has, or will have, and proposes another.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from backtester.errors import SettingsError
from backtester.research.sweep.objective import Objective
from backtester.research.sweep.points import Point, Points, Where, allowed, mix
from backtester.research.sweep.space import Choice, Coordinates, Space
from backtester.research.sweep.trials import Outcome

_REFUSALS = 20  # proposals in a row that `where` may refuse, or that were there before


class Parzen:
    """Proposes the batches of one sweep.

    Parameters
    ----------
    n, batch : int
        How many trials in all, and in a batch; fewer in all where the space has no more.
    """

    def __init__(
        self, space: Space, objectives: Sequence[Objective], n: int, seed: int, where: Where | None, batch: int
    ):
        try:
            import optuna
        except ImportError as error:
            raise SettingsError("sweep: method='tpe' needs Optuna: pip install 'backtester[research]'") from error

        self.space, self.where = space, where
        self._n, self._batch = n, batch
        self._seed = seed
        self._states = optuna.trial.TrialState
        # a pruned trial counts as a poor one, so that the estimator learns what is refused; one objective only
        self._refused = self._states.PRUNED if len(objectives) == 1 else self._states.FAIL
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=seed & (2**32 - 1), constant_liar=True)
        with quiet():
            self._study = optuna.create_study(
                directions=["maximize" if one.maximize else "minimize" for one in objectives], sampler=sampler
            )
        self._numbers: dict[Coordinates, int] = {}
        self._open: dict[int, list[Any]] = {}  # the trials of Optuna that wait for an outcome
        self._told: dict[int, tuple[float, ...]] = {}  # their scores

    def batches(self) -> Iterator[list[Point]]:
        """Yield the batches; the scores of one are told before the next is asked for."""
        while (left := self._n - len(self._numbers)) > 0:
            with quiet():
                asked = [self._ask() for _ in range(min(self._batch, left))]
            batch = [point for point in asked if point is not None]
            if not batch:
                return
            yield batch

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tell what came out of a batch, in the order of the trials."""
        with quiet():
            for one in sorted(outcomes):
                self._told[one.number] = one.scores
                for trial in self._open.pop(one.number):
                    self._tell(trial, one.scores)

    def _tell(self, trial: Any, scores: tuple[float, ...]) -> None:
        if scores and all(math.isfinite(score) for score in scores):
            self._study.tell(trial, list(scores))
        else:
            self._study.tell(trial, state=self._states.FAIL)

    def _ask(self) -> Point | None:
        """Return a new point; None where there is none left."""
        for _ in range(_REFUSALS):
            trial, point = self._proposed()
            number = self._numbers.get(point)
            if number in self._told:
                self._tell(trial, self._told[number])
            elif number is not None:
                self._open[number].append(trial)
            elif allowed(self.space, self.where, point):
                return self._added(trial, point)
            else:
                self._study.tell(trial, state=self._refused)
        drawn = self._drawn()
        return None if drawn is None else self._added(*drawn)

    def _added(self, trial: Any, point: Coordinates) -> Point:
        number = self._numbers[point] = len(self._numbers)
        self._open[number] = [trial]
        return number, point

    def _proposed(self) -> tuple[Any, Coordinates]:
        trial = self._study.ask()
        return trial, tuple(_suggest(trial, one) for one in self.space.dimensions)

    def _drawn(self) -> tuple[Any, Coordinates] | None:
        """Return a new point at random, where the estimator insists on what `where` refuses or on what was there."""
        count = len(self._numbers)
        points = Points(self.space, "random", count + 1, mix(mix(self._seed) + count), self.where)
        point = next((point for _, point in points if point not in self._numbers), None)
        if point is None:
            return None
        values = zip(self.space.dimensions, point, strict=True)
        self._study.enqueue_trial({one.name: _held(one, at) for one, at in values})
        return self._proposed()[0], point


def _held(one: Any, coordinate: float) -> float:
    """Return the value that stands for a coordinate in Optuna's trial."""
    return int(coordinate) if isinstance(one, Choice) or one.whole else float(coordinate)


def _is_sorted(one: Choice) -> bool:
    return one.is_ordered and list(one.values) == sorted(one.values)


def _suggest(trial: Any, one: Any) -> float:
    if isinstance(one, Choice):
        if _is_sorted(one):
            return int(trial.suggest_int(one.name, 0, len(one.values) - 1))
        return int(trial.suggest_categorical(one.name, list(range(len(one.values)))))
    if one.whole:
        return int(trial.suggest_int(one.name, int(one.low), int(one.high), log=one.log))
    return float(trial.suggest_float(one.name, one.low, one.high, log=one.log))


class quiet:
    """Keeps Optuna from reporting every trial while it is entered."""

    def __enter__(self) -> None:
        import optuna

        self._before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def __exit__(self, *_: object) -> None:
        import optuna

        optuna.logging.set_verbosity(self._before)
