"""Events with times of their own: used from their time and delay on, never before, and not when they are too old."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from feature_bars import DAY, MONDAY, bars_of

from backtester.errors import FeatureError
from backtester.signals import External, Features

HOUR = DAY // 24


def days(n, n_assets=1):
    """Return bars that close at midnight, the first on Tuesday 7 January 2020."""
    return bars_of(np.ones((n, n_assets)))


def one_of(element, bars):
    return Features([element]).compute(bars)[:, :, 0]


def came_out(times, values, **columns):
    """Return events; times are in days after Monday 6 January 2020."""
    stamps = np.array([MONDAY + round(time * DAY) for time in times])
    return {"timestamp": stamps, "news": np.array(values, dtype=float), **columns}


class TestAsOf:
    def test_a_record_is_used_from_the_close_on_by_which_it_was_out(self):
        """Out at the close of bar 1, and half a day after that of bar 2."""
        element = External.from_events(came_out([2.0, 3.5], [5.0, 6.0]), "news", delay="0s")
        np.testing.assert_array_equal(one_of(element, days(5))[:, 0], [np.nan, 5.0, 5.0, 6.0, 6.0])

    @pytest.mark.parametrize("delay", ["1D", "24h", 24 * HOUR, dt.timedelta(days=1), np.timedelta64(1, "D"), "1440min"])
    def test_a_delay_is_waited_for(self, delay):
        element = External.from_events(came_out([2.0, 3.5], [5.0, 6.0]), "news", delay=delay)
        np.testing.assert_array_equal(one_of(element, days(5))[:, 0], [np.nan, np.nan, 5.0, 5.0, 6.0])

    def test_a_nanosecond_too_late_is_a_bar_later(self):
        late = External.from_events(came_out([2.0], [5.0]), "news", delay=1)
        np.testing.assert_array_equal(one_of(late, days(3))[:, 0], [np.nan, np.nan, 5.0])

    def test_it_is_pandas_merge_asof_asset_by_asset(self):
        rng = np.random.default_rng(3)
        bars = bars_of(np.ones((200, 3)))
        frame = pd.DataFrame(
            {
                "out": pd.to_datetime(MONDAY + rng.permutation(200 * 24)[:90] * HOUR, utc=True),
                "symbol": rng.choice(bars.symbols, 90),
                "score": rng.normal(size=90),
                "count": rng.integers(0, 9, 90),
            }
        )
        element = External.from_events(frame, ["score", "count"], available="out", delay="6h", missing=-1.0)
        panel = Features([element]).compute(bars)
        clock = pd.DataFrame({"now": pd.to_datetime(bars.timestamps, utc=True)})
        for a, symbol in enumerate(bars.symbols):
            own = frame[frame.symbol == symbol].sort_values("out")
            own = own.assign(known=own.out + pd.Timedelta("6h"))
            for j, name in enumerate(["score", "count"]):
                wanted = pd.merge_asof(clock, own, left_on="now", right_on="known")[name].fillna(-1.0)
                np.testing.assert_array_equal(panel[:, a, j], wanted)

    def test_records_of_no_asset_are_for_all_and_order_does_not_matter(self):
        shuffled = External.from_events(came_out([3.0, 2.0], [6.0, 5.0]), "news", delay=0)
        found = one_of(shuffled, days(3, 2))
        np.testing.assert_array_equal(found, [[np.nan] * 2, [5.0] * 2, [6.0] * 2])
        named = External.from_events(came_out([2.0, 3.0], [5.0, 6.0], symbol=["A", "B"]), "news", delay=0, symbols=None)
        np.testing.assert_array_equal(one_of(named, days(3, 2)), found)

    def test_a_record_without_a_value_says_nothing(self):
        columns = {"grade": np.array([np.nan, 3.0, np.nan])}
        element = External.from_events(
            came_out([1.0, 2.0, 3.0], [1.0, np.nan, 2.0], **columns), ["news", "grade"], delay=0
        )
        panel = Features([element]).compute(days(3))[:, 0]
        np.testing.assert_array_equal(panel[:, 0], [1.0, 1.0, 2.0])
        np.testing.assert_array_equal(panel[:, 1], [np.nan, 3.0, 3.0])

    def test_a_missing_bar_has_no_value(self):
        bars = bars_of([[1.0], [np.nan], [1.0]])
        element = External.from_events(came_out([0.0], [5.0]), "news", delay=0)
        np.testing.assert_array_equal(one_of(element, bars)[:, 0], [5.0, np.nan, 5.0])

    def test_later_records_and_later_bars_change_nothing_before(self):
        early = External.from_events(came_out([1.5, 2.5], [1.0, 2.0]), "news", delay="1h")
        late = External.from_events(came_out([1.5, 2.5, 3.5], [1.0, 2.0, 9.0]), "news", delay="1h")
        before, after = one_of(early, days(6))[:, 0], one_of(late, days(6))[:, 0]
        np.testing.assert_array_equal(before[:3], after[:3])
        assert before[3] != after[3]
        Features([late]).check_causal(days(6))
        np.testing.assert_array_equal(one_of(late, days(6)[2:])[:, 0], after[2:])


class TestRevisions:
    def test_a_later_record_of_a_period_replaces_it_from_its_own_time_on(self):
        quarters = np.array([MONDAY - 90 * DAY, MONDAY, MONDAY - 90 * DAY, MONDAY])
        events = came_out([0.5, 2.0, 3.0, 4.0], [1.0, 2.0, 1.5, 2.5], quarter=quarters)
        element = External.from_events(events, "news", period="quarter", delay=0)
        # day 3 revises the quarter before, which is not the latest any more
        np.testing.assert_array_equal(one_of(element, days(5))[:, 0], [1.0, 2.0, 2.0, 2.5, 2.5])
        latest = External.from_events(events, "news", delay=0)
        np.testing.assert_array_equal(one_of(latest, days(5))[:, 0], [1.0, 2.0, 1.5, 2.5, 2.5])

    @pytest.mark.parametrize("order", [[0, 1], [1, 0]])
    def test_of_two_that_come_out_together_the_later_period_counts(self, order):
        quarters = np.array([MONDAY - 90 * DAY, MONDAY])
        events = came_out([1.0, 1.0], np.array([1.0, 2.0])[order], quarter=quarters[order])
        element = External.from_events(events, "news", period="quarter", delay=0)
        assert one_of(element, days(2))[:, 0].tolist() == [2.0, 2.0]

    def test_a_revision_that_says_nothing_of_a_column_leaves_it(self):
        quarters = np.array([MONDAY, MONDAY])
        events = came_out([1.0, 2.0], [1.0, np.nan], quarter=quarters)
        element = External.from_events(events, "news", period="quarter", delay=0)
        assert one_of(element, days(3))[:, 0].tolist() == [1.0, 1.0, 1.0]

    def test_a_record_from_before_the_end_of_its_period_is_refused(self):
        events = came_out([1.0, 2.0], [1.0, 2.0], symbol=["A", "B"], quarter=np.array([MONDAY, MONDAY + 30 * DAY]))
        with pytest.raises(
            FeatureError,
            match=r"an event of B came out 2020-01-08.* before the end of what it is about, 2020-02-05",
        ):
            External.from_events(events, "news", period="quarter", delay="90D")


class TestAge:
    def test_what_is_too_old_says_nothing(self):
        events = came_out([1.0, 4.5], [1.0, 2.0])
        element = External.from_events(events, "news", delay="12h", max_age="2D", missing=0.0)
        # out 0.5 days after day 1 and 4.5, until day 3 and 6.5, both included
        assert one_of(element, days(8))[:, 0].tolist() == [0, 1, 1, 0, 2, 2, 0, 0]

    def test_without_missing_a_stale_record_is_nan_and_refused(self):
        element = External.from_events(came_out([1.0], [1.0]), "news", delay=0, max_age="1D")
        with pytest.raises(FeatureError, match=r"'news': NaN for ASSET at bar 2 "):
            one_of(element, days(4))

    def test_missing_stands_before_the_first_record_and_for_assets_without_one(self):
        events = came_out([2.0], [5.0], symbol=["ASSET1"])
        element = External.from_events(events, "news", delay=0, missing=-1)
        np.testing.assert_array_equal(one_of(element, days(3, 2)), [[-1, -1], [-1, 5], [-1, 5]])

    def test_an_asset_without_a_record_is_named(self):
        events = came_out([1.0, 1.0], [5.0, 6.0], symbol=["ASSET0", "ASET1"])
        element = External.from_events(events, "news", delay=0)
        with pytest.raises(FeatureError, match=r"no event of ASSET1; did you mean 'ASET1'\? \(events of 2"):
            one_of(element, days(3, 2))
        assert one_of(element, days(3, 2).select("ASSET0"))[:, 0].tolist() == [5.0] * 3  # others are not asked for


class TestTimes:
    @pytest.mark.parametrize(
        ("column", "settings"),
        [
            (pd.to_datetime(["2020-01-08", "2020-01-09T12:00"], format="ISO8601", utc=True), {}),
            (pd.to_datetime(["2020-01-07 19:00", "2020-01-09 07:00"]).tz_localize("America/New_York"), {}),
            (["2020-01-08T00:00Z", "2020-01-09T12:00Z"], {}),
            (["2020-01-08 00:00", "2020-01-09 12:00"], {"tz": "UTC"}),
            (np.array(["2020-01-07T19", "2020-01-09T07"], "M8[h]"), {"tz": "America/New_York"}),
            ([dt.datetime(2020, 1, 8, tzinfo=dt.UTC), dt.datetime(2020, 1, 9, 12, tzinfo=dt.UTC)], {}),
        ],
    )
    def test_times_are_read_as_bars_read_theirs(self, column, settings):
        events = {"timestamp": column, "news": [5.0, 6.0]}
        element = External.from_events(events, "news", delay=0, **settings)
        assert element.timestamps.tolist() == [MONDAY + 2 * DAY, MONDAY + 3 * DAY + 12 * HOUR]
        np.testing.assert_array_equal(one_of(element, days(5))[:, 0], [np.nan, 5.0, 5.0, 6.0, 6.0])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"timestamp": None}, r"no column 'timestamp'; columns: news\. Without the time at which it came out"),
            ({"timestamp": None, "time_stamp": [1, 2]}, "no column 'timestamp'; did you mean 'time_stamp'"),
            (
                {"timestamp": np.array(["2020-01-08", "2020-01-09"], "M8[D]")},
                "have no time zone, 2020-01-08 .* tz='UTC'",
            ),
            ({"timestamp": ["2020-01-08", "2020-01-09"]}, "have no time zone"),
            ({"timestamp": pd.to_datetime(["2020-01-08", None], utc=True)}, "NaT"),
            ({"timestamp": [1.5, np.nan]}, "a bar needs a time|a time"),
            (
                {"timestamp": ["soon", "later"]},
                r"times of 'timestamp' cannot be read: .*'soon'.*16:00\)$",
            ),
            ({"timestamp": [1_578_441_600, 1_578_528_000]}, "is 1578441600; whole numbers are ns since 1970, .*1974"),
            ({"timestamp": [MONDAY, MONDAY]}, r"two events came out 2020-01-06T00:00:00Z; which one counts"),
            ({"news": None}, "no column 'news'"),
            ({"news": [1.0, np.inf]}, "column 'news' is inf in row 1; a value is finite, or NaN"),
            ({"news": ["a", "b"]}, "column 'news' holds <U1 values; a feature is real numbers"),
            ({"news": [1.0]}, "the columns differ in length"),
            ({"symbol": ["A", None]}, "'symbol' is None in row 1; it is the symbol of an asset"),
            ({"symbol": [1, 2]}, "'symbol' is 1 in row 0"),
        ],
    )
    def test_wrong_records_say_what_is_wrong(self, change, message):
        events = {"timestamp": [MONDAY, MONDAY + DAY], "news": [1.0, 2.0], **change}
        events = {name: column for name, column in events.items() if column is not None}
        with pytest.raises(FeatureError, match=message):
            External.from_events(events, "news", delay=0)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"delay": -1}, "delay is -1; it is a length of time, 0 or more"),
            ({"delay": "soon"}, "delay is 'soon'"),
            ({"delay": "1m"}, "delay is '1m'"),
            ({"delay": True}, "delay is True"),
            ({"delay": np.timedelta64("NaT")}, "delay is"),
            ({"delay": 0, "max_age": 1.5}, "max_age is 1.5"),
            ({"delay": 0, "missing": np.nan}, "missing is nan; it is a finite number, or None"),
            ({"delay": 0, "available": "tiem"}, "no column 'tiem'"),
            ({"delay": 0, "symbols": "ticker"}, "no column 'ticker'"),
            ({"delay": 0, "period": "quarter"}, "no column 'quarter'"),
            ({"delay": 0, "name": []}, "name is empty"),
            ({"delay": 0, "name": ""}, "a line of text"),
            ({"delay": 0, "events": 3}, "events is int; it is a DataFrame, or a mapping"),
            ({"delay": 0, "events": {}}, "there are no events"),
            ({"delay": 0, "events": {"timestamp": [], "news": []}}, "there are no events"),
        ],
    )
    def test_wrong_settings_say_what_is_wrong(self, settings, message):
        given = {"events": {"timestamp": [MONDAY, MONDAY + DAY], "news": [1.0, 2.0]}, "name": "news", **settings}
        with pytest.raises(FeatureError, match=message):
            External.from_events(**given)

    def test_a_delay_must_be_said(self):
        with pytest.raises(TypeError, match="delay"):
            External.from_events(came_out([1.0], [1.0]), "news")


def test_a_specification_has_the_delay_and_wants_the_records_again():
    events = came_out([1.0, 2.0], [1.0, 2.0])
    element = External.from_events(events, "news", delay="1D", missing=0.0)
    features = Features([element, "lag(gap)"])
    spec = json.loads(json.dumps(features.spec()))
    again = Features.from_spec(spec, external={"news": element})
    assert again == features
    sooner = External.from_events(events, "news", delay=0, missing=0.0)
    assert Features([sooner]).digest != Features([element]).digest
    with pytest.raises(FeatureError, match=r"external\['news'\] is used in another way .*'delay': 0.* not .*86400000"):
        Features.from_spec(spec, external={"news": sooner})
    with pytest.raises(FeatureError, match=r"external\['news'\] is used in another way"):
        Features.from_spec(spec, external={"news": External(np.zeros(2), "news")})


def test_records_are_copied_and_cannot_be_changed():
    events = came_out([1.0], [1.0])
    element = External.from_events(events, "news", delay=0)
    events["news"][0] = 7.0
    assert element.values.tolist() == [[1.0]]
    with pytest.raises(ValueError, match="read-only"):
        element.values[0] = 2.0
