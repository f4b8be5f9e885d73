"""SHAP values against closed forms and against the definition of Shapley, and per trade of a run."""

from __future__ import annotations

import itertools
import math
import sys

import lightgbm
import numpy as np
import pandas as pd
import pytest
from explain_worlds import UNTIL, bars_of, features, label_of
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from backtester import Bars, Costs, run
from backtester.errors import ModelError, SettingsError
from backtester.signals import Features, explain, fit, forward_return, shap_per_trade, shap_values
from backtester.signals.plugins import model_named
from strategies.model import ModelStrategy

DAY = 86_400_000_000_000


def steps(a, b):
    return np.where(a > 0.0, 1.0, 0.0) + np.where((a > 0.0) & (b > 0.5), 2.0, 0.0)


def fitted_to(model, function=steps, kind="return", n_bars=2000, until=UNTIL, **settings):
    bars = bars_of(n_bars)
    label = label_of(bars, function, kind=kind)
    return fit(model, features(), label, bars, rows=slice(0, until), seed=1, **settings), bars


class TestLinearModels:
    @pytest.mark.parametrize("scaler", ["standard", "robust", None])
    def test_coefficient_times_distance_from_the_mean_of_the_training(self, scaler):
        """For a linear model the Shapley value of a feature is β (x − mean), whatever order features come in."""
        fitted, bars = fitted_to(Ridge(alpha=1e-6), lambda a, b: 2.0 * a - b, scaler=scaler)
        found = shap_values(fitted, bars)
        panel = features().compute(bars)[:, 0]
        rows = np.arange(UNTIL, len(panel))
        x = panel if scaler is None else fitted.learnt.scaler.transform(panel).astype(np.float64)
        centre = x[: UNTIL - 1].mean(axis=0)  # the label of the last bar reads the one after the training
        expected = fitted.learnt.model.coef_ * (x[rows] - centre)
        # without a standard scaler the mean is taken from the hundredths of the training range
        np.testing.assert_allclose(found.values, expected, atol=1e-6 if scaler == "standard" else 0.03)
        assert found.unit == "signal"
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.signal, atol=1e-12)
        np.testing.assert_allclose(found.signal, fitted.predict(bars).values[rows, 0])
        assert found.timestamps.tolist() == bars.timestamps[rows].tolist()

    def test_logistic_regression_is_additive_in_log_odds(self):
        fitted, bars = fitted_to(model_named("logistic"), lambda a, b: a - b, kind="class")
        found = shap_values(fitted, bars)
        chances = fitted.predict(bars).probabilities[UNTIL:, 0]
        assert found.unit == "score"
        odds = np.log(chances[:, 1] / chances[:, 0])
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), odds, atol=1e-9)


def shapley_of_tree(tree, x):
    """Return Shapley's values of a tree by their definition: the mean over all orders of what a feature adds.

    What is said where only some features are known follows the tree, and takes both ways by their training weight where
    a feature is not known.
    """
    n = len(x)

    def said(node, known):
        if tree.children_left[node] < 0:
            return tree.value[node, 0, 0]
        left, right = tree.children_left[node], tree.children_right[node]
        feature = tree.feature[node]
        if feature in known:
            return said(left if np.float32(x[feature]) <= tree.threshold[node] else right, known)
        weights = tree.weighted_n_node_samples
        return (weights[left] * said(left, known) + weights[right] * said(right, known)) / weights[node]

    values = np.zeros(n)
    for order in itertools.permutations(range(n)):
        known: set[int] = set()
        for feature in order:
            before = said(0, known)
            known.add(feature)
            values[feature] += said(0, known) - before
    return values / math.factorial(n)


class TestTrees:
    def test_a_tree_by_the_definition(self):
        fitted, bars = fitted_to(DecisionTreeRegressor(max_depth=4, min_samples_leaf=20))
        found = shap_values(fitted, bars, max_samples=25)
        panel = features().compute(bars)[:, 0]
        rows = np.searchsorted(bars.timestamps, found.timestamps)
        x = fitted.learnt.scaler.transform(panel[rows])
        tree = fitted.learnt.model.tree_
        expected = np.array([shapley_of_tree(tree, one) for one in x])
        assert tree.node_count > 8
        np.testing.assert_allclose(found.values, expected, atol=1e-9)
        assert found.base == pytest.approx(tree.value[0, 0, 0])

    @pytest.mark.parametrize("scaler", ["standard", None])
    @pytest.mark.parametrize(
        "model",
        [
            model_named("random_forest", n_estimators=5),
            model_named("gradient_boosting", library="lightgbm", n_estimators=10),
            model_named("gradient_boosting", library="scikit-learn", n_estimators=10),
            GradientBoostingRegressor(n_estimators=5),
            HistGradientBoostingRegressor(max_iter=5),
            lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1),
        ],
        ids=lambda one: f"{type(one).__module__.partition('.')[0]} {type(one).__name__}",
    )
    def test_values_add_up_to_the_signal(self, model, scaler):
        fitted, bars = fitted_to(model, scaler=scaler)
        found = shap_values(fitted, bars)
        assert found.unit == "signal"
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.signal, atol=1e-6)
        np.testing.assert_allclose(found.signal, fitted.predict(bars).values[UNTIL:, 0])
        size = np.abs(found.values).mean(axis=0)
        assert size[0] > size[1] > 3.0 * size[2]

    def test_a_forest_of_classes_adds_up_to_the_expected_class(self):
        fitted, bars = fitted_to(
            model_named("random_forest_classifier", n_estimators=5), lambda a, b: a - b, kind="class"
        )
        found = shap_values(fitted, bars)
        assert found.unit == "signal"
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), fitted.predict(bars).values[UNTIL:, 0])

    @pytest.mark.parametrize(
        "model",
        [
            HistGradientBoostingClassifier(max_iter=5),
            model_named("gradient_boosting_classifier", library="lightgbm", n_estimators=5),
        ],
        ids=["scikit-learn", "lightgbm"],
    )
    def test_boosting_of_classes_is_additive_in_log_odds(self, model):
        fitted, bars = fitted_to(model, lambda a, b: a - b, kind="class")
        found = shap_values(fitted, bars)
        chances = fitted.predict(bars).probabilities[UNTIL:, 0]
        assert found.unit == "score"
        odds = np.log(chances[:, 1] / chances[:, 0])
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), odds, atol=1e-6)

    def test_importance_is_the_mean_size(self):
        fitted, bars = fitted_to(model_named("random_forest", n_estimators=5))
        found = explain(fitted, bars, method="shap", max_samples=100)
        values = shap_values(fitted, bars, max_samples=100).values
        assert found.index.tolist() == ["z0", "z1", "z2"]
        np.testing.assert_allclose(found["importance"], np.abs(values).mean(axis=0))

    def test_as_a_frame(self):
        fitted, bars = fitted_to(model_named("random_forest", n_estimators=5))
        frame = shap_values(fitted, bars, max_samples=10).to_frame()
        assert frame.columns.tolist() == ["symbol", "signal", "base", "shap:z0", "shap:z1", "shap:z2"]
        np.testing.assert_allclose(frame["base"] + frame.filter(like="shap:").sum(axis=1), frame["signal"])
        assert len(frame) == 10


class TestRefusals:
    @pytest.mark.parametrize("name", ["svm", "naive", "ar1", "mlp", "lstm"])
    def test_other_models(self, name):
        model = model_named(name)
        if "max_epochs" in model.get_params():
            model.set_params(max_epochs=1)
        fitted, bars = fitted_to(model, n_bars=400, until=300)
        with pytest.raises(ModelError, match=rf"{type(model).__name__} is neither; take method='permutation'"):
            shap_values(fitted, bars)
        with pytest.raises(ModelError, match="take method='permutation'"):
            explain(fitted, bars, method="shap")

    def test_without_shap(self, monkeypatch):
        fitted, bars = fitted_to(Ridge(), n_bars=400, until=300)
        monkeypatch.setitem(sys.modules, "shap", None)
        with pytest.raises(ModelError, match=r"need shap, which is not installed; pip install 'backtester\[explain\]'"):
            shap_values(fitted, bars)

    @pytest.mark.parametrize("most", [0, -1, True, 2.5])
    def test_a_number_of_samples_that_is_none(self, most):
        fitted, bars = fitted_to(Ridge(), n_bars=400, until=300)
        with pytest.raises(SettingsError, match="max_samples is"):
            shap_values(fitted, bars, max_samples=most)

    def test_bars_of_the_training_alone(self):
        fitted, bars = fitted_to(Ridge(), n_bars=400, until=300)
        with pytest.raises(ModelError, match="no bar to look at closes after that"):
            shap_values(fitted, bars[:250])


@pytest.fixture(scope="module")
def traded():
    rng = np.random.default_rng(2)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (400, 2)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.004, close.shape))
    high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
    bars = Bars.from_arrays(DAY * np.arange(1, 401), open_, high, low, close, close * 0 + 1e7)
    known = Features(["log_return(1)", "log_return(5)", "rsi(14)"])
    fitted = fit(model_named("random_forest", n_estimators=8), known, forward_return(bars, 2), bars, rows=slice(0, 250))
    result = run(ModelStrategy(signal=fitted, rule="sign"), bars, costs=Costs(commission=0.001))
    return result, fitted, bars


class TestPerTrade:
    def test_the_values_are_those_of_the_bar_before_the_entry(self, traded):
        """Orders are sent at the close of a bar and fill at the open of the next."""
        result, fitted, bars = traded
        table = shap_per_trade(result, fitted)
        trades = result.trades
        assert len(table) == len(trades) > 20
        assert table.index.equals(trades.index)
        assert table["symbol"].tolist() == trades["symbol"].tolist()
        before = (trades["entry_time"] - pd.Timedelta(days=1)).tolist()
        assert table["decided"].tolist() == before
        assert not table["in_sample"].any()
        assert len(shap_values(fitted, bars).to_frame()) == 2 * 150, "two assets at every bar"
        whole = shap_values(fitted, bars).to_frame().reset_index().set_index(["time", "symbol"])
        for _, row in table.iterrows():
            same = whole.loc[(row["decided"], row["symbol"])]
            np.testing.assert_allclose(
                row.filter(like="shap:").astype(float), same.filter(like="shap:").astype(float), atol=1e-12
            )
            assert row["signal"] == pytest.approx(same["signal"])
        np.testing.assert_allclose(table["base"] + table.filter(like="shap:").sum(axis=1), table["signal"])

    def test_the_sign_of_the_signal_is_that_of_the_trade(self, traded):
        result, fitted, _ = traded
        table = shap_per_trade(result, fitted)
        assert (np.sign(table["signal"]) == np.sign(result.trades["quantity"])).all()

    def test_it_is_stored_on_request(self, traded, tmp_path):
        result, fitted, _ = traded
        table = shap_per_trade(result, fitted, path=tmp_path / "shap.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "shap.parquet"), table)
        with pytest.raises(ModelError, match="cannot be written"):
            shap_per_trade(result, fitted, path=tmp_path / "nowhere" / "shap.parquet")

    def test_a_run_over_a_part_takes_the_features_of_the_whole(self, traded):
        """The run begins after the training, too late for its first features to be computed from its own bars."""
        _, fitted, bars = traded
        signal = fitted.predict(bars)
        result = run(ModelStrategy(signal=signal, rule="sign"), bars[260:])
        alone, whole = shap_per_trade(result, fitted), shap_per_trade(result, fitted, bars)
        assert alone["signal"].isna().any()
        assert whole["signal"].notna().all()
        both = alone["signal"].notna()
        np.testing.assert_allclose(alone.loc[both, "base"], whole.loc[both, "base"])

    def test_a_trade_inside_the_training_is_told(self, traded):
        _, fitted, bars = traded
        result = run(ModelStrategy(signal=fitted, rule="sign", allow_future=True), bars)
        found = shap_per_trade(result, fitted)["in_sample"]
        assert found.any()
        assert not found.all()

    def test_bars_that_lack_a_trade(self, traded):
        result, fitted, bars = traded
        with pytest.raises(ModelError, match="bars lack the bar at 1971"):
            shap_per_trade(result, fitted, bars[:380])

    def test_a_run_without_trades(self, traded):
        _, fitted, bars = traded
        result = run(ModelStrategy(signal=fitted, rule="sign"), bars[:251])
        assert len(result.trades) == 0
        assert shap_per_trade(result, fitted).empty
