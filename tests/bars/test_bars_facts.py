"""What a panel is said to hold, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from backtester import Bars
from backtester.bars.facts import facts_of

HOUR = 3_600 * 10**9
DAY = 24 * HOUR
NAN = float("nan")


def bars_of(times, closes, volume=None, **options):
    prices = np.array(closes, float)
    return Bars.from_arrays(times, prices, prices + 1.0, prices - 1.0, prices, volume, **options)


def test_one_asset_by_day():
    # closes on days 1, 2, 3, 6, 7: four steps, three of a day, one of three days
    times = np.array([1, 2, 3, 6, 7]) * DAY
    facts = facts_of(bars_of(times, [10, 11, 9, 12, 13], [5.0, NAN, 0.0, 4.0, 3.0], symbols="X", name="made"))
    assert (facts["name"], facts["n_bars"]) == ("made", 5)
    assert (facts["first"], facts["last"]) == ("1970-01-02T00:00:00Z", "1970-01-08T00:00:00Z")
    assert (facts["step_ns"], facts["step_share"]) == (DAY, 0.75)
    assert facts["longest_step"] == {
        "ns": 3 * DAY,
        "after": "1970-01-04T00:00:00Z",
        "until": "1970-01-07T00:00:00Z",
    }
    assert facts["sessions"] == {"n": 5, "fewest_bars": 1, "median_bars": 1.0, "most_bars": 1}
    assert facts["gaps"] == {"n": 0, "longest": None}  # each bar is a session of its own
    assert facts["assets"] == [
        {
            "symbol": "X",
            "bars": 5,
            "first": "1970-01-02T00:00:00Z",
            "last": "1970-01-08T00:00:00Z",
            "missing": 0,
            "volume_known": 0.8,
            "no_volume": 1,
            "lowest": 8.0,
            "highest": 14.0,
        }
    ]
    # times, sessions and session ends as int64, five columns as float64: 5·8·(3 + 5)
    assert facts["bytes"] == 320


def test_gaps_inside_a_session_and_sessions_of_several_lengths():
    # hours 1, 2, 3, 6, 7 of the first day, 25 and 26 of the second: one step of 3 hours inside a session
    times = np.array([1, 2, 3, 6, 7, 25, 26]) * HOUR
    facts = facts_of(bars_of(times, [10] * 7))
    assert facts["step_ns"] == HOUR
    assert facts["sessions"] == {"n": 2, "fewest_bars": 2, "median_bars": 3.5, "most_bars": 5}
    assert facts["gaps"] == {
        "n": 1,
        "longest": {"ns": 3 * HOUR, "after": "1970-01-01T03:00:00Z", "until": "1970-01-01T06:00:00Z"},
    }
    assert facts["longest_step"]["ns"] == 18 * HOUR


def test_missing_bars_are_those_between_the_first_and_the_last():
    # A from bar 1 to bar 3 without bar 2; B throughout
    closes = [[NAN, 10], [5, 10], [NAN, 10], [6, 10], [NAN, 10]]
    extra = np.array([[NAN, 0], [1, 0], [2, 0], [NAN, 3], [NAN, 0]])
    facts = facts_of(bars_of(np.arange(1, 6) * DAY, closes, symbols=["A", "B"], extras={"note": extra}))
    a, b = facts["assets"]
    assert (a["bars"], a["missing"], a["first"], a["last"]) == (2, 1, "1970-01-03T00:00:00Z", "1970-01-05T00:00:00Z")
    assert (b["bars"], b["missing"]) == (5, 0)
    assert facts["extras"] == {"note": 3}


def test_one_bar_has_no_step():
    facts = facts_of(bars_of([DAY, 2 * DAY], [10, 10])[:1])
    assert (facts["step_ns"], facts["step_share"], facts["longest_step"]) == (None, None, None)
    assert facts["assets"][0]["volume_known"] == 0.0


@pytest.mark.parametrize("name", ["sp500", "eurusd", "stocks"])
def test_samples_are_what_their_page_says(name):
    facts, bars = facts_of(Bars.sample(name)), Bars.sample(name)
    assert facts["n_bars"] == {"sp500": 5031, "eurusd": 6225, "stocks": 3270}[name]
    assert facts["content_hash"] == bars.content_hash
    assert [one["symbol"] for one in facts["assets"]] == list(bars.symbols)
