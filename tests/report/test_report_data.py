"""The numbers of a page are the numbers of the result."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from report_cases import DAY, FIRST, EverySoOften, Idle, daily

from backtester import Bars, Costs, run
from backtester.kernel.codes import Reason, Status
from backtester.report import prices, tables
from backtester.report.candles import unpacked
from backtester.report.data import page_data
from backtester.result import Result
from backtester.summary_text import GROUPS


def decoded(series, n):
    at = np.arange(n) if series["x"] is None else np.cumsum(series["x"])
    values = np.array([np.nan if value is None else value for value in series["y"]], np.float64)
    return at, values


def test_equity_and_drawdown_are_those_of_the_result(plain):
    data, equity = page_data(plain), plain.tables.equity
    at, values = decoded(data["equity"], len(equity))
    assert np.array_equal(at, np.arange(len(equity)))
    assert np.allclose(values, equity, rtol=1e-7)
    assert values[-1] == pytest.approx(equity[-1], rel=1e-7)
    _, drawdown = decoded(data["drawdown"], len(equity))
    assert drawdown.max() == pytest.approx(plain.metrics["max_drawdown"], rel=1e-7)


def test_comparison_is_buy_and_hold_of_equal_parts(plain):
    _, values = decoded(page_data(plain)["comparison"]["equity"], plain.bars.n_bars)
    close = plain.bars.close
    assert values[-1] == pytest.approx(
        50_000 * close[-1, 0] / close[0, 0] + 50_000 * close[-1, 1] / close[0, 1], rel=1e-7
    )


def test_a_benchmark_that_was_given_is_the_comparison(plain):
    result = run(EverySoOften, plain.bars, benchmark="BBB")
    data = page_data(result)
    assert data["comparison"]["name"] == "BBB"
    _, values = decoded(data["comparison"]["equity"], result.bars.n_bars)
    assert values[-1] == pytest.approx(100_000 * plain.bars.close[-1, 1] / plain.bars.close[0, 1], rel=1e-7)


def test_the_clock_gives_back_every_bar(plain):
    clock = page_data(plain)["clock"]
    times = [clock["first"]]
    for step, count in zip(clock["steps"], clock["counts"], strict=True):
        times += [times[-1] + step * k for k in range(1, count + 1)]
    assert clock["exact"]
    assert times == (plain.bars.sessions * 86_400_000).tolist()


def test_months_and_years_compound_to_the_total_return(plain):
    months = page_data(plain)["months"]
    total = plain.tables.equity[-1] / plain.tables.equity[0]
    by_month = math.prod(1 + value for row in months["months"] for value in row if value is not None)
    assert by_month == pytest.approx(total, abs=1e-6)
    assert math.prod(1 + value for value in months["totals"]) == pytest.approx(total, abs=1e-6)
    assert months["years"] == [2020, 2021]


def test_a_month_is_named_by_its_sessions_and_counts_from_the_month_before():
    closes = np.r_[np.linspace(100, 126, 26), np.linspace(126, 252, 29), np.full(10, 252.0)]  # 6 Jan 2020 is bar 0
    months = page_data(run(Idle, daily(closes), benchmark="buy_and_hold"))["months"]
    assert months["months"][0][:3] == [0, 0, 0]
    assert months["months"][0][3:] == [None] * 9
    assert months["against"] == [pytest.approx(1.52)]


def test_tables_hold_every_order_and_trade(plain):
    data = page_data(plain)
    assert data["orders"]["total"] == len(plain.orders) == len(data["orders"]["columns"]["id"])
    assert data["trades"]["total"] == len(plain.trades) == data["marks"]["total"]
    assert sum(data["trades"]["columns"]["pnl"]) == pytest.approx(plain.trades["pnl"].sum(), abs=1e-4)
    for columns in (data["orders"]["columns"], data["trades"]["columns"]):
        assert len({len(column) for column in columns.values()}) == 1
    statuses = plain.orders["status"].astype(str).tolist()
    assert data["orders"]["columns"]["status"] == statuses


def test_orders_say_why_they_ended(hostile):
    data = page_data(hostile)
    rejected = [
        (quantity, reason)
        for quantity, status, reason in zip(
            *(data["orders"]["columns"][name] for name in ("quantity", "status", "reason")), strict=True
        )
        if status == "rejected"
    ]
    assert rejected == [("∞", "quantity not finite"), (None, "quantity not finite"), (1e19, "quantity too large")]
    assert sum(row["orders"] for row in data["order_ends"]) == data["orders"]["total"]
    assert {"status": "rejected", "reason": "quantity not finite", "orders": 2} in data["order_ends"]


def test_every_code_has_its_words():
    codes = np.array([int(member) for member in Reason])
    assert tables._words(codes, Reason)[1:] == [member.name.lower().replace("_", " ") for member in list(Reason)[1:]]
    assert tables._words(codes[:1], Reason) == [""]
    assert tables._words(np.array([int(Status.FILLED), 99]), Status) == ["filled", "99"]


def test_long_tables_are_cut_and_say_how_many_there_are(plain, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 7)
    data = page_data(plain)
    assert len(data["orders"]["columns"]["id"]) == len(data["trades"]["columns"]["pnl"]) == 7
    assert data["orders"]["total"] == len(plain.orders)
    assert sum(row["orders"] for row in data["order_ends"]) == len(plain.orders)


def test_costs_by_kind_are_those_of_the_metrics(plain):
    data = page_data(plain)
    by_kind = {row["kind"]: row["money"] for row in data["costs"]}
    for kind, money in by_kind.items():
        assert money == pytest.approx(plain.metrics[kind], rel=1e-7)
    assert by_kind["commission"] > 0
    # commission is a thousandth of what was traded: ten basis points
    of_traded = {row["kind"]: row["of_traded"] for row in data["costs"]}
    assert of_traded["commission"] == pytest.approx(0.001, rel=1e-6)


def test_metrics_are_complete_and_undefined_ones_are_none(plain, idle):
    rows = {row["name"]: row["value"] for group in page_data(plain)["metrics"] for row in group["rows"]}
    assert set(rows) == set(plain.metrics.index)
    assert rows["sharpe"] == pytest.approx(plain.metrics["sharpe"], rel=1e-7)
    assert rows["alpha"] is None
    empty = {row["name"]: row["value"] for group in page_data(idle)["metrics"] for row in group["rows"]}
    assert empty["sharpe"] is None
    assert empty["n_trades"] == 0


def test_every_metric_belongs_to_one_group(plain):
    named = [metric.name for _, metrics in GROUPS for metric in metrics]
    assert sorted(named) == sorted(plain.metrics.index)


def test_a_metric_without_a_group_is_shown_all_the_same(plain, monkeypatch):
    whole = Result.summary
    monkeypatch.setattr(Result, "summary", lambda self: whole(self) | {"new_one": 2.0})
    group = page_data(plain)["metrics"][-1]
    assert group["title"] == "Further"
    assert [(row["label"], row["value"]) for row in group["rows"]] == [("new one", 2)]


def test_ruin_is_shown_to_the_end(bankrupt):
    data = page_data(bankrupt)
    assert data["equity"]["y"][-1] == 0
    assert data["drawdown"]["y"][-1] == 1
    assert data["months"]["totals"] == [-1]
    assert any(flow["kind"] == "write off" for flow in data["flows"])


def test_no_trades_and_one_bar(idle, one_bar):
    data = page_data(idle)
    assert data["trades"]["total"] == data["orders"]["total"] == data["marks"]["total"] == 0
    assert data["order_ends"] == []
    data = page_data(one_bar)
    assert data["clock"] == {"n": 1, "first": 1578268800000, "steps": [], "counts": [], "exact": True}
    assert data["period"]["step"] == ""
    json.dumps(data, allow_nan=False)


def test_missing_bars_have_no_candle():
    bars = daily(np.c_[np.linspace(100, 110, 20), np.linspace(50, 60, 20)], symbols=["A", "B"])
    holes = {name: np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")}
    for array in holes.values():
        array[5:8, 1] = np.nan
    bars = type(bars).from_arrays(bars.timestamps, *holes.values(), symbols=["A", "B"])
    series = page_data(run(Idle, bars))["prices"]["series"]
    _, there = unpacked(series[0]["levels"][0]["chunks"][0])
    assert there.all()
    _, there = unpacked(series[1]["levels"][0]["chunks"][0])
    assert np.flatnonzero(there).tolist() == [*range(5), *range(8, 20)]


def test_of_many_assets_the_most_traded_are_charted_with_candles_that_fit(plain, monkeypatch):
    monkeypatch.setattr(prices, "MAX_ASSETS", 1)
    monkeypatch.setattr(prices, "MAX_CANDLES", 60)
    found = page_data(plain)["prices"]
    assert found["total"] == 2
    assert found["bars"] == 16  # 400 bars: 100 candles of 4 bars are more than 60, and 25 of 16 are not
    assert [series["finest"] for series in found["series"]] == [2]
    traded = np.abs(plain.tables.fills["quantity"] * plain.tables.fills["price"])
    by_asset = np.bincount(plain.tables.fills["asset"], traded, 2)
    assert found["series"][0]["asset"] == np.argmax(by_asset)


def test_many_trades_are_thinned_and_counted(plain, monkeypatch):
    monkeypatch.setattr(prices, "MAX_MARKS", 10)
    marks = page_data(plain)["marks"]
    assert len(marks["entry"]) == 10
    assert marks["total"] == len(plain.trades)


def test_an_open_trade_reaches_the_last_bar(hostile):
    marks = page_data(hostile)["marks"]
    assert set(marks["open"]) == {1}
    assert set(marks["exit"]) == {hostile.bars.n_bars - 1}
    assert set(page_data(hostile)["trades"]["columns"]["ended_by"]) == {"open"}


def test_what_closed_a_trade_is_named_by_its_role(ambiguous):
    assert page_data(ambiguous)["trades"]["columns"]["ended_by"] == ["stop loss"]


def test_comparison_is_left_out_where_it_has_no_meaning():
    price = np.array([[-1.0], [2.0], [3.0]])
    bars = Bars.from_arrays(FIRST + DAY * np.arange(3), price, price, price, price, allow_negative=True)
    data = page_data(run(Idle, bars, costs=Costs()))
    assert data["comparison"] is None
    assert data["months"]["against"] is None
    assert data["headline"][0]["beside"] is None
