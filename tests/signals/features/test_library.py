"""Every shipped feature: its values by another way, no unit, no look ahead, finite after the warm-up."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path

import numpy as np
import pytest
import talib
from feature_bars import DAY, bars_of, random_bars
from slow_features import SLOW

from backtester import Bars
from backtester.errors import FeatureError
from backtester.signals import SHIPPED, Features, Shipped

COLUMNS = ("open", "high", "low", "close", "volume")
SETTINGS = {"column": ("sentiment",)}  # of features with settings that have no default
CROSS = ("return_rank", "return_zscore", "relative_return")
CALENDAR = ("session_sin", "session_cos", "weekday_sin", "weekday_cos", "year_sin", "year_cos")
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
        return [SETTINGS[name]]
    defaults = SHIPPED[name].defaults
    short = tuple(SHORT.get(key, 6) for key in defaults)
    return [tuple(defaults.values()), short] if defaults else [()]


def values_of(name, bars, settings=()):
    """Return one feature of some bars, [n_bars, n_assets]."""
    return Features([Shipped(name, *settings)]).compute(bars)[:, :, 0]


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
            assert isinstance(default, int) == (key in definition.least), f"{name}: {key} has no least value"


def test_every_feature_has_its_values_tested_somewhere():
    assert set(SHIPPED) == {*SLOW, *TALIB, *CROSS, *CALENDAR, "column"}


def test_the_page_has_each_with_its_settings():
    page = (Path(__file__).resolve().parents[3] / "docs" / "features.md").read_text(encoding="utf-8")
    for name, definition in SHIPPED.items():
        settings = [
            key if default is inspect.Parameter.empty else f"{key}={default}"
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

    @pytest.mark.parametrize("name", [n for n in OF_MARKET if n not in TALIB])
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

    @pytest.mark.parametrize(("text", "message"), [("rsi(0)", "rsi: n is 0"), ("zscore(1)", "n is 1; a period is 2")])
    def test_a_period_too_short_is_refused_at_once(self, text, message):
        with pytest.raises(ValueError, match=message):
            Features([text])

    def test_settings_are_given_in_one_place(self):
        with pytest.raises(FeatureError, match="has its settings already"):
            Shipped("rsi(7)", 8)
        with pytest.raises(FeatureError, match="named by text"):
            Shipped(3)
