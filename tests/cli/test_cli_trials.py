"""`backtester trials`: the ledger of a project as a table and as JSON."""

from __future__ import annotations

import pytest
from conftest import HOLD

from backtester.trials import mark
from backtester.trials.where import VARIABLE


@pytest.fixture
def project(cli, monkeypatch):
    """A project with a strategy, prices and a ledger in which test runs count."""
    monkeypatch.setenv(VARIABLE, str(cli.folder / "trials.db"))
    monkeypatch.setattr(mark, "_in_a_test", lambda: False)
    cli.write("hold.py", HOLD)
    return cli


def test_runs_are_counted_once_per_parameters(project):
    assert "No trials yet" in project("trials").stdout
    for units in ("10", "10", "20"):
        project("run", "hold.py", "--data", "sample:googl", "--set", f"units={units}")
    table = project("trials").stdout.splitlines()
    assert table[0].split()[:6] == ["market", "from", "to", "runs", "trials", "independent"]
    assert table[1].split()[:5] == ["GOOGL", "2009-05-22", "2018-08-29", "3", "2"]
    (market,) = project.json("trials")["markets"]
    assert (market["runs"], market["trials"], market["strategies"]) == (3, 2, ["Hold"])
    (batch,) = project.json("trials", "--all")["batches"]
    assert (batch["door"], batch["runs"], batch["trials"]) == ("run", 3, 2)


def test_the_verdict_is_printed_and_in_the_document(project):
    said = project("run", "hold.py", "--data", "sample:googl").stdout
    assert "trials so far on this data  1" in said
    verdict = project.json("run", "hold.py", "--data", "sample:googl", "--set", "units=3")["verdict"]
    assert verdict["trials"]["trials"] == 2
    assert verdict["sentence"]


def test_a_ledger_that_is_off_or_not_there_is_said(project, monkeypatch):
    assert project.error("trials", "--file", "other.db") == "there is no ledger other.db"
    monkeypatch.setenv(VARIABLE, "off")
    assert "BACKTESTER_TRIALS is off" in project.error("trials")
