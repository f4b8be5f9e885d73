"""A few of the thousand researchers: their backtests by hand, and tests that reject about as often as they claim."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from backtester import Account, Costs
from benchmarks.researchers import figure, report
from benchmarks.researchers.__main__ import simulate
from benchmarks.researchers.market import SIGMA, market, returns
from benchmarks.researchers.report import column
from benchmarks.researchers.research import World, tried
from benchmarks.researchers.trader import LENGTHS, PAIRS, PLANTED, WARM_UP
from benchmarks.researchers.verdicts import STATISTICS, Rate, alarm_of, rate_of

NO_EDGE, EDGE = World(), World(phi=0.25)
SIZES = {NO_EDGE: 30, EDGE: 12}


@pytest.fixture(scope="module")
def worlds():
    patch = pytest.MonkeyPatch()
    patch.setenv("BACKTESTER_TRIALS", "off")
    try:
        yield simulate(SIZES, "threads", 1)
    finally:
        patch.undo()


def test_tests_reject_about_as_often_as_they_claim_and_the_naive_one_far_too_often(worlds):
    _, found = worlds[0]
    rates = {one.field: rate_of(column(found, one.field)).rejected for one in STATISTICS}
    # of 30 at 5 % seven or more reject with probability 0.0006; of 54 % fewer than eight with 0.002
    for name in set(rates) - {"naive", "timing_best", "pbo"}:
        assert rates[name] < 7, name
    assert rates["naive"] >= 8
    assert abs(column(found, "sharpe_fixed").mean()) < 4 / np.sqrt(30 * 1_000)  # a Sharpe ratio of 0 is known to 1/√n
    assert (column(found, "sharpe") > column(found, "sharpe_fixed")).all()
    assert 0.3 < column(found, "pbo").mean() < 0.7
    assert report.alarms(worlds) == []


def test_a_planted_edge_is_found(worlds):
    # sign(r) earns √(2/π)·φ = 0.2 deviations a day; that is 6.3 standard errors in 1,000 days
    _, found = worlds[1]
    assert column(found, "chose_planted").mean() > 0.25  # (1, 3), of like sign, is nearly as good
    assert column(found, "sharpe").mean() == pytest.approx(0.2, abs=4 / np.sqrt(12 * 1_000))
    for name in ("reality_check", "spa", "discovered_bh", "deflated"):
        assert (column(found, name) < 0.05).mean() > 0.8, name


def test_the_same_researchers_find_the_same_in_any_threads(worlds):
    again = simulate({NO_EDGE: 2}, "threads", 2)[0][1]
    assert again.tobytes() == worlds[0][1][:2].tobytes()


@pytest.mark.parametrize("cost", [0.0, 0.001])
def test_a_trial_is_what_its_positions_earn(cost):
    bars = market("normal", 0.1, WARM_UP + 200, 7)
    earned = tried(bars, Costs(commission=cost), Account(leverage=2.0))
    close, k = bars.close[:, 0], PAIRS.index((1, 3))
    cash, units, equity = 100_000.0, 0.0, []
    target = 0
    for t in range(bars.n_bars):
        if target:  # an open is the close before it
            before = cash + units * bars.open[t, 0]
            wanted = target * before / bars.open[t, 0]
            cash -= (wanted - units) * bars.open[t, 0] + cost * abs(wanted - units) * bars.open[t, 0]
            units, target = wanted, 0
        equity.append(cash + units * close[t])
        above = close[t] - close[max(0, t - 2) : t + 1].mean() if t >= 2 else 0.0
        if above * units < 0.0 or (units == 0.0 and above != 0.0):
            target = 1 if above > 0.0 else -1
    by_hand = np.array(equity[WARM_UP:])
    np.testing.assert_allclose(earned[:, k], by_hand[1:] / by_hand[:-1] - 1.0, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["normal", "clustered"])
def test_markets_have_the_planted_correlation_and_no_other(kind):
    n = 20_000
    for phi in (0.0, 0.15):
        found = returns(kind, phi, n, 3)
        assert found.mean() == pytest.approx(0.0, abs=5 * SIGMA / np.sqrt(n))
        assert found.std() == pytest.approx(SIGMA, rel=0.1)
        signs = np.sign(found[:-1]) * found[1:] / SIGMA  # what the pair (1, 2) earns
        error = 5 / np.sqrt(n)
        assert signs.mean() == pytest.approx(phi * np.abs(found).mean() / SIGMA, abs=error)


def test_the_trials():
    assert len(PAIRS) == 55 == len(LENGTHS) * (len(LENGTHS) - 1) / 2
    assert PAIRS[PLANTED] == (1, 2)
    assert WARM_UP == 90


class TestRates:
    def test_intervals_are_exact(self):
        # none of n: 1 − (α/2)^(1/n); the table of Clopper and Pearson: 5 of 10 is 0.187 to 0.813
        assert Rate(0, 40).interval() == pytest.approx((0.0, 1.0 - 0.025 ** (1 / 40)))
        assert Rate(5, 10).interval() == pytest.approx((0.187, 0.813), abs=5e-4)
        assert str(Rate(5, 10)) == "50.0 (18.7 to 81.3)"

    def test_one_that_is_nan_rejects_nothing(self):
        assert rate_of(np.array([0.01, np.nan, 0.05, 0.5])).rejected == 1

    @pytest.mark.parametrize(
        ("field", "rejected", "world", "text"),
        [
            ("spa", 100, NO_EDGE, "REJECTS TOO OFTEN"),
            ("spa", 20, NO_EDGE, "REJECTS TOO SELDOM"),
            ("spa", 20, World(cost_bps=5.0), ""),  # every mean is below 0
            ("spa", 50, NO_EDGE, ""),
            ("deflated", 0, NO_EDGE, ""),
            ("deflated", 100, NO_EDGE, "REJECTS TOO OFTEN"),
            ("naive", 500, NO_EDGE, ""),
            ("spa", 500, EDGE, ""),
        ],
    )
    def test_a_test_that_does_not_do_what_it_claims_is_an_alarm(self, field, rejected, world, text):
        statistic = next(one for one in STATISTICS if one.field == field)
        assert alarm_of(statistic, world, Rate(rejected, 1_000)).startswith(text or "")
        assert bool(alarm_of(statistic, world, Rate(rejected, 1_000))) == bool(text)


def test_the_report_and_the_figure_have_every_statistic(worlds):
    text = report.markdown(worlds, "the command", 1.0)
    drawn = ElementTree.fromstring(figure.svg(worlds))
    words = {node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")}
    for one in STATISTICS:
        assert text.count(f"| {one.words} |") == 2
        assert figure._short(one.words) in words
    data = report.as_data(worlds, 1.0)
    assert [one["researchers"] for one in data["worlds"]] == [30, 12]
    assert data["worlds"][1]["rates"]["spa"]["high"] == pytest.approx(1.0)
