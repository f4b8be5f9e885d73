"""The JSON documents have the keys that the page says, no more and no fewer."""

from __future__ import annotations

import re

import pytest
from test_cli_docs import PAGE

TABLE = PAGE.partition("\n## JSON\n")[2].partition("\n## ")[0]
KEYS = {
    name: re.findall(r"`(\w+)`", row[2])
    for row in re.finditer(r"^\| (.+?) \| (.+) \|$", TABLE, re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", row[1])
}
RUN = ("--data", "prices.csv", "--mode", "interpreted")


@pytest.fixture
def stored(cli):
    """The command, in a folder with the results `a` and `b`."""
    cli("run", "hold.py", *RUN, "--out", "a", "-q")
    cli("run", "hold.py", *RUN, "--out", "b", "--set", "units=20", "-q")
    return cli


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("run", ("run", "hold.py", *RUN)),
        ("sweep", ("sweep", "hold.py", *RUN, "-p", "units=1,2", "--objective", "cagr")),
        ("strategies list", ("strategies", "list", "hold.py")),
        ("models list", ("models", "list", "ridge")),
        ("data info", ("data", "info", "prices.csv")),
        ("data check", ("data", "check", "prices.csv")),
        ("data convert", ("data", "convert", "prices.csv", "new.parquet")),
        ("data sample", ("data", "sample")),
        ("data sample NAME", ("data", "sample", "sp500")),
        ("data sample --out", ("data", "sample", "sp500", "--out", "new.csv")),
        ("new strategy", ("new", "strategy", "MyIdea")),
    ],
)
def test_a_document_has_the_keys_of_the_page(cli, words, arguments):
    assert list(cli.json(*arguments)) == KEYS[words]


def test_documents_about_stored_results_have_the_keys_of_the_page(stored):
    assert list(stored.json("compare", "a", "b")) == KEYS["compare"]
    assert list(stored.json("diff", "a", "a")) == KEYS["diff"]
    assert list(stored.json("diff", "a", "b", code=1)) == KEYS["diff"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("strategies", "list", "hold.py"),
        ("models", "list", "ridge"),
        ("data", "info", "prices.csv"),
        ("data", "check", "prices.csv"),
        ("data", "convert", "prices.csv", "new.csv"),
        ("data", "sample"),
        ("data", "sample", "sp500"),
        ("new", "strategy", "MyIdea"),
    ],
)
def test_quiet_leaves_nothing_but_the_exit_code(cli, arguments):
    outcome = cli(*arguments, "--quiet")
    assert (outcome.stdout, outcome.stderr) == ("", "")


def test_quiet_comparisons_leave_the_exit_code(stored):
    assert stored("compare", "a", "b", "-q").stdout == ""
    assert stored("diff", "a", "b", "-q", code=1).stdout == ""


def test_the_page_names_every_command():
    from test_cli_docs import COMMANDS

    assert set(COMMANDS) <= set(KEYS)
