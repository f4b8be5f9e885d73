"""Frames of yfinance as they come (the shapes of yfinance 1.7): columns, levels, zones, splits, dividends.

The market is by hand. A share trades at 400, 404 and 408, then is split 4 for 1 and trades at 103; a dividend of 4 per
old share goes ex on the second day, and one of 0.5 per new share on the last. Yahoo shows all of it per new share.
"""

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.bars.check import DataWarning
from backtester.errors import DataError

DAYS = ["2024-06-05", "2024-06-06", "2024-06-07", "2024-06-10", "2024-06-11"]
CLOSE = np.array([400.0, 404.0, 408.0, 103.0, 104.0])  # as traded
VOLUME = np.array([1000.0, 1100.0, 1200.0, 4400.0, 5000.0])
DIVIDEND = np.array([0.0, 4.0, 0.0, 0.0, 0.5])
SPLIT = np.array([1.0, 1.0, 1.0, 4.0, 1.0])
PER_NEW = np.array([4.0, 4.0, 4.0, 1.0, 1.0])  # new shares that one share of the day became
#: what an owner's share is worth at the end, dividends put back in: one factor for each dividend that follows
LATER = (1 - 4.0 / 400.0) * (1 - 0.5 / 103.0)
TOTAL = np.array([LATER, 1 - 0.5 / 103.0, 1 - 0.5 / 103.0, 1 - 0.5 / 103.0, 1.0])


def yahoo(auto_adjust=False, actions=True, index=None):
    """Return what `Ticker.history` would: in shares of today, at midnights of New York."""
    close = CLOSE / PER_NEW
    frame = pd.DataFrame(
        {
            "Open": close - 0.5,
            "High": close + 1.0,
            "Low": close - 1.0,
            "Close": close,
            "Adj Close": close * TOTAL,
            "Volume": (VOLUME * PER_NEW).astype(np.int64),
            "Dividends": DIVIDEND / PER_NEW,
            "Stock Splits": np.where(SPLIT == 1.0, 0.0, SPLIT),
        },
        index=pd.DatetimeIndex(DAYS, tz="America/New_York", name="Date") if index is None else index,
    )
    if auto_adjust:  # as yfinance.utils.auto_adjust: all four by the ratio, and the adjusted close in the close's place
        ratio = frame["Adj Close"] / frame["Close"]
        for name in ("Open", "High", "Low"):
            frame[name] *= ratio
        frame["Close"] = frame.pop("Adj Close")
    return frame if actions else frame.drop(columns=["Dividends", "Stock Splits"])


def downloaded(group_by="column", tickers=("ACME", "OTHER"), **options):
    """Return what `yfinance.download` would: naive dates, two levels named Price and Ticker, sorted by price."""
    one = yahoo(**options)
    one.index = one.index.tz_localize(None)
    one = one.astype(float)  # as it is where one symbol has a day that another has not
    data = pd.concat([one] * len(tickers), axis=1, keys=tickers, names=["Ticker", "Price"])
    if group_by == "column":
        data.columns = data.columns.swaplevel(0, 1)
        data = data.sort_index(level=0, axis=1)
    return data


class TestPricesAsTraded:
    def test_prices_volume_and_dividends_are_per_share_of_the_day(self):
        bars = Bars.from_yfinance(yahoo(), symbol="ACME", calendar="XNYS")
        np.testing.assert_allclose(bars.close[:, 0], CLOSE, rtol=1e-15)
        np.testing.assert_allclose(bars.open[:, 0], CLOSE - 0.5 * PER_NEW, rtol=1e-15)
        np.testing.assert_allclose(bars.high[:, 0], CLOSE + PER_NEW, rtol=1e-15)
        np.testing.assert_allclose(bars.low[:, 0], CLOSE - PER_NEW, rtol=1e-15)
        np.testing.assert_allclose(bars.volume[:, 0], VOLUME, rtol=1e-15)
        np.testing.assert_allclose(bars["dividend"][:, 0], DIVIDEND, rtol=1e-15)
        assert bars["split"][:, 0].tolist() == SPLIT.tolist()
        assert set(bars.extras) == {"split", "dividend", "adj_close"}

    def test_an_owner_earns_what_yahoo_says(self):
        """One share of the first day, dividends put into more shares: its growth is that of the adjusted close."""
        bars = Bars.from_yfinance(yahoo(), symbol="ACME")
        shares = 1.0
        for t in range(1, 5):
            shares *= bars["split"][t, 0]
            before = bars.close[t - 1, 0] / bars["split"][t, 0]  # the last close, per share of today
            shares /= 1 - bars["dividend"][t, 0] / before
        grown = shares * bars.close[-1, 0] / bars.close[0, 0]
        adjusted = bars["adj_close"][:, 0]
        assert grown == pytest.approx(adjusted[-1] / adjusted[0], rel=1e-14)
        np.testing.assert_allclose(bars.adjusted().close[:, 0], adjusted, rtol=1e-14)

    def test_two_splits_multiply_and_one_on_the_first_day_is_behind(self):
        frame = yahoo()
        frame["Stock Splits"] = [10.0, 0.0, 2.0, 3.0, 0.0]
        bars = Bars.from_yfinance(frame, symbol="ACME", warn_splits=False)
        factor = np.array([6.0, 6.0, 3.0, 1.0, 1.0])  # 2·3 before both, 3 between them; 10 was before all of it
        np.testing.assert_allclose(bars.close[:, 0], frame["Close"].to_numpy() * factor, rtol=1e-15)
        assert bars["split"][:, 0].tolist() == [10.0, 1.0, 2.0, 3.0, 1.0]

    def test_a_reverse_split(self):
        frame = yahoo()
        frame["Stock Splits"] = [0.0, 0.0, 0.0, 0.1, 0.0]
        bars = Bars.from_yfinance(frame, symbol="ACME", warn_splits=False)
        np.testing.assert_allclose(bars.close[:3, 0], frame["Close"].to_numpy()[:3] / 10, rtol=1e-15)
        np.testing.assert_allclose(bars.volume[:3, 0], frame["Volume"].to_numpy()[:3] * 10, rtol=1e-15)

    def test_a_split_that_the_column_tells_of_is_no_surprise(self):
        """The open falls from 408 to 102.5, and no warning comes (warnings are errors); without the column one does."""
        frame = pd.concat([yahoo()] * 4)
        frame.index = pd.date_range("2024-06-03", periods=20, name="Date")
        frame["Stock Splits"] = np.where(np.arange(20) == 13, 4.0, 0.0)
        frame[["Open", "High", "Low", "Close"]] = [[99.5, 101.0, 99.0, 100.0]] * 20
        bars = Bars.from_yfinance(frame, symbol="ACME")
        assert bars.close[12:14, 0].tolist() == [400.0, 100.0]
        with pytest.warns(DataWarning, match="unadjusted 4 for 1 split"):
            Bars.from_frame(bars.to_frame().drop(columns="split"))
        Bars.from_frame(bars.to_frame())
        calm = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 100.0), frame.index)
        with pytest.warns(DataWarning, match="split = 4.0: .* look adjusted for it already"):
            Bars.from_frame(calm.assign(split=bars["split"][:, 0]))

    def test_yahoo_s_own_shares_on_request(self):
        bars = Bars.from_yfinance(yahoo(), symbol="ACME", as_traded=False)
        np.testing.assert_allclose(bars.close[:, 0], CLOSE / PER_NEW, rtol=1e-15)
        np.testing.assert_allclose(bars["dividend"][:, 0], [0, 1, 0, 0, 0.5], rtol=1e-15)
        assert "split" not in bars.extras


class TestAdjustedForAll:
    def test_nothing_is_left_to_pay_or_to_split(self):
        bars = Bars.from_yfinance(yahoo(auto_adjust=True), symbol="ACME")
        np.testing.assert_allclose(bars.close[:, 0], CLOSE / PER_NEW * TOTAL, rtol=1e-15)
        assert not bars.extras

    def test_back_adjust_leaves_a_close_outside_its_bar_which_is_refused(self):
        frame = yahoo()
        ratio = frame.pop("Adj Close") / frame["Close"]
        for name in ("Open", "High", "Low"):
            frame[name] *= ratio * 0.9
        with pytest.raises(DataError, match="do all columns have the same adjustment"):
            Bars.from_yfinance(frame, symbol="ACME")

    def test_without_actions_there_are_only_prices(self):
        assert not Bars.from_yfinance(yahoo(auto_adjust=True, actions=False)).extras
        assert set(Bars.from_yfinance(yahoo(actions=False)).extras) == {"adj_close"}


class TestShapes:
    def test_both_orders_of_levels_are_the_same_bars(self):
        one, other = (Bars.from_yfinance(downloaded(group_by)) for group_by in ("column", "ticker"))
        assert one.symbols == ("ACME", "OTHER")
        assert one == other
        np.testing.assert_allclose(one.close[:, 1], CLOSE, rtol=1e-15)

    def test_one_ticker_has_two_levels_too_and_one_level_on_request(self):
        two = Bars.from_yfinance(downloaded(tickers=("ACME",)))
        flat = Bars.from_yfinance(downloaded(tickers=("ACME",)).droplevel("Ticker", axis=1), symbol="ACME")
        assert two.symbols == ("ACME",)
        assert two == flat
        assert Bars.from_yfinance(downloaded(tickers=("ACME",)), symbol="MINE").symbols == ("MINE",)

    def test_one_name_for_two_symbols_is_refused(self):
        with pytest.raises(DataError, match="symbol = 'X' names one asset, and the columns are of ACME, OTHER"):
            Bars.from_yfinance(downloaded(), symbol="X")

    def test_a_mapping_of_histories_in_zones_of_their_own(self):
        tokyo = yahoo(index=pd.DatetimeIndex(DAYS, tz="Asia/Tokyo", name="Date"))
        bars = Bars.from_yfinance({"ACME": yahoo(), "7203.T": tokyo}, calendar={"ACME": "XNYS", "7203.T": "XTKS"})
        assert bars.symbols == ("ACME", "7203.T")
        assert f"{bars.index[0]:%m-%d %H:%M}, {bars.index[1]:%m-%d %H:%M}" == "06-05 06:00, 06-05 20:00"

    def test_each_symbol_has_its_own_days(self):
        """A download has the days of all for each; what is empty on a holiday of New York is no bar there."""
        data = downloaded()
        holiday = data.iloc[[-1]].set_axis(pd.DatetimeIndex(["2024-06-19"], name="Date"), axis=0)
        holiday.loc[:, (slice(None), "ACME")] = np.nan
        bars = Bars.from_yfinance(pd.concat([data, holiday]), calendar={"ACME": "XNYS", "OTHER": "24/7"})
        assert np.isnan(bars.close[-1]).tolist() == [True, False]

    def test_a_day_with_a_dividend_and_no_price_is_kept(self):
        frame = yahoo()
        frame.iloc[1, :6] = np.nan
        bars = Bars.from_yfinance(frame, symbol="ACME")
        assert bars.n_bars == 5
        assert np.isnan(bars.close[1, 0])
        assert bars["dividend"][1, 0] == 4.0

    def test_a_symbol_without_one_price_is_refused(self):
        data = downloaded()
        data.loc[:, (slice(None), "OTHER")] = np.nan
        with pytest.raises(DataError, match="OTHER: there is not one price; did the download fail"):
            Bars.from_yfinance(data)

    def test_the_index_may_have_become_a_column(self):
        frame = yahoo()
        assert Bars.from_yfinance(frame.reset_index()) == Bars.from_yfinance(frame)
        text = frame.reset_index().astype({"Date": str})  # as a file has them, with their offset
        assert Bars.from_yfinance(text) == Bars.from_yfinance(frame)
        with pytest.raises(DataError, match="row 0: Date = 'soon'"):
            Bars.from_yfinance(frame.reset_index().assign(Date="soon"))
        with pytest.raises(DataError, match="the index is no DatetimeIndex"):
            Bars.from_yfinance(frame.reset_index(drop=True))

    def test_what_repair_adds_is_left_out(self):
        assert set(Bars.from_yfinance(yahoo().assign(**{"Repaired?": False})).extras) == {
            "split",
            "dividend",
            "adj_close",
        }

    def test_newest_first_needs_sort_as_everywhere(self):
        with pytest.raises(DataError, match="newest first"):
            Bars.from_yfinance(yahoo()[::-1])
        assert Bars.from_yfinance(yahoo()[::-1], sort=True) == Bars.from_yfinance(yahoo())


class TestTimes:
    def test_a_date_closes_when_the_exchange_does(self):
        bars = Bars.from_yfinance(yahoo(), session_close="16:00")
        assert bars == Bars.from_yfinance(yahoo(), calendar="XNYS")
        assert f"{bars.index[0]:%m-%d %H:%M}" == "06-05 20:00"
        assert f"{Bars.from_yfinance(yahoo()).index[0]:%m-%d %H:%M}" == "06-06 04:00"  # else at midnight there

    def test_other_times_are_opens(self):
        opens = ["2024-06-07 13:30", "2024-06-07 14:30", "2024-06-07 15:30", "2024-06-10 09:30", "2024-06-10 10:30"]
        frame = yahoo(auto_adjust=True, index=pd.DatetimeIndex(opens, tz="America/New_York", name="Datetime"))
        bars = Bars.from_yfinance(frame, calendar="XNYS")
        local = bars.index.tz_convert("America/New_York")
        assert [f"{t:%H:%M}" for t in local] == ["14:30", "15:30", "16:00", "10:30", "11:30"]

    def test_today_s_bar_is_left_out_until_it_is_over(self):
        frame = yahoo()
        during = Bars.from_yfinance(frame, calendar="XNYS", now="2024-06-11 19:59:59")
        assert during.n_bars == 4
        np.testing.assert_allclose(during.close[:, 0], CLOSE[:4], rtol=1e-15)
        assert Bars.from_yfinance(frame, calendar="XNYS", now="2024-06-11 20:00").n_bars == 5

    def test_the_present_is_now_unless_it_is_said(self):
        ahead = pd.Timestamp.now("UTC").normalize() + pd.Timedelta(days=2)
        index = pd.DatetimeIndex([*DAYS[:4], ahead.tz_localize(None)], name="Date")
        assert Bars.from_yfinance(yahoo(index=index)).n_bars == 4
        assert Bars.from_yfinance(yahoo(index=index), now=None).n_bars == 5

    def test_weeks_are_refused_as_dates(self):
        weeks = yahoo(index=pd.date_range("2024-05-06", periods=5, freq="7D", tz="America/New_York", name="Date"))
        with pytest.raises(DataError, match=r"the bars are 7 days long.*bars\.resample\('1W'\)"):
            Bars.from_yfinance(weeks)
        bars = Bars.from_yfinance(weeks, label="open")
        assert f"{bars.index.tz_convert('America/New_York')[0]:%m-%d %H:%M}" == "05-13 00:00"


class TestEvents:
    def test_naming_extras_does_not_lose_them(self):
        bars = Bars.from_yfinance(yahoo().assign(sentiment=0.5, noise=1.0), extras=["sentiment"])
        assert set(bars.extras) == {"sentiment", "split", "dividend"}

    def test_a_column_of_that_name_is_not_overwritten(self):
        with pytest.raises(DataError, match="a column 'split' already"):
            Bars.from_yfinance(yahoo().assign(split=1.0))

    def test_a_switch_is_true_or_false(self):
        with pytest.raises(DataError, match="as_traded = 'yes': write True or False"):
            Bars.from_yfinance(yahoo(), as_traded="yes")

    @pytest.mark.parametrize("column", ["Dividends", "Stock Splits"])
    def test_what_cannot_be_is_refused(self, column):
        frame = yahoo()
        frame.loc[frame.index[2], column] = -1.0
        with pytest.raises(DataError, match=rf"ACME, row 2, 2024-06-07 .*{column} = -1.0"):
            Bars.from_yfinance(frame, symbol="ACME")

    def test_capital_gains_are_paid_where_yfinance_has_told_them_apart(self):
        gains = yahoo().assign(**{"Capital Gains": [0.0, 0.25, 0.0, 0.0, 0.0]})
        with pytest.raises(DataError, match=r"row 1, .*Capital Gains = 0\.25: .*paid twice.*repair=True"):
            Bars.from_yfinance(gains)
        bars = Bars.from_yfinance(gains.assign(**{"Repaired?": [True, True, False, False, False]}))
        assert bars["dividend"][1, 0] == 5.0  # 4, and 0.25 per new share, of which there are 4
        none = yahoo().assign(**{"Capital Gains": 0.0})
        assert Bars.from_yfinance(none) == Bars.from_yfinance(yahoo())
        assert not Bars.from_yfinance(yahoo(auto_adjust=True).assign(**{"Capital Gains": 0.25})).extras


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # yfinance 1.7 under pandas 3.1
def test_yfinance_adjusts_as_the_fixture_does():
    """The fixture's `auto_adjust` beside theirs."""
    utils = pytest.importorskip("yfinance").utils
    pd.testing.assert_frame_equal(utils.auto_adjust(yahoo())[list(yahoo(auto_adjust=True))], yahoo(auto_adjust=True))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({}, "an empty mapping"),
        ([1, 2], "got list; give a DataFrame"),
        ({"ACME": yahoo()["Close"]}, "ACME: one column, 'Close'; bars need open, high, low and close"),
        (yahoo()[["Close", "Volume"]], "no column for 'open'"),
    ],
)
def test_what_is_no_frame_of_prices_is_refused(frame, message):
    with pytest.raises(DataError, match=message):
        Bars.from_yfinance(frame)
