"""The account bar by bar, and returns by day: each value from prices and quantities by hand."""

import numpy as np
import pandas as pd
import pytest
from few_bars import DAY_NS, FLAT, market, play

from backtester import Bars, Instrument, run
from backtester.errors import DataError
from backtester.frames import account_frame, marks_of
from strategies import BuyAndHold

NAN = float("nan")


def flat(price):
    return (price,) * 4


class TestResult:
    def test_the_account_bar_by_bar(self):
        """10 bought at 10 on bar 2 and 4 sold at 14 on bar 5, 1 % commission each, cash 1000."""
        rows = [flat(p) for p in (10, 10, 10, 12, 11, 14, 14)]
        result = play(rows, {1: lambda c: c.order(0, 10), 4: lambda c: c.order(0, -4)}, commission=0.01)
        frame = result.to_frame()
        cash = [1000, 1000, 1000 - 101] + [899] * 2 + [899 + 4 * 14 * 0.99] * 2
        position = [0, 0, 10, 10, 10, 6, 6]
        worth = np.array([0, 0, 100, 120, 110, 84, 84])
        equity = np.array(cash) + worth
        np.testing.assert_allclose(frame["cash"], cash, rtol=1e-12)
        np.testing.assert_allclose(frame["equity"], equity, rtol=1e-12)
        assert frame["position_A0"].tolist() == position
        np.testing.assert_allclose(frame["net_exposure"], worth / equity, rtol=1e-12)
        np.testing.assert_allclose(frame["gross_exposure"], worth / equity, rtol=1e-12)
        np.testing.assert_allclose(frame["returns"].iloc[1:], equity[1:] / equity[:-1] - 1, atol=1e-15)
        assert np.isnan(frame["returns"].iloc[0])
        # highest so far: 1000 three times, then 1019 twice, then a new one
        np.testing.assert_allclose(
            frame["drawdown"], [0, 0, 1 - 999 / 1000, 0, 1 - 1009 / 1019, 0, 0], rtol=1e-9, atol=1e-15
        )
        assert frame.index.equals(result.equity.index)

    def test_a_short_position_has_negative_worth_and_more_cash(self):
        result = play([flat(10), flat(10), flat(10), flat(12)], {1: lambda c: c.order(0, -5)})
        frame = result.to_frame()
        assert frame["cash"].tolist() == [1000, 1000, 1050, 1050]
        assert frame["net_exposure"].tolist() == [0, 0, -50 / 1000, -60 / 990]
        assert frame["gross_exposure"].tolist() == [0, 0, 50 / 1000, 60 / 990]

    def test_a_missing_bar_keeps_its_mark_and_an_asset_not_yet_there_counts_nothing(self):
        rows = [[flat(10), None], [flat(10), None], [flat(12), None], [None, flat(7)], [flat(14), flat(8)]]
        frame = play(rows, {1: lambda c: c.order(0, 10)}).to_frame()
        assert frame["cash"].tolist() == [1000, 1000, 880, 880, 880]  # bought at 12
        assert frame["equity"].tolist() == [1000, 1000, 1000, 1000, 1020]
        assert frame["position_A1"].tolist() == [0] * 5

    def test_a_multiplier_counts(self):
        rows = [flat(10), flat(10), flat(10), flat(11)]
        frame = play(rows, {1: lambda c: c.order(0, 3)}, leverage=10.0, multiplier=50.0).to_frame()
        assert frame["equity"].tolist() == [1000, 1000, 1000, 1150]
        assert frame["gross_exposure"].tolist() == [0, 0, 1.5, 1650 / 1150]
        assert frame["cash"].tolist() == [1000, 1000, -500, -500]

    def test_exposure_of_nothing_is_not_known(self):
        """100 bought at 100 with 10 times leverage are worth nothing more when the price is 90: equity 0."""
        frame = play([flat(100)] * 3 + [flat(90)], {1: lambda c: c.order(0, 100)}, leverage=10.0).to_frame()
        assert frame["equity"].iloc[-1] == 0.0
        assert np.isnan(frame["net_exposure"].iloc[-1])
        assert frame["drawdown"].iloc[-1] == 1.0

    @pytest.mark.parametrize(
        ("settlement", "cash", "equity"),
        [
            # 10 at 10 EUR with 2 cost 200 USD; then 10·12·2.5 = 300, and 10·12·4 = 480
            ("convert", [800, 800, 800], [1100, 1100, 1280]),
            # the debt of 100 EUR is 250, then 400
            ("keep", [750, 750, 600], [1050, 1050, 1080]),
        ],
    )
    def test_another_currency_is_told_in_that_of_the_account(self, settlement, cash, equity):
        """The pair has no bar in the fourth row: its last rate stays."""
        rate = [flat(2.0), flat(2.0), (2.0, 2.5, 2.0, 2.5), None, flat(4.0)]
        price = [flat(10), flat(10), (10, 12, 10, 12), flat(12), flat(12)]
        rows = [list(pair) for pair in zip(price, rate, strict=True)]
        euro = {"instruments": [Instrument("A0", currency="EUR")], "currency": "USD", "fx": {"EUR": "A1"}}
        frame = play(rows, {1: lambda c: c.order(0, 10)}, settlement=settlement, **euro).to_frame()
        assert frame["equity"].tolist() == [1000, 1000, *equity]
        np.testing.assert_allclose(frame["cash"], [1000, 1000, *cash], rtol=1e-14)
        np.testing.assert_allclose(
            frame["net_exposure"].iloc[2:], [300 / equity[0], 300 / equity[1], 480 / equity[2]], rtol=1e-14
        )

    def test_an_inverse_pair(self):
        """1/2 USD for a EUR at 2, 0.3125 at 3.2: 10 at 10 EUR cost 50, and are worth 37.5 at 12."""
        rows = [[flat(10), flat(2.0)]] * 3 + [[flat(12), flat(3.2)]]
        euro = {"instruments": [Instrument("A0", currency="EUR")], "currency": "USD", "fx": {"EUR": "1/A1"}}
        frame = play(rows, {1: lambda c: c.order(0, 10)}, **euro).to_frame()
        assert frame["cash"].tolist() == [1000, 1000, 950, 950]
        assert frame["equity"].tolist() == [1000, 1000, 1000, 987.5]

    def test_positions_are_in_the_units_of_their_bar(self):
        """10 at 10 are 20 at 5 after 2 for 1."""
        rows = [flat(10)] * 4 + [flat(5)] * 2
        frame = play(rows, {1: lambda c: c.order(0, 10)}, events={"split": {4: 2.0}}).to_frame()
        assert frame["position_A0"].tolist() == [0, 0, 10, 10, 20, 20]
        assert frame["cash"].tolist() == [1000, 1000, 900, 900, 900, 900]
        assert frame["gross_exposure"].tolist() == [0, 0, 0.1, 0.1, 0.1, 0.1]

    def test_a_mark_that_is_carried_over_a_split_is_in_new_units(self):
        """The last close is 12; the split of 4 for 1 falls on a day without a bar: 3 a unit there, of 40 units."""
        split, close = np.array([1.0, 4.0, NAN, 1.0]), np.array([12.0, NAN, NAN, 3.5])
        bars = Bars.from_arrays(DAY_NS * np.arange(1, 5), *[close] * 4, extras={"split": split})
        assert marks_of(bars)[:, 0].tolist() == [12.0, 3.0, 3.0, 3.5]
        held, equity = np.array([[10.0], [40.0], [40.0], [40.0]]), np.array([200.0, 200.0, 200.0, 220.0])
        frame = account_frame(equity, np.array([0.0, 0.0, 0.1]), held, np.ones(1), bars)
        assert frame["cash"].tolist() == [80.0] * 4
        assert frame["net_exposure"].tolist() == [0.6, 0.6, 0.6, 140 / 220]

    def test_the_metrics_say_the_same(self):
        result = run(BuyAndHold(), Bars.sample("stocks").adjusted(), cash=10_000)
        frame = result.to_frame()
        assert frame["drawdown"].max() == pytest.approx(result.metrics["max_drawdown"], rel=1e-12)
        assert (frame["gross_exposure"] > 0).mean() == pytest.approx(result.metrics["exposure_time"])
        cost = (result.fills["quantity"] * result.fills["price"] + result.fills["commission"]).sum()
        assert frame["cash"].iloc[-1] == pytest.approx(10_000 - cost, abs=1e-6)


class TestDailyReturns:
    def test_a_daily_bar_is_a_day(self):
        result = play([FLAT, FLAT, flat(10), flat(11), flat(13.2)], {1: lambda c: c.order(0, 100)})
        daily = result.daily_returns
        assert daily.index.tolist() == list(pd.date_range("1970-01-02", periods=4))  # bar t is of the day t
        assert daily.tolist() == pytest.approx(result.returns.tolist(), rel=1e-13)
        assert daily.tolist() == pytest.approx([0, 0, 0.1, 0.2], rel=1e-13)
        assert daily.index.tz is None

    def test_bars_within_a_day_compound(self):
        """A day's return runs from the last bar of the day before; that of the first day from its first bar."""
        prices = [10, 10, 11, 13, 9, 10]
        hours = ["07 10:00", "07 11:00", "07 12:00", "08 10:00", "08 11:00", "11 10:00"]
        times = pd.DatetimeIndex([f"2024-03-{hour}" for hour in hours])
        bars = Bars.from_arrays(times.to_numpy(), *[prices] * 4)
        result = run(BuyAndHold(), bars, cash=1000)
        equity = result.equity.to_numpy()
        ends = equity[[0, 2, 4, 5]]
        np.testing.assert_allclose(result.daily_returns, ends[1:] / ends[:-1] - 1, rtol=1e-13)
        assert [f"{d:%m-%d}" for d in result.daily_returns.index] == ["03-07", "03-08", "03-11"]
        assert (1 + result.daily_returns).prod() == pytest.approx(equity[-1] / equity[0], rel=1e-14)


class TestBars:
    def bars(self):
        return market([[flat(10), flat(20)], [flat(11), None], [flat(12), flat(22)]])

    def test_an_array_of_the_bars(self):
        bars = self.bars()
        frame = bars.frame(bars.close * 2)
        assert frame.columns.tolist() == ["A0", "A1"]
        assert frame.index.equals(bars.index)
        assert frame["A0"].tolist() == [20.0, 22.0, 24.0]
        assert np.isnan(frame.loc[frame.index[1], "A1"])
        assert bars.frame("close").equals(bars.frame(bars.close))
        frame.iloc[0, 0] = 7.0  # a copy: the bars are read-only, the frame is the user's
        assert bars.close[0, 0] == 10.0

    def test_one_value_for_all(self):
        assert self.bars().frame([1, 2, 3])["A1"].tolist() == [1, 2, 3]

    def test_several_by_name(self):
        bars = self.bars()
        frame = bars.frame({"close": bars.close, "up": bars.close > bars.open})
        assert frame.columns.tolist() == [("close", "A0"), ("close", "A1"), ("up", "A0"), ("up", "A1")]
        assert frame["close"].equals(bars.frame("close"))

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.ones((2, 2)), r"the array has shape \(2, 2\); bars have \(3, 2\)"),
            (np.ones((3, 3)), r"shape \(3, 3\)"),
            ("clsoe", "did you mean 'close'"),
            ({}, "empty mapping"),
        ],
    )
    def test_what_is_not_of_these_bars_is_refused(self, values, message):
        with pytest.raises(DataError, match=message):
            self.bars().frame(values)


def test_findings_and_metrics_are_frames_by_pandas_alone(tmp_path):
    from backtester.bars.check import report

    (tmp_path / "x.csv").write_text("Date,Open,High,Low,Close\n2024-03-07,1,2,1,1\n2024-03-08,5,2,1,1\n")
    found = pd.DataFrame(report(tmp_path / "x.csv"))
    assert found[["row", "column", "value", "severity"]].values.tolist() == [[1, "open", 5.0, "error"]]
    assert "sharpe" in run(BuyAndHold(), Bars.sample("sp500")).metrics.to_frame().index
