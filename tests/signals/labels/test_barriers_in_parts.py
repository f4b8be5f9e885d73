"""Bars that threads share have the labels they have in one go."""

import numpy as np

from backtester import Bars
from backtester.signals import triple_barrier
from backtester.signals.labels import barriers


def test_parts_have_the_labels_of_the_whole(monkeypatch):
    bars = Bars.simulate("gbm", n_bars=400, seed=3)
    whole = triple_barrier(bars, 2.0, 1.5, 12, volatility=10)
    monkeypatch.setattr(barriers, "_PART", 50)
    monkeypatch.setattr(barriers.os, "cpu_count", lambda: 3)
    parts = triple_barrier(bars, 2.0, 1.5, 12, volatility=10)
    for name in ("values", "end", "returns"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name), equal_nan=True)
    assert np.isfinite(whole.values).sum() > 300
