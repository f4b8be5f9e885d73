"""The page of a sweep has the scores of its table."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backtester import Bars, Costs, sweep
from backtester.errors import SweepError
from backtester.report import Reportable
from backtester.report.pages import document_of
from strategies import SmaCross


@pytest.fixture(scope="module")
def found():
    bars = Bars.sample("sp500")[:600]
    return sweep(SmaCross, bars, fast=range(5, 11, 2), slow=range(20, 50, 10), store=None, costs=Costs(spread=0.001))


def item_of(sections, title, kind):
    section = next(section for section in sections if section.title == title)
    return next(item for item in section.items if item["kind"] == kind)


def test_a_cell_of_the_heat_map_is_the_score_of_its_parameters(found):
    heat = item_of(found.report_sections(), "Scores over parameters", "heat")
    assert (heat["x_title"], heat["y_title"]) == ("slow", "fast")
    assert (heat["x"], heat["y"]) == (["20", "30", "40"], ["5", "7", "9"])
    for row in found.table.itertuples():
        cell = heat["values"][heat["y"].index(str(row.fast))][heat["x"].index(str(row.slow))]
        assert cell == pytest.approx(row.sharpe, rel=1e-5)


def test_trials_are_listed_best_first_and_counted(found):
    sections = found.report_sections()
    trials = item_of(sections, "Trials", "table")
    heads = [head["label"] for head in trials["heads"]]
    scores = trials["columns"][heads.index("Sharpe")]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(found.best.scores["sharpe"], rel=1e-7)
    assert trials["total"] == found.trials == 9
    spread = item_of(sections, "What was tried", "histogram")
    assert sum(spread["counts"]) == np.isfinite(found.table["sharpe"]).sum()


def test_a_sweep_is_written_beside_others(found, tmp_path):
    assert isinstance(found, Reportable)
    document = document_of({"sweep": found})
    page = document["pages"][0]
    assert (page["name"], page["title"]) == ("sweep", "Sweep of SmaCross")
    assert page["facts"] == ["SP500", "1999-01-04 – 2001-05-18", "600 bars of 1 day", "9 sets of parameters"]
    json.dumps(document, allow_nan=False)
    found.report(tmp_path / "sweep.html")
    assert document_of(found)["title"] == "Sweep of SmaCross"


def test_a_sweep_without_a_score_says_so():
    with pytest.raises(SweepError) as caught:
        sweep(SmaCross, Bars.sample("sp500")[:25], fast=[2, 3], slow=[20, 22], store=None)
    sections = caught.value.sweep.report_sections()
    told = [item["text"] for item in sections[0].items if item["kind"] == "text"]
    assert [section.title for section in sections] == ["What was tried", "Trials"]
    assert told == ["No trial has a sharpe."]
