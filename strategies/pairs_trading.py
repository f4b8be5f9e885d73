"""Sell the dearer and buy the cheaper of two assets that move together, until they have met again.

Source: Evan Gatev, William N. Goetzmann and K. Geert Rouwenhorst, "Pairs Trading: Performance of a Relative-Value
Arbitrage Rule", Review of Financial Studies 19 (2006), 797-827, for the rule: open at two standard deviations, close
when prices meet. Ganapathy Vidyamurthy, "Pairs Trading: Quantitative Methods and Analysis" (2004), for the hedge ratio:
a regression of one log price on the other. That it rolls, and the stop, are ours.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError


class PairsTrading(Strategy):
    """Trade the spread of the first and the second asset, of the third and the fourth, and so on.

    At every bar that both assets have, the log price of the first is regressed on that of the second, over the last
    `window` such bars. z is the last residual over the standard deviation of all of them. A spread is sold when z is
    above `entry` (the first asset sold, the second bought) and bought when it is below -entry. The money in the second
    is that in the first times the slope, and both together are one part of equity: 1 over the number of pairs.
    Quantities stay as they were at the entry. A slope of zero or below is no hedge: no entry.

    An asset left over, where their number is odd, is not traded.

    Parameters
    ----------
    window : int
        Bars in the regression, 3 or more.
    entry : float
        Where to enter: |z|, above `exit`.
    exit : float
        Where to leave: a sold spread when z is at or below it, a bought one when z is at or above -exit. 0 or more.
    stop : float
        Where to leave with a loss: |z|, above `entry`. There is no new entry before z has come back
        to where it would have left without a loss.
    """

    window: int = 60
    entry: float = 2.0
    exit: float = 0.0
    stop: float = 4.0

    def prepare(self, bars: Bars) -> None:
        if self.window < 3:
            raise ParameterError(f"PairsTrading: window is {self.window}; it must be 3 bars or more")
        if not 0.0 <= self.exit < self.entry < self.stop:
            raise ParameterError(
                f"PairsTrading: exit is {self.exit}, entry is {self.entry} and stop is {self.stop}; "
                "they must be 0 or more, and rise in this order"
            )
        if bars.n_assets < 2:
            raise ParameterError(
                f"PairsTrading: the data has one asset, {bars.symbols[0]}; a pair needs two, so give data of both"
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            self.logs = np.log(bars.close)
        self.side = constant(np.zeros(bars.n_assets // 2, np.int64))  # of the spread: 1 bought, -1 sold, 0 none
        self.stopped = constant(np.zeros(bars.n_assets // 2, np.int64))  # the side that was stopped; 0 afterwards
        self.weights = constant(np.zeros(bars.n_assets))

    def on_bar(self, ctx: Context) -> None:
        decided = False
        for a in range(ctx.n_assets):
            self.weights[a] = math.nan  # rebalance leaves the asset alone
        for pair in range(ctx.n_assets // 2):
            slope, z = regress(self.logs, 2 * pair, 2 * pair + 1, self.window)
            side, goal = self.side[pair], self.side[pair]
            if math.isnan(z):
                continue
            if self.stopped[pair] * z >= -self.exit:
                self.stopped[pair] = 0
            if side != 0:
                if side * z >= -self.exit:
                    goal = 0
                elif side * z < -self.stop:
                    goal, self.stopped[pair] = 0, side
            elif self.stopped[pair] == 0 and slope > 0.0 and self.entry < abs(z) < self.stop:
                goal = -1 if z > 0.0 else 1
            if goal != side:
                decided = True
                self.side[pair] = goal
                self.weights[2 * pair] = goal / (ctx.n_assets // 2) / (1.0 + slope)
                self.weights[2 * pair + 1] = -slope * self.weights[2 * pair]
        if decided:
            ctx.rebalance(self.weights)


def regress(logs: NDArray[np.float64], y: int, x: int, window: int) -> tuple[float, float]:
    """Regress column y on column x over the last rows that have both.

    Parameters
    ----------
    logs : ndarray of float64, shape (n, n_assets)
        Log prices up to now; NaN where an asset has no bar.
    y, x : int
        Columns.
    window : int
        How many rows to use, 3 or more.

    Returns
    -------
    slope, z : float
        The slope, and the last residual in standard deviations of all residuals (divided by their number). Both NaN
        where the last row or enough rows are missing, or where nothing varies.
    """
    last, n, mean_x, mean_y = logs.shape[0] - 1, 0, 0.0, 0.0
    first = last
    while first >= 0 and n < window:
        if math.isfinite(logs[first, y]) and math.isfinite(logs[first, x]):
            n += 1
            mean_x += logs[first, x]
            mean_y += logs[first, y]
        elif first == last:
            return math.nan, math.nan
        first -= 1
    if n < window:
        return math.nan, math.nan
    mean_x /= n
    mean_y /= n
    sxx, sxy, syy = 0.0, 0.0, 0.0
    for row in range(first + 1, last + 1):
        dx, dy = logs[row, x] - mean_x, logs[row, y] - mean_y
        if math.isfinite(dx) and math.isfinite(dy):
            sxx += dx * dx
            sxy += dx * dy
            syy += dy * dy
    if sxx <= 0.0:
        return math.nan, math.nan
    slope = sxy / sxx
    variance = (syy - slope * sxy) / n
    if not variance > 1e-12 * syy / n:  # the two are one line but for rounding
        return math.nan, math.nan
    return slope, (logs[last, y] - mean_y - slope * (logs[last, x] - mean_x)) / math.sqrt(variance)
