"""Limits near the market through the splits of AAPL and MSFT in the sample `stocks`, in both modes (rule 29).

Whether they are filled, and at what price, turns on the split. Beside them a unit of each held to the end, against a
list of dividends written down here, and the benchmark.
"""

import math

import numpy as np
import pytest

from backtester import Bars, Strategy, run

STOCKS = Bars.sample("stocks")
MODES = ["interpreted", "compiled"]

# symbol, first and last session, that of the split; a limit to buy that is far below the market but above what is
# quoted after the split; a limit to sell that is above all highs before the split, and of which the half is between
# open and high on its day
SPLITS = {
    "AAPL 2000": ("AAPL", "2000-06-15", "2000-06-27", "2000-06-21", 70.0, 110.0),
    "AAPL 2005": ("AAPL", "2005-02-22", "2005-03-04", "2005-02-28", 60.0, 90.0),
    "MSFT 2003": ("MSFT", "2003-02-11", "2003-02-25", "2003-02-18", 40.0, 49.6),
}


class Rest(Strategy):
    """Buys 10 at bar 1, and lets limit orders for 4 and −4 rest until they are filled."""

    to_buy: float = math.nan
    to_sell: float = math.nan
    warmup = 1

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, 10.0)
            if not math.isnan(self.to_buy):
                ctx.limit(0, 4.0, self.to_buy)
            if not math.isnan(self.to_sell):
                ctx.limit(0, -4.0, self.to_sell)


class Hold(Strategy):
    """Buys one unit of each at bar 1."""

    warmup = 1

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, 1.0)
            ctx.order(1, 1.0)


def days_of(bars):
    return [str(day) for day in bars.sessions.view("M8[D]")]


def around(case):
    """Return the bars of one symbol around its split, and the row of the split."""
    symbol, first, last, day = case[:4]
    bars = STOCKS.select(symbol)[first:last]
    return bars, days_of(bars).index(day)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", SPLITS.values(), ids=SPLITS)
def test_a_resting_limit_is_halved_and_twice_as_many_units(case, mode):
    """Unadjusted, the limit to buy would be filled at the open of the split's day, half of the close before."""
    bars, row = around(case)
    limit = case[4]
    assert bars.open[row, 0] < limit < bars.low[:row, 0].min()  # what makes the test one
    assert limit / 2 < bars.low[row:, 0].min()
    result = run(Rest(to_buy=limit), bars, cash=10_000.0, mode=mode)
    assert len(result.fills) == 1  # that of the market order
    changes = result.changes
    (change,) = changes[changes["kind"] == "split"].to_dict("records")
    assert (change["old_price"], change["price"]) == (limit, limit / 2)
    assert (change["old_quantity"], change["quantity"]) == (4.0, 8.0)
    order = result.orders.loc[2]
    assert (order["quantity"], order["filled"], order["limit_price"]) == (8.0, 0.0, limit / 2)
    assert (order["status"], order["reason"]) == ("expired", "data_ended")  # it rested to the last bar


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", SPLITS.values(), ids=SPLITS)
def test_a_limit_is_filled_at_its_half_on_the_day_of_the_split(case, mode):
    bars, row = around(case)
    limit = case[5]
    assert bars.high[:row, 0].max() < limit
    assert bars.open[row, 0] < limit / 2 < bars.high[row, 0]
    result = run(Rest(to_sell=limit), bars, cash=10_000.0, mode=mode)
    _, sale = result.fills.to_dict("records")
    assert (sale["bar"], sale["quantity"], sale["price"]) == (row, -8.0, limit / 2)
    # 10 bought at the open of bar 2; 8 of the 20 sold: of AAPL in 2005 10,000 − 10 · 88.48 + 8 · 45 = 9,475.20 in cash
    cash = 10_000 - 10 * bars.open[2, 0] + 8 * limit / 2
    paid = 12 * 0.08 if case[0] == "MSFT" else 0.0  # its first dividend, on the day after
    worth = cash + paid + 12 * bars.close[-1, 0]
    assert result.tables.equity[-1] == pytest.approx(worth, rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_buy_and_hold_of_one_unit_is_accounted_for_by_hand(mode):
    """One unit of each, bought on 2000-03-03 at the opens.

    The dividends are written down here, not read from the sample. Those of MSFT from August 2011 on are as
    gurufocus.com/dividend/MSFT lists them; the smaller ones before have no published table named here, so that for them
    this only says that the cash flows are those of the list.
    """
    bars = STOCKS.select(["AAPL", "MSFT"])
    result = run(Hold(), bars, cash=1_000.0, mode=mode)
    assert days_of(bars)[2] == "2000-03-03"
    bought = bars.open[2]
    # AAPL: 1 becomes 2 on 2000-06-21 and 4 on 2005-02-28; 2.65 three times from 2012-08-09 on, 4 · 7.95 = 31.80
    # MSFT: 1 becomes 2 on 2003-02-18, a day before its first dividend; of each unit then
    per_unit = [0.08, 0.16, 0.08, 3.08]  # 2003, 2003, 2004, and 2004 with 3.00 special
    per_unit += [0.08] * 4 + [0.09] * 3 + [0.10] * 4 + [0.11] * 4 + [0.13] * 8  # 2005 to 2010, to August
    per_unit += [0.16] * 4 + [0.20] * 4 + [0.23] * 2  # from November 2010, 2011 and 2012
    assert sum(per_unit) == pytest.approx(7.77)  # 3.40 + 0.32 + 0.27 + 0.40 + 0.44 + 1.04 + 0.64 + 0.80 + 0.46
    flows = result.cash_flows
    assert set(flows["kind"]) == {"dividend"}
    paid = {symbol: flows.loc[flows["symbol"] == symbol, "amount"] for symbol in bars.symbols}
    np.testing.assert_allclose(paid["AAPL"], [4 * 2.65] * 3, rtol=1e-12)
    np.testing.assert_allclose(paid["MSFT"], [2 * d for d in per_unit], rtol=1e-12)
    final = 1_000 - bought.sum() + 4 * 430.47 + 2 * 27.95 + 31.80 + 2 * 7.77
    assert result.tables.equity[-1] == pytest.approx(final, rel=1e-12)


def test_the_benchmark_does_not_lose_half_at_a_split():
    case = SPLITS["AAPL 2005"]
    bars, row = around(case)
    for benchmark in ("buy_and_hold", "AAPL", bars):
        held = run(Rest(), bars, cash=10_000.0, mode="interpreted", benchmark=benchmark).benchmark
        assert held[row] / held[row - 1] == pytest.approx(2 * 44.86 / 88.99, rel=1e-12)
