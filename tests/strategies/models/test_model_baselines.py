"""Naive and AR(1) models against arithmetic and least squares."""

from __future__ import annotations

import numpy as np
import pytest

from backtester.errors import ModelError
from strategies.models import AR1, Naive

X = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 30.0]])


def test_naive_says_the_mean_nothing_or_a_feature():
    y = np.array([3.0, 6.0, 0.0])
    assert Naive().fit(X, y).predict(X).tolist() == [3.0, 3.0, 3.0]  # (3 + 6 + 0)/3
    assert Naive().fit(X, y, [1.0, 1.0, 0.0]).predict(X[:1]).tolist() == [4.5]  # (3 + 6)/2
    assert Naive(kind="zero").fit(X, y).predict(X).tolist() == [0.0, 0.0, 0.0]
    assert Naive(kind="feature", feature=1).fit(X, y).predict(X).tolist() == [10.0, 20.0, 30.0]


def test_naive_settings_are_checked():
    with pytest.raises(ModelError, match=r"kind is 'maen'; did you mean 'mean'.; one of"):
        Naive(kind="maen").fit(X, np.zeros(3))
    with pytest.raises(ModelError, match="Naive: feature is 2, and there are 2, from 0"):
        Naive(feature=2).fit(X, np.zeros(3))
    with pytest.raises(ModelError, match="AR1: feature is -1, and there are 2, from 0"):
        AR1(feature=-1).fit(X, np.zeros(3))


def test_ar1_by_hand():
    # x = 1, 2, 4 (mean 7/3), y = 1, 0, 5 (mean 2): Σ(x − x̄)y = −4/3 + 0 + 25/3 = 7, Σ(x − x̄)² = 14/3, φ = 3/2
    model = AR1().fit(X, np.array([1.0, 0.0, 5.0]))
    np.testing.assert_allclose([model.phi_, model.constant_], [1.5, 2.0 - 1.5 * 7.0 / 3.0], rtol=1e-14)
    np.testing.assert_allclose(model.predict(np.array([[10.0, 0.0]])), [15.0 - 1.5], rtol=1e-14)


def test_ar1_is_least_squares_on_the_last_return_with_weights():
    random = np.random.default_rng(0)
    x, weight = random.normal(size=(500, 3)), random.uniform(size=500)
    y = 0.1 + 0.3 * x[:, 2] + random.normal(size=500)
    for w in (np.ones(500), weight):
        root = np.sqrt(w)
        design = np.column_stack([np.ones(500), x[:, 2]]) * root[:, None]
        wanted, *_ = np.linalg.lstsq(design, y * root)
        model = AR1(feature=2).fit(x, y, w)
        np.testing.assert_allclose([model.constant_, model.phi_], wanted, rtol=1e-12)


def test_ar1_of_a_constant_feature_is_the_mean():
    model = AR1().fit(np.full((50, 1), 0.1), np.arange(50.0))
    assert model.phi_ == 0.0
    np.testing.assert_allclose(model.predict([[0.1], [7.0]]), [24.5, 24.5])
