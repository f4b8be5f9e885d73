"""`backtester check`: what a file holds is found, checked, and told by the exit code."""

from __future__ import annotations

CLEAN = """
    import numpy as np
    from backtester import Strategy
    from backtester.signals import Features, forward_return

    class Rising(Strategy):
        n: int = 3

        def prepare(self, bars):
            self.rise = np.full(bars.close.shape, np.nan)
            self.rise[self.n:] = bars.close[self.n:] - bars.close[:-self.n]

        def on_bar(self, ctx):
            if self.rise[-1, 0] > 0.0:
                ctx.order_target_percent(0, 0.5)

    features = Features(["log_return(1)", "body"])

    def label(bars):
        return forward_return(bars, 2)

    def tomorrow(bars):
        "A helper, which may look ahead."
        return np.vstack([bars.close[1:], bars.close[-1:]])

    def helper(bars, scale):
        return bars.close * scale
"""
LEAK = (
    CLEAN
    + """
    class Seer(Rising):
        def prepare(self, bars):
            self.rise = tomorrow(bars) - bars.close

    class _Hidden(Seer):
        pass
"""
)
BROKEN = """
    from backtester import Strategy

    class Broken(Strategy):
        def prepare(self, bars):
            raise KeyError("vix")
"""
DATA = ("--data", "prices.csv", "--mode", "interpreted")


def test_a_clean_file_ends_with_0_and_a_line_for_each_thing(cli):
    cli.write("clean.py", CLEAN)
    lines = [line.split() for line in cli("check", "clean.py", *DATA).stdout.splitlines()]
    assert lines[0][:3] == ["name", "what", "verdict"]
    assert [line[:3] for line in lines[1:4]] == [
        ["Rising", "strategy", "ok"],
        ["features", "features", "ok"],
        ["label", "label", "ok"],
    ]


def test_a_leak_ends_with_1_and_is_named(cli):
    cli.write("leak.py", LEAK)
    text = cli("check", "leak.py", *DATA, code=1).stdout
    assert "look-ahead: self.rise, first at bar 0 (2020-01-02T00:00:00Z)" in text
    assert "sees 1 bar ahead" in text
    assert "_Hidden" not in text


def test_one_thing_can_be_named_and_set(cli):
    cli.write("leak.py", LEAK)
    cli("check", "leak.py:Rising", *DATA, "--set", "n=5")
    cli("check", "leak.py:tomorrow", *DATA, code=1)
    assert "did you mean 'Rising'" in cli.error("check", "leak.py:Risin", *DATA)
    assert "one strategy, and there are 4" in cli.error("check", "leak.py", *DATA, "--set", "n=5")


def test_the_document_of_json(cli):
    cli.write("leak.py", LEAK)
    document = cli.json("check", "leak.py", *DATA, "--cuts", "all", code=1)
    assert document["ok"] is False
    by_name = {one["name"]: one for one in document["checked"]}
    assert set(by_name) == {"Rising", "features", "label", "Seer"}
    finding = by_name["Seer"]["findings"][0]
    assert (finding["kind"], finding["name"], finding["bars_ahead"]) == ("look-ahead", "self.rise", 1)
    assert by_name["Rising"]["n_cuts"] == document["data"]["n_bars"] - 1 == 19


def test_what_cannot_run_ends_with_2(cli):
    cli.write("broken.py", BROKEN)
    assert "Broken could not be run: KeyError: 'vix'" in cli("check", "broken.py", *DATA, code=2).stdout
    cli.write("nothing.py", "x = 1\n")
    assert "nothing to check is defined there" in cli.error("check", "nothing.py", *DATA)
    assert "--cuts none" in cli.error("check", "broken.py", *DATA, "--cuts", "none")


def test_what_is_no_leak_is_counted_by_its_kind(cli):
    early = """
    class Fitted(Rising):
        warmup = 10

        def prepare(self, bars):
            self.rise = bars.close - bars.close[:10].mean()
"""
    cli.write("early.py", CLEAN + early)
    done = cli("check", "early.py:Fitted", *DATA)
    assert "ok, 1 before the warm-up" in done.stdout
