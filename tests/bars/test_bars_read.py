"""Frames, CSV and Parquet become bars: columns and times are inferred, and what is ambiguous is refused."""

import gzip

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.errors import DataError

OHLC = ("open", "high", "low", "close")
CSV = "Date,Open,High,Low,Close,Volume\n2020-01-06,1.1,2.2,1.0,2.0,3000000000\n2020-01-07,2.0,2.5,1.5,1.75,12\n"


def frame(n=4, names=("Open", "High", "Low", "Close", "Volume"), **options):
    close = 10.0 + np.arange(n)
    values = (close, close + 1, close - 1, close, np.arange(n) + 1)
    index = options.get("index", pd.date_range("2020-01-06", periods=n))
    return pd.DataFrame(dict(zip(names, values, strict=True)), index=index)


def with_times(values, **options):
    data = frame(len(values), index=range(len(values)))
    data["Date"] = values
    return Bars.from_frame(data, **options)


def stamps(bars):
    return [str(t) for t in bars.index.tz_localize(None)]


@pytest.fixture
def write(tmp_path):
    def _write(text, name="x.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


class TestColumns:
    @pytest.mark.parametrize(
        "names",
        [
            ("open", "high", "low", "close", "volume"),
            ("OPEN", "HIGH", "LOW", "CLOSE", "VOLUME"),
            (" Open ", "High Price", "low_price", "Close", "Vol"),
            ("<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
            ("1. open", "2. high", "3. low", "4. close", "5. volume"),
            ("o", "h", "l", "c", "v"),
        ],
    )
    def test_names_are_found_in_any_spelling(self, names):
        assert Bars.from_frame(frame(names=names)) == Bars.from_frame(frame())

    def test_a_mapping_names_what_names_do_not_say(self):
        data = frame(names=("first", "top", "bottom", "last", "traded"))
        mapping = {"open": "first", "high": "top", "low": "bottom", "close": "last", "volume": "traded"}
        assert Bars.from_frame(data, columns=mapping) == Bars.from_frame(frame())

    def test_the_mapping_wins_over_names(self):
        data = frame().assign(Settle=[10.5, 11.5, 12.5, 13.5])
        bars = Bars.from_frame(data, columns={"close": "Settle"}, extras=["Close"])
        assert bars.close[:, 0].tolist() == [10.5, 11.5, 12.5, 13.5]
        assert bars["Close"][:, 0].tolist() == [10.0, 11.0, 12.0, 13.0]

    @pytest.mark.parametrize(
        ("mapping", "message"),
        [
            ({"close": "Clos"}, "no such column; did you mean 'Close'"),
            ({"clos": "Close"}, "no role 'clos'; did you mean 'close'"),
            ({"Close": "close"}, "turn 'Close': 'close' round"),
            ({"open": "Open", "close": "Open"}, "named for two roles"),
        ],
    )
    def test_a_wrong_mapping_is_refused(self, mapping, message):
        with pytest.raises(DataError, match=message):
            Bars.from_frame(frame(), columns=mapping)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (frame().rename(columns={"Close": "Clsoe"}), "no column for 'close'; did you mean 'Clsoe'"),
            (frame().rename(columns={"Close": "Adj Close"}), "no column for 'close'; did you mean 'Adj Close'"),
            (frame().drop(columns="High"), r"no column for 'high'\. Columns: Open, Low, Close, Volume"),
        ],
    )
    def test_a_missing_column_is_named_with_the_nearest(self, data, message):
        with pytest.raises(DataError, match=message):
            Bars.from_frame({"A": frame(), "B": data})

    def test_two_candidates_are_refused(self):
        with pytest.raises(DataError, match=r"'Close', 'close' could all be 'close'; say which"):
            Bars.from_frame(frame().assign(close=1.0))
        data = frame().reset_index(names="Date").assign(Timestamp=pd.date_range("2020-01-06", periods=4))
        with pytest.raises(DataError, match=r"'Date', 'Timestamp' could all be 'time'"):
            Bars.from_frame(data)
        assert Bars.from_frame(data, columns={"time": "Date"}, extras=[]) == Bars.from_frame(frame())

    def test_a_column_there_twice_is_refused(self):
        data = pd.concat([frame(), frame()[["Close"]]], axis=1)
        with pytest.raises(DataError, match="'Close' is there twice"):
            Bars.from_frame(data)

    def test_other_numeric_columns_are_extras_and_the_adjusted_close_has_one_name(self):
        bars = Bars.from_frame(frame().assign(**{"Adj Close": 5.0, "Sentiment": [0, 1, np.nan, 0]}))
        assert list(bars.extras) == ["adj_close", "Sentiment"]
        assert bars["Sentiment"][1, 0] == 1.0
        assert np.isnan(bars["Sentiment"][2, 0])

    def test_extras_can_be_chosen(self):
        data = frame().assign(a=1, b=2, sector="tech")
        assert list(Bars.from_frame(data, extras=["b"]).extras) == ["b"]
        assert not Bars.from_frame(data, extras=[]).extras
        with pytest.raises(DataError, match=r"column 'sector' must hold numbers.*extras="):
            Bars.from_frame(data)
        with pytest.raises(DataError, match="extras: no column 'c'"):
            Bars.from_frame(data, extras=["c"])

    def test_what_is_no_frame_is_refused(self):
        for wrong in ([1, 2], {"open": [1, 2]}, {}, pd.Series([1, 2]), 3):
            with pytest.raises(DataError):
                Bars.from_frame(wrong)

    def test_unknown_options_are_refused(self):
        with pytest.raises(DataError, match="no option 'lable'; did you mean 'label'"):
            Bars.from_frame(frame(), lable="close")


class TestTimes:
    EXPECTED = ("2020-01-07 00:00:00", "2020-01-08 00:00:00", "2020-01-15 00:00:00")

    @pytest.mark.parametrize(
        "values",
        [
            ["2020-01-06", "2020-01-07", "2020-01-14"],
            ["2020/01/06", "2020/01/07", "2020/01/14"],
            ["2020.01.06", "2020.01.07", "2020.01.14"],
            ["20200106", "20200107", "20200114"],
            [20200106, 20200107, 20200114],
            ["06/01/2020", "07/01/2020", "14/01/2020"],
            ["1/6/2020", "1/7/2020", "1/14/2020"],
            ["06.01.20", "07.01.20", "14.01.20"],
            ["06-Jan-2020", "07-Jan-2020", "14-Jan-2020"],
            ["Jan 6, 2020", "Jan 7, 2020", "Jan 14, 2020"],
            [1578268800, 1578355200, 1578960000],
            [1578268800000, 1578355200000, 1578960000000],
            ["1578268800000", "1578355200000", "1578960000000"],
            [1578268800000000000, 1578355200000000000, 1578960000000000000],
            pd.to_datetime(["2020-01-06", "2020-01-07", "2020-01-14"]),
            pd.to_datetime(["2020-01-06", "2020-01-07", "2020-01-14"]).as_unit("s"),
            pd.to_datetime(["2020-01-06", "2020-01-07", "2020-01-14"]).tz_localize("UTC"),
            [pd.Timestamp("2020-01-06").date(), pd.Timestamp("2020-01-07").date(), pd.Timestamp("2020-01-14").date()],
            ["2020-01-06T00:00:00Z", "2020-01-07T00:00:00Z", "2020-01-14T00:00:00Z"],
        ],
        ids=lambda v: str(v[0]),
    )
    def test_dates_are_read_in_every_usual_form(self, values):
        assert tuple(stamps(with_times(values))) == self.EXPECTED

    @pytest.mark.parametrize(
        "values",
        [
            ["13.01.2020 16:30:00.000", "14.01.2020 16:30:00.000"],
            ["1/13/2020 4:30 PM", "1/14/2020 4:30 PM"],
            ["2020-01-13 16:30", "2020-01-14 16:30"],
            ["2020-01-13T16:30:00", "2020-01-14T16:30:00"],
            ["2020-01-13 15:30:00+00:00", "2020-01-14 15:30:00+00:00"],
            ["2020-01-13T10:30:00-0500", "2020-01-14T10:30:00-0500"],
        ],
    )
    def test_times_of_day_are_read(self, values):
        bars = with_times(values, tz="Europe/Berlin")
        assert stamps(bars) == ["2020-01-13 15:30:00", "2020-01-14 15:30:00"]

    def test_day_and_month_are_never_guessed(self):
        with pytest.raises(
            DataError, match=r"row 0: Date = '01/02/2020': day and month cannot be told apart.*date_form"
        ):
            with_times(["01/02/2020", "02/02/2020", "03/02/2020"])
        assert stamps(with_times(["01/02/2020", "02/02/2020"], date_format="%d/%m/%Y"))[0] == "2020-02-02 00:00:00"
        assert stamps(with_times(["01/02/2020", "01/03/2020"], date_format="%m/%d/%Y"))[0] == "2020-01-03 00:00:00"
        with pytest.raises(DataError, match=r"row 1: Date = '13/02/2020': some rows are day first"):
            with_times(["02/13/2020", "13/02/2020"])

    def test_what_is_no_time_is_named(self):
        with pytest.raises(DataError, match=r"row 1: Date = 'soon': this is not a time"):
            with_times(["2020-01-06", "soon", "2020-01-08"])
        with pytest.raises(DataError, match=r"row 0: Date = 'first': the form of this time is not known"):
            with_times(["first", "second"])
        with pytest.raises(DataError, match=r"row 1: Date = '2020-01-07'"):
            with_times(["06.01.2020", "2020-01-07"], date_format="%d.%m.%Y")
        with pytest.raises(DataError, match=r"row 1.*a bar needs a time"):
            with_times(["2020-01-06", None, "2020-01-08"])
        with pytest.raises(DataError, match=r"row 1.*'7 \(int\)'.*of one kind"):
            with_times([pd.Timestamp("2020-01-06"), 7, pd.Timestamp("2020-01-08")])

    def test_mixed_zones_are_refused(self):
        with pytest.raises(DataError, match=r"row 1: .*zones are mixed: this row has no zone"):
            with_times(["2020-01-06T10:00:00Z", "2020-01-07T10:00:00"])
        with pytest.raises(DataError, match=r"row 1: .*this row has -04:00, those before -05:00"):
            with_times(["2020-03-07T16:00:00-05:00", "2020-03-08T16:00:00-04:00"])
        mixed = [pd.Timestamp("2020-01-06", tz="UTC"), pd.Timestamp("2020-01-07", tz="Asia/Tokyo")]
        with pytest.raises(DataError, match=r"row 1: .*this row has Asia/Tokyo, those before UTC"):
            with_times(mixed)
        with pytest.raises(DataError, match=r"this row has no zone, those before UTC"):
            with_times([mixed[0], pd.Timestamp("2020-01-07")], tz="UTC")
        aware = frame(index=pd.date_range("2020-01-06", periods=4, tz="UTC"))
        with pytest.raises(DataError, match=r"the times of A have no zone, those of B have one"):
            Bars.from_frame({"A": frame(), "B": aware})

    def test_offsets_that_differ_are_taken_where_the_zone_is_named(self):
        bars = with_times(["2020-03-07T16:00:00-05:00", "2020-03-08T16:00:00-04:00"], tz="America/New_York")
        assert stamps(bars) == ["2020-03-07 21:00:00", "2020-03-08 20:00:00"]

    def test_naive_times_of_day_need_a_zone(self):
        data = frame(index=pd.date_range("2020-01-06 16:00", periods=4))
        with pytest.raises(DataError, match=r"A, row 0: time = '2020-01-06 16:00:00': intraday times need a zone"):
            Bars.from_frame({"A": data})
        assert stamps(Bars.from_frame(data, tz="America/New_York"))[0] == "2020-01-06 21:00:00"

    def test_times_can_be_the_index_under_any_type_it_has(self):
        expected = Bars.from_frame(frame())
        text = frame()
        text.index = text.index.strftime("%Y-%m-%d")
        assert Bars.from_frame(text) == expected
        assert Bars.from_frame(frame().rename_axis("Date").reset_index()) == expected
        with pytest.raises(DataError, match="no column for 'time'"):
            Bars.from_frame(frame().reset_index(drop=True))
        periods = frame()
        periods.index = periods.index.to_period("D")
        with pytest.raises(DataError, match="to_timestamp"):
            Bars.from_frame(periods)

    def test_a_date_and_a_time_column_are_joined(self):
        data = frame(2, index=range(2)).assign(Date=["2020.01.06", "2020.01.06"], Time=["09:00", "10:00"])
        assert stamps(Bars.from_frame(data, tz="UTC")) == ["2020-01-06 09:00:00", "2020-01-06 10:00:00"]

    def test_times_outside_int64_ns_are_refused(self):
        with pytest.raises(DataError, match="between 1678 and 2262"):
            Bars.from_frame(frame(2, index=pd.DatetimeIndex(np.array(["3000-01-01", "3000-01-02"], dtype="M8[s]"))))


class TestShapes:
    def test_a_mapping_of_frames_gets_one_clock(self):
        bars = Bars.from_frame({"A": frame(4), "B": frame(4).iloc[[1, 3]]})
        assert bars.symbols == ("A", "B")
        assert bars.n_bars == 4
        assert np.isnan(bars.close[:, 1]).tolist() == [True, False, True, False]
        assert np.isnan(bars.volume[:, 1]).tolist() == [True, False, True, False]
        assert bars.close[[1, 3], 1].tolist() == [11.0, 13.0]

    def test_long_form_is_split_by_symbol_in_order_of_appearance(self):
        b, a = frame(4), frame(3) * 2
        data = pd.concat([b.assign(ticker="B"), a.assign(ticker="A")])
        expected = Bars.from_frame({"B": b, "A": a})
        assert Bars.from_frame(data) == expected
        assert Bars.from_frame(data.sort_index(kind="stable")) == expected
        assert Bars.from_frame(data.set_index("ticker", append=True)) == expected
        assert Bars.from_frame(pd.concat({"B": b, "A": a}, names=["symbol", "date"])) == expected

    def test_rows_of_long_form_are_named_as_in_the_source(self):
        data = pd.concat([frame(4).assign(symbol="A"), frame(4).assign(symbol="B")])
        data.iloc[6, 1] = 0.5
        with pytest.raises(DataError, match=r"^B, row 6, 2020-01-08: high = 0.5"):
            Bars.from_frame(data)
        data.iloc[5, 5] = None
        with pytest.raises(DataError, match=r"row 5: symbol = 'missing'"):
            Bars.from_frame(data)

    @pytest.mark.parametrize("axis", [0, 1])
    def test_two_column_levels_are_understood(self, axis):
        data = pd.concat({"A": frame(), "B": frame() * 2}, axis=1)
        if axis:
            data = data.swaplevel(axis=1)
        assert Bars.from_frame(data) == Bars.from_frame({"A": frame(), "B": frame() * 2})

    def test_other_column_levels_are_refused(self):
        with pytest.raises(DataError, match="the columns have 2 levels"):
            Bars.from_frame(pd.concat({"A": frame()[["Open"]]}, axis=1))

    def test_symbol_names_the_asset_of_one_frame(self):
        assert Bars.from_frame(frame()).symbols == ("ASSET",)
        assert Bars.from_frame(frame(), symbol="X").symbols == ("X",)
        assert Bars.from_frame(frame().assign(symbol="Y")).symbols == ("Y",)

    def test_pyarrow_tables_are_converted(self):
        import pyarrow as pa

        table = pa.Table.from_pandas(frame().reset_index(names="date"), preserve_index=False)
        assert Bars.from_frame(table) == Bars.from_frame(frame())

    def test_session_labels_come_as_an_argument_or_a_column(self):
        labels = pd.to_datetime(["2020-01-06", "2020-01-06", "2020-01-07", "2020-01-07"])
        by_argument = Bars.from_frame(frame(), sessions=labels)
        assert by_argument == Bars.from_frame(frame().assign(session=labels))
        assert np.diff(by_argument.sessions).tolist() == [0, 1, 0]
        with pytest.raises(DataError, match="must not decrease"):
            Bars.from_frame(frame(), sessions=labels[::-1])
        with pytest.raises(DataError, match="one asset"):
            Bars.from_frame({"A": frame(), "B": frame()}, sessions=labels)


class TestCsv:
    def test_a_plain_file(self, write):
        bars = Bars.from_csv(write(CSV, "GOOD.csv"))
        assert bars.name == "GOOD.csv"
        assert bars.open[:, 0].tolist() == [1.1, 2.0]
        assert bars.volume[:, 0].tolist() == [3e9, 12.0]
        assert stamps(bars) == ["2020-01-07 00:00:00", "2020-01-08 00:00:00"]

    @pytest.mark.parametrize(
        "raw",
        [
            b"\xef\xbb\xbf" + CSV.encode(),
            CSV.replace("\n", "\r\n").encode(),
            b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(),
            CSV.encode("utf-16"),
            gzip.compress(CSV.encode()),
            CSV.replace(",", ";").encode(),
            CSV.replace(",", "\t").encode(),
            CSV.replace(",", ", ").encode(),
            ("," + CSV.replace("\n2", "\n9,2")).encode(),
            CSV.replace("Date", "").encode(),
            (CSV + "\n\n").encode(),
            CSV.rstrip("\n").encode(),
        ],
        ids=[
            "bom",
            "crlf",
            "bom crlf",
            "utf-16",
            "gzip",
            "semicolon",
            "tab",
            "spaces",
            "row numbers",
            "unnamed date",
            "blank lines",
            "no last newline",
        ],
    )
    def test_every_way_of_writing_it_gives_the_same_bars(self, write, raw):
        assert Bars.from_csv(write(raw)) == Bars.from_csv(write(CSV, "plain.csv"))

    def test_decimal_commas_are_named_and_read_where_asked(self, write):
        text = CSV.replace(",", ";").replace(".", ",")
        with pytest.raises(DataError, match=r"row 0: open = '1,1': .*decimal comma; pass decimal=','"):
            Bars.from_csv(write(text))
        assert Bars.from_csv(write(text), decimal=",") == Bars.from_csv(write(CSV))
        with pytest.raises(DataError, match="comma cannot both"):
            Bars.from_csv(write(CSV), decimal=",")
        with pytest.raises(DataError, match="decimal = ';'"):
            Bars.from_csv(write(CSV), decimal=";")

    def test_a_comma_for_both_is_named(self, write):
        with pytest.raises(DataError, match=r"Expected 5 columns, got 9.*the comma the decimal sign"):
            Bars.from_csv(write("Date,Open,High,Low,Close\n2020-01-06,1,1,2,2,1,0,2,0\n"))

    def test_damaged_files_are_refused_and_never_shortened(self, write, tmp_path):
        with pytest.raises(DataError, match="cut off"):
            Bars.from_csv(write(CSV + "2020-01-08,1.0,2"))
        for empty in ("", "\n\n"):
            with pytest.raises(DataError, match="the file is empty"):
                Bars.from_csv(write(empty))
        with pytest.raises(DataError, match="two rows at least"):
            Bars.from_csv(write("Date,Open,High,Low,Close\n"))
        with pytest.raises(DataError, match=r"no such file; did you mean 'x\.csv'"):
            Bars.from_csv(tmp_path / "y.csv")
        with pytest.raises(DataError, match="cannot be read"):
            Bars.from_csv(write(gzip.compress(CSV.encode())[:-9]))
        with pytest.raises(DataError, match="holds values, not names"):
            Bars.from_csv(write("2020-01-06,1,2,1,2\n2020-01-07,1,2,1,2\n"))
        with pytest.raises(DataError, match="no utf-8 text"):
            Bars.from_csv(write(CSV.replace("1.75", "\xff").encode("latin-1")))
        with pytest.raises(DataError, match="encoding"):
            Bars.from_csv(write(CSV), encoding="utf-99")

    def test_numbers_are_read_exactly(self, write):
        values = np.random.default_rng(1).random(200) * 0.1 + 1
        rows = "".join(
            f"{d:%Y-%m-%d},{v!r},{v!r},{v!r},{v!r}\n"
            for d, v in zip(pd.date_range("2020-01-06", periods=200), values.tolist(), strict=True)
        )
        assert Bars.from_csv(write("date,open,high,low,close\n" + rows)).close[:, 0].tolist() == values.tolist()

    def test_metatrader_and_binance_files(self, write):
        head = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        rows = "2020.01.06\t09:00:00\t1\t2\t1\t2\t5\t7\t3\n2020.01.06\t10:00:00\t1\t2\t1\t2\t5\t8\t3\n"
        bars = Bars.from_csv(write(head + rows), tz="UTC", label="open")
        assert stamps(bars) == ["2020-01-06 10:00:00", "2020-01-06 11:00:00"]
        assert list(bars.extras) == ["TICKVOL", "SPREAD"]
        text = "Open time,Open,High,Low,Close,Volume\n1578268800000,1,2,1,2,5\n1578272400000,1,2,1,2,5\n"
        assert stamps(Bars.from_csv(write(text))) == ["2020-01-06 01:00:00", "2020-01-06 02:00:00"]

    def test_many_files(self, write, tmp_path):
        a, b = write(CSV, "A.csv"), write(CSV.replace("2020-01-07", "2020-01-09"), "B.csv")
        bars = Bars.from_csv([a, b])
        assert bars.symbols == ("A", "B")
        assert bars.n_bars == 3
        assert Bars.from_csv(tmp_path) == bars
        assert Bars.from_csv(str(tmp_path / "*.csv")) == bars
        assert Bars.from_csv({"A": a, "B": b}) == bars
        assert Bars.from_csv(a, symbol="Z").symbols == ("Z",)
        with pytest.raises(DataError, match="would both be 'A'"):
            Bars.from_csv([a, a])
        with pytest.raises(DataError, match="one asset"):
            Bars.from_csv([a, b], symbol="Z")
        with pytest.raises(DataError, match="no file there"):
            Bars.from_csv(str(tmp_path / "*.txt"))
        with pytest.raises(DataError):
            Bars.from_csv([])

    def test_a_mapped_time_column_stays_text(self, write):
        text = CSV.replace("Date", "Day").replace("2020-01-06", "06/13/2020").replace("2020-01-07", "07/14/2020")
        bars = Bars.from_csv(write(text), columns={"time": "Day"})
        assert stamps(bars)[0] == "2020-06-14 00:00:00"


PANELS = {
    "one": lambda: Bars.from_frame(frame()),
    "named": lambda: Bars.from_frame(frame(), symbol="X"),
    "gaps": lambda: Bars.from_frame({"A": frame(), "B": frame().iloc[1:3].assign(x=[1.0, np.nan])}),
    "sessions": lambda: Bars.sample("eurusd")[:500],
    "labels": lambda: Bars.from_frame(frame(), sessions=[3, 3, 4, 5]),
    "simulated": lambda: Bars.simulate("gbm", n_bars=50, n_assets=3, seed=1, freq="1min"),
    "midnight": lambda: Bars.simulate("gbm", n_bars=50, seed=1),
    "missing row": lambda: Bars.from_arrays(
        [1, 2, 3], *[np.array([[1.0, 2.0], [np.nan] * 2, [1.0, np.nan]])] * 5, symbols=["A", "B"]
    ),
}


class TestRoundTrip:
    @pytest.mark.parametrize("make", PANELS.values(), ids=PANELS.keys())
    def test_frame_csv_and_parquet_give_equal_bars(self, make, tmp_path):
        bars = make()
        bars.to_csv(tmp_path / "x.csv")
        bars.to_parquet(tmp_path / "x.parquet")
        back = [
            Bars.from_frame(bars.to_frame()),
            Bars.from_csv(tmp_path / "x.csv"),
            Bars.from_parquet(tmp_path / "x.parquet"),
        ]
        for other in back:
            other = other.select(bars.symbols)
            assert other == bars
            assert other.content_hash == bars.content_hash

    def test_to_frame_of_one_symbol(self):
        bars = Bars.from_frame({"A": frame(), "B": frame().iloc[1:3]})
        part = bars.to_frame("B")
        assert list(part.columns) == ["open", "high", "low", "close", "volume"]
        assert len(part) == 4
        with pytest.raises(DataError, match="no symbol 'C'"):
            bars.to_frame("C")

    def test_writing_is_all_or_nothing(self, tmp_path, monkeypatch):
        bars = Bars.from_frame(frame())
        bars.to_csv(tmp_path / "x.csv")
        before = (tmp_path / "x.csv").read_bytes()

        def full(self, target, **options):
            with open(target, "w") as file:
                file.write("half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pd.DataFrame, "to_csv", full)
        with pytest.raises(DataError, match="No space left on device"):
            bars.to_csv(tmp_path / "x.csv")
        assert (tmp_path / "x.csv").read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]
        with pytest.raises(DataError, match="cannot be written"):
            bars.to_parquet(tmp_path / "nowhere" / "x.parquet")


class TestParquet:
    def test_damaged_files_are_refused(self, tmp_path):
        Bars.from_frame(frame()).to_parquet(tmp_path / "x.parquet")
        raw = (tmp_path / "x.parquet").read_bytes()
        for cut in (0, 4, len(raw) // 2, len(raw) - 5):
            (tmp_path / "y.parquet").write_bytes(raw[:cut])
            with pytest.raises(DataError, match=r"y.parquet: not a Parquet file, or cut off"):
                Bars.from_parquet(tmp_path / "y.parquet")
        with pytest.raises(DataError, match="no such file"):
            Bars.from_parquet(tmp_path / "z.parquet")

    def test_many_files_and_long_form(self, tmp_path):
        frame().to_parquet(tmp_path / "A.parquet")
        (frame() * 2).to_parquet(tmp_path / "B.parquet")
        expected = Bars.from_frame({"A": frame(), "B": frame() * 2})
        assert Bars.from_parquet(tmp_path) == expected
        long = pd.concat([frame().assign(symbol="A"), (frame() * 2).assign(symbol="B")])
        long.to_parquet(tmp_path / "long.parquet")
        assert Bars.from_parquet(tmp_path / "long.parquet") == expected
        assert Bars.from_parquet({"A": tmp_path / "A.parquet", "B": tmp_path / "B.parquet"}) == expected
