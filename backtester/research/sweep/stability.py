"""How a set of parameters scores together with its neighbours: an edge is a plateau, luck is a peak."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError, SweepError, did_you_mean
from backtester.research.sweep.values import free_name, pairs_of

if TYPE_CHECKING:
    import pandas as pd

    from backtester.research.sweep.result import Sweep, Trial

SCORES = ("mean", "min")
NO_NEIGHBOURS = "no parameter that varies has numbers for values, so that no set has neighbours"
_MOST_OFFSETS = 100_000


@dataclass(frozen=True)
class Stability:
    """The neighbourhoods of a sweep.

    Attributes
    ----------
    table : DataFrame
        One row per trial with a score, the most stable first: the parameters and the objective, as `Sweep.table` has
        them, `neighbours` (how many were tried), `mean` and `min` over the trial and its neighbours. Where a parameter
        or the objective is called like one of these three, `around_NAME`.
    best : Trial
        The most stable.
    peak : Trial
        The best by itself.
    score : str
        What decides: "mean" or "min".
    peak_rank : int
        Where the peak stands in the table: 1 where it is the most stable too.
    """

    table: pd.DataFrame
    best: Trial
    peak: Trial
    score: str
    peak_rank: int

    def __str__(self) -> str:
        name = next(iter(self.peak.scores))
        counts, *around = self.table.columns[-3:]
        scores = self.table[around[SCORES.index(self.score)]]
        peak, best = pairs_of(self.peak.parameters), pairs_of(self.best.parameters)
        return (
            f"peak: {peak}: {name} {self.peak.scores[name]:.4g}, {self.score} of its neighbourhood "
            f"{scores[self.peak.number]:.4g} (rank {self.peak_rank:,} of {len(self.table):,})\n"
            f"most stable: {best}: {name} {self.best.scores[name]:.4g}, {self.score} of its neighbourhood "
            f"{scores[self.best.number]:.4g} over {self.table.loc[self.best.number, counts] + 1:.0f} sets"
        )


def stability(found: Sweep, radius: int = 1, score: str = "mean") -> Stability:
    """Return how each set of parameters scores together with its neighbours.

    In a grid the neighbours are those at most `radius` steps away in every dimension whose values are numbers; in other
    dimensions (words, flags, None or NaN beside numbers) they have the same value. Elsewhere they are the 2·d nearest
    sets, d dimensions, by the largest difference of the parameters, each scaled to [0, 1]. A neighbour that raised or
    has no score counts as the worst score of the sweep: a hole in the neighbourhood is no support. One that `where`
    refuses, or that lies beyond the edge, is none.

    Parameters
    ----------
    found : Sweep
    radius : int
        Steps of the grid.
    score : {"mean", "min"}
        What of the neighbourhood decides which is the most stable (for an objective that is minimised "min" is its
        largest value: the worst).

    Returns
    -------
    Stability

    Raises
    ------
    SettingsError
        `radius` below 1, or another `score`.
    SweepError
        No dimension has neighbours.
    """
    if isinstance(radius, bool) or not isinstance(radius, int) or radius < 1:
        raise SettingsError(f"stability: radius is {radius!r}; it is a number of steps of the grid, 1 or more")
    if score not in SCORES:
        raise SettingsError(f"stability: score is {score!r}{did_you_mean(str(score), SCORES)}; it is 'mean' or 'min'")
    dimensions = found._trials.space.dimensions
    if not found.has_neighbours:
        raise SweepError(f"stability: {NO_NEIGHBOURS}")
    table, places = found._rows
    name = found.column(found.objectives[0])
    values = table[name].to_numpy(np.float64)
    sign = 1.0 if found._trials.objectives[0].maximize else -1.0
    scored = np.isfinite(values)
    if not scored.any():
        raise SweepError(f"stability: no trial has a {name}", sweep=found)
    turned = np.where(scored, sign * values, (sign * values[scored]).min())
    lists = found.method == "grid"
    sums, lows, counts = _lattice(places, turned, dimensions, radius) if lists else _nearest(places, turned, dimensions)
    around = {"mean": sign * sums / (counts + 1), "min": sign * lows}
    shown = table[[*found.parameters, name]]
    for head, column in {"neighbours": counts, **around}.items():
        shown = shown.assign(**{free_name(head, shown.columns, "around"): column})
    shown = shown[scored]
    order = np.lexsort((shown.index.to_numpy(), -sign * values[scored], -sign * around[score][scored]))
    shown = shown.iloc[order]
    peak = found.best
    rank = int(shown.index.get_loc(peak.number)) + 1
    return Stability(shown, found.trial(int(shown.index[0])), peak, score, rank)


def _lattice(
    places: np.ndarray, scores: np.ndarray, dimensions: tuple[Any, ...], radius: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sum and minimum over each trial and its neighbours, and the number of neighbours, all [n]."""
    sizes = [len(one.values) for one in dimensions]
    steps = [range(-radius, radius + 1) if one.is_ordered else (0,) for one in dimensions]
    if np.prod([float(len(one)) for one in steps]) > _MOST_OFFSETS:
        raise SettingsError(
            f"stability: {radius} steps in {len(steps)} dimensions are too many neighbours; fewer steps do"
        )
    ranks = np.empty(places.shape, np.int64)
    for d, one in enumerate(dimensions):
        ranked = np.argsort(np.argsort(one.values, kind="stable")) if one.is_ordered else np.arange(sizes[d])
        ranks[:, d] = ranked[places[:, d].astype(np.int64)]
    keys = np.ravel_multi_index(tuple(ranks.T), sizes)
    order = np.argsort(keys)
    known, by_key = keys[order], scores[order]
    sums, lows, counts = scores.copy(), scores.copy(), np.zeros(len(scores), np.int64)
    for offset in itertools.product(*steps):
        if not any(offset):
            continue
        moved = ranks + offset
        inside = ((moved >= 0) & (moved < sizes)).all(axis=1)
        rows = np.flatnonzero(inside)
        wanted = np.ravel_multi_index(tuple(moved[rows].T), sizes)
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        there = known[at] == wanted
        rows, found = rows[there], by_key[at[there]]
        sums[rows] += found
        lows[rows] = np.minimum(lows[rows], found)
        counts[rows] += 1
    return sums, lows, counts


def _nearest(
    places: np.ndarray, scores: np.ndarray, dimensions: tuple[Any, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same for the 2·d nearest trials; those of another word or flag are far away."""
    try:
        from scipy.spatial import cKDTree
    except ImportError as error:
        raise SettingsError("stability of what is no grid needs SciPy: pip install 'backtester[research]'") from error

    shares = np.column_stack([one.share(places[:, d]) for d, one in enumerate(dimensions)])
    for d, one in enumerate(dimensions):
        if not one.is_ordered:
            shares[:, d] = 10.0 * places[:, d]
    n = len(scores)
    k = min(2 * len(dimensions) + 1, n)
    distance, at = cKDTree(shares).query(shares, k=k, p=np.inf)
    distance, at = distance.reshape(n, k), at.reshape(n, k)
    near = (distance < 5.0) & (at != np.arange(n)[:, None])
    near[near.sum(axis=1) == k, -1] = False  # of equal sets it may have missed itself
    values = np.where(near, scores[at], 0.0)
    lows = np.minimum(scores, np.where(near, scores[at], np.inf).min(axis=1))
    return scores + values.sum(axis=1), lows, near.sum(axis=1)
