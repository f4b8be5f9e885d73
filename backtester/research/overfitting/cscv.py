"""The probability of backtest overfitting, by combinatorially symmetric cross-validation (CSCV).

Source of all: D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, "The Probability of Backtest Overfitting",
Journal of Computational Finance 20 (4), 2017 (a preprint of 2015 has the same sections).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.metrics import arguments as check
from backtester.metrics._blocks import block_edges
from backtester.metrics._scan import NOISE
from backtester.research.overfitting._splits import block_sums, judge_sums, judge_values, pairs_of

CELLS = 4096  # of the grid on which the two distributions are compared
MOST_BLOCKS = 24  # 2,704,156 splits
Performance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class PBO:
    """What CSCV finds. Arrays have one entry per split, the second half mirroring the first.

    Attributes
    ----------
    probability : float
        φ, the fraction of splits whose best strategy inside is in the lower half outside: logit ≤ 0.
    logits : float64 [n_splits]
        λ = ln(ω/(1 − ω)), ω = rank/(n_strategies + 1): the rank outside of the best inside, 1 for the worst.
    inside, outside : float64 [n_splits]
        Performance of the best inside, there and outside.
    chosen : int64 [n_splits]
        The best inside: a column of the returns.
    slope, intercept, r_squared : float
        Of the least squares line outside = intercept + slope·inside: how performance degrades. NaN where `inside` does
        not vary.
    probability_of_loss : float
        Fraction of splits with a performance below 0 outside.
    grid, selected_cdf, random_cdf : float64 [4097]
        Performance outside, and the fractions at or below it, of the selected strategy and of all strategies (one
        chosen at random), to the width of a cell.
    dominates_first, dominates_second : bool
        Whether the selected strategy stochastically dominates the random one, to first and to second order: its
        distribution function, or the integral of it, is nowhere above, and somewhere below.
    n_strategies : int
        Those that were ranked.
    left_out : tuple of int
        Columns without any deviation, such as strategies that never traded: nothing can be ranked there.
    """

    probability: float
    logits: np.ndarray = field(repr=False)
    inside: np.ndarray = field(repr=False)
    outside: np.ndarray = field(repr=False)
    chosen: np.ndarray = field(repr=False)
    slope: float
    intercept: float
    r_squared: float
    probability_of_loss: float
    grid: np.ndarray = field(repr=False)
    selected_cdf: np.ndarray = field(repr=False)
    random_cdf: np.ndarray = field(repr=False)
    dominates_first: bool
    dominates_second: bool
    n_strategies: int
    left_out: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"PBO {self.probability:.3f} over {len(self.logits):,} splits of {self.n_strategies:,} strategies; "
            f"outside = {self.intercept:.4g} + {self.slope:.3g}·inside; "
            f"probability of loss {self.probability_of_loss:.3f}"
        )


def pbo(returns: ArrayLike, n_blocks: int = 16, *, metric: str | Performance = "sharpe") -> PBO:
    """Return the probability that the strategy which is best in one half of the bars is below the median in the other.

    The bars are cut into S blocks. Every choice of S/2 of them is one inside, the rest its outside, both in order of
    time: 12,870 splits for S = 16. In each the best strategy inside is chosen, and ranked among all outside.

    Parameters
    ----------
    returns : array_like, float64 [n_bars, n_strategies]
        Simple returns per bar of every configuration that was tried, on the same bars, 2 strategies or more.
    n_blocks : int
        S, even, 2 to 24, and at most n_bars/2. Where it does not divide n_bars, blocks differ by one bar.
    metric : {"sharpe", "mean"} or callable
        What is best: the Sharpe ratio per bar (n − 1 in the denominator; 0 for a strategy that is flat through a half),
        the mean return, or a function from returns [bars, n_strategies] to numbers [n_strategies], none NaN. One of
        your own is called twice per pair of halves, and its numbers are kept.

    Returns
    -------
    PBO

    Raises
    ------
    SettingsError
        n_blocks is odd or out of range, a return is not finite, fewer than two strategies have any deviation, or the
        metric returns something else.
    """
    values = check.table(returns, "returns", rows=4, columns=2)
    blocks = _blocks(n_blocks, len(values))
    kept = check.moving(values)
    _enough(kept)
    ranked = np.ascontiguousarray(values[:, kept])
    if callable(metric):
        pairs = pairs_of(blocks)
        performance = _performances(metric, ranked, pairs, blocks)
        return _judged(kept, len(pairs), lambda *into: judge_values(performance, *into))
    is_sharpe = check.choice(metric, "metric", ("sharpe", "mean")) == "sharpe"
    return _of_sums(kept, *block_sums(ranked, blocks), is_sharpe)


def pbo_of_sums(found: np.ndarray, n_returns: int) -> PBO:
    """Return `pbo` by the Sharpe ratio, from what `curve_sums` made of each strategy, float64 [n, 1 + 2·n_blocks].

    Raises
    ------
    SettingsError
        Fewer than two strategies have any deviation.
    """
    n_blocks = (found.shape[1] - 1) // 2
    squares = found[:, 1 + n_blocks :]
    shift = found[:, 1 : 1 + n_blocks].sum(axis=1) / n_returns
    deviation = np.sqrt(np.maximum(squares.sum(axis=1) / n_returns - shift * shift, 0.0))
    kept = deviation > NOISE * np.maximum(1.0, np.abs(found[:, 0] + shift))
    _enough(kept)
    sums, squares = (np.ascontiguousarray(part[kept].T) for part in (found[:, 1 : 1 + n_blocks], squares))
    counts = np.diff(block_edges(n_returns, n_blocks))
    return _of_sums(kept, sums, squares, counts, np.ascontiguousarray(found[kept, 0]), True)


def _of_sums(
    kept: np.ndarray, sums: np.ndarray, squares: np.ndarray, counts: np.ndarray, centres: np.ndarray, is_sharpe: bool
) -> PBO:
    pairs = pairs_of(len(sums))
    return _judged(kept, len(pairs), lambda *into: judge_sums(sums, squares, counts, centres, pairs, is_sharpe, *into))


def _judged(kept: np.ndarray, n_pairs: int, judge: Callable[..., None]) -> PBO:
    """Return what a judge finds, who writes into the arrays he is called with."""
    n_splits, n_strategies = 2 * n_pairs, int(kept.sum())
    found = (np.empty(n_splits, np.int64), np.empty(n_splits), np.empty(n_splits), np.empty(n_splits))
    ends, histogram = np.array([math.inf, -math.inf]), np.zeros(CELLS + 1, np.int64)
    judge(*found, ends, histogram)
    chosen, inside, outside, ranks = found
    relative = ranks / (n_strategies + 1)
    logits = np.log(relative / (1.0 - relative))
    slope, intercept, r_squared = _line(inside, outside)
    grid, selected_cdf, random_cdf, first, second = _dominance(outside, ends, histogram)
    return PBO(
        probability=float(np.mean(logits <= 0.0)),
        logits=logits,
        inside=inside,
        outside=outside,
        chosen=np.flatnonzero(kept)[chosen],
        slope=slope,
        intercept=intercept,
        r_squared=r_squared,
        probability_of_loss=float(np.mean(outside < 0.0)),
        grid=grid,
        selected_cdf=selected_cdf,
        random_cdf=random_cdf,
        dominates_first=first,
        dominates_second=second,
        n_strategies=n_strategies,
        left_out=tuple(np.flatnonzero(~kept).tolist()),
    )


def _enough(kept: np.ndarray) -> None:
    if kept.sum() < 2:
        raise SettingsError(
            f"{int(kept.sum())} of {len(kept)} strategies have returns that are not constant; not enough data, "
            "ranking needs two at least"
        )


def _blocks(n_blocks: int, n_bars: int) -> int:
    found = check.at_least(n_blocks, "n_blocks", 2)
    if found % 2:
        raise SettingsError(f"n_blocks is {found}; it must be even, as one half of the blocks is judged by the other")
    if found > MOST_BLOCKS:
        raise SettingsError(
            f"n_blocks is {found}, which makes {math.comb(found, found // 2):,} splits; take {MOST_BLOCKS} at most"
        )
    if found > n_bars // 2:
        raise SettingsError(f"n_blocks is {found} for {n_bars} bars; each block needs two bars at least")
    return found


def _performances(metric: Performance, returns: np.ndarray, pairs: np.ndarray, n_blocks: int) -> np.ndarray:
    """Return what a user's function says of both halves of every pair, float64 [pairs, 2, n_strategies]."""
    edges = block_edges(len(returns), n_blocks)
    found = np.empty((len(pairs), 2, returns.shape[1]))
    for p, pair in enumerate(pairs):
        for side, blocks in enumerate(pair):
            said = np.asarray(metric(np.concatenate([returns[edges[b] : edges[b + 1]] for b in blocks])), np.float64)
            if said.shape != found.shape[2:]:
                raise SettingsError(
                    f"metric returns shape {said.shape}; it must return one number for each of the {returns.shape[1]} "
                    "strategies that are not constant"
                )
            if not np.isfinite(said).all():
                column = int(np.argmin(np.isfinite(said)))
                raise SettingsError(
                    f"metric is {said[column]} for strategy {column} of those that are not constant, on blocks "
                    f"{blocks.tolist()}; it must be finite to be ranked: return a number for such a half, such as 0"
                )
            found[p, side] = said
    return found


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Fit y = intercept + slope·x by least squares; return slope, intercept and the fraction explained."""
    dx, dy = x - x.mean(), y - y.mean()
    xx, xy, yy = float(dx @ dx), float(dx @ dy), float(dy @ dy)
    if not xx > len(x) * (1e-15 * max(1.0, float(np.abs(x).max()))) ** 2:
        return math.nan, math.nan, math.nan
    slope = xy / xx
    return slope, float(y.mean() - slope * x.mean()), xy * xy / (xx * yy) if yy > 0.0 else math.nan


def _dominance(
    outside: np.ndarray, ends: np.ndarray, histogram: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool, bool]:
    """Compare the distribution of the selected strategy with that of all: the grid, both, and who dominates."""
    low, high = float(ends[0]), float(ends[1])
    scale = CELLS / (high - low) if high > low else 0.0
    cells = ((outside - low) * scale).astype(np.int64)
    selected = np.cumsum(np.bincount(cells, minlength=CELLS + 1)) / len(outside)
    everyone = np.cumsum(histogram) / histogram.sum()
    gap = everyone - selected
    area = np.cumsum(gap)
    rounding = 1e-12
    first = (gap >= -rounding).all() and (gap > rounding).any()
    second = (area >= -rounding * CELLS).all() and (area > rounding * CELLS).any()
    grid = low + (high - low) / CELLS * np.arange(1, CELLS + 2)
    return grid, selected, everyone, bool(first), bool(second)
