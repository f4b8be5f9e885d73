"""One strategy run in both modes: everything it leaves behind must be the same, to the last bit and type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from backtester import Account, Bars, Costs, Execution, Result, Strategy
from backtester.engine import Run, prepare_run
from backtester.strategy import Constant

TABLES = ("orders", "fills", "flows", "changes", "actions", "records", "equity")
HOUR_NS = 3_600 * 10**9

COSTS = Costs(
    commission=0.0007,
    commission_per_unit=0.003,
    commission_per_order=0.9,
    commission_min=1.7,
    spread=0.0004,
    slippage=0.0003,
    impact=0.6,
    borrow_rate=0.03,
    cash_rate=0.02,
    debit_rate=0.07,
)


def settings_for(bars: Bars, cash: float = 100_000.0) -> dict[str, dict[str, Any]]:
    """Return run settings by name. Caps on participation are such that an order for all the cash takes a few bars."""
    units = cash / np.nanmedian(bars.close)
    part = min(1.0, max(1e-12, float(units / np.nanmedian(bars.volume) / 3.0)))
    tick = float(np.nanmedian(bars.close)) / 3_000.0
    steps = Account(leverage=3.0, maintenance=0.25, lot_size=1.0, tick_size=tick)
    reject = Account(on_shortfall="reject", allow_short=False)
    return {
        "plain": {"cash": cash},
        "costs": {"cash": cash, "costs": COSTS, "execution": Execution(same_bar="target_first", limit_fill="through")},
        "steps": {"cash": cash, "costs": COSTS, "account": steps, "execution": Execution(same_bar="ohlc")},
        "slow": {"cash": cash, "costs": COSTS, "execution": Execution(max_participation=part, latency_bars=2)},
        "close": {
            "cash": cash,
            "costs": COSTS,
            "account": Account(multiplier=2.0),
            "execution": Execution(fill_at="close", same_bar="nearest", max_participation=part),
            "close_at_end": True,
        },
        "late close": {"cash": cash, "execution": Execution(fill_at="close", same_bar="olhc", latency_bars=1)},
        "reject": {"cash": cash, "costs": COSTS, "account": reject},
    }


def random_bars(seed: int, n_bars: int = 250, n_assets: int = 3, gaps: bool = True) -> Bars:
    """Return bars every six hours with an extra column `mood`; with gaps, each asset misses a tenth of its bars."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_assets)
    close = 40.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * (1.0 + rng.normal(0.0, 0.006, shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.012, shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.012, shape))
    volume = rng.uniform(1e3, 3e4, shape)
    mood = rng.normal(0.0, 1.0, shape)
    if gaps:
        missing = rng.random(shape) < 0.1
        missing[:30, -1] = True
        for column in (open_, high, low, close, volume, mood):
            column[missing] = np.nan
    times = (np.arange(n_bars) * 6 + 19_000 * 24) * HOUR_NS
    symbols = [f"S{a}" for a in range(n_assets)]
    return Bars.from_arrays(times, open_, high, low, close, volume, symbols=symbols, extras={"mood": mood})


def rounded_down(x: float, step: float) -> float:
    """Return a multiple of a step; a helper that strategies reach through its module."""
    return np.floor(x / step) * step


def run_in(mode: str, strategy: Strategy, bars: Bars, **settings: Any) -> tuple[Run, Result]:
    """Run in steps, so that the account can be looked at afterwards."""
    steps = prepare_run(strategy, bars, mode=mode, **settings)
    steps.prepare()
    steps.advance()
    return steps, steps.finish()


def assert_same_in_both_modes(make: Callable[[], Strategy], bars: Bars, **settings: Any) -> tuple[Strategy, Result]:
    """Run `make()` in both modes and compare tables, account and state; return the compiled strategy and its result."""
    (compiled, left), (interpreted, right) = (
        run_in(mode, make(), bars, **settings) for mode in ("compiled", "interpreted")
    )
    for name in TABLES:
        found, other = one_nan(getattr(left.tables, name)), one_nan(getattr(right.tables, name))
        assert found.tobytes() == other.tobytes(), f"{name}: {_difference(found, other)}"
    assert left.ambiguous_bars == right.ambiguous_bars
    for name in ("cash", "equity", "bankrupt", "stopped", "peak", "random_state", "start"):
        assert bits(compiled.memory[name]) == bits(interpreted.memory[name]), name
    for name in ("positions", "entry_prices", "marks", "balances", "rates", "multipliers"):
        assert compiled.memory.view(name).tobytes() == interpreted.memory.view(name).tobytes(), name
    assert_same_state(compiled.strategy, interpreted.strategy)
    return compiled.strategy, left


def assert_same_state(left: Strategy, right: Strategy) -> None:
    """Compare the attributes of two strategies of one class: types and bits."""
    assert type(left) is type(right)
    assert vars(left).keys() == vars(right).keys()
    for name, value in vars(left).items():
        if not callable(value):
            assert bits(value) == bits(vars(right)[name]), f"self.{name}: {value!r}, {vars(right)[name]!r}"


def one_nan(array: np.ndarray) -> np.ndarray:
    """Return a copy in which every NaN has the same bits: IEEE 754 leaves open which NaN an operation gives."""
    array = array.copy()
    for part in [array] if array.dtype.names is None else [array[name] for name in array.dtype.names]:
        if part.dtype.kind == "f":
            part[np.isnan(part)] = np.nan
    return array


def bits(value: Any) -> Any:
    """Return a value in a form that is equal where types and bits are; all NaN alike."""
    if isinstance(value, Constant):
        return ("constant", bits(value.value))
    if isinstance(value, np.ndarray):
        return (value.dtype, value.shape, value.flags.writeable, one_nan(value).tobytes())
    if isinstance(value, tuple):
        return (type(value), *map(bits, value))
    if isinstance(value, float):
        return (type(value), "nan" if math.isnan(value) else value.hex())
    return (type(value), value)


def _difference(found: np.ndarray, other: np.ndarray) -> str:
    if len(found) != len(other):
        return f"{len(found)} rows compiled, {len(other)} interpreted"
    row = next(i for i in range(len(found)) if found[i].tobytes() != other[i].tobytes())
    return f"row {row}: {found[row]} compiled, {other[row]} interpreted"
