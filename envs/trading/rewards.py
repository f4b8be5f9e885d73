"""What an agent is paid for each step, from equity E before it to E' after it; `step` computes it.

log_wealth            log(max(E', floor·E₀) / E)
pnl                   (E' - E) / E₀
differential_sharpe   the change of an exponentially weighted Sharpe ratio (Moody, Wu, Liao, Saffell 1998)
mean_variance         r - risk_aversion/2 · r²,  r = E'/E - 1
drawdown              log_wealth - drawdown_penalty · (how much deeper the drawdown became)
a function            f(before, after, peak, costs, turnover), jitted or plain
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backtester.errors import SettingsError, did_you_mean
from envs.trading.layout import RewardKind

#: the option of each kind that has one, and its default
OPTIONS = {
    RewardKind.DIFFERENTIAL_SHARPE: ("sharpe_decay", 0.01),
    RewardKind.MEAN_VARIANCE: ("risk_aversion", 1.0),
    RewardKind.DRAWDOWN: ("drawdown_penalty", 1.0),
}
NAMES = {kind.name.lower(): kind for kind in RewardKind if kind != RewardKind.USER}


@dataclass(frozen=True)
class Reward:
    """A reward as the kernel takes it."""

    name: str
    kind: RewardKind
    parameter: float
    address: int
    kept: Any  # what the address belongs to


def resolve_reward(reward: str | Callable[..., float], options: dict[str, float | None]) -> Reward:
    """Return the reward that a name or a function stands for.

    Raises
    ------
    SettingsError
        For an unknown name, a function that numba cannot compile, and an option of another reward.
    """
    if callable(reward):
        kind, name, compiled = RewardKind.USER, getattr(reward, "__name__", "function"), _compiled(reward)
    elif reward in NAMES:
        kind, name, compiled = NAMES[reward], reward, None
    else:
        raise SettingsError(
            f"Trading: reward is {reward!r}{did_you_mean(str(reward), NAMES)}; one of {tuple(NAMES)}, or a function "
            "f(before, after, peak, costs, turnover)"
        )
    own, parameter = OPTIONS.get(kind, ("", 0.0))
    for option, value in options.items():
        if value is None:
            continue
        if option != own:
            raise SettingsError(f"Trading: {option} has no meaning for the reward {name!r}; leave it out")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
            raise SettingsError(f"Trading: {option} must be a number of at least 0, found {value!r}")
        parameter = float(value)
    if own == "sharpe_decay" and not 0.0 < parameter <= 1.0:
        raise SettingsError(f"Trading: sharpe_decay is {parameter!r}; it must be above 0 and at most 1")
    return Reward(name, kind, parameter, compiled.address if compiled else 0, compiled)


def _compiled(function: Callable[..., float]) -> Any:
    """Return a C function for a user's reward, and refuse one that cannot be compiled or returns no number."""
    python_function = getattr(function, "py_func", function)
    name = getattr(python_function, "__name__", "reward")
    try:
        compiled = _as_cfunc(python_function)
    except Exception as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise SettingsError(
            f"Trading: the reward {name} cannot be compiled as f(before, after, peak, costs, turnover): {first}"
        ) from error
    trial = compiled.ctypes(100.0, 101.0, 101.0, 0.5, 0.1)
    if not math.isfinite(trial):
        raise SettingsError(f"Trading: the reward {name}(100, 101, 101, 0.5, 0.1) is {trial!r}; it must be finite")
    return compiled


@functools.lru_cache(maxsize=16)
def _as_cfunc(function: Callable[..., float]) -> Any:
    import numba

    signature = "float64(float64, float64, float64, float64, float64)"
    return numba.cfunc(signature, error_model="numpy")(function)
