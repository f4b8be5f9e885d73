"""How many of the trials were independent: neighbours in a grid are nearly the same strategy tried again.

Trials are grouped by the correlation of their returns. The idea is of M. López de Prado and M. J. Lewis, "Detection of
False Investment Strategies Using Unsupervised Learning Methods", Quantitative Finance 19 (9), 2019: distance
√(½·(1 − ρ)), and the number of groups by the silhouettes. Their search (ONC) starts k-means at random many times; here
groups are merged by average linkage, which needs no start, gives the same answer every time, and takes no library. And
a group counts as more than one where its members are not copies: by n_c of them with mean correlation ρ̄_c as
ρ̄_c + (1 − ρ̄_c)·n_c, the estimate of D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio", Journal of
Portfolio Management 40 (5), 2014, appendix A.3. The number of groups alone is too low: it takes all that is alike as
the same, and deflates less than it should.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.metrics import arguments as check

MOST_TRIALS = 4096  # whose correlations are kept: 128 MiB
STRUCTURE = 0.25  # mean silhouette; at or below it "no substantial structure has been found"


@dataclass(frozen=True, eq=False)
class EffectiveTrials:
    """What `effective_trials` finds.

    Attributes
    ----------
    number : float
        Effective number of independent trials, from `n_clusters` to the number of trials that vary.
    n_clusters : int
        Groups; 1 where there is no grouping to speak of, and all are in one.
    labels : int64 [n_trials]
        The group of each trial, numbered by their first member; −1 for trials whose returns are constant.
    silhouette : float
        Mean silhouette of the grouping, −1 to 1; NaN where none was tried.
    mean_correlation : float
        Over all pairs; NaN for one trial.
    """

    number: float
    n_clusters: int
    labels: np.ndarray
    silhouette: float
    mean_correlation: float


def effective_trials(
    returns: ArrayLike, *, method: str = "clusters", stand_for: float | None = None
) -> EffectiveTrials:
    """Estimate how many independent trials there are among many, for `deflated_sharpe`.

    Σ over groups c of ρ̄_c + (1 − ρ̄_c)·n_c, with ρ̄_c the mean correlation inside, at least 0. Independent trials are
    all counted, copies once.

    Parameters
    ----------
    returns : array_like, float64 [n_bars, n_trials]
        Simple returns per bar of every trial, on the same bars; 3 bars or more. Constant ones are not counted.
    method : {"clusters", "correlation"}
        "clusters" groups the trials: of the groupings that average linkage of √(½·(1 − ρ)) goes through, the one with
        the highest mean silhouette, if that is above 0.25; else one group. At most 4,096 trials. "correlation" takes
        one group, for any number.
    stand_for : float, optional
        How many trials these are a sample of; they are grouped as the sample is, n_c is that much larger, and a group
        of one has the mean correlation of all pairs.

    Returns
    -------
    EffectiveTrials
        The same for the same returns.

    Raises
    ------
    SettingsError
        A return is not finite, no trial varies, or there are too many trials to group.

    Notes
    -----
    See the module for the sources; silhouettes: P. J. Rousseeuw, "Silhouettes", Journal of Computational and Applied
    Mathematics 20, 1987; 0.25: L. Kaufman and P. J. Rousseeuw, "Finding Groups in Data", 1990, table 4 of chapter 2.
    """
    values = check.table(returns, "returns", rows=3, columns=1)
    check.choice(method, "method", ("clusters", "correlation"))
    kept = check.moving(values)
    n = int(kept.sum())
    if n == 0:
        raise SettingsError("no trial has returns that vary; there is nothing to count")
    standard = values[:, kept] - values[:, kept].mean(axis=0)
    standard /= np.sqrt((standard * standard).sum(axis=0))
    total = standard.sum(axis=1)
    mean_correlation = (float(total @ total) - n) / (n * (n - 1)) if n > 1 else math.nan
    groups, silhouette = np.zeros(n, np.int64), math.nan
    if method == "clusters" and n > 2:
        if n > MOST_TRIALS:
            raise SettingsError(
                f"there are {n:,} trials; at most {MOST_TRIALS:,} can be grouped: pass method='correlation', or fewer"
            )
        groups, silhouette = _grouped(standard)
    labels = np.full(values.shape[1], -1, np.int64)
    labels[kept] = groups
    scale = 1.0
    if stand_for is not None:
        scale = check.number(stand_for, "stand_for", low=float(values.shape[1])) / values.shape[1]
    alike = min(max(mean_correlation, 0.0), 1.0) if n > 1 else 0.0
    number = sum(_count(standard[:, groups == c], scale, alike) for c in range(groups.max() + 1))
    return EffectiveTrials(number, int(groups.max()) + 1, labels, silhouette, mean_correlation)


def _count(standard: np.ndarray, scale: float, alike: float) -> float:
    """Return ρ̄ + (1 − ρ̄)·n·scale of one group of standardised returns; ρ̄ of a single one is `alike`."""
    n = standard.shape[1]
    if n == 1:
        return 1.0 if scale == 1.0 else alike + (1.0 - alike) * scale
    total = standard.sum(axis=1)
    mean = min(max((float(total @ total) - n) / (n * (n - 1)), 0.0), 1.0)
    return mean + (1.0 - mean) * n * scale


def _grouped(standard: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the group of each column, and the mean silhouette of the best grouping."""
    n = standard.shape[1]
    correlations = standard.T @ standard
    distances = np.sqrt(np.clip(0.5 * (1.0 - correlations), 0.0, 1.0))
    distances[distances < 1e-7] = 0.0  # copies, up to rounding
    np.fill_diagonal(distances, 0.0)
    pairs, heights = np.empty((n - 1, 2), np.int64), np.empty(n - 1)
    link(distances.copy(), pairs, heights)
    order = np.argsort(heights, kind="stable")
    quality = np.empty(n - 1)
    score(distances, pairs[order], quality)
    best = int(np.argmax(quality[::-1]))  # the fewest groups among equals
    merges = n - 1 - best
    if not quality[merges - 1] > STRUCTURE:
        return np.zeros(n, np.int64), float(quality[merges - 1])
    owner = np.arange(n)
    for a, b in pairs[order][:merges]:
        owner[owner == owner[b]] = owner[a]
    _, firsts, groups = np.unique(owner, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[groups].astype(np.int64), float(quality[merges - 1])


@kernel_jit()
def link(distances, pairs, heights):
    """Merge by average linkage, following chains of nearest neighbours; `distances` [n, n] are overwritten.

    Writes a member of each of the two groups that merge, and their distance, n − 1 times, not in the order of distance.
    Source: F. Murtagh, "A Survey of Recent Advances in Hierarchical Clustering Algorithms", Computer Journal 26, 1983.
    """
    n = len(distances)
    size = np.ones(n)
    chain = np.empty(n + 1, np.int64)
    length = 0
    for merge in range(n - 1):
        if length == 0:
            first = 0
            while size[first] == 0.0:
                first += 1
            chain[0], length = first, 1
        while True:
            here = chain[length - 1]
            before = chain[length - 2] if length > 1 else -1
            nearest = before
            shortest = distances[here, before] if before >= 0 else np.inf
            for other in range(n):
                if other != here and size[other] > 0.0 and distances[here, other] < shortest:
                    nearest, shortest = other, distances[here, other]
            if nearest == before:
                break
            chain[length] = nearest
            length += 1
        length -= 2
        a, b = min(here, before), max(here, before)
        pairs[merge, 0], pairs[merge, 1] = a, b
        heights[merge] = shortest
        whole = size[a] + size[b]
        for other in range(n):
            if size[other] > 0.0 and other != a and other != b:
                mean = (size[a] * distances[a, other] + size[b] * distances[b, other]) / whole
                distances[a, other] = distances[other, a] = mean
        size[a], size[b] = whole, 0.0


@inner_jit
def _nearest_group(sums, size, mine, i):
    shortest, nearest = np.inf, -1
    for c in range(len(size)):
        if size[c] > 0.0 and c != mine:
            mean = sums[i, c] / size[c]
            if mean < shortest:
                shortest, nearest = mean, c
    return nearest


@kernel_jit()
def score(distances, pairs, quality):
    """Write the mean silhouette after each merge of sorted `pairs`; 0 for one group, and for a group of one."""
    n = len(distances)
    sums = distances.copy()  # of the distances of each trial to the members of each group
    size = np.ones(n)
    group = np.arange(n)
    nearest = np.full(n, -1)
    for merge in range(n - 1):
        a, b = group[pairs[merge, 0]], group[pairs[merge, 1]]
        for i in range(n):
            sums[i, a] += sums[i, b]
            if group[i] == b:
                group[i] = a
        size[a] += size[b]
        size[b] = 0.0
        total = 0.0
        for i in range(n):
            mine = group[i]
            # a mean over a merged group is never below both of its parts, so any other that was nearest still is
            if nearest[i] < 0 or nearest[i] == a or nearest[i] == b:
                nearest[i] = _nearest_group(sums, size, mine, i)
            if size[mine] > 1.0 and nearest[i] >= 0:
                inside = sums[i, mine] / (size[mine] - 1.0)
                outside = sums[i, nearest[i]] / size[nearest[i]]
                larger = max(inside, outside)
                if larger > 0.0:
                    total += (outside - inside) / larger
        quality[merge] = total / n if merge < n - 2 else 0.0
