"""What an agent's action does to its account: once, for environments and for strategies; see `observe`.

Plain functions of `ctx`, one for each scheme of actions. All of them order through the same verbs as a strategy, and
leave an asset alone as long as one unit of it has no worth: before its first price, or the first rate of its currency.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np

from backtester.kernel.jit import kernel_jit


class Scheme(IntEnum):
    """How an action is meant."""

    DISCRETE = 0  # per asset the number of one of the exposures
    CONTINUOUS = 1  # per asset an exposure
    WEIGHTS = 2  # the weights of a portfolio
    ORDERS = 3  # per asset an order verb
    UNITS = 4  # per asset the number of one of the quantities


class Verb(IntEnum):
    """The actions of the scheme `orders`."""

    WAIT = 0
    BUY = 1  # at the market, with a bracket
    SELL = 2
    BUY_LIMIT = 3  # `limit_offset` below the close, with a bracket
    SELL_LIMIT = 4
    CLOSE = 5  # the position, and cancel what is working


WAIT, BUY, SELL = int(Verb.WAIT), int(Verb.BUY), int(Verb.SELL)
BUY_LIMIT, SELL_LIMIT, CLOSE = int(Verb.BUY_LIMIT), int(Verb.SELL_LIMIT), int(Verb.CLOSE)
N_VERBS = len(Verb)


def act_discrete(ctx: Any, action: np.ndarray, exposures: np.ndarray, last: np.ndarray) -> None:
    """Order the exposures whose numbers have changed (rule 24).

    `action` int64 [n_assets] numbers the `exposures`, which are fractions of equity for one asset and are shared
    equally by several; `last` int64 [n_assets] remembers them, -1 before the first.
    """
    for a in range(ctx.n_assets):
        k = action[a]
        worth = ctx.mark(a) * ctx.multiplier(a)
        if k != last[a] and worth == worth:
            ctx.order_target_percent(a, exposures[k] / ctx.n_assets)
            last[a] = k


def act_units(ctx: Any, action: np.ndarray, quantities: np.ndarray, last: np.ndarray) -> None:
    """Order the quantities, in units, whose numbers have changed; arguments as in `act_discrete`."""
    for a in range(ctx.n_assets):
        k = action[a]
        worth = ctx.mark(a) * ctx.multiplier(a)
        if k != last[a] and worth == worth:
            ctx.order_target(a, quantities[k])
            last[a] = k


@kernel_jit
def natural(action: float, low: float, high: float) -> float:
    """Return the number in [low, high] that an action in [-1, 1] stands for."""
    return low + (high - low) * (0.5 * (min(max(action, -1.0), 1.0) + 1.0))


def act_continuous(ctx: Any, action: np.ndarray, low: float, high: float, band: float) -> None:
    """Re-target every asset whose exposure is further than `band` from what is wanted (rule 24)."""
    for a in range(ctx.n_assets):
        target = natural(float(action[a]), low, high) / ctx.n_assets
        worth = ctx.mark(a) * ctx.multiplier(a)
        if worth == worth and not abs(target - ctx.exposure(a)) <= band:
            ctx.order_target_percent(a, target)


def act_weights(ctx: Any, action: np.ndarray, low: float, high: float, band: float, weights: np.ndarray) -> None:
    """Rebalance to weights in [low, high], scaled down together where the sum of their sizes exceeds the larger bound.

    What is left is cash. Assets within `band` of their weight, and those without a price, are left alone. `weights`
    is float64 [n_assets] scratch.
    """
    total = 0.0
    for a in range(ctx.n_assets):
        weights[a] = natural(float(action[a]), low, high)
        total += abs(weights[a])
    most = max(abs(low), abs(high))
    scale = most / total if total > most else 1.0
    moves = False
    for a in range(ctx.n_assets):
        weights[a] *= scale
        worth = ctx.mark(a) * ctx.multiplier(a)
        if worth == worth and not abs(weights[a] - ctx.exposure(a)) <= band:
            moves = True
        else:
            weights[a] = math.nan
    if moves:
        ctx.rebalance(weights)


def act_orders(
    ctx: Any, action: np.ndarray, fraction: float, limit_offset: float, stop_loss: float, take_profit: float
) -> None:
    """Send the verbs of `Verb`, int64 [n_assets]; one that is impossible does nothing.

    An entry is possible where the asset is flat and nothing is working: it is worth `fraction` of equity, shared by the
    assets, and brings its bracket. `CLOSE` is possible where there is something to close or to cancel.
    """
    for a in range(ctx.n_assets):
        verb = action[a]
        idle = ctx.position(a) == 0.0 and ctx.open_orders(a) == 0
        if verb == CLOSE and not idle:
            ctx.close_position(a)
        elif verb != WAIT and verb != CLOSE and idle:
            mark = ctx.mark(a)
            worth = mark * ctx.multiplier(a)
            if worth == worth:
                side = 1.0 if verb == BUY or verb == BUY_LIMIT else -1.0
                price = mark
                limit = math.nan
                if verb == BUY_LIMIT or verb == SELL_LIMIT:
                    price = mark * (1.0 - side * limit_offset)
                    limit = price
                quantity = side * fraction * ctx.equity / (ctx.n_assets * price * ctx.multiplier(a))
                ctx.bracket(a, quantity, stop_loss_frac=stop_loss, take_profit_frac=take_profit, entry_limit=limit)
