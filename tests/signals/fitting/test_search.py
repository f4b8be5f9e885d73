"""Search inside the fold: what is tried, what wins, and that the test is never asked."""

import numpy as np
import pytest
from model_stubs import Sometimes, Spy, features, random_bars

from backtester.errors import ModelError, SettingsError
from backtester.signals import PurgedKFold, Search, WalkForward, fit, forward_return, predict_out_of_sample
from backtester.signals.fitting.search import best_of


@pytest.fixture(autouse=True)
def _no_calls():
    Spy.calls = []


def test_a_grid_tries_every_combination_once():
    search = Search({"a": [1, 2], "b": [0.5]})
    assert search.run(lambda one: one["a"] * one["b"], True, 0) == [
        ({"a": 1, "b": 0.5}, 0.5),
        ({"a": 2, "b": 0.5}, 1.0),
    ]


def test_the_first_of_the_best_wins_and_nan_never():
    tried = [({"a": 1}, np.nan), ({"a": 2}, 3.0), ({"a": 3}, 3.0), ({"a": 4}, 1.0)]
    assert best_of(tried, True) == {"a": 2}
    assert best_of(tried, False) == {"a": 4}
    assert best_of(tried[:1], True) is None


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_ranges_are_kept_and_a_seed_repeats(method):
    space = {"n": (2, 9), "rate": (1e-4, 1e-1, "log"), "kind": ["x", "y"], "share": (0.0, 1.0)}
    search = Search(space, method, n_trials=25)
    tried = search.run(lambda one: one["n"] + one["share"], True, 4)
    assert len(tried) == 25
    for one, _ in tried:
        assert isinstance(one["n"], int)
        assert 2 <= one["n"] <= 9
        assert 1e-4 <= one["rate"] <= 1e-1
        assert one["kind"] in ("x", "y")
    assert len({one["n"] for one, _ in tried}) > 3
    assert tried == search.run(lambda one: one["n"] + one["share"], True, 4)
    assert max(score for _, score in tried) > 8.0


def test_the_winner_has_the_least_error_on_the_inner_tests():
    """Spy predicts mean + bias; the mean squared error of its inner tests is least where the bias is nearest to 0."""
    bars = random_bars()
    search = Search({"bias": [0.5, 0.01, -0.2]}, metric="mse", inner=PurgedKFold(2))
    fitted = fit(Spy(), features(), forward_return(bars, 1), bars, search=search)
    assert fitted.learnt.settings == {"bias": 0.01}
    assert fitted.learnt.model.bias == 0.01
    scores = {one["bias"]: score for one, score in fitted.learnt.tried}
    target = forward_return(bars, 1).values[3:119]
    first, second = target[:59], target[59:]  # bars 3 to 61, and 62 to 118
    errors = {}
    for bias in scores:
        left = np.square(first - (second[1:].mean() + bias))  # the label of bar 61 reads bar 62
        right = np.square(second - (first[:-1].mean() + bias))
        errors[bias] = np.concatenate([left.ravel(), right.ravel()]).mean()
    assert scores == pytest.approx(errors, rel=1e-9)


def test_the_test_rows_are_asked_once_by_the_winner_alone():
    bars = random_bars()
    search = Search({"bias": [0.0, 1.0, 2.0]}, metric="mse")
    signal = predict_out_of_sample(
        Spy(), features(), forward_return(bars, 1), bars, WalkForward(60, 57), search=search, scaler=None, workers=1
    )
    asked = np.concatenate([call["asked"] for call in Spy.calls if "asked" in call])
    test = features().compute(bars)[63:].reshape(-1, 2)
    counts = [(asked == row).all(axis=1).sum() for row in test]
    assert set(counts) == {1}
    assert signal.trials == 3
    assert [len(record.tried) for record in signal.folds] == [3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": {}}, "space is empty"),
        ({"space": {"a": []}}, "a is"),
        ({"space": {"a": "text"}}, "it is a list of values"),
        ({"space": {"a": (1, 2)}}, "a grid wants a list"),
        ({"space": {"a": (2, 1)}, "method": "random"}, "low is below high"),
        ({"space": {"a": (0.0, 1.0, "log")}, "method": "tpe"}, "above 0 where it is 'log'"),
        ({"space": {"a": [1]}, "method": "gird"}, "did you mean 'grid'"),
        ({"space": {"a": [1]}, "metric": "rank"}, "there is no measure 'rank'"),
        ({"space": {"a": [1]}, "n_trials": 0}, "n_trials is 0"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(SettingsError, match=message):
        Search(**settings)


def test_no_winner_is_an_error():
    bars = random_bars()
    with pytest.raises(ModelError, match="rank_ic is NaN for all 2 settings"):
        fit(Sometimes(), features(), forward_return(bars, 1), bars, search=Search({"limit": [10**6, 10**7]}))
