"""The set of features: what it takes, what it computes, and what it refuses."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from feature_bars import bars_of, random_bars

from backtester import Bars
from backtester.errors import FeatureError, SettingsError
from backtester.indicators import roc
from backtester.signals import SHIPPED, External, Features, Function, Indicator


def test_a_panel_holds_one_value_for_each_bar_asset_and_feature():
    bars = bars_of([[100.0, 10.0], [110.0, 10.0], [121.0, 8.0]])
    panel = Features(["log_return(1)", "log_return(2)"]).compute(bars)
    assert panel.shape == (3, 2, 2)
    assert panel.dtype == np.float64
    assert panel.flags.c_contiguous
    assert np.isnan(panel[0]).all()
    np.testing.assert_allclose(panel[1:, 0, 0], np.log([1.1, 1.1]), rtol=1e-15)
    np.testing.assert_allclose(panel[2, :, 1], np.log([1.21, 0.8]), rtol=1e-15)
    assert np.isnan(panel[1, :, 1]).all()


def test_the_default_has_eight_features_and_is_whole_after_its_longest_warm_up():
    features = Features.default()
    assert len(features) == 8
    bars = Bars.sample("sp500")
    panel = features.compute(bars)
    first = 26 + 9 - 2  # MACD: slow + signal − 2
    assert features.warmup(panel) == features.warmup(bars) == first
    assert np.isfinite(panel[first:]).all()


def test_the_warm_up_ends_when_the_last_asset_is_known():
    close = np.full((6, 2), 10.0) + np.arange(6)[:, None]
    close[:3, 1] = np.nan
    assert Features(["log_return(2)"]).warmup(bars_of(close)) == 5  # bars 3, 4, 5 of the second


def test_a_feature_that_is_never_finite_is_named():
    bars = bars_of([[1.0, 2.0], [1.0, 2.0]], volume=np.array([[1.0, np.nan], [1.0, np.nan]]))
    with pytest.raises(FeatureError, match=r"'relative_volume\(1\)' of ASSET1 is finite at 0 of them"):
        Features(["log_return(1)", "relative_volume(1)"]).warmup(bars)


def test_an_unknown_feature_is_refused_with_the_name_that_was_meant():
    with pytest.raises(FeatureError, match=r"no feature 'log_retrun'; did you mean 'log_return'\?"):
        Features(["log_retrun"])


def test_nothing_looks_ahead_in_the_default():
    Features.default().check_causal(random_bars())


class TestSet:
    @pytest.mark.parametrize(
        ("elements", "message"),
        [
            ([], "the list is empty"),
            ("rsi", r"Features takes a list, found 'rsi'; write Features\(\[…\]\)"),
            (["rsi", "rsi(14)"], r"'rsi\(14\)' is there twice; leave one out, or give it another name="),
            ([External(np.zeros((2, 1, 2)), ["a", "a"])], "'a' is there twice"),
            ([3], r"3 \(int\) is not a feature; it is text such as"),
            ([Features], "is not a feature"),
        ],
    )
    def test_a_wrong_list_says_what_is_wrong(self, elements, message):
        with pytest.raises(FeatureError, match=message):
            Features(elements)

    @pytest.mark.parametrize("hold", [-1, 1.0, True, "1"])
    def test_hold_is_a_number_of_bars_or_none(self, hold):
        with pytest.raises(SettingsError, match=r"hold is .*; it is a number of bars, 0 or more, or None"):
            Features(["rsi"], hold=hold)

    def test_order_and_number_of_features_change_no_bit(self):
        """More columns than are written at a time, and in another order."""
        bars = random_bars()
        names = [name for name, one in SHIPPED.items() if inspect.Parameter.empty not in one.defaults.values()]
        together = Features(names).compute(bars)
        backwards = Features(names[::-1]).compute(bars)
        assert together.tobytes() == np.ascontiguousarray(backwards[:, :, ::-1]).tobytes()
        for j, name in enumerate(names):
            assert together[:, :, j].tobytes() == Features([name]).compute(bars)[:, :, 0].tobytes()

    def test_two_sets_are_equal_if_their_elements_are(self):
        assert Features(["rsi", "gap"]) == Features(["rsi(14)", "gap"])
        assert hash(Features(["rsi", "gap"])) == hash(Features(["rsi(14)", "gap"]))
        assert Features(["rsi", "gap"]) != Features(["gap", "rsi"])
        assert Features(["rsi"]) != Features(["rsi"], hold=1)
        assert Features([Function(len, name="x")]) != Features([Function(max, name="x")])
        assert Features(["rsi"]) != "rsi"

    def test_it_shows_what_would_make_it(self):
        assert repr(Features(["rsi", "gap"], hold=2)) == "Features(['rsi(14)', 'gap'], hold=2)"

    def test_fewer_bars_than_the_warm_up_are_all_nan(self):
        assert np.isnan(Features(["rsi(14)"]).compute(random_bars(gaps=False)[:10])).all()


class TestGaps:
    close = np.array([[1.0], [2.0], [np.nan], [np.nan], [np.nan], [4.0], [np.nan]])

    @pytest.mark.parametrize(
        ("hold", "expected"),
        [
            (0, [np.nan, 2, np.nan, np.nan, np.nan, 2, np.nan]),
            (1, [np.nan, 2, 2, np.nan, np.nan, 2, 2]),
            (2, [np.nan, 2, 2, 2, np.nan, 2, 2]),
            (None, [np.nan, 2, 2, 2, 2, 2, 2]),
        ],
    )
    def test_a_value_stands_in_for_so_many_bars_and_never_backwards(self, hold, expected):
        panel = Features([Indicator(roc_plus_one, n=1)], hold=hold).compute(bars_of(self.close))
        np.testing.assert_array_equal(panel[:, 0, 0], expected)

    def test_nan_at_a_bar_is_refused_unless_the_last_value_stands_in(self):
        bars = bars_of(np.ones((4, 1)), extras={"news": np.array([np.nan, 3.0, np.nan, np.nan])})
        with pytest.raises(FeatureError, match=r"column\('news'\).*: NaN for ASSET at bar 2 .* 2 such values.*hold="):
            Features(["column('news')"]).compute(bars)
        with pytest.raises(FeatureError, match=r"NaN for ASSET at bar 3 .* 1 such values"):
            Features(["column('news')"], hold=1).compute(bars)
        held = Features(["column('news')"], hold=2).compute(bars)[:, 0, 0]
        np.testing.assert_array_equal(held, [np.nan, 3.0, 3.0, 3.0])

    def test_held_values_count_for_the_warm_up(self):
        close = np.array([[1.0, np.nan], [2.0, 1.0], [np.nan, 2.0], [3.0, np.nan]])
        bars = bars_of(close)
        with pytest.raises(FeatureError, match="no bar at which all features of all assets are finite, in 4 bars"):
            Features(["log_return(1)"]).warmup(bars)
        assert Features(["log_return(1)"], hold=1).warmup(bars) == 2

    def test_the_warm_up_of_a_panel_of_another_shape_is_refused(self):
        with pytest.raises(FeatureError, match=r"shape \(3, 2\) is not a panel of these features"):
            Features(["rsi"]).warmup(np.zeros((3, 2)))


def roc_plus_one(close, n=1):
    return roc(close, n) + 1.0


class TestLookAhead:
    @pytest.mark.parametrize(
        "peeks",
        [
            lambda bars: (bars.close - bars.close[0]) / np.nanstd(bars.close, axis=0),  # scaled by all of the series
            lambda bars: np.vstack([bars.close[1:], bars.close[-1:]]),  # the next close
            lambda bars: np.where(bars.close > np.nanmedian(bars.close), 1.0, 0.0),
            lambda bars: bars.close[::-1],
            lambda bars: np.arange(bars.n_bars) / bars.n_bars,
        ],
    )
    def test_a_feature_that_looks_ahead_is_named_with_both_values(self, peeks):
        bars = random_bars(gaps=False)
        features = Features(["rsi", Function(peeks, name="peeks")])
        with pytest.raises(
            FeatureError, match=r"'peeks' looks ahead: for ASSET\d at bar \d+ \(2020-.*\) it is .* with"
        ):
            features.check_causal(bars)

    def test_what_looks_ahead_at_the_end_alone_is_found_by_the_last_cut(self):
        bars = random_bars(320, gaps=False)
        late = Function(lambda bars: np.where(np.arange(bars.n_bars) == 318, bars.n_bars, 0.0), name="late")
        with pytest.raises(
            FeatureError, match=r"'late' .* at bar 318 .* it is 320.0 with all 320 bars, and 319.0 with"
        ):
            Features([late]).check_causal(bars, cuts=1)

    def test_a_difference_of_rounding_may_pass(self):
        noisy = Function(lambda bars: bars.close * (1.0 + 1e-13 * bars.n_bars), name="noisy")
        with pytest.raises(FeatureError, match=r"The difference is one of rounding, .*rtol=1e-9 allows it"):
            Features([noisy]).check_causal(random_bars())
        Features([noisy]).check_causal(random_bars(), rtol=1e-9)

    def test_arrays_are_cut_with_the_bars(self):
        bars = random_bars(50, gaps=False)
        timed = External(np.arange(50.0), "timed", timestamps=bars.timestamps)
        Features([External(np.arange(50.0), "plain"), timed, External(np.ones((50, 3, 2)), "k")]).check_causal(bars)

    @pytest.mark.parametrize(
        ("settings", "message"), [({"cuts": 0}, "cuts is 0"), ({"rtol": -1.0}, "rtol is -1.0"), ({"rtol": 1.0}, "rtol")]
    )
    def test_settings_out_of_range_are_refused(self, settings, message):
        with pytest.raises(SettingsError, match=message):
            Features(["rsi"]).check_causal(random_bars(), **settings)
