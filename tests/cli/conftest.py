"""Fixtures for the command line: a caller, small market data by hand, and strategies in files."""

from __future__ import annotations

import inspect
import json
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtester.cli.app import app

N_BARS = 20
OPENS = [100.0 + t for t in range(N_BARS)]
CLOSES = [100.5 + t for t in range(N_BARS)]

HOLD = """
    from backtester import Strategy

    class Hold(Strategy):
        units: float = 10.0
        note: str = "none"

        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, self.units)
"""


#: click below 8.2 mixes stderr into stdout unless it is told not to
SEPARATE = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


class Cli:
    """Calls the command in this process, in a directory of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, *arguments: str, code: int = 0):
        outcome = CliRunner(**SEPARATE).invoke(app, list(arguments), prog_name="backtester")
        assert outcome.exit_code == code, f"exit code {outcome.exit_code}\n{outcome.output}"
        return outcome

    def json(self, *arguments: str, code: int = 0) -> dict:
        """Return the document that a command prints with --json."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def error(self, *arguments: str, code: int = 2) -> str:
        """Return the one line that a failing command prints on stderr; it prints nothing else."""
        outcome = self(*arguments, code=code)
        assert outcome.stdout == ""
        lines = outcome.stderr.splitlines()
        assert len(lines) == 1, outcome.stderr
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")

    def write(self, name: str, text: str) -> str:
        """Write a file and return its name."""
        (self.folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return name


def csv_text(opens=OPENS, closes=CLOSES) -> str:
    """Return daily bars as CSV: high and low half a unit beyond open and close."""
    rows = ["date,open,high,low,close,volume"]
    for t, (o, c) in enumerate(zip(opens, closes, strict=True)):
        rows.append(f"2020-01-{t + 1:02d},{o},{max(o, c) + 0.5},{min(o, c) - 0.5},{c},1000")
    return "\n".join(rows) + "\n"


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """The command, called in an empty directory that holds `hold.py` and `prices.csv`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    call = Cli(tmp_path)
    call.write("hold.py", HOLD)
    call.write("prices.csv", csv_text())
    yield call
    import sys

    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
