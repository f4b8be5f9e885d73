"""`compare`: metrics in columns, what the runs were given differently, and what forbids comparing them."""

from __future__ import annotations

import pytest
from few_bars import FLAT, market, play

from backtester import Instrument, Result, Strategy, compare, run
from backtester.errors import ResultError

ROWS = [FLAT, FLAT, (10, 12, 8, 11), (11, 13, 10, 12), (12, 14, 11, 13), FLAT, FLAT]


def buy(c):
    c.order(0, 10)


class Buy(Strategy):
    units: float = 10.0
    note: str = ""

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, self.units)


def bought(units, rows=ROWS, **settings):
    return run(Buy(units=units), market(rows), mode="interpreted", cash=1000.0, **settings)


def row_of(text: str, label: str) -> list[str]:
    """Return the cells of a row of the printed table."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith(label))
    return line.strip().removeprefix(label).split()


def test_metrics_are_those_of_each_result():
    results = [bought(units) for units in (10.0, 20.0, 30.0)]
    found = compare(*results, names=("ten", "twenty", "thirty"))
    for name, values in found.metrics.items():
        assert repr(values) == repr(tuple(result.summary()[name] for result in results))
    # bought at 10, marked at 10 in the end
    assert found.metrics["final_equity"] == (1000.0, 1000.0, 1000.0)
    text = str(found)
    assert row_of(text, "final equity") == ["1,000.00"] * 3
    assert row_of(text, "fills") == ["1", "1", "1"]
    assert text.splitlines()[0].split() == ["ten", "twenty", "thirty"]


def test_what_they_were_given_differently_is_told_and_nothing_else():
    found = compare(bought(10.0), bought(20.0))
    assert found.names == ("A", "B")
    assert found.different == {"parameter units": (10.0, 20.0)}
    assert found.notes == ()
    assert row_of(str(found), "parameter units") == ["10", "20"]


def test_a_parameter_may_be_called_like_a_setting():
    class Named(Strategy):
        cash: float = 1.0
        benchmark: str = "none"

    found = compare(*(run(Named(cash=cash), market(ROWS), mode="interpreted") for cash in (1.0, 2.0)))
    assert found.different == {"parameter cash": (1.0, 2.0)}
    assert found.notes == ()


def test_one_result_is_shown_alone():
    found = compare(bought(10.0))
    assert found.different == {}
    assert "Given" not in str(found)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cash": 500.0}, "compare fractions, not money (cash)"),
        ({"commission": 0.01}, "They paid other costs (costs.commission)"),
        ({"leverage": 2.0}, "so does the risk that they could take"),
        ({"max_gross": 2.0}, "limits of their accounts differ"),
        ({"instruments": [Instrument("A0", lot_size=2.0)]}, "contracts differ, in multiplier"),
        ({"currency": "CHF"}, "compare fractions, not money"),
        ({"benchmark": "A0"}, "alpha, beta and the information ratio are against different things"),
        ({"risk_free": 0.02}, "are over different rates"),
        ({"periods_per_year": 12.0}, "annual figures are scaled differently"),
        ({"fill_at": "close"}, "executed by other rules (execution.fill_at)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_setting_that_forbids_comparing_is_a_note(settings, words):
    found = compare(play(ROWS, {1: buy}), play(ROWS, {1: buy}, **settings))
    assert len(found.notes) == 1
    assert words in found.notes[0]
    assert f"! {found.notes[0]}" in str(found)


def test_other_data_are_a_note_that_says_what_is_other():
    found = compare(bought(10.0), bought(10.0, rows=[*ROWS, FLAT]))
    assert found.different["bars"] == (7, 8)
    assert "They ran on other data (last bar differ)" in found.notes[0]
    values = compare(bought(10.0), bought(10.0, rows=[*ROWS[:-1], (10, 11, 10, 10)]))
    assert "same symbols and period, other values" in values.notes[0]


def before():
    class Bought(Strategy):
        def on_bar(self, ctx):
            ctx.order(0, 1)

    return Bought


def after():
    class Bought(Strategy):
        def on_bar(self, ctx):
            ctx.order(0, 2)

    return Bought


def test_an_edited_strategy_is_a_note():
    first, second = (run(made(), market(ROWS), mode="interpreted") for made in (before, after))
    assert first.manifest["strategy"] == second.manifest["strategy"] == "Bought"
    assert "its code was edited between the runs" in compare(first, second).notes[-1]


def test_every_metric_is_there_when_asked_for():
    found = compare(bought(10.0), bought(20.0))
    assert "kurtosis" not in found.text()
    assert len(row_of(found.text(every=True), "kurtosis")) == 2


def test_loaded_results_are_compared_like_live_ones(tmp_path):
    one, other = bought(10.0), bought(20.0)
    other.to_parquet(tmp_path / "other")
    loaded = compare(one, Result.load(tmp_path / "other"))
    assert repr(loaded.as_dict()) == repr(compare(one, other).as_dict())


def test_wrong_use_is_an_error():
    result = bought(10.0)
    with pytest.raises(ResultError, match="there is no result; give one or more"):
        compare()
    with pytest.raises(ResultError, match="argument 2 must be a Result, found str"):
        compare(result, "run")
    with pytest.raises(ResultError, match="1 names for 2 results"):
        compare(result, result, names=("one",))


def test_names_cannot_break_the_table():
    text = str(compare(bought(10.0), bought(20.0), names=("a\nb", "x" * 50)))
    assert "a\N{REPLACEMENT CHARACTER}b" in text.splitlines()[0]
    assert "x" * 20 + ".." in text.splitlines()[0]
