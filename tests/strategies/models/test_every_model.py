"""What holds for every shipped model: settings, shapes, seeds, threads, storage, one row or many, errors."""

from __future__ import annotations

import inspect
import pickle
import random
import re

import numpy as np
import pytest
import torch
from model_cases import LOOKBACK, NETWORKS, F, N, is_classifier, make, said, samples_for
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from backtester.errors import ModelError
from backtester.signals.plugins import model_named
from strategies.models import SHIPPED

EVERY = pytest.mark.parametrize("name", SHIPPED)
OWN_CHECKS = [name for name in SHIPPED if "forest" not in name]  # the forests are the library's to the last line


def with_nan(X, row):
    X = X.copy()
    X[row] = np.nan
    return X


def fitted(name, **settings):
    model = make(name, **settings)
    X, y = samples_for(model)
    return model.fit(X, y), X


@EVERY
def test_settings_are_keywords_stored_raw_and_cloned(name):
    kind = type(model_named(name))
    assert all(p.kind is p.KEYWORD_ONLY for p in inspect.signature(kind).parameters.values())
    model = make(name)
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert "lookback" not in model.get_params() or model.lookback == LOOKBACK
    assert hasattr(model, "lookback") == ("lookback" in model.get_params())
    assert kind.__name__ in repr(model)
    assert [one for one in model.get_params() if not re.search(rf"\b{one}\b", kind.__doc__)] == []


@EVERY
def test_it_fits_and_says_one_finite_number_a_sample(name):
    model, _ = fitted(name)
    fresh, _ = samples_for(model, n=50, seed=1)
    assert model.fit(*samples_for(model)) is model
    values = model.predict(fresh)
    assert values.shape == (50,)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    if is_classifier(model):
        probabilities = model.predict_proba(fresh)
        assert model.classes_.tolist() == [-1.0, 1.0]
        assert probabilities.shape == (50, 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
        assert set(values) <= {-1.0, 1.0}
        np.testing.assert_array_equal(values, model.classes_[probabilities.argmax(axis=1)])


@EVERY
def test_three_classes_are_three_probabilities(name):
    model = make(name)
    if not is_classifier(model):
        pytest.skip("learns numbers")
    X, y = samples_for(model)
    y[::3] = 0.0
    probabilities = model.fit(X, y).predict_proba(X)
    assert probabilities.shape == (N, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)


@EVERY
def test_the_same_seed_gives_the_same_bits_and_no_generator_or_setting_is_touched(name):
    def surroundings():
        legacy = np.random.get_state()  # noqa: NPY002
        return (
            *(legacy[1].tolist(), legacy[2], random.getstate(), torch.get_rng_state().tolist()),
            *(torch.get_num_threads(), np.geterr()),
        )

    before = surroundings()
    model, X = fitted(name)
    first = said(model, X)
    assert surroundings() == before
    np.random.seed(99)  # noqa: NPY002 - what others do to the generators must not matter
    torch.manual_seed(99)
    other, _ = fitted(name)
    np.testing.assert_array_equal(said(other, X), first)


@pytest.mark.parametrize("name", [name for name in SHIPPED if "random_state" in make(name).get_params()])
def test_a_seed_matters_where_there_is_one(name):
    if "boosting" in name:
        pytest.skip("nothing is drawn for so few samples")
    settings = {"max_samples": 100} if name == "svm" else {}
    model, X = fitted(name, **settings)
    other, _ = fitted(name, **settings, random_state=8)
    assert not np.array_equal(said(other, X), said(model, X))


@EVERY
def test_the_number_of_threads_changes_no_bit(name):
    found = []
    threads = torch.get_num_threads()
    try:
        for n in (1, 2, 4):
            torch.set_num_threads(n)
            with threadpool_limits(limits=n):
                model, X = fitted(name)
                found.append(said(model, X))
                assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@EVERY
def test_bar_by_bar_equals_all_at_once(name):
    model, X = fitted(name)
    one_by_one = np.concatenate([said(model, X[t : t + 1]) for t in range(60)])
    scale = 1.0 if is_classifier(model) else np.abs(said(model, X)).max()
    np.testing.assert_allclose(one_by_one, said(model, X[:60]), rtol=0.0, atol=1e-6 * scale)


def stored_and_loaded(name, model):
    """Return the model after a way through storage: arrays, LightGBM's text, or skops."""
    empty = clone(model)
    if hasattr(model, "state"):
        arrays = {key: np.array(value) for key, value in model.state().items()}
        assert all(value.dtype.kind in "fi" for value in arrays.values()), "safetensors holds numbers"
        return empty.load_state(arrays)
    if "boosting" in name:
        classes = getattr(model, "classes_", None)
        return empty.load_booster_text(model.booster_text(), classes=classes)
    import skops.io

    data = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=data)
    own = f"{type(model).__module__}.{type(model).__name__}"
    assert set(untrusted) <= {own, "sklearn.tree._tree.Tree"}, "nothing but scikit-learn's and the plug-in's own class"
    return skops.io.loads(data, trusted=untrusted)


@EVERY
def test_it_comes_back_from_storage_to_the_bit(name):
    pytest.importorskip("lightgbm" if "boosting" in name else "skops")
    model, X = fitted(name)
    again = stored_and_loaded(name, model)
    np.testing.assert_array_equal(said(again, X), said(model, X))
    assert again.get_params() == model.get_params()
    assert again.n_features_in_ == F


@EVERY
def test_it_crosses_to_another_process(name):
    model, X = fitted(name)
    np.testing.assert_array_equal(said(pickle.loads(pickle.dumps(model)), X), said(model, X))


@EVERY
def test_arrays_may_be_read_only_float64_and_not_contiguous_and_stay_as_they_are(name):
    model = make(name)
    X, y = samples_for(model)
    weight = np.linspace(0.5, 1.5, N)
    plain = said(make(name).fit(X, y, weight), X)
    wide = np.repeat(X.astype(np.float64), 2, axis=-1)[..., ::2][::-1][::-1]
    kept = wide.copy()
    for array in (wide, y, weight):
        array.flags.writeable = False
    np.testing.assert_allclose(said(model.fit(wide, y, weight), wide), plain, rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(wide, kept)


@pytest.mark.parametrize("name", OWN_CHECKS)
@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda X, y, w: (X[..., 0], y, w), r"X must have the shape \[n, .*; found \["),
        (lambda X, y, w: (X[:-1], y, w), f"y must be one number for each of the {N - 1} samples; found .{N}."),
        (lambda X, y, w: (X, y, w[:-1]), f"sample_weight must be one number for each of the {N} samples"),
        (lambda X, y, w: (with_nan(X, 30), y, w), "sample 30 of X has a value that"),
        (lambda X, y, w: (X, np.where(np.arange(N) == 5, np.inf, y), w), "y of sample 5 is inf; it must be finite"),
        (lambda X, y, w: (X, y, w - 2.0), "weights must be 0 or more, and not all 0; the least is -1.0"),
        (lambda X, y, w: (X, y, w * 0.0), "not all 0; the least is 0.0"),
        (lambda X, y, w: (X[:0], y[:0], w[:0]), "there are no samples"),
        (lambda X, y, w: (X.astype(str), y, w), "X must be numbers, found <U"),
    ],
)
def test_bad_samples_are_an_error_that_says_which(name, spoil, wanted):
    model = make(name)
    X, y = samples_for(model)
    with pytest.raises(ModelError, match=f"^{type(model).__name__}.fit: .*{wanted}"):
        model.fit(*spoil(X, y, np.ones(N)))


@EVERY
def test_another_number_of_features_is_refused(name):
    model, X = fitted(name)
    with pytest.raises(ValueError, match=f"{F - 1} features"):
        said(model, X[..., :-1])


@EVERY
def test_one_that_is_not_fitted_says_so(name):
    model = make(name)
    X, _ = samples_for(model)
    with pytest.raises(ValueError, match="is not fitted"):
        said(model, X)


@pytest.mark.parametrize("name", [name for name in SHIPPED if hasattr(make(name), "lookback")])
def test_windows_of_another_length_are_refused(name):
    model, X = fitted(name)
    kind, other = type(model).__name__, X[:, 1:]
    for call in (lambda: model.fit(other, np.zeros(N)), lambda: said(model, other)):
        with pytest.raises(
            ModelError, match=rf"{kind}.*shape \[n, 4, n_features\], lookback being 4; found \[400, 3, 3\]"
        ):
            call()
    with pytest.raises(ModelError, match=rf"{kind}: lookback is 1; it must be a whole number of at least 2 bars"):
        model.set_params(lookback=1).fit(X, np.zeros(N))


@pytest.mark.parametrize("name", [name for name in SHIPPED if is_classifier(make(name)) and "forest" not in name])
def test_one_class_alone_is_refused(name):
    model = make(name)
    X, y = samples_for(model)
    with pytest.raises(ValueError, match=r"class"):
        model.fit(X, np.ones_like(y))


@pytest.mark.parametrize("name", [name for name in SHIPPED if hasattr(make(name), "state")])
def test_a_state_with_something_missing_names_it(name):
    model, _ = fitted(name)
    arrays = model.state()
    arrays.pop("n_features")
    with pytest.raises(ModelError, match="load_state: the array 'n_features' is missing; found"):
        clone(model).load_state(arrays)
    assert name in NETWORKS or name in ("naive", "ar1")
