"""Fills, cash flows and actions, replayed in order, rebuild the account (rules 21 and 28-35)."""

from __future__ import annotations

import numpy as np
import pytest
from event_exercises import SETTINGS, STOPS, EveryTransfer, event_bars

from backtester import Strategy, run
from backtester.kernel.codes import ActionKind, CashFlowKind, Phase

ALL = {**SETTINGS, **STOPS}


def replay(result) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions [n_assets], balances [n_currencies] and equity [n_bars], from the tables and the bars alone."""
    bars, tables = result.bars, result.tables
    account = result.manifest["settings"]["account"]
    names = list(result.currencies)
    quoted = {pair.removeprefix("1/"): name for name, pair in account["fx"].items() if pair.startswith("1/")}
    given = quoted | {item["symbol"]: item["currency"] for item in account["instruments"]}
    currency = np.array([names.index(given.get(symbol) or names[0]) for symbol in bars.symbols])
    margined = {item["symbol"] for item in account["instruments"] if item["margin"] is not None}
    own = np.array([account["settlement"] == "keep" or symbol in margined for symbol in bars.symbols])
    settles_in = np.where(own, currency, 0)
    positions, balances = np.zeros(bars.n_assets), np.zeros(len(names))
    balances[0] = float(result.manifest["settings"]["cash"])
    marks, equity = np.full(bars.n_assets, np.nan), np.zeros(bars.n_bars)
    for t in range(bars.n_bars):
        for row in tables.actions[tables.actions["bar"] == t]:
            assert row["before"] == pytest.approx(positions[row["asset"]], rel=1e-9)
            positions[row["asset"]] = row["after"]
            if row["kind"] == ActionKind.SPLIT:
                marks[row["asset"]] /= row["value"]
        for row in tables.flows[tables.flows["bar"] == t]:
            balances[row["currency"]] += row["amount"]
        for row in tables.fills[tables.fills["bar"] == t]:
            a = row["asset"]
            positions[a] += row["quantity"]
            if abs(positions[a]) < 1e-9:
                positions[a] = 0.0
            money = row["quantity"] * row["price"] * tables.multipliers[a] * row["fx"] + row["commission"]
            settles = settles_in[a]
            balances[settles] -= money / (row["fx"] if settles else 1.0)
        there = ~np.isnan(bars.close[t])
        marks[there] = bars.close[t, there]
        rates = np.ones(len(names))
        for k, name in enumerate(names[1:], 1):
            pair = account["fx"][name]
            price = marks[bars.symbols.index(pair.removeprefix("1/"))]
            rates[k] = 1.0 / price if pair.startswith("1/") else price
        held = positions != 0.0
        value = positions[held] * tables.multipliers[held] * marks[held] * rates[currency[held]]
        some = balances != 0.0
        equity[t] = balances[some] @ rates[some] + value.sum()
    return positions, balances, equity


@pytest.fixture(scope="module")
def bars():
    return event_bars(11)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("setting", ALL)
def test_the_tables_rebuild_the_account(setting, seed, bars):
    result = run(EveryTransfer, bars, seed=seed, **ALL[setting])
    positions, _, equity = replay(result)
    np.testing.assert_allclose(equity, result.tables.equity, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(positions, result.positions.to_numpy()[-1], rtol=1e-9, atol=1e-9)
    kinds = set(result.tables.flows["kind"].tolist())
    assert {CashFlowKind.DEPOSIT, CashFlowKind.WITHDRAWAL, CashFlowKind.DIVIDEND} <= kinds


@pytest.mark.parametrize("setting", ALL)
def test_the_profit_of_trades_and_the_flows_are_the_change_of_equity(setting, bars):
    """What changes equity is the profit of a trade, or a flow that pays out no position."""
    result = run(EveryTransfer, bars, seed=5, **ALL[setting])
    flows = result.tables.flows
    payouts = np.isin(flows["kind"], (CashFlowKind.CASH_IN_LIEU, CashFlowKind.DELISTING))
    gained = result.trades["pnl"].sum() + (flows["amount"] * flows["fx"])[~payouts].sum()
    change = result.equity.iloc[-1] - float(result.manifest["settings"]["cash"])
    if setting not in ("keep", "margined"):  # there what is owed or kept in another currency changes its value, too
        assert gained == pytest.approx(change, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("setting", ALL)
def test_fills_are_inside_their_bar(setting, bars):
    fills = run(EveryTransfer, bars, seed=7, **ALL[setting]).tables.fills
    t, a, price = fills["bar"], fills["asset"], fills["reference_price"]
    assert ((bars.low[t, a] <= price) & (price <= bars.high[t, a])).all()
    assert (price[fills["phase"] == Phase.OPEN] == bars.open[t, a][fills["phase"] == Phase.OPEN]).all()


def test_twice_the_units_at_half_the_price_is_the_same_account(bars):
    """A split changes nothing but units: with it, and on bars as if it had always been so, equity is the same."""

    class Holder(Strategy):
        def on_bar(self, ctx):
            if ctx.t % 20 == 15:
                ctx.order_target_percent(0, 0.5 + 0.4 * ctx.random())
            elif ctx.t % 20 == 17:
                ctx.trailing_stop(0, -ctx.position(0), distance_frac=0.06)

    one = bars.select(["S0"])
    units = np.cumprod(np.where(np.isnan(one.extras["split"]), 1.0, one.extras["split"]), axis=0)
    prices = [getattr(one, name) * units for name in ("open", "high", "low", "close")]
    dividend = one.extras["dividend"] * units
    plain = type(one).from_arrays(
        one.timestamps, *prices, one.volume / units, symbols=["S0"], extras={"dividend": dividend}
    )
    with_splits, without = (run(Holder, panel, seed=1) for panel in (one, plain))
    assert len(with_splits.tables.actions) == 2
    np.testing.assert_allclose(with_splits.equity, without.equity, rtol=1e-9)
    assert len(with_splits.fills) == len(without.fills) > 10
    np.testing.assert_allclose(with_splits.trades["pnl"], without.trades["pnl"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(with_splits.trades["mae_frac"], without.trades["mae_frac"], rtol=1e-6, atol=1e-9)
