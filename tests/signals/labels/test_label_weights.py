"""Weights by what labels share, from their definitions."""

import itertools
import math

import numpy as np
import pytest
from label_bars import closes, panel_of, random_columns
from slow_labels import own_rows, shared

from backtester.errors import LabelError, SettingsError
from backtester.signals import Label, average_uniqueness, forward_return, return_attribution, time_decay, triple_barrier
from backtester.signals.labels import concurrency

NAN = math.nan


def test_labels_of_one_bar_share_nothing():
    label = forward_return(closes([1.0, 2.0, 3.0, 4.0]), 1)
    np.testing.assert_array_equal(average_uniqueness(label)[:, 0], [1.0, 1.0, 1.0, NAN])


def test_a_label_of_h_bars_at_every_bar_has_one_hth():
    """Bar t is read by the labels of t − 3, t − 2 and t − 1; at start and end by fewer: 1, 2, 3, 3, … 3, 2, 1.

    The first label reads rows with 1, 2 and 3 labels: (1 + 1/2 + 1/3)/3 = 11/18; the second (1/2 + 1/3 + 1/3)/3 = 7/18.
    """
    label = forward_return(closes(np.arange(1.0, 13.0)), 3)
    assert concurrency(label)[:, 0].tolist() == [0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 2, 1]
    expected = [11 / 18, 7 / 18, *[1 / 3] * 5, 7 / 18, 11 / 18, NAN, NAN, NAN]
    np.testing.assert_allclose(average_uniqueness(label)[:, 0], expected, rtol=1e-12)


def test_spans_of_any_length_are_counted_as_in_a_loop():
    bars = panel_of(random_columns(seed=3))
    label = triple_barrier(bars, 0.03, 0.03, 9)
    lengths = np.unique((label.end - label.start)[label.exists])
    assert len(lengths) > 5
    uniqueness, attribution = average_uniqueness(label), return_attribution(label, bars)
    moves = {}
    for a in range(bars.n_assets):
        own = own_rows(bars, a)
        for before, bar in itertools.pairwise(own):
            moves[bar[0], a] = math.log(bar[4] / before[4])
    for t, a in np.ndindex(label.values.shape):
        if not label.exists[t, a]:
            assert math.isnan(uniqueness[t, a])
            assert math.isnan(attribution[t, a])
            continue
        counts = shared(label.end, t, a)
        assert uniqueness[t, a] == pytest.approx(sum(1.0 / c for c in counts) / len(counts), rel=1e-9)
        rows = range(t + 1, label.end[t, a] + 1)
        own_part = sum(moves.get((row, a), 0.0) / c for row, c in zip(rows, counts, strict=True))
        assert attribution[t, a] == pytest.approx(abs(own_part), rel=1e-9, abs=1e-13)


def test_a_worthless_payout_weighs_as_a_return_of_minus_one():
    payout = np.array([[NAN], [NAN], [0.0]])
    bars = closes([4.0, 4.0, NAN], extras={"delisting": payout})
    label = forward_return(bars, 1)
    np.testing.assert_array_equal(return_attribution(label, bars)[:, 0], [0.0, 1.0, NAN])


def test_a_label_that_reads_its_own_row_alone_counts_there():
    bars = closes([1.0, 2.0, 3.0])
    label = Label.from_arrays(bars, [[1.0], [1.0], [NAN]], [[0], [1], [0]], name="now", kind="class")
    np.testing.assert_array_equal(average_uniqueness(label)[:, 0], [1.0, 1.0, NAN])


def test_decay_is_a_line_in_what_is_unique():
    """Sums of uniqueness 1, 1, 2, 4 of 4: with 0.5 for the oldest, 0.5 + 0.5·(1/4, –, 2/4, 1)."""
    found = time_decay([1.0, NAN, 1.0, 2.0], 0.5)
    np.testing.assert_allclose(found, [0.625, NAN, 0.75, 1.0])
    np.testing.assert_allclose(time_decay([1.0, NAN, 1.0, 2.0], 1.0), [1.0, NAN, 1.0, 1.0])
    np.testing.assert_allclose(time_decay([1.0, NAN, 1.0, 2.0], 0.0), [0.25, NAN, 0.5, 1.0])


def test_decay_below_zero_leaves_out_the_oldest():
    """With −0.5 the line is 0 at half of the whole: 2/4 − 1/2 = 0, and 1 at its end."""
    np.testing.assert_allclose(time_decay([1.0, 1.0, 1.0, 1.0], -0.5), [0.0, 0.0, 0.5, 1.0])


def test_assets_of_one_bar_are_equally_old():
    found = time_decay([[0.5, 0.5], [NAN, 1.0]], 0.0)
    np.testing.assert_allclose(found, [[0.5, 0.5], [NAN, 1.0]])


def test_what_has_no_weights_is_refused():
    bars = closes([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(LabelError, match=r"label 'forward_return\(1\)' is of other bars"):
        return_attribution(forward_return(bars, 1), bars[1:])
    for oldest in (-1.0, 1.5, "half", True):
        with pytest.raises(SettingsError, match="oldest is"):
            time_decay([1.0], oldest)
    for weights in ([NAN], [-1.0], 1.0):
        with pytest.raises(LabelError, match="one sample at least"):
            time_decay(weights)
