"""Bundles that are not what they should be: damaged, forged, of another time, or of a model that cannot be stored.

What a forged file would do, had it been read, is looked for: it would make a file.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import pickle
import sys
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from bundle_worlds import (
    OwnModel,
    PlainModel,
    body,
    features,
    file_of,
    fitted,
    fitted_with,
    random_bars,
    replace,
    rewrite,
    ridge,
    twice,
)
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.linear_model import Lasso
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from backtester.errors import FeatureError, ModelError
from backtester.signals import (
    Features,
    Function,
    Shipped,
    Signal,
    fit,
    forward_return,
    load_model,
    model_manifest,
    save_model,
)
from backtester.signals.bundle.trees import check_trees
from backtester.signals.plugins import Plugin, model_named

KINDS = {"skops": "ridge", "trees": "random_forest", "safetensors": "mlp", "txt": "gradient_boosting"}


@pytest.fixture(params=KINDS)
def any_bundle(request, tmp_path) -> Path:
    save_model(fitted(KINDS[request.param])[0], tmp_path / "model")
    return tmp_path / "model"


def saved(name, tmp_path) -> Path:
    save_model(fitted(name)[0], tmp_path / "model")
    return tmp_path / "model"


class Bomb:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class TestDamage:
    def test_flipped_bytes_in_every_file(self, any_bundle):
        for path in sorted(any_bundle.iterdir()):
            data = path.read_bytes()
            for at in {*range(0, len(data), max(1, len(data) // 40)), len(data) - 2}:
                flipped = bytearray(data)
                flipped[at] ^= 1
                path.write_bytes(flipped)
                with pytest.raises(ModelError):
                    load_model(any_bundle)
            path.write_bytes(data)
        load_model(any_bundle)

    def test_a_file_that_is_cut_off_or_missing_is_named(self, any_bundle):
        for part in ("model", "fit"):
            path = file_of(any_bundle, part)
            data = path.read_bytes()
            path.write_bytes(data[:-5])
            with pytest.raises(
                ModelError, match=f"{path.name}: the file has {len(data) - 5} bytes, and had {len(data)}"
            ):
                load_model(any_bundle)
            path.unlink()
            with pytest.raises(ModelError, match=f"{path.name}: the file is missing"):
                load_model(any_bundle)
            path.write_bytes(data)

    def test_the_manifest_cut_off_altered_or_gone(self, tmp_path):
        folder = saved("ridge", tmp_path)
        path = folder / "manifest.json"
        text = path.read_text()
        path.write_text(text.replace('"seed": 7', '"seed": 8'))
        with pytest.raises(ModelError, match=r"manifest\.json: it was altered: its checksum does not fit"):
            load_model(folder)
        path.write_text(text[:300])
        with pytest.raises(ModelError, match="it is no JSON: cut off"):
            load_model(folder)
        path.unlink()
        with pytest.raises(ModelError, match=r"there is no manifest\.json, so it is no backtester model"):
            load_model(folder)
        with pytest.raises(ModelError, match="there is no such directory"):
            load_model(tmp_path / "nothing")

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda c: c.update(format=9), r"format 9, written by backtester .*; this version reads format 1"),
            (lambda c: c.update(kind="backtester agent"), "kind is 'backtester agent'"),
            (lambda c: c.update(schema="0" * 64), "its schema is another"),
            (lambda c: c["label"].update(classes=[-1, 1]), "its schema is another"),
            (lambda c: c["label"].pop("kind"), "does not fit together"),
            (lambda c: c.pop("features"), "does not fit together"),
            (lambda c: c.pop("model"), "does not fit together"),
            (lambda c: c["features"].update(digest="0" * 64), "fitted on other features"),
            (lambda c: c["features"]["names"].append("sma(5)"), r"fitted on other features.*|its schema is another"),
            (lambda c: c.update(select={"method": "magic", "keep": 2, "rows": 10}), "method is 'magic'"),
            (lambda c: c.update(scaler="robust_"), "method is 'robust_'"),
            (lambda c: c["files"].pop("fit"), "must list fit and model"),
            (lambda c: c.update(files=[]), "it lists no files"),
            (lambda c: c["files"]["model"].update(name="../../secret"), "which is no name of ours"),
            (lambda c: c["model"].update(stored="pickle"), "stored as 'pickle', which this version does not know"),
            (lambda c: c["model"].update(stored="arrays"), "is no safetensors file"),
        ],
    )
    def test_a_manifest_that_does_not_fit(self, change, told, tmp_path):
        folder = saved("ridge", tmp_path)
        rewrite(folder, change)
        with pytest.raises((ModelError, FeatureError, ValueError), match=told) as error:
            load_model(folder)
        assert str(folder) in str(error.value), "the message says which bundle"

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("columns", np.array([0, 1, 2, 4]), "not increasing numbers from 0 to 3"),
            ("columns", np.array([1, 0, 2, 3]), "not increasing"),
            ("columns", np.array([0.0, 1.0]), "columns are float64"),
            ("columns", np.array([0, 1, 2]), "its schema is another"),
            ("quantiles", np.zeros((4, 100)), "quantiles are float64 of shape"),
            ("scaler.centre", np.zeros(3), "centre must be one finite number for each of the 4"),
            ("scaler.scale", np.zeros(4), "must be above 0"),
            ("cleaning.lower", np.full(4, np.nan), "lower must be one number for each"),
        ],
    )
    def test_numbers_that_do_not_fit(self, name, value, told, tmp_path):
        folder = saved("ridge", tmp_path)
        tensors = {key: np.array(one) for key, one in load_tensors(file_of(folder, "fit").read_bytes()).items()}
        replace(folder, "fit", save_tensors({**tensors, name: value}))
        with pytest.raises(ValueError, match=told):
            load_model(folder)

    def test_weights_that_do_not_fit_the_settings(self, tmp_path):
        folder = saved("mlp", tmp_path)
        tensors = {key: np.array(one) for key, one in load_tensors(file_of(folder, "model").read_bytes()).items()}
        first = next(key for key, one in tensors.items() if one.ndim == 2 and key.startswith("network"))
        replace(folder, "model", save_tensors({**tensors, first: tensors[first][:, :-1].copy()}))
        with pytest.raises(ModelError, match="the weights do not fit the settings"):
            load_model(folder)
        tensors.pop("label_mean")
        replace(folder, "model", save_tensors(tensors))
        with pytest.raises(ModelError, match="the array 'label_mean' is missing"):
            load_model(folder)

    def test_half_a_text_of_lightgbm(self, tmp_path):
        folder = saved("gradient_boosting", tmp_path)
        text = file_of(folder, "model").read_bytes()
        replace(folder, "model", text[: len(text) // 2])
        with pytest.raises(ModelError, match="text"):
            load_model(folder)

    def test_an_agent_is_no_model(self, tmp_path):
        (tmp_path / "agent").mkdir()
        (tmp_path / "agent" / "manifest.json").write_text(json.dumps({"kind": "backtester agent"}))
        with pytest.raises(ModelError, match="not the manifest of a backtester model: kind is 'backtester agent'"):
            load_model(tmp_path / "agent")
        with pytest.raises(ModelError, match="not the manifest of a backtester model"):
            model_manifest(tmp_path / "agent")


class TestPickles:
    @pytest.mark.parametrize("part", ["model", "fit"])
    @pytest.mark.parametrize("how", ["pickle", "joblib", "numpy", "zip"])
    def test_in_the_place_of_a_file(self, any_bundle, part, how, tmp_path):
        bomb = Bomb(tmp_path / "exploded")
        data = io.BytesIO()
        if how == "pickle":
            pickle.dump(bomb, data)
        elif how == "joblib":
            joblib.dump(bomb, data)
        elif how == "numpy":
            np.save(data, np.array([bomb], object), allow_pickle=True)
        else:
            with zipfile.ZipFile(data, "w") as file:
                file.writestr("data.pkl", pickle.dumps(bomb))
        replace(any_bundle, part, data.getvalue())
        with pytest.raises(ModelError, match=r"nothing was unpickled|is no text of LightGBM"):
            load_model(any_bundle)
        assert not (tmp_path / "exploded").exists()

    def test_in_the_place_of_the_manifest_and_as_a_single_file(self, tmp_path):
        folder = saved("ridge", tmp_path)
        (folder / "manifest.json").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
        with pytest.raises(ModelError, match="it is no JSON"):
            load_model(folder)
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
        with pytest.raises(ModelError, match=r"it is a file.*never opened here"):
            load_model(path)
        assert not (tmp_path / "exploded").exists()

    def test_beside_the_files_of_a_bundle_it_is_not_looked_at(self, tmp_path):
        folder = saved("ridge", tmp_path)
        (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
        load_model(folder)
        assert not (tmp_path / "exploded").exists()
        with pytest.raises(
            ModelError, match=r"holds model\.pkl; only an empty directory or an earlier backtester model"
        ):
            save_model(fitted("ridge")[0], folder)

    def test_inside_an_array_of_a_skops_file(self, tmp_path):
        """skops stores arrays as .npy files; one with objects inside is a pickle."""
        folder = saved("ridge", tmp_path)
        data = io.BytesIO()
        np.save(data, np.array([Bomb(tmp_path / "exploded")], object), allow_pickle=True)
        found, forged = zipfile.ZipFile(file_of(folder, "model")), io.BytesIO()
        with zipfile.ZipFile(forged, "w") as file:
            for name in found.namelist():
                file.writestr(name, data.getvalue() if name.endswith(".npy") else found.read(name))
        found.close()
        replace(folder, "model", forged.getvalue())
        with pytest.raises(ModelError, match="cannot be put together"):
            load_model(folder)
        assert not (tmp_path / "exploded").exists()


def forge(folder: Path, node: dict) -> None:
    """Put an object of another kind into the settings of the estimator of a skops file."""
    found, forged = zipfile.ZipFile(file_of(folder, "model")), io.BytesIO()
    schema = json.loads(found.read("schema.json"))
    fitted_node = schema["content"]["fitted"]
    fitted_node["content"]["content"]["alpha"] = node
    with zipfile.ZipFile(forged, "w") as file:
        for name in found.namelist():
            file.writestr(name, json.dumps(schema) if name == "schema.json" else found.read(name))
    found.close()
    replace(folder, "model", forged.getvalue())


def plain(value):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def tuple_of(*nodes):
    return {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": list(nodes)}


class TestForgedEstimators:
    @pytest.mark.parametrize(
        ("module", "name"),
        [
            ("os", "system"),
            ("builtins", "eval"),
            ("subprocess", "Popen"),
            ("joblib", "load"),
            ("sklearn.utils._testing", "TempMemmap"),
            ("numpy.testing._private.utils", "runstring"),
            ("strategies.models._arrays", "read_fit"),
            ("strategies.models", "import_module"),
            ("sklearn.base", "pickle"),
        ],
    )
    @pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ObjectNode", "ConstructorFromReduceNode"])
    def test_a_function_or_a_class_of_elsewhere_is_refused_by_name(self, loader, module, name, tmp_path):
        folder = saved("ridge", tmp_path)
        marker = f"touch {tmp_path / 'exploded'}"
        node = {"__class__": name, "__module__": module, "__loader__": loader}
        if loader == "ConstructorFromReduceNode":
            node["content"] = tuple_of(plain(marker))
        forge(folder, node)
        with pytest.raises(ModelError, match=f"the skops file of the model holds '{module}.{name}'"):
            load_model(folder)
        assert not (tmp_path / "exploded").exists()

    def test_a_call_of_a_function_is_refused(self, tmp_path):
        folder = saved("ridge", tmp_path)
        empty = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}}
        empty["key_types"] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
        content = {
            "func": {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"},
            "args": tuple_of(plain(f"touch {tmp_path / 'exploded'}")),
            "kwds": empty,
            "namespace": empty,
        }
        forge(
            folder, {"__class__": "partial", "__module__": "functools", "__loader__": "PartialNode", "content": content}
        )
        with pytest.raises(ModelError, match=r"the skops file of the model holds 'functools\.partial' and 1 others"):
            load_model(folder)
        assert not (tmp_path / "exploded").exists()

    def test_an_estimator_of_another_class_than_the_manifest_says(self, tmp_path):
        folder = saved("ridge", tmp_path)
        rewrite(folder, lambda c: c["model"].update(plugin="svm", **{"class": "strategies.models.svm:SVM"}))
        with pytest.raises(ModelError, match="the file holds 'Ridge', and must hold 'SVM'"):
            load_model(folder)

    def test_estimators_of_the_package_of_the_model_are_read(self, tmp_path):
        """The forged settings are an estimator of the same package: harmless, and never looked at by `predict`."""
        folder = saved("ridge", tmp_path)
        forge(folder, {"__class__": "Naive", "__module__": "strategies.models.naive", "__loader__": "ObjectNode"})
        assert type(load_model(folder).learnt.model.alpha).__name__ == "Naive"


class TestForgedTrees:
    def forest(self, **settings):
        found = fitted_with(model_named("random_forest", n_estimators=2, min_samples_leaf=30, **settings))
        return found.learnt.model

    def change(self, forest, field, node, value):
        """Return the forest with a number of a node changed, as a forged file would have it."""
        tree = forest.estimators_[1].tree_
        state = tree.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][field][node] = value
        tree.__setstate__(state)
        return forest

    def test_a_whole_forest_passes(self):
        forest = self.forest()
        assert forest.estimators_[1].tree_.node_count > 3
        check_trees(forest)

    @pytest.mark.parametrize("value", [10**9, -5, 0])
    @pytest.mark.parametrize("field", ["left_child", "right_child"])
    def test_a_node_that_leads_out_of_the_tree_or_back(self, field, value):
        with pytest.raises(ModelError, match="node 0 of a tree leads to the nodes"):
            check_trees(self.change(self.forest(), field, 0, value))

    def test_a_circle(self):
        forest = self.forest()
        inner = int(np.flatnonzero(forest.estimators_[1].tree_.children_left > 0)[-1])
        with pytest.raises(ModelError, match=f"node {inner} of a tree leads to"):
            check_trees(self.change(forest, "left_child", inner, inner))

    @pytest.mark.parametrize("value", [4, 10**9, -2])
    def test_a_feature_that_does_not_exist(self, value):
        with pytest.raises(ModelError, match=f"asks for feature {value}, and there are 4"):
            check_trees(self.change(self.forest(), "feature", 0, value))

    def test_a_forest_that_lets_fewer_features_in_than_its_trees_ask_for(self):
        forest = self.forest()
        asked = max(int(one.tree_.feature.max()) for one in forest.estimators_)
        forest.n_features_in_ = asked  # and features are counted from 0
        with pytest.raises(ModelError, match=f"asks for feature {asked}, and there are {asked}"):
            check_trees(forest)

    @pytest.mark.parametrize(
        ("field", "value", "told"),
        [
            ("left", 10**6, "leads to the nodes"),
            ("right", 0, "leads to the nodes"),
            ("feature_idx", 4, "asks for feature 4, and there are 4"),
            ("feature_idx", -1, "asks for feature -1"),
            ("is_categorical", 1, "splits by categories"),
        ],
    )
    def test_trees_of_histogram_boosting(self, field, value, told):
        model = fitted_with(model_named("gradient_boosting", library="scikit-learn", n_estimators=3)).learnt.model
        check_trees(model)
        model.estimator_._predictors[2][0].nodes[field][0] = value
        with pytest.raises(ModelError, match=told):
            check_trees(model)

    def test_in_a_bundle(self, tmp_path):
        """The bundle is written with the forged tree, by taking the check away; reading it is refused."""
        model = fitted_with(model_named("random_forest", n_estimators=2, min_samples_leaf=30))
        self.change(model.learnt.model, "feature", 0, 10**9)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("backtester.signals.bundle.estimators.check_trees", lambda model: None)
            save_model(model, tmp_path / "model")
        with pytest.raises(ModelError, match="asks for feature 1000000000"):
            load_model(tmp_path / "model")


class TestClasses:
    @pytest.mark.parametrize(
        ("target", "told"),
        [
            ("/tmp/evil.py:Model", "never by a path or a file"),
            ("../evil:Model", "never by a path or a file"),
            ("evil.Model", "never by a path or a file"),
            ("os:system", "lies in 'os', where there is no model"),
            ("subprocess:Popen", "lies in 'subprocess'"),
            ("backtester.signals.signal:Signal", "lies in 'backtester'"),
            ("no_such_package.models:Model", "no_such_package.models cannot be imported"),
            ("sklearn.linear_model:Ridgee", "has no class Ridgee; did you mean 'Ridge'"),
            ("sklearn.linear_model:Ridge", "has no class Ridge"),
            ("numpy:array", "has no class array"),
            ("numpy:ndarray", "is no model: it lacks fit"),
        ],
    )
    def test_what_is_no_class_of_a_package(self, target, told, tmp_path):
        folder = saved("ridge", tmp_path)
        rewrite(folder, lambda c: c["model"].update(plugin=None, **{"class": target}))
        with pytest.raises(ModelError, match=told):
            load_model(folder)

    @pytest.mark.parametrize("name", ["../ridge", "strategies.models.ridge", "ridge.py"])
    def test_a_plug_in_with_a_path_in_its_name(self, name, tmp_path):
        folder = saved("ridge", tmp_path)
        rewrite(folder, lambda c: c["model"].update(plugin=name))
        with pytest.raises(ModelError, match=f"'{name}' cannot be the name of a model"):
            load_model(folder)

    def test_a_plug_in_that_is_gone(self, tmp_path):
        folder = saved("ridge", tmp_path)
        rewrite(folder, lambda c: c["model"].update(plugin="rigde", package="their-models", version="3.1"))
        with pytest.raises(ModelError, match=r"there is no model 'rigde'.*of the package 'their-models', version 3\.1"):
            load_model(folder)

    def test_a_plug_in_that_is_another_class_now(self, tmp_path, monkeypatch):
        folder = saved("ridge", tmp_path)
        other = Plugin("ridge", "their_models:Ridge", "their-models", "1.0")
        monkeypatch.setattr("backtester.signals.plugins.plugins", lambda: {"ridge": [other]})
        with pytest.raises(ModelError, match="and now it is their_models:Ridge of 'their-models'"):
            load_model(folder)

    def test_a_class_that_is_gone(self, tmp_path, monkeypatch):
        bars = random_bars()
        model = fit(OwnModel(), Features(["rsi(14)"]), forward_return(bars), bars, rows=slice(0, 260))
        save_model(model, tmp_path / "model")
        monkeypatch.delattr("bundle_worlds.OwnModel")
        with pytest.raises(ModelError, match="bundle_worlds has no class OwnModel"):
            load_model(tmp_path / "model")
        monkeypatch.setitem(sys.modules, "bundle_worlds", None)
        with pytest.raises(ModelError, match="bundle_worlds cannot be imported"):
            load_model(tmp_path / "model")

    def test_a_class_that_takes_other_settings_now(self, tmp_path):
        save_model(fitted_with(OwnModel()), tmp_path / "model")
        rewrite(tmp_path / "model", lambda c: c["model"]["settings"].update(colour="red"))
        with pytest.raises(ModelError, match=r"no longer takes these settings .*colour"):
            load_model(tmp_path / "model")


class TestOtherFeatures:
    @pytest.mark.parametrize(
        ("others", "told"),
        [
            (["log_return(1)", "log_return(5)", Function(body)], r"'rsi\(14\)' is missing"),
            (["log_return(1)"], r"'log_return\(5\)', 'rsi\(14\)', 'body' are missing"),
            (["log_return(1)", "log_return(5)", "rsi(14)", Function(body), "rsi(7)"], r"'rsi\(7\)' was not there"),
            (["log_return(5)", "log_return(1)", "rsi(14)", Function(body)], r"column 0 was 'log_return\(1\)', and is"),
        ],
    )
    def test_other_names(self, others, told, tmp_path):
        folder = saved("ridge", tmp_path)
        with pytest.raises(FeatureError, match=told):
            load_model(folder, features=Features(others, hold=2))

    def test_the_same_names_made_otherwise(self, tmp_path):
        folder = saved("ridge", tmp_path)
        odd = ["log_return(1)", "log_return(5)", Shipped("rsi", n=7, name="rsi(14)"), Function(body)]
        with pytest.raises(FeatureError, match=r"'rsi\(14\)' is made otherwise: its settings changed"):
            load_model(folder, features=Features(odd, hold=2))
        plain = ["log_return(1)", "log_return(5)", "rsi(14)", Function(body)]
        with pytest.raises(FeatureError, match="hold was 2, and is 0"):
            load_model(folder, features=Features(plain))

    def test_a_function_that_has_changed(self, tmp_path, monkeypatch):
        folder = saved("ridge", tmp_path)

        def other(bars):
            return bars.open / bars.close

        other.__name__ = other.__qualname__ = "body"
        other.__module__ = "bundle_worlds"
        monkeypatch.setattr("bundle_worlds.body", other)
        with pytest.raises(FeatureError, match="the source of feature 'body' is not what it was"):
            load_model(folder)
        assert load_model(folder, allow_changed=True).recipe.features.names[-1] == "body"

    def test_a_function_without_an_address_is_asked_for(self, tmp_path):
        bars = random_bars()

        def inner(bars):
            return bars.high / bars.low

        model = fit(ridge(), Features(["rsi(14)", inner]), forward_return(bars), bars, rows=slice(0, 260))
        save_model(model, tmp_path / "model")
        with pytest.raises(FeatureError, match=r"pass them in: functions=\{'inner'"):
            load_model(tmp_path / "model")
        with pytest.raises(ModelError, match="not both"):
            load_model(tmp_path / "model", features=features(), functions={"inner": inner})


class TestWhatCannotBeStored:
    @pytest.mark.parametrize(
        ("model", "told"),
        [
            (PlainModel(), "PlainModel cannot be stored: it is no estimator of scikit-learn, and has no state"),
            (OwnModel(anything=np.zeros(2)), "its setting anything is array"),
            (OwnModel(factor=float("inf")), "its setting factor is inf"),
            (KNeighborsRegressor(algorithm="kd_tree"), "take algorithm='brute'"),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_it_is_told_and_nothing_is_left(self, model, told, tmp_path):
        with pytest.raises(ModelError, match=told):
            save_model(fitted_with(model), tmp_path / "model")
        assert not (tmp_path / "model").exists()

    def test_a_brute_neighbour_can(self, tmp_path):
        save_model(fitted_with(KNeighborsRegressor(algorithm="brute")), tmp_path / "model")
        load_model(tmp_path / "model")

    def test_a_function_inside_an_estimator(self, tmp_path):
        model = make_pipeline(FunctionTransformer(twice), Lasso(alpha=1e-4))
        with pytest.raises(ModelError, match=r"holds 'bundle_worlds\.twice'"):
            save_model(fitted_with(model), tmp_path / "model")

    def test_a_class_of_a_function_or_a_script(self, tmp_path):
        class Inner(OwnModel):
            pass

        with pytest.raises(ModelError, match="Inner lies in a script, a notebook or a function"):
            save_model(fitted_with(Inner()), tmp_path / "model")

    @pytest.mark.parametrize("state", [{}, None, {"names": np.array(["a"])}, {"objects": np.array([object()])}])
    def test_a_state_that_is_no_numbers(self, state, tmp_path, monkeypatch):
        monkeypatch.setattr(OwnModel, "state", lambda self: state)
        with pytest.raises(ModelError, match=r"OwnModel\.state\(\)"):
            save_model(fitted_with(OwnModel()), tmp_path / "model")

    @pytest.mark.parametrize("what", [None, "ridge", Signal.of(np.zeros((330, 2)), random_bars())])
    def test_what_is_no_fitted_model(self, what, tmp_path):
        with pytest.raises(ModelError, match="is no FittedModel"):
            save_model(what, tmp_path / "model")

    def test_without_skops(self, tmp_path, monkeypatch):
        folder = saved("ridge", tmp_path)
        monkeypatch.setitem(sys.modules, "skops.io", None)
        monkeypatch.setitem(sys.modules, "skops", None)
        with pytest.raises(ModelError, match="skops, which is not installed"):
            load_model(folder)


def test_the_versions_are_those_that_are_installed(tmp_path):
    found = model_manifest(saved("ridge", tmp_path))["versions"]
    assert found["scikit-learn"] == importlib.metadata.version("scikit-learn")
