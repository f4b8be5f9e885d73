"""Rank and z-score across assets: by hand, beside pandas, and every row by itself."""

import math

import numpy as np
import pandas as pd
import pytest

from backtester.errors import DataError, SettingsError
from backtester.indicators import cross_rank, cross_zscore

NAN = math.nan
BOTH = (cross_rank, cross_zscore)


def panels():
    """Yield panels with ties, gaps, empty rows and rows of one asset."""
    rng = np.random.default_rng(0)
    for n_assets in (1, 2, 3, 40):
        x = rng.normal(1e6, 1.0, (60, n_assets))
        yield x
        yield np.round(x)
        yield np.where(rng.random(x.shape) < 0.4, NAN, x)
        yield np.where(rng.random(x.shape) < 0.4, NAN, np.round(x))
    yield np.full((5, 4), NAN)


def test_rank_by_hand():
    x = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, NAN], [NAN, NAN, 7.0], [0.0, -0.0, 1.0]])
    expected = [[1.0, 1 / 3, 2 / 3], [0.75, 0.75, NAN], [NAN, NAN, 1.0], [0.5, 0.5, 1.0]]
    np.testing.assert_allclose(cross_rank(x), expected, rtol=1e-15)


def test_zscore_by_hand():
    x = np.array([[1.0, 5.0, NAN], [2.0, 2.0, 2.0], [NAN, NAN, 7.0]])
    # mean 3, deviation 2; no deviation; one asset
    np.testing.assert_array_equal(cross_zscore(x), [[-1.0, 1.0, NAN], [NAN, NAN, NAN], [NAN, NAN, NAN]])
    np.testing.assert_allclose(cross_zscore(x, ddof=1)[0, :2], [-math.sqrt(0.5), math.sqrt(0.5)], rtol=1e-15)


def test_rank_is_pandas():
    for x in panels():
        np.testing.assert_allclose(cross_rank(x), pd.DataFrame(x).rank(axis=1, pct=True), rtol=1e-14)


@pytest.mark.parametrize("ddof", [0, 1, 2])
def test_zscore_is_pandas(ddof):
    for x in panels():
        frame = pd.DataFrame(x)
        deviation = frame.std(axis=1, ddof=ddof)
        scores = frame.sub(frame.mean(axis=1), axis=0).div(deviation.where(frame.nunique(axis=1) > 1), axis=0)
        np.testing.assert_allclose(cross_zscore(x, ddof), scores, rtol=1e-7, atol=1e-9)


def test_equal_values_have_no_deviation_whatever_they_are():
    for level in (0.1, 1e6 + 0.1, -3.3, 1e-300):
        assert np.isnan(cross_zscore(np.full((2, 7), level))).all()


@pytest.mark.parametrize("function", BOTH)
def test_a_row_is_a_function_of_that_row_alone(function):
    for x in panels():
        whole = function(x)
        for t in range(len(x)):
            np.testing.assert_array_equal(function(x[t : t + 1]), whole[t : t + 1])
        np.testing.assert_array_equal(function(x[::-1]), whole[::-1])


@pytest.mark.parametrize("function", BOTH)
def test_the_result_is_nan_where_the_input_is(function):
    x = np.random.default_rng(1).normal(size=(50, 9))
    x[np.random.default_rng(2).random(x.shape) < 0.3] = NAN
    np.testing.assert_array_equal(np.isnan(function(x)), np.isnan(x))


def test_ranks_do_not_depend_on_the_order_of_the_assets():
    x = np.round(np.random.default_rng(3).normal(size=(30, 12)), 1)
    order = np.random.default_rng(4).permutation(12)
    np.testing.assert_array_equal(cross_rank(x[:, order]), cross_rank(x)[:, order])


def test_infinities_rank_outermost():
    np.testing.assert_allclose(cross_rank(np.array([[np.inf, 1.0, -np.inf]])), [[1.0, 2 / 3, 1 / 3]], rtol=1e-15)


@pytest.mark.parametrize("function", BOTH)
def test_input(function):
    name = function.__name__
    with pytest.raises(DataError, match=rf"^{name}: x has 1 dimension \(shape \(5,\)\); .*\[n_bars, n_assets\]"):
        function(np.ones(5))
    with pytest.raises(DataError, match=f"^{name}: x holds object values"):
        function(np.array([["a"]], dtype=object))
    with pytest.raises(DataError, match=f"^{name}: x is a masked array"):
        function(np.ma.masked_array([[1.0]], [[True]]))
    for shape in ((0, 3), (3, 0), (1, 1)):
        assert function(np.ones(shape)).shape == shape
    panel = np.round(np.random.default_rng(5).normal(size=(20, 4)), 1)
    for variant in (np.asfortranarray(panel), panel.tolist(), np.repeat(panel, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(function(variant), function(panel))
    before = panel.copy()
    assert function(panel).flags.writeable
    np.testing.assert_array_equal(panel, before)


def test_ddof_is_a_count():
    for ddof in (-1, 0.5, True, "1"):
        with pytest.raises(SettingsError, match=r"^cross_zscore: ddof is "):
            cross_zscore(np.ones((2, 2)), ddof)
    assert np.isnan(cross_zscore(np.array([[1.0, 2.0]]), ddof=2)).all()
