"""From a result back to what was run: the strategy, before `prepare` changed it, and the settings.

A result of this process remembers both. One from disk knows the settings as plain values, and the strategy by name
alone: the user hands it over.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from backtester.comparison import BUY_AND_HOLD
from backtester.costs import Costs, Execution
from backtester.engine.settings import Settings
from backtester.errors import ParameterError, SettingsError, StrategyError
from backtester.exchange import account_of
from backtester.result import Result
from backtester.strategy import Strategy

if TYPE_CHECKING:
    from backtester.bars import Bars


def origin_of(result: Any, strategy: Any) -> tuple[Strategy, Settings]:
    """Return the strategy and the settings of a result, ready to run once more.

    Parameters
    ----------
    result : Result
    strategy : Strategy, type or None
        For a result from disk, or whose strategy cannot be copied. A class is made with the parameters of the run.

    Raises
    ------
    SettingsError, StrategyError
        It is no result, or the strategy or a setting is not known any more.
    """
    _check_result(result)
    facts = result._facts
    known = result._origin
    settings = known.settings if known is not None else _settings_of(facts, result)
    made = known.strategy if strategy is None and known is not None else _strategy_of(strategy, facts)
    if made is None:
        why = "holds something that cannot be copied" if known is not None else "is known by its name alone"
        raise StrategyError(
            f"stress: the strategy {facts['strategy']} of this result {why}, and every scenario runs it anew; hand it "
            f"over: stress(result, strategy={facts['strategy']}) with the class, or an instance that has not run"
        )
    mode = "interpreted" if facts["mode"] == "interpreted" else settings.mode
    return made, dataclasses.replace(settings, mode=mode, progress=False)


def _check_result(result: Any) -> None:
    if isinstance(result, Result):
        if "walk_forward" in result._facts.get("about", {}):
            raise SettingsError(
                "stress: this result was stitched by walk_forward, of several sets of parameters, and a scenario runs "
                "one; stress a run of one of them: stress(run(strategy, bars))"
            )
        return
    if hasattr(result, "run_best"):
        raise SettingsError(
            f"stress: the first argument is a {type(result).__name__}, which is many runs; stress one of them, e.g. "
            "stress(found.run_best())"
        )
    raise SettingsError(
        f"stress: the first argument must be what run returned, found {type(result).__name__} ({result!r:.80})"
    )


def _strategy_of(strategy: Any, facts: dict[str, Any]) -> Strategy | None:
    """Return an instance with the parameters of the run, for what the user handed over."""
    if strategy is None or isinstance(strategy, Strategy):
        return strategy
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        raise StrategyError(f"stress: strategy= must be a Strategy or its class, found {strategy!r}")
    try:
        return strategy(**facts["parameters"])
    except ParameterError as error:
        raise StrategyError(
            f"stress: {strategy.__name__} does not take the parameters of the run ({error}); hand over an instance: "
            f"stress(result, strategy={strategy.__name__}(…))"
        ) from error


def _settings_of(facts: dict[str, Any], result: Result) -> Settings:
    """Return the settings of a result from disk."""
    plain = facts["settings"]
    costs = {name: _number(value) for name, value in plain["costs"].items()}
    if isinstance(costs.get("commission"), str):
        raise SettingsError(
            f"stress: the commission of this result was the function {costs['commission']}, of which a stored result "
            "has the name alone; run again, and stress what run returns"
        )
    return Settings(
        cash=plain["cash"],
        costs=Costs(**costs),
        account=account_of(plain),
        execution=Execution(**{name: _number(value) for name, value in plain["execution"].items()}),
        benchmark=_benchmark(plain["benchmark"], result),
        risk_free=plain["risk_free"],
        periods_per_year=plain["periods_per_year"],
        close_at_end=plain["close_at_end"],
        seed=facts["seed"],
    )


def _benchmark(plain: Any, result: Result) -> Any:
    """Return a benchmark by name, or else the curve it had: that has its returns."""
    bars: Bars = result.bars
    return plain if isinstance(plain, str) and plain in (BUY_AND_HOLD, *bars.symbols) else result.benchmark


def _number(value: Any) -> Any:
    if value == "inf":
        return math.inf
    if isinstance(value, list):
        return [_number(one) for one in value]
    return {name: _number(one) for name, one in value.items()} if isinstance(value, dict) else value
