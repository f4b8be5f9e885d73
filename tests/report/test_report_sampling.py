"""Down-sampling keeps the picture: first, lowest, highest and last point of every bucket, all of them true points."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backtester.report.sampling import bucket_size, clock, m4, number, numbers, series

FLOATS = st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.just(float("inf")))


@given(st.lists(FLOATS, max_size=200), st.integers(4, 80))
def test_m4_keeps_the_extremes_and_the_ends_of_every_bucket(values, n_points):
    values = np.array(values)
    at = m4(values, n_points)
    finite = np.flatnonzero(np.isfinite(values))
    assert np.all(np.diff(at) > 0)
    assert np.isin(at, finite).all()
    size = bucket_size(len(finite), n_points)
    for start in range(0, len(finite), size):
        bucket = finite[start : start + size]
        kept = values[np.intersect1d(bucket, at)]
        assert bucket[0] in at
        assert bucket[-1] in at
        assert kept.min() == values[bucket].min()
        assert kept.max() == values[bucket].max()


def test_a_million_points_become_few():
    values = np.random.default_rng(3).normal(size=1_000_000).cumsum()
    at = m4(values, 8_000)
    assert 4_000 < len(at) <= 8_004
    assert at[0] == 0
    assert at[-1] == 999_999


def test_a_series_keeps_the_bars_it_is_told_to():
    values = np.sin(np.arange(1000) / 50)
    found = series(values, 40, also=np.array([123, 456]))
    at = np.cumsum(found["x"])
    assert {123, 456} <= set(at.tolist())
    assert found["every"] == 100
    assert np.allclose(found["y"], values[at], atol=1e-8)


@given(st.lists(st.sampled_from([1, 1, 1, 60_000, 86_400_000]), max_size=60), st.integers(0, 2**40))
def test_the_clock_is_exact_where_its_runs_are_few(steps, first):
    times = (first + np.concatenate(([0], np.cumsum(steps, dtype=np.int64)))) * 10**6
    found = clock(times, 1000)
    back = np.concatenate(([found["first"]], found["first"] + np.cumsum(np.repeat(found["steps"], found["counts"]))))
    assert found["exact"]
    assert np.array_equal(back.astype(np.int64), times // 10**6)


def test_an_irregular_clock_is_exact_at_the_ends_and_says_that_it_is_not_between():
    times = np.cumsum(np.random.default_rng(1).integers(1, 10**9, 5000)) * 10**6
    found = clock(times, 100)
    assert not found["exact"]
    assert sum(found["counts"]) == 4999
    last = found["first"] + sum(np.multiply(found["steps"], found["counts"]))
    assert abs(last - times[-1] // 10**6) < 100  # ms, by rounding steps to a thousandth


def test_numbers_have_eight_digits_and_no_nan():
    assert numbers(np.array([1.0, 123456789.123, np.nan, np.inf, -np.inf])) == [1, 123456790, None, "∞", "−∞"]
    assert number(0.1 + 0.2) == 0.3
    assert isinstance(number(5.0), int)
    assert number(1e19) == 1e19
