"""Sections are plain values, and refuse what a page could not draw."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from backtester.errors import ResultError
from backtester.report import Reportable, Section
from backtester.report import sections as of
from backtester.report.columns import compact_column
from backtester.report.studies import fold_sections, stress_sections


def expanded(column):
    """Make a compact column whole, as the page's script does."""
    if isinstance(column, list):
        return column
    if "words" in column:
        return [column["words"][code] for code in column["codes"]]
    if "all" in column:
        return [column["all"]] * column["n"]
    return np.cumsum(column["steps"]).tolist()


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["buy", "sell"] * 40, "words"),
        ([None] * 90, "all"),
        ([0] * 90, "all"),
        (list(range(5, 500, 5)), "steps"),
        ([1.5, 2.5] * 50, None),
        ([1, None] * 50, None),
        ([True, 1] * 50, None),
        ([3, 900] * 40, None),
        (["a"] * 5, None),
    ],
)
def test_columns_in_fewer_signs_say_the_same(values, form):
    found = compact_column(values)
    assert expanded(found) == values
    assert (form in found) if form else found is values


def test_a_line_keeps_gaps_and_times_are_milliseconds():
    days = pd.date_range("2020-01-01", periods=3, tz="UTC")
    found = of.line("a", [1.0, np.nan, 3.0], days)
    assert found["x"] == [1577836800000, 1577923200000, 1578009600000]
    assert found["y"] == [1, None, 3]
    assert of.line("a", [1.0], days[:1].tz_localize(None).to_numpy())["x"] == [1577836800000]


def test_long_lines_are_down_sampled_to_true_points():
    values = np.random.default_rng(2).normal(size=100_000).cumsum()
    found = of.line("a", values)
    assert len(found["y"]) <= of.LINE_POINTS + 4
    at = np.array(found["x"], np.int64)
    np.testing.assert_allclose(found["y"], values[at], rtol=1e-7)
    assert max(found["y"]) == pytest.approx(values.max(), rel=1e-7)


def test_a_histogram_counts_every_finite_value():
    values = np.r_[np.random.default_rng(1).normal(size=5_000), np.nan, np.inf, 40.0]
    found = of.histogram("h", values)
    assert sum(found["counts"]) == found["n"] == 5_001
    assert found["edges"][-1] < 40.0  # it counts in the last part
    assert of.histogram("h", [np.nan])["counts"] == []
    assert sum(of.histogram("h", [2.0, 2.0])["counts"]) == 2


def test_the_normal_curve_has_the_mass_of_the_bars():
    found = of.histogram("h", np.random.default_rng(1).normal(3.0, 2.0, 20_000), normal=True)
    assert sum(found["curve"]) == pytest.approx(20_000, rel=0.01)


def test_a_frame_is_a_table_with_its_index_and_the_words_of_metrics():
    frame = pd.DataFrame({"sharpe": [1.0, np.nan], "when": pd.to_datetime(["2020-01-02 00:00", "2020-01-03 12:30"])})
    found = of.frame_table("t", frame.set_index(pd.Index([2019, 2020], name="year")), {"sharpe": "number"})
    assert [head["label"] for head in found["heads"]] == ["year", "Sharpe", "when"]
    assert [head["unit"] for head in found["heads"]] == ["plain", "number", "text"]
    assert found["columns"] == [[2019, 2020], [1, None], ["2020-01-02", "2020-01-03 12:30:00"]]
    assert len(of.frame_table("", frame)["heads"]) == 2


def test_values_of_mixed_kinds_are_text():
    found = of.table("t", {"value": [1, "two", None, 2.5]})
    assert found["columns"] == [["1", "two", "", "2.5"]]
    assert of.table("t", {"value": [1, None, 2.5]})["columns"] == [[1, None, 2.5]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: of.table("t", {"a": [1], "b": [1, 2]}), "must have one"),
        (lambda: of.table("t", {"a": [1]}, {"a": "per cent"}), "did you mean 'percent'"),
        (lambda: of.lines("l", [], unit="percents"), "did you mean 'percent'"),
        (lambda: of.line("l", [1.0], colour="acent"), "did you mean 'accent'"),
        (lambda: of.heat_map("h", [1], [1, 2], [[1.0]]), r"must be \(2, 1\)"),
        (lambda: of.heat_map("h", range(200), range(200), np.zeros((200, 200))), "40,000 cells are more"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(ResultError, match=message):
        make()


def test_an_object_with_sections_is_reportable():
    class Own:
        def report_sections(self):
            return [Section("A title, and more", [of.text("x")])]

    assert isinstance(Own(), Reportable)
    assert Own().report_sections()[0].as_json()["anchor"] == "a-title-and-more"
    assert Section("…").as_json()["anchor"] == "section"


def test_folds_have_bars_a_cloud_parameters_and_their_table():
    folds = pd.DataFrame({"is": [1.0, 2.0, 1.5], "oos": [0.5, np.nan, 1.0]}, index=pd.RangeIndex(3, name="fold"))
    chosen = pd.DataFrame({"fast": [5, 6, 7], "kind": ["a", "b", "a"]})
    found = fold_sections(
        folds, in_sample="is", out_of_sample="oos", parameters=chosen, objective="sharpe", said="Half is left."
    )
    assert [section.title for section in found] == ["Folds", "Chosen parameters", "Table of folds"]
    said, columns, cloud = found[0].items
    assert said["text"] == "Half is left."
    assert columns["groups"][1] == {"name": "out of sample", "values": [0.5, None, 1]}
    assert cloud["x"] == [1, 1.5]  # the fold without a score is no point
    assert [item["kind"] for item in found[1].items] == ["lines", "table"]
    json.dumps([section.as_json() for section in found], allow_nan=False)


def test_stress_has_bars_for_few_scenarios_and_a_histogram_for_many():
    rows = [("costs", f"x{k}", 1.0 - 0.5 * k) for k in range(4)]
    rows += [("bootstrap", str(k), 0.01 * k) for k in range(100)]
    table = pd.DataFrame(rows, columns=["kind", "scenario", "sharpe"])
    found = stress_sections(table, base=1.0, said="It dies at x2.", facts_of={"seed": "0"})
    assert [item["kind"] for item in found[1].items] == ["bars", "histogram"]
    assert found[1].items[0]["groups"][0]["values"] == [1, 0.5, 0, -0.5]
    assert found[1].items[0]["span"] == [-0.5, 1]  # one scale for the bars of all kinds
    assert found[1].items[1]["marks"] == [[1, "without stress"]]
    assert found[2].items[0]["total"] == 104
    json.dumps([section.as_json() for section in found], allow_nan=False)


def test_tables_of_studies_have_words_for_heads_and_truths_and_no_empty_columns():
    folds = pd.DataFrame(
        {
            "fast_n": [5, 6],
            "in_sample": [1.0, 2.0],
            "oos": [0.5, 1.0],
            "traded_return": [0.1, -0.2],
            "why_not": ["", ""],
        }
    )
    found = fold_sections(folds, in_sample="in_sample", out_of_sample="oos", parameters=folds[["fast_n"]])
    heads = {head["label"]: head["unit"] for head in found[-1].items[0]["heads"]}
    assert heads == {"fast_n": "count", "in sample": "number", "oos": "number", "traded return": "percent"}
    summary = pd.DataFrame(
        {"survives": pd.array([True, False, None], "boolean"), "note": [np.nan] * 3}, index=list("abc")
    )
    table = pd.DataFrame({"kind": ["a"], "scenario": ["x"], "sharpe": [1.0]})
    by_kind = stress_sections(table, summary=summary)[0].items[0]
    assert [head["label"] for head in by_kind["heads"]] == ["index", "survives"]
    assert by_kind["columns"][1] == ["yes", "no", ""]
