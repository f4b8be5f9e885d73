"""Search: settings of a model chosen inside the training rows, on inner folds of their own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backtester.errors import SettingsError, did_you_mean

Method = Literal["grid", "random", "tpe"]
METHODS = ("grid", "random", "tpe")
Settings = dict[str, Any]


@dataclass(frozen=True)
class Search:
    """Which settings of the model are tried, how, and what decides; done inside every fold, on its training rows alone.

    Parameters
    ----------
    space : mapping of str to list or tuple
        Settings of the model (`set_params`): a list of values, or `(low, high)` or `(low, high, "log")`, which are ints
        where both ends are.
    method : {"grid", "random", "tpe"}
        All combinations of the lists; at random; or Optuna's tree-structured Parzen estimator (Bergstra et al. 2011).
    n_trials : int
        For `"random"` and `"tpe"`.
    metric : str, optional
        One of `backtester.signals.scores.MEASURES`, over all inner tests together. Default: `"rank_ic"`, or
        `"log_loss"` where the model gives probabilities.
    inner : splitter, optional
        How the training rows are split; default `PurgedKFold(3)`.

    Raises
    ------
    SettingsError
        If the space is empty, a range is none, a grid has a range, or a number is out of range.
    """

    space: Mapping[str, Sequence[Any]]
    method: Method = "grid"
    n_trials: int = 30
    metric: str | None = None
    inner: Any = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            hint = did_you_mean(str(self.method), METHODS)
            raise SettingsError(f"Search: method is {self.method!r}{hint}; it is one of {', '.join(METHODS)}")
        if not self.space:
            raise SettingsError("Search: space is empty; name a setting of the model and the values to try")
        if isinstance(self.n_trials, bool) or not isinstance(self.n_trials, int) or self.n_trials < 1:
            raise SettingsError(f"Search: n_trials is {self.n_trials!r}; it is an int, 1 or more")
        for name, values in self.space.items():
            self._check_dimension(name, values)
        if self.metric is not None:
            from backtester.signals.scores import measure_named

            measure_named(self.metric)

    def _check_dimension(self, name: str, values: Any) -> None:
        if isinstance(values, tuple) and _is_range(values):
            if self.method == "grid":
                raise SettingsError(f"Search: {name} is the range {values!r}; a grid wants a list of values")
            low, high = values[:2]
            if not low < high or (len(values) == 3 and low <= 0):
                raise SettingsError(f"Search: {name} is {values!r}; low is below high, and above 0 where it is 'log'")
        elif not isinstance(values, Sequence | range) or isinstance(values, str) or not len(values):
            raise SettingsError(
                f"Search: {name} is {values!r}; it is a list of values, (low, high) or (low, high, 'log')"
            )

    def spec(self) -> Settings:
        """Return the settings, as values that JSON can hold; values that JSON has no word for are written as text."""
        space = {name: [_plain(one) for one in values] for name, values in self.space.items()}
        return {
            "space": space,
            "method": self.method,
            "n_trials": self.n_trials,
            "metric": self.metric,
            "inner": None if self.inner is None else repr(self.inner),
        }

    def run(
        self, score: Callable[[Settings], float], larger_is_better: bool, seed: int
    ) -> list[tuple[Settings, float]]:
        """Try settings, and return each with its score in the order they were tried.

        Parameters
        ----------
        score : function
            From settings to a number; NaN is a failed trial.
        larger_is_better : bool
        seed : int
        """
        if self.method == "tpe":
            return self._by_optuna(score, larger_is_better, seed)
        return [(one, score(one)) for one in self._candidates(seed)]

    def _candidates(self, seed: int) -> Iterator[Settings]:
        if self.method == "grid":
            for values in itertools.product(*self.space.values()):
                yield dict(zip(self.space, values, strict=True))
            return
        import numpy as np

        rng = np.random.default_rng(seed)
        for _ in range(self.n_trials):
            yield {name: _draw(rng, values) for name, values in self.space.items()}

    def _by_optuna(self, score: Callable[[Settings], float], larger: bool, seed: int) -> list[tuple[Settings, float]]:
        import optuna

        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            sampler = optuna.samplers.TPESampler(seed=seed)
            study = optuna.create_study(direction="maximize" if larger else "minimize", sampler=sampler)
            tried = []
            for _ in range(self.n_trials):
                trial = study.ask()
                one = {name: _suggest(trial, name, values) for name, values in self.space.items()}
                found = score(one)
                if math.isnan(found):
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                else:
                    study.tell(trial, found)
                tried.append((one, found))
            return tried
        finally:
            optuna.logging.set_verbosity(before)


def best_of(tried: Sequence[tuple[Settings, float]], larger_is_better: bool) -> Settings | None:
    """Return the first of the best settings, or None where every score is NaN."""
    known = [(one, found) for one, found in tried if not math.isnan(found)]
    if not known:
        return None
    sign = 1.0 if larger_is_better else -1.0
    return max(known, key=lambda pair: sign * pair[1])[0]


def _is_range(values: tuple[Any, ...]) -> bool:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values[:2])
    return numbers and (len(values) == 2 or (len(values) == 3 and values[2] == "log"))


def _draw(rng: Any, values: Sequence[Any]) -> Any:
    if not (isinstance(values, tuple) and _is_range(values)):
        return values[int(rng.integers(len(values)))]
    low, high = values[:2]
    whole = isinstance(low, int) and isinstance(high, int)
    if len(values) == 3:
        found = math.exp(rng.uniform(math.log(low), math.log(high)))
        return min(max(round(found), low), high) if whole else found
    return int(rng.integers(low, high + 1)) if whole else float(rng.uniform(low, high))


def _suggest(trial: Any, name: str, values: Sequence[Any]) -> Any:
    if not (isinstance(values, tuple) and _is_range(values)):
        at = trial.suggest_categorical(name, list(range(len(values))))  # Optuna knows plain values alone
        return values[at]
    low, high = values[:2]
    log = len(values) == 3
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, low, high, log=log)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | bool | int | float) else repr(value)
