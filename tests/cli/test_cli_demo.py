"""`backtester demo`, the help texts and the version."""

from __future__ import annotations

import re

import pytest

import backtester
from backtester import Bars, Costs, run
from strategies.sma_cross import SmaCross


def test_the_demo_prints_metrics_and_writes_its_report_here(cli):
    outcome = cli("demo")
    assert "SmaCross(fast=20, slow=30)" in outcome.stdout
    assert "Report written to report.html" in outcome.stdout
    assert "<html" in (cli.folder / "report.html").read_text(encoding="utf-8")


def test_the_demo_is_the_run_the_readme_shows(cli):
    document = cli.json("demo", "--report", "elsewhere.html")
    result = run(SmaCross(fast=20), Bars.sample("sp500"), cash=100_000, costs=Costs(commission=0.001))
    assert document["metrics"]["final_equity"] == result.metrics["final_equity"]
    assert document["metrics"]["beta"] is not None
    assert document["report"] == "elsewhere.html"
    assert (cli.folder / "elsewhere.html").exists()
    assert not (cli.folder / "report.html").exists()


def test_the_demo_says_when_another_package_hides_its_strategy(cli, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "strategies.sma_cross", None)
    assert "another package called `strategies`" in cli.error("demo")


def test_version_names_what_matters(cli):
    line = cli("--version").stdout
    assert line.startswith(f"backtester {backtester.__version__} (numba ")
    assert line.count("\n") == 1


@pytest.mark.parametrize("columns", ["40", "80", "200"])
@pytest.mark.parametrize("command", [[], ["demo"], ["run"], ["data"], ["data", "check"]])
def test_help_fits_the_terminal_and_documents_the_exit_codes(cli, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", columns)
    text = cli(*command, "--help").stdout
    assert max(map(len, text.splitlines())) <= int(columns)
    if command != ["data"]:
        assert "130 interrupted" in " ".join(text.split())


def test_help_explains_every_option_of_run(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = cli("run", "--help").stdout
    options = "data set read benchmark cash commission spread slippage leverage fill-at same-bar latency seed mode"
    options += " report out json quiet progress no-progress"
    for name in options.split():
        assert re.search(rf"--{name}\b.* \w+", text), name


def test_without_a_command_the_help_is_shown_with_the_code_of_wrong_usage(cli):
    assert "Usage: backtester" in cli(code=2).stdout
