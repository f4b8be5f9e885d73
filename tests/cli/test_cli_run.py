"""`backtester run`: what each option does, by arithmetic on bars that open at 100 + t and close at 100.5 + t."""

from __future__ import annotations

import math
import re

import pytest

from backtester import Bars, Result

LAST_CLOSE = 119.5  # of bar 19
CASH = 100_000.0


def run(cli, *arguments):
    return cli.json("run", "hold.py", "--data", "prices.csv", *arguments)


def equity_when_bought_at(price, units=10.0, commission=0.0):
    return CASH + units * (LAST_CLOSE - price) - commission * units * price


@pytest.mark.parametrize(
    ("options", "price"),
    [
        ([], 102.0),  # decided at the close of bar 1, filled at the open of bar 2
        (["--latency", "1"], 103.0),  # one bar later
        (["--fill-at", "close"], 101.5),  # at the close of bar 1 itself
        (["--spread", "0.02"], 102.0 * 1.01),  # a taker pays half the spread
        (["--slippage", "0.01"], 102.0 * 1.01),
        (["--mode", "interpreted"], 102.0),
        (["--mode", "compiled"], 102.0),
    ],
)
def test_an_option_changes_the_price_of_the_fill(cli, options, price):
    assert run(cli, *options)["metrics"]["final_equity"] == pytest.approx(equity_when_bought_at(price), rel=1e-12)


def test_commission_is_a_fraction_of_the_traded_value(cli):
    metrics = run(cli, "--commission", "0.001")["metrics"]
    assert metrics["commission"] == pytest.approx(10 * 102.0 * 0.001)
    assert metrics["final_equity"] == pytest.approx(equity_when_bought_at(102.0, commission=0.001))


def test_cash_is_the_money_at_the_start(cli):
    assert run(cli, "--cash", "5000")["metrics"]["final_equity"] == pytest.approx(5000 + 10 * (LAST_CLOSE - 102.0))


def test_leverage_buys_more_than_the_cash(cli):
    options = ("--cash", "1020", "--set", "units=20")
    assert run(cli, *options)["metrics"]["final_equity"] == pytest.approx(1020 + 10 * (LAST_CLOSE - 102.0))
    levered = run(cli, *options, "--leverage", "2")["metrics"]
    assert levered["final_equity"] == pytest.approx(1020 + 20 * (LAST_CLOSE - 102.0))


def test_settings_without_effect_here_are_in_the_manifest(cli):
    manifest = run(cli, "--same-bar", "nearest", "--seed", "7", "--mode", "interpreted", "--set", "note=a b")[
        "manifest"
    ]
    assert manifest["settings"]["execution"]["same_bar"] == "nearest"
    assert manifest["seed"] == 7
    assert manifest["mode"] == "interpreted"
    assert manifest["parameters"] == {"units": 10.0, "note": "a b"}


@pytest.mark.parametrize("benchmark", ["buy_and_hold", "ASSET", "prices.csv", "sample:sp500"])
def test_a_benchmark_makes_beta_defined(cli, benchmark):
    data = "sample:sp500" if benchmark == "sample:sp500" else "prices.csv"
    document = cli.json("run", "hold.py", "--data", data, "--benchmark", benchmark)
    assert document["metrics"]["beta"] is not None
    assert run(cli)["metrics"]["beta"] is None


def test_json_is_one_document_without_nan_whatever_the_strategy_prints(cli):
    cli.write(
        "loud.py",
        """
        from backtester import Strategy

        print("imported", flush=True)

        class Loud(Strategy):
            def prepare(self, bars):
                print("prepared")

            def on_bar(self, ctx):
                pass
        """,
    )
    outcome = cli("run", "loud.py", "--data", "prices.csv", "--json")
    assert "NaN" not in outcome.stdout
    assert "imported" in outcome.stderr
    document = cli.json("run", "loud.py", "--data", "prices.csv")
    assert set(document) == {"metrics", "manifest", "verdict", "report", "out"}
    assert document["metrics"]["sharpe"] is None  # equity never moves: undefined
    assert document["metrics"]["n_fills"] == 0
    assert document["report"] is None


def test_text_names_the_strategy_and_what_is_written(cli):
    outcome = cli("run", "hold.py", "--data", "prices.csv", "--report", "r.html", "--out", "tables")
    assert "Hold(units=10" in outcome.stdout
    assert "100,175.00" in outcome.stdout  # 100,000 + 10 × (119.5 − 102)
    assert "Report written to r.html" in outcome.stdout
    assert "Tables written to tables" in outcome.stdout
    assert outcome.stderr == ""
    assert "<html" in (cli.folder / "r.html").read_text(encoding="utf-8")
    loaded = Result.load(cli.folder / "tables")
    assert loaded.equity.iloc[-1] == 100_175.0


def test_json_names_the_files(cli):
    document = run(cli, "--report", "r.html", "--out", "tables")
    assert (document["report"], document["out"]) == ("r.html", "tables")


def test_quiet_prints_nothing(cli):
    outcome = cli("run", "hold.py", "--data", "prices.csv", "--quiet", "--report", "r.html")
    assert outcome.output == ""
    assert (cli.folder / "r.html").exists()


def test_a_warning_is_one_line_on_stderr(cli):
    cli.write(
        "slow.py",
        """
        from backtester import Strategy

        class Slow(Strategy):
            def on_bar(self, ctx):
                with open("x") as file:
                    pass
        """,
    )
    cli.write("x", "")
    outcome = cli("run", "slow.py", "--data", "prices.csv", "--quiet")
    assert re.fullmatch(r"warning: running interpreted: [^\n]*slow\.py:6[^\n]*\n", outcome.stderr)


def test_progress_is_shown_when_asked_for_and_not_otherwise(cli):
    assert cli("run", "hold.py", "--data", "prices.csv", "--no-progress").stderr == ""
    assert cli("run", "hold.py", "--data", "prices.csv", "--progress").exit_code == 0


# --- data ----------------------------------------------------------------------------------------------------------


def test_parquet_is_read_by_its_suffix(cli):
    Bars.from_csv("prices.csv").to_parquet("prices.parquet")
    document = cli.json("run", "hold.py", "--data", "prices.parquet")
    assert document["metrics"]["final_equity"] == pytest.approx(equity_when_bought_at(102.0))


def test_several_sources_are_one_portfolio(cli):
    (cli.folder / "other.csv").write_text((cli.folder / "prices.csv").read_text())
    document = cli.json("run", "hold.py", "--data", "prices.csv", "--data", "other.csv")
    assert document["manifest"]["data"]["symbols"] == ["prices", "other"]
    named = cli.json("run", "hold.py", "-d", "A=prices.csv", "-d", "B=other.csv")
    assert named["manifest"]["data"]["symbols"] == ["A", "B"]
    mixed = cli.json("run", "hold.py", "--data", "sample:sp500", "--data", "sample:nasdaq")
    assert mixed["manifest"]["data"]["symbols"] == ["SP500", "NASDAQ"]


def test_a_byte_order_mark_and_crlf_change_nothing(cli):
    text = (cli.folder / "prices.csv").read_text()
    (cli.folder / "dos.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    documents = [cli.json("run", "hold.py", "--data", name) for name in ("prices.csv", "dos.csv")]
    assert documents[0]["manifest"]["data"]["content_hash"] == documents[1]["manifest"]["data"]["content_hash"]


def test_read_options_reach_the_reader(cli):
    text = (cli.folder / "prices.csv").read_text().replace(",", ";").replace(".", ",")
    cli.write("german.csv", text)
    document = cli.json("run", "hold.py", "--data", "german.csv", "--read", "decimal=,", "--read", "symbol=DAX")
    assert document["manifest"]["data"]["symbols"] == ["DAX"]
    assert document["metrics"]["final_equity"] == pytest.approx(equity_when_bought_at(102.0))


# --- naming the strategy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["hold.py", "hold.py:Hold", "./hold.py", "hold", "hold:Hold", "hold.Hold"])
def test_a_strategy_is_named_by_file_or_module(cli, target):
    assert cli.json("run", target, "--data", "prices.csv")["manifest"]["strategy"] == "Hold"


@pytest.mark.parametrize("target", ["strategies.sma_cross", "strategies.sma_cross.SmaCross", "strategies:SmaCross"])
def test_a_strategy_of_a_package_is_named_by_its_module(cli, target):
    document = cli.json("run", target, "--data", "sample:sp500", "--set", "fast=20", "--mode", "interpreted")
    assert document["manifest"]["strategy"] == "SmaCross"
    assert document["manifest"]["parameters"] == {"fast": 20, "slow": 30}


def test_a_file_may_import_its_neighbours_and_its_package(cli):
    (cli.folder / "inner").mkdir()
    cli.write("inner/__init__.py", "")
    cli.write("inner/sizes.py", "UNITS = 3.0\n")
    source = """
        from backtester import Strategy
        from {place} import UNITS

        class Buy(Strategy):
            units: float = UNITS

            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.order(0, self.units)
    """
    cli.write("inner/buy.py", source.format(place=".sizes"))
    (cli.folder / "plain").mkdir()
    cli.write("plain/sizes.py", "UNITS = 3.0\n")
    cli.write("plain/buy.py", source.format(place="sizes"))
    for target in ("inner/buy.py", "plain/buy.py"):
        metrics = cli.json("run", target, "--data", "prices.csv")["metrics"]
        assert metrics["final_equity"] == pytest.approx(equity_when_bought_at(102.0, units=3.0))


def test_an_imported_strategy_is_not_the_files_own(cli):
    cli.write(
        "mine.py", "from strategies.sma_cross import SmaCross\nfrom hold import Hold\n\nclass Mine(Hold):\n    pass\n"
    )
    assert cli.json("run", "mine.py", "--data", "prices.csv")["manifest"]["strategy"] == "Mine"
    assert cli.json("run", "mine.py:Hold", "--data", "prices.csv")["manifest"]["strategy"] == "Hold"


TYPED = """
    from typing import Any, Literal

    from backtester import Strategy

    class Typed(Strategy):
        whole: int = 1
        real: float = 1.0
        flag: bool = False
        text: str = "a"
        maybe: int | None = 3
        either: float | str = 0.5
        choice: Literal["up", "down"] = "up"
        free: Any = 0
"""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("whole=20", 20),
        ("whole=-3", -3),
        ("real=2", 2.0),
        ("real=1e-3", 0.001),
        ("flag=true", True),
        ("flag=No", False),
        ("flag=1", True),
        ("text=10", "10"),
        ("text=a=b", "a=b"),
        ("text=none", "none"),
        ("maybe=none", None),
        ("maybe=5", 5),
        ("either=2.5", 2.5),
        ("either=wide", "wide"),
        ("choice=down", "down"),
        ("free=7", 7),
        ("free=7.5", 7.5),
        ("free=seven", "seven"),
    ],
)
def test_a_parameter_is_typed_by_its_annotation(cli, setting, value):
    from backtester.cli.locate import find_strategy, make_strategy

    cli.write("typed.py", TYPED)
    strategy = make_strategy(find_strategy("typed.py"), [setting])
    found = getattr(strategy, setting.partition("=")[0])
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_as_a_parameter_is_taken_as_such(cli):
    from backtester.cli.locate import find_strategy, make_strategy

    cli.write("typed.py", TYPED)
    assert math.isnan(make_strategy(find_strategy("typed.py"), ["real=nan"]).real)
