"""Bad input is refused at the door, by an error that names row, time, symbol, column, value, rule and remedy."""

import warnings

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars, DataWarning
from backtester.bars.check import BadBars, report
from backtester.errors import DataError


def frame(n=6):
    close = 100.0 + np.arange(n)
    return pd.DataFrame(
        {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1000.0},
        index=pd.date_range("2020-01-06", periods=n, freq="D"),
    )


def refused(data, **options):
    """Return the first finding of the error that reading raises."""
    with pytest.raises(DataError) as caught:
        Bars.from_frame(data, **options)
    return caught.value.findings[0] if isinstance(caught.value, BadBars) else caught.value


CASES = {
    "open is NaN": ("open", np.nan, "all there, or all missing"),
    "high is NaN": ("high", np.nan, "all there, or all missing"),
    "low is NaN": ("low", np.nan, "all there, or all missing"),
    "close is NaN": ("close", np.nan, "all there, or all missing"),
    "infinite price": ("high", np.inf, "finite"),
    "negative infinite price": ("low", -np.inf, "finite"),
    "zero price": ("low", 0.0, "above zero"),
    "negative price": ("low", -5.0, "above zero"),
    "high below low": ("high", 90.0, "cannot be below low (102.0)"),
    "open above high": ("open", 104.5, "inside [low, high] = [102.0, 104.0]"),
    "open below low": ("open", 101.5, "inside [low, high] = [102.0, 104.0]"),
    "close above high": ("close", 104.0000000000001, "inside [low, high] = [102.0, 104.0]"),
    "close below low": ("close", 101.0, "inside [low, high] = [102.0, 104.0]"),
    "negative volume": ("volume", -1.0, "negative"),
    "infinite volume": ("volume", np.inf, "finite"),
}


@pytest.mark.parametrize(("column", "value", "rule"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("symbol", ["GOOD", "BAD"])
def test_a_bad_value_is_named_in_full(column, value, rule, symbol):
    bad = frame()
    bad.loc[bad.index[3], column] = value
    found = refused({"GOOD": frame(), symbol: bad})
    assert (found.symbol, found.row, found.time, found.column) == (symbol, 3, "2020-01-09", column)
    assert found.value == value or (np.isnan(value) and np.isnan(found.value))
    assert rule in found.rule
    assert found.remedy
    for part in (symbol, "row 3", "2020-01-09", column, found.rule, found.remedy):
        assert part in str(found)


@pytest.mark.parametrize(("column", "value", "rule"), CASES.values(), ids=CASES.keys())
def test_arrays_are_held_to_the_same_rules(column, value, rule):
    data = frame()
    data.loc[data.index[3], column] = value
    with pytest.raises(DataError) as caught:
        Bars.from_arrays(data.index.to_numpy(), *(data[c] for c in ("open", "high", "low", "close", "volume")))
    found = caught.value.findings[0]
    assert (found.row, found.time, found.column) == (3, "2020-01-09T00:00:00Z", column)
    assert rule in found.rule


def test_a_bad_value_is_found_in_every_block_and_asset_of_a_large_panel():
    n, width = 40_000, 3
    base = np.full((n, width), 10.0)
    for row, asset in ((0, 0), (16_384, 2), (n - 1, 1)):
        high = base + 1
        high[row, asset] = 1.0
        with pytest.raises(DataError) as caught:
            Bars.from_arrays(np.arange(n) * 60_000_000_000, base, high, base - 1, base)
        assert [(f.row, f.symbol) for f in caught.value.findings] == [(row, f"ASSET{asset}")]


def test_negative_prices_are_taken_only_where_asked_for():
    data = frame() - 102.5
    data["volume"] = 1.0
    assert refused(data).column == "open"
    bars = Bars.from_frame(data, allow_negative=True)
    assert bars.allow_negative
    assert bars.low[0, 0] == -3.5
    assert bars[2:4].allow_negative


def test_negative_prices_are_still_ordered_and_finite():
    data = frame() - 102.5
    data["volume"] = 1.0
    data.iloc[2, 1] = -50.0
    assert "below low" in refused(data, allow_negative=True).rule
    data.iloc[2, 1] = np.inf
    assert "finite" in refused(data, allow_negative=True).rule


def test_a_bar_missing_in_full_is_no_error_and_has_no_volume():
    data = frame()
    data.iloc[2, :4] = np.nan
    data.iloc[2, 4] = 0.0
    bars = Bars.from_frame(data)
    assert np.isnan([bars[c][2, 0] for c in ("open", "high", "low", "close", "volume")]).all()
    data.iloc[2, 4] = 7.0
    assert "without prices" in refused(data).rule


def test_unknown_volume_is_no_error():
    data = frame()
    data.loc[data.index[1], "volume"] = np.nan
    assert np.isnan(Bars.from_frame(data).volume[1, 0])
    assert np.isnan(Bars.from_frame(frame().drop(columns="volume")).volume).all()


@pytest.mark.parametrize(
    ("order", "row", "rule", "remedy"),
    [
        ([0, 2, 1, 3], 2, "must increase, and row 1 has 2020-01-08", "Sort"),
        ([0, 1, 1, 2], 2, "must be unique, and row 1 has the same", "Drop one"),
        ([3, 2, 1, 0], 1, "must increase, and row 0 has 2020-01-09", "newest first"),
    ],
)
def test_times_must_increase(order, row, rule, remedy):
    found = refused(frame().iloc[order])
    assert (found.row, found.column) == (row, "time")
    assert rule in found.rule
    assert remedy in found.remedy


def test_sort_brings_rows_into_order_and_still_refuses_duplicates():
    shuffled = frame().iloc[[3, 1, 0, 2, 5, 4]]
    assert Bars.from_frame(shuffled, sort=True) == Bars.from_frame(frame())
    assert "unique" in refused(frame().iloc[[2, 1, 0, 1]], sort=True).rule
    bad = shuffled.copy()
    bad.iloc[4, 1] = 0.5  # the row of 2020-01-11, fifth in the source, sixth in time
    found = refused(bad, sort=True)
    assert (found.row, found.time) == (4, "2020-01-11")


def test_a_missing_time_is_named():
    data = frame()
    data.index = [*data.index[:2], pd.NaT, *data.index[3:]]
    found = refused(data)
    assert (found.row, found.value) == (2, "NaT")
    with pytest.raises(DataError, match=r"row 2.*a bar needs a time"):
        Bars.from_arrays(data.index.to_numpy(), *(data[c] for c in ("open", "high", "low", "close")))


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows(rows):
    assert "two rows at least" in refused(frame(rows)).rule
    data = frame(rows)
    with pytest.raises(DataError, match="two rows at least"):
        Bars.from_arrays(data.index.to_numpy(), *(data[c] for c in ("open", "high", "low", "close")))


def test_one_empty_frame_among_several_is_named():
    assert refused({"A": frame(), "EMPTY": frame(0)}).symbol == "EMPTY"


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (["100.5"] * 6, "to_numeric"),
        (["100,5"] * 6, "decimal comma"),
        (["1,000.5"] * 6, "thousands separator"),
        ([1.0, "n/a", 2.0, 3.0, 4.0, 5.0], "to_numeric"),
        ([True] * 6, "to_numeric"),
        ([object()] * 6, "to_numeric"),
        (pd.to_timedelta([1] * 6), "to_numeric"),
    ],
)
def test_columns_that_are_no_numbers(values, remedy):
    data = frame()
    data["close"] = values
    found = refused(data)
    assert found.column == "close"
    assert remedy in found.remedy
    if "n/a" in values:
        assert (found.row, found.value) == (1, "n/a")


def test_other_number_types_are_converted_exactly():
    data = frame().astype({"open": "Float64", "high": "float32", "low": "float64", "close": "int64"})
    data["volume"] = pd.array([2**53, 2**31, 1, 2**40, None, 5], dtype="Int64")
    bars = Bars.from_frame(data)
    assert bars.volume[:4, 0].tolist() == [2.0**53, 2.0**31, 1.0, 2.0**40]
    assert np.isnan(bars.volume[4, 0])
    assert bars.high[:, 0].tolist() == [float(x) for x in frame().high]


def test_the_error_counts_what_else_is_wrong():
    data = frame()
    data.loc[data.index[[1, 3]], "volume"] = -1.0
    with pytest.raises(DataError, match="and 1 more"):
        Bars.from_frame(data)


def split_frame(ratio, usual=0.0):
    close = np.where(np.arange(20) < 10, 100.0, 100.0 / ratio) * (1 + usual * (-1.0) ** np.arange(20))
    opens = np.append(close[0], close[:-1])
    opens[10] = close[10]
    data = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    return pd.DataFrame(data, index=pd.date_range("2020-01-06", periods=20))


@pytest.mark.parametrize(
    ("ratio", "words"), [(2.0, "2 for 1"), (3.0, "3 for 1"), (1.5, "1.5 for 1"), (0.1, "1 for 10")]
)
def test_a_jump_like_a_split_is_a_warning_that_names_it(ratio, words):
    with pytest.warns(DataWarning, match=f"row 10, 2020-01-16: open = .*{words} split") as caught:
        Bars.from_frame({"X": split_frame(ratio)})
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Bars.from_frame({"X": split_frame(ratio)}, warn_splits=False)


@pytest.mark.parametrize("ratio", [1.0, 1.2, 2.3, 0.8])
def test_other_jumps_do_not_warn(ratio):
    Bars.from_frame(split_frame(ratio))


def test_a_gap_that_comes_back_within_the_bar_does_not_warn():
    data = split_frame(2.0)
    data.loc[data.index[10:], "close"] = 100.0
    data.loc[data.index[11:], "open"] = 100.0
    data["high"], data["low"] = data[["open", "close"]].max(axis=1), data[["open", "close"]].min(axis=1)
    Bars.from_frame(data)


def test_report_lists_everything_that_is_wrong(tmp_path):
    data = frame()
    data.iloc[1, 1] = 1.0  # high below low
    data.iloc[3, 4] = -1.0
    data.iloc[4, 0] = np.nan
    data.index = [*data.index[:5], data.index[4]]
    data.index.name = "date"
    data.to_csv(tmp_path / "x.csv")
    found = report(tmp_path / "x.csv")
    assert sorted((f.row, f.column) for f in found) == [(1, "high"), (3, "volume"), (4, "open"), (5, "time")]
    assert all(f.symbol and f.time and f.rule and f.remedy and f.severity == "error" for f in found)


def test_report_of_good_data_is_empty_and_of_unreadable_data_says_why(tmp_path):
    assert report(Bars.sample("sp500")) == []
    (tmp_path / "x.csv").write_text("date,open,high,low,close\n2020-01-01,1,2,1,x\n2020-01-02,1,2,1,2\n")
    (found,) = report(tmp_path / "x.csv")
    assert (found.row, found.column, found.value) == (0, "close", "x")
    (tmp_path / "y.parquet").write_bytes(b"PAR1 no")
    assert "Parquet" in str(report(tmp_path / "y.parquet")[0])
    assert "no such file" in str(report(tmp_path / "z.csv")[0])


def test_report_of_bars_finds_splits():
    assert report(Bars.sample("stocks")) == []  # they are declared
    found = report(Bars.from_frame(Bars.sample("stocks").to_frame().drop(columns="split"), warn_splits=False))
    assert [(f.symbol, f.time[:10], f.severity) for f in found] == [
        ("AAPL", "2000-06-21", "warning"),
        ("AAPL", "2005-02-28", "warning"),
        ("MSFT", "2003-02-18", "warning"),
    ]
