"""A `Result` against runs of a few bars: equity, returns, positions, metrics, what is read-only, and interruption."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from few_bars import FLAT, Script, market, play

from backtester import Bars, Costs, Strategy, run
from backtester.engine import prepare_run
from backtester.errors import ResultError

#: bought 50 at 10 (open of bar 2), sold 20 at 13 (open of bar 4)
ROWS = [FLAT, FLAT, (10, 12, 10, 12), (12, 14, 11, 11), (13, 13, 12, 12.5), FLAT]
SCRIPT = {1: lambda c: c.order(0, 50), 3: lambda c: c.order(0, -20)}


def test_equity_is_cash_and_positions_at_the_close():
    # 500 + 50·12, 500 + 50·11, 760 + 30·12.5, 760 + 30·10
    result = play(ROWS, SCRIPT)
    assert result.equity.tolist() == [1000.0, 1000.0, 1100.0, 1050.0, 1135.0, 1060.0]
    assert result.equity.index.equals(result.bars.index)
    assert result.equity.name == "equity"


def test_returns_begin_with_the_second_bar():
    result = play(ROWS, SCRIPT)
    assert result.returns.tolist() == [0.0, 1100 / 1000 - 1, 1050 / 1100 - 1, 1135 / 1050 - 1, 1060 / 1135 - 1]
    assert result.returns.index.equals(result.bars.index[1:])


def test_positions_are_those_at_the_end_of_each_bar():
    result = play(ROWS, SCRIPT)
    assert result.positions["A0"].tolist() == [0.0, 0.0, 50.0, 50.0, 30.0, 30.0]


def test_metrics_by_hand():
    result = play(ROWS, SCRIPT)
    metrics = result.metrics
    assert metrics["final_equity"] == 1060.0
    assert metrics["total_return"] == pytest.approx(0.06, rel=1e-12)
    assert metrics["max_drawdown"] == pytest.approx(75 / 1135, rel=1e-12)  # 1135 → 1060
    assert metrics["n_orders"] == 2
    assert metrics["n_fills"] == 2
    assert metrics["n_trades"] == 1  # 20 bought at 10 and sold at 13; 30 are still open
    assert metrics["expectancy"] == pytest.approx(60.0, rel=1e-12)
    assert metrics["exposure_time"] == pytest.approx(4 / 6, rel=1e-12)
    assert metrics["total_costs"] == 0.0
    assert metrics.to_dict().keys() == result.summary().keys()


def test_costs_of_the_metrics_are_those_of_the_fills_and_flows():
    result = play(ROWS, SCRIPT, commission_per_order=2.0, spread=0.02, debit_rate=0.5)
    # 50·10·0.01 + 20·13·0.01
    assert result.metrics["spread"] == pytest.approx(5.0 + 2.6, rel=1e-12)
    assert result.metrics["commission"] == 4.0
    assert result.metrics["total_costs"] == pytest.approx(11.6, rel=1e-12)


def test_trades_name_their_orders_and_leave_open_ones_last():
    trades = play(ROWS, SCRIPT).trades
    assert trades["open"].tolist() == [False, True]
    assert trades["quantity"].tolist() == [20.0, 30.0]
    assert trades["pnl"].tolist() == [60.0, 0.0]  # 20·(13 − 10); 30·(10 − 10)
    assert trades["entry_order"].tolist() == [1, 1]
    assert trades["exit_order"].tolist() == [2, 0]
    assert pd.isna(trades["exit_time"].iloc[1])


def test_records_become_columns_by_name():
    # 50 bought at 10 in bar 2
    result = play(ROWS, SCRIPT | {2: lambda c: c.record("cash", c.cash)})
    assert result.records["cash"].dropna().tolist() == [500.0]
    assert result.records["cash"].dropna().index.tolist() == [result.bars.index[2]]


def test_ambiguous_bars_are_counted_once_each():
    # bars 3 and 5 reach both legs of one bracket each
    both = (10.0, 12.0, 8.0, 10.0)
    send = {t: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11) for t in (1, 3)}
    result = play([FLAT, FLAT, FLAT, both, FLAT, both, FLAT], send)
    assert result.ambiguous_bars == 2
    assert result.metrics["ambiguous_bars"] == 2
    assert play(ROWS, SCRIPT).ambiguous_bars == 0


# --- the equity identity ---------------------------------------------------------------------------------------------


class Busy(Strategy):
    """Goes long and short of every asset by the sign of its last moves, with brackets and limits between."""

    def prepare(self, bars):
        self.moves = np.zeros_like(bars.close)
        self.moves[5:] = np.sign(np.nan_to_num(bars.close[5:] - bars.close[:-5]))

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if ctx.random() < 0.2:
                ctx.order_target_percent(a, 0.4 * self.moves[-1, a])
            elif ctx.random() < 0.1:
                ctx.bracket(a, 5.0, stop_loss_frac=0.02, take_profit_frac=0.03)


def test_replaying_fills_and_cash_flows_rebuilds_the_equity():
    bars = Bars.simulate("gbm", n_bars=300, n_assets=3, seed=4, sigma=0.3, freq="1D")
    costs = Costs(commission=0.001, spread=0.002, borrow_rate=0.05, cash_rate=0.02, debit_rate=0.07)
    result = run(Busy, bars, cash=10_000.0, costs=costs, mode="interpreted", seed=1)
    assert len(result.fills) > 100
    fills, flows = result.fills, result.cash_flows
    spent = np.zeros(300)
    np.subtract.at(
        spent, fills["bar"].to_numpy(), (fills["quantity"] * fills["price"] + fills["commission"]).to_numpy()
    )
    np.add.at(spent, flows["bar"].to_numpy(), flows["amount"].to_numpy())
    rebuilt = 10_000.0 + np.cumsum(spent) + (result.positions.to_numpy() * bars.close).sum(axis=1)
    np.testing.assert_allclose(result.equity.to_numpy(), rebuilt, rtol=1e-9)


# --- read-only -------------------------------------------------------------------------------------------------------


def test_a_result_takes_no_assignment():
    result = play(ROWS, SCRIPT)
    for name in ("equity", "bars", "anything"):
        with pytest.raises(AttributeError, match=f"a Result is read-only; cannot assign '{name}'"):
            setattr(result, name, 1)


@pytest.mark.parametrize("table", ["orders", "fills", "flows", "changes", "records", "equity", "multipliers"])
def test_raw_tables_cannot_be_written(table):
    assert not getattr(play(ROWS, SCRIPT).tables, table).flags.writeable


def test_the_benchmark_cannot_be_written():
    assert not play(ROWS, SCRIPT, benchmark="buy_and_hold").benchmark.flags.writeable


def test_changing_a_frame_or_the_manifest_leaves_the_result_as_it_is():
    result = play(ROWS, SCRIPT)
    orders, manifest, equity = result.orders, result.manifest, result.equity
    orders.loc[1, "quantity"] = 99.0
    equity.iloc[0] = -1.0
    manifest["settings"]["risk_free"] = 5.0
    assert result.tables.orders["quantity"][0] == 50.0
    assert result.tables.equity[0] == 1000.0
    assert result.metrics["sharpe"] == play(ROWS, SCRIPT).metrics["sharpe"]


# --- interruption ----------------------------------------------------------------------------------------------------


class Interrupted(Script):
    """Is interrupted by Ctrl-C inside `on_bar` of bar 4."""

    def on_bar(self, ctx):
        super().on_bar(ctx)
        if ctx.t == 4:
            raise KeyboardInterrupt


def test_ctrl_c_hands_back_the_bars_that_ran():
    whole = play(ROWS, SCRIPT)
    with pytest.warns(UserWarning, match="interrupted after . of 6 bars"):
        result = run(Interrupted(script=SCRIPT), market(ROWS), cash=1000.0, mode="interpreted")
    n = result.bars.n_bars
    assert 4 <= n < 6
    assert result.manifest["interrupted"] is True
    assert result.equity.tolist() == whole.equity.tolist()[:n]
    assert len(result.returns) == n - 1
    assert result.orders["status"].tolist() == ["filled", "filled"]
    assert result.manifest["data"]["n_bars"] == n
    assert np.isfinite(result.metrics["total_return"])


def test_an_order_cut_off_by_ctrl_c_says_so():
    resting = {1: lambda c: c.limit(0, 5, 5)}
    with pytest.warns(UserWarning, match="interrupted"):
        result = run(Interrupted(script=resting), market(ROWS), cash=1000.0, mode="interpreted")
    assert "the run was interrupted after" in result.explain(1)


def test_a_run_that_never_began_has_no_result():
    prepared = prepare_run(Script(script={}), market(ROWS), mode="interpreted")
    prepared.prepare()
    with pytest.raises(ResultError, match="interrupted before its first bar"):
        prepared.finish()


def test_a_run_in_steps_is_a_run():
    prepared = prepare_run(Script(script=SCRIPT), market(ROWS), cash=1000.0, mode="interpreted")
    prepared.prepare()
    for until in (2, 3, 6):
        prepared.advance(until)
    assert prepared.finish().tables.equity.tolist() == play(ROWS, SCRIPT).tables.equity.tolist()
