"""Trade the first way out of the range in which a session has opened, and be out before the session is over.

Source: Toby Crabel, "Day Trading with Short Term Price Patterns and Opening Range Breakout" (1990): a stop order to buy
above the opening range and one to sell below it, the first to be filled is the trade of the day, the other end of the
range is its stop. Crabel takes his range from the open and the moves of ten days before; here it is that of the first
bars.
"""

from __future__ import annotations

import math

import numpy as np

from backtester import DAY, Bars, Strategy, constant
from backtester.bars.clock import UNKNOWN
from backtester.context import Context
from backtester.errors import DataError, ParameterError


class OpeningRangeBreakout(Strategy):
    """After the first bars of a session, a buy stop at their high and a sell stop at their low: one cancels the other.

    What is filled has its stop loss at the other end, and is left at the market when the session has few minutes to go;
    there is one entry per asset and session at most. Bars have to be shorter than `exit_minutes`, or the exit waits for
    the first open of the next session. An asset's opening range is that of its own first bars of the session.

    Parameters
    ----------
    opening : int
        Bars in the opening range, 1 or more.
    exit_minutes : float
        Leave, and cancel what waits, at the first bar that closes as many minutes or fewer before the scheduled end of
        the session; 0 or more.
    risk : float
        Fraction of equity that the way through the range is worth, above 0. Each of n assets gets at most 1/n of
        equity.
    short : bool
        Whether to sell short.
    """

    opening: int = 4
    exit_minutes: float = 60.0
    risk: float = 0.01
    short: bool = True

    def prepare(self, bars: Bars) -> None:
        if self.opening < 1:
            raise ParameterError(f"OpeningRangeBreakout: opening is {self.opening}; it must be 1 bar or more")
        if not self.exit_minutes >= 0.0:
            raise ParameterError(f"OpeningRangeBreakout: exit_minutes is {self.exit_minutes}; it must be 0 or more")
        if not self.risk > 0.0:
            raise ParameterError(f"OpeningRangeBreakout: risk is {self.risk}; it must be above 0")
        longest = int(np.unique(bars.sessions, return_counts=True)[1].max())
        if longest <= self.opening:
            raise DataError(
                f"OpeningRangeBreakout: the longest session of the data has {longest} bars, and the opening range "
                f"takes {self.opening}; give it shorter bars, or a smaller `opening`"
            )
        if (bars.session_ends == UNKNOWN).any():
            raise DataError(
                "OpeningRangeBreakout: the data does not say when its sessions end; "
                "read it with `session_close=`, so that there is a time to leave at"
            )
        self.seen = constant(np.full(bars.n_assets, self.opening))  # own bars in this session, up to `opening`
        self.top = constant(np.full(bars.n_assets, math.nan))
        self.bottom = constant(np.full(bars.n_assets, math.nan))

    def on_bar(self, ctx: Context) -> None:
        begins, ends = ctx.is_session_start(), ctx.minutes_to_close() <= self.exit_minutes
        for a in range(ctx.n_assets):
            if begins:
                self.seen[a], self.top[a], self.bottom[a] = 0, -math.inf, math.inf
            if (begins or ends) and (ctx.position(a) != 0.0 or ctx.open_orders(a) > 0):
                ctx.close_position(a)
            if not ends and self.seen[a] < self.opening and math.isfinite(ctx.close[-1, a]):
                self.seen[a] += 1
                self.top[a] = max(self.top[a], ctx.high[-1, a])
                self.bottom[a] = min(self.bottom[a], ctx.low[-1, a])
                if self.seen[a] == self.opening and self.top[a] > self.bottom[a]:
                    self.enter(ctx, a)

    def enter(self, ctx: Context, a: int) -> None:
        """Order an entry at each end of the range, for the rest of the session."""
        top, bottom, money = self.top[a], self.bottom[a], ctx.equity / ctx.multiplier(a)
        quantity = min(self.risk * money / (top - bottom), money / ctx.n_assets / top)
        bought = ctx.bracket(a, quantity, stop_loss=bottom, entry_stop=top, tif=DAY)
        if self.short:
            sold = ctx.bracket(a, -quantity, stop_loss=top, entry_stop=bottom, tif=DAY)
            ctx.oco(bought, sold)
