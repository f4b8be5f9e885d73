"""Help that teaches: every command has examples, and they are commands."""

from __future__ import annotations

import shlex

import pytest
import typer
from test_cli_docs import COMMANDS
from typer.testing import CliRunner

from backtester.cli.app import app
from backtester.cli.help import Example, continued, examples_of

ROOT = typer.main.get_command(app)
EXAMPLES = [(words, example.line) for words, command in COMMANDS.items() for example in command.examples]


def parse(arguments: list[str]) -> str:
    """Parse a command line down to its command, without running it, and return the command's words."""
    command, words, context = ROOT, [], None
    while True:
        context = command.make_context(command.name, arguments, parent=context)
        if not hasattr(command, "commands"):
            return " ".join(words)
        kept = vars(context)  # each version of click calls them by another name
        rest = [*kept.get("protected_args", kept.get("_protected_args", ())), *context.args]
        name, command, arguments = command.resolve_command(context, rest)
        words.append(name)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_an_example(words):
    assert COMMANDS[words].examples


@pytest.mark.parametrize(("words", "line"), EXAMPLES)
def test_an_example_is_a_call_of_its_command(words, line):
    program, *arguments = shlex.split(line)
    assert program == "backtester"
    assert parse(arguments) == words


def test_an_example_with_a_wrong_option_would_be_found():
    with pytest.raises(Exception, match="--dta"):
        parse(["run", "my.py", "--dta", "x"])


@pytest.mark.parametrize("words", COMMANDS)
def test_a_summary_is_one_line_of_60_columns(words):
    summary = COMMANDS[words].help.partition("\n\n")[0]
    assert len(summary) <= 60
    assert "\n" not in summary


@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_fits_the_terminal_and_ends_with_examples_to_copy(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    printed = CliRunner().invoke(app, ["sweep", "--help"], prog_name="backtester").stdout
    assert max(map(len, printed.splitlines())) <= width
    _, _, shown = printed.partition(" Examples\n")
    lines = shown.strip().replace("\\\n", " ").splitlines()
    assert [shlex.split(line) for line in lines] == [shlex.split(one.line) for one in COMMANDS["sweep"].examples]


def test_the_commands_are_in_groups(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(app, ["--help"], prog_name="backtester").stdout
    places = [printed.index(f"─ {name} ─") for name in ("Start here", "Backtest", "Judge", "Models", "Agents")]
    assert places == sorted(places)
    assert "<bool>" not in printed


def test_examples_are_taken_out_of_a_docstring():
    doc = (
        "Do it.\n\n    Well.\n\n    Example: `a b\n    --c`\n\n    Example, short: `a -c`\n\n    Example of none.\n    "
    )
    text, examples = examples_of(doc)
    assert text == "Do it.\n\nWell.\n\nExample of none."
    assert examples == [
        Example("a b --c"),
        Example("a -c", "short"),
    ]


def test_a_long_line_is_continued_between_words_and_never_inside_quotes():
    line = "backtester fit --scheme 'walk_forward(train=756, test=63)' --out models/ridge"
    assert continued(line, 50) == [
        "backtester fit \\",
        "    --scheme 'walk_forward(train=756, test=63)' \\",
        "    --out models/ridge",
    ]
    assert continued(line, 200) == [line]
