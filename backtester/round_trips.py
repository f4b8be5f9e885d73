"""The trades of a run whose units may change on the way: splits, fractions paid out, delistings (rules 29 and 31).

`trades` matches fills in one kind of unit. Here fills and prices are brought to the units of the end of the run, a
payout becomes an exit, and what comes out is brought back: quantity and prices of a trade are in the units of its exit.
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.codes import ActionKind, Phase
from backtester.kernel.tables import FILL
from backtester.trades import build_trades


def trade_rows(
    fills: np.ndarray,
    actions: np.ndarray,
    prices: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    multipliers: np.ndarray,
    last_fx: np.ndarray,
    margined: np.ndarray,
) -> np.ndarray:
    """Return the trade table of a run.

    Parameters
    ----------
    fills, actions : structured arrays, dtypes `FILL` and `ACTION`
    prices : four arrays, float64 [n_bars, n_assets]
        Open, high, low and close as quoted.
    multipliers, last_fx : float64 [n_assets]
        Of the contracts; exchange rates at the end.
    margined : int64 [n_assets]
        1 where the value is not paid.

    Returns
    -------
    structured array, dtype `backtester.trades.TRADE`
    """
    n_bars, n_assets = prices[3].shape
    if not len(actions):
        return build_trades(fills, *prices, multipliers, n_assets, last_fx, margined)
    units = units_after(actions, n_bars, n_assets)
    rows = _with_payouts(fills, actions)
    scale = units[rows["bar"], rows["asset"]]
    rows["quantity"] *= scale
    for name in ("price", "reference_price"):
        rows[name] /= scale
    open_, high, low, close = (column / units for column in prices)
    trades = build_trades(rows, open_, high, low, close, multipliers, n_assets, last_fx, margined)
    at_exit = np.where(trades["open"] == 1, n_bars - 1, trades["exit_bar"])
    scale = units[at_exit, trades["asset"]]
    trades["quantity"] /= scale
    for name in ("entry_price", "exit_price"):
        trades[name] *= scale
    return trades


def units_after(actions: np.ndarray, n_bars: int, n_assets: int) -> np.ndarray:
    """Return how many units of the end one unit of bar t has become, float64 [n_bars, n_assets]."""
    units = np.ones((n_bars, n_assets))
    for row in actions[actions["kind"] == ActionKind.SPLIT]:
        units[: row["bar"], row["asset"]] *= row["value"]
    return units


def _with_payouts(fills: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Return the fills, and before those of its bar an exit for each payout: a copy."""
    splits = actions["kind"] == ActionKind.SPLIT
    paid = np.where(splits, actions["before"] * actions["value"] - actions["after"], actions["before"])
    real = np.abs(paid) > 1e-12 * np.abs(actions["before"] * np.where(splits, actions["value"], 1.0))
    payouts = np.zeros(int(np.count_nonzero(real)), FILL)
    for name in ("bar", "asset", "fx"):
        payouts[name] = actions[name][real]
    payouts["phase"] = Phase.OPEN
    payouts["quantity"] = -paid[real]
    payouts["price"] = np.where(splits, actions["mark"], actions["value"])[real]
    payouts["reference_price"] = payouts["price"]
    rows = np.concatenate([payouts, fills])
    later = np.arange(len(rows)) >= len(payouts)
    return rows[np.lexsort((np.arange(len(rows)), later, rows["bar"]))]
