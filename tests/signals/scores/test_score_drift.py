"""Drift: stability index and the distance of distributions, by hand and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from score_cases import ar1_bars, daily_bars
from sklearn.linear_model import Ridge

from backtester.errors import FeatureError, ModelError
from backtester.signals import fit, forward_return
from backtester.signals.scores import drift
from backtester.signals.scores.training_range import kolmogorov_smirnov, stability_index

EVEN = np.linspace(0.0, 100.0, 101)  # the hundredths of numbers that are even from 0 to 100


class TestStabilityIndex:
    def test_by_hand(self):
        # deciles at 10, 20, … 90. Of ten new values one lies in each bin but the second, whose own lies in the first:
        # (0.2 − 0.1)·ln 2 + (0.0001 − 0.1)·ln(0.001)
        values = np.array([5.0, 6.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0, 95.0])
        wanted = 0.1 * math.log(2.0) + (0.0001 - 0.1) * math.log(0.001)
        assert stability_index(values, EVEN) == pytest.approx(wanted, rel=1e-12)

    def test_an_edge_belongs_to_the_bin_below(self):
        values = np.arange(1.0, 101.0)  # ten in each bin, 10 itself in the first
        assert stability_index(values, EVEN) == pytest.approx(0.0, abs=1e-15)

    def test_deciles_that_coincide_make_one_bin(self):
        # three values, 0 in half of the training samples, 1 in 30 %, 2 in 20 %; new shares 0.2, 0.3, 0.5
        quantiles = np.repeat([0.0, 1.0, 2.0], [51, 30, 20])
        values = np.repeat([0.0, 1.0, 2.0], [20, 30, 50])
        wanted = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.5 - 0.2) * math.log(0.5 / 0.2)
        assert stability_index(values, quantiles) == pytest.approx(wanted, rel=1e-9)

    def test_its_mean_without_drift_is_that_of_a_chi_squared(self):
        # with the training known, n·PSI is nearly χ² with 9 degrees of freedom: mean 9/n
        rng = np.random.default_rng(0)
        found = [stability_index(rng.uniform(0.0, 100.0, 2_000), EVEN) for _ in range(400)]
        assert np.mean(found) == pytest.approx(9.0 / 2_000, rel=0.1)


class TestDistance:
    def test_by_hand(self):
        # two values at 50 and 60 of what was even on 0 to 100: below 50 the new function is 0, and the old one 0.5;
        # at 60 it is 1 against 0.6
        statistic, _ = kolmogorov_smirnov(np.array([50.0, 60.0]), EVEN, 1_000)
        assert statistic == pytest.approx(0.5, rel=1e-12)

    def test_outside_the_training_range_it_is_one(self):
        assert kolmogorov_smirnov(np.array([200.0, 300.0]), EVEN, 1_000)[0] == 1.0
        assert kolmogorov_smirnov(np.array([-2.0, -1.0]), EVEN, 1_000)[0] == 1.0

    @pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
    def test_as_scipy_but_for_the_hundredths(self, shift):
        rng = np.random.default_rng(1)
        old, new = rng.normal(size=5_000), rng.normal(shift, 1.0, 3_000)
        quantiles = np.quantile(old, np.linspace(0.0, 1.0, 101))
        statistic, p_value = kolmogorov_smirnov(new, quantiles, len(old))
        theirs = scipy.stats.ks_2samp(new, old, method="asymp")
        assert statistic == pytest.approx(theirs.statistic, abs=0.01)
        same = scipy.stats.kstwo.sf(statistic, round(3_000 * 5_000 / 8_000))
        assert p_value == pytest.approx(same, rel=1e-12)
        if shift == 1.0:
            assert p_value < 1e-100

    def test_of_few_values_that_repeat_as_scipy(self):
        rng = np.random.default_rng(2)
        old, new = rng.integers(0, 5, 10_000) * 1.0, np.repeat(np.arange(5.0), [300, 300, 200, 100, 100])
        quantiles = np.quantile(old, np.linspace(0.0, 1.0, 101))
        statistic, _ = kolmogorov_smirnov(new, quantiles, len(old))
        assert statistic == pytest.approx(scipy.stats.ks_2samp(new, old).statistic, abs=0.011)

    def test_a_constant_feature(self):
        assert kolmogorov_smirnov(np.full(5, 3.0), np.full(101, 3.0), 100)[0] == 0.0
        assert kolmogorov_smirnov(np.full(5, 4.0), np.full(101, 3.0), 100)[0] == 1.0
        assert stability_index(np.full(5, 3.0), np.full(101, 3.0)) == pytest.approx(0.0, abs=1e-2)


class TestFeatures:
    def fitted(self, n=600):
        bars = ar1_bars(n, 2, seed=4)
        return fit(Ridge(), ["log_return(1)", "realised_volatility(20)"], forward_return(bars, 1), bars), bars

    def wilder(self, bars, factor=3.0, n=400):
        """Return the bars, and after them n whose moves are `factor` times as large."""
        more = ar1_bars(n, 2, seed=9)
        moves = factor * np.diff(np.log(more.close), axis=0)
        return daily_bars(np.concatenate((bars.close, bars.close[-1] * np.exp(np.cumsum(moves, axis=0)))))

    def test_what_has_not_changed(self):
        fitted, bars = self.fitted()
        found = drift(fitted, self.wilder(bars, factor=1.0))
        assert found.loc["log_return(1)", "psi"] < 0.1
        assert found.loc["log_return(1)", "note"] == ""

    def test_what_has_changed_is_said(self):
        fitted, bars = self.fitted()
        both = self.wilder(bars)
        found = drift(fitted, both)
        row = found.loc["realised_volatility(20)"]
        assert row["psi"] > 0.25
        assert row["above"] > 0.5
        assert "realised_volatility(20) has shifted" in row["note"]
        assert "outside the training range" in row["note"]
        # the last training bar is 599, as its label would read bar 600: trained until 599
        assert row["n"] == 2 * (both.n_bars - 600)
        # the numbers are those of the columns themselves
        panel = fitted.recipe.features.compute(both)[600:].reshape(-1, 2)
        for j, name in enumerate(found.index):
            assert found.loc[name, "psi"] == stability_index(panel[:, j], fitted.learnt.quantiles[j])
        assert drift(fitted, panel).equals(found)

    def test_missing_values_are_counted_and_left_out(self):
        fitted, _ = self.fitted()
        panel = np.random.default_rng(0).normal(0.0, 0.01, (100, 1, 2))
        panel[:30, 0, 1] = np.nan
        found = drift(fitted, panel)
        assert found["missing"].tolist() == [0.0, 0.3]
        assert found["n"].tolist() == [100, 70]
        panel[:, :, 1] = np.nan
        assert math.isnan(drift(fitted, panel)["psi"].iloc[1])
        assert "no value in the new data" in drift(fitted, panel)["note"].iloc[1]

    def test_bars_of_the_training_do_not_count(self):
        fitted, bars = self.fitted()
        with pytest.raises(ModelError, match="no bar closes after 2021-08-23"):  # the 600th day from 2020-01-01
            drift(fitted, bars)
        found = drift(fitted, bars, in_sample=True)
        assert (found["psi"] < 0.02).all()
        # 0.01 of the interpolation, but the quantiles are of all samples with a label
        assert (found["ks"] < 0.02).all()

    def test_a_panel_of_other_features(self):
        fitted, _ = self.fitted()
        with pytest.raises(FeatureError, match=r"the panel has the shape \(10, 3\); 'Ridge' has 2 features"):
            drift(fitted, np.zeros((10, 3)))
        with pytest.raises(FeatureError, match="no value of any feature"):
            drift(fitted, np.full((10, 2), np.nan))
