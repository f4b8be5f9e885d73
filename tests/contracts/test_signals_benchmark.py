"""The benchmark of signals measures what it says: forty features, all of them there, and targets that can be missed."""

from __future__ import annotations

import numpy as np
import pytest

from backtester.signals import Features
from benchmarks.signals.market import FEATURES, simulate
from benchmarks.signals.rows import features, names, row


def test_every_row_is_found_and_has_what_it_needs():
    assert "features" in names()
    for name in names():
        assert callable(row(name).inside)
        assert callable(row(name).sections)


def test_forty_features_are_known_at_the_last_bar():
    assert len(set(FEATURES)) == len(FEATURES) == 40
    panel = Features(FEATURES).compute(simulate(300, 4))
    assert panel.shape == (300, 4, 40)
    assert np.isfinite(panel[-1]).all()


@pytest.mark.parametrize(("seconds", "met"), [(2.9, True), (3.1, False)])
@pytest.mark.parametrize(("peak", "small"), [(806.0, True), (807.0, False)])
def test_targets_are_met_or_missed(seconds, met, peak, small):
    answer = {"cold": 9.0, "peak_mb": peak, "output_mb": 403.2, "shape": [2520, 500, 40], "finite": 1.0}
    answer |= {"two": [seconds, 0.0, 9.0], "one": [5.0], "written": [0.2]}
    speed, memory = features.sections(answer)
    assert [one.met for one in speed.rows] == [None, met, None]
    assert [one.met for one in memory.rows] == [small]
    assert not any(one.alarm for one in speed.rows)


def test_a_panel_with_holes_is_an_alarm():
    answer = {"cold": 9.0, "peak_mb": None, "output_mb": 403.2, "shape": [2520, 500, 40], "finite": 0.9}
    answer |= {"two": [1.0], "one": [1.0], "written": [0.2]}
    speed, memory = features.sections(answer)
    assert [one.alarm for one in speed.rows] == [False, True, True]
    assert memory.rows[0].met is None
