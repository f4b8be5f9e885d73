"""Which discrete actions are possible now: for `MaskablePPO` and for agents of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.kernel.act import CLOSE, N_VERBS, SELL, SELL_LIMIT, WAIT

if TYPE_CHECKING:
    from envs.trading.core import TradingCore


def masks_of(core: TradingCore) -> np.ndarray:
    """Return bool [n, n_assets · choices].

    An exposure is impossible where it is short and the account may not be, where it is more than the leverage allows,
    and, unless it is the one nearest to zero, where the asset has no price or is no longer listed. An entry needs an
    asset that is flat and has no order working; closing needs something to close or to cancel; waiting is always
    possible.
    """
    view = core._of_accounts
    listed = ~np.isnan(view("marks")) & (view("delisted") == 0)  # [n, n_assets]
    shorts = bool(core.rules.scalars["allow_short"])
    if core.trading.actions == "discrete":
        exposures = np.array(core.trading.exposures)
        possible = np.abs(exposures) <= core.rules.scalars["leverage"] * (1.0 + 1e-12)
        if not shorts:
            possible &= exposures >= 0.0
        nearest = np.abs(exposures) == np.abs(exposures).min()
        if not possible.any():
            possible = nearest
        found = np.where(listed[:, :, None], possible, nearest)
        return found.reshape(core.n, -1)
    idle = (view("positions") == 0.0) & (view("open_counts") == 0)
    found = np.repeat((idle & listed)[:, :, None], N_VERBS, axis=2)
    if not shorts:
        found[:, :, [SELL, SELL_LIMIT]] = False
    found[:, :, WAIT] = True
    found[:, :, CLOSE] = ~idle
    return found.reshape(core.n, -1)
