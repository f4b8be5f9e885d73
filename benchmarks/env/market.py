"""The environments' market, features and actions, in numpy alone, so that every library meets the same work.

The bars are those of `benchmarks.workloads`; the features are eight columns of noise, already scaled, which cost every
environment the same to show. Exposures stay at half the equity, so that no account ever runs short: what happens then
is where libraries differ, and not what is measured.
"""

from __future__ import annotations

import numpy as np

from benchmarks.workloads import CASH, Market, simulate

__all__ = ["CASH", "Market", "simulate"]

N_FEATURES = 8
WINDOW = 8
EXPOSURES = (-0.5, 0.0, 0.5)
COMMISSION = 1e-4
EPISODE_STEPS = 500

_SEED = 11
_ACTION_ROWS = 64


def features(n_bars: int) -> np.ndarray:
    """Standard normal numbers, float32 [n_bars, 8], none beyond 5."""
    rng = np.random.default_rng(_SEED)
    return np.clip(rng.standard_normal((n_bars, N_FEATURES), np.float32), -5.0, 5.0)


def actions(n_envs: int, n_choices: int, seed: int = 0) -> np.ndarray:
    """Rows of actions, int64 [64, n_envs], to be used one after the other and again."""
    return np.random.default_rng((_SEED, seed)).integers(0, n_choices, (_ACTION_ROWS, n_envs))
