"""Walk forward: folds of three ranges, one after the other in time, and the four ways each test is played.

An agent learns in the first range, is chosen in the second and is played in the third. Ranges meet in one close: the
last mark of one is the first decision of the next. What the agent learns from ends with its range: it is given bars
that are cut off there, and a scaler fitted to no others.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.costs import Account, Costs, Execution, per_asset
from backtester.errors import SettingsError
from envs.benchmark.config import Market

if TYPE_CHECKING:
    from backtester.bars import Bars

_SCALED = ("commission_per_unit", "commission_per_order", "commission_min", "impact", "borrow_rate", "debit_rate")
_FRACTIONS = ("commission", "spread", "slippage")


@dataclass(frozen=True)
class Fold:
    """Three ranges of bars; in each the first bar is that of the first decision, the last that of the last mark.

    Parameters
    ----------
    number : int
        From 0.
    train, validate, test : tuple of int
        First and last bar.
    """

    number: int
    train: tuple[int, int]
    validate: tuple[int, int]
    test: tuple[int, int]


def folds_of(n_bars: int, train: int, validate: int, test: int, count: int | None = None) -> list[Fold]:
    """Return folds whose test ranges follow one another to the end of the data.

    Parameters
    ----------
    n_bars : int
        Bars there are.
    train, validate, test : int
        Steps of each range.
    count : int, optional
        How many folds; as many as fit by default.

    Returns
    -------
    list of Fold
        In the order of time. Each is `test` bars later than the one before; training ranges roll with them, and
        contain what was tested before.

    Raises
    ------
    SettingsError
        If they do not fit.
    """
    fit = (n_bars - 1 - train - validate) // test
    wanted = fit if count is None else count
    if wanted < 1 or wanted > fit:
        raise SettingsError(
            f"walk-forward: {n_bars:,} bars have room for {max(fit, 0)} folds of {train} + {validate} + {test}, "
            f"wanted {max(wanted, 1)}; shorten the ranges"
        )
    folds = []
    for number in range(wanted):
        end = n_bars - 1 - (wanted - 1 - number) * test
        a, b, c = end - test - validate - train, end - test - validate, end - test
        folds.append(Fold(number, (a, b), (b, c), (c, end)))
    return folds


@dataclass(frozen=True)
class Scenario:
    """Costs and delay of a test.

    Parameters
    ----------
    name : str
        One of `SCENARIOS`.
    costs : Costs
    execution : Execution
    """

    name: str
    costs: Costs
    execution: Execution


def scaled(costs: Costs, factor: float) -> Costs:
    """Return costs that are `factor` times as high: all but `cash_rate`, which is an income.

    Raises
    ------
    SettingsError
        If the commission is a function, or a fraction becomes more than 1.
    """
    if callable(costs.commission):
        raise SettingsError("walk-forward: Costs.commission is a function, which cannot be scaled; give a fraction")
    values = {name: getattr(costs, name) for name in (*_SCALED, *_FRACTIONS)}
    return dataclasses.replace(costs, **{name: _times(value, factor) for name, value in values.items()})


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, dict):
        return {key: factor * item for key, item in value.items()}
    return [factor * item for item in value] if isinstance(value, list | tuple) else factor * value


def scenarios_of(costs: Costs, execution: Execution) -> list[Scenario]:
    """Return the four ways a test is played: without costs, with them, with twice as high ones, and a bar later.

    Parameters
    ----------
    costs : Costs
        As configured; those of the training.
    execution : Execution
        As configured.
    """
    late = dataclasses.replace(execution, latency_bars=execution.latency_bars + 1)
    return [
        Scenario("costs 0x", scaled(costs, 0.0), execution),
        Scenario("costs 1x", costs, execution),
        Scenario("costs 2x", scaled(costs, 2.0), execution),
        Scenario("one bar later", costs, late),
    ]


def bars_of(market: Market) -> Bars:
    """Return the bars of a market: of one asset, the one named where there are several.

    Raises
    ------
    SettingsError
        If there are several assets and none is named.
    """
    from backtester.bars import Bars

    if market.data.startswith("sample:"):
        bars = Bars.sample(market.data.removeprefix("sample:"))
    elif market.data.lower().endswith((".parquet", ".pq")):
        bars = Bars.from_parquet(market.data)
    else:
        bars = Bars.from_csv(market.data)
    if market.symbol is not None:
        bars = bars.select(market.symbol)
    if bars.n_assets != 1:
        symbols = ", ".join(bars.symbols[:8])
        raise SettingsError(f"market {market.name!r}: {bars.n_assets} assets; name one as symbol: {symbols}")
    return bars


def rules_of(market: Market) -> tuple[Costs, Account, Execution]:
    """Return the configured costs, account and execution as objects."""
    return Costs(**market.costs), Account(**market.account), Execution(**market.execution)


def cost_level(costs: Costs, symbols: tuple[str, ...]) -> float:
    """Return what one side of a trade costs as a fraction of its value: commission, half spread, slippage."""
    rates = {name: float(per_asset("Costs", name, getattr(costs, name), symbols)[0]) for name in _FRACTIONS}
    return rates["commission"] + rates["spread"] / 2.0 + rates["slippage"]
