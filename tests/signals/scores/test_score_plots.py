"""Plots hold the numbers they show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from score_cases import ar1_bars, label_of, random_predictions, signal_of

from backtester.errors import ModelError, SettingsError
from backtester.signals import Signal, forward_return
from backtester.signals.scores.measures import reliability
from backtester.signals.scores.scored import scored

BARS = ar1_bars(600, 2)
LABEL = forward_return(BARS, 1)
SIGNAL = signal_of(BARS, np.random.default_rng(0).normal(size=(600, 2)), LABEL, [(0, 299), (300, 599)], name="<b>x")


def test_predicted_against_actual():
    picture = SIGNAL.plot()
    cloud, means, diagonal = picture.data
    p = scored(SIGNAL).p
    assert len(cloud.x) == 2 * 599
    lowest = np.argsort(p.values, kind="stable")[:120]  # a tenth of 1,198, the first eight groups one larger
    assert means.x[0] == pytest.approx(p.values[lowest].mean(), rel=1e-12)
    assert means.y[0] == pytest.approx(p.actual[lowest].mean(), rel=1e-12)
    assert tuple(diagonal.x) == tuple(diagonal.y) == (p.values.min(), p.values.max())
    assert picture.layout.title.text == "&lt;b&gt;x: forward_return(1)"


def test_many_samples_are_thinned_out():
    bars = ar1_bars(5_001)
    picture = Signal.of(np.random.default_rng(0).normal(size=5_001), bars).plot(label=forward_return(bars, 1))
    assert len(picture.data[0].x) == 4_000


def test_calibration():
    p = random_predictions((0.0, 1.0), n=600)
    bars = ar1_bars(600)
    label = label_of(bars, p.actual, kind="class", name="up")
    made = signal_of(
        bars, p.values, label, [(0, 599)], probabilities=p.probabilities[:, np.newaxis], classes=(0.0, 1.0)
    )
    _, line = made.plot("calibration", bins=5).data
    said, happened, count = reliability(p, 1, 5)
    np.testing.assert_allclose(line.x, said)
    np.testing.assert_allclose(line.y, happened)
    assert line.text[0] == f"{count[0]:,} samples"
    with pytest.raises(ModelError, match="no probabilities of the classes"):
        SIGNAL.plot("calibration")
    with pytest.raises(SettingsError, match="bins is 1"):
        made.plot("calibration", bins=1)


def test_ic():
    bar, line = SIGNAL.plot("ic").data
    wanted = SIGNAL.metrics().ic_series["rank_ic"].dropna()
    np.testing.assert_allclose(bar.y, wanted)
    np.testing.assert_allclose(line.y, np.cumsum(wanted))


def test_importance():
    table = pd.DataFrame({"rsi": [1.0, 3.0], "gap": [5.0, np.nan], "body": [np.nan, np.nan]})
    (bar,) = SIGNAL.plot("importance", values=table).data
    assert list(bar.y) == ["rsi", "gap"]  # the largest is on top, and that is the last
    assert list(bar.x) == [2.0, 5.0]
    assert list(bar.error_x.array) == [1.0, 0.0]
    with pytest.raises(ModelError, match=r"no fold of the signal .* has an importance"):
        SIGNAL.plot("importance")


def test_the_signal_itself():
    picture = SIGNAL.plot("signal")
    assert [trace.visible for trace in picture.data] == [True, False]
    assert len(picture.layout.updatemenus[0].buttons) == 2
    assert len(picture.layout.shapes) == 1  # where the second fold begins
    assert pd.Timestamp(picture.layout.shapes[0].x0).value == BARS.timestamps[300]
    (alone,) = SIGNAL.plot("signal", asset=BARS.symbols[1]).data
    np.testing.assert_array_equal(alone.y, SIGNAL.values[:, 1])
    with pytest.raises(ModelError, match="there is no asset 'nobody'"):
        SIGNAL.plot("signal", asset="nobody")


def test_unknown_names():
    with pytest.raises(SettingsError, match="kind is 'callibration'; did you mean 'calibration'"):
        SIGNAL.plot("callibration")
    with pytest.raises(SettingsError, match="'ic' has no option 'perod'; did you mean 'period'"):
        SIGNAL.plot("ic", perod="month")
