"""Longer bars, and what is known of them on the shorter clock (rule 6)."""

import datetime as dt
import functools

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.bars.freq import parse
from backtester.errors import DataError

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
COLUMNS = ("open", "high", "low", "close", "volume")


def random_bars(n=400, width=2, seed=0, step=17 * MINUTE, missing=0.2, **options):
    """Return irregular bars with missing ones."""
    rng = np.random.default_rng(seed)
    stamps = 10_000 * DAY + np.cumsum(rng.integers(1, 5, n)) * step
    o, c = (100 * np.exp(rng.normal(0, 0.1, (n, width))) for _ in range(2))
    h, low = np.maximum(o, c) + rng.random((n, width)), np.minimum(o, c) - rng.random((n, width))
    v = rng.integers(0, 100, (n, width)).astype(float)
    x = rng.normal(size=(n, width))
    gone = rng.random((n, width)) < missing
    for a in (o, h, low, c, v, x):
        a[gone] = np.nan
    v[rng.random((n, width)) < 0.1] = np.nan
    return Bars.from_arrays(stamps, o, h, low, c, v, extras={"x": x}, **options)


def by_hand(bars, key):
    """Return the longer bars of groups `key`, one bar at a time in plain Python."""
    rows = {}
    for t, k in enumerate(key):
        rows.setdefault(k, []).append(t)
    out = {c: [] for c in (*COLUMNS, "x")}
    for group in rows.values():
        for c in out:
            line = []
            for a in range(bars.n_assets):
                column = [float(bars[c][t, a]) for t in group if not np.isnan(bars[c][t, a])]
                fold = {"open": lambda v: v[0], "high": max, "low": min, "volume": sum}.get(c, lambda v: v[-1])
                line.append(fold(column) if column else np.nan)
            out[c].append(line)
    return [int(bars.timestamps[g[-1]]) for g in rows.values()], out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("freq", "key"),
    [
        ("1h", lambda t: (t - pd.Timedelta(1)).floor("1h")),
        ("15min", lambda t: (t - pd.Timedelta(1)).floor("15min")),
        ("7h", lambda t: ((t - pd.Timedelta(1)).normalize(), (t - pd.Timedelta(1)).hour // 7)),
        ("1D", lambda t: (t - pd.Timedelta(1)).normalize()),
        ("1W", lambda t: (t - pd.Timedelta(1)).to_period("W-SUN")),
        ("W-FRI", lambda t: (t - pd.Timedelta(1)).to_period("W-FRI")),
        ("1ME", lambda t: (t - pd.Timedelta(1)).to_period("M")),
        ("QE", lambda t: (t - pd.Timedelta(1)).to_period("Q")),
        ("YE", lambda t: (t - pd.Timedelta(1)).to_period("Y")),
    ],
)
def test_resample_equals_a_loop_over_the_groups(freq, key, seed):
    bars = random_bars(seed=seed, step=17 * MINUTE if "h" in freq or "min" in freq else 5 * HOUR)
    stamps, expected = by_hand(bars, [key(t) for t in bars.index.tz_localize(None)])
    longer = bars.resample(freq)
    assert longer.timestamps.tolist() == stamps
    for c in (*COLUMNS, "x"):
        np.testing.assert_array_equal(longer[c], np.array(expected[c]), err_msg=c)
        assert longer[c].flags.c_contiguous
        assert not longer[c].flags.writeable


def test_resample_equals_pandas_on_complete_bars():
    bars = random_bars(width=1, missing=0.0)
    frame = bars.to_frame()
    how = {"open": "first", "high": "max", "low": "min", "close": "last"}
    expected = frame.resample("1h", closed="right", label="right").agg(how).dropna()
    got = bars.resample("1h")
    for c in how:
        assert got[c][:, 0].tolist() == expected[c].tolist()


def test_a_bar_that_closes_at_the_end_of_a_period_belongs_to_it():
    stamps = np.array([30, 60, 90, 120, 150]) * MINUTE
    bars = Bars.from_arrays(stamps, *[np.arange(1.0, 6.0)] * 4, np.ones(5))
    hour = bars.resample("1h")
    assert (hour.timestamps // MINUTE).tolist() == [60, 120, 150]  # the last hour is not over, and is there
    assert hour.open[:, 0].tolist() == [1, 3, 5]
    assert hour.volume[:, 0].tolist() == [2, 2, 1]


def test_steps_of_time_do_not_reach_across_sessions():
    stamps = np.array([15, 30, 45, 60]) * MINUTE
    bars = Bars.from_arrays(stamps, *[np.ones(4)] * 4, sessions=[0, 0, 1, 1])
    assert (bars.resample("1h").timestamps // MINUTE).tolist() == [30, 60]
    assert bars.resample("1h").sessions.tolist() == [0, 1]


def test_weeks_of_a_sample():
    weeks = Bars.sample("sp500").resample("1W")
    # 2008-09-15 to 2008-09-19: a whole week; figures from the daily rows of the source
    daily = Bars.sample("sp500")["2008-09-15":"2008-09-19"]
    week = weeks["2008-09-19"]
    assert week.open[0, 0] == daily.open[0, 0]
    assert week.close[0, 0] == daily.close[-1, 0]
    assert week.high[0, 0] == daily.high.max()
    assert week.low[0, 0] == daily.low.min()
    assert week.volume[0, 0] == daily.volume.sum()
    assert weeks.resample("1ME").n_bars == 240


@pytest.mark.parametrize(
    ("freq", "kind", "count"),
    [
        ("5min", "time", 5 * MINUTE),
        ("30s", "time", 30 * 10**9),
        ("4H", "time", 4 * HOUR),
        ("1D", "day", 1),
        ("D", "day", 1),
        ("24h", "day", 1),
        ("48h", "day", 2),
        (dt.timedelta(hours=1), "time", HOUR),
        (pd.Timedelta("90s"), "time", 90 * 10**9),
        (dt.timedelta(days=2), "day", 2),
        ("2W", "week", 2),
        ("M", "month", 1),
        ("3ME", "month", 3),
        ("Q", "month", 3),
        ("YE", "month", 12),
    ],
)
def test_steps_by_name(freq, kind, count):
    step = parse(freq)
    assert (step.kind, step.count) == (kind, count)


@pytest.mark.parametrize(
    "freq", ["", "5", "0min", "1x", "5m", "36h", "-1h", "W-XXX", "D-FRI", None, 5, dt.timedelta(0)]
)
def test_steps_that_mean_nothing_or_two_things(freq):
    with pytest.raises(DataError, match="freq"):
        parse(freq)


class TestOn:
    def test_a_longer_bar_shows_at_its_close_and_not_before(self):
        stamps = np.array([20, 40, 60, 80, 100, 120, 140]) * MINUTE
        close = np.arange(1.0, 8.0)
        hour = Bars.from_arrays(stamps, close, close + 0.5, close - 0.5, close, close).on("1h")
        nan = np.nan
        np.testing.assert_array_equal(hour.rows, [-1, -1, 0, 0, 0, 1, 1])
        np.testing.assert_array_equal(hour.close[:, 0], [nan, nan, 3, 3, 3, 6, 6])
        np.testing.assert_array_equal(hour.open[:, 0], [nan, nan, 1, 1, 1, 4, 4])
        np.testing.assert_array_equal(hour.high[:, 0], [nan, nan, 3.5, 3.5, 3.5, 6.5, 6.5])
        np.testing.assert_array_equal(hour.low[:, 0], [nan, nan, 0.5, 0.5, 0.5, 3.5, 3.5])
        np.testing.assert_array_equal(hour.volume[:, 0], [nan, nan, 6, 6, 6, 15, 15])
        assert hour.bars.n_bars == 3  # the last one is forming, and never shows

    def test_a_period_without_a_bar_at_its_end_shows_with_the_next_bar(self):
        stamps = np.array([20, 40, 80, 100, 190]) * MINUTE
        hour = Bars.from_arrays(stamps, *[np.arange(1.0, 6.0)] * 4).on("1h")
        np.testing.assert_array_equal(hour.rows, [-1, -1, 0, 0, 1])

    def test_a_day_is_over_at_the_session_close(self):
        index = pd.DatetimeIndex(["2020-03-05 15:00", "2020-03-05 16:00", "2020-03-06 15:00", "2020-03-06 16:00"])
        data = pd.DataFrame({c: [1.0, 2, 3, 4] for c in ("open", "high", "low", "close")}, index=index)
        given = Bars.from_frame(data, tz="America/New_York", session_close="16:00").on("1D")
        np.testing.assert_array_equal(given.rows, [-1, 0, 0, 1])
        # without it nobody knows at 16:00 that the day is over
        np.testing.assert_array_equal(Bars.from_frame(data, tz="America/New_York").on("1D").rows, [-1, -1, 0, 0])

    def test_a_day_cut_short_shows_with_the_next_bar(self):
        index = pd.DatetimeIndex(["2020-11-27 12:00", "2020-11-27 13:00", "2020-11-30 12:00", "2020-11-30 16:00"])
        data = pd.DataFrame({c: [1.0, 2, 3, 4] for c in ("open", "high", "low", "close")}, index=index)
        bars = Bars.from_frame(data, tz="America/New_York", session_close="16:00")
        np.testing.assert_array_equal(bars.on("1D").rows, [-1, -1, 0, 1])

    def test_labelled_sessions_without_an_end_show_with_the_next_session(self):
        bars = Bars.from_arrays(np.arange(1, 7) * HOUR, *[np.arange(1.0, 7.0)] * 4, sessions=[7, 7, 7, 8, 8, 9])
        np.testing.assert_array_equal(bars.on("1D").rows, [-1, -1, -1, 0, 0, 1])
        np.testing.assert_array_equal(bars.on("1W").rows, [-1] * 6)

    def test_weeks_of_daily_bars(self):
        # 2008-09-08 is a Monday
        bars = Bars.sample("sp500")["2008-09-08":"2008-09-22"]
        np.testing.assert_array_equal(bars.on("W-FRI").rows, [-1] * 4 + [0] * 5 + [1] * 2)
        # a week to Sunday is over by the calendar only then, so the next bar shows it
        np.testing.assert_array_equal(bars.on("1W").rows, [-1] * 5 + [0] * 5 + [1])

    def test_round_the_clock_days_show_at_midnight(self):
        bars = Bars.simulate("gbm", n_bars=3 * 24, seed=1, freq="1h")
        day = bars.on("1D")
        np.testing.assert_array_equal(day.rows, [-1] * 23 + [0] * 24 + [1] * 24 + [2])
        assert day.close[23, 0] == bars.close[23, 0]

    def test_align_maps_any_array(self):
        bars = Bars.simulate("gbm", n_bars=100, n_assets=2, seed=1, freq="1h")
        day = bars.on("1D")
        np.testing.assert_array_equal(day.align(day.bars.close), day.close)
        np.testing.assert_array_equal(day["close"], day.close)
        flat = day.align(np.arange(day.bars.n_bars))
        assert flat.shape == (100,)
        assert np.isnan(flat[:23]).all()
        assert flat[23:47].tolist() == [0.0] * 24
        assert day.align(np.ones((day.bars.n_bars, 2, 3))).shape == (100, 2, 3)
        assert not flat.flags.writeable
        for wrong in (np.ones(100), 3.0):
            with pytest.raises(DataError, match="align takes an array of 5 rows"):
                day.align(wrong)

    def test_an_asset_without_a_bar_in_the_period_is_nan(self):
        close = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 3.0], [4.0, 4.0]])
        bars = Bars.from_arrays(np.arange(1, 5) * 30 * MINUTE, close, close, close, close)
        np.testing.assert_array_equal(bars.on("1h").close, [[np.nan] * 2, [2.0, np.nan], [2.0, np.nan], [4.0, 4.0]])


@functools.cache
def intraday_panels():
    """Return panels with every kind of session."""
    eurusd = Bars.sample("eurusd")
    us = pd.DatetimeIndex(
        [
            d + pd.Timedelta(hours=h)
            for d in pd.bdate_range("2020-11-02", "2020-12-31")
            for h in (10, 12, 13, 15, 16)
            if not (d.day in (26,) or (d.day == 27 and h > 13))
        ]
    )
    data = pd.DataFrame({c: 100.0 + np.arange(len(us)) for c in ("open", "high", "low", "close")}, index=us)
    return {
        "fx": eurusd["2017-03-20":"2017-04-20"],
        "fx christmas": eurusd["2017-12-18":],
        "stock": Bars.from_frame(data, tz="America/New_York", session_close="16:00"),
        "stock without a close": Bars.from_frame(data, tz="America/New_York"),
        "round the clock": Bars.simulate("gbm", n_bars=400, seed=1, freq="1h"),
        "irregular": random_bars(300, step=37 * MINUTE),
        "labels": random_bars(200, sessions=np.arange(200) // 7),
        "daily": Bars.sample("sp500")["2001-06":"2001-12"],
        "two markets": Bars.align(
            [
                Bars.from_frame(data, tz="America/New_York", session_close="16:00", symbol="US"),
                Bars.from_frame(data, tz="Asia/Tokyo", session_close="16:00", symbol="JP"),
            ]
        ),
    }


@pytest.mark.parametrize("freq", ["45min", "4h", "1D", "2D", "1W", "W-FRI", "1ME"])
@pytest.mark.parametrize("name", intraday_panels().keys())
def test_nothing_before_a_cut_depends_on_what_comes_after(name, freq):
    bars = intraday_panels()[name]
    whole = bars.on(freq)
    rng = np.random.default_rng(1)
    for cut in sorted({1, 2, bars.n_bars - 1, *rng.integers(1, bars.n_bars, 25).tolist()}):
        part = bars[:cut].on(freq)
        for column in ("open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(getattr(part, column), getattr(whole, column)[:cut])


@pytest.mark.parametrize("freq", ["45min", "4h", "1D", "1W", "W-FRI", "1ME"])
@pytest.mark.parametrize("name", intraday_panels().keys())
def test_what_shows_is_the_last_longer_bar_that_is_over(name, freq):
    bars = intraday_panels()[name]
    higher = bars.on(freq)
    lasts = higher.bars.timestamps
    for t, row in enumerate(higher.rows):
        own = np.searchsorted(lasts, bars.timestamps[t])  # the longer bar that this bar belongs to
        # the one before it is over for certain; its own only if this is its last bar
        assert row == own - 1 or (row == own and lasts[own] == bars.timestamps[t])


class TestEvents:
    """Five days, Thursday to Wednesday: a dividend on Friday, a split of 4 for 1 and a dividend on Tuesday."""

    def days(self):
        close = np.array([400.0, 404.0, 400.0, 103.0, 104.0])
        extras = {
            "split": np.array([1.0, np.nan, 1.0, 4.0, 1.0]),
            "dividend": np.array([0.0, 2.0, 8.0, 0.5, np.nan]),
            "funding": np.array([0.001, 0.002, np.nan, 0.004, 0.001]),
            "adj_close": close / [4, 4, 4, 1, 1],
        }
        dates = pd.DatetimeIndex(["2024-06-06", "2024-06-07", "2024-06-10", "2024-06-11", "2024-06-12"])
        prices = (close - 1, close + 2, close - 2, close)
        return Bars.from_arrays((dates + pd.Timedelta("1D")).to_numpy(), *prices, np.full(5, 100.0), extras=extras)

    def test_a_week_with_a_split_is_in_the_units_of_its_end(self):
        week = self.days().resample("1W")
        assert week.open[:, 0].tolist() == [399.0, 399.0 / 4]
        assert week.high[:, 0].tolist() == [406.0, 106.0]  # 402/4, 105 and 106
        assert week.low[:, 0].tolist() == [398.0, 398.0 / 4]
        assert week.close[:, 0].tolist() == [404.0, 104.0]
        assert week.volume[:, 0].tolist() == [200.0, 400.0 + 200.0]

    def test_splits_multiply_and_the_rest_adds_up(self):
        week = self.days().resample("1W")
        assert week["split"][:, 0].tolist() == [1.0, 4.0]
        assert week["dividend"][:, 0].tolist() == [2.0, 8.0 / 4 + 0.5]
        assert week["funding"][:, 0].tolist() == [0.001 + 0.002, 0.004 + 0.001]
        assert week["adj_close"][:, 0].tolist() == [101.0, 104.0]

    def test_a_holder_has_the_same_at_the_end_of_the_week(self):
        """10 units of Friday, worth 4,040: by days or by the week they become 40, and are paid 100."""
        for bars, rows in ((self.days(), (2, 3, 4)), (self.days().resample("1W"), (1,))):
            units, cash = 10.0, 0.0
            for t in rows:
                units *= bars["split"][t, 0]
                cash += units * np.nan_to_num(bars["dividend"][t, 0])
            assert (units, cash, units * bars.close[-1, 0]) == (40.0, 100.0, 4160.0)

    def test_two_splits_in_one_period(self):
        bars = self.days()
        prices = (bars.open, bars.high, bars.low, bars.close)
        splits = {"split": np.array([1, 1, 2, 4, 0.5])}
        twice = Bars.from_arrays(bars.timestamps, *prices, extras=splits, check=False)  # no such market, and no matter
        week = twice.resample("1W")
        assert week["split"][:, 0].tolist() == [1.0, 4.0]
        assert week.open[1, 0] == 399.0 / 2  # Monday trades after its split of 2, and 4·½ follow

    def test_the_longer_bars_of_on_are_the_same(self):
        week = self.days().on("1W")
        assert week.bars == self.days().resample("1W")
