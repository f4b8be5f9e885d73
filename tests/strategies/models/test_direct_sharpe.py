"""The direct-Sharpe network: its loss by hand, its runs of samples, and what costs make of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_cases import spans

from backtester.errors import ModelError
from strategies.models import DirectSharpe
from strategies.models._order import Order
from strategies.models.direct_sharpe import NegativeSharpe, Runs

QUICK = {"lookback": 2, "max_epochs": 40, "patience": 10, "learning_rate": 0.02, "random_state": 0, "dropout": 0.0}


def test_the_loss_by_hand():
    # one run: nothing before, then positions 0.5, -0.5, 0.2; the last fills up and does not count
    positions = torch.tensor([[0.9, 0.5, -0.5, 0.2]])
    facts = torch.tensor([[[9.0, 0.0, 0.0], [2.0, 1.0, 1.0], [1.0, 3.0, 1.0], [7.0, 0.0, 1.0]]])
    # earned: 0.5·2 − 0.1·|0.5 − 0| = 0.95 and −0.5·1 − 0.1·|−0.5 − 0.5| = −0.6; weights 1 and 3
    mean = (0.95 + 3.0 * -0.6) / 4.0
    variance = ((0.95 - mean) ** 2 + 3.0 * (-0.6 - mean) ** 2) / 4.0
    np.testing.assert_allclose(NegativeSharpe(0.1)(positions, facts).item(), -mean / np.sqrt(variance), rtol=1e-5)


def test_runs_are_of_one_asset_in_time_each_with_the_sample_before():
    # two assets in one list, as the pipeline gives them: by bar, then by asset
    asset = np.array([0, 1, 0, 1, 0, 0, 0])
    row = np.array([0, 0, 1, 1, 2, 3, 4])
    targets = np.column_stack([np.arange(7) * 10.0, np.arange(7) + 1.0]).astype(np.float32)
    runs = Runs.of(np.zeros((7, 2, 1), np.float32), targets, np.arange(7), Order(row, asset, row + 1), 3)
    # asset 0 has the samples 0, 2, 4, 5, 6: (none, 0, 2, 4) and (4, 5, 6, filled up); asset 1: (none, 1, 3, filled up)
    assert runs.index[0, 1:].tolist() == [0, 2, 4]
    assert runs.index[1, :3].tolist() == [4, 5, 6]
    assert runs.index[2, 1:3].tolist() == [1, 3]
    assert runs.facts[:, :, 2].tolist() == [[0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]]
    assert runs.facts[:, :, 1].tolist() == [[0.0, 1.0, 3.0, 5.0], [0.0, 6.0, 7.0, 0.0], [0.0, 2.0, 4.0, 0.0]]
    assert runs.facts[0, 1:, 0].tolist() == [0.0, 20.0, 40.0]
    inputs, facts = runs[np.array([1, 0])]
    assert inputs.shape == (2, 4, 2, 1)
    assert facts.shape == (2, 4, 3)


def market(n=2000, seed=0):
    """Return windows of a feature and what a position earns: the feature's sign says that of the return, at times."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n + 1)
    X = np.stack([x[:-1], x[1:]], axis=1)[:, :, None].astype(np.float32)
    return X, 0.01 * (0.5 * x[1:] + random.normal(size=n))


def net_sharpe(positions, y, cost):
    earned = positions * y - cost * np.abs(np.diff(positions, prepend=0.0))
    return earned.mean() / earned.std()


def test_it_takes_the_side_that_earns():
    X, y = market()
    model = DirectSharpe(cost=0.0, **QUICK).fit(X[:1500], y[:1500])
    said = model.predict(X[1500:])
    assert np.abs(said).max() <= 1.0
    assert np.corrcoef(said, X[1500:, -1, 0])[0, 1] > 0.8
    # the best there is: positions in proportion to what is expected, 0.5·x: a ratio of 0.5/√(1 + 2·0.25) about
    assert net_sharpe(said, y[1500:], 0.0) > 0.3


def test_costs_are_in_the_loss():
    X, y = market()
    y += 0.002  # holding earns something too
    free, dear = (DirectSharpe(cost=cost, **QUICK).fit(X[:1500], y[:1500]).predict(X[1500:]) for cost in (0.0, 0.02))

    def turnover(p):
        return np.abs(np.diff(p)).mean() / np.abs(p).mean()

    assert turnover(dear) < 0.2 * turnover(free)
    assert net_sharpe(dear, y[1500:], 0.02) > net_sharpe(free, y[1500:], 0.02)


def test_the_unit_of_labels_and_costs_does_not_matter():
    X, y = market(400)
    first = DirectSharpe(cost=0.002, lookback=2, max_epochs=3, random_state=0).fit(X, y)
    scaled = DirectSharpe(cost=0.002 * 1024, lookback=2, max_epochs=3, random_state=0).fit(X, y * 1024)
    np.testing.assert_allclose(scaled.predict(X), first.predict(X), rtol=1e-5, atol=1e-6)


def test_the_order_of_samples_in_the_list_does_not_matter():
    X, y = market(300)
    row = np.arange(300)
    mixed = np.random.default_rng(1).permutation(300)
    settings = {"lookback": 2, "max_epochs": 2, "random_state": 0}
    first = DirectSharpe(**settings).fit(X, y, samples=spans(row, row + 1)).predict(X)
    again = DirectSharpe(**settings).fit(X[mixed], y[mixed], samples=spans(row[mixed], row[mixed] + 1)).predict(X)
    np.testing.assert_allclose(again, first, rtol=1e-4, atol=1e-5)


def test_settings_out_of_range_are_errors():
    X, y = market(100)
    with pytest.raises(ModelError, match=r"DirectSharpe: cost is -1.0; it must be at least 0"):
        DirectSharpe(lookback=2, cost=-1.0).fit(X, y)
    with pytest.raises(ModelError, match="DirectSharpe: run is 1; it must be a whole number of at least 2 samples"):
        DirectSharpe(lookback=2, run=1).fit(X, y)
