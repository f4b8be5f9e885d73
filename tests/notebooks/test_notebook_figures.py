"""Figures hold the numbers they show, share one look, and show names as text."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from notebook_cases import NAMES, Weekly, hostile_bars

from backtester import Bars, run, sweep
from backtester.errors import DataError, SettingsError, StrategyError
from backtester.figure_style import CYCLE
from envs.agents import Agent
from envs.errors import TrainingError

BARS = hostile_bars()
DAILY = hostile_bars(("A",), 4000)


def agent(**training) -> Agent:
    told = {"seed": 7, "steps": 2000, **training}
    return Agent("ppo", None, Box(-1.0, 1.0, (2,)), Discrete(3), {"id": "backtester/<b>-v0"}, told)


# --- bars ------------------------------------------------------------------------------------------------------------


def test_candles_are_the_bars():
    candles, volume = BARS.plot(NAMES[2]).data
    there = np.arange(30) != 5  # its pause
    for name in ("open", "high", "low", "close"):
        assert np.array_equal(getattr(candles, name), BARS[name][there, 2])
    assert np.array_equal(volume.y, np.full(29, 10.0))
    assert str(candles.x[0])[:10] == "2020-01-01"  # the session of a bar that closes at midnight


def test_of_many_bars_several_are_one_candle_and_none_is_lost():
    """4,000 bars are three a candle; the first opens at 99.5 and closes at 102, and the last holds one bar."""
    figure = DAILY.plot()
    candles, volume = figure.data
    assert figure.layout.title.text.endswith("3 bars a candle")
    assert len(candles.close) == 1334
    assert (candles.open[0], candles.high[0], candles.low[0], candles.close[0]) == (99.5, 103.0, 99.0, 102.0)
    assert (candles.close[-1], volume.y[0], volume.y[-1]) == (4099.0, 30.0, 10.0)


def test_a_menu_chooses_the_asset_and_names_are_text():
    figure = BARS.plot()
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons][:2] == [
        "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
        "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;",
    ]
    assert list(buttons[1].args[0]["visible"]) == [False, False, True, True, False, False]
    assert [trace.visible for trace in figure.data] == [True, True, False, False, False, False]
    assert "<" not in figure.layout.title.text


def test_an_asset_without_a_bar_is_an_empty_picture():
    close = np.column_stack([np.arange(1.0, 4.0), np.full(3, np.nan)])
    day = 86_400 * 10**9
    bars = Bars.from_arrays(day * np.arange(1, 4), close, close, close, close, close, symbols=("A", "B"))
    assert bars.plot("B").data[0].close is None


def test_an_unknown_symbol_is_said():
    with pytest.raises(DataError, match="no symbol 'a'"):
        DAILY.plot("a")


# --- strategy --------------------------------------------------------------------------------------------------------


def test_what_is_like_a_price_is_drawn_on_the_prices_and_the_rest_below():
    strategy = Weekly()
    figure = strategy.plot(BARS, NAMES[1])
    close, average, change = figure.data
    assert np.array_equal(close.y, BARS.close[:, 1])
    assert np.array_equal(average.y, BARS.close[:, 1] * 1.01)
    assert (average.name, average.yaxis, change.name, change.yaxis) == ("average", "y", "change", "y2")
    assert not hasattr(strategy, "average")
    with pytest.raises(StrategyError, match="no symbol 'x'"):
        strategy.plot(BARS, "x")


# --- sweep -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept():
    settings = {"mode": "interpreted", "store": None, "objective": "total_return"}
    return {
        1: sweep(Weekly, BARS, every=[20, 5, 10], **settings),
        2: sweep(Weekly, BARS, every=[5, 10], label=["<b>", "x"], **settings),
    }


def test_one_parameter_is_a_line_with_the_best_marked(swept):
    line, best = swept[1].plot().data
    assert tuple(line.x) == (5, 10, 20)
    assert list(line.y) == swept[1].table.sort_values("every")["total_return"].tolist()
    assert (best.x[0], best.y[0]) == (swept[1].best.parameters["every"], swept[1].best.scores["total_return"])
    assert swept[1].plot(value="sharpe").layout.yaxis.title.text == "sharpe"


def test_two_parameters_are_a_heat_map(swept):
    (cells,) = swept[2].plot().data
    table = swept[2].table
    assert cells.z.shape == (2, 2)
    assert cells.z[0, 0] == table[(table["every"] == 5) & (table["label"] == "<b>")]["total_return"].item()
    assert swept[2].plot(x="label").layout.xaxis.title.text == "label"


def test_a_sweep_without_such_a_parameter_says_so(swept):
    with pytest.raises(SettingsError, match="did you mean 'every'"):
        swept[2].plot(x="evry")
    with pytest.raises(SettingsError, match="no parameter"):
        swept[1].plot(x="label")


# --- agent -----------------------------------------------------------------------------------------------------------


def test_validations_are_the_curve_of_an_agent():
    figure = agent(validation=[[1000, 1.5], [2000, 2.5]]).plot()
    (curve,) = figure.data
    assert (list(curve.x), list(curve.y), curve.name) == ([1000, 2000], [1.5, 2.5], "validation")
    assert figure.layout.shapes[0].x0 == 2000
    assert figure.layout.title.text == "ppo in backtester/&lt;b&gt;-v0"


def test_a_log_adds_training_and_equity(tmp_path):
    (tmp_path / "progress.csv").write_text(
        "steps,episode_return,equity,validation_return\n100,1.0,1000.0,\n200,,1100.0,0.5\n300,3.0,1200.0,\n"
    )
    training, validation, equity = agent().plot(tmp_path).data
    assert (list(training.x), list(training.y)) == ([100.0, 300.0], [1.0, 3.0])
    assert (list(validation.x), list(validation.y)) == ([200.0], [0.5])
    assert (list(equity.y), equity.yaxis) == ([1000.0, 1100.0, 1200.0], "y2")


def test_an_agent_without_a_curve_says_what_would_make_one(tmp_path):
    with pytest.raises(TrainingError, match="pass log="):
        agent().plot()
    with pytest.raises(TrainingError, match=r"progress\.csv: the log cannot be read"):
        agent().plot(tmp_path)
    (tmp_path / "progress.csv").write_text("steps\nx\n")
    with pytest.raises(TrainingError, match="is no log of a training"):
        agent().plot(tmp_path)


# --- one look --------------------------------------------------------------------------------------------------------


def test_every_figure_has_the_same_look(swept):
    figures = [
        BARS.plot(),
        Weekly().plot(BARS),
        run(Weekly(), BARS, mode="interpreted").plot(),
        swept[1].plot(),
        swept[2].plot(),
        swept[2].parallel_coordinates(),
        agent(validation=[[1, 1.0]]).plot(),
    ]
    looks = {figure.layout.template.to_plotly_json()["layout"]["paper_bgcolor"] for figure in figures}
    assert looks == {"rgba(0,0,0,0)"}
    assert {tuple(figure.layout.template.layout.colorway) for figure in figures} == {CYCLE}


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.1)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_can_be_read_on_white_and_on_black():
    """WCAG asks for a contrast of 3 for large text and graphics; text has 4 and more here."""
    from backtester.figure_style import template
    from backtester.html_text import BLUE

    for colour in (template().layout.font.color, BLUE):
        light = luminance(colour)
        assert 1.05 / (light + 0.05) >= 4.0
        assert (light + 0.05) / 0.05 >= 4.0
