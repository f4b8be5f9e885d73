"""Every planted leak is caught, with its kind, what moved, the first bar, the asset and how far it looks.

Where "bar" and "ahead" come from: daily bars begin on Monday, bar 0. `LAST` stands for a reach to the last bar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import planted_functions as functions
import planted_strategies as strategies
import pytest
from planted_market import LISTED, market

from backtester import Strategy, check_lookahead

DAILY = market()
WHOLE = market(gaps=False)
QUARTERS = market(hours=6)  # four bars a day
LAST = DAILY.n_bars - 1
FEBRUARY = 25  # the bar of January 31: the first session is January 6
#: cuts after the first bars at which anything is known, at the end of January, and elsewhere
CUTS = (1, 2, 3, 26)


@dataclass(frozen=True)
class Plant:
    """What is to be found.

    `ahead` is the number of bars, LAST for all of them; None where it is not asked for.
    """

    name: str
    bar: int
    ahead: int | None
    asset: str = "A"
    cuts: object = CUTS
    bars: object = DAILY
    through: str = ""
    worlds: tuple[str, ...] = ()


SCORE = "self.score"
STRATEGIES = {
    "ShiftedClose": Plant(SCORE, 0, 1),
    "CentredAverage": Plant(SCORE, 2, 2),  # of five bars, known from the third on
    "SampleZScore": Plant(SCORE, 0, LAST),
    "SampleRange": Plant(SCORE, 0, LAST),
    "BackFilled": Plant(SCORE, 0, LISTED, "B"),
    "Interpolated": Plant(SCORE, 1, 9),  # between bars 0 and 10
    "Rolled": Plant(SCORE, 0, LAST),
    "FourierFiltered": Plant(SCORE, 0, LAST),
    "Detrended": Plant(SCORE, 0, LAST),
    "WeekOnMonday": Plant(SCORE, 0, 6),  # Sunday's close
    "HighOfTheDay": Plant(SCORE, 0, 3, bars=QUARTERS),
    "SampleRank": Plant(SCORE, 0, LAST),
    "SavitzkyGolay": Plant(SCORE, 0, 6),  # the first three values are of a parabola through seven
    "HodrickPrescott": Plant(SCORE, 0, None),  # its weights fall below rounding before the end
    "BestToCome": Plant(SCORE, 0, LAST),
    "OneCandle": Plant(SCORE, strategies.CANDLE, 1, "C", cuts=10),  # it decides there, and so is looked at there
    "MonthEnds": Plant(SCORE, FEBRUARY, 1),
    "EarlyEarnings": Plant(SCORE, 0, 1),
    "WholeCopy": Plant("orders", 1, 1, through="self.all"),
    "FutureInAList": Plant("orders", 1, 1, through="self.future"),
    "FutureInAGlobal": Plant("orders", 1, 1),
    "SampleMean": Plant("orders", 1, None, through="self.mean"),
    # where the data ends before bar 26 it sells at bar 16
    "KnowsTheEnd": Plant("orders", 16, 10, through="self.n_bars", worlds=("deleted",)),
    "WritesItDown": Plant("records", 1, 1, "", through="self.all"),
}
FUNCTIONS = {
    "features_with_the_target": Plant("feature next_return", 0, 1),
    "label_of_the_median": Plant("label_of_the_median", 2, None, cuts=(4, 60)),
    "label_that_reads_on": Plant("label_that_reads_on", 0, 3),
    "scaled_and_fitted": Plant("scaled_and_fitted scaler.centre", functions.TRAINED - 1, LAST, "", cuts=12),
    "predictions_of_k_folds": Plant("predictions_of_k_folds", 2, LAST, cuts=(3, 75)),
    "NormalisedByTheEpisode": Plant("observation", 1, LAST, ""),
    "ShowsTheNextClose": Plant("observation", 1, 1, ""),
    "RewardOfTomorrow": Plant("reward", 2, 1, ""),
}


def found_in(report, plant):
    """Compare the first leak of a report with what was planted."""
    assert not report.ok
    first = report.leaks[0]
    assert (first.kind, first.name, first.bar, first.asset) == ("look-ahead", plant.name, plant.bar, plant.asset)
    if plant.ahead is not None:
        end = plant.ahead == LAST
        assert first.bars_ahead == (LAST - plant.bar if end else plant.ahead)
        assert first.to_the_end == end
    assert plant.through in first.detail
    if plant.worlds:
        assert first.worlds == plant.worlds
    return first


def test_every_planted_strategy_is_in_the_table():
    own = {
        name
        for name, value in vars(strategies).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == strategies.__name__
    }
    assert own - set(STRATEGIES) == {"_Trader", "NoSeed", "SlowStart", "NeverForgets"}
    assert len(STRATEGIES) + len(FUNCTIONS) >= 30


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_leak_in_a_strategy_is_caught(name):
    plant = STRATEGIES[name]
    kind = getattr(strategies, name)
    report = check_lookahead(kind, plant.bars, cuts=plant.cuts, mode="interpreted", startup=False)
    first = found_in(report, plant)
    assert len(report.leaks) == 1, "orders that follow from an array are no finding of their own"
    if plant.name == SCORE and name != "Rolled":  # of which row 0 alone is wrong, and nobody trades there
        assert "orders moved with it" in first.detail


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_leak_in_a_function_of_bars_is_caught(name):
    plant = FUNCTIONS[name]
    found_in(check_lookahead(getattr(functions, name), plant.bars, cuts=plant.cuts, startup=False), plant)


def test_the_leaking_feature_is_told_from_the_honest_one():
    report = check_lookahead(functions.features_with_the_target, DAILY, cuts=CUTS)
    assert [one.name for one in report.leaks] == ["feature next_return"]


def test_a_scaler_that_was_fitted_on_all_bars_is_caught_and_one_of_the_training_rows_is_not():
    cuts = (functions.TRAINED, functions.TRAINED + 10)
    report = check_lookahead(functions.scaler_of_all, DAILY, known=functions.TRAINED - 1, cuts=cuts)
    assert [one.name for one in report.leaks] == ["scaler_of_all.centre", "scaler_of_all.scale"]
    assert {one.bar for one in report.leaks} == {functions.TRAINED - 1}
    assert check_lookahead(functions.scaler_of_training, DAILY, known=functions.TRAINED - 1, cuts=cuts).ok


def test_a_model_that_scales_what_it_is_asked_by_itself_is_caught_in_its_first_test():
    # log returns over five bars are known from bar 5 on; 50 bars train, 25 are tested: 55 to 79
    report = check_lookahead(functions.ScaledByItself(), WHOLE, cuts=(56, 70), **functions.PIPELINE)
    (first,) = report.leaks
    assert (first.name, first.bar, first.asset, first.bars_ahead) == ("signal", 55, "A", 79 - 55)
    assert {"feature log_return(5)", "label", "fold 0 scaler.centre", "signal"} <= set(report.compared)


def test_a_feature_that_is_the_label_and_cannot_be_cut_is_caught():
    from backtester.signals import External, forward_return

    tip = External(np.nan_to_num(forward_return(WHOLE, 2).values), "tip", WHOLE.timestamps)
    pipeline = {**functions.PIPELINE, "features": ["log_return(5)", tip]}
    report = check_lookahead("ridge", WHOLE, cuts=(70,), **pipeline)
    assert [(one.name, one.bar) for one in report.leaks] == [("feature tip", 5)]
    assert "1.0000" in report.leaks[0].detail


def test_an_environment_that_pays_for_a_price_it_has_shown_is_caught():
    report = check_lookahead(functions.FillsAtTheSeenPrice, DAILY, cuts=CUTS)
    (first,) = report.leaks
    assert (first.kind, first.name) == ("look-ahead", "reward")
    move = DAILY.close[first.bar, 0] / DAILY.close[first.bar - 1, 0] - 1.0
    assert f"{move:.3g} of equity" in first.detail
    assert check_lookahead(functions.Market, DAILY, cuts=CUTS).ok


def test_randomness_is_told_from_look_ahead():
    report = check_lookahead(strategies.NoSeed, DAILY, cuts=CUTS, mode="interpreted")
    (first,) = report.findings
    assert (first.kind, first.name, first.bar) == ("randomness", SCORE, 0)
    assert not report.ok
    assert "ctx.random()" in first.remedy


def test_start_up_drift_is_no_leak_and_says_how_long_the_warm_up_has_to_be():
    report = check_lookahead(strategies.SlowStart, DAILY, cuts=CUTS, mode="interpreted")
    assert report.ok
    first = next(one for one in report.findings if one.name == "self.average")
    assert first.kind == "start-up drift"
    # weights of what lies before fall by 2/3 a bar: (2/3)^k < 1e-9·(average/difference) for k of some 40 to 52
    assert 35 <= first.warmup <= 52
    early = check_lookahead(strategies.SlowStart, DAILY[:40], cuts=CUTS[:2], mode="interpreted")
    assert "more bars are needed to see its end" in early.findings[0].headline
    again = check_lookahead(
        type("Patient", (strategies.SlowStart,), {"warmup": 60}), DAILY, cuts=CUTS, mode="interpreted"
    )
    assert again.findings == ()


def test_what_never_forgets_is_told_so():
    report = check_lookahead(strategies.NeverForgets, DAILY, cuts=CUTS, mode="interpreted")
    assert report.ok
    assert [(one.kind, one.name, one.warmup) for one in report.findings] == [("start-up drift", "self.sum", None)]
    assert "never forgets" in report.findings[0].detail
    assert "no warm-up ends it" in report.findings[0].headline
