"""The verdict by its formulas, worked here, and its sentence for every kind of result."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from ledgers import DAY, Hold, panel

from backtester import Account, Bars, Costs, Strategy, run, sweep
from backtester.errors import SweepError
from backtester.metrics.sharpe_error import sharpe_interval
from backtester.trials import mark as mark_module
from backtester.trials.where import VARIABLE

PHI = NormalDist()


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "trials.db"
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setattr(mark_module, "_in_a_test", lambda: False)
    return path


class Idle(Strategy):
    def on_bar(self, ctx):
        pass


def rising(n_bars: int = 1000, drift: float = 0.002, seed: int = 4) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(drift + 0.01 * rng.standard_normal(n_bars)))[:, None]
    return Bars.from_arrays(
        (np.arange(n_bars) + 1) * DAY, close, close, close, close, np.full_like(close, 1e6), symbols=("UP",)
    )


class Geared(Strategy):
    """Holds ten times its equity for 60 bars."""

    def on_bar(self, ctx):
        if ctx.t < 60:
            ctx.order_target_percent(0, 10.0)


def boom_and_bust() -> Bars:
    """Return bars that rise by about a hundredth each, and lose three tenths in the end."""
    moves = 0.01 + 0.002 * np.random.default_rng(0).standard_normal(60)
    close = 100.0 * np.cumprod(1.0 + np.append(moves, [-0.3, 0.0, 0.0]))[:, None]
    return Bars.from_arrays((np.arange(63) + 1) * DAY, close, close, close, close, symbols=("AAA",))


def test_the_interval_by_its_formula():
    # SR 0.1, 101 returns, skew 0, kurtosis 3: variance (1 + 0.1²/2)/100, half width 1.959964·√0.01005
    low, high = sharpe_interval(0.1, 101, 0.0, 3.0)
    half = 1.959963984540054 * math.sqrt(0.01005)
    assert (low, high) == pytest.approx((0.1 - half, 0.1 + half), rel=1e-12)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    from backtester.metrics.sharpe_error import sharpe_estimate

    inside = 0
    for _ in range(400):
        returns = 0.05 * 0.01 + 0.01 * rng.standard_normal(500)
        low, high = sharpe_interval(*sharpe_estimate(returns))
        inside += low <= 0.05 <= high
    assert 0.92 <= inside / 400 <= 0.98  # 0.95 ± 2.7 standard errors of 0.0109


def test_one_trial_is_judged_by_itself(file):
    result = run(Hold(), rising())
    verdict = result.verdict
    assert verdict.trials.trials == 1
    assert verdict.deflated_sharpe == pytest.approx(result.metrics["probabilistic_sharpe"], rel=1e-12)
    assert verdict.sharpe == pytest.approx(result.metrics["sharpe"], rel=1e-12)
    assert verdict.expected_best == 0.0
    assert "more than luck explains" in verdict.sentence


def test_many_trials_deflate_it_by_the_formula(file):
    bars = panel(500)
    results = [run(Hold(at=at), bars) for at in range(1, 120, 7)]
    verdict, n = results[0].verdict, len(results)
    annual = np.array([one.metrics["sharpe"] for one in results])
    per_bar = annual / math.sqrt(results[0].periods_per_year)
    independent = verdict.trials.effective
    assert 1.0 <= independent <= n
    gamma = 0.5772156649015329
    luck = 0.0
    if independent > 1.0:
        quantiles = (1 - gamma) * PHI.inv_cdf(1 - 1 / independent) + gamma * PHI.inv_cdf(1 - 1 / (independent * math.e))
        luck = math.sqrt(per_bar.var(ddof=1)) * max(quantiles, 0.0)
    estimate = results[0].sharpe_estimate
    spread = 1 - estimate.skew * estimate.sharpe + (estimate.kurtosis - 1) / 4 * estimate.sharpe**2
    expected = PHI.cdf((estimate.sharpe - luck) * math.sqrt(estimate.n - 1) / math.sqrt(spread))
    assert verdict.deflated_sharpe == pytest.approx(expected, rel=1e-9)
    assert verdict.expected_best == pytest.approx(luck * math.sqrt(results[0].periods_per_year), rel=1e-9)
    assert f"trials so far on this data  {n}" in str(results[0])


def test_trials_made_later_count_too_and_the_numbers_fall(file):
    bars = panel(500, seed=9)
    alone = run(Hold(at=1), bars).verdict.deflated_sharpe
    sweep(Hold, bars, at=range(1, 300, 3), store=None)
    after = run(Hold(at=1), bars).verdict
    assert after.trials.trials == 100
    assert after.deflated_sharpe < alone


def test_a_sweep_tells_its_best_run_the_probability_of_overfitting(file, tmp_path):
    found = sweep(Hold, panel(400), at=range(1, 60, 3), store=None)
    result = found.run_best()
    assert result.verdict.pbo == found.pbo.probability
    assert "backtest overfitting (PBO)" in str(result)
    result.to_parquet(tmp_path / "kept")
    again = type(result).load(tmp_path / "kept")
    assert again.verdict.pbo == found.pbo.probability


def test_pbo_of_a_sweep_is_that_of_the_returns_of_its_runs():
    from backtester.research.overfitting import pbo

    bars = panel(400)
    found = sweep(Hold, bars, at=range(1, 60, 3), store=None)
    returns = np.column_stack([run(Hold(at=at), bars).returns for at in range(1, 60, 3)])
    expected = pbo(returns)
    assert found.pbo.probability == expected.probability
    np.testing.assert_array_equal(found.pbo.chosen, expected.chosen)
    np.testing.assert_allclose(found.pbo.outside, expected.outside, rtol=1e-9, atol=1e-14)


def test_too_little_for_pbo_is_said():
    from backtester.errors import SweepError

    with pytest.raises(SweepError, match="not enough data for the probability of overfitting: 29 returns"):
        _ = sweep(Hold, panel(30), at=[1, 2], store=None).pbo
    with pytest.raises(SweepError, match="1 of 1 trials"):
        _ = sweep(Hold, panel(300), at=[1], store=None).pbo


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: run(Idle(), panel()), "There is no Sharpe ratio to judge: it never traded."),
        (lambda: run(Hold(), panel(20)), "19 returns are too few to tell skill from luck"),
        (lambda: run(Hold(), rising(drift=-0.003)), "It earned less than nothing for its risk"),
        (lambda: run(Hold(), rising(drift=0.0006, seed=2)), "which is not enough to rule out luck"),
        (lambda: run(Hold(), panel(5), costs=Costs(commission=0.01)), "too few"),
        (lambda: run(Geared(), boom_and_bust(), account=Account(leverage=20.0, maintenance=0.01)), "lost everything"),
    ],
)
def test_the_sentence_fits_the_result(file, make, told):
    result = make()
    assert told in result.verdict.sentence
    assert result.verdict.sentence in " ".join(str(result).split())


def test_a_sweep_of_the_same_run_again_and_again_is_no_overfitting(file):
    found = sweep(Twice, rising(100), label=[1, 2, 3], store=None)
    with pytest.raises(SweepError, match="all 3 trials have the same returns"):
        _ = found.pbo
    verdict = found.run_best().verdict
    assert math.isnan(verdict.pbo)
    assert "overfitting" not in verdict.sentence


class Twice(Hold):
    """Has a parameter that changes nothing."""

    label: int = 0


def test_without_a_ledger_it_says_that_nothing_is_counted(monkeypatch):
    monkeypatch.setenv(VARIABLE, "off")
    verdict = run(Hold(), rising()).verdict
    assert "not counted" in str(verdict)
    assert "Taken as a first trial (no ledger confirms it), a Sharpe ratio of" in verdict.sentence
