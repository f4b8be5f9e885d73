"""Predictions out of sample: each fold against arithmetic done here, and what no fold may see."""

import numpy as np
import pytest
from model_stubs import Shares, Sometimes, Spy, Window, features, random_bars
from sklearn.linear_model import Ridge

from backtester import Bars
from backtester.errors import ModelError, SettingsError
from backtester.signals import (
    CombinatorialPurgedCV,
    Features,
    Function,
    Label,
    PurgedKFold,
    Search,
    WalkForward,
    forward_return,
    predict_out_of_sample,
)

SCHEME = WalkForward(40, 20)


@pytest.fixture(autouse=True)
def _no_calls():
    Spy.calls, Window.calls = [], []


def up_or_down(bars, horizon=2):
    """Return a label of classes: whether the close rises."""
    ahead = forward_return(bars, horizon)
    values = np.where(np.isnan(ahead.values), np.nan, np.sign(ahead.values))
    return Label.from_arrays(bars, values, ahead.end, name="up", kind="class")


def test_each_fold_is_what_ridge_says_about_the_rows_before_it():
    bars, alpha, horizon = random_bars(), 3.0, 2
    signal = predict_out_of_sample(Ridge(alpha), features(), forward_return(bars, horizon), bars, SCHEME)
    panel = features().compute(bars)
    target = np.full(bars.close.shape, np.nan)
    target[:-horizon] = bars.close[horizon:] / bars.close[:-horizon] - 1.0
    wanted = np.full(bars.close.shape, np.nan)
    for first in range(3 + 40, bars.n_bars, 20):  # the panel begins at bar 3, its spread
        rows = np.arange(first - 40, first - horizon)  # labels end before the first test bar
        x, y = panel[rows].reshape(-1, 2), target[rows].ravel()
        centre, scale = x.mean(axis=0), x.std(axis=0)
        z = np.clip((x - centre) / scale, -10, 10)
        zc = z - z.mean(axis=0)
        beta = np.linalg.solve(zc.T @ zc + alpha * np.eye(2), zc.T @ (y - y.mean()))
        test = np.clip((panel[first : first + 20] - centre) / scale, -10, 10)
        wanted[first : first + 20] = y.mean() + (test - z.mean(axis=0)) @ beta
    np.testing.assert_allclose(signal.values, wanted, rtol=1e-4, atol=1e-8)  # X is rounded to float32 once
    assert signal.fold.tolist() == [-1] * 43 + [0] * 20 + [1] * 20 + [2] * 20 + [3] * 17
    assert signal.trained_until.tolist() == [bars.timestamps[first - 1] for first in (43, 63, 83, 103)]
    assert signal.known_in_time
    assert signal.trials == 4


@pytest.mark.parametrize("scheme", [SCHEME, WalkForward(40, 20, anchored=True, embargo=3), PurgedKFold(4, embargo=2)])
def test_no_training_label_reads_a_test_bar(scheme):
    bars, horizon = random_bars(), 5
    clock = Function(lambda bars: np.repeat(np.arange(float(bars.n_bars))[:, np.newaxis], 2, axis=1), name="row")
    signal = predict_out_of_sample(
        Spy(), Features([clock]), forward_return(bars, horizon), bars, scheme, scaler=None, workers=1
    )
    taught = [call["X"][:, 0] for call in Spy.calls if "X" in call]
    asked = [call["asked"][:, 0] for call in Spy.calls if "asked" in call]
    assert len(taught) == len(signal.folds) >= 4
    tested = np.concatenate(asked)
    assert np.array_equal(np.unique(tested), np.flatnonzero(signal.tested))
    for record, rows in zip(signal.folds, taught, strict=True):
        inside = (rows + horizon >= record.first) & (rows <= record.last)
        assert not inside.any()


def test_what_comes_later_changes_nothing():
    bars, cut = random_bars(), 83
    label = forward_return(bars, 3)
    whole = predict_out_of_sample(Ridge(), features(), label, bars, SCHEME)
    columns = [np.array(one) for one in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    for column in columns:
        column[cut:] *= np.linspace(1.0, 1.4, bars.n_bars - cut)[:, np.newaxis]
    other = Bars.from_arrays(bars.timestamps, *columns)
    changed = predict_out_of_sample(Ridge(), features(), forward_return(other, 3), other, SCHEME)
    shorter = predict_out_of_sample(Ridge(), features(), forward_return(bars[:cut], 3), bars[:cut], SCHEME)
    for again in (changed.values[:cut], shorter.values):
        assert np.array_equal(whole.values[:cut], again, equal_nan=True)
    assert not np.array_equal(whole.values[cut + 1 :], changed.values[cut + 1 :], equal_nan=True)


def test_a_window_is_the_bars_up_to_now_the_oldest_first():
    bars = random_bars()
    signal = predict_out_of_sample(Window(), features(), forward_return(bars, 1), bars, SCHEME, scaler=None, workers=1)
    panel = features().compute(bars).astype(np.float32)
    taught = next(call for call in Window.calls if "X" in call)
    samples = taught["samples"]
    assert taught["X"].dtype == np.float32
    assert taught["X"].shape == (len(samples), 3, 2)
    for k in (0, 7, len(samples) - 1):
        t, a = samples.row[k], samples.asset[k]
        assert np.array_equal(taught["X"][k], panel[t - 2 : t + 1, a])
        assert samples.end[k] == t + 1
        assert samples.forward[k] == taught["y"][k]
    assert samples.row[0] == 3 + 2  # the first with three whole bars
    tested = signal.tested
    assert np.array_equal(signal.values[tested], panel[tested, :, 0].astype(np.float64))


def test_a_fold_has_a_seed_of_its_own_that_is_the_same_again():
    bars = random_bars()
    for _ in range(2):
        predict_out_of_sample(Spy(), features(), forward_return(bars, 1), bars, SCHEME, seed=5, workers=1)
    seeds = [call["seed"] for call in Spy.calls if "seed" in call]
    assert len(set(seeds[:4])) == 4
    assert seeds[:4] == seeds[4:]
    predict_out_of_sample(Spy(random_state=9), features(), forward_return(bars, 1), bars, SCHEME, workers=1)
    assert Spy.calls[-2]["seed"] == 9


def test_classes_become_expected_classes_and_keep_their_probabilities():
    bars = random_bars()
    label = up_or_down(bars)
    signal = predict_out_of_sample(Shares(), features(), label, bars, SCHEME)
    first = 43
    y = label.values[first - 40 : first - 2].ravel()
    up = float((y == 1).mean())
    assert signal.classes == (-1, 1)
    np.testing.assert_allclose(signal.probabilities[first, 0], [1.0 - up, up])
    np.testing.assert_allclose(signal.values[first : first + 20], 2.0 * up - 1.0)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", r"fold 2 of Sometimes: Sometimes\.fit raised FloatingPointError: it blew up"),
        ("length", r"fold 2 of Sometimes: Sometimes\.predict returned float64 of the shape \(39,\) for 40 samples"),
        ("nan", r"fold 2 of Sometimes: Sometimes\.predict returned nan for sample 1, and for 1 of 40"),
    ],
)
def test_a_fold_that_fails_is_named_and_the_others_are_kept(how, message):
    bars = random_bars()
    scheme = WalkForward(40, 20, anchored=True)
    model = Sometimes(limit=2 * (40 + 20 + 10), how=how)  # folds 0 and 1 have 39 and 59 bars of two assets
    with pytest.raises(ModelError, match=message) as caught:
        predict_out_of_sample(model, features(), forward_return(bars, 1), bars, scheme)
    assert "2 of 4 folds are finished" in str(caught.value)
    kept = caught.value.signal
    assert np.array_equal(np.flatnonzero(kept.tested), np.arange(43, 83))


def test_bad_input_is_named():
    bars = random_bars()
    label = forward_return(bars, 1)

    def wrong(error, message, model=None, features_=None, label_=label, scheme=SCHEME, **settings):
        with pytest.raises(error, match=message):
            predict_out_of_sample(
                Ridge() if model is None else model, features_ or features(), label_, bars, scheme, **settings
            )

    wrong(ModelError, "Ridge is a class; a model is an object", model=Ridge)
    wrong(ModelError, "it has no fit and no predict or predict_proba", model=object())
    wrong(ModelError, "is of other bars", label_=forward_return(bars[:-1], 1))
    wrong(ModelError, "Shares learns labels of the kind 'class'", model=Shares())
    wrong(SettingsError, r"scaler is 'standart'; did you mean 'standard'\?", scaler="standart")
    wrong(SettingsError, "workers is 0", workers=0)
    wrong(SettingsError, "seed is -1", seed=-1)
    wrong(ModelError, r"Ridge has no setting 'alhpa'", search=Search({"alhpa": [1.0]}))
    wrong(ModelError, "its fit takes no sample_weight", model=Shares(), label_=up_or_down(bars), weights="uniqueness")
    still = Function(lambda bars: np.full(bars.close.shape, 2.5), name="still")
    wrong(ModelError, "fold 0 of Ridge: feature 'still' is 2.5 in all", features_=Features([ratio_feature(), still]))
    late = Function(lambda bars: np.where(np.arange(bars.n_bars)[:, None] < 78, np.nan, 1.0 * bars.close), name="late")
    wrong(ModelError, r"fold 0 of .*: 4 samples are left", features_=Features([late]), scheme=WalkForward(3, 20))


def ratio_feature():
    return Function(lambda bars: bars.close / bars.open, name="ratio")


def test_one_class_alone_is_no_lesson():
    bars = random_bars()
    ahead = forward_return(bars, 1)
    values = np.where(np.isnan(ahead.values), np.nan, np.where(np.arange(120)[:, None] < 60, 1.0, -1.0))
    label = Label.from_arrays(bars, values, ahead.end, name="late", kind="class")
    with pytest.raises(ModelError, match="fold 0 of Shares: late is 1 for all 78 training samples"):
        predict_out_of_sample(Shares(), features(), label, bars, SCHEME)


def test_paths_of_combinatorial_folds_and_their_mean():
    bars = random_bars()
    scheme = CombinatorialPurgedCV(4, 2)
    signal = predict_out_of_sample(Ridge(), features(), forward_return(bars, 1), bars, scheme)
    assert len(signal.folds) == 6
    assert len(signal.paths) == 3
    mean = np.mean([path.values for path in signal.paths], axis=0)  # each group is tested by three folds
    np.testing.assert_allclose(signal.values, mean, rtol=1e-12)
    groups = np.array_split(np.arange(3, 120), 4)
    folds = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for number, path in enumerate(signal.paths):
        for g, rows in enumerate(groups):
            made_by = [folds[k] for k in np.unique(path.fold[rows])]
            own = [one for one in folds if g in one][number]
            tested = [signal.folds.index(path.folds[k]) for k in np.unique(path.fold[rows])]
            assert [folds[k] for k in tested] == [own], made_by
    assert not signal.known_in_time


def test_the_number_of_processes_changes_no_bit():
    bars = random_bars(300)
    label = forward_return(bars, 2)
    one = predict_out_of_sample(Ridge(), features(), label, bars, SCHEME, workers=1)
    two = predict_out_of_sample(Ridge(), features(), label, bars, SCHEME, workers=2)
    assert np.array_equal(one.values, two.values, equal_nan=True)
    assert [record.trained_until for record in one.folds] == [record.trained_until for record in two.folds]


def test_progress_counts_folds():
    bars, heard = random_bars(), []
    predict_out_of_sample(
        Ridge(), features(), forward_return(bars, 1), bars, SCHEME, progress=lambda done, n: heard.append((done, n))
    )
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
