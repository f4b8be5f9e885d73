"""Networks: what they can learn, the slice that judges them, the epoch that is kept, weights, interruption, storage."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from model_cases import NETWORKS, make, said, samples_for, spans
from sklearn.base import clone

from backtester.errors import ModelError
from strategies.models import (
    CNN,
    LSTM,
    MLP,
    CNNClassifier,
    LSTMClassifier,
    MLPClassifier,
    Ridge,
    Transformer,
    TransformerClassifier,
    _training,
)
from strategies.models._order import Order, later_slice

SEQUENCES = [CNN, LSTM, Transformer]
BRISK = {"learning_rate": 0.01, "random_state": 0}


def share_explained(model, X, y):
    return 1.0 - np.mean((model.predict(X) - y) ** 2) / y.var()


def test_the_mlp_learns_a_bend_that_no_line_follows():
    X = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
    y = 0.01 * (np.abs(X[:, 0]) - X[:, 1])
    assert share_explained(MLP(**BRISK).fit(X[:2000], y[:2000]), X[2000:], y[2000:]) > 0.97
    assert share_explained(Ridge().fit(X[:2000], y[:2000]), X[2000:], y[2000:]) < 0.8


@pytest.mark.parametrize("kind", SEQUENCES)
def test_a_network_over_time_learns_what_two_bars_say_together(kind):
    X = np.random.default_rng(1).normal(size=(4000, 5, 2)).astype(np.float32)
    y = 0.01 * (X[:, -1, 0] * np.sign(X[:, -3, 1]))  # now, and the other feature two bars ago
    model = kind(lookback=5, max_epochs=60, patience=10, **BRISK).fit(X[:3000], y[:3000])
    assert share_explained(model, X[3000:], y[3000:]) > 0.75  # no sum of functions of single numbers explains any of it


@pytest.mark.parametrize("kind", [CNNClassifier, LSTMClassifier, TransformerClassifier])
def test_a_classifier_over_time_learns_the_sign_of_two_bars_ago(kind):
    X = np.random.default_rng(2).normal(size=(2000, 4, 1)).astype(np.float32)
    y = np.sign(X[:, 1, 0])
    model = kind(lookback=4, **BRISK).fit(X[:1500], y[:1500])
    assert np.mean(model.predict(X[1500:]) == y[1500:]) > 0.93


def test_probabilities_go_to_frequencies():
    X = np.repeat([[0.0], [1.0]], 1000, axis=0)[np.random.default_rng(0).permutation(2000)]
    y = (np.random.default_rng(3).uniform(size=2000) < np.where(X[:, 0] > 0.5, 0.8, 0.3)).astype(float)
    model = MLPClassifier(max_epochs=60, **BRISK).fit(X, y)
    wanted = [y[X[:, 0] < 0.5].mean(), y[X[:, 0] > 0.5].mean()]
    np.testing.assert_allclose(model.predict_proba([[0.0], [1.0]])[:, 1], wanted, atol=0.05)


def test_weights_count():
    # labels 0 and 1 for the same input, three times the weight on 0: the mean is 1/4
    X, y = np.zeros((2000, 1), np.float32), np.arange(2000) % 2 * 1.0
    weight = np.where(y == 0.0, 3.0, 1.0)
    np.testing.assert_allclose(MLP(**BRISK).fit(X, y, weight).predict(X[:1]), [0.25], atol=0.02)
    np.testing.assert_allclose(MLPClassifier(**BRISK).fit(X, y, weight).predict_proba(X[:1]), [[0.75, 0.25]], atol=0.03)


class TestTheSliceThatJudges:
    def test_by_hand(self):
        # rows 0 to 9, labels three bars long: the last 20 % are rows 8 and 9, and labels of rows 5 to 7 reach row 8
        row = np.arange(10)
        learning, judging = later_slice(MLP(), Order(row, row * 0, row + 3), 0.2)
        assert learning.tolist() == [0, 1, 2, 3, 4]
        assert judging.tolist() == [8, 9]

    def test_whole_bars_of_all_assets_and_any_order_of_samples(self):
        random = np.random.default_rng(0)
        row, asset = random.integers(0, 50, size=400), random.integers(0, 9, size=400)
        end = row + random.integers(0, 6, size=400)
        learning, judging = later_slice(MLP(), Order(row, asset, end), 0.3)
        assert end[learning].max() < row[judging].min()
        assert row[np.setdiff1d(np.arange(400), judging)].max() < row[judging].min()
        assert 0.3 <= len(judging) / 400 < 0.35
        purged = np.setdiff1d(np.arange(400), np.concatenate([learning, judging]))
        assert len(purged) > 0
        assert (end[purged] >= row[judging].min()).all()

    def test_a_purged_sample_changes_no_bit(self):
        model = make("mlp")
        X, y = samples_for(model, n=200)
        row = np.arange(200)
        took = spans(row, row + 10)  # 20 % judge, from row 160: samples 150 to 159 are in neither part
        first = make("mlp").fit(X, y, samples=took).predict(X)
        y[150:160], X[150:160] = 1e6, 50.0
        again = make("mlp").fit(X, y, samples=took)
        keep = np.setdiff1d(row, np.arange(150, 160))
        np.testing.assert_array_equal(again.predict(X)[keep], first[keep])
        y[149] = 1e6
        assert not np.array_equal(make("mlp").fit(X, y, samples=took).predict(X)[keep], first[keep])

    def test_bad_fractions_and_too_few_samples_are_errors(self):
        X, y = np.zeros((10, 1)), np.arange(10.0)
        with pytest.raises(ModelError, match=r"MLP: validation is 1.0; it must be at least 0 and below 1"):
            MLP(validation=1.0).fit(X, y)
        row = np.arange(10)
        with pytest.raises(ModelError, match="of 10 samples 0 are left to learn from when the last 20% judge"):
            MLP().fit(X, y, samples=spans(row, row + 100))
        with pytest.raises(
            ModelError, match=r"samples.end must have one entry for each of the 10 samples; found \[3\]"
        ):
            MLP().fit(X, y, samples=spans(row, row[:3]))

    def test_with_nothing_held_out_all_is_learnt_for_all_epochs(self):
        X, y = samples_for(MLP(), n=100)
        model = MLP(validation=0.0, max_epochs=7, patience=1, random_state=0).fit(X, y)
        assert model.losses_.shape == (7, 2)
        assert np.isnan(model.losses_[:, 1]).all()


def test_the_best_epoch_is_kept_and_training_stops_after_it():
    random = np.random.default_rng(4)
    X, y = random.normal(size=(300, 20)).astype(np.float32), random.normal(size=300)  # nothing to find: it overfits
    model = MLP(hidden=(64,), learning_rate=0.02, max_epochs=50, patience=4, random_state=0).fit(X, y)
    judged = model.losses_[:, 1]
    assert len(judged) == judged.argmin() + 1 + 4 < 50
    learning, judging = later_slice(model, Order.read(model, None, 300), 0.2)
    unit = (y - y[learning].mean()) / y[learning].std()
    forecast = (model.predict(X) - y[learning].mean()) / y[learning].std()
    np.testing.assert_allclose(np.mean((forecast - unit)[judging] ** 2), judged.min(), rtol=1e-5)


def test_a_batch_size_and_settings_out_of_range_are_errors():
    X, y = samples_for(MLP(), n=100)
    for setting, value, rule in [
        ("learning_rate", 0.0, "above 0"),
        ("weight_decay", -1.0, "at least 0"),
        ("batch_size", 0, "'auto' or a whole number above 0"),
        ("max_epochs", 2.5, "a whole number above 0"),
        ("patience", True, "a whole number above 0"),
    ]:
        with pytest.raises(ModelError, match=f"MLP: {setting} is {value!r}; it must be {rule}"):
            MLP(**{setting: value}).fit(X, y)
    with pytest.raises(ModelError, match="Transformer: width is 9; it must be a multiple of heads, 2"):
        Transformer(lookback=4, width=9).fit(np.zeros((40, 4, 1)), np.arange(40.0))


def test_a_loss_that_is_not_finite_is_an_error():
    X, y = samples_for(MLP(), n=200)
    with pytest.raises(ModelError, match=r"MLP.fit: the loss is not finite any more; try a lower learning_rate"):
        MLP(learning_rate=1e35, validation=0.0, max_epochs=5, random_state=0).fit(X, y)


@pytest.mark.parametrize("batch", [1, 8, 14])  # of six an epoch, the sixth judging: in the first, second and last
def test_an_interrupted_training_is_none(batch, monkeypatch):
    calls = []
    forward = _training.WeightedSquares.forward

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == batch:
            raise KeyboardInterrupt
        return forward(self, *arguments)

    monkeypatch.setattr(_training.WeightedSquares, "forward", interrupted)
    model = make("mlp")
    X, y = samples_for(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert len(calls) == batch
    assert not hasattr(model, "module_")


def test_threads_change_no_bit_of_a_network_that_is_large_enough_to_be_split_among_them():
    X = np.random.default_rng(7).normal(size=(1200, 8, 40)).astype(np.float32)
    y, found, threads = X[:, -1].sum(axis=1), [], torch.get_num_threads()
    try:
        for n in (1, 2, 4):
            torch.set_num_threads(n)
            found.append(CNN(channels=64, batch_size=1000, max_epochs=1, random_state=0).fit(X, y).predict(X))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_trainings_in_threads_give_the_bits_of_trainings_one_after_the_other():
    X, y = samples_for(make("lstm"))
    alone = [make("lstm", random_state=n).fit(X, y).predict(X) for n in range(4)]
    together = [None] * 4

    def work(n):
        together[n] = make("lstm", random_state=n).fit(X, y).predict(X)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_of_other_layers_are_refused(name):
    model = make(name)
    X, y = samples_for(model)
    model.fit(X, y)
    setting = next(s for s in ("hidden", "channels", "width") if s in model.get_params())
    other = clone(model).set_params(**{setting: (5,) if setting == "hidden" and "mlp" in name else 6})
    with pytest.raises(ModelError, match="load_state: the weights do not fit the settings"):
        other.load_state(model.state())
    assert np.isfinite(said(model, X)).all()


@pytest.mark.parametrize("kind", SEQUENCES)
def test_what_is_behind_the_window_does_not_matter_and_each_bar_in_it_can(kind):
    """A window is all that a network sees: it keeps nothing from one sample to the next."""
    X = np.random.default_rng(6).normal(size=(500, 4, 2)).astype(np.float32)
    model = kind(lookback=4, max_epochs=3, random_state=0).fit(X, X.sum(axis=(1, 2)))
    said_alone = model.predict(X[10:11])
    np.testing.assert_allclose(model.predict(X[8:11])[-1:], said_alone, rtol=1e-5, atol=1e-6)
    for bar in range(4):
        changed = X[10:11].copy()
        changed[0, bar] += 3.0
        assert abs(model.predict(changed)[0] - said_alone[0]) > 1e-4
