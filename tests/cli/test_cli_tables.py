"""Tables and results on a terminal: golden at fixed widths, colour where it is wanted, nothing cut off."""

from __future__ import annotations

import re

import pytest

from backtester.cli import output
from backtester.cli.table_text import table_text
from backtester.summary_text import narrowed

HEADS = ("name", "what it is", "bars", "return")
ROWS = [
    ("sp500", "an index of five hundred companies", "5,031", "-1.50 %"),
    ("eur[usd]", "a rate", "6,225", "12.00 %"),
]
RIGHT = ("bars", "return")


def test_a_table_is_as_wide_as_it_likes_where_there_is_room():
    assert table_text(HEADS, ROWS, RIGHT).splitlines() == [
        "name      what it is                           bars   return",
        "sp500     an index of five hundred companies  5,031  -1.50 %",
        "eur[usd]  a rate                              6,225  12.00 %",
    ]
    assert table_text(HEADS, ROWS, RIGHT, 60) == table_text(HEADS, ROWS, RIGHT)


def test_text_is_folded_where_there_is_less_and_numbers_are_not():
    assert table_text(HEADS, ROWS, RIGHT, 46).splitlines() == [
        "name      what it is             bars   return",
        "sp500     an index of five      5,031  -1.50 %",
        "          hundred companies",
        "eur[usd]  a rate                6,225  12.00 %",
    ]


def test_rows_are_blocks_where_there_is_no_room_for_columns():
    assert table_text(HEADS, ROWS, RIGHT, 30).splitlines() == [
        "name sp500",
        "  what it is  an index of five",
        "              hundred",
        "              companies",
        "  bars        5,031",
        "  return      -1.50 %",
        "name eur[usd]",
        "  what it is  a rate",
        "  bars        6,225",
        "  return      12.00 %",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 46, 60, 80])
def test_no_line_is_wider_than_the_terminal_and_no_cell_is_lost(width):
    lines = table_text(HEADS, ROWS, RIGHT, width).splitlines()
    assert max(map(len, lines)) <= width
    squeezed = "".join("".join(lines).split())
    for cell in ("eur[usd]", "5,031", "-1.50%"):
        assert cell in squeezed


def test_names_cannot_move_the_cursor_or_be_markup():
    text = table_text(("a",), [("\x1b[31mred",), ("[bold]x[/bold]",)])
    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text


def test_negative_numbers_are_red_and_heads_bold_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    styled = table_text(HEADS, ROWS, RIGHT, 80, styled=True)
    assert "\x1b[31m-1.50 %" in styled
    assert "\x1b[31m12.00 %" not in styled
    assert re.sub(r"\x1b\[[\d;]*m", "", styled).split() == table_text(HEADS, ROWS, RIGHT, 80).split()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in table_text(HEADS, ROWS, RIGHT, 80, styled=True)


# --- a result --------------------------------------------------------------------------------------------------------

RESULT = "\n".join(
    [
        "Hold(units=10)",
        "  symbols  A",
        "",
        "Return" + " " * 36 + "Risk",
        "  final equity              131,281.74      volatility per year          10.93 %",
        "  total return                 31.28 %",
        " " * 42 + "  maximum drawdown             33.85 %",
        "",
        "! This is a warning that is a good deal longer than sixty columns of text.",
    ]
)


def test_groups_stand_below_each_other_on_a_narrow_terminal():
    assert narrowed(RESULT, 60).split("\n") == [
        "Hold(units=10)",
        "  symbols  A",
        "",
        "Return",
        "  final equity              131,281.74",
        "  total return                 31.28 %",
        "",
        "Risk",
        "  volatility per year          10.93 %",
        "  maximum drawdown             33.85 %",
        "",
        "! This is a warning that is a good deal longer than sixty",
        "  columns of text.",
    ]
    assert narrowed(RESULT, 80) == RESULT


@pytest.mark.parametrize("width", [40, 60, 79])
def test_the_words_of_a_real_result_are_all_there(cli, width):
    wide = cli("run", "hold.py", "--data", "prices.csv", "--mode", "interpreted").stdout
    narrow = narrowed(wide, width)
    assert max(map(len, narrow.splitlines())) <= width
    assert sorted(narrow.split()) == sorted(wide.split())


class TestOnATerminal:
    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch):
        monkeypatch.setattr(output, "on_terminal", lambda: True)
        monkeypatch.setattr(output, "columns", lambda: 60)
        monkeypatch.setattr(output, "say", self.printed.append)
        self.printed.clear()

    printed: list[str] = []  # noqa: RUF012

    def test_sentences_end_between_words(self):
        output.say_prose("one two three four five six seven eight nine ten eleven twelve\n\nthirteen")
        assert self.printed == ["one two three four five six seven eight nine ten eleven\n  twelve\n\nthirteen"]

    def test_headings_of_a_result_are_bold_and_warnings_yellow(self, monkeypatch):
        monkeypatch.delenv("NO_COLOR", raising=False)
        output.say_result(RESULT)  # what str() makes of it is all that is asked for
        lines = self.printed[0].split("\n")
        assert lines[3] == "\x1b[1mReturn\x1b[0m"
        assert lines[4] == "  final equity              131,281.74"
        assert lines[-2].startswith("\x1b[33m! This")

    def test_without_colours_nothing_is_coloured(self, monkeypatch):
        monkeypatch.setenv("NO_COLOR", "1")
        assert output.coloured("error:", "red", bold=True) == "\x1b[1merror:\x1b[0m"
