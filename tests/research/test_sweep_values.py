"""Values and names of every kind: none is lost from the table, and each has a word in figures and on pages."""

from __future__ import annotations

import enum
import html
import math
from dataclasses import replace

import numpy as np
import pytest
from swept import walk

from backtester import Strategy, sweep, walk_forward
from backtester.indicators import sma
from backtester.research.walk_forward import Choice


@pytest.fixture(scope="module")
def bars():
    return walk()


class Colliding(Strategy):
    """Its parameters are called like columns of the table, and the index."""

    error: int = 1
    trial: int = 1
    sharpe: float = 1.0
    metric_sharpe: int = 1
    mean: int = 1

    def on_bar(self, ctx):
        ctx.order_target(0, self.sharpe * (ctx.t % (self.error + self.trial)))


def test_no_name_of_a_parameter_costs_a_column(bars, tmp_path):
    def mean(metrics):
        return metrics["sharpe"]

    space = {"error": [1, 2], "trial": [1, 2], "sharpe": [1.0, 2.0], "metric_sharpe": [7], "mean": [3]}
    found = sweep(Colliding, bars, **space, objective=["sharpe", mean], store=None)
    table = found.table
    assert table.columns[:6].tolist() == [*space, "mean_objective"]
    for name in space:
        assert table[name].tolist() == [found.trial(int(number)).parameters[name] for number in table.index]
    # "sharpe" and "metric_sharpe" are taken
    scores = [found.trial(int(number)).scores["sharpe"] for number in table.index]
    assert table["metric_metric_sharpe"].tolist() == table["mean_objective"].tolist() == scores
    assert (found.column("sharpe"), found.error_column, table.index.name) == (
        *("metric_metric_sharpe", "run_error"),
        "run_trial",
    )
    assert table["run_error"].tolist() == [""] * 8
    assert found.heatmap("error", "trial").layout.title.text == "metric_metric_sharpe of 8 trials, mean over 3 others"
    stable = found.stability()
    assert stable.table.columns[-3:].tolist() == ["neighbours", "around_mean", "min"]
    assert f"sharpe {found.best.scores['sharpe']:.4g}, mean of its neighbourhood" in str(stable)
    found.report(tmp_path / "page.html")


class Kind(enum.Enum):
    SLOW = 20
    FAST = 3


class Level(enum.IntEnum):
    HIGH = 9
    LOW = 4


def half(x):
    return x / 2


class Anything(Strategy):
    """Takes values of every kind, and trades by its `n`."""

    n: int = 5
    limit: int | None = None
    kind: Kind = Kind.SLOW
    level: Level = Level.LOW
    function: object = None
    weights: object = None
    number: float | int = 1
    word: str = "a"
    flag: bool = False

    def prepare(self, bars):
        self.average = sma(bars.close, self.n)

    def on_bar(self, ctx):
        ctx.order_target(0, 1.0 if ctx.close[-1, 0] > self.average[-1, 0] else 0.0)


VALUES = {
    "limit": ([3, None], ["3", "None"]),
    "kind": (list(Kind), ["SLOW", "FAST"]),
    "level": (list(Level), ["HIGH", "LOW"]),
    "function": ([np.sin, half, lambda x: x, lambda x: -x], ["sin", "half", "<lambda>", "<lambda> (2)"]),
    "weights": ([np.arange(2.0), np.zeros(2)], ["[0. 1.]", "[0. 0.]"]),
    "number": ([math.nan, 2.0], ["nan", "2"]),
    "word": (["b", "a"], ["b", "a"]),
    "flag": ([True, False], ["True", "False"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_columns_hold_the_values_that_were_tried(name, bars, tmp_path):
    values, words = VALUES[name]
    found = sweep(Anything, bars, n=[5, 9], **{name: values}, store=None)
    for one, other in zip(found.table[name], values * 2, strict=True):
        assert type(one) is type(other)
        assert one is other or repr(one) == repr(other)  # NaN is not itself
    assert found.table["n"].dtype == np.int64
    for _, row in found.table.iterrows():
        made = Anything(**row[list(found.parameters)])
        assert made.n == row["n"]
    cells = found.heatmap(name, "n").data[0]
    assert list(cells.x) == [html.escape(word) for word in words]
    assert cells.z[1][0] == found.table["sharpe"][len(values)]
    axis = found.parallel_coordinates().data[0].dimensions[1]
    assert (list(axis.ticktext), sorted(set(axis["values"]))) == (words, list(range(len(words))))
    assert len(found.stability().table) == 2 * len(values)
    found.report(tmp_path / "page.html")


@pytest.mark.parametrize("name", [*(name for name in VALUES if name != "level"), None])
def test_a_sweep_without_numbers_has_a_page_without_stability(name, bars, tmp_path):
    space = {} if name is None else {name: VALUES[name][0]}
    found = sweep(Anything, bars, **space, store=None)
    assert not found.has_neighbours
    assert "stability" not in f"{found} {found._repr_html_()}"
    found.report(tmp_path / "page.html")
    sections = {section.title: section for section in found.report_sections()}
    told = [item["text"] for item in sections["Neighbourhoods"].items]
    assert told == ["No parameter that varies has numbers for values, so that no set has neighbours."]
    assert ("Scores over parameters" in sections) == bool(space)
    if space:
        line = found.plot().data[0]
        assert list(line.x) == [html.escape(word) for word in VALUES[name][1]]
        assert list(line.y) == found.table["sharpe"].tolist()


def test_numbers_of_several_kinds_stay_what_they_are(bars):
    class Mixed(Anything):
        number: int | float = 1

    found = sweep(Mixed, bars, number=[1, 2.5], store=None)
    assert [type(value) for value in found.table["number"]] == [int, float]
    assert list(found.plot().data[0].x) == [1.0, 2.5]


def test_none_beside_numbers_is_a_place_of_its_own(bars):
    found = sweep(Anything, bars, n=[5, 9], limit=[None, 3], store=None)
    table = found.stability().table.set_index("n")
    assert table["neighbours"].tolist() == [1, 1, 1, 1]  # the other n of the same limit


def test_scattered_trials_with_arrays_have_neighbours(bars):
    values = [np.zeros(2), np.ones(2)]
    found = sweep(Anything, bars, n=range(3, 30), weights=values, method="random", n_trials=20, store=None)
    assert (found.stability().table["neighbours"] > 0).all()


def test_a_walk_keeps_the_values_that_were_chosen(bars, tmp_path):
    space = {"n": [5, 9], "limit": [None, 3], "level": list(Level), "weights": [np.zeros(2), np.ones(2)]}
    found = walk_forward(Anything, bars, space, train=150, test=100, choose="stable", store=None)
    for (_, row), one in zip(found.folds.iterrows(), found.records, strict=True):
        assert all(row[name] is one.choice.parameters[name] for name in ("limit", "level", "weights"))
        assert Anything(**row[list(space)]).n == one.choice.parameters["n"]
    found.report(tmp_path / "page.html")
    assert found.records[0].choice.parameters["level"].name in found._repr_html_()


def test_whole_numbers_of_a_walk_stay_whole_where_a_fold_has_none(bars, tmp_path):
    walked = walk_forward(Anything, bars, {"n": [5, 9]}, train=150, test=100, store=None)
    first, *rest = walked.records
    found = replace(walked, records=(replace(first, choice=Choice(None, why_not="nothing")), *rest))
    missing, *chosen = found.parameters["n"]
    assert math.isnan(missing)
    assert [(value, type(value)) for value in chosen] == [(one.choice.parameters["n"], int) for one in rest]
    found.report(tmp_path / "page.html")
