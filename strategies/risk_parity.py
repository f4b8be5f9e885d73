"""Hold every asset, each with the same part in the risk of the whole, and trade only when prices have moved that.

Source: Sébastien Maillard, Thierry Roncalli and Jérôme Teïletche, "The Properties of Equally Weighted Risk Contribution
Portfolios", Journal of Portfolio Management 36 (2010), 60-70, for the weights; Théophile Griveau-Billion, Jean-Charles
Richard and Thierry Roncalli, "A Fast Algorithm for Computing High-Dimensional Risk Parity Portfolios", SSRN 2325255
(2013), for the solver, one coordinate after the other. The covariances roll; that, and the drift band, are ours.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import returns


class RiskParity(Strategy):
    """Compute weights at the first bar of each month, and rebalance at any bar that finds an exposure out of its band.

    Of the last 2·window bars, the last `window` are used in which all assets that take part have a return; an asset
    takes part if it has at least `window` returns among them, that are not all equal. With fewer than two such bars, or
    no such asset, the weights stay as they are. Weights are positive and add up to one.

    Parameters
    ----------
    window : int
        Returns in the covariances, 2 or more.
    band : float
        How far an exposure may be from its weight, in fractions of equity, 0 or more.
    equal_risk : bool
        Weights w with equal risk contributions w·(Σw), Σ the covariances; if False, weights in proportion to 1/σ, which
        are the same where all correlations are.
    """

    window: int = 60
    band: float = 0.05
    equal_risk: bool = True

    def prepare(self, bars: Bars) -> None:
        if self.window < 2:
            raise ParameterError(f"RiskParity: window is {self.window}; it must be 2 or more")
        if not self.band >= 0.0:
            raise ParameterError(f"RiskParity: band is {self.band}; it must be 0 or more")
        self.moves = returns(bars.close)
        n = bars.n_assets
        self.weights = constant(np.full(n, math.nan))
        self.members = constant(np.zeros(n, np.int64))
        self.covariance = constant(np.zeros((n, n)))
        self.solution = constant(np.zeros(n))

    def on_bar(self, ctx: Context) -> None:
        if ctx.is_month_start():
            self.estimate(ctx)
        for a in range(ctx.n_assets):
            if abs(ctx.exposure(a) - self.weights[a]) > self.band and ctx.open_orders(a) == 0:
                ctx.rebalance(self.weights)
                return

    def estimate(self, ctx: Context) -> None:
        """Set the weights from the returns up to now."""
        n = choose_members(self.moves, self.window, self.members)
        if n == 0 or not covariances(self.moves, self.window, self.members, n, self.covariance):
            return
        for i in range(n):
            self.solution[i] = 1.0 / math.sqrt(self.covariance[i, i])
        if self.equal_risk:
            equal_contributions(self.covariance, n, self.solution)
        total = 0.0
        for i in range(n):
            total += self.solution[i]
        for a in range(ctx.n_assets):
            if self.weights[a] > 0.0 or ctx.position(a) != 0.0:
                self.weights[a] = 0.0  # sold, unless it takes part again
        for i in range(n):
            self.weights[self.members[i]] = self.solution[i] / total


def choose_members(moves: NDArray[np.float64], window: int, members: NDArray[np.int64]) -> int:
    """Write the assets that take part to the front of `members`, and return how many they are."""
    n, first = 0, max(moves.shape[0] - 2 * window, 0)
    for a in range(moves.shape[1]):
        count, low, high = 0, math.inf, -math.inf
        for row in range(first, moves.shape[0]):
            if math.isfinite(moves[row, a]):
                count += 1
                low, high = min(low, moves[row, a]), max(high, moves[row, a])
        if count >= window and low < high:
            members[n] = a
            n += 1
    return n


def covariances(
    moves: NDArray[np.float64], window: int, members: NDArray[np.int64], n: int, out: NDArray[np.float64]
) -> bool:
    """Write the covariances of the first `n` members to `out`, and return whether there are variances above 0.

    Parameters
    ----------
    moves : ndarray of float64, shape (n_rows, n_assets)
        Returns up to now.
    window, n : int
        How many rows and members to use.
    members : ndarray of int64
        Columns of `moves`.
    out : ndarray of float64, shape (n_assets, n_assets)
        Overwritten in its first n rows and columns.
    """
    row, rows, first = moves.shape[0] - 1, 0, max(moves.shape[0] - 2 * window, 0)
    means = np.zeros(n)
    out[:n, :n] = 0.0
    while row >= first and rows < window:
        whole = True
        for i in range(n):
            whole = whole and math.isfinite(moves[row, members[i]])
        if whole:
            rows += 1
            for i in range(n):  # Welford's update: one pass, no cancellation
                gap = moves[row, members[i]] - means[i]
                means[i] += gap / rows
                for j in range(i + 1):
                    out[i, j] += gap * (moves[row, members[j]] - means[j])
        row -= 1
    for i in range(n):
        if rows < 2 or not out[i, i] > 0.0:
            return False
        for j in range(i + 1):
            out[i, j] /= rows - 1
            out[j, i] = out[i, j]
    return True


def equal_contributions(covariance: NDArray[np.float64], n: int, x: NDArray[np.float64]) -> None:
    """Solve x_i·(Σx)_i = 1 for all i, in place; x scaled to add up to one has equal risk contributions.

    Each step solves the equation of one i for x_i, a quadratic with one positive root, with the other x fixed; it ends
    when no x has changed by more than 1e-10 of itself, or after 500 rounds.

    Parameters
    ----------
    covariance : ndarray of float64, shape (n or more, n or more)
        Σ: symmetric, positive semidefinite, with a positive diagonal.
    n : int
        How many assets.
    x : ndarray of float64, shape (n or more,)
        The start, above 0; overwritten.
    """
    for _ in range(500):
        change = 0.0
        for i in range(n):
            others = 0.0
            for j in range(n):
                if j != i:
                    others += covariance[i, j] * x[j]
            root = (math.sqrt(others * others + 4.0 * covariance[i, i]) - others) / (2.0 * covariance[i, i])
            change = max(change, abs(root - x[i]) / root)
            x[i] = root
        if change <= 1e-10:
            return
