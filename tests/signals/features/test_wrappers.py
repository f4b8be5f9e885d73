"""Features made of features: compared among assets, as they were, and of longer bars."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from feature_bars import DAY, MONDAY, bars_of, random_bars

from backtester import Bars
from backtester.errors import FeatureError, SettingsError
from backtester.indicators import ema, rsi, sma
from backtester.signals import CrossSectional, External, Features, Function, Indicator, Lag, On, Rank, Shipped

COLUMNS = ("open", "high", "low", "close", "volume")
WRAPPERS = {
    "rank": Rank("rsi(6)"),
    "zscore": CrossSectional("log_return(3)", "zscore"),
    "demean": CrossSectional("log_return(3)", "demean"),
    "lag": Lag("rsi(6)", 4),
    "day": On("1D", "log_return(1)"),
    "four hours": On("4h", "atr(3)"),
    "rank of a lag of a day": Rank(Lag(On("1D", "log_return(1)"), 2)),
    "lag of a rank": Lag(Rank("gap"), 3),
    "day of a rank": On("1D", Rank("body")),
    "market of a day": On("1D", "market_beta(3)"),
    "calendar": Lag("weekday_sin", 2),
}


def close_of(bars):
    return bars.close


def three(bars):
    """Three columns for `Function`'s sake alone."""
    return np.stack([bars.close, -bars.close, 2.0 * bars.close], axis=-1)


def one_of(element, bars, **settings):
    return Features([element], **settings).compute(bars)[:, :, 0]


def frame_of(element, bars):
    """Return the column of an element as a DataFrame of assets by time."""
    return pd.DataFrame(one_of(element, bars))


def same_bits(left, right):
    missing = np.isnan(left)
    return (missing == np.isnan(right)).all() and left[~missing].tobytes() == right[~missing].tobytes()


class TestCrossSectional:
    def test_each_method_is_that_of_pandas_row_by_row(self):
        bars = random_bars(n_assets=5)
        values = frame_of("log_return(3)", bars)
        expected = {
            "rank": values.rank(axis=1, pct=True),
            "zscore": values.sub(values.mean(axis=1), axis=0).div(values.std(axis=1, ddof=0), axis=0),
            "demean": values.sub(values.mean(axis=1), axis=0),
        }
        for method, frame in expected.items():
            found = one_of(CrossSectional("log_return(3)", method), bars)
            np.testing.assert_allclose(found, frame, rtol=1e-9, atol=1e-12)
            assert (np.isnan(found) == values.isna().to_numpy()).all()

    def test_one_asset_or_equal_ones_are_nothing_unusual(self):
        bars = bars_of([[1.0, 1.0], [2.0, 2.0], [3.0, np.nan]])
        assert one_of(CrossSectional(close_of, "zscore"), bars)[:, 0].tolist() == [0.0, 0.0, 0.0]
        assert one_of(CrossSectional(close_of, "demean"), bars)[:, 0].tolist() == [0.0, 0.0, 0.0]
        assert one_of(Rank(close_of), bars)[:, 0].tolist() == [0.75, 0.75, 1.0]  # of two: (1 + 2)/2 over 2

    def test_an_infinite_value_is_not_hidden_by_its_rank(self):
        bars = bars_of([[1.0, 2.0], [0.5, 2.0]])
        element = Rank(Function(lambda bars: np.where(bars.close < 1.0, np.inf, bars.close), name="x"))
        with pytest.raises(FeatureError, match=r"feature 'x': inf for ASSET0 at bar 1"):
            one_of(element, bars)

    def test_the_method_is_one_of_three(self):
        with pytest.raises(FeatureError, match=r"method is 'rnk'; did you mean 'rank'\?; one of 'rank', 'zs"):
            CrossSectional("rsi", "rnk")


class TestLag:
    def test_it_is_pandas_shift_of_the_own_bars(self):
        bars = random_bars()
        values = one_of("rsi(6)", bars)
        for k in (1, 7, 400):
            found = one_of(Lag("rsi(6)", k), bars)
            for a in range(bars.n_assets):
                own = ~np.isnan(bars.close[:, a])
                np.testing.assert_array_equal(found[own, a], pd.Series(values[own, a]).shift(k))
                assert np.isnan(found[~own, a]).all()

    def test_a_gap_is_not_counted(self):
        bars = bars_of([[1.0], [np.nan], [3.0], [4.0]])
        np.testing.assert_array_equal(one_of(Lag(close_of), bars)[:, 0], [np.nan, np.nan, 1.0, 3.0])

    def test_several_columns_are_moved_each(self):
        bars = bars_of([[1.0], [2.0], [4.0]])
        values = np.arange(6.0).reshape(3, 1, 2)
        features = Features([Lag(External(values, ["up", "down"]), 1)])
        assert features.names == ("lag(up, 1)", "lag(down, 1)")
        np.testing.assert_array_equal(features.compute(bars)[1:, 0], values[:-1, 0])

    @pytest.mark.parametrize("k", [0, -1, 1.0, True, "1"])
    def test_it_is_a_number_of_bars(self, k):
        with pytest.raises(SettingsError, match="Lag: k is"):
            Lag("rsi", k)


class TestOn:
    def test_a_week_is_seen_when_it_is_over(self):
        """Days of two weeks; the week is over at its last midnight, so the bar that closes there sees it."""
        close = np.arange(1.0, 16.0)[:, None]
        found = one_of(On("1W", close_of), bars_of(close))[:, 0]
        np.testing.assert_array_equal(found, [np.nan] * 6 + [7.0] * 7 + [14.0] * 2)

    def test_a_week_of_five_days_is_seen_with_the_next_ones_first_bar(self):
        days = np.array([0, 1, 2, 3, 4, 7, 8]) + MONDAY // DAY
        close = np.arange(1.0, 8.0)[:, None]
        bars = Bars.from_arrays(days * DAY + 21 * DAY // 24, close, close, close, close, close)
        np.testing.assert_array_equal(one_of(On("1W", close_of), bars)[:, 0], [np.nan] * 5 + [5.0] * 2)

    def test_it_is_the_feature_of_resampled_bars_put_back_by_hand(self):
        bars = random_bars(600, 2, gaps=False)
        days = bars.resample("1D")
        expected = np.full(bars.close.shape, np.nan)
        index = rsi(days.close, 5) / 50.0 - 1.0
        for t, now in enumerate(bars.timestamps):
            over = [i for i, day in enumerate(days.sessions) if (day + 1) * DAY <= now]
            if over:
                expected[t] = index[over[-1]]
        np.testing.assert_allclose(one_of(On("1D", "rsi(5)"), bars), expected, rtol=1e-12)
        assert np.isfinite(expected).sum() > 400

    def test_what_is_still_forming_changes_nothing(self):
        bars = random_bars(100, 1, gaps=False)
        other = [np.array(bars[c]) for c in COLUMNS]
        for column in other:
            column[-4:] *= 3.0  # of the day that has begun
        changed = Bars.from_arrays(bars.timestamps, *other, check=False)
        assert bars.n_bars % 24 == 4
        assert same_bits(one_of(On("1D", close_of), bars), one_of(On("1D", close_of), changed))

    def test_an_asset_without_a_bar_for_a_whole_period_keeps_its_last_one(self):
        close = 100.0 + np.arange(1.0, 29.0)[:, None] * np.ones(2)
        close[7:14, 1] = np.nan  # the second week
        found = one_of(On("1W", close_of), bars_of(close))
        expected = 100.0 + np.repeat([np.nan, 7.0, 7.0, 21.0, 28.0], [6, 7, 7, 7, 1])
        expected[7:14] = np.nan  # no bar, no value
        np.testing.assert_array_equal(found[:, 1], expected)
        np.testing.assert_array_equal(found[:, 0], 100.0 + np.repeat([np.nan, 7.0, 14.0, 21.0, 28.0], [6, 7, 7, 7, 1]))

    def test_prices_have_no_jump_of_a_split(self):
        close = np.where(np.arange(30) < 10, 100.0, 50.0)[:, None]
        split = np.where(np.arange(30) == 10, 2.0, np.nan)[:, None]
        bars = bars_of(close, extras={"split": split})
        found = one_of(On("1W", Indicator(sma, n=2)), bars)[:, 0]
        assert found[20:].tolist() == [100.0] * 10

    def test_several_of_one_step_share_their_bars(self, monkeypatch):
        made = []
        from backtester.bars import resample

        build = resample._build
        monkeypatch.setattr(resample, "_build", lambda *given: made.append(1) or build(*given))
        Features([On("1D", "rsi(3)"), On("1D", "gap"), Lag(On("1D", "body")), On("1W", "gap")]).compute(random_bars())
        assert len(made) == 2

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: On("1x", "rsi"), "On: freq = '1x' is not a length of time; write it like"),
            (lambda: On(5, "rsi"), r"On: freq is 5 \(int\); it is text"),
            (lambda: On("1D", Lag(External(np.zeros(3), "n"))), "feature 'n' is an array without times"),
            (lambda: On("1D", 3), r"On: 3 \(int\) is not a feature"),
        ],
    )
    def test_a_wrong_declaration_says_what_is_wrong(self, make, message):
        with pytest.raises(FeatureError, match=message):
            make()

    def test_an_array_with_times_may_be_that_of_longer_bars(self):
        bars = bars_of(np.arange(1.0, 16.0)[:, None])
        weeks = bars.resample("1W")
        element = On("1W", External(np.array([5.0, 6.0, 7.0]), "n", timestamps=weeks.timestamps))
        np.testing.assert_array_equal(one_of(element, bars)[:, 0], [np.nan] * 6 + [5.0] * 7 + [6.0] * 2)


class TestText:
    @pytest.mark.parametrize(
        ("text", "element"),
        [
            ("rank(rsi(7))", Rank("rsi(7)")),
            ("cross_zscore(atr)", CrossSectional("atr", "zscore")),
            ("demean( macd(6, 13) )", CrossSectional("macd(6, 13)", "demean")),
            ("lag(rsi(7), 5)", Lag("rsi(7)", 5)),
            ("lag(rsi(7), k=5)", Lag("rsi(7)", 5)),
            ("lag(rsi)", Lag("rsi")),
            ("lag(macd(6, 13))", Lag("macd(6, 13)")),
            ("rsi(14)@1W", On("1W", "rsi(14)")),
            ("rsi @ 1W", On("1W", "rsi")),
            ("rank(rsi(14)@1D)@1W", On("1W", Rank(On("1D", "rsi")))),
            ("lag(rank(rsi(14)@W-FRI), 2)", Lag(Rank(On("W-FRI", "rsi")), 2)),
            ("column('a@b, c')", Shipped("column", "a@b, c")),
            ("lag(column('(,'), 2)", Lag(Shipped("column", "(,"), 2)),
        ],
    )
    def test_text_makes_what_the_calls_make(self, text, element):
        assert Features([text]) == Features([element])
        assert Features([text]).names == Features([element]).names

    @pytest.mark.parametrize("name", list(WRAPPERS))
    def test_the_name_of_a_column_makes_it_again(self, name):
        features = Features([WRAPPERS[name]])
        assert Features(features.names) == features

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("rank(rsy(7))", r"no feature 'rsy'; did you mean 'rsi'\?"),
            ("rank()", "'' is not a feature"),
            ("rank", "there is no feature 'rank'"),
            ("rank(rsi(7)", "is not a feature"),
            ("rank(rsi(7)))", "is not a feature"),
            ("rank(rsi) + gap", "is not a feature"),
            ("lag(rsi(7), 0)", "Lag: k is 0"),
            ("lag(rsi(7), x)", r"'lag\(rsi\(7\), x\)' is not a feature; write the number of bars last"),
            ("lag(rsi(7), -1)", "write the number of bars last"),
            ("rsi(14)@", "On: freq = ''"),
            ("@1W", "'' is not a feature"),
            ("rsi@1W, gap", "freq = '1W, gap' is not a length of time"),
        ],
    )
    def test_a_wrong_text_says_what_is_wrong(self, text, message):
        with pytest.raises(ValueError, match=message):
            Features([text])

    def test_a_name_of_ones_own_is_for_one_column(self):
        assert Features([Rank("rsi", name="strength")]).names == ("strength",)
        with pytest.raises(FeatureError, match="Lag: one name, 'x', for the 2 columns"):
            Lag(External(np.zeros((3, 1, 2)), ["a", "b"]), name="x")
        with pytest.raises(FeatureError, match="the name of a feature is a line of text"):
            On("1D", "rsi", name="")


class TestRules:
    @pytest.mark.parametrize("name", WRAPPERS)
    def test_what_comes_later_changes_no_bit(self, name):
        bars, other = random_bars(seed=1), random_bars(seed=99)
        before = one_of(WRAPPERS[name], bars)
        assert np.isfinite(before).sum() > 300
        for cut in (150, 217, 264, 313):
            assert same_bits(one_of(WRAPPERS[name], bars[:cut]), before[:cut])
            mixed = [np.concatenate([bars[c][:cut], other[c][cut:] * 1000.0]) for c in COLUMNS]
            after = one_of(WRAPPERS[name], Bars.from_arrays(bars.timestamps, *mixed, check=False))
            assert same_bits(after[:cut], before[:cut])
        Features([WRAPPERS[name]]).check_causal(bars)

    def test_a_wrapped_feature_that_looks_ahead_is_found(self):
        ahead = Function(lambda bars: np.vstack([bars.close[1:], bars.close[-1:]]), name="ahead")
        for element in (Rank(ahead), Lag(ahead), On("1D", ahead)):
            assert not element.concurrent
        with pytest.raises(FeatureError, match=r"'rank\(ahead\)' looks ahead"):
            Features([Rank(ahead)]).check_causal(random_bars(gaps=False))
        Features([Lag(ahead)]).check_causal(random_bars(gaps=False))  # what was ahead a bar ago is known now

    def test_arrays_inside_are_cut_with_the_bars(self):
        bars = random_bars(50, gaps=False)
        Features([Lag(External(np.arange(50.0), "n"), 2)]).check_causal(bars)

    @pytest.mark.parametrize("name", WRAPPERS)
    def test_a_specification_comes_back_as_the_same_feature(self, name):
        features = Features([WRAPPERS[name], "gap"])
        again = Features.from_spec(json.loads(json.dumps(features.spec())))
        assert again == features
        assert again.digest == features.digest
        assert again.names == features.names
        assert same_bits(again.compute(random_bars()), features.compute(random_bars()))

    def test_what_is_inside_is_passed_in_again(self):
        features = Features(
            [
                Lag(Function(lambda bars: bars.close, name="mine"), 2, name="old"),
                Rank(External(np.ones((320, 3)), "news")),
                Indicator(ema, n=3),
            ]
        )
        spec = json.loads(json.dumps(features.spec()))
        with pytest.raises(FeatureError, match=r"the functions of 'mine' have no address"):
            Features.from_spec(spec)
        functions = {"mine": features.elements[0].feature.function}
        with pytest.raises(FeatureError, match=r"the arrays of 'news' are data"):
            Features.from_spec(spec, functions=functions)
        again = Features.from_spec(spec, functions=functions, external={"news": features.elements[1].feature})
        assert again == features
        assert again.names == ("old", "rank(news)", "ema(close, 3)")
        other = External(np.zeros((320, 3)), "news")
        assert Features.from_spec(spec, functions=functions, external={"news": other}) != features

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"feature": {"kind": "shipt"}}, r"has the kind 'shipt'; did you mean 'shipped'"),
            ({"feature": 3}, "is damaged: feature is 3"),
            ({"k": "2"}, "is damaged: k is '2'"),
            ({"k": 0}, "Lag: k is 0"),
            ({"name": 5}, "is damaged: name is 5"),
        ],
    )
    def test_a_damaged_specification_says_what_is_wrong(self, change, message):
        spec = Features([Lag("rsi", 2)]).spec()
        spec["features"][0].update(change)
        with pytest.raises(ValueError, match=message):
            Features.from_spec(spec)
