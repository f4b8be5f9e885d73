"""The scaler: fitted on the training rows and no others."""

from __future__ import annotations

import numpy as np
import pytest

from backtester.errors import SettingsError
from backtester.signals import Scaler


def test_mean_and_deviation_are_those_of_the_training_rows():
    panel = np.array([[1.0, 10.0], [3.0, 10.0], [1000.0, -7.0]])
    scaler = Scaler.fit(panel, end=2)
    assert scaler.centre.tolist() == [2.0, 10.0]
    assert scaler.scale.tolist() == [1.0, 1.0]  # √((1 + 1)/2), and a constant
    assert scaler.transform(panel).tolist() == [[-1.0, 0.0], [1.0, 0.0], [10.0, -10.0]]  # 998 and −17, clipped


def test_rows_outside_the_range_change_nothing():
    rng = np.random.default_rng(0)
    panel = rng.normal(size=(50, 2, 3))
    other = panel.copy()
    other[30:] = rng.normal(100.0, 9.0, size=other[30:].shape)
    other[40:] = np.nan
    for method in ("standard", "robust"):
        assert Scaler.fit(panel, end=30, method=method) == Scaler.fit(other, end=30, method=method)
        assert Scaler.fit(panel, end=50, method=method) != Scaler.fit(panel, end=30, method=method)


def test_which_rows_is_never_guessed():
    with pytest.raises(SettingsError, match="say which rows to train on"):
        Scaler.fit(np.zeros((3, 1)))
