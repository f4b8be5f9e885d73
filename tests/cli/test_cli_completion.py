"""What the Tab key offers, and that bash is answered about whole words."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backtester.cli import completion
from backtester.cli.completion import joined

STRATEGIES = """
    from backtester import Strategy

    class Base(Strategy):
        fast: int = 10
        _hidden: int = 1

    class Derived(Base):
        slow: int = 30

    class Other:
        no: int = 1
"""


def test_samples_and_files_of_bars_are_offered_for_data(cli):
    (cli.folder / "more").mkdir()
    assert completion.data("sample:s") == ["sample:sp500", "sample:stocks"]
    offered = completion.data("")
    assert {"sample:eurusd", "prices.csv", "more/"} <= set(offered)
    assert "hold.py" not in offered
    assert completion.data(f"{cli.folder}/pr") == [f"{cli.folder}/prices.csv"]
    assert completion.samples("eu") == ["eurusd"]


def test_strategies_are_offered_by_file_module_and_class(cli):
    cli.write("two.py", STRATEGIES)
    assert completion.strategies("tw") == ["two.py"]
    assert completion.strategies("two.py:") == ["two.py:Base", "two.py:Derived"]
    assert completion.strategies("strategies.sma") == ["strategies.sma_cross"]
    assert completion.strategies("strategies.sma_cross:S") == ["strategies.sma_cross:SmaCross"]


def test_every_offered_strategy_can_be_found():
    from backtester.cli.locate import strategies_in
    from backtester.cli.strategies import module_of

    offered = completion.strategies("strategies.")
    assert len(offered) > 10
    assert all(strategies_in(module_of(name)) for name in offered)


@pytest.mark.parametrize(
    ("target", "offered"),
    [("two.py:Derived", ["fast=", "slow="]), ("two.py:Base", ["fast="]), ("two.py", ["fast=", "slow="]), ("no.py", [])],
)
def test_parameters_are_those_of_the_strategy_on_the_line(cli, monkeypatch, target, offered):
    cli.write("two.py", STRATEGIES)
    monkeypatch.setenv("COMP_WORDS", f"backtester\nsweep\n--data\nx.csv\n{target}\n-p\n")
    assert completion.parameters("") == offered


def test_models_and_metrics_are_offered():
    assert "ridge" in completion.models("ri")
    assert completion.metrics("max_draw") == ["max_drawdown", "max_drawdown_duration"]
    assert completion.of("grid", "random")("r") == ["random"]


def test_a_broken_file_offers_nothing(cli):
    cli.write("broken.py", "class X(:")
    assert completion.strategies("broken.py:") == []


@pytest.mark.parametrize(
    ("words", "position", "whole", "at", "known"),
    [
        ("run --data sample : s", 4, "run --data sample:s", 2, "sample:"),
        ("run --data sample :", 3, "run --data sample:", 2, "sample:"),
        ("run --data = sa", 3, "run --data sa", 2, ""),
        ("run my.py : A -p fast = 5 : 5", 9, "run my.py:A -p fast=5:5", 3, "fast=5:"),
        ("run my.py : A --da", 4, "run my.py:A --da", 2, ""),
        ("run", 1, "run ", 1, ""),
    ],
)
def test_words_that_bash_parts_are_put_together(words, position, whole, at, known):
    found = joined(words.split(" "), position)
    assert found == (whole.split(" "), at, known)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "pwsh"])
def test_a_script_for_the_shell_is_shown(cli, monkeypatch, shell):
    """Asked by name, because there is no shell around a test that typer could find out about."""
    from typer.completion import get_completion_script

    script = get_completion_script(prog_name="backtester", complete_var="_BACKTESTER_COMPLETE", shell=shell)
    assert "_BACKTESTER_COMPLETE" in script


def test_install_completion_is_an_option(cli):
    assert "--install-completion" in cli("--help").stdout
    assert "--show-completion" in cli("--help").stdout


@pytest.mark.skipif(os.name == "nt", reason="bash")
def test_the_process_answers_bash(cli):
    environment = {
        **os.environ,
        "_BACKTESTER_COMPLETE": "complete_bash",
        "COMP_WORDS": "backtester\nrun\n--data\nsample\n:\neu",
        "COMP_CWORD": "5",
    }
    code = "import sys; sys.argv = ['backtester']; from backtester.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["eurusd"], "")
