"""Every expected error is one line on stderr, with an exit code that says of which kind it is."""

from __future__ import annotations

import os
from unittest.mock import Mock

import pytest

DATA = ("--data", "prices.csv")


# --- wrong usage and bad input: 2 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["No such command 'rnu'", "see backtester --help"]),
        (["run"], ["no strategy: give FILE[:CLASS], or --model DIR", "see backtester run --help"]),
        (["run", "hold.py", "--comission", "1"], ["no such option --comission", "did you mean '--commission'?"]),
        (["run", "hold.py", "--n", "1"], ["no such option --n; if it is a parameter, write --set n=VALUE"]),
        (["run", "hold.py", *DATA, "--cash", "much"], ["--cash"]),
        (["run", "hold.py", *DATA, "--cash", "0"], ["cash"]),
        (["run", "hold.py", *DATA, "--cash", "nan"], ["cash", "finite"]),
        (["run", "hold.py", *DATA, "--commission", "1.5"], ["commission is 1.5", "a fraction, not a percent"]),
        (["run", "hold.py", *DATA, "--spread", "-0.1"], ["spread is -0.1"]),
        (["run", "hold.py", *DATA, "--leverage", "0"], ["leverage"]),
        (["run", "hold.py", *DATA, "--fill-at", "nextopen"], ["fill_at is 'nextopen'", "did you mean 'next_open'?"]),
        (["run", "hold.py", *DATA, "--same-bar", "stop"], ["same_bar is 'stop'", "'stop_first'"]),
        (["run", "hold.py", *DATA, "--latency", "-1"], ["latency_bars is -1"]),
        (["run", "hold.py", *DATA, "--mode", "compile"], ["mode is 'compile'", "did you mean 'compiled'?"]),
        (["run", "hold.py", *DATA, "--benchmark", "ASSETS"], ["benchmark 'ASSETS'", "did you mean 'ASSET'?"]),
        (["run", "hold.py"], ["no data", "sample:NAME", "sp500"]),
        (["run", "hold.py", "--data", "price.csv"], ["price.csv: no such file", "did you mean 'prices.csv'?"]),
        (["run", "hold.py", "--data", "price.cvs"], ["price.cvs: no such file", "did you mean 'prices.csv'?"]),
        (["run", "hold.py", "--data", "hold.py"], ["cannot tell what it is", ".parquet"]),
        (["run", "hold.py", "--data", "sample:sp50"], ["no sample 'sp50'", "did you mean 'sp500'?"]),
        (["run", "hold.py", "--data", "sample:sp500", "--read", "tz=UTC"], ["--read", "a sample takes no such"]),
        (["run", "hold.py", *DATA, "--read", "tz"], ["--read tz: write --read NAME=VALUE"]),
        (["run", "hold.py", *DATA, "--read", "labels=open"], ["no option 'labels'", "did you mean 'label'?"]),
        (["run", "hold.py", *DATA, "--read", "columns=x"], ["columns cannot be given here"]),
        (["run", "hold.py", *DATA, "--data", "B=prices.csv"], ["name the symbol of every file, or of none"]),
        (["run", "hold.py", *DATA, "--report", "no/r.html"], ["no/r.html: there is no folder", "make it first"]),
        (["run", "hold.py", *DATA, "--report", "."], ["is a folder"]),
        (["run", "hold.py", *DATA, "--out", "no/tables"], ["no/tables: there is no folder"]),
        (["run", "hold.py", *DATA, "--out", "hold.py"], ["hold.py: is a file; name a folder"]),
        (["run", "hlod.py", *DATA], ["hlod.py: no such file", "did you mean 'hold.py'?"]),
        (["run", "hlod", *DATA], ["hlod: no module or file of this name", "did you mean 'hold.py'?"]),
        (["run", "prices.csv", *DATA], ["prices.csv: a strategy is in a Python file"]),
        (["run", "what is this", *DATA], ["what is this: no such file, and no name of a module"]),
        (["run", "hold.py:Hodl", *DATA], ["has no class 'Hodl'", "did you mean 'Hold'?", "strategies there: Hold"]),
        (["run", "hold:Strategies", *DATA], ["has no class 'Strategies'"]),
        (["run", "hold.py", *DATA, "--set", "unit=3"], ["no parameter 'unit'", "did you mean 'units'?"]),
        (["run", "hold.py", *DATA, "--set", "units=ten"], ["--set units=ten", "Hold.units is float"]),
        (["run", "hold.py", *DATA, "--set", "units"], ["write --set NAME=VALUE", "units, note"]),
        (["run", "hold.py", *DATA, "--set", "units=1", "--set", "units=2"], ["units is set twice"]),
        (["data"], ["Missing command"]),
        (["data", "check", "no.csv"], ["no.csv: no such file"]),
        (["data", "check", "sample:no"], ["no sample 'no'"]),
        (["data", "check", "prices.csv", "--read", "labels=open"], ["no option 'labels'"]),
        (["demo", "--report", "no/r.html"], ["there is no folder"]),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(cli, arguments, words):
    message = cli.error(*arguments, code=2)
    for word in words:
        assert word in message


def test_a_file_with_several_strategies_lists_them(cli):
    cli.write("two.py", "from backtester import Strategy\nclass A(Strategy): ...\nclass B(A): ...\n")
    assert cli.error("run", "two.py", *DATA) == "two.py: 2 strategies there; name one: two.py:A, two.py:B"


def test_a_file_without_a_strategy_says_so(cli):
    cli.write("none.py", "from backtester import Strategy\nx = 1\n")
    assert "no subclass of backtester.Strategy is defined there" in cli.error("run", "none.py", *DATA)
    assert "'x' is not a subclass of backtester.Strategy" in cli.error("run", "none.py:x", *DATA)


@pytest.mark.parametrize("target", ["broken.py", "broken", "broken:X"])
def test_a_syntax_error_names_file_line_and_text(cli, target):
    cli.write("broken.py", "import math\n\nclass X(:\n")
    message = cli.error("run", target, *DATA)
    assert "broken.py:3: SyntaxError" in message
    assert "class X(:" in message


def test_bad_market_data_names_symbol_row_value_and_rule(cli):
    text = (cli.folder / "prices.csv").read_text().replace("104.0,105.0,103.5,104.5", "104.0,nan,103.5,104.5")
    cli.write("bad.csv", text)
    message = cli.error("run", "hold.py", "--data", "bad.csv")
    for word in ("row 4", "2020-01-05", "high = nan", "all there, or all missing"):
        assert word in message


def test_data_shorter_than_the_warm_up_says_how_much_is_needed(cli):
    message = cli.error("run", "strategies.sma_cross", *DATA, "--mode", "interpreted")
    assert "20 bars" in message
    assert "shorter than the warm-up" in message


def test_what_a_strategy_refuses_by_a_backtester_error_is_one_line(cli):
    message = cli.error("run", "strategies.sma_cross", "--data", "sample:sp500", "--set", "fast=50")
    assert "fast is 50 and slow is 30" in message


def test_what_cannot_be_compiled_names_line_and_construct(cli):
    cli.write(
        "slow.py",
        """
        from backtester import Strategy

        class Slow(Strategy):
            def on_bar(self, ctx):
                with open("x"):
                    pass
        """,
    )
    assert "slow.py:6" in cli.error("run", "slow.py", *DATA, "--mode", "compiled")


# --- the strategy raised: 3 ----------------------------------------------------------------------------------------

RAISES = """
    from backtester import Strategy

    def helper(ctx):
        if ctx.t == 7:
            raise ValueError("too late")

    class Raises(Strategy):
        def on_bar(self, ctx):
            helper(ctx)
"""


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_an_exception_in_on_bar_shows_the_users_lines_and_the_bar(cli, mode):
    cli.write("raises.py", RAISES)
    outcome = cli("run", "raises.py", *DATA, "--mode", mode, code=3)
    assert outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    assert lines[0] == "error: the strategy raised ValueError: too late"
    assert [line.split("raises.py")[1] for line in lines if "File" in line] == [
        '", line 10, in on_bar',
        '", line 6, in helper',
    ]
    assert "bar 7 of 20, 2020-01-" in lines[-1]
    assert "ASSET" in lines[-1]
    assert "site-packages" not in outcome.stderr
    assert "engine" not in outcome.stderr


def test_an_exception_in_prepare_or_on_import_shows_the_users_line(cli):
    cli.write(
        "early.py",
        "from backtester import Strategy\nclass E(Strategy):\n    def prepare(self, bars):\n        {}['a']\n",
    )
    outcome = cli("run", "early.py", *DATA, code=3)
    assert outcome.stderr.startswith("error: the strategy raised KeyError: 'a'")
    assert "line 4, in prepare" in outcome.stderr
    cli.write("importing.py", "import no_such_library\n")
    outcome = cli("run", "importing.py", *DATA, code=3)
    assert "No module named 'no_such_library'" in outcome.stderr
    assert "line 1" in outcome.stderr


def test_a_misspelt_on_bar_is_refused(cli):
    cli.write("near.py", "from backtester import Strategy\nclass N(Strategy):\n    def onbar(self, ctx): ...\n")
    assert "would never trade; rename its method onbar" in cli("run", "near.py", *DATA, code=2).stderr


def test_a_parameter_without_its_annotation_is_said_to_lack_it(cli):
    cli.write("bare.py", "from backtester import Strategy\nclass N(Strategy):\n    n = 3\n")
    for option in (("run", "bare.py", "--set", "n=4"), ("sweep", "bare.py", "-p", "n=3,4")):
        assert "without a type: write `n: int = 3` in the class" in cli(*option, *DATA, code=2).stderr


def test_a_row_of_the_future_is_called_so(cli):
    cli.write(
        "ahead.py",
        """
        from backtester import Strategy

        class Ahead(Strategy):
            def prepare(self, bars):
                self.close = bars.close * 1.0

            def on_bar(self, ctx):
                if ctx.t == 6 and self.close[ctx.t + 1, 0] > 0.0:
                    ctx.order(0, 1.0)
        """,
    )
    said = cli("run", "ahead.py", *DATA, code=3).stderr
    assert "at bar 6 an array per bar has 7 rows, up to the present, which is [-1]; row 7 is the future" in said


def test_a_mistake_the_library_finds_in_on_bar_shows_the_users_line(cli):
    cli.write(
        "types.py",
        """
        from backtester import Strategy

        class Changes(Strategy):
            def prepare(self, bars):
                self.n = 0

            def on_bar(self, ctx):
                self.n += 0.5
        """,
    )
    outcome = cli("run", "types.py", *DATA, "--mode", "interpreted", code=3)
    assert "a field keeps the type" in outcome.stderr
    assert "self.n += 0.5" in outcome.stderr


def test_deep_recursion_is_shortened(cli):
    cli.write(
        "deep.py",
        """
        from backtester import Strategy

        def down(n):
            return down(n - 1) if n else 1 / n

        class Deep(Strategy):
            def prepare(self, bars):
                down(50)
        """,
    )
    outcome = cli("run", "deep.py", *DATA, code=3)
    assert "more of its calls" in outcome.stderr
    assert len(outcome.stderr.splitlines()) < 25


def test_nothing_is_written_when_the_strategy_raises(cli):
    cli.write("raises.py", RAISES)
    cli("run", "raises.py", *DATA, "--report", "r.html", "--out", "tables", code=3)
    assert not (cli.folder / "r.html").exists()
    assert not (cli.folder / "tables").exists()


# --- the rest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 3])
def test_debug_shows_the_traceback_wherever_it_stands(cli, place):
    arguments = ["run", "hlod.py", *DATA]
    arguments.insert(place, "--debug")
    outcome = cli(*arguments, code=2)
    assert "Traceback (most recent call last)" in outcome.stderr
    assert "error: hlod.py: no such file" in outcome.stderr.splitlines()[-1]


def test_a_defect_of_ours_has_its_own_code_and_asks_for_debug(cli, monkeypatch):
    monkeypatch.setattr("backtester.cli.run.hand_out", Mock(side_effect=ZeroDivisionError("division by zero")))
    message = cli.error("run", "hold.py", *DATA, code=70)
    assert "ZeroDivisionError" in message
    assert "--debug" in message


def test_an_error_of_the_system_names_the_file(cli, monkeypatch):
    full = OSError(28, "No space left on device", "r.html")
    monkeypatch.setattr("backtester.result.Result.report", Mock(side_effect=full))
    outcome = cli("run", "hold.py", *DATA, "--quiet", "--report", "r.html", code=2)
    assert outcome.stderr == "error: r.html: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_one_line(cli):
    outcome = cli("run", "hold.py", *DATA, "--quiet", "--report", "/dev/full", code=2)
    assert "No space left on device" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_folder_that_holds_something_else_is_not_overwritten(cli):
    cli.write("mine.txt", "keep")
    message = cli("run", "hold.py", *DATA, "--quiet", "--out", ".", code=2).stderr
    assert message.startswith("error: ")
    assert (cli.folder / "mine.txt").read_text() == "keep"


def test_an_interrupted_run_hands_out_what_ran_and_ends_with_130(cli):
    cli.write(
        "stops.py",
        """
        from backtester import Strategy

        class Stops(Strategy):
            def on_bar(self, ctx):
                if ctx.t == 12:
                    raise KeyboardInterrupt
        """,
    )
    outcome = cli("run", "stops.py", *DATA, "--mode", "interpreted", "--json", code=130)
    assert "warning: interrupted after 12 of 20 bars" in outcome.stderr
    assert '"interrupted": true' in outcome.stdout


def test_an_interrupt_before_the_first_bar_ends_with_130(cli):
    cli.write("now.py", "raise KeyboardInterrupt\n")
    assert cli.error("run", "now.py", *DATA, code=130) == "interrupted"


def test_an_error_message_is_one_line_whatever_is_in_a_name(cli):
    message = cli.error("run", "hold.py", "--data", "a\n[red]b.csv")
    assert "[red]b.csv" in message
