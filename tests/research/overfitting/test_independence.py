"""Effective numbers of trials: exact correlations by construction, SciPy's linkage, silhouettes by their definition."""

import math

import numpy as np
import pytest
import scipy.cluster.hierarchy
import scipy.linalg
from scipy.spatial.distance import squareform

from backtester.errors import SettingsError
from backtester.metrics.independence import link, score
from backtester.research.overfitting import effective_trials

#: seven series of eight bars, mean 0, uncorrelated to the last bit
UNCORRELATED = scipy.linalg.hadamard(8)[:, 1:] * 0.01


def groups_of(sizes, correlation, bars=1000, seed=1):
    """Return returns of groups that share one factor each."""
    rng = np.random.default_rng(seed)
    columns = []
    for size in sizes:
        factor, own = rng.normal(size=(bars, 1)), rng.normal(size=(bars, size))
        columns.append(0.01 * (math.sqrt(correlation) * factor + math.sqrt(1.0 - correlation) * own))
    return np.concatenate(columns, axis=1)


class TestByHand:
    @pytest.mark.parametrize("method", ["clusters", "correlation"])
    def test_uncorrelated_trials_are_all_counted(self, method):
        found = effective_trials(UNCORRELATED, method=method)
        assert found.number == pytest.approx(7.0, rel=1e-12)
        assert found.mean_correlation == pytest.approx(0.0, abs=1e-12)

    @pytest.mark.parametrize("method", ["clusters", "correlation"])
    def test_copies_count_once(self, method):
        r = np.repeat(UNCORRELATED[:, :1], 5, axis=1) * np.array([1.0, 2.0, 0.5, 1.0, 3.0])  # leverage is no new idea
        found = effective_trials(r, method=method)
        assert found.number == pytest.approx(1.0, rel=1e-9)
        assert found.n_clusters == 1

    def test_copies_of_three_strategies_are_three_trials(self):
        found = effective_trials(UNCORRELATED[:, [0, 1, 0, 2, 1, 0, 2, 2]])
        assert found.number == pytest.approx(3.0, rel=1e-9)
        assert found.n_clusters == 3
        assert found.labels.tolist() == [0, 1, 0, 2, 1, 0, 2, 2]
        assert found.silhouette == pytest.approx(1.0)

    def test_the_estimate_of_the_deflated_sharpe_ratio(self):
        # one shared series and one of its own each: ρ = 1/2; ρ̄ + (1 − ρ̄)·M = 0.5 + 0.5·4
        r = UNCORRELATED[:, :1] + UNCORRELATED[:, 1:5]
        found = effective_trials(r, method="correlation")
        assert found.mean_correlation == pytest.approx(0.5, rel=1e-12)
        assert found.number == pytest.approx(2.5, rel=1e-12)

    def test_opposites_are_no_fewer_than_they_are(self):
        found = effective_trials(np.stack([UNCORRELATED[:, 0], -UNCORRELATED[:, 0]], axis=1))
        assert found.mean_correlation == pytest.approx(-1.0)
        assert found.number == 2.0

    def test_one_trial(self):
        found = effective_trials(UNCORRELATED[:, 0])
        assert found.number == 1.0
        assert math.isnan(found.mean_correlation)


class TestGroups:
    @pytest.mark.parametrize("correlation", [0.6, 0.8, 0.95])
    def test_planted_groups_are_found(self, correlation):
        sizes = [10, 20, 5, 7, 8]
        found = effective_trials(groups_of(sizes, correlation))
        assert found.n_clusters == 5
        np.testing.assert_array_equal(found.labels, np.repeat(np.arange(5), sizes))
        # Σ ρ + (1 − ρ)·n_c = 5·ρ + (1 − ρ)·50
        assert found.number == pytest.approx(5 * correlation + (1 - correlation) * 50, rel=0.05)

    def test_noise_has_no_groups(self):
        found = effective_trials(groups_of([1] * 60, 0.0))
        assert found.n_clusters == 1
        assert found.silhouette < 0.25
        assert found.number == pytest.approx(60.0, rel=0.01)

    def test_the_linkage_is_scipy_s(self):
        r = groups_of([15, 25, 20], 0.5)
        distances = np.sqrt(np.clip(0.5 * (1.0 - np.corrcoef(r.T)), 0.0, 1.0))
        np.fill_diagonal(distances, 0.0)
        tree = scipy.cluster.hierarchy.linkage(squareform(distances, checks=False), "average")
        pairs, heights = np.empty((59, 2), np.int64), np.empty(59)
        link(distances.copy(), pairs, heights)
        np.testing.assert_allclose(np.sort(heights), tree[:, 2], rtol=1e-12)
        quality = np.empty(59)
        score(distances, pairs[np.argsort(heights, kind="stable")], quality)
        for groups in (2, 3, 7, 30, 59):
            labels = scipy.cluster.hierarchy.fcluster(tree, groups, "maxclust")
            assert quality[60 - groups - 1] == pytest.approx(silhouette(distances, labels), rel=1e-10)


def silhouette(distances, labels):
    """The mean silhouette as Rousseeuw (1987) has it."""
    found = []
    for i, mine in enumerate(labels):
        others = (labels == mine) & (np.arange(len(labels)) != i)
        if not others.any():
            found.append(0.0)
            continue
        inside = distances[i, others].mean()
        outside = min(distances[i, labels == c].mean() for c in set(labels) - {mine})
        found.append((outside - inside) / max(inside, outside))
    return np.mean(found)


class TestEdges:
    def test_idle_trials_are_not_counted(self):
        r = np.insert(UNCORRELATED[:, [0, 0, 1, 1]], 1, 0.0, axis=1)
        found = effective_trials(r)
        assert found.labels.tolist() == [0, -1, 0, 1, 1]
        assert found.number == pytest.approx(2.0)

    @pytest.mark.parametrize(
        ("returns", "message"),
        [
            (np.zeros((10, 3)), "no trial has returns that vary"),
            (UNCORRELATED[:2], "has 2 bars; not enough data"),
            (np.where(np.eye(8) == 1, np.nan, 0.1), "at bar 0 of strategy 0 is nan"),
        ],
    )
    def test_errors(self, returns, message):
        with pytest.raises(SettingsError, match=message):
            effective_trials(returns)

    def test_too_many_to_group(self):
        r = np.random.default_rng(1).normal(size=(5, 4097))
        with pytest.raises(SettingsError, match="at most 4,096 can be grouped: pass method='correlation'"):
            effective_trials(r)
        assert effective_trials(r, method="correlation").number > 1000

    def test_unknown_method(self):
        with pytest.raises(SettingsError, match="method is 'onc'"):
            effective_trials(UNCORRELATED, method="onc")
