"""Figures for papers: the numbers, the widths of columns, fonts that stay text, and nothing global touched."""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import pytest
from notebook_cases import Weekly, hostile_bars

from backtester import run
from backtester.errors import ResultError, SettingsError
from backtester.report.paper import save

RESULT = run(Weekly(), hostile_bars(("A$B",)), mode="interpreted", benchmark="A$B")


@pytest.fixture(scope="module")
def figure():
    return RESULT.plot(backend="matplotlib")


def test_it_shows_equity_comparison_and_drawdown(figure):
    above, below = figure.axes
    compared, strategy = above.lines
    assert np.array_equal(strategy.get_ydata(), RESULT.wealth)
    assert np.array_equal(compared.get_ydata(), RESULT.benchmark)
    assert [text.get_text() for text in above.get_legend().get_texts()] == [r"A\$B", "strategy"]
    assert below.lines[0].get_ydata().max() == pytest.approx(RESULT.metrics["max_drawdown"])
    assert below.yaxis_inverted()


@pytest.mark.parametrize(("width", "inches"), [("single", 3.4), ("double", 7.0), (5, 5.0)])
def test_it_is_as_wide_as_a_column(width, inches):
    assert RESULT.plot(backend="matplotlib", width=width).get_figwidth() == inches


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_a_file_is_written_whole_and_the_same_each_time(figure, tmp_path, kind):
    paths = [tmp_path / f"{n}.{kind}" for n in "ab"]
    for path in paths:
        save(figure, path)
    one, other = (path.read_bytes() for path in paths)
    assert one == other
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in paths]
    if kind == "svg":
        assert b">drawdown</text>" in one
    if kind == "pdf":
        assert b"/Type3" not in one
        assert b"/FontFile2" in one


def test_a_picture_has_600_dots_an_inch(figure, tmp_path):
    """3.4 inches are 2,040 dots; the width is in bytes 16 to 20 of a PNG."""
    save(figure, tmp_path / "a.png")
    assert int.from_bytes((tmp_path / "a.png").read_bytes()[16:20], "big") == 2040


def test_nothing_global_is_touched():
    before = dict(mpl.rcParams)
    RESULT.plot(backend="matplotlib")
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or mpl.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": "matplot"}, "did you mean 'matplotlib'"),
        ({"backend": "matplotlib", "width": "singel"}, "did you mean 'single'"),
        ({"backend": "matplotlib", "width": 100}, "1 to 40 inches"),
        ({"backend": "matplotlib", "width": True}, "1 to 40 inches"),
    ],
)
def test_what_there_is_not_is_said(settings, words):
    with pytest.raises(SettingsError, match=words):
        RESULT.plot(**settings)


def test_a_file_that_cannot_be_written_is_said(figure, tmp_path):
    with pytest.raises(SettingsError, match=r"did you mean '\.pdf'"):
        save(figure, tmp_path / "a.pd")
    with pytest.raises(ResultError, match="cannot be written"):
        save(figure, tmp_path / "no" / "a.pdf")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError, match=r"pip install 'backtester\[paper\]'"):
        RESULT.plot(backend="matplotlib")
