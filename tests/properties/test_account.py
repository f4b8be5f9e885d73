"""What holds for every run, whatever the market, the settings and the orders: checked on the tables of its result."""

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from play import Case, bytes_of, cases

from backtester import Bars, Result
from backtester.kernel.codes import Phase, Reason, Role, Status, Tif

FEW = settings(max_examples=25, deadline=None, derandomize=True, database=None)
FINAL = (Status.FILLED, Status.CANCELLED, Status.REJECTED, Status.EXPIRED)


def multiplier_of(case: Case) -> float:
    return case.account.get("multiplier", 1.0)


def marks_of(bars: Bars) -> np.ndarray:
    """Return the last close of every asset at every bar, 0 before the first."""
    marks = np.zeros(bars.close.shape)
    last = np.zeros(bars.n_assets)
    for t in range(bars.n_bars):
        last = np.where(np.isfinite(bars.close[t]), bars.close[t], last)
        marks[t] = last
    return marks


@FEW
@given(cases())
def test_replaying_fills_and_cash_flows_rebuilds_every_equity(case):
    result = case.run()
    tables, m, marks = result.tables, multiplier_of(case), marks_of(case.bars)
    cash, held = case.cash, np.zeros(case.bars.n_assets)
    gross = case.cash
    for t in range(case.bars.n_bars):
        cash += tables.flows["amount"][tables.flows["bar"] == t].sum()
        for fill in tables.fills[tables.fills["bar"] == t]:
            cash -= fill["quantity"] * fill["price"] * m + fill["commission"]
            held[fill["asset"]] += fill["quantity"]
            gross += abs(fill["quantity"] * fill["price"] * m)
        equity = cash + (held * m * marks[t]).sum()
        assert equity == pytest.approx(tables.equity[t], rel=1e-9, abs=1e-9 * gross)
        np.testing.assert_allclose(result.positions.iloc[t], held, rtol=1e-9, atol=1e-9)


@FEW
@given(cases())
def test_trades_and_carry_add_up_to_the_change_of_equity(case):
    result = case.run()
    earned = result.trades["pnl"].sum() + result.tables.flows["amount"].sum()
    size = 1.0 + (np.abs(result.tables.fills["quantity"]) * result.tables.fills["price"]).sum() * multiplier_of(case)
    assert earned == pytest.approx(result.tables.equity[-1] - case.cash, rel=1e-9, abs=1e-9 * size)


@FEW
@given(cases())
def test_fills_lie_inside_bars_that_trade_and_never_before_their_order_may(case):
    result = case.run()
    bars, orders = case.bars, result.tables.orders
    for fill in result.tables.fills:
        order, t, a = orders[fill["order_id"] - 1], fill["bar"], fill["asset"]
        assert bars.low[t, a] <= fill["reference_price"] <= bars.high[t, a]
        assert bars.volume[t, a] != 0
        assert order["asset"] == a
        assert order["eligible"] <= t <= order["ended"]
        assert t > order["submitted"] or fill["phase"] in (Phase.CLOSE, Phase.FORCED)
        if fill["phase"] == Phase.OPEN:
            assert fill["reference_price"] == bars.open[t, a]
        elif fill["phase"] in (Phase.CLOSE, Phase.FORCED):
            assert fill["reference_price"] == bars.close[t, a]


@FEW
@given(cases())
def test_no_limit_is_filled_beyond_its_price_and_a_maker_pays_no_spread(case):
    result = case.run()
    for fill in result.tables.fills:
        limit = result.tables.orders[fill["order_id"] - 1]["limit_price"]
        if fill["taker"] == 0:
            assert fill["price"] == fill["reference_price"]
            assert fill["spread"] == fill["slippage"] == fill["impact"] == 0
        if math.isfinite(limit) and not _moved(result, fill["order_id"]):
            assert fill["price"] <= limit if fill["quantity"] > 0 else fill["price"] >= limit


def _moved(result: Result, order_id: int) -> bool:
    return bool((result.tables.changes["order_id"] == order_id).any())


@FEW
@given(cases())
def test_the_cost_columns_of_a_fill_are_its_distance_from_the_reference(case):
    fills = case.run().tables.fills
    paid = (fills["price"] - fills["reference_price"]) * fills["quantity"] * multiplier_of(case)
    listed = fills["spread"] + fills["slippage"] + fills["impact"] + fills["rounding"]
    size = np.abs(fills["quantity"] * fills["reference_price"]) * multiplier_of(case)
    np.testing.assert_array_less(np.abs(paid - listed), 1e-9 * (1.0 + size))
    assert (fills["commission"] >= 0).all()


@FEW
@given(cases())
def test_every_order_ends_once_with_a_reason_unless_it_is_filled(case):
    result = case.run()
    orders, fills = result.tables.orders, result.tables.fills
    assert orders["id"].tolist() == list(range(1, len(orders) + 1))
    filled = np.bincount(fills["order_id"], fills["quantity"], len(orders) + 1)[1:]
    np.testing.assert_allclose(orders["filled"], filled, rtol=1e-12, atol=1e-12)
    for order in orders:
        assert order["status"] in FINAL
        assert 0 <= order["submitted"] <= order["ended"] < case.bars.n_bars
        if order["status"] == Status.FILLED:
            assert order["filled"] != 0
            complete = order["filled"] == pytest.approx(order["quantity"], rel=1e-9)
            assert complete or order["reason"] != Reason.NONE
        else:
            assert order["reason"] != Reason.NONE
        if order["status"] == Status.REJECTED:
            assert order["filled"] == 0
        assert abs(order["filled"]) <= abs(order["quantity"]) * (1 + 1e-9) or order["filled"] == 0


@FEW
@given(cases())
def test_time_in_force_is_kept(case):
    result = case.run()
    sessions, stamps = case.bars.sessions, case.bars.timestamps
    for order in result.tables.orders:
        bars = result.tables.fills["bar"][result.tables.fills["order_id"] == order["id"]]
        if order["reason"] in range(1, 20) or order["eligible"] >= case.bars.n_bars:
            continue  # refused at submission, or never eligible
        if order["tif"] == Tif.DAY:
            assert sessions[order["ended"]] <= sessions[order["eligible"]]
        if order["tif"] in (Tif.IOC, Tif.FOK):
            assert order["ended"] <= order["eligible"]
            assert set(bars) <= {order["eligible"]}
        if order["tif"] == Tif.FOK and len(bars):
            assert order["filled"] == pytest.approx(order["quantity"], rel=1e-9)
        if order["tif"] == Tif.GTD:
            assert (stamps[bars] <= order["expire"]).all()


@FEW
@given(cases())
def test_participation_is_capped_over_all_orders_of_a_bar(case):
    fills = case.run().tables.fills
    free = fills[fills["phase"] != Phase.FORCED]
    volume = case.bars.volume
    taken = np.zeros(volume.shape)
    np.add.at(taken, (free["bar"], free["asset"]), np.abs(free["quantity"]))
    known = np.isfinite(volume)
    if case.execution["max_participation"] < math.inf:
        assert (taken[known] <= case.execution["max_participation"] * volume[known] * (1 + 1e-9) + 1e-9).all()


@FEW
@given(cases())
def test_leverage_is_kept_after_every_fill_that_increases_a_position(case):
    # Rule 11: G′ ≤ L·E′, with assets at open[t], or close[t] in the close phase, and the asset itself at p.
    result = case.run()
    tables, m, marks = result.tables, multiplier_of(case), marks_of(case.bars)
    held = np.zeros(case.bars.n_assets)
    cash, done = case.cash, 0
    for fill in tables.fills:
        t, a, x = fill["bar"], fill["asset"], held[fill["asset"]]
        cash += tables.flows["amount"][done : np.searchsorted(tables.flows["bar"], t, "right")].sum()
        done = np.searchsorted(tables.flows["bar"], t, "right")
        held[a] += fill["quantity"]
        cash -= fill["quantity"] * fill["price"] * m + fill["commission"]
        if abs(held[a]) > abs(x) and fill["phase"] != Phase.FORCED:
            phase = case.bars.close[t] if fill["phase"] == Phase.CLOSE else case.bars.open[t]
            prices = np.where(np.isfinite(phase), phase, marks[t])
            prices[a] = fill["reference_price"]
            gross = (np.abs(held) * m * prices).sum()
            equity = cash + (held * m * prices).sum()
            assert gross <= case.account["leverage"] * equity * (1 + 1e-8) + 1e-8 * case.cash


@FEW
@given(cases())
def test_without_shorts_nothing_is_ever_short_and_protective_orders_only_reduce(case):
    result = case.run()
    orders = result.tables.orders
    held = np.zeros(case.bars.n_assets)
    for fill in result.tables.fills:
        before = held[fill["asset"]]
        held[fill["asset"]] = after = before + fill["quantity"]
        if not case.account["allow_short"]:
            assert after >= -1e-9 * max(1.0, abs(before))
        if orders[fill["order_id"] - 1]["role"] >= Role.STOP_LOSS:
            assert before * fill["quantity"] < 0
            assert abs(fill["quantity"]) <= abs(before) * (1 + 1e-9)


@FEW
@given(cases())
def test_after_bankruptcy_nothing_happens_any_more(case):
    result = case.run()
    broke = np.flatnonzero(result.tables.equity == 0.0)
    if len(broke):
        t = broke[0]
        assert (result.tables.equity[t:] == 0.0).all()
        assert (result.tables.fills["bar"] <= t).all()
        assert (result.tables.orders["submitted"] <= t).all()
        assert (result.tables.flows["bar"] <= t).all()


# ---- scaling


PROPORTIONAL = {"commission_per_order": 0.0, "commission_min": 0.0}


@FEW
@given(cases())
def test_doubling_the_cash_doubles_the_quantities(case):
    # Lots, charges per order, volume caps and impact know absolute sizes; without them only proportions are left.
    case = case.but(
        costs={**case.costs, **PROPORTIONAL, "impact": 0.0},
        account={**case.account, "lot_size": 0.0},
        execution={**case.execution, "max_participation": math.inf},
    )
    once, twice = case.run().tables, case.but(cash=2 * case.cash).run().tables
    assert len(once.orders) == len(twice.orders)
    for name in ("quantity", "commission", "spread", "slippage", "rounding"):
        assert (2 * once.fills[name]).tobytes() == twice.fills[name].tobytes()  # a factor of two is exact in floats
    for name in ("order_id", "bar", "price"):
        assert once.fills[name].tobytes() == twice.fills[name].tobytes()
    assert (2 * once.equity).tobytes() == twice.equity.tobytes()


@FEW
@given(cases())
def test_doubling_all_prices_halves_the_quantities_and_leaves_the_equity(case):
    case = case.but(
        costs={**case.costs, **PROPORTIONAL, "impact": 0.0, "commission_per_unit": 0.0},
        account={**case.account, "lot_size": 0.0, "tick_size": 0.0},
        execution={**case.execution, "max_participation": math.inf},
    )
    bars = case.bars
    prices = (2 * bars.open, 2 * bars.high, 2 * bars.low, 2 * bars.close, bars.volume)
    dear = Bars.from_arrays(bars.timestamps, *prices, sessions=bars.sessions, symbols=bars.symbols, check=False)
    once, twice = case.run().tables, case.but(bars=dear).run().tables
    assert (once.fills["quantity"] / 2).tobytes() == twice.fills["quantity"].tobytes()
    assert once.equity.tobytes() == twice.equity.tobytes()


# ---- the same bytes


@FEW
@given(cases())
def test_the_future_does_not_change_the_past(case):
    whole = case.run().tables
    k = case.bars.n_bars // 2
    steps = case.steps()
    steps.prepare()
    steps.advance(until=k)
    fills = steps.memory.table("fills")
    assert fills.tobytes() == whole.fills[: len(fills)].tobytes()
    part = case.but(bars=case.bars[: k + 1], close_at_end=False).run().tables
    assert part.equity[:k].tobytes() == whole.equity[:k].tobytes()


@FEW
@given(cases())
def test_a_run_in_pieces_gives_the_bytes_of_a_run_at_once(case):
    whole = bytes_of(case.run())
    steps = case.steps()
    steps.prepare()
    for until in (1, 2, 3, 11, 12, None):
        steps.advance(until=until)
    assert bytes_of(steps.finish()) == whole


@FEW
@given(cases(verbs=("order", "limit", "stop", "bracket", "cancel", "oco", "rebalance")))
def test_tables_that_grow_give_the_bytes_of_tables_that_need_not(case):
    results = []
    for rows in (2, 65_536):
        with (
            mock.patch("backtester.kernel.memory.first_capacity", lambda n, rows=rows: rows),
            mock.patch("backtester.kernel.memory.SMALL", rows),
        ):
            results.append(bytes_of(case.run()))
    assert results[0] == results[1]
