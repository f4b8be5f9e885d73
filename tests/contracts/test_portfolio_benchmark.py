"""The portfolio benchmark's floors are a second implementation of what it measures: run small, they must agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.portfolio import floor, ours
from benchmarks.portfolio.market import (
    CASH,
    COMMISSION,
    GRID_CASH,
    GRID_COMMISSION,
    GRID_STEP,
    LOOKBACK,
    decision_days,
    month_ends,
    simulate_days,
    simulate_minutes,
)
from benchmarks.table import RESULTS

PANEL = simulate_days(400, 30)


@pytest.mark.parametrize("invested", [0.99, 1.0])
@pytest.mark.parametrize(("workload", "top"), [("P1", 10), ("P2", 0)])
def test_rebalancing_equals_the_hand_written_loop(workload, top, invested):
    # Weights that add up to 1 do not fit after a gap up and a commission: then one factor scales all purchases.
    parameters = {"top": top, "invested": invested} if top else {"invested": invested}
    result, _ = ours.whole_seconds(workload, ours.load(PANEL), **parameters)
    decided = decision_days(PANEL.timestamps, workload)
    equity, n_fills = floor.rebalance(PANEL.open, PANEL.close, decided, LOOKBACK, top, invested, CASH, COMMISSION)
    np.testing.assert_allclose(result.tables.equity, equity, rtol=1e-9)
    assert len(result.tables.fills) == n_fills > 100
    scaled = np.isfinite(result.tables.orders["scale"]) & (result.tables.orders["scale"] < 1.0)
    assert scaled.any() == (invested == 1.0)


@pytest.mark.parametrize(("n_assets", "n_orders"), [(1, 2), (1, 40), (3, 60)])
def test_a_grid_of_orders_equals_two_counts_per_level(n_assets, n_orders):
    panel = simulate_minutes(3_000, n_assets)
    result, _ = ours.whole_seconds("P3", ours.load(panel), n_orders=n_orders)
    prices = (panel.open, panel.high, panel.low, panel.close)
    equity, n_fills = floor.grid(*prices, n_orders, GRID_STEP, GRID_CASH, GRID_COMMISSION)
    np.testing.assert_allclose(result.tables.equity, equity, rtol=1e-12)
    assert len(result.tables.fills) == n_fills > 10


def test_a_month_ends_where_the_next_bar_has_another_month():
    days = np.array(["2010-01-28", "2010-01-29", "2010-02-01", "2010-02-26", "2010-03-01"], "M8[ns]").view(np.int64)
    assert month_ends(days).tolist() == [False, True, False, True, False]


def test_the_committed_equities_agree_where_they_must():
    data = json.loads((RESULTS / "portfolio.json").read_text(encoding="utf-8"))
    compared = 0
    for section in data["sections"]:
        equities = {row["engine"]: row["final_equity"] for row in section["rows"] if row["final_equity"]}
        base = next((value for name, value in equities.items() if name.startswith("floor")), None)
        for name, value in equities.items():
            if base is not None and name.startswith(("backtester", "vectorbt")):
                compared += 1
                assert value == pytest.approx(base, rel=1e-9)
    assert compared >= 6
