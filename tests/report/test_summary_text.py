"""`print(result)` fits a terminal and says what a reader must know."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from report_cases import BothLegs, EverySoOften, Idle, altered, daily, wave
from rich.cells import cell_len

from backtester import Bars, Costs, Execution, Strategy, run
from backtester.notices import notices
from backtester.summary_text import clean, step_words, text_of, when, written

ALL = ("plain", "hostile", "idle", "bankrupt", "ambiguous", "one_bar")


@pytest.mark.parametrize("name", ALL)
def test_every_line_fits_eighty_columns_and_is_plain_text(name, request):
    text = str(request.getfixturevalue(name))
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert not [sign for sign in text if unicodedata.category(sign) == "Cc" and sign != "\n"]
    assert not set(text) & set("\u202e\u2068\u2069\x1b")


def test_a_usual_result_is_ascii(plain):
    assert str(plain).isascii()


def test_numbers_are_those_of_the_metrics(plain):
    text, metrics = str(plain), plain.metrics
    assert re.search(
        rf"final equity +{metrics['final_equity']:,.2f}$|final equity +{metrics['final_equity']:,.2f} ", text
    )
    assert re.search(rf"maximum drawdown +{100 * metrics['max_drawdown']:.2f} %", text)
    assert re.search(rf"closed trades +{metrics['n_trades']:.0f}\n", text)
    assert re.search(rf"commission +{metrics['commission']:,.2f}", text)
    assert re.search(rf"spread +{metrics['spread']:,.2f}", text)
    assert "slippage" not in text  # there was none
    assert "EverySoOften(every=10)" in text
    assert "2020-01-06 to 2021-02-08" in text
    assert "400 bars of 1 day x 2 assets, made" in text


def test_undefined_numbers_are_a_dash(idle):
    assert re.search(r"Sharpe +- ", str(idle))
    assert written(float("nan"), "percent") == "-"
    assert written(-0.00001, "percent") == "0.00 %"
    assert written(-0.0123, "percent") == "-1.23 %"
    assert written(float("inf"), "number") == "inf"
    assert written(1e15, "money") == "1e+15"


def sentences(result):
    return " ".join(sentence for _, sentence in notices(result))


def test_a_run_without_orders_says_so(idle):
    assert notices(idle) == [("note", "No trades: the strategy sent no order.")]


def test_a_run_whose_orders_never_fill_says_so():
    class Hopeful(Strategy):
        def on_bar(self, ctx):
            ctx.limit(0, 1.0, 1.0)

    assert "No trades: none of its orders was filled." in sentences(run(Hopeful, daily(wave(20))))


def test_ruin_is_a_warning(bankrupt):
    # the price triples in bar 6, which is Sunday 12 January 2020
    assert "Bankrupt on 2020-01-12: equity is 0 from there to the end." in sentences(bankrupt)
    assert "1 forced liquidation by the margin check, first on 2020-01-12." in sentences(bankrupt)
    assert str(bankrupt).count("! ") == 2


def test_ambiguous_bars_are_named_with_the_rule_that_decided(ambiguous):
    assert ambiguous.ambiguous_bars == 1
    assert "1 ambiguous bar: both legs of a pair could have filled there; same_bar='stop_first' decided." in sentences(
        ambiguous
    )
    other = run(BothLegs, ambiguous.bars, execution=Execution(same_bar="target_first"))
    assert "same_bar='target_first' decided" in sentences(other)


def test_open_positions_are_listed_the_largest_first(hostile):
    text = sentences(hostile)
    assert "Open at the end, marked at the last close, not in the trade statistics: +12 " in text
    assert "and 1 more" in text


def test_an_interrupted_run_and_an_interpreted_one_say_so(plain):
    told = altered(plain, facts={"interrupted": True, "interpreted_because": "line 3: a\nset"})
    assert notices(told)[0] == ("warning", "Interrupted after 400 bars; the rest of the data did not run.")
    assert notices(told)[1] == ("note", "Ran interpreted, not compiled: line 3: a\N{REPLACEMENT CHARACTER}set")


def test_few_trades_missing_costs_and_fills_at_the_close_are_said(plain):
    bars = daily(wave(60))
    assert "No trading costs were set" in sentences(run(EverySoOften, bars))
    assert "Trade statistics rest on 6 closed trades." in sentences(run(EverySoOften, bars))
    at_close = run(EverySoOften, bars, costs=Costs(spread=0.001), execution=Execution(fill_at="close"))
    assert "fill_at='close'" in sentences(at_close)
    assert "No trading costs" not in sentences(at_close)
    assert "rest on" not in sentences(plain)


def test_rejected_and_reduced_orders_are_counted_by_reason(hostile):
    assert "3 orders rejected: quantity not finite (2), quantity too large (1)." in sentences(hostile)

    class TooMuch(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 3:
                ctx.order(0, 5000.0)

    result = run(TooMuch, daily(wave(20)))
    assert result.orders["reason"].tolist() == ["insufficient_equity"]
    assert 0.0 < result.orders["filled"].item() < 5000.0
    assert "1 order filled in part: insufficient equity (1)." in sentences(result)


def test_names_lose_what_would_act_on_a_terminal():
    assert clean("a\x1b[31m\n\u202eb\u2066") == "a\ufffd[31m\ufffd\ufffdb\ufffd"
    assert clean("🚀 שלום é") == "🚀 שלום é"


def test_long_parameters_and_many_symbols_stay_short():
    class Wordy(Strategy):
        text: str = "x" * 500

        def on_bar(self, ctx):
            pass

    symbols = [f"A_RATHER_LONG_SYMBOL_{k}" for k in range(50)]
    text = text_of(run(Wordy, daily(wave(20, 50), symbols=symbols)))
    assert max(map(len, text.splitlines())) <= 80
    assert "x 50 assets" in text
    assert text.count("RATHER") == 6


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (60, "1 minute"),
        (300, "5 minutes"),
        (3600, "1 hour"),
        (86_400, "1 day"),
        (7 * 86_400, "1 week"),
        (30 * 86_400, "1 month"),
        (365 * 86_400, "1 year"),
        (1, "1 second"),
        (0.25, "0.25 seconds"),
    ],
)
def test_the_step_of_the_bars_in_words(step, words):
    price = np.full((9, 1), 10.0)
    stamps = 10**18 + (np.arange(9) * step * 1e9).astype(np.int64)
    assert step_words(Bars.from_arrays(stamps, price, price, price, price)) == words


def test_daily_bars_are_named_by_session_and_shorter_ones_by_time():
    price = np.full((3, 1), 10.0)
    stamps = np.array(["2020-01-02T00:00", "2020-01-03T00:00", "2020-01-04T00:00"], "M8[ns]").astype(np.int64)
    bars = Bars.from_arrays(stamps, price, price, price, price)
    assert when(bars, 0) == "2020-01-01"  # closes with the end of that day
    hourly = Bars.from_arrays(stamps[0] + 3600 * 10**9 * np.arange(3), price, price, price, price)
    assert when(hourly, 1) == "2020-01-02 01:00"
    assert "2020-01-02 00:00 to 2020-01-02 02:00 UTC" in str(run(Idle, hourly))
