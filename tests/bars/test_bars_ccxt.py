"""Rows of ccxt as `fetch_ohlcv` returns them: labelled by the open in ms, the last bar under way."""

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.errors import DataError

HOUR_MS = 3_600_000
BEGIN = 1_717_236_000_000  # 2024-06-01T10:00:00Z


def rows(n=4, step=HOUR_MS):
    return [[BEGIN + i * step, 100.0 + i, 101.0 + i, 99.0 + i, 100.5 + i, 10.0 + i] for i in range(n)]


def closes(bars):
    return [f"{t:%m-%d %H:%M}" for t in bars.index]


def test_a_bar_closes_its_timeframe_after_its_open():
    bars = Bars.from_ccxt(rows(), timeframe="1h", symbol="BTC/USDT", now=None)
    assert bars.symbols == ("BTC/USDT",)
    assert closes(bars) == ["06-01 11:00", "06-01 12:00", "06-01 13:00", "06-01 14:00"]
    assert bars.open[:, 0].tolist() == [100.0, 101.0, 102.0, 103.0]
    assert bars.high[0, 0] == 101.0
    assert bars.low[0, 0] == 99.0
    assert bars.close[0, 0] == 100.5
    assert bars.volume[:, 0].tolist() == [10.0, 11.0, 12.0, 13.0]


def test_the_bar_under_way_is_left_out():
    # the last bar opens at 13:00 and is over at 14:00, which is 4 hours after the first opened
    over = BEGIN + 4 * HOUR_MS
    assert Bars.from_ccxt(rows(), timeframe="1h", now=over - 1).n_bars == 3
    assert Bars.from_ccxt(rows(), timeframe="1h", now=over).n_bars == 4
    assert Bars.from_ccxt(rows(), timeframe="1h", now="2024-06-01T13:30Z").n_bars == 3
    assert Bars.from_ccxt(rows(), timeframe="1h").n_bars == 4  # the present is later


def test_the_present_is_now_unless_it_is_said():
    shift = (pd.Timestamp.now("UTC").floor("h").value // 1_000_000) - rows()[-1][0]  # the last bar has just begun
    live = [[row[0] + shift, *row[1:]] for row in rows()]
    assert Bars.from_ccxt(live, timeframe="1h").n_bars == 3
    assert Bars.from_ccxt(live, timeframe="1h", now=None).n_bars == 4


def test_two_bars_under_way_are_a_mistake():
    with pytest.raises(DataError, match=r"row 2, 2024-06-01 12:00:00.*2 bars close after now"):
        Bars.from_ccxt(rows(), timeframe="1h", now=BEGIN + 2 * HOUR_MS)


def test_without_a_timeframe_the_most_frequent_step_is_the_length():
    gap = rows(6)
    del gap[2]
    assert closes(Bars.from_ccxt(gap))[1:3] == ["06-01 12:00", "06-01 14:00"]


@pytest.mark.parametrize(
    ("timeframe", "step", "second"),
    [("1m", 60_000, "06-01 10:02"), ("4h", 4 * HOUR_MS, "06-01 18:00"), ("1w", 168 * HOUR_MS, "06-15 10:00")],
)
def test_timeframes_of_every_unit(timeframe, step, second):
    assert closes(Bars.from_ccxt(rows(3, step), timeframe=timeframe))[1] == second


@pytest.mark.parametrize("values", [tuple, list, np.array])
def test_rows_may_be_of_any_kind(values):
    assert Bars.from_ccxt([values(row) for row in rows()]) == Bars.from_ccxt(rows())
    assert Bars.from_ccxt(np.array(rows())) == Bars.from_ccxt(rows())


def test_several_symbols_are_on_one_clock():
    bars = Bars.from_ccxt({"BTC/USDT": rows(4), "ETH/USDT": rows(3)}, timeframe="1h", now=None)
    assert bars.symbols == ("BTC/USDT", "ETH/USDT")
    assert np.isnan(bars.close[3]).tolist() == [False, True]


def test_rows_under_their_timeframe():
    nested = {"BTC/USDT": {"1h": rows()}, "ETH/USDT": {"1h": rows()}}
    flat = {"BTC/USDT": rows(), "ETH/USDT": rows()}
    assert Bars.from_ccxt(nested) == Bars.from_ccxt(flat, timeframe="1h")
    both = {"BTC/USDT": {"1h": rows(), "4h": rows(4, 4 * HOUR_MS)}}
    assert Bars.from_ccxt(both, timeframe="4h").n_bars == 4
    with pytest.raises(DataError, match="BTC/USDT: timeframes 1h, 4h; say which with timeframe="):
        Bars.from_ccxt(both)


def test_what_the_exchange_does_not_know_is_missing():
    data = rows()
    data[1][5] = None
    data[2][1:] = [None] * 5
    bars = Bars.from_ccxt(data)
    assert np.isnan(bars.volume[:, 0]).tolist() == [False, True, True, False]
    assert np.isnan(bars.close[:, 0]).tolist() == [False, False, True, False]


def test_a_count_of_trades_is_left_out():
    assert Bars.from_ccxt([[*row, 7] for row in rows()]) == Bars.from_ccxt(rows())


class TestFunding:
    def entry(self, hours, rate, late=0):
        return {"symbol": "BTC/USDT:USDT", "timestamp": BEGIN + int(hours * HOUR_MS) + late, "fundingRate": rate}

    def test_a_rate_is_in_the_bar_that_opens_then(self):
        """Exchanges are some ms late; a rate from before the first bar, and from after the last, is in none."""
        given = [self.entry(-1, 9.0), self.entry(0, 0.001), self.entry(2, -0.002, late=4), self.entry(4, 9.0)]
        for timeframe in ("1h", None):
            bars = Bars.from_ccxt(rows(), timeframe=timeframe, funding=given)
            assert bars["funding"][:, 0].tolist() == [0.001, 0.0, -0.002, 0.0]

    def test_rates_within_a_bar_add_up(self):
        given = [self.entry(h, 0.001 * (h + 1)) for h in (0, 8, 16, 24)]
        bars = Bars.from_ccxt(rows(2, 24 * HOUR_MS), timeframe="1d", funding=given)
        assert bars["funding"][:, 0] == pytest.approx([0.001 + 0.009 + 0.017, 0.025])

    def test_rows_that_are_sorted_here_keep_their_rates(self):
        given = [self.entry(1, 0.5)]
        backwards = Bars.from_ccxt(rows()[::-1], timeframe="1h", funding=given, sort=True)
        assert backwards == Bars.from_ccxt(rows(), timeframe="1h", funding=given)

    def test_each_symbol_has_its_own(self):
        both = {"A": rows(), "B": rows()}
        bars = Bars.from_ccxt(both, funding={"B": [self.entry(1, 0.5)]})
        assert bars["funding"].tolist() == [[0, 0], [0, 0.5], [0, 0], [0, 0]]
        with pytest.raises(DataError, match="funding of several assets is a mapping of symbol to entries"):
            Bars.from_ccxt(both, funding=[self.entry(1, 0.5)])
        with pytest.raises(DataError, match="there is no 'b' among the rows"):
            Bars.from_ccxt(both, funding={"b": []})

    @pytest.mark.parametrize("wrong", [{"timestamp": BEGIN}, {"timestamp": BEGIN, "fundingRate": None}, 3, [1, 2]])
    def test_what_is_no_entry_is_refused(self, wrong):
        with pytest.raises(DataError, match=r"row 1: funding = .*a timestamp in ms and a fundingRate"):
            Bars.from_ccxt(rows(), funding=[self.entry(0, 0.1), wrong])
        with pytest.raises(DataError, match="give what fetch_funding_rate_history returned"):
            Bars.from_ccxt(rows(), funding=7)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([], {}, "no rows; the exchange returned nothing"),
        ({}, {}, "an empty mapping"),
        ({"BTC/USDT": []}, {}, "BTC/USDT: no rows"),
        ("rows", {}, "got str; give the rows of fetch_ohlcv"),
        (pd.DataFrame(rows()), {}, r"got DataFrame.*Bars\.from_frame\(frame, label='open'\)"),
        ([[1, 2]], {}, r"row 0: found '\[1, 2\]': a row is \[ms, open"),
        (rows(), {"timeframe": "1hour"}, "timeframe = '1hour': write it as ccxt does"),
        (rows(), {"timeframe": "1M"}, r"'1M' has no fixed length.*resample\('1ME'\)"),
        (rows(4, 300_000), {"timeframe": "1h"}, r"row 1, 2024-06-01T10:05:00Z: a bar of 1h cannot begin 5 minutes"),
        (rows()[::-1], {"timeframe": "1h"}, "newest first"),
        ([*rows(), rows()[-1]], {"timeframe": "1h"}, "times must be unique"),
        ({"A": rows()}, {"symbol": "B"}, "symbol = 'B' beside a mapping"),
        ([[row[0] // 1000, *row[1:]] for row in rows()], {}, r"time = 1717236000: .*Are they seconds"),
        (rows(), {"timeframe": "1h", "bar_length": "2h"}, "timeframe = '1h' beside bar_length = '2h'"),
        (rows(), {"timefame": "1h"}, "no option 'timefame'"),
    ],
)
def test_what_does_not_fit_is_refused(given, options, message):
    with pytest.raises(DataError, match=message):
        Bars.from_ccxt(given, **options)
