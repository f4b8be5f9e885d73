"""One document of one thing or of many: names, comparison, and what bad input becomes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from report_cases import DAY, FIRST, Brackets, EverySoOften, Idle, daily, wave

from backtester import Bars, Costs, run
from backtester.errors import ResultError
from backtester.report import Section, write_report
from backtester.report import sections as of
from backtester.report.data import page_data
from backtester.report.honest import honest_rows, verdict_data
from backtester.report.pages import document_of, named_subjects
from backtester.report.prices import resting_orders
from backtester.report.side_by_side import by_year, side_by_side


class Own:
    name = "my study"

    def report_sections(self):
        return [Section("One", [of.text("a")]), Section("One", [of.text("b")])]


@pytest.fixture(scope="module")
def other(plain):
    return run(EverySoOften(every=20), plain.bars, costs=Costs(commission=0.002))


def item_of(sections, title, kind):
    section = next(section for section in sections if section.title == title)
    return next(item for item in section.items if item["kind"] == kind)


def test_one_result_is_one_page(plain):
    document = document_of(plain)
    assert document["format"] == 2
    assert document["title"] == "EverySoOften – backtest"
    assert [page["kind"] for page in document["pages"]] == ["result"]


def test_several_results_have_a_first_page_and_one_each(plain, other):
    document = document_of([plain, other], "Both")
    assert document["title"] == "Both"
    assert [page["name"] for page in document["pages"]] == ["Comparison", "EverySoOften", "EverySoOften (2)"]
    assert document["pages"][0]["title"] == "2 results compared"
    assert document["pages"][0]["facts"] == ["2 results", "2020-01-06 – 2021-02-08"]
    json.dumps(document, allow_nan=False)


def test_the_first_page_has_the_numbers_of_both(plain, other):
    sections = side_by_side({"a": plain, "b": other})
    growth = item_of(sections, "Performance", "lines")
    for line, result in zip(growth["lines"], (plain, other), strict=True):
        assert line["y"][-1] == pytest.approx(result.tables.equity[-1] / 100_000.0, rel=1e-7)
    key = item_of(sections, "Key figures", "table")
    heads = [head["label"] for head in key["heads"]]
    assert key["columns"][heads.index("Sharpe")] == pytest.approx([plain.metrics["sharpe"], other.metrics["sharpe"]])
    correlation = item_of(sections, "Correlations", "heat")["values"]
    wanted = np.corrcoef(plain.daily_returns, other.daily_returns)[0, 1]
    assert correlation[0][1] == pytest.approx(wanted, abs=1e-5)
    given = item_of(sections, "What they were given", "table")["columns"]
    assert given[0] == ["parameter every", "costs.commission", "costs.spread"]
    assert given[2] == ["20", "0.002", "0"]
    years = item_of(sections, "Years", "bars")
    assert years["labels"] == ["2020", "2021"]
    assert years["groups"][0]["values"] == pytest.approx(list(by_year(plain).values()), rel=1e-6)
    product = np.prod([1.0 + value for value in by_year(plain).values()])
    assert product == pytest.approx(plain.tables.equity[-1] / 100_000.0)


def test_very_many_results_have_the_first_page_alone(plain):
    document = document_of({f"run {k}": plain for k in range(13)})
    assert [page["name"] for page in document["pages"]] == ["Comparison"]


def test_other_objects_have_pages_of_their_sections(plain):
    document = document_of({"study": Own(), "run": plain})
    assert [page["kind"] for page in document["pages"]] == ["sections", "result"]
    page = document["pages"][0]
    assert (page["name"], page["title"], page["facts"]) == ("study", "my study", ["own"])
    assert [section["anchor"] for section in page["sections"]] == ["one", "one-next"]
    assert list(named_subjects(Own())) == ["my study"]


@pytest.mark.parametrize("nothing", [[], {}, ()])
def test_nothing_is_refused(nothing):
    with pytest.raises(ResultError, match="nothing to report"):
        document_of(nothing)


@pytest.mark.parametrize("other", [3, "runs/fast10", [1.0], {"a": None}])
def test_what_has_no_sections_is_refused(other, tmp_path):
    with pytest.raises(ResultError, match="cannot be reported"):
        write_report(other, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_without_candles_goes_without_their_library(plain, tmp_path):
    sizes = {}
    for name, subject in (("own", Own()), ("run", plain)):
        write_report(subject, tmp_path / name)
        sizes[name] = (tmp_path / name).read_text("utf-8")
    assert "TradingView Lightweight Charts" in sizes["run"]
    assert "TradingView Lightweight Charts" not in sizes["own"]
    assert len(sizes["own"]) < 120_000


# --- stops and targets -----------------------------------------------------------------------------------------------


def test_stops_and_targets_are_drawn_while_they_waited():
    result = run(Brackets(every=50), daily(wave(60)))
    found = resting_orders(result)
    orders = result.orders[result.orders["kind"] != "market"]
    assert found["total"] == len(found["id"]) == len(orders) > 0
    for k, order_id in enumerate(found["id"]):
        order = orders.loc[order_id]
        assert found["kind"][k] == {"stop_loss": "stop", "take_profit": "target"}[order["role"]]
        assert found["price"][k] == pytest.approx(np.nanmin([order["stop_price"], order["limit_price"]]))
        assert result.bars.index[found["from"][k]] == order["submitted"]
        if order["status"] != "open":
            assert result.bars.index[found["to"][k]] == order["ended"]


# --- the honest sentence ---------------------------------------------------------------------------------------------


def test_without_a_verdict_there_is_no_sentence(plain, monkeypatch):
    monkeypatch.setattr("backtester.report.honest.util.find_spec", lambda name: None)
    assert honest_rows(plain) == []
    assert verdict_data(plain) is None


def test_the_verdict_is_in_the_head(plain, monkeypatch):
    class Verdict:
        sentence = "Nothing is proven."
        rows = (("trials", "12"), ("p", 0.4))

    monkeypatch.setattr("backtester.report.honest._verdict", lambda result: Verdict())
    wanted = {"sentence": "Nothing is proven.", "rows": [["trials", "12"], ["p", "0.4"]]}
    assert page_data(plain)["verdict"] == wanted


# --- bad input -------------------------------------------------------------------------------------------------------


def test_five_thousand_symbols(tmp_path):
    n = 5_000
    bars = daily(100.0 + np.arange(8)[:, None] + np.zeros((1, n)), symbols=[f"S{k}" for k in range(n)])

    class BuyTen(EverySoOften):
        def on_bar(self, ctx):
            if ctx.t == 2:
                for a in range(10):
                    ctx.order(a, 1.0)

    result = run(BuyTen, bars)
    result.report(tmp_path / "report.html")
    data = page_data(result)
    assert data["prices"]["total"] == n
    assert len(data["prices"]["series"]) == 500
    assert {series["asset"] for series in data["prices"]["series"]} >= set(range(10))
    assert len(data["sections"]["attribution"]["items"][1]["columns"][0]) == 11
    assert (tmp_path / "report.html").stat().st_size < 3e6


def test_metrics_that_are_all_undefined(plain, monkeypatch, tmp_path):
    monkeypatch.setattr(type(plain), "summary", lambda self: {name: float("nan") for name in plain.metrics.index})
    data = page_data(plain)
    assert {row["value"] for group in data["metrics"] for row in group["rows"]} == {None}
    assert {row["value"] for row in data["headline"]} == {None}
    write_report({"a": plain, "b": plain}, tmp_path / "report.html")


def test_equity_below_zero(tmp_path):
    """Short 1,000 at 100 with 100,000: at 300 there is a debt, until the run ends it."""
    closes = [100.0] * 5 + [150.0, 190.0, 240.0, 300.0, 280.0]

    class Short(Idle):
        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, -1_000.0)

    result = run(Short, daily(closes))
    tables = dict(vars(result.tables))
    below = tables["equity"].copy()
    below[7:] = [-40_000.0, -100_000.0, -80_000.0]
    changed = type(result)(result.bars, type(result.tables)(**tables | {"equity": below}), result._facts, {}, 0, None)
    changed.report(tmp_path / "report.html")
    data = page_data(changed)
    assert data["equity"]["y"][7:] == [-40_000, -100_000, -80_000]
    exposure = data["sections"]["exposure"]["items"][0]["lines"][0]
    assert len(exposure["y"]) == 7  # it means nothing where equity is below 0


def test_prices_below_zero():
    price = np.array([[5.0], [-3.0], [2.0], [4.0]])
    bars = Bars.from_arrays(FIRST + DAY * np.arange(4), price, price + 1, price - 1, price, allow_negative=True)
    data = page_data(run(Idle, bars))
    assert data["prices"]["series"][0]["exponent"] == 0


@pytest.mark.parametrize("name", ["plain", "hostile", "idle", "bankrupt", "ambiguous", "one_bar"])
def test_every_kind_of_run_can_be_compared(name, request, plain):
    json.dumps(document_of({"a": request.getfixturevalue(name), "b": plain}), allow_nan=False)


def test_a_result_of_an_older_version_says_what_it_does_not_hold(plain, tmp_path):
    facts = {name: value for name, value in plain._facts.items() if name != "currencies"}
    old = type(plain)(plain.bars, plain.tables, facts, {}, 0, None)
    kind, sentence = page_data(old)["notices"][0]
    assert kind == "warning"
    assert "of an older version" in sentence
    assert "splits, dividends" in sentence
    old.report(tmp_path / "report.html")
    assert not any("older version" in text for _, text in page_data(plain)["notices"])
