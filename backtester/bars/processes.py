"""The processes that `simulate` knows: each gives the move of every bar, and how wide the path inside it is.

Every function takes the `Setting` and its own parameters, numbers or one per asset. Rates and volatilities are annual
(years of 365.25 days); Δ is the length of a bar in years. x is the log price, S the price.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from inspect import signature
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from backtester.bars.check import near
from backtester.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_F1, _F2 = numba.float64[::1], numba.float64[:, ::1]


@dataclass(frozen=True)
class Setting:
    """What all processes share.

    Attributes
    ----------
    n_bars, n_assets : int
    years : float
        Length of a bar, Δ.
    price : ndarray, shape (n_assets,)
        The close before the first bar.
    gap : float
        Share of the variance before the open.
    steps : int
        Steps from open to close.
    root : ndarray, shape (n_assets, n_assets), or None
        Lower Cholesky factor of the correlation of the shocks.
    rng : numpy.random.Generator
    """

    n_bars: int
    n_assets: int
    years: float
    price: Floats
    gap: float
    steps: int
    root: Floats | None
    rng: np.random.Generator

    def shocks(self) -> Floats:
        """Return correlated standard normal shocks, shape (n_bars, n_assets)."""
        raw = self.rng.standard_normal((self.n_bars, self.n_assets))
        return raw if self.root is None else np.ascontiguousarray(raw @ self.root.T)


@dataclass(frozen=True)
class Moves:
    """What a process gives, shapes (n_bars, n_assets).

    Attributes
    ----------
    moves : ndarray
        From close to close, in logs or in price, without jumps.
    scales : ndarray
        Standard deviation of a bar's path in the same unit.
    logs : bool
        Whether moves are of the log price.
    jumps : ndarray
        Added to a move at one moment of the bar; empty where there are none.
    slots : ndarray of int64
        When: 0 before the open, else the step.
    state : mapping of str to ndarray
        The hidden state at each bar.
    """

    moves: Floats
    scales: Floats
    logs: bool = True
    jumps: Floats = field(default_factory=lambda: np.empty((0, 0)))
    slots: Ints = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    state: Mapping[str, Floats] = field(default_factory=dict)


Process = Callable[..., Moves]
PROCESSES: dict[str, Process] = {}


def _process(make: Process) -> Process:
    """Register a process, and refuse parameters it does not have."""
    name = make.__name__
    known = [p for p in signature(make).parameters if p != "setting"]

    @wraps(make)
    def checked(setting: Setting, **parameters: Any) -> Moves:
        for key in parameters:
            if key not in known:
                raise DataError(f"{name} has no parameter {key!r}{near(key, known)} Parameters: {', '.join(known)}")
        return make(setting, **parameters)

    PROCESSES[name] = checked
    return checked


@_process
def gbm(setting: Setting, mu: Any = 0.05, sigma: Any = 0.2) -> Moves:
    """Geometric Brownian motion: dS/S = mu·dt + sigma·dW; x moves by (mu − sigma²/2)·Δ + sigma·√Δ·ε.

    Source: Black and Scholes (1973), "The Pricing of Options and Corporate Liabilities".
    """
    drift, width = _drift(setting, mu, sigma)
    return Moves(drift + width * setting.shocks(), _wide(setting, width))


@_process
def ar1(setting: Setting, phi: Any = 0.1, mu: Any = 0.05, sigma: Any = 0.2) -> Moves:
    """Autocorrelated log returns: r_t = m + phi·(r_{t−1} − m) + √(1 − phi²)·sigma·√Δ·ε, m = (mu − sigma²/2)·Δ.

    `phi` is the correlation of one bar's return with the next, in (−1, 1); sigma·√Δ is the standard deviation of a
    bar's return, and the first return is drawn from that stationary law.

    Source: Hamilton (1994), "Time Series Analysis", section 3.4.
    """
    phi = _value(setting, phi, "phi", low=-1.0, high=1.0)
    drift, width = _drift(setting, mu, sigma)
    out = setting.shocks()
    _autoregress(out, phi, np.sqrt(1.0 - phi * phi))
    return Moves(drift + width * out, _wide(setting, width))


@_process
def ou(setting: Setting, kappa: Any = 5.0, theta: Any = None, sigma: Any = 20.0) -> Moves:
    """Ornstein-Uhlenbeck price: dS = kappa·(theta − S)·dt + sigma·dW, stepped exactly; sigma in price units.

    S_{t+1} = theta + (S_t − theta)·e^(−kappa·Δ) + sigma·√((1 − e^(−2·kappa·Δ))/(2·kappa))·ε; the stationary variance is
    sigma²/(2·kappa). `theta` is by default the starting price. Prices can fall below zero; see `allow_negative`.

    Source: Uhlenbeck and Ornstein (1930), "On the Theory of the Brownian Motion".
    """
    kappa = _value(setting, kappa, "kappa", low=0.0)
    sigma = _value(setting, sigma, "sigma", low=0.0)
    theta = _value(setting, setting.price if theta is None else theta, "theta")
    decay = np.exp(-kappa * setting.years)
    step = sigma * np.sqrt(-np.expm1(-2.0 * kappa * setting.years) / (2.0 * kappa))
    out = setting.shocks()
    _revert(out, setting.price - theta, decay, step)
    return Moves(out, _wide(setting, sigma * math.sqrt(setting.years)), logs=False)


@_process
def heston(
    setting: Setting,
    mu: Any = 0.05,
    kappa: Any = 3.0,
    theta: Any = 0.04,
    xi: Any = 0.4,
    rho: Any = -0.7,
    v0: Any = None,
) -> Moves:
    """Stochastic variance: dS/S = mu·dt + √v·dW₁, dv = kappa·(theta − v)·dt + xi·√v·dW₂, corr(dW₁, dW₂) = rho.

    Full truncation Euler scheme, one step a bar, with v⁺ = max(v, 0): x moves by (mu − v⁺/2)·Δ + √(v⁺·Δ)·ε₁ and v by
    kappa·(theta − v⁺)·Δ + xi·√(v⁺·Δ)·ε₂. `v0` is by default theta. `correlation` is that of the price shocks. The state
    `variance` is v⁺ at the start of the bar.

    Sources: Heston (1993), "A Closed-Form Solution for Options with Stochastic Volatility"; scheme: Lord, Koekkoek and
    van Dijk (2010), "A Comparison of Biased Simulation Schemes for Stochastic Volatility Models".
    """
    mu = _value(setting, mu, "mu")
    kappa, theta = _value(setting, kappa, "kappa", low=0.0), _value(setting, theta, "theta", low=0.0)
    xi, rho = _value(setting, xi, "xi", least=0.0), _value(setting, rho, "rho", low=-1.0, high=1.0)
    v = theta.copy() if v0 is None else _value(setting, v0, "v0", least=0.0)
    price_shocks = setting.shocks()
    own = setting.rng.standard_normal((setting.n_bars, setting.n_assets))
    variance_shocks = rho * price_shocks + np.sqrt(1.0 - rho * rho) * own
    variance = np.empty_like(price_shocks)
    _heston(price_shocks, variance_shocks, variance, v, mu, kappa, theta, xi, setting.years)
    return Moves(price_shocks, np.sqrt(variance * setting.years), state={"variance": variance})


@_process
def jump(
    setting: Setting,
    mu: Any = 0.05,
    sigma: Any = 0.15,
    intensity: Any = 5.0,
    jump_mean: Any = -0.02,
    jump_sd: Any = 0.04,
) -> Moves:
    """Jump diffusion: dS/S = (mu − λ·k)·dt + sigma·dW + (e^J − 1)·dN, N Poisson with `intensity` λ a year.

    J is normal with `jump_mean` and `jump_sd`, k = e^(jump_mean + jump_sd²/2) − 1, so that mu is the expected
    return. The jumps of a bar happen together, before the open with probability `gap`, else at one of the steps. Jumps
    of assets are independent.

    Source: Merton (1976), "Option Pricing When Underlying Stock Returns Are Discontinuous".
    """
    rate = _value(setting, intensity, "intensity", least=0.0)
    mean, spread = _value(setting, jump_mean, "jump_mean"), _value(setting, jump_sd, "jump_sd", least=0.0)
    drift, width = _drift(setting, mu, sigma)
    drift = drift - rate * np.expm1(mean + spread * spread / 2.0) * setting.years
    moves = drift + width * setting.shocks()
    shape = moves.shape
    count = setting.rng.poisson(rate * setting.years, shape).astype(np.float64)
    jumps = mean * count + spread * np.sqrt(count) * setting.rng.standard_normal(shape)
    inside = setting.rng.integers(1, setting.steps + 1, shape)
    slots = np.where(setting.rng.random(shape) < setting.gap, 0, inside)
    return Moves(moves, _wide(setting, width), jumps=np.ascontiguousarray(jumps), slots=slots.astype(np.int64))


@_process
def regime(
    setting: Setting,
    mu: Any = (0.15, -0.25),
    sigma: Any = (0.12, 0.35),
    transition: Any = ((0.99, 0.01), (0.03, 0.97)),
) -> Moves:
    """Regime switching: geometric Brownian motion whose mu and sigma depend on a hidden Markov chain.

    `transition[i][j]` is the probability that a bar in regime i is followed by one in regime j; the chain is common to
    all assets and starts in its stationary law. `mu` and `sigma` have one entry per regime, or shape
    (n_regimes, n_assets). The state `regime` is its number.

    Source: Hamilton (1989), "A New Approach to the Economic Analysis of Nonstationary Time Series and the Business
    Cycle".
    """
    chain = np.array(transition, dtype=np.float64)
    n = chain.shape[0]
    good = chain.shape == (n, n) and n > 0 and (chain >= 0).all() and np.allclose(chain.sum(axis=1), 1.0, atol=1e-9)
    if not good:
        raise DataError("transition must be square, without negative numbers, and every row must sum to 1")
    m, s = (_per_regime(setting, v, n, name) for v, name in ((mu, "mu"), (sigma, "sigma")))
    if not (s > 0).all():
        raise DataError(f"sigma = {sigma!r} must be above zero in every regime")
    draws = setting.rng.random(setting.n_bars)
    states = np.empty(setting.n_bars, dtype=np.int64)
    _switch(draws, np.cumsum(chain, axis=1), np.cumsum(_stationary(chain)), states)
    width = s[states] * math.sqrt(setting.years)
    moves = (m[states] - s[states] ** 2 / 2.0) * setting.years + width * setting.shocks()
    state = np.repeat(states.astype(np.float64)[:, None], setting.n_assets, axis=1)
    return Moves(moves, width, state={"regime": state})


def _value(
    setting: Setting,
    value: Any,
    name: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    least: float = -math.inf,
) -> Floats:
    """Return a parameter as one number per asset: above `low`, below `high`, at least `least`."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} = {value!r}: give a number, or one per asset") from None
    if array.shape not in ((), (setting.n_assets,)):
        raise DataError(f"{name} has shape {array.shape}; give a number, or one per asset ({setting.n_assets})")
    if not ((array > low) & (array < high) & (array >= least)).all():
        bounds = [f"above {low:g}"] * (low > -math.inf) + [f"below {high:g}"] * (high < math.inf)
        bounds += [f"at least {least:g}"] * (least > -math.inf)
        raise DataError(f"{name} = {value!r} must be {' and '.join(['finite', *bounds])}")
    return np.array(np.broadcast_to(array, (setting.n_assets,)))


def _per_regime(setting: Setting, value: Any, n: int, name: str) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[0] != n or array.shape[1] not in (1, setting.n_assets):
        raise DataError(f"{name} has shape {np.shape(value)}; give one entry for each of the {n} regimes")
    if not np.isfinite(array).all():
        raise DataError(f"{name} = {value!r} must be finite")
    return np.array(np.broadcast_to(array, (n, setting.n_assets)))


def _drift(setting: Setting, mu: Any, sigma: Any) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of a bar's log return."""
    m, s = _value(setting, mu, "mu"), _value(setting, sigma, "sigma", low=0.0)
    return (m - s * s / 2.0) * setting.years, s * math.sqrt(setting.years)


def _wide(setting: Setting, scale: Floats) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(scale, (setting.n_bars, setting.n_assets)))


def _stationary(chain: Floats) -> Floats:
    """Return the law π with π = π·P and Σπ = 1 (the least-squares solution, where there are several)."""
    n = chain.shape[0]
    system = np.vstack([chain.T - np.eye(n), np.ones(n)])
    law = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
    return np.clip(law, 0.0, None) / np.clip(law, 0.0, None).sum()


@numba.njit(numba.void(_F2, _F1, _F1), cache=True)
def _autoregress(x, phi, fresh):
    """Turn standard normal shocks, in place, into a stationary AR(1) series of variance one."""
    for t in range(1, x.shape[0]):
        for a in range(x.shape[1]):
            x[t, a] = phi[a] * x[t - 1, a] + fresh[a] * x[t, a]


@numba.njit(numba.void(_F2, _F1, _F1, _F1), cache=True)
def _revert(x, distance, decay, step):
    """Turn standard normal shocks, in place, into moves of an OU price that starts `distance` from its mean."""
    for a in range(x.shape[1]):
        d = distance[a]
        for t in range(x.shape[0]):
            after = decay[a] * d + step[a] * x[t, a]
            x[t, a] = after - d
            d = after


@numba.njit(numba.void(_F2, _F2, _F2, _F1, _F1, _F1, _F1, _F1, numba.float64), cache=True)
def _heston(x, shocks, variance, v, mu, kappa, theta, xi, years):
    """Turn price shocks `x`, in place, into log moves; write the variance at the start of each bar."""
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            now = max(v[a], 0.0)
            width = math.sqrt(now * years)
            variance[t, a] = now
            x[t, a] = (mu[a] - now / 2.0) * years + width * x[t, a]
            v[a] += kappa[a] * (theta[a] - now) * years + xi[a] * width * shocks[t, a]


@numba.njit(numba.void(_F1, _F2, _F1, numba.int64[::1]), cache=True)
def _switch(draws, cumulated, start, states):
    """Write the states of a Markov chain; uniform draws, cumulated transition rows, cumulated first law."""
    last = cumulated.shape[0] - 1
    now = 0
    while now < last and draws[0] >= start[now]:
        now += 1
    states[0] = now
    for t in range(1, draws.shape[0]):
        after = 0
        while after < last and draws[t] >= cumulated[now, after]:
            after += 1
        now = after
        states[t] = now
