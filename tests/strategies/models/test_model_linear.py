"""Ridge, elastic net and logistic regression against the equations that define them."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from strategies.models import ElasticNet, Logistic, Ridge
from strategies.models._arrays import moments

random = np.random.default_rng(5)
N, F = 300, 4
X = random.normal(size=(N, F)) * [1.0, 10.0, 0.01, 1.0] + [0.0, 5.0, 1.0, -2.0]
X[:, 3] += 0.8 * X[:, 0]
Y = 0.02 * X[:, 0] - 0.001 * X[:, 1] + 0.05 * random.normal(size=N) + 0.3
W = random.uniform(0.2, 2.0, size=N)
Z = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("weight", [np.ones(N), W], ids=["plain", "weighted"])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 100.0])
def test_ridge_solves_the_normal_equations_of_standardised_inputs(alpha, weight):
    # minimise Σ w (y − c − zβ)² + α β·β: the first row and column are the constant's, which is not shrunk
    design = np.column_stack([np.ones(N), Z])
    penalty = alpha * np.diag([0.0] + [1.0] * F)
    wanted = np.linalg.solve(design.T @ (weight[:, None] * design) + penalty, design.T @ (weight * Y))
    model = Ridge(alpha=alpha).fit(X, Y, weight)
    np.testing.assert_allclose(model.predict(X), design @ wanted, rtol=1e-9)
    np.testing.assert_allclose(model.coef_, wanted[1:] / X.std(axis=0), rtol=1e-8)


def test_a_linear_model_is_linear_in_the_inputs_as_they_are():
    for model in (Ridge(), ElasticNet()):
        model.fit(X, Y)
        np.testing.assert_array_equal(model.predict(X), X @ model.coef_ + model.intercept_)


def test_ridge_is_the_same_in_any_unit():
    unit = np.array([1e-4, 7.0, 1e3, 2.0])
    np.testing.assert_allclose(Ridge().fit(X * unit, Y).predict(X * unit), Ridge().fit(X, Y).predict(X), rtol=1e-9)


def test_a_constant_column_has_no_effect():
    with_it = np.column_stack([X, np.full(N, 0.1)])
    np.testing.assert_allclose(Ridge().fit(with_it, Y).predict(with_it), Ridge().fit(X, Y).predict(X), rtol=1e-9)


def test_elastic_net_is_the_soft_threshold_of_correlations_where_inputs_are_orthogonal():
    # eight rows of ±1, orthogonal columns of mean 0 and deviation 1: with labels of deviation 1 and correlations ρ, the
    # minimum of (y − zβ)²/2n + α(r|β| + (1 − r)β²/2) is β = sign(ρ)·max(|ρ| − αr, 0)/(1 + α(1 − r))
    signs = np.array([[1 - 2 * (n >> k & 1) for k in range(3)] for n in range(8)], dtype=float)
    y = 3.0 * signs[:, 0] - 0.2 * signs[:, 1] + 7.0 + signs.prod(axis=1)
    rho = signs.T @ (y - y.mean()) / 8.0 / y.std()
    alpha, ratio = 0.2, 0.6
    beta = np.sign(rho) * np.maximum(np.abs(rho) - alpha * ratio, 0.0) / (1.0 + alpha * (1.0 - ratio))
    model = ElasticNet(alpha=alpha, l1_ratio=ratio).fit(signs, y)
    np.testing.assert_allclose(model.coef_, beta * y.std(), rtol=1e-9, atol=1e-12)
    assert model.coef_[1] == 0.0
    assert model.coef_[0] > 0.0
    np.testing.assert_allclose(model.intercept_, 7.0, rtol=1e-9)  # inputs have mean 0


def test_elastic_net_is_the_same_in_any_unit_of_the_labels():
    model, small = ElasticNet().fit(X, Y), ElasticNet().fit(X, Y * 1e-4)
    np.testing.assert_allclose(small.coef_, model.coef_ * 1e-4, rtol=1e-9)


@pytest.mark.parametrize("weight", [np.ones(N), W], ids=["plain", "weighted"])
def test_logistic_is_where_the_gradient_of_the_penalised_log_loss_is_nothing(weight):
    y = np.sign(Y - np.median(Y))
    model = Logistic(C=0.5, max_iter=1000).fit(X, y, weight)
    probability = 1.0 / (1.0 + np.exp(-(X @ model.coef_[0] + model.intercept_[0])))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], probability, rtol=1e-12)
    error = weight * (probability - (y > 0.0))
    beta = model.coef_[0] * X.std(axis=0)  # of standardised inputs, as the penalty counts them
    np.testing.assert_allclose(Z.T @ error + beta / 0.5, 0.0, atol=0.05)
    np.testing.assert_allclose(error.sum(), 0.0, atol=0.05)


@pytest.mark.parametrize("kind", [Ridge, ElasticNet, Logistic])
def test_threads_change_no_bit_of_sums_that_are_large_enough_to_be_split_among_them(kind):
    inputs = np.random.default_rng(0).normal(size=(20_000, 40))
    y, found = np.sign(inputs.sum(axis=1) + 5.0 * np.random.default_rng(1).normal(size=20_000)), []
    for n in (1, 2, 4):
        with threadpool_limits(limits=n):
            found.append(kind().fit(inputs, y).coef_)
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_moments_are_of_the_rows_alone_that_are_asked_for():
    values = random.normal(size=(50, 6, 3)).astype(np.float32)
    rows = np.array([3, 7, 8, 40])
    mean, scale = moments(values, rows)
    some = values[rows].astype(np.float64).reshape(-1, 3)
    np.testing.assert_allclose(mean, some.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale, some.std(axis=0), rtol=1e-12)
    constant = np.full((1000, 1), 0.1)
    assert moments(constant)[1].tolist() == [1.0]
