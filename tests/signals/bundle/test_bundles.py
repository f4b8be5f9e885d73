"""Bundles: what comes back says what was saved, for every shipped model, and bar by bar what it says in a batch."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from bundle_worlds import UNTIL, OwnModel, features, file_of, fitted, fitted_with, random_bars, ridge
from safetensors.numpy import load as load_tensors
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Lasso
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from backtester.errors import ModelError
from backtester.signals import (
    External,
    Features,
    Label,
    PurgedKFold,
    Search,
    Select,
    direction,
    fit,
    forward_return,
    load_model,
    model_manifest,
    save_model,
)
from backtester.signals.plugins import model_named, plugins

ROOT = Path(__file__).resolve().parents[3]
MODELS = [name for name, found in plugins().items() if found[0].package == "backtester"]
STORED = {"ridge": "skops", "svm": "skops", "lstm": "safetensors", "ar1": "safetensors", "gradient_boosting": "txt"}


def same(one, other):
    assert one.values.tobytes() == other.values.tobytes()
    assert (one.probabilities is None) == (other.probabilities is None)
    if one.probabilities is not None:
        assert one.probabilities.tobytes() == other.probabilities.tobytes()
    assert one.classes == other.classes
    assert one.trained_until.tolist() == other.trained_until.tolist()


@pytest.mark.parametrize("name", MODELS)
class TestEveryShippedModel:
    def test_it_comes_back_and_says_the_same_bits(self, name, tmp_path):
        model, bars = fitted(name)
        save_model(model, tmp_path / "model")
        again = load_model(tmp_path / "model")
        said = model.predict(bars)
        assert np.isfinite(said.values[UNTIL:]).sum() > 100, "a test of nothing"
        same(again.predict(bars), said)
        assert type(again.learnt.model) is type(model.learnt.model)
        assert again.recipe.model.get_params() == model.recipe.model.get_params()
        assert again.learnt.model.get_params() == model.learnt.model.get_params()

    def test_bar_by_bar_it_says_what_it_says_in_a_batch(self, name, tmp_path):
        model, bars = fitted(name)
        save_model(model, tmp_path / "model")
        again = load_model(tmp_path / "model")
        batch = model.predict(bars)
        moments = np.random.default_rng(5).choice(np.arange(UNTIL, bars.n_bars), 12, replace=False)
        spoken = 0
        for t in moments.tolist():
            for one in (model, again):
                now = one.predict(bars[: t + 1])
                np.testing.assert_allclose(now.values[-1], batch.values[t], rtol=0, atol=1e-6)
                if batch.probabilities is not None:
                    np.testing.assert_allclose(now.probabilities[-1], batch.probabilities[t], rtol=0, atol=1e-6)
            spoken += int(np.isfinite(batch.values[t]).sum())
        assert spoken >= 12

    def test_the_weights_lie_in_the_format_of_their_kind(self, name, tmp_path):
        model, _ = fitted(name)
        save_model(model, tmp_path / "model")
        suffix = file_of(tmp_path / "model", "model").suffix[1:]
        assert suffix in ("skops", "safetensors", "txt")
        assert suffix == STORED.get(name, suffix)
        for path in (tmp_path / "model").iterdir():
            assert path.read_bytes()[:1] != b"\x80", "a pickle of protocol 2 or later begins so"


class TestWhatComesBack:
    def test_everything_else(self, tmp_path):
        space = {"alpha": [1.0, 100.0]}
        model = fitted_with(
            ridge(),
            select=Select("l1", keep=2),
            search=Search(space, metric="mse", inner=PurgedKFold(2, embargo=3)),
            weights="uniqueness",
            scaler="robust",
            seed=11,
        )
        save_model(model, tmp_path / "model")
        again = load_model(tmp_path / "model")
        assert again.columns == model.columns
        assert len(again.columns) == 2
        assert again.recipe.features == model.recipe.features
        assert again.learnt.scaler == model.learnt.scaler
        assert again.learnt.cleaning == model.learnt.cleaning
        assert again.learnt.quantiles.tobytes() == model.learnt.quantiles.tobytes()
        assert again.learnt.settings == model.learnt.settings
        assert again.learnt.settings["alpha"] in space["alpha"]
        assert again.learnt.tried == model.learnt.tried
        assert again.recipe.select == model.recipe.select
        assert again.recipe.search == model.recipe.search
        for name in ("weights", "scaler", "seed", "label_name", "label_kind", "label_spec", "classes"):
            assert getattr(again.recipe, name) == getattr(model.recipe, name), name
        for name in ("symbols", "trained_from", "trained_until", "seed", "name"):
            assert getattr(again, name) == getattr(model, name), name
        assert (again.learnt.n_samples, again.learnt.last_row) == (model.learnt.n_samples, model.learnt.last_row)

    def test_ranges_of_a_search_stay_ranges_and_lists_stay_lists(self, tmp_path):
        """A tuple is a range and a list are values, which JSON alone would not tell apart."""
        for space in ({"alpha": (1.0, 10.0, "log")}, {"alpha": [1.0, 10.0]}):
            model = fitted_with(ridge(), search=Search(space, method="random", n_trials=2, metric="mse"))
            save_model(model, tmp_path / "model")
            again = load_model(tmp_path / "model").recipe.search
            assert again == model.recipe.search
            assert type(again.space["alpha"]) is type(space["alpha"])

    def test_a_search_that_no_manifest_can_hold_is_left_out_and_its_words_stay(self, tmp_path):
        space = {"regressor": [Lasso(alpha=1e-4), Lasso(alpha=1e-3)]}
        model = TransformedTargetRegressor(Lasso(alpha=1e-4), func=None)
        model = fitted_with(model, search=Search(space, metric="mse"))
        save_model(model, tmp_path / "model")
        assert load_model(tmp_path / "model").recipe.search is None
        assert model_manifest(tmp_path / "model")["search"]["space"] == {"regressor": {"values": ["Lasso", "Lasso"]}}

    def test_a_model_without_scaler_and_cleaning(self, tmp_path):
        model = fitted_with(ridge(), scaler=None)
        save_model(model, tmp_path / "model")
        again = load_model(tmp_path / "model")
        assert again.learnt.scaler is None
        same(again.predict(random_bars()), model.predict(random_bars()))

    def test_the_label_can_be_made_again(self, tmp_path):
        model = fitted_with(ridge())
        save_model(model, tmp_path / "model")
        bars = random_bars()
        again = Label.from_spec(load_model(tmp_path / "model").recipe.label_spec, bars)
        assert again.values.tobytes() == forward_return(bars, 2).values.tobytes()

    def test_a_model_of_a_package_with_settings_of_tuples(self, tmp_path):
        model = fitted_with(OwnModel(factor=3.0, pair=(4, (5, 6))))
        save_model(model, tmp_path / "model")
        again = load_model(tmp_path / "model").learnt.model
        assert again.get_params() == {"factor": 3.0, "pair": (4, (5, 6)), "anything": None}
        assert again.mean_ == model.learnt.model.mean_

    @pytest.mark.parametrize(
        "model",
        [
            Lasso(alpha=1e-4),
            HistGradientBoostingRegressor(max_iter=5),
            make_pipeline(StandardScaler(), Lasso(alpha=1e-4)),
            MLPRegressor(hidden_layer_sizes=(4,), max_iter=3),
        ],
        ids=lambda one: type(one).__name__,
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_estimators_of_scikit_learn_itself(self, model, tmp_path):
        model = fitted_with(model)
        save_model(model, tmp_path / "model")
        same(load_model(tmp_path / "model").predict(random_bars()), model.predict(random_bars()))

    @pytest.mark.parametrize("horizon", [0.0, 0.01])
    @pytest.mark.parametrize("learns", ["return", "class"])
    def test_models_of_lightgbm_itself(self, learns, horizon, tmp_path):
        """A threshold of 0 makes two classes, one above it three."""
        bars = random_bars()
        settings = {"n_estimators": 4, "verbose": -1, "n_jobs": 1, "min_child_samples": 5}
        model = lightgbm.LGBMRegressor(**settings) if learns == "return" else lightgbm.LGBMClassifier(**settings)
        label = forward_return(bars, 2) if learns == "return" else direction(bars, 2, threshold=horizon)
        found = fit(model, features(), label, bars, rows=slice(0, UNTIL), seed=1)
        save_model(found, tmp_path / "model")
        assert file_of(tmp_path / "model", "model").read_text().startswith("tree\n")
        again = load_model(tmp_path / "model")
        same(again.predict(bars), found.predict(bars))
        if learns == "class":
            x = np.random.default_rng(0).normal(size=(20, 4))
            assert again.learnt.model.predict(x).tolist() == found.learnt.model.predict(x).tolist()

    def test_boosting_by_scikit_learn_is_a_skops_file(self, tmp_path):
        model = fitted_with(model_named("gradient_boosting", library="scikit-learn", n_estimators=5))
        save_model(model, tmp_path / "model")
        assert file_of(tmp_path / "model", "model").suffix == ".skops"
        same(load_model(tmp_path / "model").predict(random_bars()), model.predict(random_bars()))

    def test_another_process_says_the_same(self, tmp_path):
        model, bars = fitted("random_forest")
        save_model(model, tmp_path / "model")
        code = (
            "from bundle_worlds import random_bars; from backtester.signals import load_model\n"
            f"print(load_model({str(tmp_path / 'model')!r}).predict(random_bars()).digest)"
        )
        path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == model.predict(bars).digest


class TestFeatures:
    def test_those_of_the_fit_may_be_given(self, tmp_path):
        model = fitted_with(ridge())
        save_model(model, tmp_path / "model")
        mine = features()
        assert load_model(tmp_path / "model", features=mine).recipe.features is mine

    def test_functions_and_arrays_without_an_address_are_given_again(self, tmp_path):
        bars = random_bars()
        news = External(np.random.default_rng(1).normal(size=bars.close.shape), "news", bars.timestamps)

        def span(bars):
            return bars.high / bars.low * np.exp(bars.close / 1e3)

        model = fit(ridge(), Features(["log_return(1)", span, news]), forward_return(bars), bars, rows=slice(0, UNTIL))
        save_model(model, tmp_path / "model")
        again = load_model(tmp_path / "model", functions={"span": span}, external={"news": news})
        same(again.predict(bars), model.predict(bars))


class TestTheManifest:
    def test_it_tells_length_and_hash_of_every_file(self, tmp_path):
        model, _ = fitted("ridge")
        save_model(model, tmp_path / "model")
        content = json.loads((tmp_path / "model" / "manifest.json").read_text())
        files = {p.name: p.read_bytes() for p in (tmp_path / "model").iterdir() if p.name != "manifest.json"}
        told = {one["name"]: (one["bytes"], one["sha256"]) for one in content["files"].values()}
        assert told == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
        assert content["kind"] == "backtester model"

    def test_it_says_what_the_model_is(self, tmp_path):
        model, bars = fitted("ridge")
        save_model(model, tmp_path / "model", metrics={"ic": 0.031, "hit_rate": float("nan")})
        content = model_manifest(tmp_path / "model")
        assert content["model"]["class"] == "strategies.models.ridge:Ridge"
        assert (content["model"]["plugin"], content["model"]["package"]) == ("ridge", "backtester")
        assert content["model"]["settings"] == {"alpha": 100.0}
        assert content["features"]["names"] == ["log_return(1)", "log_return(5)", "rsi(14)", "body"]
        assert content["features"]["digest"] == features().digest
        assert content["label"]["name"] == "forward_return(2)"
        assert content["data"]["symbols"] == list(bars.symbols)
        assert content["data"]["trained_until"] == int(bars.timestamps[UNTIL - 1])
        assert content["data"]["cutoff"].startswith("1970-09-18")  # day 260 from the first of January, 261 in all
        assert content["metrics"] == {"ic": 0.031, "hit_rate": "nan"}
        assert {"backtester", "python", "numpy", "scikit-learn", "skops"} <= set(content["versions"])

    def test_the_numbers_beside_the_model_are_tensors_that_others_read(self, tmp_path):
        model, _ = fitted("ridge")
        save_model(model, tmp_path / "model")
        found = load_tensors(file_of(tmp_path / "model", "fit").read_bytes())
        assert found["scaler.centre"].tobytes() == model.learnt.scaler.centre.tobytes()
        assert found["columns"].tolist() == [0, 1, 2, 3]

    def test_an_earlier_model_is_replaced_and_nothing_is_left_of_it(self, tmp_path):
        for alpha in (1.0, 2.0):
            save_model(fitted_with(ridge(alpha=alpha)), tmp_path / "model")
        assert load_model(tmp_path / "model").learnt.model.alpha == 2.0
        assert len(list((tmp_path / "model").iterdir())) == 3

    @pytest.mark.parametrize("metrics", [3.0, "good", [1]])
    def test_metrics_that_are_none(self, metrics, tmp_path):
        with pytest.raises(ModelError, match="it is a dict or a Series of numbers"):
            save_model(fitted("ridge")[0], tmp_path / "model", metrics=metrics)
