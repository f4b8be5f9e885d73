"""Efficiency, decay and the moves of parameters, by arithmetic and beside SciPy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress, spearmanr
from walkers import BARS, Sways

from backtester import walk_forward
from backtester.report.pages import document_of
from backtester.research.walk_forward import Choice, Decay, Fold


@pytest.fixture(scope="module")
def real():
    return walk_forward(Sways, BARS, {"step": [0.002, 0.005]}, size=-0.5, train=100, test=100, store=None)


def made(real, inside, outside, **choice):
    """Return a walk whose scores are these."""
    first = real.records[0]
    pairs = zip(inside, outside, strict=True)
    folds = [Fold(first.window, first.times, Choice({"step": 0.1}, score=a, **choice), b, {}) for a, b in pairs]
    return replace(real, records=tuple(folds))


def test_decay_by_hand(real):
    """Scores 1, 2, 4 before and 3, 2, 1 after: slope Σ(x−x̄)(y−ȳ)/Σ(x−x̄)² = (−4/3 + 0 − 5/3)/(16/9 + 1/9 + 25/9)."""
    found = made(real, [1.0, 2.0, 4.0], [3.0, 2.0, 1.0]).decay
    assert (found.folds, found.out_of_sample) == (3, 2.0)
    assert found.in_sample == pytest.approx(7.0 / 3.0)
    assert found.slope == pytest.approx(-3.0 / (42.0 / 9.0))
    assert found.rank_correlation == pytest.approx(-1.0)


def test_decay_beside_scipy(real):
    rng = np.random.default_rng(3)
    inside, outside = rng.integers(0, 6, 30).astype(float), rng.integers(0, 6, 30) / 4.0  # with many ties
    found = made(real, inside, outside).decay
    assert found.slope == pytest.approx(linregress(inside, outside).slope)
    assert found.rank_correlation == pytest.approx(spearmanr(inside, outside).statistic)


def test_what_is_missing_is_left_out_and_too_little_is_said(real):
    nan = math.nan
    found = made(real, [1.0, nan, 2.0, 3.0], [2.0, 5.0, nan, 4.0])
    assert found.decay.folds == 2
    assert (found.decay.in_sample, found.decay.out_of_sample) == (2.0, 3.0)
    assert math.isnan(found.decay.slope)
    assert "not enough data: 2 folds with both scores" in str(found)
    assert made(real, [nan], [nan]).decay.folds == 0
    equal = made(real, [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).decay
    assert math.isnan(equal.slope)
    flat = made(real, [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]).decay
    assert (flat.slope, math.isnan(flat.rank_correlation)) == (0.0, True)
    assert isinstance(flat, Decay)


def test_efficiency_is_a_ratio_of_annual_means(real):
    inside = [one.choice.metrics["annual_return"] for one in real.records]
    returns = np.asarray(real.returns)
    years = (BARS.timestamps[399] - BARS.timestamps[99]) / (365.25 * 86_400e9)
    annual = returns.mean() * len(returns) / years
    assert sum(inside) > 0.0
    assert real.efficiency == pytest.approx(annual / np.mean(inside))
    sharpes = [one.choice.metrics["sharpe"] for one in real.records]
    assert real.sharpe_efficiency == pytest.approx(real.result.metrics["sharpe"] / np.mean(sharpes))
    lost = made(real, [1.0, 2.0], [1.0, 2.0], metrics={"annual_return": -0.1, "sharpe": -1.0})
    assert math.isnan(lost.efficiency)
    assert "undefined, as the return per year in sample is not above 0" in str(lost)


def test_moves_of_parameters_by_hand(real):
    """10, 30, 30, 20 of a dimension from 10 to 30: places 0, 1, 1, ½; two of three borders change it, by 1 and ½."""
    first = real.records[0]
    values = [(10, 0.0, "a"), (30, 1.0, "a"), (30, 1.0, "b"), (20, 0.5, "b")]
    folds = [
        Fold(first.window, first.times, Choice({"n": n, "kind": kind}, 1.0, places={"n": at})) for n, at, kind in values
    ]
    table = replace(real, records=tuple(folds)).parameter_stability
    assert table.loc["n"].tolist() == [3.0, pytest.approx(2.0 / 3.0), pytest.approx(0.5)]
    assert table.loc["kind"].tolist()[:2] == [2.0, pytest.approx(1.0 / 3.0)]
    assert math.isnan(table.loc["kind", "mean_step"])


def test_its_page_says_what_was_walked_on_what(real):
    page = document_of({"folds": real})["pages"][0]
    assert (page["name"], page["title"]) == ("folds", f"Walk-forward of {real.strategy}")
    assert page["facts"][-2:] == [f"{len(real.records)} folds", f"{real.trials} trials"]
    table = page["sections"][-1]["items"][0]
    assert "test first" in [head["label"] for head in table["heads"]]
