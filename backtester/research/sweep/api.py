"""The front door: check what `sweep` was given, make its parts, drive it, and hand over what was found."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.engine.settings import Settings, as_bars
from backtester.errors import SettingsError, StrategyError, SweepError, did_you_mean
from backtester.executors import Executor, as_executor
from backtester.research.sweep.digest import digest_of
from backtester.research.sweep.drive import Driver
from backtester.research.sweep.keywords import Keywords
from backtester.research.sweep.objective import Objective, make_objectives, metric_names
from backtester.research.sweep.points import MOST_MIXED, Points
from backtester.research.sweep.progress import SweepProgress
from backtester.research.sweep.result import ALL, Sweep
from backtester.research.sweep.space import Range, Space, make_space
from backtester.research.sweep.store import DEFAULT, Store
from backtester.research.sweep.tpe import Parzen
from backtester.research.sweep.trials import Trials
from backtester.research.threads import for_runs_of
from backtester.strategy import Strategy

if TYPE_CHECKING:
    from os import PathLike

    from backtester.bars import Bars

METHODS = ("grid", "random", "latin", "tpe")
MEMORY_LIMIT = 128 << 20  # bytes
BATCH = 16  # trials that `tpe` proposes at once
#: the keywords that are `sweep`'s own, with their defaults
OWN: dict[str, Any] = {
    "where": None,
    "method": "grid",
    "n_trials": None,
    "seed": 0,
    "objective": "sharpe",
    "maximize": None,
    "workers": None,
    "executor": "threads",
    "memory_limit": MEMORY_LIMIT,
    "store": DEFAULT,
    "batch": BATCH,
    "progress": None,
}


def sweep(
    strategy: type[Strategy],
    bars: Bars,
    *,
    where: Callable[[Any], bool] | None = None,
    method: Literal["grid", "random", "latin", "tpe"] = "grid",
    n_trials: int | None = None,
    seed: int = 0,
    objective: str | Callable[[Any], float] | Sequence[str | Callable[[Any], float]] = "sharpe",
    maximize: bool | Sequence[bool] | None = None,
    workers: int | None = None,
    executor: str | Executor = "threads",
    memory_limit: int = MEMORY_LIMIT,
    store: str | PathLike[str] | None = DEFAULT,
    batch: int = BATCH,
    progress: bool | None = None,
    parameters: Mapping[str, Any] | None = None,
    **given: Any,
) -> Sweep:
    """Run a strategy with many sets of parameters, and return what each came to.

    Parameters
    ----------
    strategy : type
        A subclass of Strategy.
    bars : Bars
    where : callable, optional
        Says which sets are tried: `where=lambda p: p.fast < p.slow`. It sees every parameter of the strategy.
    method : {"grid", "random", "latin", "tpe"}
        All combinations; at random; a Latin hypercube (McKay, Beckman and Conover, Technometrics 21, 1979); or
        Optuna's tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011; extra `research`).
    n_trials : int, optional
        How many sets, for all methods but "grid"; all there are, where these are fewer. No set is run twice.
    seed : int
        Of the search, and of `ctx.random()` in every run.
    objective : str, callable or list of them
        The name of a metric; or a function of the dict of metrics; or, where its parameter is called `result`, of the
        whole `Result`, which takes many times as long. NaN is no score, nor is a metric of an account that went
        bankrupt. A list makes several objectives. Its name is that of the function, "objective" for a lambda, and
        NAME_objective where a metric or a parameter that varies is called so.
    maximize : bool or list of bool, optional
        By default as the metric wants it: a drawdown, a volatility, a value at risk and costs are minimised, all else
        is maximised.
    workers : int, optional
        By default one per core. The outcome does not depend on it.
    executor : {"threads", "processes", "ray"} or Executor
        See `backtester.executors`.
    memory_limit : int
        Bytes for indicators that runs share, in each process. What else a sweep holds does not grow with the space.
    store : path-like, optional
        The SQLite file that outcomes go to. A sweep of the same strategy, bars, settings, space, method and seed goes
        on where it stopped. None: a temporary one.
    batch : int
        How many trials "tpe" proposes before it looks at their scores.
    progress : bool, optional
        A progress bar; by default on a terminal, for sweeps that take longer than a second.
    parameters : mapping, optional
        Dimensions again, for parameters of the strategy that are called like a setting.
    **given
        Dimensions: a list, range or array of values; `(low, high)` or `(low, high, "log")`, not in a grid; or one
        value. And settings of `run`: `cash`, `costs`, `account`, `execution`, `benchmark`, `risk_free`,
        `periods_per_year`, `close_at_end`, `mode`.

    Returns
    -------
    Sweep
        After Ctrl-C, what is finished, with `interrupted` true; the same call goes on from there.

    Raises
    ------
    ParameterError, SettingsError, StrategyError, ResultError
        Before the first run.
    SweepError
        Nothing to try, or nothing that was tried has a score. A run that raises is recorded with its parameters and
        its error, and the rest goes on.
    """
    said = locals()
    own = {name: said[name] for name in OWN}
    kind = _class(strategy)
    panel = as_bars(bars)
    dimensions, settings = Keywords("sweep", "parameters", OWN).told_apart(kind, parameters or {}, given, own)
    _check(own)
    space = make_space(kind, dimensions, method)
    chosen = for_runs_of(kind, as_executor(executor, workers))
    trials = Trials(
        kind,
        panel,
        Settings(**settings, seed=seed, progress=False),
        space,
        make_objectives(objective, maximize, space.names),
        memory_limit,
    )
    points = Points(space, method, n_trials, seed, where)
    total, exact = _count(points)
    trials.sketch_trials(total)
    key, unknown = _key(trials, points, batch)
    kept = Store(store)
    name = kind.__qualname__.rpartition("<locals>.")[2]
    number = kept.sweep(key, name, _about(space, trials.objectives, points))
    before = kept.count(number, 2**62)[0]
    driver = Driver(trials, chosen, kept, number, SweepProgress(total, exact, min(before, total), progress))
    driver.run(Parzen(space, trials.objectives, n_trials or 0, seed, where, batch) if method == "tpe" else points)
    last = ALL if method in ("grid", "latin") else driver.last
    asked = None if method == "latin" and where is not None else n_trials  # `where` takes from a hypercube
    found = Sweep(trials, kept, number, last, method, driver.interrupted, unknown, asked)
    _check_found(found, space)
    return found


def _class(strategy: Any) -> type[Strategy]:
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        return strategy
    if isinstance(strategy, Strategy):
        raise StrategyError(
            f"sweep: pass the class {type(strategy).__name__} rather than an instance, and its parameters as keywords, "
            f"e.g. sweep({type(strategy).__name__}, bars, …)"
        )
    raise StrategyError(
        f"sweep: the first argument must be a subclass of Strategy, found {type(strategy).__name__} ({strategy!r})"
    )


def _check(own: Mapping[str, Any]) -> None:
    method, n_trials, where = own["method"], own["n_trials"], own["where"]
    if method not in METHODS:
        raise SettingsError(
            f"sweep: method is {method!r}{did_you_mean(str(method), METHODS)}; it is one of {', '.join(METHODS)}"
        )
    if method == "grid" and n_trials is not None:
        raise SettingsError(
            f"sweep: n_trials={n_trials!r} is for a part of the space, and a grid is all of it; see method="
        )
    if method != "grid" and not _is_count(n_trials):
        raise SettingsError(
            f"sweep: method={method!r} needs n_trials, the number of sets to try, 1 or more; found {n_trials!r}"
        )
    if where is not None and not callable(where):
        raise SettingsError(f"sweep: where is {where!r}; it is a function, e.g. where=lambda p: p.fast < p.slow")
    if isinstance(own["seed"], bool) or not isinstance(own["seed"], int | np.integer):
        raise SettingsError(f"sweep: seed must be a whole number, found {own['seed']!r}")
    limit = own["memory_limit"]
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 0:
        raise SettingsError(f"sweep: memory_limit is {limit!r}; it is a number of bytes, e.g. 512 << 20")
    if not _is_count(own["batch"]):
        raise SettingsError(f"sweep: batch is {own['batch']!r}; it is a number of trials, 1 or more")
    store = own["store"]
    if store is not None and not isinstance(store, str | os.PathLike):
        raise SettingsError(f"sweep: store is {store!r}; it is the path of a file, or None to keep nothing")
    if own["progress"] is not None and not isinstance(own["progress"], bool):
        raise SettingsError(f"sweep: progress must be True, False or None, found {own['progress']!r}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 1


def _count(points: Points) -> tuple[int, bool]:
    """Return how many trials there will be, and whether that is exact; refuse a space in which there is none."""
    if points.method == "tpe":
        n, size = points.n or 0, points.space.size
        return (n, True) if size is None else (min(n, size), points.where is None)
    total, exact = points.count()
    if total == 0:
        raise SweepError(
            f"sweep: where= allows none of the {points.n or points.space.size or 0:,} points of the space "
            f"({points.space.described()})"
        )
    return total, exact


def _key(trials: Trials, points: Points, batch: int) -> tuple[str, str]:
    """Return the key of a sweep, and what of it has no words.

    Of a random search and of "tpe" the number of trials is no part: more of them go on from fewer.
    """
    settings = {one.name: getattr(trials.settings, one.name) for one in dataclasses.fields(trials.settings)}
    counted = points.n if points.method == "latin" else None
    rounds = batch if points.method == "tpe" else None
    space = [(type(one).__name__, vars(one)) for one in points.space.dimensions]
    return digest_of(
        *(trials.kind, trials.bars, settings, space, points.space.fixed, trials.objectives),
        *(points.method, points.seed, points.where, counted, rounds),
        *(("each once",) if _each_once(points) else ()),
    )


def _each_once(points: Points) -> bool:
    """Whether no point of a space that can be counted is drawn twice; a store with repeats holds another sweep."""
    size = points.space.size
    ranges = any(isinstance(one, Range) for one in points.space.dimensions)
    return size is not None and points.method != "grid" and (points.method != "random" or ranges or size > MOST_MIXED)


def _about(space: Space, objectives: Sequence[Objective], points: Points) -> dict[str, Any]:
    """Return what a reader of the store needs to know of a sweep."""
    return {
        "dimensions": [one.described() for one in space.dimensions],
        "fixed": {name: repr(value) for name, value in space.fixed.items()},
        "objectives": [one.name for one in objectives],
        "maximize": [one.maximize for one in objectives],
        "method": points.method,
        "seed": int(points.seed),
        "metrics": list(metric_names()),
    }


def _check_found(found: Sweep, space: Space) -> None:
    """Raise where there is nothing to choose from."""
    tried, failed, unscored = found.counts
    if found.interrupted or tried > unscored:
        return
    if tried == 0:
        raise SweepError(f"sweep: where= allows no point of the space ({space.described()})")
    name = found.objectives[0]
    if failed == tried:
        first = found.first_failure
        assert first is not None
        raise SweepError(
            f"sweep: all {tried:,} runs raised; the first, with {first.parameters}: {first.error}", sweep=found
        )
    raise SweepError(
        f"sweep: {name} is NaN, or the account bankrupt, in all {tried - failed:,} runs that finished ({failed:,} "
        "raised), so that none is best; is there a trade at all? The runs are in the error's `sweep.table`",
        sweep=found,
    )
