"""Indicators, functions and arrays as features: what they give, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from feature_bars import MONDAY, bars_of, random_bars

from backtester.errors import DataError, FeatureError
from backtester.indicators import bollinger, ema, rolling_correlation, rsi, session_vwap
from backtester.signals import External, Features, Function, Indicator
from backtester.signals.features.element import Feature


def doubled(bars, by=2.0):
    return bars.close * by


def day_number(bars):
    return np.arange(bars.n_bars)


def one_of(element, bars, **settings):
    return Features([element], **settings).compute(bars)[:, :, 0]


class TestIndicator:
    def test_arrays_are_found_by_their_names(self):
        bars = random_bars()
        np.testing.assert_array_equal(one_of(Indicator(rsi, n=5), bars), rsi(bars.close, 5))
        np.testing.assert_array_equal(one_of(Indicator(ema, n=5), bars), ema(bars.close, 5))
        np.testing.assert_array_equal(one_of(Indicator(ema, x="sentiment", n=5), bars), ema(bars["sentiment"], 5))
        pair = Indicator(rolling_correlation, x="close", y="volume", n=20)
        np.testing.assert_array_equal(one_of(pair, bars), rolling_correlation(bars.close, bars.volume, 20))

    def test_sessions_are_an_array_too(self):
        bars = random_bars(gaps=False)
        labels = np.repeat(bars.sessions[:, None], 3, axis=1)
        expected = session_vwap(bars.high, bars.low, bars.close, bars.volume, labels)
        np.testing.assert_array_equal(one_of(Indicator(session_vwap), bars), expected)

    def test_prices_have_no_jump_of_a_split(self):
        close = np.array([[100.0], [100.0], [50.0], [50.0]])
        split = np.array([np.nan, np.nan, 2.0, np.nan])
        bars = bars_of(close, extras={"split": split})
        assert one_of(Indicator(ema, n=1), bars)[:, 0].tolist() == [100.0] * 4
        assert one_of(doubled, bars)[:, 0].tolist() == [200.0, 200.0, 100.0, 100.0]  # a function gets them as they are

    def test_one_of_several_outputs_is_chosen(self):
        bars = random_bars(gaps=False)
        upper, _, lower = bollinger(bars.close, 10, 2.0)
        elements = [Indicator(bollinger, n=10, output=0), Indicator(bollinger, n=10, output=2)]
        features = Features(elements)
        assert features.names == ("bollinger(close, 10)[0]", "bollinger(close, 10)[2]")
        panel = features.compute(bars)
        np.testing.assert_array_equal(panel[:, :, 0], upper)
        np.testing.assert_array_equal(panel[:, :, 1], lower)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Indicator(rsi, m=5), r"Indicator rsi: it has no parameter 'm'"),
            (lambda: Indicator(rolling_correlation), r"the array y needs the name of a column, y='close'"),
            (lambda: Indicator(rsi, close=np.ones(3)), r"the array close needs the name of a column"),
            (lambda: Indicator(3), "3 is not a function"),
            (lambda: Indicator(lambda: 1, name="x"), "takes no array"),
            (lambda: Indicator(dict.fromkeys, name="x", output=-1), "output is -1|cannot be read|takes no array"),
            (lambda: Indicator(rsi, output=-1), "output is -1; it is a number from 0"),
            (lambda: Indicator(rsi, n=math.nan), "setting n is nan"),
        ],
    )
    def test_a_wrong_declaration_says_what_is_wrong(self, make, message):
        with pytest.raises(FeatureError, match=message):
            make()

    def test_which_output_must_be_said(self):
        with pytest.raises(FeatureError, match="bollinger returns 3 arrays, and output is None; choose one with"):
            one_of(Indicator(bollinger), random_bars())
        with pytest.raises(FeatureError, match="returns 3 arrays, and output is 3"):
            one_of(Indicator(bollinger, output=3), random_bars())
        with pytest.raises(FeatureError, match="rsi returns one array, and output is 0; leave output out"):
            one_of(Indicator(rsi, output=0), random_bars())

    def test_a_column_that_is_not_there_is_named(self):
        with pytest.raises(DataError, match="no column 'sentimant'; did you mean 'sentiment'") as caught:
            one_of(Indicator(ema, x="sentimant"), random_bars())
        assert caught.value.__notes__ == ["while computing feature 'ema(sentimant)'"]


class TestFunction:
    def test_one_value_for_each_bar_and_asset_or_for_each_bar(self):
        bars = bars_of([[1.0, 2.0], [1.5, 2.5]])
        panel = Features([doubled, day_number, Function(doubled, by=10.0)]).compute(bars)
        assert panel[:, :, 0].tolist() == [[2.0, 4.0], [3.0, 5.0]]
        assert panel[:, :, 1].tolist() == [[0.0, 0.0], [1.0, 1.0]]
        assert panel[:, :, 2].tolist() == [[10.0, 20.0], [15.0, 25.0]]

    def test_a_name_is_that_of_the_function_with_its_settings(self):
        elements = [doubled, Function(doubled, by=3), Function(doubled, name="twice")]
        assert Features(elements).names == ("doubled", "doubled(3)", "twice")

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            (lambda bars: bars.close[:-1], r"of the wrong length, 4 for 5 bars: shape \(4, 2\), .* must be \(5, 2\)"),
            (lambda bars: bars.close[:, :1], r"shape \(5, 1\), and it must be \(5, 2\) or \(5,\)"),
            (lambda bars: 1.0, r"shape \(\), and it must be"),
            (lambda bars: None, "it gives object values"),
            (lambda bars: bars.close.astype(str), "it gives <U"),
            (
                lambda bars: np.where(bars.close > 2.0, np.inf, 1.0),
                r"'x': inf for ASSET0 at bar 2 \(2020-01-09.*6 such",
            ),
            (lambda bars: np.where(bars.close == 3.0, np.nan, 1.0), r"'x': NaN for ASSET0 at bar 2 .*from bar 0 on"),
        ],
    )
    def test_a_wrong_result_names_feature_symbol_and_time(self, result, message):
        bars = bars_of(np.arange(1.0, 6.0)[:, None] * np.ones(2))
        with pytest.raises(FeatureError, match=message):
            one_of(Function(result, name="x"), bars)

    def test_an_error_inside_says_whose_it_is(self):
        with pytest.raises(ZeroDivisionError) as caught:
            one_of(Function(lambda bars: 1 // 0, name="broken"), random_bars())
        assert caught.value.__notes__ == ["while computing feature 'broken'"]

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Function(3), "Function: 3 is not a function"),
            (lambda: Function(lambda bars: bars.close), "has no name of its own; pass name="),
            (lambda: Function(doubled, name=""), "the name of a feature is a line of text"),
            (
                lambda: Function(doubled, by=np.ones(3)),
                "the setting by is .* An array is a feature of its own: External",
            ),
        ],
    )
    def test_a_wrong_declaration_says_what_is_wrong(self, make, message):
        with pytest.raises(FeatureError, match=message):
            make()


class TestExternal:
    def test_one_column_or_several(self):
        bars = bars_of(np.ones((3, 2)))
        values = np.arange(12.0).reshape(3, 2, 2)
        features = Features([External(values, ["up", "down"]), External(values[:, 0, 0], "all")])
        assert features.names == ("up", "down", "all")
        panel = features.compute(bars)
        np.testing.assert_array_equal(panel[:, :, :2], values)
        assert panel[:, :, 2].tolist() == [[0.0, 0.0], [4.0, 4.0], [8.0, 8.0]]
        assert External(values, "news").columns == ("news[0]", "news[1]")
        assert Features([External(values[:, :, :1], "one")]).compute(bars)[:, :, 0].tolist() == [
            [0, 2],
            [4, 6],
            [8, 10],
        ]

    def test_rows_are_found_by_their_time(self):
        bars = random_bars(50, gaps=False)
        values = np.arange(50.0)
        features = Features([External(values, "n", timestamps=bars.timestamps)])
        assert features.compute(bars[20:23])[:, 0, 0].tolist() == [20.0, 21.0, 22.0]
        late = External(values[5:], "n", timestamps=bars.timestamps[5:])
        with pytest.raises(
            FeatureError, match=r"'n': it has no row for bar 0 \(2020-01-06T01:00:00Z\), nor for 4 others"
        ):
            Features([late]).compute(bars)

    def test_the_array_is_copied(self):
        values = np.zeros(3)
        element = External(values, "n")
        values[:] = 9.0
        assert one_of(element, bars_of(np.ones((3, 1))))[:, 0].tolist() == [0.0, 0.0, 0.0]

    def test_the_wrong_length_is_refused(self):
        with pytest.raises(FeatureError, match="feature 'n': it is of the wrong length, 4 for 3 bars"):
            one_of(External(np.zeros(4), "n"), bars_of(np.ones((3, 1))))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((["a"], "n"), "values are real numbers"),
            ((np.zeros((2, 2, 2, 2)), "n"), "values are real numbers"),
            ((np.zeros((2, 2, 2)), ["n"]), "1 names for 2 columns"),
            ((np.zeros((2, 2)), ["n", "m"]), "2 names for 1 columns"),
            ((np.zeros((2, 2, 0)), []), "0 names for 0 columns"),
            ((np.zeros(2), ""), "a line of text"),
            ((np.zeros(2), "n", [1, 1]), "timestamps must increase, .*; row 1 does not"),
            ((np.zeros(2), "n", [1.0, 2.0]), "timestamps are int64 ns UTC, .* found float64"),
            ((np.zeros(2), "n", [1, 2, 3]), "one for each of 2 rows"),
        ],
    )
    def test_a_wrong_declaration_says_what_is_wrong(self, arguments, message):
        with pytest.raises(FeatureError, match=message):
            External(*arguments)

    def test_times_may_be_datetime64(self):
        bars = bars_of(np.ones((2, 1)), start=MONDAY)
        clock = np.array(["2020-01-07", "2020-01-08"], dtype="M8[D]")
        assert one_of(External([5.0, 6.0], "n", timestamps=clock), bars)[:, 0].tolist() == [5.0, 6.0]


def test_every_kind_of_element_is_a_feature():
    for element in (Indicator(rsi), Function(doubled), External(np.zeros(2), "n")):
        assert isinstance(element, Feature)
        assert element.columns[0] in repr(element)
