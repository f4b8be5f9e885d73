"""crossed_above and crossed_below answer alike when called from Python and from compiled code with bounds checks."""

import math

import numba
import numpy as np
import pytest

from backtester.indicators import crossed_above, crossed_below

NAN = math.nan


@numba.njit(boundscheck=True, error_model="numpy")
def compiled_above(x, y, a):
    return crossed_above(x, y, a)


@numba.njit(boundscheck=True, error_model="numpy")
def compiled_below(x, y, a):
    return crossed_below(x, y, a)


ABOVE = (crossed_above, compiled_above)
BELOW = (crossed_below, compiled_below)


def answers(functions, x, y, a):
    """Return what the ways of asking say, after checking that they agree."""
    found = {function(x, y, a) for function in functions}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("before", "now", "above", "below"),
    [
        ((1.0, 2.0), (3.0, 2.0), True, False),
        ((2.0, 2.0), (3.0, 2.0), True, False),  # from touching
        ((3.0, 2.0), (1.0, 2.0), False, True),
        ((2.0, 2.0), (1.0, 2.0), False, True),
        ((1.0, 2.0), (2.0, 2.0), False, False),  # only touching
        ((3.0, 2.0), (4.0, 2.0), False, False),  # above already
        ((1.0, 2.0), (0.0, 2.0), False, False),
        ((NAN, 2.0), (3.0, 2.0), False, False),
        ((1.0, NAN), (3.0, 2.0), False, False),
        ((1.0, 2.0), (NAN, 2.0), False, False),
        ((3.0, 2.0), (1.0, NAN), False, False),
    ],
)
def test_a_crossing_needs_both_sides(before, now, above, below):
    x = np.array([[9.0, 9.0], [0.0, before[0]], [0.0, now[0]]])
    y = np.array([[9.0, 9.0], [0.0, before[1]], [0.0, now[1]]])
    assert answers(ABOVE, x, y, 1) is above
    assert answers(BELOW, x, y, 1) is below
    assert answers(ABOVE, x, y, 0) is False
    assert answers(BELOW, y, x, 1) is above
    # one series for every asset
    assert answers(ABOVE, x, y[:, 1].copy(), 1) is above
    assert answers(BELOW, x[:, 1], y[:, 1], 0) is below


def test_levels_may_stand_on_either_side():
    x = np.array([[29.0, 71.0], [31.0, 69.0]])
    for level in (30, 30.0, np.float64(30.0)):
        assert answers(ABOVE, x, level, 0) is True
        assert answers(BELOW, x, level, 0) is False
        assert answers(BELOW, level, x, 0) is True
        assert answers(ABOVE, level, x, 0) is False
    assert answers(BELOW, x, 70, 1) is True
    assert answers(ABOVE, x.astype(np.int64), 30, 0) is True
    assert answers(ABOVE, x, NAN, 0) is False
    assert answers(ABOVE, 1.0, 2.0, 0) is False


@pytest.mark.parametrize("n_bars", [0, 1])
def test_fewer_than_two_bars_never_cross(n_bars):
    short, long = np.ones((n_bars, 1)), np.array([[0.0], [2.0]])
    for x, y in ((short, 0.5), (short, short), (long, short), (short, long), (short[:, 0], 0.5)):
        assert answers(ABOVE, x, y, 0) is False
        assert answers(BELOW, x, y, 0) is False


def test_an_asset_that_does_not_exist_is_an_index_error():
    x = np.array([[1.0, 2.0], [2.0, 1.0]])
    for function in (*ABOVE, *BELOW):
        with pytest.raises(IndexError):
            function(x, x, 2)
        assert function(x, 1.5, -2) is function(x, 1.5, 0)


def test_random_series_agree_with_the_definition():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (300, 2)).astype(float), rng.integers(0, 4, (300, 2)).astype(float)
    x[rng.random(x.shape) < 0.1] = NAN
    x.flags.writeable = False
    crossings = 0
    for t in range(1, 301):
        for a in range(2):
            now, before = t - 1, t - 2
            up = t >= 2 and bool(x[now, a] > y[now, a] and x[before, a] <= y[before, a])
            down = t >= 2 and bool(x[now, a] < y[now, a] and x[before, a] >= y[before, a])
            assert answers(ABOVE, x[:t], y[:t], a) is up
            assert answers(BELOW, x[:t], y[:t], a) is down
            crossings += up + down
    assert crossings > 50
