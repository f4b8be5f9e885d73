"""Rank and quantile of the last bars: by hand, and beside pandas and NumPy, ties and infinities included."""

import math

import numpy as np
import pandas as pd
import pytest
from windows import of_each_window

from backtester.errors import SettingsError
from backtester.indicators import rolling_max, rolling_min, rolling_quantile, rolling_rank

NAN = math.nan


def series(seed):
    """Yield series with and without ties, with trends, infinities and both zeros."""
    rng = np.random.default_rng(seed)
    yield rng.normal(size=300)
    yield rng.integers(0, 5, 300).astype(float)
    yield np.arange(300.0)
    yield -np.arange(300.0)
    yield np.full(300, 0.1)
    yield np.cumsum(rng.normal(size=300))
    yield np.where(rng.random(300) < 0.5, 0.0, -0.0) * np.where(rng.random(300) < 0.1, 0.0, 1.0)


def test_rank_by_hand():
    # 3 of (2, 3): second of two; 1 of (3, 1): first; 1 of (1, 1): ranks 1 and 2, mean 1.5
    np.testing.assert_array_equal(rolling_rank(np.array([2.0, 3.0, 1.0, 1.0]), 2), [NAN, 1.0, 0.5, 0.75])
    np.testing.assert_array_equal(rolling_rank(np.array([5.0, 4.0, 5.0]), 1), [1.0, 1.0, 1.0])


def test_quantile_by_hand():
    x = np.array([4.0, 1.0, 2.0, 8.0])
    np.testing.assert_array_equal(rolling_quantile(x, 3), [NAN, NAN, 2.0, 2.0])
    # (1, 2, 4) at 2·0.75 = 1.5: half way from 2 to 4; (1, 2, 8): half way from 2 to 8
    np.testing.assert_array_equal(rolling_quantile(x, 3, 0.75), [NAN, NAN, 3.0, 5.0])


@pytest.mark.parametrize("n", [1, 2, 3, 10, 57, 299, 300])
def test_rank_is_pandas(n):
    for x in series(n):
        np.testing.assert_allclose(rolling_rank(x, n), pd.Series(x).rolling(n).rank(pct=True), rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 57, 300])
def test_quantile_is_numpys_to_the_last_bit(n):
    for x in series(n):
        for q in (0.0, 0.05, 0.25, 0.5, 0.77, 1.0):
            expected = of_each_window(lambda window, q=q: np.quantile(window, q), n, x)
            np.testing.assert_array_equal(rolling_quantile(x, n, q), expected)


def test_quantile_is_pandas():
    for x in series(9):
        for q in (0.1, 0.5, 0.9):
            expected = pd.Series(x).rolling(21).quantile(q)
            np.testing.assert_allclose(rolling_quantile(x, 21, q), expected, rtol=1e-12, atol=1e-12)


def test_the_outermost_quantiles_are_the_extremes():
    for x in series(3):
        np.testing.assert_array_equal(rolling_quantile(x, 13, 0.0), rolling_min(x, 13))
        np.testing.assert_array_equal(rolling_quantile(x, 13, 1), rolling_max(x, 13))


def test_infinities_have_an_order():
    x = np.array([1.0, np.inf, -np.inf, np.inf, 2.0])
    np.testing.assert_array_equal(rolling_rank(x, 3), [NAN, NAN, 1 / 3, 2.5 / 3, 2 / 3])
    np.testing.assert_array_equal(rolling_quantile(x, 3), [NAN, NAN, 1.0, np.inf, 2.0])
    np.testing.assert_array_equal(rolling_quantile(x[[1, 1, 1]], 2), [NAN, np.inf, np.inf])


def test_zeros_of_either_sign_are_one_value():
    x = np.array([0.0, -0.0, 1.0, -0.0, 0.0, -1.0])
    np.testing.assert_array_equal(rolling_rank(x, 2), [NAN, 0.75, 1.0, 0.5, 0.75, 0.5])
    assert not np.signbit(rolling_quantile(x[:5], 2, 0.0)[1:]).any()


def test_q_is_a_fraction():
    for q in (-0.1, 1.5, 50, NAN, "0.5", None, True):
        with pytest.raises(SettingsError, match=r"^rolling_quantile: q is "):
            rolling_quantile(np.arange(9.0), 3, q)
    with pytest.raises(SettingsError, match=r"0\.95 for 95 percent"):
        rolling_quantile(np.arange(9.0), 3, 95)
