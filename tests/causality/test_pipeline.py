"""What a model has said of a bar depends on nothing after it: every shipped model, and every stage before the model.

`predict_out_of_sample` runs on bars with other futures, in which all else is the same. Every bit before the cut must be
too. Where the bars end at the cut, sums over the test have another number of terms, and may round differently.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from futures import futures, market, same_bits

from backtester.signals import (
    Cleaning,
    Features,
    Scaler,
    Search,
    Select,
    WalkForward,
    check_pipeline,
    direction,
    forward_return,
    predict_out_of_sample,
    triple_barrier,
)
from backtester.signals.cleaning import Cleaning as Rules
from backtester.signals.fitting.problem import Problem
from backtester.signals.plugins import model_named, plugins

BARS = market(150, 2, gaps=False, events=False)
GAPPED = market(170)
FEATURES = Features(["log_return(1)", "log_return(5)", "zscore(10)", "body"])
SCHEME = WalkForward(60, 25)
CUTS = (95, 120)  # inside the second test, which is of the bars 94 to 118 with a warm-up of 9; and after its end
SHIPPED = [name for name, found in plugins().items() if found[0].package == "backtester"]
SMALL = {
    "cnn": {"lookback": 4, "max_epochs": 3},
    "direct_sharpe": {"lookback": 4, "max_epochs": 3},
    "gradient_boosting": {"n_estimators": 15, "min_samples_leaf": 5},
    "lstm": {"lookback": 4, "max_epochs": 3},
    "mlp": {"max_epochs": 3},
    "random_forest": {"n_estimators": 10},
    "transformer": {"lookback": 4, "max_epochs": 3},
}
STAGES = {
    "nothing": {"scaler": None},
    "robust scaler": {"scaler": "robust"},
    "cleaning": {"clean": Cleaning(winsorise=0.05)},
    "mutual information": {"select": Select("mutual_information", 2)},
    "permutation": {"select": Select("permutation", 2)},
    "l1": {"select": Select("l1", 2)},
    "grid": {"search": Search({"alpha": [0.1, 10.0, 1000.0]})},
    "tpe": {"search": Search({"alpha": (0.1, 1000.0, "log")}, method="tpe", n_trials=4, inner=WalkForward(20, 10))},
    "uniqueness": {"weights": "uniqueness"},
    "by return": {"weights": "return"},
    "all": {
        "clean": Cleaning(winsorise=0.05),
        "scaler": "robust",
        "select": Select("mutual_information", 3),
        "search": Search({"alpha": [0.1, 1000.0]}),
        "weights": "uniqueness",
    },
}


def signal_of(model, bars, label, **settings):
    return predict_out_of_sample(model, FEATURES, label(bars), bars, SCHEME, seed=3, workers=1, **settings)


def assert_same_past(model, bars, label, cuts, **settings):
    """Compare the values before each cut in all futures: bit for bit, but to 1e-6 where the bars end there."""
    before = signal_of(model, bars, label, **settings)
    size = np.nanmax(np.abs(before.values))
    for n in cuts:
        assert np.isfinite(before.values[:n]).any(), "nothing to compare"
        for name, other in futures(bars, n):
            after = signal_of(model, other, label, **settings)
            same = same_bits(before.values[:n], after.values[:n])
            if other.n_bars == n:
                same |= np.abs(before.values[:n] - after.values[:n]) <= 1e-6 * size
            assert same.all(), f"before bar {n} it changed with {name}, first at {np.argwhere(~same)[0]}"
            known = before.fold[:n] >= 0
            assert (before.fold[:n] == after.fold[:n]).all()
            used = before.fold[:n][known]
            assert (before.trained_until[used] == after.trained_until[used]).all()


def label_for(model):
    return (
        (lambda bars: direction(bars, 3)) if hasattr(model, "predict_proba") else (lambda bars: forward_return(bars, 3))
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_another_future_leaves_what_a_model_said_as_it_was(name):
    model = model_named(name, **SMALL.get(name.removesuffix("_classifier"), {}))
    assert_same_past(model, BARS, label_for(model), CUTS)


@pytest.mark.parametrize("stage", STAGES)
def test_another_future_leaves_every_stage_of_fitting_as_it_was(stage):
    assert_same_past(model_named("ridge"), GAPPED, lambda bars: forward_return(bars, 4), (100, 131), **STAGES[stage])


def test_labels_that_end_when_they_will_are_purged_by_when_they_did():
    """The end of a barrier depends on the future; which samples train before a cut does not."""
    label = lambda bars: triple_barrier(bars, 1.0, 1.0, 12, volatility=10)  # noqa: E731
    assert_same_past(model_named("logistic"), GAPPED, label, (100, 131))


def test_the_check_that_is_sold_says_the_same():
    check_pipeline(
        model_named("ridge"), FEATURES, lambda bars: forward_return(bars, 4), GAPPED, SCHEME, **STAGES["all"], cuts=1
    )


class TestTheTestsThemselves:
    """A leak of each kind, planted in the machinery, must be caught by the test above and by the check that is sold."""

    def caught(self, settings, what):
        label = lambda bars: forward_return(bars, 4)  # noqa: E731
        with pytest.raises(AssertionError, match="it changed with"):
            assert_same_past(model_named("ridge"), BARS, label, (95,), **settings)
        with pytest.raises(Exception, match=what):
            check_pipeline(model_named("ridge"), FEATURES, label, BARS, SCHEME, cuts=1, **settings)

    def test_what_may_change_does(self):
        before = signal_of(model_named("ridge"), BARS, lambda bars: forward_return(bars, 4))
        other = dict(futures(BARS, 95))["other bars"]
        after = signal_of(model_named("ridge"), other, lambda bars: forward_return(bars, 4))
        assert (before.values[95:] != after.values[95:]).all()

    @pytest.fixture
    def everything(self, monkeypatch):
        """Return a list that holds the problem that is being fitted, so that a leak can read all of it."""
        seen = []
        honest = Problem.of.__func__

        def of(cls, recipe, label, bars):
            seen[:] = [honest(cls, recipe, label, bars)]
            return seen[0]

        monkeypatch.setattr(Problem, "of", classmethod(of))
        return seen

    def test_a_scaler_fitted_on_all_rows(self, monkeypatch, everything):
        honest = Scaler.fit.__func__

        def leaky(cls, panel, **settings):
            return honest(cls, everything[0].panel, **settings)

        monkeypatch.setattr(Scaler, "fit", classmethod(leaky))
        self.caught({}, "What moved first: the scaler")

    def test_limits_fitted_on_all_rows(self, monkeypatch, everything):
        honest = Rules.fit

        def leaky(self, rows, **settings):
            panel = everything[0].panel
            return honest(self, panel[np.isfinite(panel).all(axis=2)], **settings)

        monkeypatch.setattr(Rules, "fit", leaky)
        self.caught({"clean": Cleaning(winsorise=0.2)}, "What moved first: the limits of the cleaning")

    def test_columns_chosen_on_all_rows(self, monkeypatch, everything):
        def leaky(self, x, y, samples, model, classes, seed):
            panel, label = everything[0].panel, everything[0].label
            known = np.isfinite(panel).all(axis=2) & label.exists
            scores = np.abs(np.nan_to_num(panel[known].T @ label.values[known] * 1e9)) % 1.0  # as good as at random
            return np.sort(np.argsort(scores)[: self.keep])

        monkeypatch.setattr(Select, "choose", leaky)
        with pytest.raises(AssertionError, match="it changed with"):
            assert_same_past(
                model_named("ridge"), BARS, lambda bars: forward_return(bars, 4), (95,), select=Select("l1", 2)
            )

    def test_settings_searched_on_all_rows(self, monkeypatch, everything):
        honest = Problem._searched

        def leaky(self, mask, seed, where):
            return honest(self, self.learnable, seed, where)

        monkeypatch.setattr(Problem, "_searched", leaky)
        self.caught(STAGES["tpe"], "What moved first: the settings that the search chose")

    def test_samples_that_are_not_purged(self, monkeypatch):
        class Unpurged(WalkForward):
            def folds(self, start, end, n_bars):
                found = super().folds(start, end, n_bars)
                reach = [(end >= 0) & (start < fold.test[0]) & (end < n_bars) for fold in found]
                return [replace(fold, train=train) for fold, train in zip(found, reach, strict=True)]

        monkeypatch.setitem(globals(), "SCHEME", Unpurged(60, 25))
        monkeypatch.setattr("backtester.signals.out_of_sample._check_apart", lambda *given: None)
        with pytest.raises(AssertionError, match="it changed with"):
            assert_same_past(model_named("ridge"), BARS, lambda bars: forward_return(bars, 4), (95,))
