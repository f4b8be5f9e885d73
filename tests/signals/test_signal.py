"""`Signal`: what it holds, what it refuses, and when it was known."""

import numpy as np
import pytest

from backtester import Bars
from backtester.errors import ModelError
from backtester.signals import Signal

DAY = 86_400_000_000_000
STAMPS = DAY * np.arange(1, 6)


def signal(**changed):
    settings = {
        "values": np.array([[np.nan], [np.nan], [1.0], [2.0], [3.0]]),
        "timestamps": STAMPS.copy(),
        "symbols": ("A",),
        "name": "made",
        "fold": np.array([-1, -1, 0, 0, 1], np.int32),
        "trained_until": STAMPS[[1, 3]],
    }
    return Signal(**{**settings, **changed})


def test_it_is_known_in_time_where_every_model_ends_before_its_bar():
    assert signal().known_in_time
    assert not signal(trained_until=STAMPS[[2, 3]]).known_in_time  # fold 0 says bar 2, and has seen bar 2
    assert not signal(trained_until=STAMPS[[1, 4]]).known_in_time
    assert signal(fold=np.full(5, -1, np.int32)).known_in_time


def test_it_is_frozen():
    one = signal()
    with pytest.raises(ValueError, match="read-only"):
        one.values[2, 0] = 9.0
    assert one.tested.tolist() == [False, False, True, True, True]


def test_it_says_what_it_is():
    assert (
        repr(signal()) == "Signal('made', 1 asset, 3 bars from 1970-01-04T00:00:00Z to 1970-01-06T00:00:00Z, 2 folds)"
    )
    assert "TRAINED ON THE FUTURE" in repr(signal(trained_until=STAMPS[[4, 4]]))
    assert "no value" in repr(signal(values=np.full((5, 1), np.nan)))


def test_its_frame_has_closes_in_utc_by_symbols():
    frame = signal().to_frame()
    assert frame.columns.tolist() == ["A"]
    assert str(frame.index[0]) == "1970-01-02 00:00:00+00:00"
    assert frame["A"].dropna().tolist() == [1.0, 2.0, 3.0]


def test_numbers_of_your_own():
    close = np.linspace(10.0, 11.0, 10).reshape(5, 2)
    bars = Bars.from_arrays(STAMPS, close, close, close, close, np.ones((5, 2)))
    own = Signal.of([0.0, 1.0, np.nan, 2.0, 3.0], bars, "own")
    assert own.values[1].tolist() == [1.0, 1.0]
    assert own.known_in_time
    assert own.symbols == bars.symbols
    with pytest.raises(ModelError, match=r"values has the shape \(4, 2\), and it must be \(5, 2\)"):
        Signal.of(np.zeros((4, 2)), bars)
    with pytest.raises(ModelError, match=r"inf for ASSET0 at 1970-01-03"):
        Signal.of([0.0, np.inf, 0.0, 0.0, 0.0], bars)


def test_what_does_not_fit_is_named():
    with pytest.raises(ModelError, match=r"fold has the shape \(4,\)"):
        signal(fold=np.zeros(4, np.int32))
    with pytest.raises(ModelError, match="fold 1 is not among 1 in trained_until"):
        signal(trained_until=STAMPS[:1])
    with pytest.raises(ModelError, match=r"probabilities has the shape \(5, 1, 2\), and it must be \(5, 1, 3\)"):
        signal(probabilities=np.zeros((5, 1, 2)), classes=(-1, 0, 1))
