"""`backtester sweep`: what is varied, what is printed, what is written, and how it goes on."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from backtester import Strategy
from backtester.cli.dimensions import space_of, where_of
from backtester.errors import ParameterError, SettingsError


class Many(Strategy):
    n: int = 3
    level: float = 0.5
    kind: str = "a"
    flag: bool = False


@pytest.mark.parametrize(
    ("text", "method", "space"),
    [
        ("n=5", "grid", {"n": 5}),
        ("n=5,7,9", "grid", {"n": [5, 7, 9]}),
        ("n=5:8", "grid", {"n": [5, 6, 7, 8]}),
        ("n=5:8", "random", {"n": (5, 8)}),
        ("n=5:20:5", "grid", {"n": [5, 10, 15, 20]}),
        ("n=5:19:5", "tpe", {"n": [5, 10, 15]}),
        ("level=0.1:0.5:0.1", "grid", {"level": [0.1, 0.2, 0.3, 0.4, 0.5]}),  # by adding floats: 0.30000000000000004
        ("level=0.1:2", "latin", {"level": (0.1, 2.0)}),
        ("level=1e-3:1:log", "tpe", {"level": (0.001, 1.0, "log")}),
        ("level=-1:1:0.5", "grid", {"level": [-1.0, -0.5, 0.0, 0.5, 1.0]}),
        ("kind=a,b", "grid", {"kind": ["a", "b"]}),
        ("flag=yes,no", "grid", {"flag": [True, False]}),
    ],
)
def test_what_is_written_becomes_a_dimension(text, method, space):
    found = space_of(Many, [text], None, method)
    assert found == space
    assert [type(value) for value in found.values()] == [type(value) for value in space.values()]


def test_a_fixed_text_is_taken_as_it_is():
    assert space_of(Many, ["n=1,2"], ["kind=a:b,c"], "grid") == {"n": [1, 2], "kind": "a:b,c"}


@pytest.mark.parametrize(
    ("text", "method", "words"),
    [
        ("n", "grid", "write -p NAME=… (parameters: n, level, kind, flag)"),
        ("m=1", "grid", "has no parameter 'm'"),
        ("levle=1", "grid", "did you mean 'level'?"),
        ("n=1.5,2", "grid", "-p n=1.5: Many.n is int"),
        ("n=5:", "grid", "FROM:TO"),
        ("n=5:6:", "grid", "FROM:TO"),
        ("n=1:2:3:4", "grid", "FROM:TO"),
        ("n=9:5", "grid", "goes up"),
        ("n=1:9:0", "grid", "a step above 0"),
        ("n=1:9:lgo", "grid", "did you mean 'log'?"),
        ("n=1:9:nan", "grid", "a step above 0"),
        ("n=1:2000000", "grid", "2,000,000 values"),
        ("level=0.1:1", "grid", "a grid needs steps"),
        ("level=0.1:1:log", "grid", "--method tpe"),
        ("kind=a:b", "grid", "between two numbers"),
    ],
)
def test_what_is_no_dimension_is_refused_with_a_remedy(text, method, words):
    with pytest.raises(ParameterError, match="-p") as error:
        space_of(Many, [text], None, method)
    assert words in str(error.value)


def test_a_parameter_is_given_once():
    with pytest.raises(ParameterError, match="n is given twice"):
        space_of(Many, ["n=1,2"], ["n=3"], "grid")


def test_a_condition_sees_every_parameter():
    where = where_of("n * 2 < 8 and kind in ('a', 'b') or not level", Many)
    assert where(SimpleNamespace(n=3, kind="a", level=1.0))
    assert not where(SimpleNamespace(n=4, kind="a", level=1.0))
    assert where(SimpleNamespace(n=4, kind="c", level=0.0))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n <", "write a condition"),
        ("m < 3", "has no parameter 'm'"),
        ("levle < 3", "did you mean 'level'?"),
        ("__import__('os').system('true')", "not allowed"),
        ("n.real > 1", "n.real is not allowed"),
        ("[x for x in 'ab']", "not allowed"),
        ("n ** 9 > 1", "not allowed"),
        ("(lambda: n)()", "not allowed"),
    ],
)
def test_a_condition_is_comparisons_and_nothing_else(text, words):
    with pytest.raises(SettingsError) as error:
        where_of(text, Many)
    assert words in str(error.value)


def test_a_condition_that_cannot_be_computed_says_so():
    with pytest.raises(SettingsError, match="'<' not supported"):
        where_of("kind < n", Many)(SimpleNamespace(n=3, kind="a"))


# --- the command -----------------------------------------------------------------------------------------------------

SWEEP = ("sweep", "hold.py", "--data", "prices.csv", "--mode", "interpreted")


def test_every_set_is_run_and_the_best_comes_first(cli):
    """Bought at 102, marked at 119.5 at the end: 17.5 a unit, so that more units are better."""
    found = cli.json(*SWEEP, "-p", "units=10:30:10", "--objective", "total_return")
    assert (found["strategy"], found["trials"], found["failed"], found["method"]) == ("Hold", 3, 0, "grid")
    assert found["best"]["parameters"] == {"units": 30.0}
    assert found["best"]["metrics"]["final_equity"] == 100_000.0 + 30 * 17.5
    assert [row["units"] for row in found["top"]] == [30.0, 20.0, 10.0]
    assert found["objectives"] == ["total_return"]


def test_what_is_printed_counts_the_sets_and_warns_of_the_best(cli):
    printed = cli(*SWEEP, "-p", "units=20:60:20", "--objective", "total_return", "--top", "2").stdout
    assert "3 sets of parameters tried" in printed
    assert "the best of 3 on the same data" in printed
    rows = [line.split() for line in printed.splitlines() if line.strip()[:1].isdigit()]
    assert [row[:3] for row in rows] == [["2", "60", "1.05"], ["1", "40", "0.70"]]  # trial, units, percent
    assert "most stable" in printed


def test_a_condition_leaves_sets_out(cli):
    found = cli.json(*SWEEP, "-p", "units=10:30:10", "--where", "units != 20", "--objective", "total_return")
    assert [row["units"] for row in found["top"]] == [30.0, 10.0]


def test_the_same_command_runs_nothing_twice(cli):
    cli.write(
        "count.py",
        """
        from backtester import Strategy

        class Count(Strategy):
            n: int = 1

            def prepare(self, bars):
                with open("runs.txt", "a") as file:
                    file.write("x")

            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.order(0, self.n)
        """,
    )

    def call(*arguments):
        sys.modules.pop("count", None)  # as in a process of its own
        cli(*command, *arguments)
        return len((cli.folder / "runs.txt").read_text())

    command = ("sweep", "count.py", "--data", "prices.csv", "-p", "n=1:2", "--mode", "interpreted", "--quiet")
    runs = call()
    assert call("--where", "n > 0", "--store", "other.db") == 2 * runs
    assert call() == 2 * runs
    assert (cli.folder / ".backtester" / "sweeps.db").exists()


def test_the_table_and_the_report_are_written(cli):
    more = ("--table", "all.csv", "--report", "best.html", "--objective", "total_return")
    found = cli.json(*SWEEP, "-p", "units=10:30:10", *more)
    assert (found["table"], found["report"]) == ("all.csv", "best.html")
    head, *rows = (cli.folder / "all.csv").read_text().splitlines()
    assert head.startswith("trial,units,final_equity,")
    assert [row.split(",")[:3] for row in rows] == [
        ["0", "10.0", "100175.0"],
        ["1", "20.0", "100350.0"],
        ["2", "30.0", "100525.0"],
    ]
    assert "units" in (cli.folder / "best.html").read_text()


def test_quiet_is_quiet(cli):
    outcome = cli(*SWEEP, "-p", "units=10,20", "--objective", "total_return", "-q")
    assert (outcome.stdout, outcome.stderr) == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to vary: give -p NAME=VALUES"),
        (("-p", "unit=1:2"), "did you mean 'units'?"),
        (("-p", "units=1,2", "--method", "grd"), "did you mean 'grid'?"),
        (("-p", "units=1,2", "--method", "random"), "n_trials"),
        (("-p", "units=1,2", "--executor", "thread"), "did you mean 'threads'?"),
        (("-p", "units=1,2", "--objective", "sharp"), "did you mean 'sharpe'?"),
        (("-p", "units=1,2", "--table", "all.xls"), "a name ends in .csv, .parquet"),
        (("-p", "units=1,2", "--table", "no/all.csv"), "there is no folder"),
        (("-p", "units=1,2", "--store", "no/such/file.db"), "there is no folder"),
    ],
)
def test_wrong_usage_of_sweep_is_one_line(cli, arguments, words):
    assert words in cli.error(*SWEEP, *arguments)
