"""Forests, boosting and support vectors: group means by hand, and the libraries beside."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.svm import SVR

from backtester.errors import ModelError
from strategies.models import SVM, GradientBoosting, GradientBoostingClassifier, RandomForest

LIBRARIES = ["lightgbm", "scikit-learn"]
X = np.array([[0.0], [0.0], [0.0], [1.0], [1.0]] * 20)
Y = np.array([1.0, 2.0, 3.0, 10.0, 20.0] * 20)  # group means 2 and 15, mean (6 + 30)/5 = 7.2
ONE_SPLIT = {"min_samples_leaf": 1, "max_leaf_nodes": 2, "l2_regularization": 0.0}


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_step_of_boosting_goes_from_the_mean_to_the_means_of_groups(library):
    for rate in (1.0, 0.25):
        model = GradientBoosting(library=library, n_estimators=1, learning_rate=rate, **ONE_SPLIT).fit(X, Y)
        wanted = [7.2 + rate * (2.0 - 7.2), 7.2 + rate * (15.0 - 7.2)]
        np.testing.assert_allclose(model.predict([[0.0], [1.0]]), wanted, rtol=1e-6)  # labels are float32 in LightGBM


@pytest.mark.parametrize("library", LIBRARIES)
def test_boosting_counts_weights(library):
    # without the labels 3 and 20 the group means are 1.5 and 10
    weight = np.array([1.0, 1.0, 0.0, 1.0, 0.0] * 20)
    settings = {**ONE_SPLIT, "n_estimators": 1, "learning_rate": 1.0}
    model = GradientBoosting(library=library, **settings).fit(X, Y, weight)
    np.testing.assert_allclose(model.predict([[0.0], [1.0]]), [1.5, 10.0], rtol=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_boosted_probabilities_go_to_the_frequencies_of_groups(library):
    y = np.where(Y > 2.5, 1.0, 0.0)  # a third of the first group, all of the second
    y[3] = y[8] = 0.0  # two of its forty less
    settings = {**ONE_SPLIT, "n_estimators": 300, "learning_rate": 0.3}
    model = GradientBoostingClassifier(library=library, **settings).fit(X, y)
    np.testing.assert_allclose(model.predict_proba([[0.0], [1.0]])[:, 1], [1 / 3, 38 / 40], atol=2e-3)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_library_is_said_before_and_after(library):
    model = GradientBoosting(library=library)
    assert repr(model) == f"GradientBoosting(library='{library}') by {library}"
    assert model.fit(X, Y).library_ == library
    assert repr(GradientBoosting()) == "GradientBoosting() by lightgbm"


def test_without_lightgbm_scikit_learn_grows_the_trees(monkeypatch):
    monkeypatch.setattr("strategies.models.gradient_boosting.find_spec", lambda name: None)
    model = GradientBoosting(n_estimators=5).fit(X, Y)
    assert model.library_ == "scikit-learn"
    assert repr(model).endswith("by scikit-learn")
    with pytest.raises(ModelError, match="booster_text: scikit-learn grew these trees"):
        model.booster_text()
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(
        ModelError, match=r"lightgbm is not installed; pip install 'backtester\[lightgbm\]', or library="
    ):
        GradientBoosting(library="lightgbm").fit(X, Y)


def test_bad_libraries_texts_and_classes_are_refused():
    with pytest.raises(ModelError, match="library is 'lightgmb'; did you mean 'lightgbm'"):
        GradientBoosting(library="lightgmb").fit(X, Y)
    text = GradientBoosting(n_estimators=2).fit(X, Y).booster_text()
    for bad in ("", "nonsense", text[: text.index("end of trees")], text[5:]):
        with pytest.raises(ModelError, match="load_booster_text: this is no text of LightGBM, or a part of one"):
            GradientBoosting().load_booster_text(bad)
    with pytest.raises(ModelError, match="no classes can be given"):
        GradientBoosting().load_booster_text(text, classes=[0, 1])
    with pytest.raises(ModelError, match="classes must be given"):
        GradientBoostingClassifier().load_booster_text(text)
    with pytest.raises(ModelError, match="trees are of 1 outputs, and there are 3 classes"):
        GradientBoostingClassifier().load_booster_text(text, classes=[-1, 0, 1])


def test_scikit_learns_trees_come_back_from_skops_too():
    import skops.io

    model = GradientBoosting(library="scikit-learn", n_estimators=10).fit(X, Y)
    data = skops.io.dumps(model)
    again = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.library_ == "scikit-learn"


def test_the_forest_is_the_librarys():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 5))
    y = x[:, 0] ** 2 + random.normal(size=400)
    settings = {"max_depth": 6, "min_samples_leaf": 20, "max_features": 0.34, "max_samples": 0.3, "random_state": 3}
    other = RandomForestRegressor(n_estimators=30, **settings).fit(x, y)
    np.testing.assert_array_equal(RandomForest(n_estimators=30, random_state=3).fit(x, y).predict(x), other.predict(x))


def test_support_vectors_are_the_librarys_on_standardised_samples():
    random = np.random.default_rng(1)
    x, y = random.normal(size=(200, 3)) * [1.0, 100.0, 0.01] + 4.0, random.normal(size=200) * 0.01
    z, unit = (x - x.mean(axis=0)) / x.std(axis=0), (y - y.mean()) / y.std()
    other = SVR(kernel="rbf", C=0.05, epsilon=0.1, gamma=0.02).fit(z, unit)
    np.testing.assert_allclose(SVM().fit(x, y).predict(x), other.predict(z) * y.std() + y.mean(), rtol=1e-9)


def test_support_vectors_find_a_line_and_learn_from_no_more_samples_than_asked():
    x = np.random.default_rng(2).normal(size=(500, 2))
    y = 0.01 * (3.0 + 2.0 * x[:, 0] - x[:, 1])
    model = SVM(kernel="linear", C=100.0, epsilon=0.001, max_samples=120, random_state=0).fit(x, y)
    np.testing.assert_allclose(model.predict(x), y, atol=0.002 * y.std())
    assert model.shape_fit_ == (120, 2)
