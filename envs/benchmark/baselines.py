"""What an agent has to beat: exposures that need no learning, as paths over bars and as policies in the environment.

A baseline turns closes into a path of exposures, each from the closes so far. `path_policy` plays a path in the very
environment of the agents, through the same ledger and costs, rounded to the exposures that the agents may choose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean
from envs.benchmark.draws import uniforms
from envs.benchmark.evaluation import Policy

Path = np.ndarray


def flat(close: np.ndarray) -> Path:
    """Return no exposure at all: what not to trade earns.

    Parameters
    ----------
    close : float64 [n]

    Returns
    -------
    float64 [n]
    """
    return np.zeros(len(close))


def buy_and_hold(close: np.ndarray) -> Path:
    """Return full exposure throughout: what the market earns.

    Parameters
    ----------
    close : float64 [n]

    Returns
    -------
    float64 [n]
        All 1. An environment of discrete exposures orders once and holds.
    """
    return np.ones(len(close))


def sma_cross(close: np.ndarray, fast: int = 10, slow: int = 30) -> Path:
    """Return full exposure while the fast average of the closes is above the slow one, none else.

    Parameters
    ----------
    close : float64 [n]
        NaN where a bar is missing: the exposure before stays.
    fast, slow : int
        Bars, 1 <= fast < slow.

    Returns
    -------
    float64 [n]
        0 before there are `slow` closes.

    Raises
    ------
    SettingsError
        If fast is not below slow.

    Notes
    -----
    Source: Brock, Lakonishok and LeBaron, "Simple Technical Trading Rules and the Stochastic Properties of Stock
    Returns", Journal of Finance 47 (1992), 1731-1764: the variable-length moving average rule.
    """
    from backtester.indicators import sma

    if not 1 <= fast < slow:
        raise SettingsError(f"sma_cross: fast is {fast} and slow is {slow}; 1 <= fast < slow")
    column = np.ascontiguousarray(close[:, None])
    difference = (sma(column, fast) - sma(column, slow))[:, 0]
    return _kept(np.where(np.isnan(difference), np.nan, (difference > 0.0).astype(np.float64)))


def momentum(
    close: np.ndarray, lookback: int = 252, center: int = 60, target: float = 0.10, bars_per_year: float = 252.0
) -> Path:
    """Return the sign of the past return, as large as the volatility allows.

    sign(close_t / close_(t - lookback) - 1) · min(1, target / σ_t), where σ_t² is `bars_per_year` times the
    exponentially weighted variance of the simple returns so far, with weights (1 - δ)·δ^i and δ/(1 - δ) = center.

    Parameters
    ----------
    close : float64 [n]
        NaN where a bar is missing: the exposure before stays.
    lookback : int
        Bars in the past return.
    center : int
        Mean age of the returns in σ, in bars.
    target : float
        Volatility per year that the position should have.
    bars_per_year : float
        Turns the variance of a bar into that of a year.

    Returns
    -------
    float64 [n]
        In [-1, 1]; 0 before there are `lookback` + 1 closes.

    Raises
    ------
    SettingsError
        If a number is not above 0.

    Notes
    -----
    Source: Moskowitz, Ooi and Pedersen, "Time Series Momentum", Journal of Financial Economics 104 (2012), 228-250,
    equations (1) and (5), for one asset, decided at every bar. The limit of 1 is ours.
    """
    for name, value in (
        ("lookback", lookback),
        ("center", center),
        ("target", target),
        ("bars_per_year", bars_per_year),
    ):
        if not value > 0:
            raise SettingsError(f"momentum: {name} is {value!r}; it must be above 0")
    known = np.flatnonzero(~np.isnan(close))
    prices = close[known]
    returns = prices[1:] / prices[:-1] - 1.0
    decay = center / (1.0 + center)
    weight = mean = square = 0.0
    found = np.full(len(close), np.nan)
    for i, r in enumerate(returns.tolist(), 1):
        weight = decay * weight + 1.0
        mean = decay * mean + r
        square = decay * square + r * r
        if i < lookback:
            continue
        variance = square / weight - (mean / weight) ** 2
        past = prices[i] / prices[i - lookback] - 1.0
        size = min(1.0, target / math.sqrt(bars_per_year * variance)) if variance > 0.0 else 1.0
        found[known[i]] = size * np.sign(past)
    return _kept(found)


def random_path(n: int, exposures: tuple[float, ...], turnover: float, seed: int) -> Path:
    """Return exposures that change by chance, as often as gives a wanted turnover.

    At each bar, with a fixed probability, another exposure is drawn, all others alike.

    Parameters
    ----------
    n : int
        Bars.
    exposures : tuple of float
        Two or more to choose from.
    turnover : float
        Wanted mean of the absolute change of exposure a bar, 0 or more; what an agent did. More than drawing anew at
        every bar gives cannot be had, and that is then taken.
    seed : int
        Of the draws.

    Returns
    -------
    float64 [n]
        From 0, or the exposure nearest to it, on.

    Raises
    ------
    SettingsError
        If there are fewer than two exposures, or the turnover is negative or not finite.
    """
    if len(exposures) < 2 or not (math.isfinite(turnover) and turnover >= 0.0):
        raise SettingsError(f"random_path: exposures {exposures} and turnover {turnover}; two or more, and 0 or more")
    levels = np.array(exposures, np.float64)
    others = len(levels) - 1
    # under the uniform distribution, which the chain keeps, a change moves so much in the mean
    jump = np.abs(levels[:, None] - levels[None, :]).sum() / (len(levels) * others)
    rate = min(1.0, turnover / jump)
    draws = uniforms(seed, 2 * n).reshape(n, 2)
    at = int(np.argmin(np.abs(levels)))
    path = np.empty(n)
    for t in range(n):
        if draws[t, 0] < rate:
            at = (at + 1 + int(draws[t, 1] * others)) % len(levels)
        path[t] = levels[at]
    return path


def _kept(path: Path) -> Path:
    """Return a path in which NaN is what was before, and 0 at first."""
    known = np.where(np.isnan(path), 0, np.arange(len(path)))
    found = path[np.maximum.accumulate(known)]
    return np.where(np.isnan(found), 0.0, found)


BASELINES: dict[str, Callable[..., Path]] = {
    "flat": flat,
    "buy and hold": buy_and_hold,
    "SMA cross": sma_cross,
    "momentum": momentum,
}


def baseline_path(name: str, close: np.ndarray, **settings: Any) -> Path:
    """Return the path of exposures of a baseline by name.

    Parameters
    ----------
    name : {"flat", "buy and hold", "SMA cross", "momentum"}
    close : float64 [n]
    **settings
        Those of the function.

    Raises
    ------
    SettingsError
        If there is none of that name.
    """
    if name not in BASELINES:
        known = ", ".join(BASELINES)
        raise SettingsError(f"no baseline {name!r}{did_you_mean(name, BASELINES)}; there are {known}")
    return BASELINES[name](close, **settings)


def path_policy(path: Path, start: int, action_space: Any, exposures: tuple[float, ...]) -> Policy:
    """Return a policy that plays a path of exposures, bar by bar from `start`, whatever it observes.

    Parameters
    ----------
    path : float64 [n_bars]
        The exposure wanted at the close of each bar.
    start : int
        The bar of the first call.
    action_space : gymnasium.spaces.Discrete or Box
        Of one asset.
    exposures : tuple of float
        Of a discrete action, those that it stands for, of which the nearest is taken, the first of equals; of a
        continuous one, the lowest and the highest.

    Returns
    -------
    function
        One call a bar, for one account.

    Raises
    ------
    SettingsError
        If the actions are neither exposures nor one number.
    """
    kind = type(action_space).__name__
    levels = np.array(exposures, np.float64)
    if kind in ("Discrete", "MultiDiscrete"):
        sizes = np.asarray(action_space.nvec if kind == "MultiDiscrete" else [action_space.n])
        if sizes.size != 1 or sizes[0] != len(levels):
            raise SettingsError(
                f"path_policy: {len(levels)} exposures for the actions {action_space}; one asset, as many"
            )
        wanted = np.argmin(np.abs(path[:, None] - levels[None, :]), axis=1)
        shape: tuple[int, ...] = (1,) if kind == "Discrete" else (1, 1)
    elif kind == "Box" and action_space.shape == (1,) and len(levels) >= 2:
        low, high = levels.min(), levels.max()
        wanted = (2.0 * (np.clip(path, low, high) - low) / (high - low) - 1.0).astype(np.float32)
        shape = (1, 1)
    else:
        raise SettingsError(f"path_policy: the actions {action_space} are not exposures of one asset")
    bar = start - 1

    def policy(observation: np.ndarray) -> np.ndarray:
        nonlocal bar
        bar += 1
        return wanted[bar].reshape(shape)

    return policy
