"""The benchmark of signals measures what it says: forty features, all of them there, and targets that can be missed."""

from __future__ import annotations

import numpy as np
import pytest

from backtester.signals import Features
from benchmarks.signals import found
from benchmarks.signals.market import FEATURES, simulate
from benchmarks.signals.rows import features, martingale, names, planted, row, triple_barrier, walk_forward


def test_every_row_is_found_and_has_what_it_needs():
    assert "features" in names()
    for name in names():
        assert callable(row(name).inside)
        assert callable(row(name).sections)


def test_forty_features_are_known_at_the_last_bar():
    assert len(set(FEATURES)) == len(FEATURES) == 40
    panel = Features(FEATURES).compute(simulate(300, 4))
    assert panel.shape == (300, 4, 40)
    assert np.isfinite(panel[-1]).all()


@pytest.mark.parametrize(("seconds", "met"), [(2.9, True), (3.1, False)])
@pytest.mark.parametrize(("peak", "small"), [(806.0, True), (807.0, False)])
def test_targets_are_met_or_missed(seconds, met, peak, small):
    answer = {"cold": 9.0, "peak_mb": peak, "output_mb": 403.2, "shape": [2520, 500, 40], "finite": 1.0}
    answer |= {"two": [seconds, 0.0, 9.0], "one": [5.0], "written": [0.2]}
    speed, memory = features.sections(answer)
    assert [one.met for one in speed.rows] == [None, met, None]
    assert [one.met for one in memory.rows] == [small]
    assert not any(one.alarm for one in speed.rows)


def test_a_panel_with_holes_is_an_alarm():
    answer = {"cold": 9.0, "peak_mb": None, "output_mb": 403.2, "shape": [2520, 500, 40], "finite": 0.9}
    answer |= {"two": [1.0], "one": [1.0], "written": [0.2]}
    speed, memory = features.sections(answer)
    assert [one.alarm for one in speed.rows] == [False, True, True]
    assert memory.rows[0].met is None


def test_holm_rejects_step_by_step():
    """At 5 %: 0.01 ≤ 0.05/4, 0.015 ≤ 0.05/3, 0.03 > 0.05/2, and there it stops, though 0.04 ≤ 0.05/1."""
    assert found.holm([0.03, 0.01, 0.04, 0.015], 0.05) == [False, True, False, True]
    assert found.holm([0.02, 0.9], 0.05) == [True, False]
    assert found.holm([0.03, 0.9], 0.05) == [False, False]


def test_the_t_of_a_mean():
    """1, 2, 3, 6: mean 3, deviation √(14/3), t = 3/(√(14/3)/2) = 2.777…"""
    mean, t, p = found.t_test([1.0, 2.0, 3.0, 6.0])
    assert mean == 3.0
    assert t == pytest.approx(6.0 / np.sqrt(14.0 / 3.0))
    assert 0.06 < p < 0.08  # of t with 3 degrees of freedom: 0.05 at 3.18, 0.1 at 2.35
    assert found.t_test([0.0, 0.0]) == (0.0, 0.0, 1.0)


def test_a_model_that_finds_something_on_a_martingale_is_an_alarm():
    rng = np.random.default_rng(0)
    models = [
        {"model": "honest", "ics": rng.normal(0.0, 0.04, 50).tolist(), "seconds": 1.0},
        {"model": "seer", "ics": rng.normal(0.05, 0.04, 50).tolist(), "seconds": 1.0},
    ]
    [section] = martingale.sections({"sizes": martingale.SIZES, "models": models})
    assert [one.alarm for one in section.rows] == [False, True, False]
    assert [one.met for one in section.rows] == [True, False, None]


@pytest.mark.parametrize(("ic", "met"), [(0.179, False), (0.181, True), (0.219, True), (0.221, False)])
def test_a_planted_signal_is_found_within_a_tenth(ic, met):
    rows = planted.SIZES["test"] * planted.SIZES["n_folds"]
    assert rows == 100_000
    models = [{"model": "ridge", "ic": ic, "rows": rows, "seconds": 1.0}]
    [section] = planted.sections({"sizes": planted.SIZES, "models": models})
    assert [(one.met, one.alarm) for one in section.rows] == [(met, False)]
    models[0]["rows"] -= 1
    assert planted.sections({"sizes": planted.SIZES, "models": models})[0].rows[0].alarm


def test_what_was_planted_is_there_and_ridge_finds_it():
    """Of 0.2, with a standard error of 0.02; a mistake of a bar would find φ² = 0.04, or nothing."""
    answer = found.planted("ridge", 1_000, 1_250, 2, seed=1)
    assert answer["rows"] == 2_500
    assert 0.14 < answer["ic"] < 0.26


def test_on_a_martingale_a_model_has_as_many_rows_as_the_caption_says():
    sizes = {"assets": 2, "train": 60, "test": 30, "folds": 2}
    ic, _ = found.martingale(sizes, ("ridge", 0))
    assert -1.0 < ic < 1.0
    assert found.martingale(sizes, ("ridge", 0))[0] == ic
    assert found.martingale(sizes, ("ridge", 1))[0] != ic
    caption = martingale.sections(
        {"sizes": {"seeds": 2, **sizes}, "models": [{"model": "m", "ics": [0.1, 0.2], "seconds": 1.0}]}
    )
    assert "train on 120 samples, 118 test rows" in caption[0].caption  # 2 × 60; 2 × (2 × 30 − 1)


@pytest.mark.parametrize(("ms", "met"), [(49.0, True), (51.0, False)])
def test_labels_are_compared_with_the_loop(ms, met):
    answer = {"bars": 10, "same": True, "reach": 4.0, "floor": [0.01], "ours": [ms / 1e3]}
    [section] = triple_barrier.sections(answer)
    assert [(one.met, one.alarm) for one in section.rows] == [(None, False), (met, False)]
    assert triple_barrier.sections({**answer, "same": False})[0].rows[1].alarm


@pytest.mark.parametrize(("seconds", "met"), [(19.0, True), (21.0, False)])
def test_a_walk_forward_of_another_number_of_folds_or_with_holes_is_an_alarm(seconds, met):
    answer = {"shape": (2520, 500, 40), "cold": 1.0, "train": 756, "test": 76, "peak_mb": 900.0, "panel_mb": 403.2}
    answer |= {"folds": 20, "spoken": 1.0, "in_time": True, "samples": 375_500, "whole": [seconds], "features": [2.0]}
    speed, memory = walk_forward.sections(answer)
    assert [(one.met, one.alarm) for one in speed.rows] == [(None, False), (met, False)]
    assert memory.rows[0].ratio == pytest.approx(900.0 / 403.2)
    for wrong in ({"folds": 19}, {"spoken": 0.9}, {"in_time": False}):
        assert walk_forward.sections({**answer, **wrong})[0].rows[1].alarm
