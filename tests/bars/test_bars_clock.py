"""What a stamp says: labels, session closes, zones and sessions (rule 1)."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.errors import DataError


def bars_at(times, **options):
    index = pd.DatetimeIndex(times)
    data = pd.DataFrame({c: np.ones(len(index)) for c in ("open", "high", "low", "close")}, index=index)
    return Bars.from_frame(data, **options)


def closes(bars):
    return [f"{t:%m-%d %H:%M}" for t in bars.index]


def sessions(bars):
    return [str(np.datetime64(int(s), "D"))[5:] for s in bars.sessions]


def ends(bars):
    return [f"{t:%m-%d %H:%M}" for t in pd.DatetimeIndex(bars.session_ends.view("M8[ns]"))]


DATES = ["2020-03-05", "2020-03-06", "2020-03-09"]  # the clocks of New York change on 2020-03-08


class TestDate:
    def test_a_date_closes_when_the_utc_day_ends(self):
        bars = bars_at(DATES)
        assert closes(bars) == ["03-06 00:00", "03-07 00:00", "03-10 00:00"]
        assert sessions(bars) == ["03-05", "03-06", "03-09"]
        assert ends(bars) == closes(bars)

    def test_a_date_closes_at_the_session_close_of_its_zone(self):
        bars = bars_at(DATES, session_close="16:00", tz="America/New_York")
        assert closes(bars) == ["03-05 21:00", "03-06 21:00", "03-09 20:00"]
        assert sessions(bars) == ["03-05", "03-06", "03-09"]
        assert ends(bars) == closes(bars)
        assert bars == bars_at(DATES, session_close=dt.time(16), tz="America/New_York")

    def test_a_date_in_a_zone_closes_at_local_midnight(self):
        for bars in (bars_at(DATES, tz="Asia/Tokyo"), bars_at(pd.DatetimeIndex(DATES, tz="Asia/Tokyo"))):
            assert closes(bars) == ["03-05 15:00", "03-06 15:00", "03-09 15:00"]
            assert sessions(bars) == ["03-05", "03-06", "03-09"]

    def test_the_local_date_is_the_session_wherever_the_close_falls_in_utc(self):
        bars = bars_at(DATES, session_close="17:00", tz="Pacific/Honolulu")  # UTC−10: 03:00 UTC of the next day
        assert closes(bars)[0] == "03-06 03:00"
        assert sessions(bars)[0] == "03-05"

    def test_a_time_of_day_is_no_date(self):
        with pytest.raises(DataError, match=r'row 1.*label="date" takes dates'):
            bars_at(["2020-03-05", "2020-03-06 10:00"], label="date")

    def test_a_midnight_that_the_clocks_skip(self):
        # in São Paulo 2017-10-15 began at 01:00
        bars = bars_at(["2017-10-14", "2017-10-15"], tz="America/Sao_Paulo")
        assert closes(bars) == ["10-15 03:00", "10-16 02:00"]


class TestInference:
    def test_midnights_are_dates_and_anything_else_is_the_close(self):
        assert closes(bars_at(DATES))[0] == "03-06 00:00"
        assert closes(bars_at(["2020-03-05 00:00", "2020-03-05 01:00"], tz="UTC"))[0] == "03-05 00:00"

    def test_a_label_wins(self):
        midnight = pd.DatetimeIndex(DATES, tz="UTC")
        assert closes(bars_at(midnight, label="close"))[0] == "03-05 00:00"
        assert sessions(bars_at(midnight, label="close"))[0] == "03-04"

    @pytest.mark.parametrize(("name", "first"), [("close_time", "03-05 00:00"), ("Open Time", "03-06 00:00")])
    def test_a_column_name_says_it(self, name, first):
        data = pd.DataFrame({c: np.ones(3) for c in ("open", "high", "low", "close")})
        data[name] = pd.date_range("2020-03-05", periods=3, tz="UTC")
        assert closes(Bars.from_frame(data))[0] == first

    def test_frames_that_disagree_are_refused(self):
        data = pd.DataFrame({c: np.ones(2) for c in ("open", "high", "low", "close")})
        dates = data.set_axis(pd.to_datetime(["2020-03-05", "2020-03-06"]))
        times = data.set_axis(pd.to_datetime(["2020-03-05 10:00", "2020-03-06 10:00"]))
        with pytest.raises(DataError, match=r"look like 'close' in T and like 'date' in D; pass label="):
            Bars.from_frame({"D": dates, "T": times}, tz="UTC")

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"label": "opne"}, "did you mean 'open'"),
            ({"tz": "Amerika/New_York"}, "is not a time zone"),
            ({"session_close": "25:00"}, "is not a time of day"),
            ({"session_close": "4pm"}, "is not a time of day"),
            ({"unit": "min"}, "unit = 'min'"),
            ({"bar_length": "1h", "label": "date"}, 'goes with label="open"'),
        ],
    )
    def test_wrong_options(self, option, message):
        with pytest.raises(DataError, match=message):
            bars_at(DATES, **option)


class TestOpen:
    def test_the_close_follows_by_the_most_frequent_step_and_never_across_a_break(self):
        times = ["2020-03-06 14:00", "2020-03-06 15:00", "2020-03-06 16:00", "2020-03-09 14:00", "2020-03-09 15:00"]
        assert closes(bars_at(times, label="open", tz="UTC")) == [
            "03-06 15:00",
            "03-06 16:00",
            "03-06 17:00",
            "03-09 15:00",
            "03-09 16:00",
        ]

    def test_the_close_is_never_after_the_next_open(self):
        times = ["2020-03-06 14:00", "2020-03-06 15:00", "2020-03-06 16:00", "2020-03-06 16:20", "2020-03-06 17:20"]
        assert closes(bars_at(times, label="open", tz="UTC"))[2:] == ["03-06 16:20", "03-06 17:20", "03-06 18:20"]

    def test_the_length_can_be_given(self):
        times = ["2020-03-06 14:00", "2020-03-06 16:00"]
        assert closes(bars_at(times, label="open", tz="UTC", bar_length="30min")) == ["03-06 14:30", "03-06 16:30"]
        for wrong in ("-1h", "soon"):
            with pytest.raises(DataError, match="bar_length"):
                bars_at(times, label="open", tz="UTC", bar_length=wrong)

    def test_dates_as_opens_close_a_day_later(self):
        assert closes(bars_at(DATES, label="open", tz="UTC")) == ["03-06 00:00", "03-07 00:00", "03-10 00:00"]

    def test_one_bar_does_not_say_how_long_it_is(self):
        with pytest.raises(DataError, match="bar_length"):
            bars_at(["2020-03-06 14:00"], label="open", tz="UTC")


class TestZones:
    def test_times_are_converted_to_utc(self):
        naive = ["2020-03-06 16:00", "2020-03-09 16:00"]
        aware = pd.DatetimeIndex(naive, tz="America/New_York")
        expected = ["03-06 21:00", "03-09 20:00"]
        assert closes(bars_at(naive, tz="America/New_York")) == expected
        assert closes(bars_at(aware)) == expected
        assert closes(bars_at(aware.tz_convert("Asia/Tokyo"))) == expected
        assert closes(bars_at(pd.DatetimeIndex(naive, tz=dt.timezone(dt.timedelta(hours=-5))))) == [
            "03-06 21:00",
            "03-09 21:00",
        ]

    @pytest.mark.parametrize("time", ["2020-03-08 02:30", "2020-11-01 01:30"])
    def test_local_times_that_do_not_exist_or_exist_twice_are_named(self, time):
        with pytest.raises(DataError, match=f"row 1: time = '{time}:00': this local time does not exist"):
            bars_at(["2020-03-06 10:00", time, "2020-12-01 10:00"], tz="America/New_York")


class TestSessions:
    def test_intraday_sessions_are_utc_days_unless_a_close_is_given(self):
        times = ["2020-03-05 16:00", "2020-03-05 18:00", "2020-03-05 20:00"]  # New York, UTC−5
        assert sessions(bars_at(times, tz="America/New_York")) == ["03-05", "03-05", "03-06"]

    def test_a_session_ends_at_its_close_and_later_bars_belong_to_the_next_date(self):
        times = ["2020-03-05 16:59", "2020-03-05 17:00", "2020-03-05 17:01", "2020-03-06 00:00", "2020-03-06 17:00"]
        bars = bars_at(times, tz="America/New_York", session_close="17:00")
        assert sessions(bars) == ["03-05", "03-05", "03-06", "03-06", "03-06"]
        assert ends(bars) == ["03-05 22:00", "03-05 22:00", "03-06 22:00", "03-06 22:00", "03-06 22:00"]

    def test_the_close_follows_the_local_clock_across_a_change(self):
        times = pd.DatetimeIndex(["2020-03-06 22:00", "2020-03-09 21:00", "2020-03-09 22:00"], tz="UTC")
        bars = bars_at(times, tz="America/New_York", session_close="17:00")
        assert sessions(bars) == ["03-06", "03-09", "03-10"]
        assert ends(bars) == ["03-06 22:00", "03-09 21:00", "03-10 21:00"]

    def test_midnight_is_a_close_too(self):
        times = pd.DatetimeIndex(["2020-03-05 23:00", "2020-03-06 00:00", "2020-03-06 01:00"], tz="UTC")
        given = bars_at(times, session_close="24:00")
        default = bars_at(times)
        assert sessions(given) == sessions(default) == ["03-05", "03-05", "03-06"]
        assert ends(given) == ends(default)
