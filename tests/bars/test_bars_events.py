"""Columns of events: their rules at every door, their spellings, and what they become when rows are put together."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars, DataWarning
from backtester.bars.check import report
from backtester.errors import DataError

NAN = np.nan
HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def panel(closes, extras=None, start="2024-01-01", **options):
    """Return daily bars whose opens are their closes; UTC dates from `start`, volume 100."""
    close = np.array(closes, float)
    close = close.reshape(len(close), -1)
    times = np.datetime64(start, "ns") + (np.arange(len(close)) + 1) * np.timedelta64(1, "D")
    made = {key: np.array(value, float).reshape(len(close), -1) for key, value in (extras or {}).items()}
    return Bars.from_arrays(times, close, close, close, close, np.where(close > 0, 100.0, NAN), extras=made, **options)


def frame(closes, **columns):
    """Return daily bars as a frame."""
    data = dict.fromkeys(("open", "high", "low", "close"), np.array(closes, float))
    index = pd.date_range("2024-01-01", periods=len(closes), name="date")
    return pd.DataFrame({**data, **columns}, index=index)


BAD = {
    "split 0": ("split", [NAN, NAN, 0.0, NAN], 2, "a split is finite and above zero"),
    "split below 0": ("split", [NAN, -2.0, NAN, NAN], 1, "a split is finite and above zero"),
    "split infinite": ("split", [NAN, NAN, NAN, np.inf], 3, "a split is finite and above zero"),
    "dividend below 0": ("dividend", [0.0, -0.1, NAN, 0.0], 1, "a dividend is finite and not negative"),
    "dividend infinite": ("dividend", [0.0, np.inf, NAN, 0.0], 1, "a dividend is finite and not negative"),
    "dividend as large as the price": ("dividend", [50.0, 9.9, 11.0, 0.0], 2, "below the last close before it, 11.0"),
    "funding infinite": ("funding", [0.0, NAN, -np.inf, 0.0], 2, "a funding rate is finite"),
    "delisting below 0": ("delisting", [NAN, NAN, NAN, -1.0], 3, "finite and not negative"),
    "delisting infinite": ("delisting", [NAN, NAN, NAN, np.inf], 3, "finite and not negative"),
}


@pytest.mark.parametrize(("column", "values", "row", "rule"), BAD.values(), ids=BAD.keys())
def test_a_bad_event_is_named_at_every_door(column, values, row, rule, tmp_path):
    closes = [10.0, 11.0, 12.0, 13.0] if column != "delisting" else [10.0, 11.0, 12.0, NAN]
    data = frame(closes, **{column: values})
    data.to_csv(tmp_path / "x.csv")
    data.to_parquet(tmp_path / "x.parquet")
    doors = [
        (lambda: Bars.from_frame({"X": data}), f"2024-01-0{row + 1}"),
        (lambda: Bars.from_csv(tmp_path / "x.csv", symbol="X"), f"2024-01-0{row + 1}"),
        (lambda: Bars.from_parquet(tmp_path / "x.parquet", symbol="X"), f"2024-01-0{row + 1}"),
        (lambda: panel(closes, {column: values}, symbols="X"), f"2024-01-0{row + 2}T00:00:00Z"),
    ]
    for door, time in doors:
        with pytest.raises(DataError) as caught:
            door()
        (found,) = caught.value.findings
        assert (found.symbol, found.row, found.time, found.column) == ("X", row, time, column)
        assert found.value == values[row]
        assert rule in found.rule
        assert found.remedy
    (found,) = report(tmp_path / "x.csv")
    assert (found.row, found.column) == (row, column)
    (found,) = report(panel(closes, {column: values}, check=False))
    assert (found.row, found.column) == (row, column)


def test_a_dividend_is_compared_in_the_units_of_its_row():
    # the last close before row 3 is 30 (row 2 has no bar); splits of 2 in row 2 and 3 in row 3 make it 5
    closes = [30.0, 30.0, NAN, 5.0]
    splits = [NAN, NAN, 2.0, 3.0]
    assert panel(closes, {"split": splits, "dividend": [NAN, NAN, 14.9, 4.9]}).n_bars == 4  # below 15, and below 5
    with pytest.raises(DataError, match=r"row 3.*dividend = 5.0: a dividend is below the last close before it, 5.0"):
        panel(closes, {"split": splits, "dividend": [NAN, NAN, NAN, 5.0]})
    with pytest.raises(DataError, match=r"row 2.*dividend = 15.0"):
        panel(closes, {"split": splits, "dividend": [NAN, NAN, 15.0, NAN]})


def test_nothing_can_be_said_of_a_dividend_before_the_first_bar():
    assert panel([NAN, 10.0, 10.0], {"dividend": [50.0, 60.0, 1.0]})["dividend"][1, 0] == 60.0


def test_neutral_values_are_no_events_and_no_errors():
    neutral = {"split": [1.0] * 3, "dividend": [0.0] * 3, "funding": [0.0] * 3, "delisting": [NAN] * 3}
    assert report(panel([1.0, 2.0, 3.0], neutral)) == []


class TestDelisting:
    def test_no_bar_in_its_row_or_later(self):
        assert panel([[1, 5], [1, 5], [1, NAN]], {"delisting": [[NAN] * 2, [NAN] * 2, [NAN, 0.0]]}).n_bars == 3
        for late in (1, 2):
            price = np.full((4, 1), NAN)
            price[late] = 4.0
            with pytest.raises(DataError) as caught:
                panel([5.0, 5.0, 5.0, NAN], {"delisting": price})
            (found,) = caught.value.findings
            assert (found.row, found.column, found.value) == (late, "close", 5.0)
            assert "in or after the row of the delisting" in found.rule
            assert ("and 1 more" in found.rule) == (late == 1)
            assert "row after the last bar" in found.remedy

    def test_at_most_one(self):
        with pytest.raises(DataError, match=r"row 3.*delisted once, and row 2 has 2024-01-04T00:00:00Z already"):
            panel([5.0, 5.0, NAN, NAN], {"delisting": [NAN, NAN, 4.0, 3.0]})
        prices = [[NAN] * 2, [NAN] * 2, [4.0, NAN], [NAN, 3.0]]
        assert panel([[5, 5], [5, 5], [NAN, 5], [NAN, NAN]], {"delisting": prices}).n_bars == 4


class TestNames:
    SPELLINGS = (
        ("split", "Stock Splits"),  # yfinance
        ("split", "split_ratio"),
        ("split", "splitFactor"),  # Tiingo
        ("split", "8. split coefficient"),  # Alpha Vantage
        ("split", "SPLIT"),
        ("dividend", "Dividends"),
        ("dividend", "Ex-Dividend"),  # Quandl
        ("dividend", "divCash"),
        ("dividend", "7. dividend amount"),
        ("funding", "funding_rate"),
        ("funding", "fundingRate"),
        ("delisting", "delisting price"),
    )

    @pytest.mark.parametrize(("name", "spelling"), SPELLINGS)
    def test_a_source_may_spell_them_otherwise(self, name, spelling, tmp_path):
        values = [NAN, NAN, 2.0]
        closes = [10.0, 10.0, 5.0 if name == "split" else 10.0 if name != "delisting" else NAN]
        data = frame(closes, **{spelling: values})
        data.to_csv(tmp_path / "x.csv")
        for bars in (Bars.from_frame(data), Bars.from_csv(tmp_path / "x.csv", symbol="ASSET")):
            assert list(bars.extras) == [name]
            np.testing.assert_array_equal(bars[name][:, 0], values)

    def test_zero_is_no_split_where_a_source_spells_it_otherwise(self):
        bars = Bars.from_frame(frame([10.0, 10.0, 5.0], **{"Stock Splits": [0.0, 0.0, 2.0]}))
        np.testing.assert_array_equal(bars["split"][:, 0], [NAN, NAN, 2.0])
        with pytest.raises(DataError, match=r"split = 0\.0"):
            Bars.from_frame(frame([10.0, 10.0, 5.0], split=[0.0, 0.0, 2.0]))

    def test_a_column_is_named_by_hand(self):
        data = frame([10.0, 10.0], paid=[0.0, 1.0], dividends=[0.0, 3.0])
        bars = Bars.from_frame(data, columns={"dividend": "paid"})
        assert bars["dividend"][1, 0] == 1.0
        assert bars["dividends"][1, 0] == 3.0

    def test_two_candidates_are_an_error(self):
        data = frame([10.0, 10.0], **{"Stock Splits": 1.0, "splitFactor": 1.0})
        with pytest.raises(DataError, match="'Stock Splits', 'splitFactor' could all be 'split'; say which"):
            Bars.from_frame(data)

    def test_extras_choose_among_them(self):
        data = frame([10.0, 10.0], **{"Stock Splits": 0.0, "Dividends": 0.0})
        assert list(Bars.from_frame(data, extras=["dividend"]).extras) == ["dividend"]

    def test_adjusted_close_is_a_name_of_ours(self):
        with pytest.raises(DataError, match=r"'adjusted_close': bars work out their own.*'adj_close'"):
            panel([1.0, 2.0], {"adjusted_close": [1.0, 2.0]})
        assert list(Bars.from_frame(frame([1.0, 2.0], adjusted_close=[1.0, 2.0])).extras) == ["adj_close"]


class TestSplitsAndPrices:
    """Twenty days, the open of the eleventh a split away from the close before it; usual moves are zero or 1 %."""

    def days(self, ratio, declared=None, usual=0.0):
        close = np.where(np.arange(20) < 10, 100.0, 100.0 / ratio) * (1 + usual * (-1.0) ** np.arange(20))
        split = np.full(20, NAN)
        split[10] = ratio if declared is None else declared
        return close, split

    @pytest.mark.parametrize("ratio", [2.0, 1.5, 3.0, 0.1, 7.0, 1.05])
    def test_a_declared_split_that_prices_show_is_no_finding(self, ratio):
        close, split = self.days(ratio, usual=0.005)
        assert report(panel(close, {"split": split})) == []

    def test_without_the_column_it_is_one(self):
        close, _ = self.days(2.0)
        with pytest.warns(DataWarning, match=r"unadjusted 2 for 1 split\. Declare it"):
            panel(close)

    def test_other_jumps_are_still_found(self):
        close, split = self.days(2.0)
        close[15:] /= 3.0
        with pytest.warns(DataWarning, match=r"row 15.*unadjusted 3 for 1 split"):
            panel(close, {"split": split})

    def test_prices_that_do_not_show_it_look_adjusted(self):
        close, split = self.days(1.0, declared=4.0, usual=0.01)
        with pytest.warns(DataWarning, match=r"row 10.*split = 4.0: .* look adjusted for it already.*extras="):
            panel(close, {"split": split})
        assert [f.severity for f in report(panel(close, {"split": split}, check=False))] == ["warning"]
        Bars.from_frame(frame(close, split=split), warn_splits=False)

    def test_a_ratio_upside_down_is_told(self):
        close, split = self.days(2.0, declared=0.5)
        with pytest.warns(DataWarning, match="upside down. Give units after for each unit before"):
            panel(close, {"split": split})

    def test_a_small_one_among_large_moves_is_left_alone(self):
        # log 1.05 = 0.049 is less than eight usual moves of 2 %: nothing can be said
        close, split = self.days(1.0, declared=1.05, usual=0.01)
        assert report(panel(close, {"split": split})) == []

    def test_a_fall_on_the_day_of_the_split_is_no_contradiction(self):
        close, split = self.days(2.0)
        close[10:] *= 0.8  # 100 to 40 over a 2 for 1 split: log 1.25 = 0.22 is less than half of log 2 = 0.69
        assert report(panel(close, {"split": split})) == []

    def test_splits_while_there_are_no_bars_count_together(self):
        close = np.array([100.0] * 5 + [NAN] * 3 + [10.0] * 5)
        split = np.full(13, NAN)
        split[[5, 8]] = 5.0, 2.0
        assert report(panel(close, {"split": split})) == []


class TestWithEvents:
    """Mon 2024-01-01, Tue, Wed, Fri, Mon: five sessions of two assets, UTC days."""

    def bars(self):
        days = np.array(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08"], "M8[ns]")
        close = np.array([[10.0, 20.0]] * 4 + [[10.0, NAN]])
        return Bars.from_arrays(days + np.timedelta64(1, "D"), close, close, close, close, symbols=["A", "B"])

    def test_a_date_is_the_row_of_its_session_or_the_next(self):
        bars = self.bars()
        paid = {"A": {"2024-01-02": 0.5, dt.date(2024, 1, 4): 0.25, pd.Timestamp("2024-01-08"): 0.75}}
        made = bars.with_events(dividend=paid)
        np.testing.assert_array_equal(made["dividend"][:, 0], [NAN, 0.5, NAN, 0.25, 0.75])
        assert np.isnan(made["dividend"][:, 1]).all()
        assert not bars.extras
        assert made.name == bars.name
        assert made.close is bars.close
        assert not made["dividend"].flags.writeable

    def test_all_columns(self):
        made = self.bars().with_events(
            split={"A": {"2024-01-03": 2.0}},
            funding={"A": pd.Series([1e-4, -2e-4], index=pd.to_datetime(["2024-01-02", "2024-01-08"]))},
            delisting={"B": ("2024-01-06", 15.5)},
            warn_splits=False,
        )
        np.testing.assert_array_equal(made["split"][:, 0], [NAN, NAN, 2.0, NAN, NAN])
        np.testing.assert_array_equal(made["funding"][:, 0], [NAN, 1e-4, NAN, NAN, -2e-4])
        np.testing.assert_array_equal(made["delisting"][:, 1], [NAN, NAN, NAN, NAN, 15.5])

    def test_a_time_is_the_row_that_closes_after_it(self):
        hours = Bars.from_arrays(np.arange(1, 5) * HOUR, *[[5.0] * 4] * 4, symbols="P")
        # closes at 01:00 to 04:00; the rate of 02:00 meets the bar that begins then, and closes at 03:00
        for moment in ("1970-01-01 02:00", np.datetime64("1970-01-01T02:00"), pd.Timestamp("1970-01-01 03:00+01:00")):
            made = hours.with_events(funding={"P": {moment: 1e-4}})
            np.testing.assert_array_equal(made["funding"][:, 0], [NAN, NAN, 1e-4, NAN])
        made = hours.with_events(funding={"P": {"1970-01-01 01:59:59": 1e-4}})
        assert made["funding"][1, 0] == 1e-4

    def test_dates_that_mean_one_row_are_combined(self):
        made = self.bars().with_events(
            split={"A": {"2024-01-04": 2.0, "2024-01-05": 3.0}},
            dividend={"A": {"2024-01-07": 1.0, "2024-01-06": 0.5}},
            warn_splits=False,
        )
        assert made["split"][3, 0] == 6.0
        assert made["dividend"][4, 0] == 1.5

    def test_what_was_declared_before_stays_where_it_is_not_written_over(self):
        once = self.bars().with_events(dividend={"A": {"2024-01-02": 0.5, "2024-01-03": 0.5}})
        twice = once.with_events(dividend={"A": {"2024-01-03": 0.75}, "B": {"2024-01-02": 1.0}})
        np.testing.assert_array_equal(twice["dividend"][:3], [[NAN, NAN], [0.5, 1.0], [0.75, NAN]])
        assert once["dividend"][2, 0] == 0.5

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"split": {"C": {"2024-01-02": 2.0}}}, "split: no symbol 'C'"),
            ({"split": {"A": {"2023-12-31": 2.0}}}, "'2023-12-31' is before the first bar; they close from 2024-01-02"),
            ({"split": {"A": {"2024-01-09": 2.0}}}, "'2024-01-09' is after the last bar"),
            ({"funding": {"A": {"2024-01-09 00:00": 0.1}}}, "after the last bar"),
            ({"funding": {"A": {"2024-01-01 23:00": 0.1}}}, "before the first bar"),
            ({"split": {"A": {"2024-01": 2.0}}}, "more than a day. Name the day"),
            ({"split": {"A": {"soon": 2.0}}}, "'soon' is no date or time"),
            ({"split": {"A": {3: 2.0}}}, "3 is no date or time"),
            ({"split": {"A": {"2024-01-02": "2:1"}}}, "'2:1' is no number"),
            ({"split": {"A": {"2024-01-02": True}}}, "True is no number"),
            ({"split": {"A": {"2024-01-02": NAN}}}, "NaN is no event"),
            ({"split": {"A": {"2024-01-02": 0.0}}}, "A, row 1, 2024-01-03T00:00:00Z: split = 0.0"),
            ({"split": {"A": 2.0}}, r"A has float 2.0; give \{symbol: \{date: value\}\}"),
            ({"dividend": [1.0]}, r"dividend: got list; give \{symbol: \{date: value\}\}"),
            ({"dividend": {"A": {"2024-01-02": 10.0}}}, "below the last close before it, 10.0"),
            ({"delisting": {"B": {"2024-01-08": 5.0}}}, r"give \{symbol: \(date, price\)\}"),
            ({"delisting": {"B": ("2024-01-05", 5.0)}}, "in or after the row of the delisting"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, given, message):
        with pytest.raises(DataError, match=message):
            self.bars().with_events(**given)

    def test_a_split_that_prices_do_not_show_warns(self):
        with pytest.warns(DataWarning, match="look adjusted for it already"):
            self.bars().with_events(split={"A": {"2024-01-03": 2.0}})


class TestRowsPutTogether:
    """Two weeks of one asset, Monday 2024-01-01 to Sunday 2024-01-14; prices as traded, splits of 2 and 5."""

    CLOSE = (80.0, 80, 40, 40, 40, NAN, NAN, 40, 8, 8, 8, NAN, NAN, NAN)

    def days(self, **events):
        events.setdefault("split", {2: 2.0, 8: 5.0})
        made = {name: np.full(14, NAN) for name in events}
        for name, values in events.items():
            for row, value in values.items():
                made[name][row] = value
        return panel(self.CLOSE, made, symbols="X")

    def test_splits_multiply_dividends_add_up_in_units_of_the_end(self):
        bars = self.days(
            split={2: 2.0, 8: 5.0, 10: 1.0},
            dividend={0: 1.0, 2: 1.0, 5: 0.25, 7: 5.0, 8: 0.5},
            funding={1: 0.001, 6: -0.003},
        )
        week = bars.resample("1W")
        assert week["split"][:, 0].tolist() == [2.0, 5.0]
        # 1.0 before the split of 2 is 0.5 of a new unit; that of the split's own row is in new units already
        assert week["dividend"][:, 0].tolist() == [1.0 / 2 + 1.0 + 0.25, 5.0 / 5 + 0.5]
        np.testing.assert_array_equal(week["funding"][:, 0], [0.001 - 0.003, NAN])
        assert week.open[:, 0].tolist() == [40.0, 8.0]
        assert week.high[:, 0].tolist() == [40.0, 8.0]
        assert week.volume[:, 0].tolist() == [2 * 200 + 300, 5 * 100 + 300]

    def test_a_holder_has_the_same_by_days_and_by_weeks(self):
        bars = self.days(split={2: 2.0, 8: 5.0}, dividend={1: 1.0, 7: 5.0, 8: 0.5})
        for held in (bars, bars.resample("1W")):
            units, cash = 10.0, 0.0
            for split, dividend in zip(held["split"][:, 0], held["dividend"][:, 0], strict=True):
                units *= split if split == split else 1.0
                cash += units * np.nan_to_num(dividend)
            # 10 units get 10, become 20 and get 100, become 100 and get 50
            assert (units, cash) == (100.0, 160.0)

    def test_a_delisting_acts_after_the_bars_of_its_period(self):
        bars = self.days(delisting={12: 3.0})
        with pytest.warns(DataWarning, match=r"X: delisted in the last period.*no row is left"):
            last = bars.resample("1W")
        assert np.isnan(last["delisting"]).all()
        later = Bars.align([bars, panel([[1.0]] * 21, symbols="Y")]).resample("1W")
        np.testing.assert_array_equal(later["delisting"][:, 0], [NAN, NAN, 3.0])
        assert report(later) == []
        alone = Bars.align([self.days(delisting={11: 3.0})[:12], panel([[1.0]] * 21, symbols="Y")])
        days = alone.resample("1D")
        assert days["delisting"][11, 0] == 3.0  # its day has no bar of it: it acts there

    def test_longer_bars_as_known_on_the_shorter_clock_show_no_future(self):
        bars = self.days(split={2: 2.0, 8: 5.0}, dividend={1: 1.0, 7: 5.0}, delisting={12: 3.0})
        whole = bars.on("1W")
        for cut in range(1, 15):
            part = bars[:cut].on("1W")
            for name in ("open", "close", "volume", "split", "dividend", "delisting"):
                np.testing.assert_array_equal(part[name], whole[name][:cut])

    def test_an_intersection_carries_events_to_the_next_common_row(self):
        bars = self.days(
            split={2: 2.0, 8: 5.0},
            dividend={1: 1.0, 2: 0.5, 7: 5.0, 13: 0.1},
            funding={1: 0.001, 2: 0.002, 3: 0.004},
            delisting={11: 3.0},
        )
        kept = [0, 3, 9, 12]
        other = Bars.from_arrays(bars.timestamps[kept], *[[7.0] * 4] * 4, symbols="Y")
        both = Bars.align([bars, other], how="intersection")
        np.testing.assert_array_equal(both["split"], [[NAN, NAN], [2.0, NAN], [5.0, NAN], [NAN, NAN]])
        # rows 1-3: 1.0/2 + 0.5; rows 4-9: 5.0/5; row 13 comes after the last common row
        np.testing.assert_array_equal(both["dividend"][:, 0], [NAN, 1.0, 1.0, NAN])
        np.testing.assert_array_equal(both["funding"][:, 0], [NAN, 0.001 + 0.002 + 0.004, NAN, NAN])
        np.testing.assert_array_equal(both["delisting"][:, 0], [NAN, NAN, NAN, 3.0])
        assert report(both) == []

    def test_a_union_keeps_events_where_the_asset_has_no_bar(self):
        bars = self.days(dividend={5: 0.25, 13: 0.1})
        both = Bars.align([bars, panel([[1.0]] * 20, symbols="Y")])
        assert both["dividend"][5, 0] == 0.25
        assert np.isnan(both["dividend"][:, 1]).all()
        assert both.select("X")["dividend"][13, 0] == 0.1
        assert both[5:7]["dividend"][0, 0] == 0.25

    @pytest.mark.parametrize("door", ["frame", "csv", "parquet"])
    def test_rows_with_an_event_and_no_bar_come_back(self, door, tmp_path):
        bars = self.days(split={2: 2.0, 5: 1.0, 8: 5.0}, dividend={6: 0.25}, funding={11: 0.1}, delisting={12: 3.0})
        both = Bars.align([bars, panel([[1.0]] * 20, symbols="Y")])
        for one in (bars, both):
            if door == "frame":
                back = Bars.from_frame(one.to_frame())
            else:
                getattr(one, f"to_{door}")(tmp_path / f"x.{door}")
                back = getattr(Bars, f"from_{door}")(tmp_path / f"x.{door}")
            assert back == one
