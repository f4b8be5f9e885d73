"""The front door: check what `stress` was given, plan the scenarios, run them all, and hand over what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import ResultError, SettingsError, did_you_mean
from backtester.executors import Executor, as_executor
from backtester.research.stress.changes import CostsTimes, Nothing
from backtester.research.stress.drive import Driver
from backtester.research.stress.edge import edge_of
from backtester.research.stress.lab import Lab, Outcome, Scenario
from backtester.research.stress.markets import Market
from backtester.research.stress.origin import origin_of
from backtester.research.stress.plan import BASE, KINDS, Plan
from backtester.research.stress.result import Stress
from backtester.research.stress.search import BreakEven, break_even
from backtester.research.threads import for_runs_of
from backtester.trials import STRESS, marked
from backtester.trials.record import record_reruns

if TYPE_CHECKING:
    from backtester.research.stress.edge import Edge
    from backtester.result import Result
    from backtester.strategy import Strategy

#: what a run has to give again to be the run that was stressed
_REPEATED = ("final_equity", "total_return", "n_fills", "total_costs")


def stress(
    result: Result,
    *,
    costs: Sequence[float] | None = (0, 1, 2, 3, 5),
    delays: Sequence[int] | None = (0, 1, 2, 3, 5),
    missing: Sequence[float] | None = (0.01, 0.05),
    draws: int = 5,
    jitter: float | None = 0.1,
    starts: Sequence[int] | None = None,
    ends: Sequence[int] | None = None,
    bootstraps: int = 100,
    simulations: int = 100,
    seed: int = 0,
    metric: str = "sharpe",
    scenarios: Sequence[str] | None = None,
    workers: int | None = None,
    executor: str | Executor = "threads",
    progress: bool | None = None,
    strategy: Strategy | type[Strategy] | None = None,
) -> Stress:
    """Run a backtest again under worse conditions, and find where its edge dies.

    Each scenario is a full run of the same strategy by the same kernel, with one thing changed. None of them is a
    search for an edge: they are marked as stress in the trial ledger, and not counted.

    Parameters
    ----------
    result : Result
        What `run` returned, or `Sweep.run_best()`; or one that was loaded, with `strategy`.
    costs : sequence of float, optional
        "costs": multiples of all costs: commission (a function too), spread, slippage, impact, `borrow_rate` and
        `debit_rate`. What idle cash earns stays. The multiple at which the edge is lost is found by bisection.
    delays : sequence of int, optional
        "delay": bars by which every order, cancel and change is later than in the run.
    missing : sequence of float, optional
        Fractions, above 0 and below 1: "missing_bars" takes away bars of single assets, "missing_rows" rows of the
        clock.
    draws : int
        How often each fraction is drawn.
    jitter : float, optional
        "jitter": every numeric parameter less and more by this fraction and by twice of it, one at a time and all
        together. Whole numbers stay whole, and move by 1 at least. A set that the strategy refuses is a row with its
        error. None: no such scenarios.
    starts, ends : sequence of int, optional
        "start", "end": bars cut off. By default 1, 5, 21, 63 and 252, as far as they are below half of the data.
    bootstraps : int
        "bootstrap": markets made of blocks of this one's rows in random order, see
        `backtester.research.stress.markets.Bootstrapped`.
    simulations : int
        "luck": markets with the moves of this one, row by row, in directions that are tosses of a coin: a martingale
        with its volatility and correlations. Whatever is earned there is luck. What the market's own drift earned for
        whoever held it counts as more than luck: `overfitting.timing_test` asks for the timing alone.
    seed : int
        Of all that is random, 0 or more. Same seed, same bytes, for any number of workers and every executor.
    metric : str
        Where the edge is looked for: it is gone at 0 (a Sharpe ratio, a return), 1 (`omega`, `profit_factor`) or 0.5
        (`probabilistic_sharpe`), and where the metric is NaN.
    scenarios : sequence of str, optional
        Kinds to run, of those in quotation marks here and "same_bar", the five rules for bars that reach both legs of a
        pair; by default all.
    workers : int, optional
        By default one per core.
    executor : {"threads", "processes", "ray"} or Executor
        See `backtester.executors`.
    progress : bool, optional
        A progress bar; by default on a terminal, for more than a second.
    strategy : Strategy or type, optional
        Of a result that was loaded, or whose strategy holds what cannot be copied.

    Returns
    -------
    Stress
        After Ctrl-C, of the scenarios that are finished, with `interrupted` true.

    Raises
    ------
    SettingsError, StrategyError, ResultError
        A setting is out of range; the strategy is not known; or the run does not come to the same again. A scenario
        that raises is a row with its error, and the rest goes on.
    """
    edge = edge_of(metric)
    kinds = _kinds(scenarios)
    made, settings = origin_of(result, strategy)
    bars = result.bars
    if bars.n_bars < 2:
        raise SettingsError(f"stress: the run has {bars.n_bars} bar; not enough data, this needs 2 at least")
    plan = Plan(
        made,
        Market(bars),
        settings,
        edge.metric,
        _numbers("costs", costs, 0.0, math.inf),
        _counts("delays", delays, 0) or (),
        _numbers("missing", missing, 0.0, 1.0, closed=False),
        _count("draws", draws, 1),
        None if jitter is None else _numbers("jitter", (jitter,), 0.0, 0.5, closed=False)[0],
        _counts("starts", starts, 1),
        _counts("ends", ends, 1),
        _count("bootstraps", bootstraps, 0),
        _count("simulations", simulations, 0),
        _count("seed", seed, 0),
        kinds,
    )
    chosen = for_runs_of(type(made), as_executor(executor, workers))
    lab = Lab(made, plan.market, settings)
    with marked(STRESS):
        base = _base(lab, result)
        driver = Driver(lab, chosen, progress)
        outcomes = [base, *driver.run(list(plan.scenarios())[1:])]
        even = _break_even(lab, driver, outcomes, edge)
        record_reruns(type(made), result._facts["parameters"], result.bars, "stress", len(outcomes))
    return Stress(result, outcomes, edge, even, driver.interrupted, plan)


def _base(lab: Lab, result: Result) -> Outcome:
    """Run once more what was run, and see that it comes to the same."""
    found, before = lab.metrics(Nothing()), result.summary()
    for name in _REPEATED:
        one, other = found[name], before[name]
        if one != other and not (math.isnan(one) and math.isnan(other)) and not result._facts["interrupted"]:
            raise ResultError(
                f"stress: {lab.strategy!r} over the bars of the result comes to {name} {one!r}, and the result has "
                f"{other!r}, so that it is another run; hand over the strategy as it was then, with a prepare that "
                "gives the same each time (an older version of a file, a random number without a seed?)"
            )
    return Outcome(Scenario(BASE, "as it ran", 0.0, Nothing()), found)


def _break_even(lab: Lab, driver: Driver, outcomes: Sequence[Outcome], edge: Edge) -> BreakEven | None:
    """Return at which multiple of its costs the run breaks even; None where costs are not stressed."""
    rows = [one for one in outcomes if one.scenario.kind == "costs" and one.metrics]
    if not rows or driver.interrupted:
        return None
    tried = [(one.scenario.level, edge.holds(one.metrics[edge.metric])) for one in rows]

    def holds(factor: float) -> bool | None:
        found = driver.one(CostsTimes(factor))
        return None if found is None else edge.holds(found[edge.metric])

    return break_even(tried, holds)


def _kinds(given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return KINDS
    listed = (given,) if isinstance(given, str) else tuple(given)
    for one in listed:
        if one not in KINDS:
            raise SettingsError(
                f"stress: there is no scenario {one!r}{did_you_mean(str(one), KINDS)}; scenarios: {', '.join(KINDS)}"
            )
    if not listed:
        raise SettingsError(f"stress: scenarios is empty; name one at least of {', '.join(KINDS)}, or leave it out")
    return listed


def _listed(name: str, given: Any) -> list[Any]:
    if isinstance(given, str | bytes) or not hasattr(given, "__iter__"):
        raise SettingsError(f"stress: {name} is {given!r}; it is a list of numbers, e.g. {name}=(1, 2)")
    found = [one.item() if isinstance(one, np.generic) else one for one in given]
    if len(set(map(str, found))) < len(found):
        raise SettingsError(f"stress: {name} is {given!r}, with a value twice; nothing is run twice, so take one out")
    return found


def _numbers(name: str, given: Any, low: float, high: float, *, closed: bool = True) -> tuple[float, ...]:
    """Return numbers within [low, high), without `low` itself where not `closed`."""
    found = [] if given is None else _listed(name, given)
    for one in found:
        number = isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
        if not number or not (low <= one if closed else low < one) or not one < high:
            span = f"{low:g} or more" if closed else f"above {low:g}"
            below = "" if high == math.inf else f" and below {high:g}"
            raise SettingsError(f"stress: {name} has {one!r}; it must be a number {span}{below}")
    return tuple(sorted(map(float, found)))


def _counts(name: str, given: Any, least: int) -> tuple[int, ...] | None:
    """Return whole numbers in order; None stays."""
    return None if given is None else tuple(sorted(_count(name, one, least) for one in _listed(name, given)))


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise SettingsError(f"stress: {name} is {value!r}; it must be a whole number, {least} or more")
    return int(value)
