"""A feature is a function of the bars up to now, and a label of those up to its end, to the last bit.

Every shipped feature and every label function is found by itself.
"""

import numpy as np
import pytest
from futures import futures, market, same_bits

from backtester.signals import (
    LABELS,
    SHIPPED,
    CrossSectional,
    Features,
    Function,
    Label,
    Lag,
    On,
    Rank,
    average_uniqueness,
    direction,
    forward_return,
    meta_label,
    triple_barrier,
    volatility_scaled,
)

BARS = market(420)
CUTS = (60, 151, 300, 301, 399, 419)
#: those that have no default for a setting
SETTINGS = {
    "beta_to": "beta_to('ASSET0', 20)",
    "column": "column('sentiment')",
    "correlation_to": "correlation_to('ASSET0', 20)",
}
WRAPPED = {
    "rank": Rank("rsi(7)"),
    "demean": CrossSectional("log_return(3)", "demean"),
    "zscore": CrossSectional("log_return(3)", "zscore"),
    "lag": Lag("zscore(10)", 3),
    "week": On("1W", "log_return(1)"),
    "rank of a week": Rank(On("1W", "zscore(5)")),
}
LABELLED = {
    "forward_return": [
        lambda bars: forward_return(bars, 5),
        lambda bars: forward_return(bars, 3, entry="next_open", log=True),
    ],
    "direction": [lambda bars: direction(bars, 4, 0.01), lambda bars: direction(bars, 1, entry="next_open")],
    "volatility_scaled": [lambda bars: volatility_scaled(bars, 5, 15)],
    "triple_barrier": [
        lambda bars: triple_barrier(bars, 0.03, 0.02, 10),
        lambda bars: triple_barrier(bars, 1.5, 1.5, 12, volatility=15, entry="next_open", vertical="zero"),
        lambda bars: triple_barrier(bars, 0.03, None, 9, side=-1),
    ],
    "meta_label": [
        lambda bars: meta_label(bars, momentum(bars), 6, profit=2.0, loss=1.0, volatility=15),
        lambda bars: meta_label(bars, momentum(bars), 4),
    ],
}


def momentum(bars):
    """Return the sign of the change over 10 bars, which is known at the bar."""
    side = np.full(bars.close.shape, np.nan)
    side[10:] = np.sign(bars.close[10:] - bars.close[:-10])
    return side


def assert_same_past(features, bars, cuts=CUTS):
    before = features.compute(bars)
    assert np.isfinite(before[-1]).any(), "nothing to compare: too few bars for its window"
    for n in cuts:
        for name, other in futures(bars, n):
            after = features.compute(other)[:n]
            same = same_bits(before[:n], after)
            assert same.all(), f"{features.names} before bar {n} changed with {name}, first at {np.argwhere(~same)[0]}"


def assert_settled(make, bars, cuts=CUTS):
    whole = make(bars)
    for n in cuts:
        for name, other in futures(bars, n):
            there = make(other)
            left, right = (
                np.where((label.end[:n] >= 0) & (label.end[:n] < n), label.values[:n], np.nan)
                for label in (whole, there)
            )
            assert np.isfinite(left).any()
            same = same_bits(left, right)
            assert same.all(), (
                f"{whole.name}, ended before bar {n}, changed with {name}, first at {np.argwhere(~same)[0]}"
            )
            ended = np.isfinite(left)
            assert (whole.end[:n][ended] == there.end[:n][ended]).all()


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_another_future_leaves_a_shipped_feature_as_it_was(name):
    assert_same_past(Features([SETTINGS.get(name, name)], hold=None), BARS)


@pytest.mark.parametrize("name", WRAPPED)
def test_another_future_leaves_what_is_made_of_features_as_it_was(name):
    assert_same_past(Features([WRAPPED[name]], hold=None), BARS)


@pytest.mark.parametrize("hold", [0, 3])
def test_gaps_are_filled_from_the_past_alone(hold):
    assert_same_past(Features(["log_return(1)", "rsi(7)"], hold=hold), BARS)


def test_every_label_function_is_tried():
    assert set(LABELLED) == set(LABELS) - {"from_arrays"}


@pytest.mark.parametrize("name", LABELLED)
def test_nothing_after_its_end_changes_a_label(name):
    for make in LABELLED[name]:
        assert_settled(make, BARS)


def test_nothing_after_all_ends_changes_a_weight():
    """A training fold keeps the labels that end before its test; so their weights must not know the others."""
    label = forward_return(BARS, 5)
    for n in CUTS:
        for name, other in futures(BARS, n):
            there = forward_return(other, 5)
            left = average_uniqueness(label.where((label.end >= 0) & (label.end < n)))[:n]
            right = average_uniqueness(there.where((there.end >= 0) & (there.end < n)))[:n]
            assert same_bits(left, right).all(), name


def next_close(bars):
    """The close of the next bar."""
    return np.vstack([bars.close[1:], bars.close[-1:]])


def share_of_the_peak(bars):
    """The close over the highest of all."""
    return bars.close / np.nanmax(bars.close, axis=0)


def filled_backwards(bars):
    """The return, missing ones filled from the next that there is."""
    import pandas as pd

    return pd.DataFrame(np.log(bars.close)).diff().bfill().to_numpy()


class TestTheTestsThemselves:
    @pytest.mark.parametrize("leak", [next_close, share_of_the_peak, filled_backwards])
    def test_a_feature_that_looks_ahead_is_caught(self, leak):
        with pytest.raises(AssertionError, match="changed with"):
            assert_same_past(Features([Function(leak)], hold=None), BARS)

    def test_a_label_that_looks_beyond_its_end_is_caught(self):
        def late(bars):
            ahead = forward_return(bars, 2)
            end = np.where(ahead.exists, np.maximum(ahead.end - 1, ahead.start), -1)
            return Label.from_arrays(bars, ahead.values, end, name="late")

        with pytest.raises(AssertionError, match="changed with"):
            assert_settled(late, BARS)
