"""Which discrete actions are possible now: for `MaskablePPO` and for agents of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.kernel.act import CLOSE, N_VERBS, SELL, SELL_LIMIT, WAIT

if TYPE_CHECKING:
    from envs.trading.core import TradingCore


def masks_of(core: TradingCore) -> np.ndarray:
    """Return bool [n, n_assets · choices].

    An exposure is impossible where it is short and the account may not be, where leverage, margin or a limit of the
    account forbid it even if the asset were the only one, and, unless it is the one nearest to zero, where the asset
    has no price or is no longer listed. An entry needs an asset that is flat and has no order working; closing needs
    something to close or to cancel; waiting is always possible. Nothing else is in an account that its drawdown limit
    has stopped.
    """
    view = core._of_accounts
    listed = np.isfinite(view("marks") * view("multipliers")) & (view("delisted") == 0)  # [n, n_assets]
    acts = (view("stopped") == 0)[:, None]
    shorts = bool(core.rules.scalars["allow_short"])
    if core.trading.actions == "discrete":
        nearest, possible = _exposures(core, shorts)
        return np.where((listed & acts)[:, :, None], possible, nearest).reshape(core.n, -1)
    if core.trading.actions == "units":
        nearest, possible = _quantities(core, shorts)
        return np.where((listed & acts)[:, :, None], possible, nearest).reshape(core.n, -1)
    idle = (view("positions") == 0.0) & (view("open_counts") == 0)
    found = np.repeat((idle & listed & acts)[:, :, None], N_VERBS, axis=2)
    if not shorts:
        found[:, :, [SELL, SELL_LIMIT]] = False
    found[:, :, WAIT] = True
    found[:, :, CLOSE] = ~idle & acts
    return found.reshape(core.n, -1)


def _quantities(core: TradingCore, shorts: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of quantities: which are nearest to zero, and which each account may have at its last marks."""
    quantities = np.array(core.trading.exposures)
    nearest = np.abs(quantities) == np.abs(quantities).min()
    worth = np.abs(core._of_accounts("marks") * core._of_accounts("multipliers"))[:, :, None]
    room = np.maximum(core._of_accounts("equity"), 0.0)[:, None, None] * _most(core)[:, None]
    possible = np.abs(quantities) * worth <= room
    if not shorts:
        possible &= quantities >= 0.0
    return nearest, np.where(possible.any(axis=2, keepdims=True), possible, nearest)


def _most(core: TradingCore) -> np.ndarray:
    """Return the largest exposure each asset may have, if it were the only one, [n_assets]."""
    scalars, per_asset = core.rules.scalars, core.rules.per_asset
    most = np.minimum(scalars["leverage"] / per_asset["margins"], scalars["max_gross"])
    return np.minimum(most, per_asset["max_exposure"]) * (1.0 + 1e-12)


def _exposures(core: TradingCore, shorts: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return which exposures are nearest to zero, [choices], and which an account may have, [n_assets, choices]."""
    exposures = np.array(core.trading.exposures)
    possible = np.abs(exposures) / core.bars.n_assets <= _most(core)[:, None]
    if not shorts:
        possible &= exposures >= 0.0
    nearest = np.abs(exposures) == np.abs(exposures).min()
    possible[~possible.any(axis=1)] = nearest
    return nearest, possible
