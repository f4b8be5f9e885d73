"""Sessions by the calendar of an exchange: closes, early closes, holidays, changes of the clocks.

The hours are those the exchanges publish: New York 9:30 to 16:00, 13:00 on the day after Thanksgiving (nyse.com,
"Holidays and Trading Hours"); Tokyo 9:00 to 15:00 until November 2024 (jpx.co.jp, "Trading Hours").
"""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.bars.exchanges import exchange_sessions
from backtester.errors import DataError

HOUR = 3_600_000_000_000


def bars_at(times, **options):
    index = pd.DatetimeIndex(times)
    data = pd.DataFrame({c: np.ones(len(index)) for c in ("open", "high", "low", "close")}, index=index)
    return Bars.from_frame(data, **options)


def texts(stamps):
    return [f"{t:%m-%d %H:%M}" for t in pd.DatetimeIndex(np.asarray(stamps).view("M8[ns]"))]


def sessions(bars):
    return [str(np.datetime64(int(s), "D"))[5:] for s in bars.sessions]


class TestDates:
    def test_a_date_closes_with_its_session_early_closes_included(self):
        # Thanksgiving is 2023-11-23: no session; the day after ends at 13:00 New York, 18:00 UTC
        bars = bars_at(["2023-11-21", "2023-11-22", "2023-11-24", "2023-11-27"], calendar="XNYS")
        assert texts(bars.timestamps) == ["11-21 21:00", "11-22 21:00", "11-24 18:00", "11-27 21:00"]
        assert sessions(bars) == ["11-21", "11-22", "11-24", "11-27"]
        assert bars.session_ends.tolist() == bars.timestamps.tolist()

    def test_the_clocks_change_and_the_local_close_does_not(self):
        # New York leaves summer time on Sunday 2023-11-05: 16:00 is 20:00 UTC before it and 21:00 after
        bars = bars_at(["2023-11-02", "2023-11-03", "2023-11-06", "2023-11-07"], calendar="XNYS")
        assert texts(bars.timestamps) == ["11-02 20:00", "11-03 20:00", "11-06 21:00", "11-07 21:00"]
        spring = bars_at(["2024-03-07", "2024-03-08", "2024-03-11"], calendar="XNYS")  # it began on 2024-03-10
        assert texts(spring.timestamps) == ["03-07 21:00", "03-08 21:00", "03-11 20:00"]

    def test_a_zone_east_of_utc(self):
        # 15:00 Tokyo is 06:00 UTC; 2023-11-03 was Culture Day
        bars = bars_at(["2023-11-01", "2023-11-02", "2023-11-06"], calendar="XTKS")
        assert texts(bars.timestamps) == ["11-01 06:00", "11-02 06:00", "11-06 06:00"]
        assert sessions(bars) == ["11-01", "11-02", "11-06"]

    def test_dates_in_the_zone_of_the_exchange_are_the_same_dates(self):
        dates = ["2023-11-02", "2023-11-03", "2023-11-06"]
        zoned = bars_at(pd.DatetimeIndex(dates, tz="America/New_York"), calendar="XNYS")
        assert zoned == bars_at(dates, calendar="XNYS")

    def test_around_the_clock_is_the_utc_day(self):
        dates = ["2023-11-03", "2023-11-04", "2023-11-05"]
        assert texts(bars_at(dates, calendar="24/7").timestamps) == ["11-04 00:00", "11-05 00:00", "11-06 00:00"]
        assert sessions(bars_at(dates, calendar="24/7")) == ["11-03", "11-04", "11-05"]

    def test_a_holiday_is_an_error_that_says_so(self):
        with pytest.raises(
            DataError, match=r"ASSET, row 2, 2023-11-23: XNYS has no session on that day.*outside_sessions='drop'"
        ):
            bars_at(["2023-11-21", "2023-11-22", "2023-11-23"], calendar="XNYS")

    def test_the_first_of_several_is_named(self):
        with pytest.raises(DataError, match=r"row 1, 2023-11-25: .* the first of 2 such bars"):
            bars_at(["2023-11-24", "2023-11-25", "2023-11-26"], calendar="XNYS")

    def test_a_holiday_can_be_left_out(self):
        kept = bars_at(["2023-11-22", "2023-11-24"], calendar="XNYS")
        days = ["2023-11-22", "2023-11-23", "2023-11-24", "2023-11-25"]
        assert bars_at(days, calendar="XNYS", outside_sessions="drop") == kept

    def test_a_row_without_prices_on_a_holiday_is_no_bar(self):
        data = pd.DataFrame(
            {c: [1.0, np.nan, 1.0] for c in ("open", "high", "low", "close")},
            index=pd.DatetimeIndex(["2023-11-22", "2023-11-23", "2023-11-24"]),
        )
        assert Bars.from_frame(data, calendar="XNYS") == bars_at(["2023-11-22", "2023-11-24"], calendar="XNYS")

    def test_an_order_that_is_off_is_still_found(self):
        with pytest.raises(DataError, match="times must increase"):
            bars_at(["2023-11-22", "2023-11-21"], calendar="XNYS")
        ordered = bars_at(["2023-11-22", "2023-11-21"], calendar="XNYS", sort=True)
        assert ordered == bars_at(["2023-11-21", "2023-11-22"], calendar="XNYS")


class TestTimes:
    EARLY = ("2023-11-24 16:30", "2023-11-24 17:30", "2023-11-24 18:00", "2023-11-27 15:30")  # UTC

    def test_closes_belong_to_the_session_they_lie_in(self):
        bars = bars_at(pd.DatetimeIndex(self.EARLY, tz="UTC"), calendar="XNYS")
        assert texts(bars.timestamps) == ["11-24 16:30", "11-24 17:30", "11-24 18:00", "11-27 15:30"]
        assert sessions(bars) == ["11-24"] * 3 + ["11-27"]
        assert texts(bars.session_ends) == ["11-24 18:00"] * 3 + ["11-27 21:00"]

    def test_opens_end_with_the_session_at_the_latest(self):
        # hourly bars of New York begin at half past; the last one of a full day and of a short one has half an hour
        opens = ["2023-11-22 19:30", "2023-11-22 20:30", "2023-11-24 14:30", "2023-11-24 17:30", "2023-11-27 14:30"]
        bars = bars_at(pd.DatetimeIndex(opens, tz="UTC"), label="open", bar_length="1h", calendar="XNYS")
        assert texts(bars.timestamps) == ["11-22 20:30", "11-22 21:00", "11-24 15:30", "11-24 18:00", "11-27 15:30"]
        assert sessions(bars) == ["11-22", "11-22", "11-24", "11-24", "11-27"]

    @pytest.mark.parametrize(
        ("time", "label", "in_it"),
        [
            ("14:30", "close", False),  # a bar that closes as the session opens lies before it
            ("14:31", "close", True),
            ("18:00", "close", True),
            ("18:01", "close", False),
            ("14:29", "open", False),
            ("14:30", "open", True),
            ("17:59", "open", True),
            ("18:00", "open", False),
        ],
    )
    def test_the_edges_of_a_session(self, time, label, in_it):
        stamps = pd.DatetimeIndex(["2023-11-22 15:00", "2023-11-22 15:01", f"2023-11-24 {time}"], tz="UTC")
        assert bars_at(stamps, calendar="XNYS", label=label, outside_sessions="drop").n_bars == 2 + in_it
        if not in_it:
            with pytest.raises(DataError, match=r"row 2, 2023-11-24 .*XNYS is closed then.*tz="):
                bars_at(stamps, calendar="XNYS", label=label)

    def test_a_session_that_begins_the_evening_before(self):
        # futures in Chicago: the session of Thursday 2023-11-02 runs from Wednesday 17:00 (22:00 UTC) to 17:00
        stamps = pd.DatetimeIndex(["2023-11-01 22:00", "2023-11-01 22:01", "2023-11-02 22:00"], tz="UTC")
        bars = bars_at(stamps, calendar="CMES", label="close")
        assert sessions(bars) == ["11-01", "11-02", "11-02"]

    def test_naive_times_still_need_a_zone(self):
        with pytest.raises(DataError, match="intraday times need a zone"):
            bars_at(["2023-11-22 10:00", "2023-11-22 11:00"], calendar="XNYS")
        bars = bars_at(["2023-11-22 10:00", "2023-11-22 11:00"], calendar="XNYS", tz="America/New_York")
        assert texts(bars.timestamps) == ["11-22 15:00", "11-22 16:00"]

    def test_all_bars_outside_are_an_error_even_if_they_may_be_dropped(self):
        with pytest.raises(DataError, match="XNYS is closed then"):
            bars_at(
                pd.DatetimeIndex(["2023-11-25 15:00", "2023-11-25 16:00"], tz="UTC"),
                calendar="XNYS",
                outside_sessions="drop",
            )

    def test_a_day_order_lives_as_long_as_the_session_of_the_exchange(self):
        """`on("1D")` shows a day when it is over: on the short day at 18:00 UTC, not at the usual 21:00."""
        stamps = pd.DatetimeIndex([*self.EARLY[:3], "2023-11-27 15:30", "2023-11-27 16:30"], tz="UTC")
        day = bars_at(stamps, calendar="XNYS").on("1D")
        assert np.isnan(day.close[:, 0]).tolist() == [True, True, False, False, False]


class TestSeveralExchanges:
    def two(self, **options):
        data = pd.DataFrame({c: [1.0] * 3 for c in ("open", "high", "low", "close")})
        days = {"IBM": ["2023-11-01", "2023-11-02", "2023-11-03"], "7203.T": ["2023-11-01", "2023-11-02", "2023-11-06"]}
        return Bars.from_frame({s: data.set_axis(pd.DatetimeIndex(d), axis=0) for s, d in days.items()}, **options)

    def test_each_asset_has_its_own(self):
        bars = self.two(calendar={"IBM": "XNYS", "7203.T": "XTKS"})
        assert texts(bars.timestamps) == [
            *("11-01 06:00", "11-01 20:00"),
            *("11-02 06:00", "11-02 20:00"),
            *("11-03 20:00", "11-06 06:00"),
        ]
        assert sessions(bars) == ["11-01", "11-01", "11-02", "11-02", "11-03", "11-06"]
        assert texts(bars.session_ends)[:2] == ["11-01 20:00"] * 2  # that of the later exchange

    def test_a_symbol_without_one_is_refused(self):
        with pytest.raises(DataError, match=r"calendar: none for '7203\.T'.*There is one for 'IBM'"):
            self.two(calendar={"IBM": "XNYS"})


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"calendar": "XNYZ"}, r"has none of that name; did you mean 'XN\w+'"),
            ({"calendar": "xnys"}, "did you mean 'XNYS'"),
            ({"calendar": {}}, "calendar is an empty mapping"),
            ({"outside_sessions": "drop"}, "goes with calendar="),
            ({"calendar": 7}, "calendar = 7: give a name such as 'XNYS'"),
            ({"calendar": "XNYS", "outside_sessions": "dropp"}, "did you mean 'drop'"),
            ({"calendar": "XNYS", "session_close": "16:00"}, "leave session_close = '16:00' out"),
            ({"calendar": "XNYS", "sessions": [1, 2]}, "leave sessions= out"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, options, message):
        with pytest.raises(DataError, match=message):
            bars_at(["2023-11-21", "2023-11-22"], **options)

    def test_years_that_the_calendar_does_not_know(self):
        with pytest.raises(DataError, match=r"'XKRX' does not reach from 1950-01-02 to 1950-01-03"):
            bars_at(["1950-01-02", "1950-01-03"], calendar="XKRX")

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # exchange_calendars 4.13 under pandas 3.1
    def test_a_calendar_is_used_up_to_its_edge(self):
        import exchange_calendars

        edge = type(exchange_calendars.get_calendar("XKRX")).bound_min()
        first = exchange_calendars.get_calendar("XKRX", start=edge).sessions[:2]
        assert bars_at(first, calendar="XKRX").n_bars == 2

    def test_a_session_column_beside_it_is_refused(self):
        frame = bars_at(["2023-11-21", "2023-11-22"], calendar="XNYS").to_frame()
        assert Bars.from_frame(frame).sessions.tolist() == [19682, 19683]  # days from 1970-01-01 to 2023-11-21
        with pytest.raises(DataError, match="session column, and calendar = 'XNYS'; drop one"):
            Bars.from_frame(frame, calendar="XNYS")

    def test_what_was_read_comes_back_from_files(self, tmp_path):
        bars = bars_at(["2023-11-21", "2023-11-22", "2023-11-24"], calendar="XNYS")
        bars.to_csv(tmp_path / "x.csv")
        bars.to_parquet(tmp_path / "x.parquet")
        assert Bars.from_csv(tmp_path / "x.csv") == bars == Bars.from_parquet(tmp_path / "x.parquet")

    def test_the_text_doors_take_it(self, tmp_path):
        (tmp_path / "x.csv").write_text("Date,Open,High,Low,Close\n2023-11-22,1,1,1,1\n2023-11-24,1,1,1,1\n")
        assert texts(Bars.from_csv(tmp_path / "x.csv", calendar="XNYS").timestamps) == ["11-22 21:00", "11-24 18:00"]

    def test_arrays_take_it_too(self):
        read = bars_at(["2023-11-22", "2023-11-24", "2023-11-27"], calendar="XNYS")
        made = Bars.from_arrays(read.timestamps, *[np.ones(3)] * 4, calendar="XNYS")
        assert made == read
        late = read.timestamps + np.array([0, 3 * HOUR, 0])
        with pytest.raises(DataError, match=r"row 1, 2023-11-24 21:00:00.*XNYS is closed then"):
            Bars.from_arrays(late, *[np.ones(3)] * 4, calendar="XNYS")
        with pytest.raises(DataError, match="leave sessions= and session_ends= out"):
            Bars.from_arrays(read.timestamps, *[np.ones(3)] * 4, calendar="XNYS", sessions=[1, 2, 3])

    def test_the_package_is_loaded_only_when_asked_for(self):
        code = (
            "import sys, pandas as pd; from backtester import Bars; "
            "f = pd.DataFrame(dict.fromkeys(('open', 'high', 'low', 'close'), [1.0, 1.0]), "
            "index=pd.DatetimeIndex(['2023-11-21', '2023-11-22'])); "
            "Bars.from_frame(f); assert 'exchange_calendars' not in sys.modules; "
            "sys.modules['exchange_calendars'] = None\n"
            "try: Bars.from_frame(f, calendar='XNYS')\n"
            "except ValueError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "needs the package exchange_calendars" in done.stdout
        assert "pip install 'backtester[calendars]'" in done.stdout


class TestExchangeSessions:
    def test_opens_and_closes(self):
        found = exchange_sessions("XNYS", "2023-11-22", "2023-11-24")
        assert (found.tz, found.labels.tolist()) == ("America/New_York", [19683, 19685])
        assert texts(found.opens) == ["11-22 14:30", "11-24 14:30"]
        assert ((found.closes - found.opens) / HOUR).tolist() == [6.5, 3.5]

    def test_as_a_frame(self):
        frame = exchange_sessions("24/7", "2023-11-22", "2023-11-23").to_frame()
        assert frame.index.tolist() == [pd.Timestamp("2023-11-22"), pd.Timestamp("2023-11-23")]
        assert frame["close"].iloc[0] == frame["open"].iloc[1] == pd.Timestamp("2023-11-23", tz="UTC")

    def test_what_is_no_date_is_refused(self):
        with pytest.raises(DataError, match="give dates"):
            exchange_sessions("XNYS", "soon", "2023-11-24")


class TestNow:
    def test_a_last_bar_that_is_not_over_is_left_out(self):
        dates = ["2023-11-21", "2023-11-22", "2023-11-24"]
        early = bars_at(dates, calendar="XNYS", now="2023-11-24 17:59:59")
        assert early == bars_at(dates[:2], calendar="XNYS")
        assert bars_at(dates, calendar="XNYS", now="2023-11-24 18:00") == bars_at(dates, calendar="XNYS")
        assert bars_at(dates, calendar="XNYS", now=pd.Timestamp("2023-11-24 13:00", tz="America/New_York")).n_bars == 3

    def test_two_of_them_are_a_mistake(self):
        with pytest.raises(DataError, match=r"row 1, 2023-11-22: 2 bars close after now = 2023-11-22T00:00:00Z"):
            bars_at(["2023-11-20", "2023-11-22", "2023-11-24"], now="2023-11-22")

    def test_what_is_no_time_is_refused(self):
        with pytest.raises(DataError, match="now"):
            bars_at(["2023-11-20", "2023-11-22"], now="later")
