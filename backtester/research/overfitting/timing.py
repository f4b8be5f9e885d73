"""Is the timing random? The same positions at other times: a permutation test that keeps costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.metrics import arguments as check
from backtester.metrics._scan import NOISE
from backtester.research.overfitting._random import shuffle, start

if TYPE_CHECKING:
    from backtester.result import Result

_STATISTICS = ("sharpe", "mean", "total_return")
_TIE = 1e-9  # of a statistic: a difference below it is rounding, and counts as no better


@dataclass(frozen=True, eq=False)
class TimingTest:
    """What `timing_test` finds.

    Attributes
    ----------
    p_value : float
        (1 + paths that are as good or better)/(1 + paths): small where the strategy's own timing is rare. NaN where the
        statistic is undefined, as the Sharpe ratio of returns that do not vary.
    statistic : float
        Of the strategy's own path; a Sharpe ratio is per bar.
    null : float64 [paths]
        Of each path at other times.
    method : str
    seed : int
    """

    p_value: float
    statistic: float
    null: np.ndarray = field(repr=False)
    method: str
    seed: int

    def __str__(self) -> str:
        return (
            f"p = {self.p_value:.3g}: {self.statistic:.4g} at its own times, median {np.median(self.null):.4g} over "
            f"{len(self.null):,} paths at others ({self.method})"
        )


def timing_test(
    exposures: ArrayLike,
    returns: ArrayLike,
    costs: ArrayLike | None = None,
    *,
    statistic: str = "sharpe",
    method: str = "shift",
    holdings: ArrayLike | None = None,
    block_length: int | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> TimingTest:
    """Test whether a path of positions earns more than the same path at other times.

    The return of bar t is Σ_a exposure[t, a]·r[t, a] − cost[t]. Under the null hypothesis the positions know nothing of
    the returns, so that any other time would have done as well: the path is moved against the same returns, each bar's
    cost going with its position. Exposure on average, the holding periods, the number of trades and what they cost
    stay; what always being long earns is in every path, and is no evidence.

    Parameters
    ----------
    exposures : array_like, float64 [n_bars] or [n_bars, n_assets]
        Signed fractions of equity held over the bar: decided before it began.
    returns : array_like, float64 of the same shape
        The assets' returns over the bar.
    costs : array_like, float64 [n_bars], optional
        What the bar cost, as a fraction of equity; 0 where not given.
    statistic : {"sharpe", "mean", "total_return"}
    method : {"shift", "blocks"}
        "shift" rotates the whole path, and keeps all of its own dependence. "blocks" puts its blocks in random order,
        which makes more paths, of a dependence that ends at the edges of blocks.
    holdings : array_like, [n_bars] or [n_bars, n_assets], optional
        For "blocks": a block ends where a row differs from the one before; `exposures` where not given. Pass quantities
        where exposures drift with prices.
    block_length : int, optional
        For "blocks": cut every so many bars instead.
    replicates : int
        Paths. "shift" has n_bars − 1; where that is more, evenly spaced ones are taken.
    seed : int
        Of the random orders; "shift" draws none.

    Returns
    -------
    TimingTest

    Raises
    ------
    SettingsError
        Shapes differ, a value is not finite, there are fewer than 10 bars or only one block, or a setting is unknown.

    Notes
    -----
    p-value: B. Phipson and G. K. Smyth, "Permutation P-values Should Never Be Zero", Statistical Applications in
    Genetics and Molecular Biology 9 (1), 2010. Evenly spaced rotations of a path are a group, which makes the test
    exact: E. L. Lehmann and J. P. Romano, "Testing Statistical Hypotheses", 3rd edition, 2005, section 15.2. Rules are
    tested by permuting their positions in T. R. Aronson, "Evidence-Based Technical Analysis", 2006, chapter 5.
    """
    held, moves, paid = _paths(exposures, returns, costs)
    kind = _STATISTICS.index(check.choice(statistic, "statistic", _STATISTICS))
    check.choice(method, "method", ("shift", "blocks"))
    reps, seed = check.at_least(replicates, "replicates", 1), check.seed_number(seed)
    n = len(held)
    own = np.empty(1)
    _rotated(held, moves, paid, np.zeros(1, np.int64), kind, own)
    if method == "shift":
        if holdings is not None or block_length is not None:
            raise SettingsError("holdings and block_length cut blocks; pass method='blocks' with them")
        paths = min(reps, n - 1)
        null = np.empty(paths)
        shifts = np.arange(1, paths + 1) * n // (paths + 1)
        _rotated(held, moves, paid, shifts, kind, null)
    else:
        edges = _edges(held if holdings is None else holdings, n, block_length)
        null = np.empty(reps)
        _reordered(held, moves, paid, edges, seed, kind, null)
    value = float(own[0])
    margin = _TIE * max(abs(value), 1e-6)
    defined = math.isfinite(value)
    # a path whose statistic is undefined is no worse than ours: it counts against
    better = int(np.sum(~(null < value - margin)))
    return TimingTest((1 + better) / (1 + len(null)) if defined else math.nan, value, null, method, seed)


def timing_test_of(
    result: Result,
    *,
    statistic: str = "sharpe",
    method: str = "shift",
    block_length: int | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> TimingTest:
    """Do `timing_test` with the positions of a result.

    Exposures are those at the close before each bar, returns those of the adjusted closes, and the costs are all by
    which the result's return differs from the two: commission, spread, slippage, impact, carry, and what fills between
    two closes gained or lost. So the statistic of the path itself is that of the result.

    Parameters
    ----------
    result : Result
        The bars from the first with a position are used.
    statistic : {"sharpe", "mean", "total_return"}
    method : {"shift", "blocks"}
        Blocks are cut where a position changes, or every `block_length` bars.
    block_length : int, optional
    replicates : int
    seed : int

    Returns
    -------
    TimingTest

    Raises
    ------
    SettingsError
        The result has no position, or too few bars.
    """
    frame = result.to_frame()
    held = result.positions.to_numpy()
    begin = np.flatnonzero((held != 0.0).any(axis=1))
    if not len(begin):
        raise SettingsError("the result never has a position; there is no timing to test")
    exposures, moves = exposures_of(result)
    own = frame["returns"].to_numpy()[1:]
    alive = int(np.argmin(np.isfinite(own))) if not np.isfinite(own).all() else len(own)  # nothing after ruin
    span = slice(int(begin[0]), alive)
    costs = (exposures * moves).sum(axis=1) - own
    return timing_test(
        exposures[span],
        moves[span],
        costs[span],
        statistic=statistic,
        method=method,
        holdings=held[:-1][span] if method == "blocks" else None,
        block_length=block_length,
        replicates=replicates,
        seed=seed,
    )


def exposures_of(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Return exposures at each close but the last, and the assets' returns to the next close, [n_bars − 1, n_assets].

    Parameters
    ----------
    result : Result
        Its bars. Returns are of the adjusted close in the currency of the account; an asset without a bar keeps its
        last one, and has a return of 0.
    """
    from backtester.exchange import marks_of

    adjusted = _last_known(result.bars.adjusted_close)
    equity = np.asarray(result.equity, dtype=np.float64)
    values = marks_of(result.bars) * result.tables.multipliers
    if not result._rates.are_one:
        rates = _last_known(result._rates.at_closes())
        values, adjusted = values * rates, adjusted * rates
    with np.errstate(divide="ignore", invalid="ignore"):
        exposures = result.positions.to_numpy() * values / equity[:, None]
        moves = adjusted[1:] / adjusted[:-1] - 1.0
    return np.nan_to_num(exposures[:-1], posinf=0.0, neginf=0.0), np.nan_to_num(moves, posinf=0.0, neginf=0.0)


def _last_known(prices: np.ndarray) -> np.ndarray:
    rows = np.where(np.isfinite(prices), np.arange(len(prices))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    return np.take_along_axis(np.asarray(prices), rows, axis=0)


def _paths(exposures: ArrayLike, returns: ArrayLike, costs: ArrayLike | None) -> tuple[np.ndarray, ...]:
    held = check.table(exposures, "exposures", rows=10, columns=1, each="asset")
    moves = check.table(returns, "returns", rows=10, columns=1, each="asset")
    if held.shape != moves.shape:
        raise SettingsError(
            f"exposures have shape {held.shape} and returns {moves.shape}; they must be of the same bars"
        )
    paid = check.series(np.zeros(len(held)) if costs is None else costs, "costs", 1)
    if len(paid) != len(held):
        raise SettingsError(f"costs has {len(paid)} values and exposures have {len(held)} bars; pass one for each bar")
    return held, moves, paid


def _edges(holdings: ArrayLike, n: int, block_length: int | None) -> np.ndarray:
    """Return the first bar of each block, and n at the end, int64 [blocks + 1]."""
    if block_length is not None:
        edges = np.arange(0, n, check.at_least(block_length, "block_length", 1))
    else:
        rows = check.table(holdings, "holdings", rows=1, columns=1, each="asset")
        if len(rows) != n:
            raise SettingsError(f"holdings have {len(rows)} rows and exposures {n}; pass one for each bar")
        edges = np.concatenate([[0], np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1])
    if len(edges) < 2:
        raise SettingsError("the positions never change, so there is only one block; no other order exists to compare")
    return np.append(edges, n).astype(np.int64)


@inner_jit
def _statistic(path, kind):
    n = len(path)
    if kind == 2:
        growth = 1.0
        for r in path:
            growth *= max(1.0 + r, 0.0)
        return growth - 1.0
    total = 0.0
    for r in path:
        total += r
    mean = total / n
    if kind == 1:
        return mean
    squares = 0.0
    for r in path:
        squares += (r - mean) * (r - mean)
    sd = np.sqrt(squares / (n - 1))
    return mean / sd if sd > NOISE * max(1.0, abs(mean)) else np.nan


@inner_jit
def _earn(held, moves, paid, row, t):
    value = -paid[row]
    for a in range(held.shape[1]):
        value += held[row, a] * moves[t, a]
    return value


@kernel_jit()
def _rotated(held, moves, paid, shifts, kind, found):
    n = len(held)
    path = np.empty(n)
    for k in range(len(shifts)):
        row = n - shifts[k] if shifts[k] > 0 else 0
        for t in range(n):
            path[t] = _earn(held, moves, paid, row, t)
            row = row + 1 if row + 1 < n else 0
        found[k] = _statistic(path, kind)


@kernel_jit()
def _reordered(held, moves, paid, edges, seed, kind, found):
    path = np.empty(len(held))
    order = np.empty(len(edges) - 1, np.int64)
    state = np.zeros(1, np.uint64)
    for k in range(len(found)):
        start(state, seed, k)
        shuffle(state, order)
        t = 0
        for block in order:
            for row in range(edges[block], edges[block + 1]):
                path[t] = _earn(held, moves, paid, row, t)
                t += 1
        found[k] = _statistic(path, kind)
