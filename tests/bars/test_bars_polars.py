"""polars frames at the door: columns, dates, zones, nulls, long form, mappings, each as the pandas frame it equals."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.errors import DataError

pl = pytest.importorskip("polars")

DATES = [dt.date(2024, 3, 7), dt.date(2024, 3, 8), dt.date(2024, 3, 11)]
PRICES = {"Open": [1.0, 2.0, 3.0], "High": [2.0, 3.0, 4.0], "Low": [0.5, 1.0, 2.0], "Close": [1.5, 2.5, 3.5]}


def frame(**more):
    return pl.DataFrame({"Date": DATES, **PRICES, "Volume": [10, 20, 30], **more})


def expected(**options):
    data = pd.DataFrame({**PRICES, "Volume": [10, 20, 30]}, index=pd.DatetimeIndex(DATES))
    return Bars.from_frame(data, **options)


def test_dates_and_whole_numbers():
    assert Bars.from_frame(frame(), symbol="A") == expected(symbol="A")
    options = {"session_close": "16:00", "tz": "America/New_York"}
    assert Bars.from_frame(frame(), **options) == expected(**options)
    assert Bars.from_frame(frame(), calendar="XNYS") == expected(calendar="XNYS")


def test_a_null_is_a_missing_value():
    data = frame().with_columns(
        [pl.Series(name, [values[0], None, values[2]]) for name, values in PRICES.items()],
        Volume=pl.Series([10, None, None], dtype=pl.Int64),
        sentiment=pl.Series([None, 0.5, None]),
    )
    bars = Bars.from_frame(data)
    for name in ("open", "high", "low", "close"):
        assert np.isnan(bars[name][:, 0]).tolist() == [False, True, False]
    assert np.isnan(bars.volume[:, 0]).tolist() == [False, True, True]
    assert np.isnan(bars["sentiment"][:, 0]).tolist() == [True, False, True]
    partly = frame().with_columns(High=pl.Series([2.0, None, 4.0]))
    with pytest.raises(DataError, match=r"row 1, 2024-03-08: high = nan: .* all there, or all missing"):
        Bars.from_frame(partly)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_in_a_zone(unit):
    naive = [dt.datetime(2024, 3, 8, 15), dt.datetime(2024, 3, 8, 16), dt.datetime(2024, 3, 11, 16)]
    times = pl.Series(naive, dtype=pl.Datetime(unit)).dt.replace_time_zone("America/New_York")
    bars = Bars.from_frame(frame().drop("Date").with_columns(time=times))
    # 15:00 is 20:00 UTC before the clocks change on 2024-03-10, 16:00 is 20:00 UTC after
    assert [f"{t:%m-%d %H:%M}" for t in bars.index] == ["03-08 20:00", "03-08 21:00", "03-11 20:00"]
    unzoned = frame().drop("Date").with_columns(time=pl.Series(naive, dtype=pl.Datetime(unit)))
    with pytest.raises(DataError, match="intraday times need a zone"):
        Bars.from_frame(unzoned)
    assert Bars.from_frame(unzoned, tz="America/New_York") == bars


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["A", "B"])])
def test_long_form(dtype):
    both = pl.concat([frame(symbol=["A"] * 3), frame(symbol=["B"] * 3)]).with_columns(pl.col("symbol").cast(dtype))
    assert Bars.from_frame(both) == Bars.from_frame({"A": frame(), "B": frame()})
    assert Bars.from_frame(both).symbols == ("A", "B")


def test_a_float_of_32_bits_is_its_own_value():
    data = frame().with_columns(Close=pl.Series([1.1, 2.2, 3.3], dtype=pl.Float32))
    assert Bars.from_frame(data).close[:, 0].tolist() == np.float32([1.1, 2.2, 3.3]).astype(float).tolist()


def test_a_lazy_frame_is_to_be_collected():
    with pytest.raises(DataError, match=r"got a LazyFrame; give frame\.collect\(\)"):
        Bars.from_frame(frame().lazy())
    assert Bars.from_frame(frame().lazy().collect()) == Bars.from_frame(frame())


def test_the_vendor_doors_take_them_too():
    yahoo = frame(**{"Adj Close": [1.5, 2.5, 3.5], "Dividends": [0.0, 0.1, 0.0], "Stock Splits": [0.0, 0.0, 2.0]})
    bars = Bars.from_yfinance(yahoo, warn_splits=False)
    assert bars.close[:, 0].tolist() == [3.0, 5.0, 3.5]


def test_bars_go_back_to_polars():
    bars = Bars.from_frame({"A": frame(), "B": frame()})
    assert Bars.from_frame(pl.from_pandas(bars.to_frame().reset_index())) == bars
