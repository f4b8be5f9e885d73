"""`backtester strategies list`: what is there is found by looking, and said as it is."""

from __future__ import annotations

import importlib
import sys
import types

import pytest

import strategies

TWO = '''
    """Two of them.

    Source: Jane Doe, "A Title"
    (1999), chapter 3.
    """
    from typing import Literal

    from backtester import Strategy
    from hold import Hold

    class One(Strategy):
        """Do the first thing, over
        two lines.

        And more of it.
        """

        n: int
        side: Literal["long", "short"] = "long"
        x: float | None = None

    class Other(Hold):
        units = 3.0
'''


def test_every_shipped_strategy_is_listed_with_what_runs_it(cli):
    found = {entry["name"]: entry for entry in cli.json("strategies", "list")["strategies"]}
    assert set(found) >= set(strategies.__all__)
    for name, entry in found.items():
        kind = getattr(importlib.import_module(entry["module"]), name)
        assert entry["summary"] == kind.__doc__.strip().partition("\n\n")[0].replace("\n", " ")
        given = {one["name"]: "an agent" for one in entry["parameters"] if one["required"]}
        defaults = {one["name"]: one["default"] for one in entry["parameters"]}
        assert defaults | given == kind(**given).parameters
        with open(entry["file"], encoding="utf-8") as file:
            assert file.read().splitlines()[entry["line"] - 1].startswith(f"class {name}(")
    assert "Brock" in found["SmaCross"]["source"]
    # what stands there is what `run` takes
    assert cli.json("run", found["SmaCross"]["run"], "--data", "sample:sp500")["manifest"]["strategy"] == "SmaCross"


def test_the_text_names_parameters_with_their_defaults(cli):
    text = cli("strategies", "list").stdout
    assert "SmaCross -> strategies.sma_cross\n  Buy when the fast average crosses" in text
    assert "parameters  fast: int = 10, slow: int = 30" in text


def test_a_file_is_looked_into(cli):
    cli.write("two.py", TWO)
    one, other = cli.json("strategies", "list", "two.py")["strategies"]
    assert (one["name"], one["run"], one["line"]) == ("One", "two.py:One", 12)
    assert one["summary"] == "Do the first thing, over two lines."
    assert one["source"] == 'Jane Doe, "A Title" (1999), chapter 3.'
    assert one["parameters"] == [
        {"name": "n", "type": "int", "default": None, "required": True},
        {"name": "side", "type": "Literal['long', 'short']", "default": "long", "required": False},
        {"name": "x", "type": "float | None", "default": None, "required": False},
    ]
    # its own default of a parameter that it inherits; without a docstring, the module's first line
    assert other["summary"] == "Two of them."
    assert [(p["name"], p["default"]) for p in other["parameters"]] == [("units", 3.0), ("note", "none")]
    text = cli("strategies", "list", "two.py").stdout
    assert "n: int, side: Literal['long', 'short'] = 'long', x: float | None = None" in text


def test_a_folder_and_a_module_are_looked_into(cli):
    (cli.folder / "mine").mkdir()
    cli.write("mine/a.py", "from backtester import Strategy\nclass A(Strategy): ...\n")
    cli.write("mine/test_a.py", "raise RuntimeError('a test is not looked into')\n")
    cli.write("mine/helpers.py", "x = 1\n")
    assert [entry["run"] for entry in cli.json("strategies", "list", "mine")["strategies"]] == ["mine/a.py:A"]
    assert [entry["run"] for entry in cli.json("strategies", "list", "hold", "mine/a.py")["strategies"]] == [
        "hold",
        "mine/a.py:A",
    ]
    cli.write("mine/__init__.py", "")
    assert [entry["run"] for entry in cli.json("strategies", "list", "mine")["strategies"]] == ["mine.a"]


def test_what_a_file_prints_does_not_spoil_the_document(cli):
    cli.write("loud.py", "from backtester import Strategy\nprint('hello')\nclass Loud(Strategy): ...\n")
    assert cli.json("strategies", "list", "loud.py")["strategies"][0]["name"] == "Loud"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hlod.py"], ["hlod.py: no such file", "did you mean 'hold.py'?"]),
        (["prices.csv"], ["a strategy is in a Python file"]),
        (["no.module"], ["no module or file of this name"]),
        (["empty"], ["there is no Python file in this folder"]),
        (["nothing.py"], ["no subclass of backtester.Strategy is defined there"]),
        (["broken.py"], ["broken.py:1: SyntaxError"]),
    ],
)
def test_errors_are_one_line(cli, arguments, words):
    (cli.folder / "empty").mkdir()
    cli.write("nothing.py", "x = 1\n")
    cli.write("broken.py", "class (:\n")
    message = cli.error("strategies", "list", *arguments)
    for word in words:
        assert word in message


def test_an_error_in_the_users_file_shows_his_line(cli):
    cli.write("raises.py", "x = 1\ny = x / 0\n")
    outcome = cli("strategies", "list", "raises.py", code=3)
    assert "ZeroDivisionError" in outcome.stderr
    assert "line 2" in outcome.stderr


def test_a_module_that_needs_a_library_which_is_not_there_is_left_out_with_a_warning(cli):
    (cli.folder / "pack").mkdir()
    cli.write("pack/__init__.py", "")
    cli.write("pack/needs.py", "import no_such_library\n")
    cli.write("pack/plain.py", "from backtester import Strategy\nclass Plain(Strategy): ...\n")
    outcome = cli("strategies", "list", "pack")
    assert "Plain -> pack.plain" in outcome.stdout
    assert outcome.stderr == "warning: pack.needs is left out: it needs no_such_library, which is not installed\n"


def test_another_package_called_strategies_is_named(cli, monkeypatch):
    other = types.ModuleType("strategies")
    other.__path__ = [str(cli.folder)]
    monkeypatch.setitem(sys.modules, "strategies", other)
    assert "another package called `strategies`" in cli.error("strategies", "list")


def test_a_docstring_cannot_write_to_the_terminal(cli):
    cli.write("odd.py", 'from backtester import Strategy\nclass Odd(Strategy):\n    """a\\x1b[2Jb"""\n')
    assert "\x1b" not in cli("strategies", "list", "odd.py").stdout
