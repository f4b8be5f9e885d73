"""The page about the command line names every command and every option there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from backtester.cli.app import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group, above: str = ""):
    """Yield (words, command) of every command of a group, those of its groups included."""
    for name, command in group.commands.items():
        words = f"{above}{name}"
        if hasattr(command, "commands"):
            yield from commands(command, f"{words} ")
        else:
            yield words, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_there_are_the_commands_of_the_design():
    wanted = "new strategy|strategies list|models list|data info|data check|data convert|data sample"
    head, rest = (
        "demo run sweep walk-forward stress check trials report compare diff train evaluate fit predict examples "
        "bench-agents",
        wanted.split("|"),
    )
    assert set(COMMANDS) == {*head.split(), *rest}


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_and_its_options_are_on_the_page(words):
    group, _, verb = words.rpartition(" ")
    assert f"backtester {words}" in PAGE or re.search(rf"\| `{group} {verb}\b", PAGE)
    options = {name for param in COMMANDS[words].params for name in param.opts if name.startswith("--")}
    everywhere = {"--help", "--json", "--quiet"}  # said once, for all
    missing = [name for name in options - everywhere if not re.search(rf"{name}\b", PAGE)]
    assert missing == []


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_says_what_it_does_and_how_it_ends(words):
    command = COMMANDS[words]
    assert command.help.partition("\n")[0].endswith(".")
    assert "Exit codes: 0 done" in command.epilog


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_that_prints_takes_json_and_quiet(words):
    options = {name for param in COMMANDS[words].params for name in param.opts}
    assert {"--json", "--quiet", "-q"} <= options
