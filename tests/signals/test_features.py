"""The set of features: what it takes, what it computes, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from worlds import bars_of, random_bars

from backtester import Bars
from backtester.errors import FeatureError
from backtester.signals import Features


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
