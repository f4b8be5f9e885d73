"""vectorbt's `Data` and its frames, as vectorbt 1.2 makes them: a frame per symbol, times turned to UTC."""

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.errors import DataError

CLOSE = np.array([100.0, 102.0, 101.0])
DAYS = ("2024-03-07", "2024-03-08", "2024-03-11")  # the clocks of New York change on 2024-03-10


class Data:
    """What `vectorbt.Data` has of use here: `data`, `symbols`, `concat` and `get`, behaving as theirs do."""

    def __init__(self, data):
        self.data = data
        self.symbols = list(data)

    def concat(self):
        first = next(iter(self.data.values()))
        if len(self.symbols) == 1:
            return {column: first[column].rename(self.symbols[0]) for column in first.columns}
        return {
            column: pd.DataFrame({s: f[column] for s, f in self.data.items()}).rename_axis(columns="symbol")
            for column in first.columns
        }

    def get(self):
        return next(iter(self.data.values())) if len(self.symbols) == 1 else tuple(self.concat().values())


def frame(index=None, scale=1.0, **more):
    """Return daily bars at midnights of New York, in UTC: 05:00 and, in summer time, 04:00."""
    if index is None:
        index = pd.DatetimeIndex(DAYS, tz="America/New_York", name="Date").tz_convert("UTC")
    close = CLOSE * scale
    columns = {"Open": close - 0.5, "High": close + 1, "Low": close - 1, "Close": close, "Volume": [5.0, 6.0, 7.0]}
    return pd.DataFrame({**columns, **more}, index=index)


def hours():
    return pd.date_range("2024-03-07 10:00", periods=3, freq="h", tz="UTC", name="Open time")


def test_daily_bars_are_dates_of_the_exchange_again():
    data = Data({"IBM": frame(), "GE": frame(scale=2.0)})
    bars = Bars.from_vectorbt(data, tz="America/New_York", session_close="16:00")
    assert bars.symbols == ("IBM", "GE")
    assert [f"{t:%m-%d %H:%M}" for t in bars.index] == ["03-07 21:00", "03-08 21:00", "03-11 20:00"]
    assert bars.close[:, 1].tolist() == [200.0, 204.0, 202.0]
    assert bars == Bars.from_vectorbt(data, calendar="XNYS")


def test_a_zone_that_was_lost_is_asked_for():
    with pytest.raises(DataError, match=r"IBM, row 0, 2024-03-07 05:00:00\+00:00: daily times are midnights.*tz="):
        Bars.from_vectorbt(Data({"IBM": frame()}))
    with pytest.raises(DataError, match=r"IBM, row 0.*daily times are midnights"):
        Bars.from_vectorbt(Data({"IBM": frame()}), tz="Asia/Tokyo")


def test_days_of_utc_are_dates():
    days = pd.date_range("2024-03-07", periods=3, tz="UTC", name="Open time")
    bars = Bars.from_vectorbt(Data({"BTCUSDT": frame(days)}))
    assert [f"{t:%m-%d %H:%M}" for t in bars.index] == ["03-08 00:00", "03-09 00:00", "03-10 00:00"]


def test_other_times_are_opens():
    bars = Bars.from_vectorbt(Data({"BTCUSDT": frame(hours())}))
    assert [f"{t:%H:%M}" for t in bars.index] == ["11:00", "12:00", "13:00"]
    assert Bars.from_vectorbt(Data({"BTCUSDT": frame(hours())}), now="2024-03-07 12:30").n_bars == 2


def test_binance_s_close_time_is_no_column_and_its_numbers_are_extras():
    data = frame(hours(), **{"Close time": hours() + pd.Timedelta("59min 59.999s"), "Number of trades": [1, 2, 3]})
    bars = Bars.from_vectorbt(Data({"BTCUSDT": data}))
    assert set(bars.extras) == {"Number of trades"}
    assert [f"{t:%H:%M:%S}" for t in bars.index] == ["11:00:00", "12:00:00", "13:00:00"]


def test_yahoo_s_frames_follow_yahoo_s_rules():
    actions = {"Dividends": [0.0, 1.0, 0.0], "Stock Splits": [0.0, 0.0, 2.0]}
    adjusted = Bars.from_vectorbt(Data({"IBM": frame(**actions)}), calendar="XNYS")
    assert not adjusted.extras
    both = Data({"IBM": frame(**{"Adj Close": CLOSE}, **actions)})
    traded = Bars.from_vectorbt(both, calendar="XNYS", warn_splits=False)
    assert traded.close[:, 0].tolist() == [200.0, 204.0, 101.0]
    assert traded["dividend"][:, 0].tolist() == [0.0, 2.0, 0.0]
    assert traded["split"][:, 0].tolist() == [1.0, 1.0, 2.0]
    kept = Bars.from_vectorbt(both, calendar="XNYS", as_traded=False)
    assert kept.close[:, 0].tolist() == CLOSE.tolist()


@pytest.mark.parametrize("n", [1, 2])
def test_frames_by_column_and_by_symbol_are_the_same_bars(n):
    data = Data({s: frame(hours(), scale) for s, scale in [("A", 1.0), ("B", 2.0)][:n]})
    bars = Bars.from_vectorbt(data)
    assert bars == Bars.from_vectorbt(data.concat()) == Bars.from_vectorbt(data.data)
    if n == 1:
        assert Bars.from_vectorbt(data, symbol="B").symbols == ("B",)
        assert Bars.from_vectorbt(data.get(), symbol="A") == bars
    else:
        with pytest.raises(DataError, match="symbol = 'X' names one asset, and the columns are of A, B"):
            Bars.from_vectorbt(data, symbol="X")
        with pytest.raises(DataError, match=r"give the object, or concat\(\)"):
            Bars.from_vectorbt(data.get())


def test_days_that_a_symbol_has_not_are_missing_bars():
    index = hours().union(hours()[-1:] + pd.Timedelta("1h"))
    bars = Bars.from_vectorbt(Data({"A": frame(hours()).reindex(index), "B": frame(hours()).reindex(index).bfill()}))
    assert bars.n_bars == 3  # what is empty for all is no bar
    data = frame(hours()).reindex(index)
    data.iloc[3] = [1.0, 2.0, 1.0, 1.5, 9.0]
    bars = Bars.from_vectorbt(Data({"A": data, "B": frame(hours()).reindex(index)}))
    assert np.isnan(bars.close[-1]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data({"X": pd.Series(CLOSE, hours(), name="Close")}), "X: one column, 'Close'; bars need open, high"),
        (pd.Series(CLOSE, hours()), "got Series"),
        ({"A": frame(hours()).drop(columns="High")}, "no column for 'high'"),
        (3, "got int"),
    ],
)
def test_what_holds_no_bars_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        Bars.from_vectorbt(data)


@pytest.mark.filterwarnings("ignore")
def test_the_stand_in_behaves_as_vectorbt_does():
    """Where vectorbt is installed (the benchmarks need it), its own object gives the same bars."""
    vbt = pytest.importorskip("vectorbt")
    given = {"IBM": frame(), "GE": frame(scale=2.0)}
    local = {s: f.tz_convert("America/New_York") for s, f in given.items()}
    theirs = vbt.Data.from_data(local, download_kwargs={})  # it turns the times to UTC
    ours = Data(given)
    assert Bars.from_vectorbt(theirs, calendar="XNYS") == Bars.from_vectorbt(ours, calendar="XNYS")
    assert Bars.from_vectorbt(theirs.concat(), calendar="XNYS") == Bars.from_vectorbt(ours, calendar="XNYS")
    made = vbt.GBMData.download("X", start="2024-01-01", end="2024-01-10", freq="1D", seed=1)
    with pytest.raises(DataError, match="X: one column"):
        Bars.from_vectorbt(made)
