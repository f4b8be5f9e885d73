"""A fitted model: which rows it learnt, what it says, and where it is silent."""

import numpy as np
import pytest
from model_stubs import Spy, features, random_bars
from sklearn.linear_model import Ridge

from backtester.errors import DataError, ModelError
from backtester.signals import Features, Function, fit, forward_return


@pytest.fixture(autouse=True)
def _no_calls():
    Spy.calls = []


def test_no_label_reads_past_the_range():
    bars = random_bars()
    clock = Function(lambda bars: np.repeat(np.arange(float(bars.n_bars))[:, np.newaxis], 2, axis=1), name="row")
    fitted = fit(Spy(), Features([clock]), forward_return(bars, 4), bars, rows=slice(10, 60), scaler=None)
    rows = Spy.calls[0]["X"][:, 0]
    assert (rows.min(), rows.max()) == (10, 55)  # the label of bar 55 reads bar 59
    assert fitted.trained_from == bars.timestamps[10]
    assert fitted.trained_until == bars.timestamps[59]
    assert fitted.learnt.n_samples == 46 * 2


def test_it_is_silent_about_what_it_learnt():
    bars = random_bars()
    fitted = fit(Ridge(), features(), forward_return(bars, 2), bars, rows=slice(None, 80))
    signal = fitted.predict(bars)
    assert np.array_equal(np.flatnonzero(signal.tested), np.arange(80, 120))
    assert signal.known_in_time
    everything = fitted.predict(bars, in_sample=True)
    assert np.array_equal(np.flatnonzero(everything.tested), np.arange(3, 120))
    assert np.array_equal(everything.values[80:], signal.values[80:])
    assert not everything.known_in_time
    assert not fitted.predict(bars[:70]).tested.any()


def test_bar_by_bar_it_says_the_same():
    bars = random_bars()
    fitted = fit(Ridge(), features(), forward_return(bars, 2), bars, rows=slice(None, 80))
    batch = fitted.predict(bars).values
    for t in (80, 97, 119):
        np.testing.assert_allclose(fitted.predict(bars[: t + 1]).values[-1], batch[t], rtol=1e-12)


def test_weights_are_those_of_the_training_samples_alone():
    """Labels that the range cuts off overlap with none: the last ones in it are unique as if the data ended there."""
    bars = random_bars()
    for rows in (slice(3, 60), slice(20, 60)):
        fit(Spy(), features(), forward_return(bars, 3), bars, rows=rows, weights="uniqueness")
        weight = Spy.calls[-1]["weight"].reshape(-1, 2)
        n = rows.stop - rows.start - 3  # samples of an asset
        assert weight.shape == (n, 2)
        wanted = uniqueness(n, 3)
        np.testing.assert_allclose(weight, (wanted / wanted.mean())[:, np.newaxis] * [1.0, 1.0])
    fit(Spy(), features(), forward_return(bars, 3), bars, rows=slice(3, 60), weights="return")
    weight = Spy.calls[-1]["weight"].reshape(-1, 2)
    moves, n = np.diff(np.log(bars.close), axis=0), 54  # moves[t] is from bar t to t + 1
    readers = np.minimum(np.minimum(np.arange(1, n + 3), 3), np.arange(n + 2, 0, -1))
    share = moves[3:59] / readers[:, np.newaxis]
    wanted = np.abs(share[:-2] + share[1:-1] + share[2:])
    np.testing.assert_allclose(weight, wanted / wanted.mean())


def uniqueness(n, horizon):
    """Return the mean of 1/concurrent over the bars a label reads, of n labels in a row: bars t + 1 to t + horizon."""
    count = np.zeros(n + horizon)
    for t in range(n):
        count[t + 1 : t + horizon + 1] += 1
    return np.array([np.mean(1.0 / count[t + 1 : t + horizon + 1]) for t in range(n)])


def test_quantiles_are_of_the_training_samples_as_they_came():
    bars = random_bars()
    fitted = fit(Ridge(), features(), forward_return(bars, 1), bars, rows=slice(None, 80))
    raw = features().compute(bars)[3:79].reshape(-1, 2)
    np.testing.assert_allclose(fitted.learnt.quantiles[:, [0, 50, 100]], np.quantile(raw, [0, 0.5, 1], axis=0).T)


def test_ranges_without_samples_are_named():
    bars = random_bars()
    with pytest.raises(ModelError, match="no sample in the bars 0 to 2"):
        fit(Ridge(), features(), forward_return(bars, 1), bars, rows=slice(0, 3))
    with pytest.raises(ModelError, match="2 samples are left to learn from, and 10 are the fewest"):
        fit(Ridge(), features(), forward_return(bars, 1), bars, rows=slice(0, 5))
    with pytest.raises(DataError, match="has no bar"):
        fit(Ridge(), features(), forward_return(bars, 1), bars, rows="2031")
