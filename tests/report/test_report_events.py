"""What the report says of splits, dividends, delistings and deposits."""

from __future__ import annotations

import numpy as np
import pytest
from report_cases import daily

from backtester import Bars, Result, Strategy, run
from backtester.report.data import page_data
from backtester.report.prices import trade_marks
from backtester.summary_text import text_of

NAN = float("nan")


class Holder(Strategy):
    """Buys 10 at bar 1, sells 6 at bar 6, pays in 500 at bar 3 if asked to."""

    pays: bool = False
    warmup = 1

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, 10)
        elif ctx.t == 3 and self.pays:
            ctx.deposit(500.0)
        elif ctx.t == 6:
            ctx.order(0, -6)


def with_events(closes, **events) -> Bars:
    bars = daily(closes)
    columns = {name: np.full(bars.n_bars, NAN) for name in events}
    for name, found in events.items():
        for t, value in found.items():
            columns[name][t] = value
    return Bars.from_arrays(
        bars.timestamps, *(bars[name] for name in ("open", "high", "low", "close", "volume")),
        extras=columns, symbols=bars.symbols, check=False,
    )  # fmt: skip


def notices_of(result: Result) -> str:
    return " ".join(text for _, text in page_data(result)["notices"])


@pytest.fixture(scope="module")
def eventful() -> Result:
    """10 at 100, 20 after 2 for 1 at bar 4, a dividend of 0.5 on each at bar 5, delisted before bar 8 at 40."""
    bars = with_events([100.0] * 4 + [50.0] * 6, split={4: 2.0}, dividend={5: 0.5}, delisting={8: 40.0})
    return run(Holder(), bars, cash=10_000.0, mode="interpreted")


def test_events_are_told_in_a_sentence(eventful):
    said = notices_of(eventful)
    assert "1 split changed positions, and prices are as quoted, not adjusted" in said
    assert "1 dividend brought 10.00" in said  # 20 units, 0.5 each
    assert "1 position ended with a delisting" in said


def test_nothing_is_said_where_nothing_happened():
    said = notices_of(run(Holder(), daily([100.0] * 10), cash=10_000.0, mode="interpreted"))
    assert "split" not in said
    assert "dividend" not in said


def test_entries_are_drawn_at_the_price_of_their_bar(eventful):
    """The trade table has 50 for the entry, in the units of the exit; the chart of quoted prices has 100 there."""
    assert eventful.trades["entry_price"].tolist() == [50.0, 50.0]
    marks = trade_marks(eventful)
    assert marks["entry"] == [2, 2]
    assert marks["entry_price"] == [100.0, 100.0]
    assert marks["exit_price"] == [50.0, 40.0]
    entry = next(trace for trace in eventful.plot().data if trace.name == "Entry")
    assert list(entry.y) == [100.0, 100.0]


def test_a_trade_that_a_delisting_ended_says_so(eventful):
    columns = page_data(eventful)["trades"]["columns"]
    assert columns["ended_by"] == ["market", "delisting"]


def test_cash_flows_are_listed_by_kind(eventful):
    flows = {row["kind"]: (row["money"], row["rows"]) for row in page_data(eventful)["flows"]}
    assert flows == {"dividend": (10.0, 1), "delisting": (14 * 40.0, 1)}  # 20 less the 6 that were sold


def test_a_run_with_deposits_shows_wealth_and_calls_it_so():
    result = run(Holder(pays=True), daily([100.0] * 6 + [110.0] * 6), cash=1_000.0, mode="interpreted")
    data = page_data(result)
    assert data["equity_label"] == "Equity without deposits"
    # all of the 1000 is in at 100; with 500 more, 1500 become 1600: the start alone has 1000·1600/1500
    assert data["equity"]["y"][-1] == pytest.approx(1000.0 * 1600.0 / 1500.0, rel=1e-6)
    assert "Money was paid in 500.00" in notices_of(result)
    assert "money-weighted per year" in text_of(result)
    title = result.plot().layout.yaxis.title.text
    assert title == "equity without deposits"


def test_a_run_without_deposits_shows_equity():
    result = run(Holder(), daily([100.0] * 10), cash=1_000.0, mode="interpreted")
    assert page_data(result)["equity_label"] == "Equity"
    assert "money-weighted" not in text_of(result)
