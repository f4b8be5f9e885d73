"""`backtester walk-forward`, `stress` and `sweep`: what Python gives, as tables, documents and pages."""

from __future__ import annotations

import pytest

from backtester import Bars, run, stress, walk_forward
from strategies.sma_cross import SmaCross

SMA = ("strategies.sma_cross", "--data", "sample:googl")


def test_walk_forward_is_that_of_python(cli):
    found = walk_forward(SmaCross, Bars.sample("googl"), {"fast": [5, 10]}, train=750, test=500, store=None)
    options = ("-p", "fast=5,10", "--train", "750", "--test", "500")
    written = cli.json("walk-forward", *SMA, *options, "--report", "walk.html", "--table", "folds.csv")
    scores = [one["out_of_sample"] for one in written["folds"]]
    assert scores[:3] == pytest.approx(list(found.folds["out_of_sample"])[:3])
    assert scores[3:] == [None]  # the rest of the data is less than half a test
    assert written["metrics"]["sharpe"] == pytest.approx(found.result.metrics["sharpe"], rel=1e-12)
    page = (cli.folder / "walk.html").read_text(encoding="utf-8")
    assert "out of sample" in page
    assert (cli.folder / "folds.csv").read_text().count("\n") == 1 + len(found.folds)


def test_walk_forward_without_lengths_or_dimensions_says_what_is_missing(cli):
    assert "--train BARS is required" in cli.error("walk-forward", *SMA, "-p", "fast=5,10", "--test", "100")
    assert "nothing to vary" in cli.error("walk-forward", *SMA, "--train", "100", "--test", "100")


def test_stress_is_that_of_python(cli):
    kinds = ("--scenario", "costs", "--scenario", "delay")
    written = cli.json("stress", *SMA, "--commission", "0.001", *kinds, "--report", "stress.html")
    from backtester import Costs

    result = run(SmaCross(), Bars.sample("googl"), costs=Costs(commission=0.001))
    found = stress(result, scenarios=["costs", "delay"])
    assert written["sentence"] == found.sentence
    assert [one["sharpe"] for one in written["scenarios"]] == pytest.approx(list(found.table["sharpe"]))
    assert "<html" in (cli.folder / "stress.html").read_text(encoding="utf-8")


def test_none_beside_numbers_and_words_alone_end_well(cli):
    cli.write(
        "kinds.py",
        """
        from backtester import Strategy

        class Kinds(Strategy):
            units: int = 10
            limit: int | None = None
            kind: str = "a"

            def prepare(self, bars):
                self.most = -1 if self.limit is None else self.limit

            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.order(0, self.units if self.most < 0 else min(self.units, self.most))
        """,
    )
    call = ("sweep", "kinds.py", "--data", "prices.csv", "--mode", "interpreted", "--objective", "total_return")
    found = cli.json(*call, "-p", "units=10,30", "-p", "limit=none,20")
    assert [(row["trial"], row["units"], row["limit"]) for row in found["top"]] == [
        *((2, 30, None), (3, 30, 20), (0, 10, None), (1, 10, 20)),
    ]
    assert found["stability"]["best"]["parameters"] == {"units": 30, "limit": None}
    # of both units without a limit the mean is (175 + 525) / 2 dollars; 30 scores better by itself
    shown = cli(*call, "-p", "limit=none,20", "--report", "kinds.html").stdout
    assert "stability: no parameter that varies has numbers for values, so that no set has neighbours" in shown
    assert [line.split()[:2] for line in shown.splitlines() if line.strip()[:1].isdigit()] == [
        ["0", "None"],
        ["1", "20"],
    ]
    assert cli.json(*call, "-p", "kind=a,b")["stability"] is None
