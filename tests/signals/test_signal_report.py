"""The page of a signal has its scores."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backtester import Bars
from backtester.report.pages import document_of
from backtester.signals import Signal, WalkForward, direction, predict_out_of_sample

BARS = Bars.sample("sp500")[:700]


@pytest.fixture(scope="module")
def signal():
    scheme = WalkForward(train=250, test=150)
    features = ["log_return(1)", "log_return(5)"]
    return predict_out_of_sample("logistic", features, direction(BARS, 5), BARS, scheme, importance=True)


def test_scores_calibration_information_and_importance_are_the_signals(signal):
    sections = {section.title: section for section in signal.report_sections()}
    metrics = signal.metrics()
    scores = dict(sections["Scores out of sample"].items[0]["rows"])
    assert scores["samples"] == f"{metrics.n_samples:,}"
    total = sections["Information coefficient"].items[0]["lines"][0]["y"]
    assert total[-1] == pytest.approx(np.nansum(metrics.ic_series["rank_ic"]), rel=1e-6)
    curve, dotted = sections["Calibration"].items[0]["lines"]
    assert dotted["y"] == [0, 1]
    assert all(0.0 <= share <= 1.0 for share in curve["y"])
    importance = sections["Importance"].items[0]
    wanted = np.mean([[fold.importance[name] for name in importance["labels"]] for fold in signal.folds], axis=0)
    assert importance["groups"][0]["values"] == pytest.approx(wanted.tolist(), rel=1e-6)
    by_year = sections["Scores in parts"].items[0]
    assert by_year["columns"][0] == metrics.by_year.index.tolist()
    json.dumps(document_of(signal), allow_nan=False)


def test_numbers_without_a_label_have_a_page(tmp_path):
    values = np.sin(np.arange(BARS.n_bars) / 9.0)
    own = Signal.of(values, BARS, "sine")
    own.report(tmp_path / "signal.html")
    sections = own.report_sections()
    assert [section.title for section in sections] == ["Scores", "Importance", "The signal"]
    assert sections[-1].items[0]["lines"][0]["y"] == pytest.approx(values.tolist(), abs=1e-7)
