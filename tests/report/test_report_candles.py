"""Packed candles are the bars again; a level above holds first, highest, lowest and last of four candles below."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.report import candles
from backtester.report.candles import exponent_of, pyramid, unpacked


def levels_of(found):
    """Return the prices [4, n] of each level, NaN where there is no candle."""
    for level in found["levels"]:
        parts = [unpacked(chunk) for chunk in level["chunks"]]
        whole = np.concatenate([part[0] for part in parts], axis=1).astype(np.float64)
        there = np.concatenate([part[1] for part in parts])
        assert len(there) == level["n"]
        whole[:, ~there] = np.nan
        yield whole * 10.0 ** found["exponent"]


def quoted(n, seed=1, decimals=2):
    draw = np.random.default_rng(seed)
    close = 50.0 + np.cumsum(draw.normal(size=n))
    opened = np.roll(close, 1)
    high, low = np.maximum(opened, close) + draw.random(n), np.minimum(opened, close) - draw.random(n)
    return [np.round(column, decimals) for column in (opened, high, low, close)]


def test_quoted_prices_come_back_exactly():
    columns = quoted(1000)
    found = pyramid(*columns)
    assert found["exponent"] == -2
    np.testing.assert_allclose(next(levels_of(found)), columns, rtol=0, atol=1e-9)


def test_other_prices_keep_seven_digits():
    columns = [column / 3.0 for column in quoted(500)]
    close = next(levels_of(pyramid(*columns)))[3]
    smallest = min(np.abs(column).min() for column in columns)
    assert np.abs(close - columns[3]).max() <= 0.5 * 10.0 ** (np.floor(np.log10(smallest)) - 6)


@given(st.integers(1, 700), st.integers(0, 10**6), st.floats(0.0, 0.9))
@settings(max_examples=25, deadline=None)
def test_a_level_is_first_highest_lowest_and_last_of_four(n, seed, gaps):
    columns = np.array(quoted(n, seed))
    columns[:, np.random.default_rng(seed).random(n) < gaps] = np.nan
    found = list(levels_of(pyramid(*columns)))
    np.testing.assert_allclose(found[0], columns, atol=1e-9)
    for finer, coarser in pairwise(found):
        for k in range(coarser.shape[1]):
            four = finer[:, 4 * k : 4 * k + 4]
            four = four[:, ~np.isnan(four[3])]
            if four.size == 0:
                assert np.isnan(coarser[:, k]).all()
            else:
                wanted = [four[0, 0], four[1].max(), four[2].min(), four[3, -1]]
                np.testing.assert_allclose(coarser[:, k], wanted, atol=1e-9)
    assert found[-1].shape[1] <= candles.FEWEST


def test_long_histories_are_packed_in_chunks(monkeypatch):
    monkeypatch.setattr(candles, "CHUNK", 100)
    columns = quoted(1001)
    found = pyramid(*columns)
    assert [len(level["chunks"]) for level in found["levels"]] == [11, 3]  # 1001 and 251 candles
    np.testing.assert_allclose(next(levels_of(found)), columns, atol=1e-9)


def test_the_finest_levels_can_be_left_out():
    columns = quoted(1000)
    whole, cut = pyramid(*columns), pyramid(*columns, finest=1)
    assert cut["finest"] == 1
    assert cut["levels"] == whole["levels"][1:]


@pytest.mark.parametrize(
    ("prices", "exponent"),
    [
        ([1.0, 20.0, 300.0], 0),
        ([0.1 + 0.2, 1.5], -1),  # 0.30000000000000004
        ([1.00005, 2.0], -5),
        ([1 / 3, 2 / 3], -7),  # seven digits of 0.333…
        ([1 / 3 * 1e12, 2 / 3 * 1e12], 5),  # seven digits of 3.3e11
        ([1e-3 / 3, 1e12 / 3], 3),  # 3.3e11 must be below 2**30 units
        ([0.0, 0.0], 0),
        ([np.nan], 0),
        ([-3.25, 4.0], -2),
    ],
)
def test_the_unit_of_prices(prices, exponent):
    assert exponent_of(np.array(prices)) == exponent
