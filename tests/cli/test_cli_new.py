"""`backtester new strategy`: files that run as they are, names that hide nothing, and all or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backtester.cli.new import names_of, write_all

COMMAND = [sys.executable, "-W", "error", "-m"]
ROOT = Path(__file__).resolve().parents[2]


def process(*arguments, cwd):
    """Run a Python module as a user would, outside the repository."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")


# --- what is written -------------------------------------------------------------------------------------------------


def test_the_strategy_runs_on_a_sample_and_its_test_passes_as_they_are(cli):
    document = cli.json("new", "strategy", "SlowTrend")
    assert document["class"] == "SlowTrend"
    assert document["files"] == ["slow_trend.py", "test_slow_trend.py"]
    run, test, _ = document["next"]
    assert run.startswith("backtester run slow_trend.py --data sample:sp500")
    printed = process(*run.split(), cwd=cli.folder)
    assert printed.startswith("SlowTrend(n=50, rest=5)")
    assert "compiled" in printed
    assert (cli.folder / "slow_trend.html").exists()
    assert test == "python -m pytest test_slow_trend.py"
    assert "5 passed" in process(*test.split()[2:], "-p", "no:cacheprovider", cwd=cli.folder)


def test_the_test_that_comes_with_it_fails_when_the_strategy_is_broken(cli):
    broken = {
        "OtherWayRound": ("ctx.close[-1, a] > self.average", "ctx.close[-1, a] < self.average"),
        "NeverRests": ("ctx.t - self.last_trade[a] > self.rest", "True"),
        "Unchecked": ("if self.rest < 0", "if self.rest < -5"),
        # only where there are as many bars: the market by hand has seven
        "LooksAhead": (
            "sma(bars.close, self.n)",
            "sma(bars.close, self.n) + bars.close[-1] - bars.close[2999] if bars.n_bars > 2999 "
            "else sma(bars.close, self.n)",
        ),
    }
    for name, (old, new) in broken.items():
        path = cli.folder / cli.json("new", "strategy", name)["files"][0]
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
    tests = sorted(path.name for path in cli.folder.glob("test_*.py"))
    assert len(tests) == len(broken)
    with pytest.raises(AssertionError, match="failed") as caught:
        process("pytest", *tests, "-p", "no:cacheprovider", cwd=cli.folder)
    for test in tests:
        assert f"FAILED {test}::" in str(caught.value)


def test_the_text_says_what_to_do_next(cli):
    lines = cli("new", "strategy", "slow_trend").stdout.splitlines()
    assert lines[0] == "Wrote slow_trend.py and test_slow_trend.py"
    assert "  python -m pytest test_slow_trend.py" in lines


def test_a_folder_is_made_and_the_test_in_a_package_imports_from_it(cli):
    (cli.folder / "mine").mkdir()
    (cli.folder / "mine" / "__init__.py").write_text("")
    cli("new", "strategy", "InPackage", "--directory", "mine")
    assert "from mine.in_package import InPackage" in (cli.folder / "mine" / "test_in_package.py").read_text()
    assert "5 passed" in process("pytest", "mine", "-p", "no:cacheprovider", cwd=cli.folder)
    cli("new", "strategy", "Alone", "--directory", "made")
    assert listed(cli.folder / "made") == ["alone.py", "test_alone.py"]


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("SmaCross", ("SmaCross", "sma_cross")),
        ("sma_cross", ("SmaCross", "sma_cross")),
        ("momentum", ("Momentum", "momentum")),
        ("RSIReversion", ("RSIReversion", "rsi_reversion")),
        ("Rsi2", ("Rsi2", "rsi2")),
        ("rsi_2_fast", ("Rsi2Fast", "rsi_2_fast")),
        ("mySma", ("MySma", "my_sma")),
        ("SMA_CROSS", ("SmaCross", "sma_cross")),
        ("Sma_Cross", ("SmaCross", "sma_cross")),
        ("trailing_", ("Trailing", "trailing")),
    ],
)
def test_class_and_module_follow_from_either_name(given, names):
    assert names_of(given) == names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("class", ["class", "a word of Python itself", "such as ClassRule"]),
        ("none", ["a word of Python itself"]),
        ("random", ["would hide the module random of Python itself"]),
        ("Signal", ["signal.py would hide the module signal"]),
        ("numpy", ["numpy.py would hide the installed module numpy"]),
        ("Typer", ["the installed module typer"]),
        ("strategies", ["the module strategies that backtester"]),
        ("Strategy", ["a class Strategy would hide the one of backtester"]),
        ("bars", ["a class Bars would hide"]),
        ("exception", ["would hide Python's own"]),
        ("test_this", ["pytest would take test_this.py for a test"]),
        ("con", ["Windows has a device"]),
        ("my-thing", ["is no name", "did you mean my_thing?"]),
        ("my thing.py", ["did you mean my_thing?"]),
        ("2fast", ["beginning with a letter", "did you mean fast?"]),
        ("_", ["is no name"]),
        ("", ["is no name"]),
        ("naïve", ["is no name"]),
        ("lib/mine.py", ["is a path; write mine --directory lib"]),
        ("a" * 61, ["has 61 characters; at most 60"]),
    ],
)
def test_a_name_that_cannot_be_or_would_hide_something_is_refused(cli, name, words):
    before = listed(cli.folder)
    message = cli.error("new", "strategy", name)
    for word in words:
        assert word in message
    assert listed(cli.folder) == before


def test_a_package_of_the_same_name_beside_it_is_not_hidden(cli):
    (cli.folder / "trend").mkdir()
    (cli.folder / "trend" / "__init__.py").write_text("")
    assert "would hide the package trend" in cli.error("new", "strategy", "Trend")


# --- all or nothing --------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_without_force(cli):
    cli.write("test_trend.py", "keep = 1\n")
    message = cli.error("new", "strategy", "Trend")
    assert message == "test_trend.py: is there already; choose another name, or replace it with --force"
    assert not (cli.folder / "trend.py").exists()
    assert (cli.folder / "test_trend.py").read_text() == "keep = 1\n"
    cli("new", "strategy", "Trend", "--force")
    assert "class Trend(Strategy)" in (cli.folder / "trend.py").read_text()
    assert "import Trend" in (cli.folder / "test_trend.py").read_text()


def test_a_folder_of_that_name_is_never_replaced(cli):
    (cli.folder / "trend.py").mkdir()
    assert "trend.py: is a folder" in cli.error("new", "strategy", "Trend", "--force")


@pytest.mark.parametrize(
    ("directory", "words"), [("prices.csv", "is a file; --directory takes a folder"), ("no/no", "make it first")]
)
def test_a_directory_that_cannot_be_is_refused(cli, directory, words):
    assert words in cli.error("new", "strategy", "Trend", "--directory", directory)


def test_a_failure_on_the_way_leaves_everything_as_it_was(tmp_path, monkeypatch):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("old")
    replace = os.replace

    def full(source, target):
        if Path(target) == two:
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_all({one: "new", two: "new"}, force=True)
    assert listed(tmp_path) == ["one.py"]
    assert one.read_text() == "old"


def test_a_folder_that_was_made_goes_with_a_failure(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_all({tmp_path / "made" / "one.py": "new"}, force=False)
    assert listed(tmp_path) == []
