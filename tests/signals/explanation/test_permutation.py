"""Permutation importance against what it must be where the labels are a known function, and against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from explain_worlds import UNTIL, bars_of, features, label_of
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from backtester.errors import LabelError, ModelError, SettingsError
from backtester.signals import (
    CombinatorialPurgedCV,
    Select,
    WalkForward,
    explain,
    fit,
    forward_return,
    predict_out_of_sample,
)
from backtester.signals.plugins import model_named


def line(a, b):
    return 2.0 * a - 1.0 * b


@pytest.fixture(scope="module")
def world():
    bars = bars_of()
    label = label_of(bars, line)
    return fit(LinearRegression(), features(), label, bars, rows=slice(0, UNTIL)), bars, label


class TestAFittedModel:
    def test_a_line_loses_twice_the_squared_coefficient(self, world):
        """y = 2 z0 − z1 + ε, z independent with variance 1. With z0 shuffled the error has 2 (z0' − z0) more, whose
        mean square is 2²·(1 + 1) = 8; with z1 shuffled 1²·2 = 2; with z2, whose coefficient is about 0, about 0.
        """
        fitted, bars, label = world
        found = explain(fitted, bars, label=label, repeats=20)["importance"]
        assert list(found.index) == ["z0", "z1", "z2"]
        assert found["z0"] == pytest.approx(8.0, rel=0.1)
        assert found["z1"] == pytest.approx(2.0, rel=0.1)
        assert abs(found["z2"]) < 1e-3

    def test_it_is_that_of_scikit_learn_but_for_the_draws(self, world):
        fitted, bars, label = world
        found = explain(fitted, bars, label=label, repeats=30)
        panel = features().compute(bars)[UNTIL:-1, 0]
        x = fitted.learnt.inputs(panel[:, np.newaxis])[:, 0].astype(np.float64)
        theirs = permutation_importance(
            fitted.learnt.model,
            x,
            label.values[UNTIL:-1, 0],
            scoring="neg_mean_squared_error",
            n_repeats=30,
            random_state=1,
        )
        mean = found["importance"].reindex(["z0", "z1", "z2"]).to_numpy()
        spread = found["std"].reindex(["z0", "z1", "z2"]).to_numpy()
        allowed = 4.0 * np.hypot(spread, theirs.importances_std) / np.sqrt(30) + 1e-12
        assert (np.abs(mean - theirs.importances_mean) < allowed).all()
        np.testing.assert_allclose(spread, theirs.importances_std, rtol=0.6)

    def test_only_bars_after_the_training_are_looked_at(self, world):
        """Labels of the training are turned round; nothing changes, unless they are asked for."""
        fitted, bars, label = world
        turned = label.values.copy()
        turned[:UNTIL] *= -1.0
        other = type(label).from_arrays(bars, turned, label.end, name="turned")
        one, two = (explain(fitted, bars, label=which) for which in (label, other))
        assert one.equals(two)
        one, two = (explain(fitted, bars, label=which, in_sample=True) for which in (label, other))
        assert not one.equals(two)
        chosen = explain(fitted, bars, label=label, rows=slice(2000, 2500))
        assert not chosen.equals(explain(fitted, bars, label=label))

    def test_the_same_seed_gives_the_same_numbers(self, world):
        fitted, bars, label = world
        assert explain(fitted, bars, label=label, seed=3).equals(explain(fitted, bars, label=label, seed=3))
        assert not explain(fitted, bars, label=label, seed=3).equals(explain(fitted, bars, label=label, seed=4))

    def test_one_repeat_has_no_deviation(self, world):
        fitted, bars, label = world
        assert explain(fitted, bars, label=label, repeats=1)["std"].isna().all()

    def test_a_classifier_by_its_brier_score(self):
        bars = bars_of()
        label = label_of(bars, lambda a, b: a, noise=0.01, kind="class")
        fitted = fit(model_named("logistic", C=100.0), features(), label, bars, rows=slice(0, UNTIL))
        found = explain(fitted, bars, label=label, repeats=10)["importance"]
        # almost certain of every class: a shuffled sign is wrong in half the cases, and then costs (1)² for each class
        assert found["z0"] == pytest.approx(1.0, abs=0.12)
        assert found[["z1", "z2"]].abs().max() < 0.02

    def test_a_window_is_shuffled_as_a_whole(self):
        bars = bars_of(1200)
        label = label_of(bars, line)
        model = model_named("lstm", lookback=3, max_epochs=15, learning_rate=0.02)
        fitted = fit(model, features(), label, bars, rows=slice(0, 800), seed=1)
        found = explain(fitted, bars, label=label)["importance"]
        assert found.index[0] == "z0"
        assert found["z0"] > 3.0 * found["z1"] > 20.0 * abs(found["z2"])

    def test_the_label_is_made_anew_where_none_is_given(self):
        rng = np.random.default_rng(0)
        bars = bars_of(400)
        close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (400, 1)), axis=0))
        bars = type(bars).from_arrays(bars.timestamps, close, close, close, close, close, extras=dict(bars.extras))
        fitted = fit(LinearRegression(), features(), forward_return(bars, 3), bars, rows=slice(0, 200))
        assert explain(fitted, bars).equals(explain(fitted, bars, label=forward_return(bars, 3)))


class TestFolds:
    def test_each_fold_is_explained_on_its_own_test(self):
        bars = bars_of(1000)
        label = label_of(bars, line)
        settings = {"scheme": WalkForward(400, 150), "workers": 1}
        signal = predict_out_of_sample(LinearRegression(), features(), label, bars, importance=True, **settings)
        plain = predict_out_of_sample(LinearRegression(), features(), label, bars, **settings)
        assert signal.values.tobytes() == plain.values.tobytes()
        assert all(not record.importance for record in plain.folds)
        for record in signal.folds:
            assert list(record.importance) == ["z0", "z1", "z2"]
            assert record.importance["z0"] == pytest.approx(8.0, rel=0.35)
            assert record.importance["z1"] == pytest.approx(2.0, rel=0.35)
        table = explain(signal)
        told = [record.importance["z0"] for record in signal.folds]
        assert table.loc["z0", "importance"] == pytest.approx(np.mean(told))
        assert table.loc["z0", "std"] == pytest.approx(np.std(told, ddof=1))
        assert table["folds"].tolist() == [len(signal.folds)] * 3

    def test_labels_outside_the_test_change_nothing(self):
        """The label of the last fold's test is changed: the folds before say what they said."""
        bars = bars_of(1000)
        label = label_of(bars, line)
        changed = label.values.copy()
        changed[850:] = 7.0
        other = type(label).from_arrays(
            bars, np.where(np.isnan(label.values), np.nan, changed), label.end, name="other"
        )
        settings = {"scheme": WalkForward(400, 150), "workers": 1, "importance": True}
        one, two = (
            predict_out_of_sample(LinearRegression(), features(), which, bars, **settings).folds
            for which in (label, other)
        )
        assert [record.importance for record in one[:3]] == [record.importance for record in two[:3]]
        assert one[3].importance != two[3].importance

    def test_any_number_of_processes_says_the_same(self):
        bars = bars_of(600)
        settings = {"scheme": WalkForward(300, 100), "importance": True}
        one, two = (
            predict_out_of_sample(LinearRegression(), features(), label_of(bars, line), bars, workers=n, **settings)
            for n in (1, 2)
        )
        assert [record.importance for record in one.folds] == [record.importance for record in two.folds]

    def test_features_that_a_fold_left_out_count_in_fewer_folds(self):
        bars = bars_of(1000)
        signal = predict_out_of_sample(
            LinearRegression(),
            features(),
            label_of(bars, line),
            bars,
            WalkForward(400, 150),
            select=Select("l1", keep=2),
            importance=True,
            workers=1,
        )
        assert explain(signal)["folds"].to_dict() == {"z0": 4, "z1": 4}

    def test_blocks_of_combinatorial_tests(self):
        bars = bars_of(600)
        signal = predict_out_of_sample(
            LinearRegression(),
            features(),
            label_of(bars, line),
            bars,
            CombinatorialPurgedCV(4, 2),
            importance=True,
            workers=1,
        )
        assert explain(signal)["folds"].tolist() == [6, 6, 6]


class TestRefusals:
    def test_a_signal_that_was_not_explained(self):
        bars = bars_of(600)
        signal = predict_out_of_sample(
            LinearRegression(), features(), label_of(bars, line), bars, WalkForward(300, 100), workers=1
        )
        with pytest.raises(ModelError, match=r"were not explained; make the signal with predict_out_of_sample\(…, imp"):
            explain(signal)
        with pytest.raises(SettingsError, match="needs no bars"):
            explain(signal, bars)

    def test_bars_that_are_all_in_the_training(self, world):
        fitted, bars, label = world
        with pytest.raises(ModelError, match="no bar to look at closes after that; give later bars, or in_sample=True"):
            explain(fitted, bars, label=label, rows=slice(0, UNTIL))

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"method": "permutations"}, "did you mean 'permutation'"),
            ({"repeats": 0}, "repeats is 0; it is an int, 1 or more"),
            ({"max_samples": 1}, "max_samples is 1"),
            ({"seed": -1}, "seed is -1"),
            ({"repeats": True}, "repeats is True"),
        ],
    )
    def test_settings_out_of_range(self, world, settings, told):
        fitted, bars, label = world
        with pytest.raises(SettingsError, match=told):
            explain(fitted, bars, label=label, **settings)

    def test_what_is_neither_model_nor_signal_and_no_bars(self, world):
        with pytest.raises(SettingsError, match="takes a FittedModel or a Signal, found str"):
            explain("ridge", world[1])
        with pytest.raises(SettingsError, match="is explained on bars"):
            explain(world[0])

    def test_a_label_of_other_bars_or_none_that_can_be_made(self, world):
        fitted, bars, label = world
        with pytest.raises(ModelError, match="is of other bars"):
            explain(fitted, bars[:2900], label=label)
        with pytest.raises(LabelError, match="made of arrays"):
            explain(fitted, bars)

    def test_no_label_at_all(self, world):
        fitted, bars, label = world
        with pytest.raises(ModelError, match="0 samples of the 1 bars"):
            explain(fitted, bars, label=label, rows=slice(2999, 3000))
