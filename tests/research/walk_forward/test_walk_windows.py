"""The windows of a walk, counted by hand, and those of `signals.WalkForward`."""

from __future__ import annotations

import pytest
from walkers import BARS

from backtester.errors import SettingsError
from backtester.research.walk_forward import Walk
from backtester.signals import WalkForward


def rows(walk, n_bars):
    return [(one.train.start, one.train.stop, one.test.start, one.test.stop) for one in walk.windows(BARS[:n_bars])]


def test_windows_counted_by_hand():
    assert rows(Walk(4, 2), 9) == [(0, 4, 4, 6), (2, 6, 6, 8), (4, 8, 8, 9)]
    assert rows(Walk(4, 2, purge=1), 9) == [(0, 3, 4, 6), (2, 5, 6, 8), (4, 7, 8, 9)]
    assert rows(Walk(4, 2, anchored=True), 9) == [(0, 4, 4, 6), (0, 6, 6, 8), (0, 8, 8, 9)]
    assert rows(Walk(4, 2, step=3), 9) == [(0, 4, 4, 6), (3, 7, 7, 9)]
    assert rows(Walk(4, 2), 6) == [(0, 4, 4, 6)]


@pytest.mark.parametrize("given", [{}, {"anchored": True}, {"step": 50}])
def test_tests_are_those_of_the_scheme_for_models(given):
    scheme = WalkForward(120, 40, **given)
    wanted = [(int(test[0]), int(test[-1]) + 1) for _, test in scheme.split(range(400))]
    assert [one[2:] for one in rows(Walk(120, 40, **given), 400)] == wanted


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"train": "3Y"}, "train is '3Y'; it is a number of bars, 2 or more"),
        ({"train": 1}, "train is 1"),
        ({"test": 0}, "test is 0; it is a number of bars, 1 or more"),
        ({"test": True}, "test is True"),
        ({"purge": -1}, "purge is -1"),
        ({"purge": 99}, "leaves 1 of 100 training bars"),
        ({"step": 30}, "tests overlap"),
        ({"anchored": 1}, "anchored is 1; it is True or False"),
        ({"train": 380}, "take 430 bars, and there are 400"),
    ],
)
def test_what_cannot_be_walked(given, text):
    with pytest.raises(SettingsError, match=text):
        Walk(**{"train": 100, "test": 50, **given}).windows(BARS)
