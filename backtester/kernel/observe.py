"""What an agent observes of a market and its account, as numbers: once, for environments and for strategies.

Plain functions of `ctx`. The environments compile them into their step, a compiled strategy into its `on_bar`, and an
interpreted one calls them as they are; all three get the same floats.

An observation is flat, float32: the last `window` rows of the feature panel, oldest first, each row asset by asset and
feature by feature; then the features of the account that were asked for, in the order of `AccountFeature`.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np

from backtester.kernel.jit import kernel_jit


class AccountFeature(IntEnum):
    """What can be observed of the account."""

    EXPOSURE = 0  # per asset: its value, as a signed fraction of equity
    UNREALIZED_PNL = 1  # per asset, as a fraction of equity
    OPEN_ORDERS = 2  # per asset: how many orders are live
    CASH = 3  # fraction of equity
    DRAWDOWN = 4  # positive fraction below the highest equity the agent has seen
    POSITION = 5  # per asset: signed units


EXPOSURE = int(AccountFeature.EXPOSURE)
UNREALIZED_PNL = int(AccountFeature.UNREALIZED_PNL)
OPEN_ORDERS = int(AccountFeature.OPEN_ORDERS)
CASH = int(AccountFeature.CASH)
DRAWDOWN = int(AccountFeature.DRAWDOWN)
POSITION = int(AccountFeature.POSITION)
PER_ASSET = (EXPOSURE, UNREALIZED_PNL, OPEN_ORDERS, POSITION)


def observation_size(window: int, n_columns: int, account: tuple[int, ...], n_assets: int) -> int:
    """Return how many numbers an observation has."""
    return window * n_columns + sum(n_assets if kind in PER_ASSET else 1 for kind in account)


@kernel_jit
def within(value: float, clip: float) -> float:
    """Return a number cut to ±clip; NaN, as the exposure of an account without equity, is 0."""
    if value != value:
        return 0.0
    return min(max(value, -clip), clip)


def observe_market(panel: np.ndarray, t: int, window: int, out: np.ndarray) -> int:
    """Write the last `window` rows of the panel, float32 [n_bars, n_columns], and return how many numbers that were."""
    at = 0
    for row in range(t + 1 - window, t + 1):
        for column in range(panel.shape[1]):
            out[at] = panel[row, column]
            at += 1
    return at


def observe_account(ctx: Any, account: np.ndarray, peak: float, clip: float, out: np.ndarray, at: int) -> int:
    """Write the features of the account (int64 codes, ascending) from place `at` on, and return the next place."""
    for k in range(account.shape[0]):
        kind = account[k]
        if kind == CASH:
            out[at] = within(ctx.cash / ctx.equity if ctx.equity != 0.0 else math.nan, clip)
            at += 1
        elif kind == DRAWDOWN:
            out[at] = within(1.0 - ctx.equity / peak if peak > 0.0 else math.nan, clip)
            at += 1
        else:
            for a in range(ctx.n_assets):
                if kind == EXPOSURE:
                    out[at] = within(ctx.exposure(a), clip)
                elif kind == UNREALIZED_PNL:
                    out[at] = within(ctx.unrealized_pnl(a) / ctx.equity if ctx.equity != 0.0 else math.nan, clip)
                elif kind == POSITION:
                    out[at] = within(ctx.position(a), clip)
                else:
                    out[at] = within(float(ctx.open_orders(a)), clip)
                at += 1
    return at
