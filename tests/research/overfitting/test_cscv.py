"""PBO: by hand, against the definition written out, and on markets with and without an edge."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from backtester.errors import SettingsError
from backtester.research.overfitting import pbo


def written_out(returns, n_blocks, metric):
    """CSCV as the paper has it: every choice of half the blocks, in the order that `pbo` uses."""
    edges = np.linspace(0, len(returns), n_blocks + 1).round().astype(int)
    halves = [c for c in itertools.combinations(range(n_blocks), n_blocks // 2) if 0 in c]
    halves += [tuple(b for b in range(n_blocks) if b not in c) for c in halves]
    rows = []
    for half in halves:
        mask = np.zeros(len(returns), bool)
        for b in half:
            mask[edges[b] : edges[b + 1]] = True
        inside, outside = metric(returns[mask]), metric(returns[~mask])
        best = int(np.argmax(inside))
        omega = scipy.stats.rankdata(outside)[best] / (returns.shape[1] + 1)
        rows.append((best, inside[best], outside[best], math.log(omega / (1 - omega)), outside))
    return rows


def sharpe(r):
    return r.mean(axis=0) / r.std(axis=0, ddof=1)


def noise(seed, bars=400, strategies=20):
    return np.random.default_rng(seed).normal(0.0, 0.01, (bars, strategies))


class TestByHand:
    def test_two_strategies_in_two_blocks(self):
        # block means: 2, −2 and 0.25, 0.75. Best of the first block: 0, last in the second; and the other way round
        r = np.array([[3.0, 0.0], [1.0, 0.5], [-1.0, 1.0], [-3.0, 0.5]])
        found = pbo(r, 2, metric="mean")
        assert found.chosen.tolist() == [0, 1]
        assert found.inside.tolist() == [2.0, 0.75]
        assert found.outside.tolist() == [-2.0, 0.25]
        # rank 1 of 2: ω = 1/3, λ = ln(1/2)
        np.testing.assert_allclose(found.logits, math.log(0.5))
        assert found.probability == 1.0
        assert found.probability_of_loss == 0.5
        # through (2, −2) and (0.75, 0.25): slope −2.25/1.25
        assert found.slope == pytest.approx(-1.8)
        assert found.intercept == pytest.approx(1.6)
        assert found.r_squared == pytest.approx(1.0)

    def test_twelve_thousand_eight_hundred_and_seventy_splits(self):
        found = pbo(noise(1), 16)
        assert len(found.logits) == math.comb(16, 8) == 12_870

    def test_what_is_gained_inside_is_lost_outside_where_all_end_equal(self):
        # Bailey et al. (2014): under a global constraint the two sides compensate. With a mean of 0 over all bars and
        # equal halves, outside = −inside exactly, and the best is the worst
        r = noise(2, bars=320)
        found = pbo(r - r.mean(axis=0), 8, metric="mean")
        assert found.slope == pytest.approx(-1.0, rel=1e-9)
        assert found.r_squared == pytest.approx(1.0, rel=1e-9)
        assert found.probability == 1.0
        assert found.probability_of_loss == 1.0
        assert not found.dominates_first
        assert not found.dominates_second

    def test_ties_share_their_rank(self):
        # three copies: rank 2 of 3, ω = 1/2, λ = 0, which counts as overfit
        r = np.repeat(noise(3, strategies=1), 3, axis=1)
        found = pbo(r, 4)
        np.testing.assert_array_equal(found.logits, 0.0)
        assert found.probability == 1.0


class TestAgainstTheDefinition:
    @pytest.mark.parametrize(("bars", "n_blocks"), [(60, 6), (67, 6), (41, 2), (35, 8)])
    @pytest.mark.parametrize("name", ["sharpe", "mean"])
    def test_every_split(self, bars, n_blocks, name):
        r = noise(4, bars, 7) + 0.0005
        rows = written_out(r, n_blocks, sharpe if name == "sharpe" else lambda x: x.mean(axis=0))
        found = pbo(r, n_blocks, metric=name)
        assert found.chosen.tolist() == [row[0] for row in rows]
        np.testing.assert_allclose(found.inside, [row[1] for row in rows], rtol=1e-9)
        np.testing.assert_allclose(found.outside, [row[2] for row in rows], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found.logits, [row[3] for row in rows], rtol=1e-12, atol=1e-15)
        assert found.probability == pytest.approx(np.mean([row[3] <= 1e-12 for row in rows]))
        assert found.probability_of_loss == pytest.approx(np.mean([row[2] < 0.0 for row in rows]))
        line = scipy.stats.linregress(found.inside, found.outside)
        assert found.slope == pytest.approx(line.slope, rel=1e-9)
        assert found.intercept == pytest.approx(line.intercept, rel=1e-9)
        assert found.r_squared == pytest.approx(line.rvalue**2, rel=1e-9)

    def test_the_distributions_that_are_compared(self):
        r = noise(5, 120, 9)
        rows = written_out(r, 8, sharpe)
        found = pbo(r, 8)
        everyone = np.sort(np.concatenate([row[4] for row in rows]))
        selected = np.sort([row[2] for row in rows])
        # to the width of a cell
        width = found.grid[1] - found.grid[0]
        for cdf, values in ((found.random_cdf, everyone), (found.selected_cdf, selected)):
            above = np.searchsorted(values, found.grid + 1e-9 * width, side="right") / len(values)
            below = np.searchsorted(values, found.grid - 1e-9 * width, side="left") / len(values)
            assert (cdf <= above).all()
            assert (cdf >= below).all()

    def test_a_metric_of_your_own_goes_the_same_way(self):
        r = noise(6, 90, 5)
        own, ours = pbo(r, 6, metric=sharpe), pbo(r, 6)
        np.testing.assert_array_equal(own.chosen, ours.chosen)
        np.testing.assert_allclose(own.logits, ours.logits)
        assert np.mean(np.abs(own.random_cdf - ours.random_cdf) > 1e-12) < 0.01  # a value at an edge may round over it

    def test_returns_far_from_zero_keep_their_digits(self):
        r = noise(7, 96, 4) * 1e-4 + np.array([1.0, 2.0, -3.0, 0.5])
        rows = written_out(r, 4, lambda x: x.mean(axis=0) / x.std(axis=0, ddof=1))
        np.testing.assert_allclose(pbo(r, 4).inside, [row[1] for row in rows], rtol=1e-8)


class TestMarkets:
    def test_without_an_edge_about_half_is_overfit(self):
        found = [pbo(noise(seed), 8).probability for seed in range(40)]
        assert 0.4 < np.mean(found) < 0.6

    def test_with_a_planted_edge_little_is(self):
        r = noise(8, 2000, 50)
        r[:, 17] += 0.002  # 0.2 per bar, where the best of 50 without skill has some 2.2/√1000 = 0.07 in a half
        found = pbo(r, 10)
        assert found.probability < 0.05
        assert np.mean(found.chosen == 17) > 0.95
        assert found.probability_of_loss < 0.05
        assert found.dominates_first
        assert found.dominates_second


class TestConstantReturns:
    def test_strategies_that_never_traded_are_left_out_and_named(self):
        r = noise(9, strategies=6)
        with_idle = np.insert(r, [0, 3], 0.0, axis=1)  # columns 0 and 4
        found, without = pbo(with_idle, 6), pbo(r, 6)
        assert found.left_out == (0, 4)
        assert found.n_strategies == 6
        np.testing.assert_array_equal(found.logits, without.logits)
        columns = np.array([1, 2, 3, 5, 6, 7])
        np.testing.assert_array_equal(found.chosen, columns[without.chosen])

    def test_flat_through_a_half_performs_zero_there(self):
        r = noise(10, 40, 2) - 0.05  # certain losses
        r[:20, 0] = 0.0  # no trade in the first block
        found = pbo(r, 2)
        assert found.chosen[0] == 0
        assert found.inside[0] == 0.0

    def test_two_are_needed(self):
        r = noise(11, strategies=3)
        r[:, 1:] = 0.001
        with pytest.raises(SettingsError, match=r"1 of 3 strategies .* not enough data"):
            pbo(r)


class TestErrors:
    @pytest.mark.parametrize(
        ("n_blocks", "message"),
        [
            (7, "n_blocks is 7; it must be even"),
            (0, "n_blocks is 0; it must be 2 at least"),
            (22, "n_blocks is 22 for 40 bars; each block needs two bars"),
            (30, "n_blocks is 30, which makes 155,117,520 splits"),
            (4.5, "must be a whole number"),
        ],
    )
    def test_blocks(self, n_blocks, message):
        with pytest.raises(SettingsError, match=message):
            pbo(noise(1, 40), n_blocks)

    def test_returns(self):
        with pytest.raises(SettingsError, match="has 1 columns, one for each strategy; this needs 2"):
            pbo(noise(1, strategies=1))
        with pytest.raises(SettingsError, match="has 3 bars; not enough data"):
            pbo(noise(1, bars=3), 2)
        r = noise(1)
        r[7, 2] = np.nan
        with pytest.raises(SettingsError, match="at bar 7 of strategy 2 is nan"):
            pbo(r)

    def test_metrics(self):
        with pytest.raises(SettingsError, match="did you mean 'sharpe'"):
            pbo(noise(1), metric="sharp")
        with pytest.raises(SettingsError, match=r"metric returns shape \(\)"):
            pbo(noise(1), 2, metric=lambda r: r.mean())
        with pytest.raises(SettingsError, match="metric is nan for strategy 3"):
            pbo(noise(1), 2, metric=lambda r: np.where(np.arange(20) == 3, np.nan, 1.0))


def test_it_can_be_printed():
    found = pbo(noise(12), 4)
    assert str(found).startswith("PBO ")
    assert "array" not in repr(found)
