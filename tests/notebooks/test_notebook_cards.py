"""Cards: what they say is true, nothing in a name is markup, and they have no colours but the page's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from notebook_cases import NAMES, Card, Weekly, hostile_bars

from backtester import Bars, run, sweep
from backtester.html_text import Table, card, sparkline
from backtester.signals import Signal
from envs.agents import Agent

BARS = hostile_bars()


@pytest.fixture(scope="module")
def objects():
    """Every object that has a card, with names that would be markup."""
    values = np.where(np.arange(BARS.n_bars)[:, np.newaxis] >= 10, 0.25, np.nan) * np.ones(BARS.n_assets)
    agent = Agent(
        "q_<learning>",
        None,
        Box(-1.0, 1.0, (2,)),
        Discrete(3),
        {"id": "backtester/<b>-v0", "settings": {"<i>": "</td>", "window": 8}},
        {"seed": 7, "steps": 2000, "ended": "complete", "validation": [[1000, 1.5], [2000, 2.5]]},
    )
    return {
        "bars": BARS,
        "strategy": Weekly(),
        "result": run(Weekly(), BARS, mode="interpreted"),
        "sweep": sweep(
            Weekly, BARS, every=[5, 10], label=["<b>", "x"], mode="interpreted", store=None, objective="cagr"
        ),
        "signal": Signal.of(values, BARS, name="<script>"),
        "agent": agent,
    }


KINDS = ("bars", "strategy", "result", "sweep", "signal", "agent")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_a_name_is_markup(objects, kind):
    text = objects[kind]._repr_html_()
    read = Card(text)
    read.assert_harmless()
    assert "<script" not in text
    assert len(text) < 20_000


@pytest.mark.parametrize("kind", KINDS)
def test_text_has_the_colour_of_the_page(objects, kind):
    text = objects[kind]._repr_html_()
    colours = set(re.findall(r"#[0-9a-f]{3,8}\b", text))
    assert colours <= {"#3b82c4"}
    assert not re.findall(r"[^-]\bcolor:(?!inherit)", text)
    assert "<style" not in text


def texts(one) -> list[str]:
    return Card(one._repr_html_()).texts


def test_bars_say_what_they_hold(objects):
    said = texts(objects["bars"])
    assert said[said.index("bars") + 1] == "30"
    rows = {said[n]: said[n + 1 : n + 7] for n, text in enumerate(said) if text in NAMES[:2]}
    assert rows[NAMES[0]] == ["30", "0", "100", "129", "99", "130"]
    assert said[-6:] == ["29", "1", "100", "129", "99", "130"]


def test_a_strategy_says_its_parameters_and_what_it_is(objects):
    said = texts(objects["strategy"])
    at = said.index("every")
    assert said[at : at + 4] == ["every", "10", "int", "10"]
    assert said[-1] == "Buys <b>one</b> unit every ten bars."


def test_a_result_says_its_numbers(objects):
    result = objects["result"]
    said = texts(result)
    assert said[0].startswith("Weekly(every=10, label=</td><script>)")
    assert f"{100 * result.metrics['total_return']:.2f} %" in said
    assert f"{result.metrics['sharpe']:.3f}" in said


def test_a_sweep_says_the_best_and_that_it_is_the_best_of_many(objects):
    said = texts(objects["sweep"])
    found = objects["sweep"]
    assert said[said.index("tried") + 1] == "4 sets of parameters"
    assert said[said.index("n trades") + 1] == str(found.best.number)
    assert said[-1].startswith("This is the best of 4 on the same data")


def test_a_signal_says_what_and_when(objects):
    said = texts(objects["signal"])
    assert said[0] == "Signal <script>"
    assert said[said.index("bars with a value") + 1] == "20 of 30"
    at = said.index(NAMES[0])
    assert said[at + 1 : at + 5] == ["20", "0.25", "0", "0.25"]


def test_an_agent_says_where_it_was_trained_and_how_it_did(objects):
    said = texts(objects["agent"])
    assert said[said.index("steps") + 1] == "2,000"
    assert said[said.index("best of validations") + 1] == "2.5, of 2"
    assert said[said.index("window") + 1] == "8"


def test_hard_cases_have_cards_too():
    one = hostile_bars(("A",), 3)[:1]
    two = hostile_bars(("A",), 3)[:2]
    for hard in (one, run(Weekly(), two, mode="interpreted"), Signal.of(np.full(1, np.nan), one)):
        Card(hard._repr_html_()).assert_harmless()
    many = Bars.align([hostile_bars((f"A{n}",), 3) for n in range(30)])
    assert "and 22 more assets" in texts(many)


# --- parts -----------------------------------------------------------------------------------------------------------


def points(text: str) -> list[list[tuple[float, float]]]:
    pieces = re.findall(r'points="([^"]*)"', text)
    return [[tuple(map(float, point.split(","))) for point in piece.split()] for piece in pieces]


def test_a_sparkline_has_its_lowest_value_at_the_bottom_and_breaks_at_gaps():
    """300 by 56 pixels with an edge of 2: five values are 74 pixels apart."""
    assert points(sparkline([1.0, 3.0, np.nan, 2.0, 1.0])) == [
        [(2.0, 54.0), (76.0, 2.0)],
        [(224.0, 28.0), (298.0, 54.0)],
    ]


def test_a_long_sparkline_keeps_its_peaks():
    values = np.zeros(100_000)
    values[50_000], values[70_000] = 5.0, -3.0
    (line,) = points(sparkline(values))
    assert len(line) <= 242
    assert {y for _, y in line} >= {2.0, 54.0}


def test_a_baseline_is_drawn_where_it_is_in_sight():
    assert 'y1="28.0"' in sparkline([-1.0, 1.0], baseline=0.0)
    assert "<line" not in sparkline([1.0, 2.0], baseline=0.0)


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, 1.0], [np.inf, -np.inf, 2.0]])
def test_without_two_finite_values_there_is_no_sparkline(values):
    assert sparkline(values) == ""


def test_a_constant_line_is_drawn():
    assert points(sparkline([7.0, 7.0])) == [[(2.0, 54.0), (298.0, 54.0)]]


def test_a_card_escapes_every_part():
    bad = "<b>&\x00"
    made = Card(card(bad, [(bad, bad)], picture=sparkline([1, 2], bad), table=Table((bad,), [[bad]]), notes=[bad]))
    made.assert_harmless()
    assert made.texts == ["<b>&\ufffd"] * 7
