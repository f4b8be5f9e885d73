"""Every shipped feature: its values by another way, no unit, no look ahead, finite after the warm-up."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import talib
from feature_bars import DAY, MONDAY, bars_of, random_bars
from slow_features import SLOW

from backtester import Bars
from backtester.errors import FeatureError
from backtester.signals import SHIPPED, Features, Shipped

COLUMNS = ("open", "high", "low", "close", "volume")
#: of features with settings that have no default, or that are tested with more than the default and short periods
SETTINGS = {
    "column": [("sentiment",)],
    "beta_to": [("ASSET0", 60), ("ASSET0", 6)],
    "correlation_to": [("ASSET0", 60), ("ASSET0", 6)],
    "fourier_sin": [(7, 1), (0.5, 3)],
    "fourier_cos": [(7, 1), (0.5, 3)],
    "turn_of_month": [(1, 3), (4, 1)],
    "fractional_difference": [(0.4, 1e-3), (0.7, 0.01), (1, 0.5)],
    "seasonal_return": [("weekday",), ("month",), ("session_bar",)],
    "seasonal_next": [("weekday",), ("month",), ("session_bar",)],
}
COMPARED = ("return_rank", "return_zscore", "relative_return")
MARKET = ("market_beta", "market_correlation", "beta_to", "correlation_to")
CROSS = (*COMPARED, *MARKET)
MONTH = ("day_of_month", "to_month_end", "turn_of_month")
CIRCLES = ("session_sin", "session_cos", "weekday_sin", "weekday_cos", "year_sin", "year_cos")
CALENDAR = (*CIRCLES, "fourier_sin", "fourier_cos", *MONTH)
SEASONAL = ("seasonal_return", "seasonal_next")  # of all bars since the first
OF_ONE_ASSET = [name for name in SHIPPED if name not in CROSS]
OF_MARKET = [name for name in SHIPPED if name not in (*CALENDAR, "column")]
SHORT = {"fast": 4, "slow": 9, "signal": 3}

#: by TA-Lib: of one asset's open, high, low, close and volume, with the default settings
TALIB = {
    "rsi": lambda o, h, lo, c, v: talib.RSI(c, 14) / 50.0 - 1.0,
    "macd": lambda o, h, lo, c, v: talib.MACD(c, 12, 26, 9)[2] / c,
    "adx": lambda o, h, lo, c, v: talib.ADX(h, lo, c, 14) / 100.0,
    "aroon": lambda o, h, lo, c, v: talib.AROONOSC(h, lo, 14) / 100.0,
    "atr": lambda o, h, lo, c, v: talib.ATR(h, lo, c, 14) / c,
    "money_flow": lambda o, h, lo, c, v: talib.MFI(h, lo, c, v, 14) / 50.0 - 1.0,
}


def settings_of(name):
    """Return the settings a feature is tested with: its defaults, and short periods."""
    if name in SETTINGS:
        return SETTINGS[name]
    defaults = SHIPPED[name].defaults
    short = tuple(SHORT.get(key, 6) for key in defaults)
    return [tuple(defaults.values()), short] if defaults else [()]


def values_of(name, bars, settings=None):
    """Return one feature of some bars, [n_bars, n_assets], by default with the first settings it is tested with."""
    settings = settings_of(name)[0] if settings is None else settings
    return Features([Shipped(name, *settings)]).compute(bars)[:, :, 0]


def check_pairs(name, bars, levels, benchmark):
    """Compare with slope or correlation of each asset's last n returns with those of a level between the same bars."""
    for n in (60, 6):
        found = values_of(name, bars, (*benchmark, n))
        for a in range(bars.n_assets):
            own = [t for t in range(bars.n_bars) if not math.isnan(bars.close[t, a]) and not math.isnan(levels[t])]
            y = [math.log(bars.close[t, a] / bars.close[s, a]) for s, t in itertools.pairwise(own)]
            x = [levels[t] - levels[s] for s, t in itertools.pairwise(own)]
            expected = np.full(bars.n_bars, np.nan)
            for i in range(n, len(own)):
                of = (x[i - n : i], y[i - n : i])
                slope = "beta" in name
                expected[own[i]] = statistics.linear_regression(*of).slope if slope else statistics.correlation(*of)
            np.testing.assert_allclose(found[:, a], expected, rtol=1e-8, atol=1e-11)


def same_bits(left, right):
    missing = np.isnan(left)
    return (missing == np.isnan(right)).all() and left[~missing].tobytes() == right[~missing].tobytes()


def scaled(bars, price=1.0, volume=1.0):
    prices = [bars[name] * price for name in COLUMNS[:4]]
    return Bars.from_arrays(bars.timestamps, *prices, bars.volume * volume, extras=dict(bars.extras))


def test_there_are_more_than_enough_and_each_says_what_it_is():
    assert len(SHIPPED) >= 25
    for name, definition in SHIPPED.items():
        assert definition.function.__name__ == name
        assert (inspect.getdoc(definition.function) or "").count(" ") > 4
        for key, default in definition.defaults.items():
            number = default is inspect.Parameter.empty or isinstance(default, str) or key in definition.numbers
            assert (key in definition.least) != number, f"{name}: {key} has no least value"
            assert default in definition.choices.get(key, (default,))


def test_every_feature_has_its_values_tested_somewhere():
    assert set(SHIPPED) == {*SLOW, *TALIB, *CROSS, *CALENDAR, *SEASONAL, "column"}


def test_the_page_has_each_with_its_settings():
    page = (Path(__file__).resolve().parents[3] / "docs" / "features.md").read_text(encoding="utf-8")
    for name, definition in SHIPPED.items():
        settings = [
            key if default is inspect.Parameter.empty else f"{key}={default!r}"
            for key, default in definition.defaults.items()
        ]
        assert f"| `{name}({', '.join(settings)})` |" in page or (not settings and f"`{name}`" in page), name


class TestValues:
    @pytest.mark.parametrize("name", SLOW)
    def test_each_value_is_that_of_the_slow_way(self, name):
        bars = random_bars(150, 3, seed=7)
        for settings in settings_of(name):
            found = values_of(name, bars, settings)
            for a in range(bars.n_assets):
                own = np.flatnonzero(~np.isnan(bars.close[:, a]))
                rows = [tuple(float(bars[c][t, a]) for c in COLUMNS) for t in own]
                slow = [SLOW[name](rows[: k + 1], *settings) for k in range(len(rows))]
                expected = np.array([math.nan if value is None else value for value in slow])
                np.testing.assert_allclose(found[own, a], expected, rtol=1e-9, atol=1e-12)
                assert np.isnan(np.delete(found[:, a], own)).all()

    @pytest.mark.parametrize("name", TALIB)
    def test_each_value_is_that_of_talib(self, name):
        bars = random_bars(200, 2, seed=8, gaps=False)
        found = values_of(name, bars)
        for a in range(2):
            expected = TALIB[name](*(np.ascontiguousarray(bars[c][:, a]) for c in COLUMNS))
            assert np.isfinite(expected[60:]).all()
            np.testing.assert_allclose(found[:, a], expected, rtol=1e-9, atol=1e-12)

    def test_assets_are_compared_at_the_bar(self):
        bars = bars_of([[100.0, 100.0, 100.0], [110.0, 121.0, 110.0], [np.nan, 110.0, 99.0]])
        a, b = math.log(1.1), math.log(1.21)  # of bar 1
        c, d = math.log(110.0 / 121.0), math.log(0.9)  # of bar 2, of two assets
        np.testing.assert_array_equal(values_of("return_rank", bars, (1,))[1:], [[0.5, 1.0, 0.5], [np.nan, 1.0, 0.5]])
        relative = [[a - (2 * a + b) / 3, b - (2 * a + b) / 3, a - (2 * a + b) / 3], [np.nan, (c - d) / 2, (d - c) / 2]]
        np.testing.assert_allclose(values_of("relative_return", bars, (1,))[1:], relative, atol=1e-15)
        # of (0, 0, x) less their mean, over its deviation x·√2/3: −1/√2, −1/√2, √2; of two values: 1 and −1
        halves = [[-math.sqrt(0.5), math.sqrt(2.0), -math.sqrt(0.5)], [np.nan, 1.0, -1.0]]
        np.testing.assert_allclose(values_of("return_zscore", bars, (1,))[1:], halves, rtol=1e-12)

    def test_the_calendar_is_that_of_the_session(self):
        six_hours = DAY // 4
        bars = bars_of(np.ones((5, 1)), step=six_hours)  # Monday 6, 12, 18, 24 h, Tuesday 6 h
        left = np.array([18, 12, 6, 0, 18]) / 24 * 2 * math.pi
        np.testing.assert_allclose(values_of("session_sin", bars)[:, 0], np.sin(left), atol=1e-15)
        np.testing.assert_allclose(values_of("session_cos", bars)[:, 0], np.cos(left), atol=1e-15)
        week = np.array([0, 0, 0, 0, 1]) / 7 * 2 * math.pi
        np.testing.assert_allclose(values_of("weekday_sin", bars)[:, 0], np.sin(week), atol=1e-15)
        np.testing.assert_allclose(values_of("weekday_cos", bars)[:, 0], np.cos(week), atol=1e-15)

    @pytest.mark.parametrize(("date", "days"), [("2019-01-01", 0), ("2020-07-01", 182), ("2021-12-31", 364)])
    def test_the_year_begins_on_the_first_of_january_within_a_day(self, date, days):
        bars = bars_of([[1.0], [1.0]], start=int(np.datetime64(date, "D").astype(np.int64)) * DAY)
        angle = math.atan2(values_of("year_sin", bars)[0, 0], values_of("year_cos", bars)[0, 0])
        away = (angle / (2 * math.pi) * 365.2425 - days + 180) % 365.2425 - 180
        assert abs(away) <= 1.0

    @pytest.mark.parametrize("name", ["market_beta", "market_correlation"])
    def test_the_market_is_all_assets_in_equal_parts(self, name):
        bars = random_bars(150, 4, seed=9)
        before, level, levels = {}, 0.0, []
        for t in range(bars.n_bars):
            moves = []
            for a in np.flatnonzero(~np.isnan(bars.close[t])):
                if a in before:
                    moves.append(math.log(bars.close[t, a] / before[a]))
                before[a] = bars.close[t, a]
            level += statistics.fmean(moves) if moves else 0.0
            levels.append(level)
        check_pairs(name, bars, levels, ())

    @pytest.mark.parametrize("name", ["beta_to", "correlation_to"])
    @pytest.mark.parametrize("benchmark", [0, 1, 3])  # without gaps, one that begins late, one with gaps
    def test_the_benchmark_is_one_of_the_assets(self, name, benchmark):
        bars = random_bars(150, 4, seed=9)
        levels = []
        for close in bars.close[:, benchmark]:
            levels.append((levels[-1] if levels else math.nan) if np.isnan(close) else math.log(close))
        check_pairs(name, bars, levels, (bars.symbols[benchmark],))

    def test_a_benchmark_that_is_not_there_is_refused(self):
        with pytest.raises(
            FeatureError, match=r"beta_to: the bars have no asset 'ASSET'; did you mean 'ASSET\d'\? \(as"
        ):
            values_of("beta_to", random_bars(), ("ASSET", 60))

    def test_the_same_range_twice_is_all_spread(self):
        """α is then ln(high/low), and the spread 2(high − low)/(high + low), moved by a gap or not."""
        high, low = np.array([[101.0], [101.0], [121.0]]), np.array([[99.0], [99.0], [119.0]])
        close = np.array([[100.0], [99.0], [120.0]])  # the last bar lies 20 above the close before
        bars = Bars.from_arrays(bars_of(close).timestamps, close, high, low, close, np.ones((3, 1)))
        np.testing.assert_allclose(values_of("corwin_schultz", bars, (1,))[1:, 0], [0.02, 0.02], rtol=1e-12)

    def test_closes_at_bid_and_ask_around_a_middle_that_stays(self):
        half = np.array([[1.0], [-1.0], [-1.0], [1.0]]) * 0.005
        close, high, low = 100.0 * np.exp(half), np.full((4, 1), 101.0), np.full((4, 1), 100.0 / 1.01)
        bars = Bars.from_arrays(bars_of(close).timestamps, close, high, low, close, np.ones((4, 1)))
        np.testing.assert_allclose(values_of("abdi_ranaldo", bars, (2,))[2:, 0], [0.01, 0.01], rtol=1e-12)

    def test_a_straight_way_has_the_largest_trend_there_is(self):
        up = np.exp2(np.arange(8.0))[:, None]
        assert (values_of("trend", bars_of(up), (5,))[4:] > 1e5).all()
        assert (values_of("trend", bars_of(1.0 / up), (5,))[4:] < -1e5).all()
        assert (np.abs(values_of("trend", bars_of(up), (5,))[4:]) <= 1e6).all()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [((0.001, 0.01), "leaves one weight, .*; lower the thr"), ((0.1, 1e-9), "more than 10,000 weights; raise the")],
    )
    def test_a_threshold_that_leaves_no_sensible_window_is_refused(self, settings, message):
        with pytest.raises(FeatureError, match=message):
            values_of("fractional_difference", random_bars(), settings)

    def test_a_season_has_the_mean_of_what_it_has_brought(self):
        """Monday to Wednesday and so on, three weeks; returns are 1, 2, 3, … in hundredths, the first bar has none."""
        days = np.array([0, 1, 2, 7, 8, 9, 14, 15, 16]) + MONDAY // DAY
        close = 100.0 * np.exp(np.cumsum(np.arange(9.0)) / 100.0)[:, None]
        bars = Bars.from_arrays((days + 1) * DAY, close, close, close, close, np.ones((9, 1)))
        same = [math.nan, 1, 2, 3, (1 + 4) / 2, (2 + 5) / 2, (3 + 6) / 2, (1 + 4 + 7) / 3, (2 + 5 + 8) / 3]
        # after Monday came 1, 4, 7, after Tuesday 2, 5, 8, and after Wednesday the Monday's 3, 6
        later = [math.nan, 0, 0, 1, 2, 3, (1 + 4) / 2, (2 + 5) / 2, (3 + 6) / 2]
        np.testing.assert_allclose(values_of("seasonal_return", bars, ("weekday",))[:, 0] * 100, same, rtol=1e-9)
        np.testing.assert_allclose(values_of("seasonal_next", bars, ("weekday",))[:, 0] * 100, later, rtol=1e-9)

    def test_seasons_are_months_and_bars_of_the_session_too(self):
        days = np.array(["2020-01-30", "2020-01-31", "2020-02-03", "2021-01-04"], "M8[D]").astype(np.int64)
        close = 100.0 * np.exp(np.array([0.0, 1.0, 3.0, 8.0]) / 100.0)[:, None]  # returns 1, 2, 5
        bars = Bars.from_arrays((days + 1) * DAY, close, close, close, close, np.ones((4, 1)))
        months = values_of("seasonal_return", bars, ("month",))[1:, 0] * 100
        np.testing.assert_allclose(months, [1.0, 2.0, (1.0 + 5.0) / 2], rtol=1e-9)
        twelve = bars_of(100.0 * np.exp(np.cumsum([0.0, 1.0, 2.0, 3.0, 4.0]) / 100.0)[:, None], step=DAY // 2)
        number = values_of("seasonal_return", twelve, ("session_bar",))[1:, 0] * 100
        np.testing.assert_allclose(number, [1.0, 2.0, (1.0 + 3.0) / 2, (2.0 + 4.0) / 2], rtol=1e-9)

    def test_what_came_after_a_season_is_of_the_assets_own_bars(self):
        close = 100.0 * np.exp(np.array([0.0, 1.0, np.nan, 4.0, 9.0, 9.0, 9.0, 9.0]) / 100.0)[:, None]
        found = values_of("seasonal_next", bars_of(close), ("weekday",))[:, 0] * 100
        # Tuesday is followed by 3, on Thursday; the next Tuesday is the last bar
        np.testing.assert_allclose(found[[1, 3, 4]], [0.0, 0.0, 0.0], atol=1e-9)
        np.testing.assert_allclose(found[7], 1.0, rtol=1e-9)  # a Monday: 1 came after the first one
        assert np.isnan(found[[0, 2]]).all()

    def test_fourier_terms_turn_with_the_clock(self):
        bars = bars_of(np.ones((5, 1)), step=DAY // 4)  # Monday 6, 12, 18, 24 h, Tuesday 6 h
        np.testing.assert_allclose(values_of("fourier_sin", bars, (1, 1))[:, 0], [1, 0, -1, 0, 1], atol=1e-9)
        np.testing.assert_allclose(values_of("fourier_cos", bars, (1, 1))[:, 0], [0, -1, 0, 1, 0], atol=1e-9)
        np.testing.assert_allclose(values_of("fourier_cos", bars, (1, 2))[:, 0], [-1, 1, -1, 1, -1], atol=1e-9)
        assert MONDAY // DAY % 7 == 4  # a week from Thursday, 1 January 1970, on
        week = (np.array([6, 12, 18, 24, 30]) / 24 + 4) / 7 * 2 * math.pi
        np.testing.assert_allclose(values_of("fourier_sin", bars, (7, 1))[:, 0], np.sin(week), atol=1e-9)

    def test_a_month_is_counted_in_days_of_the_calendar(self):
        dates = ["2020-01-30", "2020-01-31", "2020-02-01", "2020-02-03", "2020-02-05", "2020-02-06", "2020-02-29"]
        days = np.array(dates, "M8[D]").astype(np.int64)
        one = np.ones((7, 1))
        bars = Bars.from_arrays((days + 1) * DAY, one, one, one, one, one)
        # January 2020 has 23 days from Monday to Friday and ends on a Friday; February has 20 and ends on a Saturday
        part = [29 / 30, 1, 0, 2 / 28, 4 / 28, 5 / 28, 1]
        np.testing.assert_allclose(values_of("day_of_month", bars)[:, 0], part, rtol=1e-15)
        left = [1 / 23, 0, 20 / 20, 19 / 20, 17 / 20, 16 / 20, 0]
        np.testing.assert_allclose(values_of("to_month_end", bars)[:, 0], left, rtol=1e-15)
        assert values_of("turn_of_month", bars, (1, 3))[:, 0].tolist() == [0, 1, 1, 1, 1, 0, 1]
        assert values_of("turn_of_month", bars, (2, 4))[:, 0].tolist() == [1, 1, 1, 1, 1, 1, 1]

    def test_a_session_whose_end_is_unknown_is_refused(self):
        bars = bars_of(np.ones((3, 1)), sessions=np.array([18267, 18268, 18269]))
        with pytest.raises(FeatureError, match=r"the end of the session of bar 0 \(2020-01-07.* is unknown"):
            values_of("session_sin", bars)

    def test_a_column_is_an_extra_as_it_is(self):
        bars = random_bars()
        assert same_bits(values_of("column", bars, ("sentiment",)), bars["sentiment"])


class TestRules:
    @pytest.mark.parametrize("name", OF_MARKET)
    def test_the_unit_of_price_and_volume_does_not_matter(self, name):
        bars = random_bars(gaps=True)
        before, after = values_of(name, bars), values_of(name, scaled(bars, 37.0, 0.125))
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-11)

    @pytest.mark.parametrize("name", OF_MARKET)
    def test_a_feature_is_finite_from_its_first_value_on_wherever_there_is_a_bar(self, name):
        bars = random_bars(gaps=True)
        for settings in settings_of(name):
            found = values_of(name, bars, settings)
            for a in range(bars.n_assets):
                own = found[~np.isnan(bars.close[:, a]), a]
                assert np.isfinite(own[np.argmax(np.isfinite(own)) :]).all()
                assert np.isfinite(own).sum() > 100

    @pytest.mark.parametrize("name", [n for n in OF_MARKET if n not in (*TALIB, *SEASONAL)])
    def test_a_market_that_stands_still_and_does_not_trade_is_nothing_unusual(self, name):
        """0 in a window without a move, a range or a trade; that of RSI and the like is what their authors say."""
        still = np.repeat(random_bars(100, 2, gaps=False).close, [*([1] * 99), 300], axis=0)
        volume = np.where(np.arange(len(still)) < 99, 1000.0, 0.0)[:, None] * np.ones(2)
        found = values_of(name, bars_of(still, volume=volume))
        assert np.isfinite(found[150:]).all()
        if name != "return_rank":
            assert (np.abs(found[-1]) < 1e-12).all()

    @pytest.mark.parametrize("name", TALIB)
    def test_an_oscillator_of_a_market_that_stands_still_is_finite(self, name):
        still = np.repeat(random_bars(100, 2, gaps=False).close, [*([1] * 99), 300], axis=0)
        assert np.isfinite(values_of(name, bars_of(still, volume=0.0))[60:]).all()

    @pytest.mark.parametrize("name", OF_ONE_ASSET)
    def test_one_asset_alone_gives_the_bits_it_gives_among_others(self, name):
        bars = random_bars()
        for settings in settings_of(name):
            together = values_of(name, bars, settings)
            for a, symbol in enumerate(bars.symbols):
                assert same_bits(values_of(name, bars.select(symbol), settings)[:, 0], together[:, a])

    @pytest.mark.parametrize("name", [n for n in SHIPPED if n != "column"])
    def test_a_split_leaves_no_jump(self, name):
        """A price that falls by a 4-for-1 split, with four times the units traded, says what it says without."""
        whole = random_bars(160, 2, seed=3, gaps=False)
        split = np.where(np.arange(160) < 90, 1.0, 4.0)[:, None]
        halves = [whole[c] / split for c in COLUMNS[:4]]
        event = np.where(np.arange(160) == 90, 4.0, np.nan)
        bars = Bars.from_arrays(whole.timestamps, *halves, whole.volume * split, extras={"split": event})
        np.testing.assert_allclose(values_of(name, bars), values_of(name, whole), rtol=1e-9, atol=1e-11)

    @pytest.mark.parametrize("name", SHIPPED)
    def test_what_comes_later_changes_no_bit(self, name):
        bars, other = random_bars(seed=1), random_bars(seed=99)
        cuts = np.random.default_rng(sum(map(ord, name))).integers(80, bars.n_bars - 1, 4)
        for settings in settings_of(name):
            before = values_of(name, bars, settings)
            for cut in cuts:
                assert same_bits(values_of(name, bars[:cut], settings), before[:cut])
                mixed = [np.concatenate([bars[c][:cut], other[c][cut:] * 1000.0]) for c in COLUMNS]
                sentiment = np.concatenate([bars["sentiment"][:cut], other["sentiment"][cut:]])
                changed = Bars.from_arrays(bars.timestamps, *mixed, extras={"sentiment": sentiment}, check=False)
                after = values_of(name, changed, settings)
                assert same_bits(after[:cut], before[:cut])
                if name not in CALENDAR:
                    assert not same_bits(after, before), "the test changes nothing"

    @pytest.mark.parametrize("name", SHIPPED)
    def test_a_specification_comes_back_as_the_same_feature(self, name):
        features = Features([Shipped(name, *settings) for settings in settings_of(name)])
        again = Features.from_spec(json.loads(json.dumps(features.spec())))
        assert again == features
        assert again.digest == features.digest
        bars = random_bars()
        assert same_bits(again.compute(bars), features.compute(bars))


class TestNames:
    def test_text_and_settings_name_the_same_feature(self):
        texts = ("macd(6, 13, 9)", "macd(fast=6, slow=13)", " macd( 6,13 , signal = 9 ) ")
        assert {Shipped(text).columns for text in texts} == {("macd(6, 13, 9)",)}
        assert Shipped("macd", 6, slow=13).columns == ("macd(6, 13, 9)",)
        assert Shipped("gap").columns == ("gap",)
        assert Shipped("rsi(7)", name="speed").columns == ("speed",)
        assert Shipped("fourier_sin(7.0)").columns == Shipped("fourier_sin", np.int64(7)).columns

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("rsy(7)", r"no feature 'rsy'; did you mean 'rsi'\?"),
            ("rsi(m=7)", r"rsi has no setting 'm' \(settings: n\)"),
            ("macd(slo=7)", r"macd has no setting 'slo'; did you mean 'slow'\?"),
            ("rsi(7, 8)", r"rsi has 1 settings \(n\), found 2"),
            ("rsi(7, n=8)", "n is given twice, 7 and 8"),
            ("column", r"column needs its setting extra: column\(extra=…\)"),
            ("column(3)", r"extra is 3 \(int\); it is text"),
            ("seasonal_return('weekdy')", r"by is 'weekdy'; did you mean 'weekday'\?; one of 'weekday', 'month', 'se"),
            ("rsi(", r"'rsi\(' is not a feature; write a name or a call"),
            ("rsi(open('x'))", "is not a feature"),
            ("a.rsi(3)", "is not a feature"),
            ("3", "is not a feature"),
            ("", "is not a feature"),
        ],
    )
    def test_a_wrong_text_says_what_is_wrong(self, text, message):
        with pytest.raises(FeatureError, match=message):
            Features([text])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("rsi(0)", "rsi: n is 0"),
            ("zscore(1)", "n is 1; a period is 2"),
            ("fourier_sin(0)", "fourier_sin: period is 0; it is a finite number above 0"),
            ("fourier_sin('week')", "period is 'week'; it is a finite number"),
            ("fractional_difference(1.5)", "d is 1.5; it is a finite number above 0 and up to 1"),
            ("fractional_difference(True)", "d is True"),
        ],
    )
    def test_a_setting_out_of_range_is_refused_at_once(self, text, message):
        with pytest.raises(ValueError, match=message):
            Features([text])

    def test_settings_are_given_in_one_place(self):
        with pytest.raises(FeatureError, match="has its settings already"):
            Shipped("rsi(7)", 8)
        with pytest.raises(FeatureError, match="named by text"):
            Shipped(3)
