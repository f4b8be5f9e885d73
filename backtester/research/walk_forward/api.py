"""The front door: check what `walk_forward` was given, choose in every training window, trade the tests, hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from backtester.engine.settings import Settings, as_bars
from backtester.errors import SettingsError, StrategyError, SweepError, did_you_mean
from backtester.executors import Executor
from backtester.research.sweep.api import BATCH, MEMORY_LIMIT
from backtester.research.sweep.keywords import Keywords
from backtester.research.sweep.objective import Objective, make_objectives
from backtester.research.sweep.store import DEFAULT
from backtester.research.walk_forward.choosing import CHOICES, Search, nothing_found
from backtester.research.walk_forward.fold import Choice, Fold
from backtester.research.walk_forward.result import WalkForwardResult
from backtester.research.walk_forward.stitching import BETWEEN, Part, stitched, traded_alone
from backtester.research.walk_forward.trainer import Trainer
from backtester.research.walk_forward.training import trained_folds
from backtester.research.walk_forward.windows import Walk, Window
from backtester.strategy import Strategy
from backtester.trials.record import record_walk

if TYPE_CHECKING:
    from os import PathLike

    from backtester.bars import Bars
    from backtester.research.sweep import Sweep

#: the keywords that say how a space is searched, with their defaults; a trainer takes none of them
SEARCH: dict[str, Any] = {
    "where": None,
    "method": "grid",
    "n_trials": None,
    "batch": BATCH,
    "memory_limit": MEMORY_LIMIT,
    "store": DEFAULT,
}
#: these and the other keywords that have a default
OWN: dict[str, Any] = {
    "step": None,
    "anchored": False,
    "purge": 0,
    "between": "carry",
    "choose": "best",
    "min_trades": 0,
    "objective": "sharpe",
    "maximize": None,
    **SEARCH,
    "seed": 0,
    "workers": None,
    "executor": "threads",
    "progress": None,
}


def walk_forward(
    strategy: type[Strategy] | Trainer,
    bars: Bars,
    space: Mapping[str, Any] | None = None,
    *,
    train: int,
    test: int,
    step: int | None = None,
    anchored: bool = False,
    purge: int = 0,
    between: Literal["carry", "flat"] = "carry",
    choose: Literal["best", "stable"] = "best",
    min_trades: int = 0,
    objective: str | Callable[[Any], float] = "sharpe",
    maximize: bool | None = None,
    where: Callable[[Any], bool] | None = None,
    method: Literal["grid", "random", "latin", "tpe"] = "grid",
    n_trials: int | None = None,
    batch: int = BATCH,
    seed: int = 0,
    workers: int | None = None,
    executor: str | Executor = "threads",
    memory_limit: int = MEMORY_LIMIT,
    store: str | PathLike[str] | None = DEFAULT,
    progress: bool | None = None,
    **given: Any,
) -> WalkForwardResult:
    """Choose parameters in each training window, and trade the bars that come next with them, on one account.

    The training run sees the bars of its window and no others: its warm-up is inside. The test is prepared on all bars
    from the first of the data to the last of the test, so that it decides from its first bar on. A decision
    at the close of the test's first bar is the first that new parameters make; it fills at the next bar, as always.

    Parameters
    ----------
    strategy : type or Trainer
        A subclass of Strategy; or what learns from bars, such as `strategies.model.ModelTrainer` and
        `strategies.agent.AgentTrainer`, which takes none of the keywords about a space and its search.
    bars : Bars
    space : mapping, optional
        Dimensions as `sweep` takes them, by the name of the parameter, whatever it is called.
    train, test : int
        Bars to choose on, and bars to trade. The last test may be shorter; of less than half there is no score.
    step : int, optional
        Bars from one test to the next, `test` or more; by default `test`. In the bars between nobody trades.
    anchored : bool
        Whether every training window begins at the first bar.
    purge : int
        The last bars of the training window that are left out.
    between : {"carry", "flat"}
        What becomes of positions where the parameters change: the next strategy takes them over; or they are closed in
        the last bar of the test, at whose close the strategy is not asked. Orders are cancelled either way. Under
        "carry" a strategy whose parameters are chosen again goes on as if there were no border.
    choose : {"best", "stable"}
        The set with the best score, or the one that scores best together with its neighbours (`Sweep.stability`).
    min_trades : int
        Closed trades in the training window that a set needs to be chosen.
    objective, maximize : as in `sweep`
        One objective, of which both windows are judged.
    where, method, n_trials, batch, memory_limit, store : as in `sweep`
        The same search in every window. A walk that was killed goes on where it stopped, by its store.
    seed : int
        Of the search, of `ctx.random()`, and of trainers.
    workers, executor : as in `sweep`
        The outcome does not depend on them.
    progress : bool, optional
        A progress bar for every sweep; by default on a terminal.
    **given
        Dimensions again, and settings of `run`: `cash`, `costs`, `account`, `execution`, `benchmark`, `risk_free`,
        `periods_per_year`, `close_at_end`, `mode`. They hold in both windows.

    Returns
    -------
    WalkForwardResult
        After Ctrl-C, of the folds that were finished, with `interrupted` true; the same call goes on from there.

    Raises
    ------
    SettingsError, ParameterError, StrategyError
        Before the first run; windows that the data are too short for among them.
    SweepError
        In no window anything has a score. Where that is so in some, nobody trades their tests, and the result says so.
    Exception
        What the chosen strategy raises in a test, with its bar and fold.

    Notes
    -----
    R. Pardo, "The Evaluation and Optimization of Trading Strategies", 2nd edition, Wiley, 2008, chapter 11.
    """
    said = locals()
    panel = as_bars(bars)
    walk = Walk(train, test, step, anchored, purge)
    _check(between, choose, min_trades, objective)
    windows = walk.windows(panel)
    goal = make_objectives(objective, maximize)[0]
    if not isinstance(strategy, Trainer) or isinstance(strategy, type):
        kind, own = _class(strategy), {name: said[name] for name in (*OWN, "train", "test")}
        keywords = Keywords("walk_forward", "space", {**OWN, "train": train, "test": test})
        dimensions, of_run = keywords.told_apart(kind, space or {}, given, own)
        names = (*SEARCH, "objective", "maximize", "seed", "workers", "executor", "progress")
        asked = {name: said[name] for name in names}
        search = Search(kind, choose, min_trades, {**asked, **of_run}, dimensions)
        choices, parts, settings, not_keyed = _searched(search, panel, windows)
        words = f"{method}, {choose}"
    else:
        _check_trainer(strategy, {name: said[name] for name in ("space", "choose", "min_trades", *SEARCH)})
        settings = _settings(given, seed)
        choices, parts = trained_folds(strategy, panel, settings, windows, goal, seed, executor, workers)
        not_keyed, words = "", "trained"
    settings = replace(settings, benchmark=given.get("benchmark"))
    folds = [_traded(walk, *one, panel, settings, goal) for one in zip(windows, choices, parts, strict=False)]
    found = stitched(parts, panel, settings, between)
    told = found._facts["about"]["walk_forward"]
    record_walk(strategy if isinstance(strategy, type) else type(strategy), {"walk": vars(walk), **told}, found)
    return WalkForwardResult(
        strategy=getattr(strategy, "__name__", type(strategy).__name__),
        walk=walk,
        records=tuple(folds),
        result=found,
        objective=goal.name,
        maximize=goal.maximize,
        between=between,
        how=words,
        interrupted=len(parts) < len(windows) or bool(found.manifest["interrupted"]),
        not_keyed=not_keyed,
    )


def _searched(search: Search, bars: Bars, windows: list[Window]) -> tuple[list[Choice], list[Part], Settings, str]:
    """Return what is chosen in each window, what trades its test, the settings of both, and what has no words."""
    choices: list[Choice] = []
    found: Sweep | None = None
    for window in windows:
        try:
            found = search.sweep(bars, window)
            choice = Choice(None) if found.interrupted else search.choice(found)
        except SweepError as error:
            choice = nothing_found(error)
            found = error.sweep
        assert found is not None
        if found.interrupted:
            break
        choices.append(choice)
    if found is None or not choices:
        raise KeyboardInterrupt("walk_forward: interrupted in the first fold; the same call goes on from there")
    if all(one.parameters is None for one in choices):
        raise SweepError(f"walk_forward: nothing can be traded in any fold: {choices[0].why_not}", sweep=found)
    search = replace(search, fixed=found._trials.space.fixed)
    parts = [_part(search, *one) for one in zip(windows, choices, strict=False)]
    return choices, parts, found._trials.settings, found.not_keyed


def _part(search: Search, window: Window, choice: Choice) -> Part:
    if choice.parameters is None:
        return Part(window, None, {}, why_not=choice.why_not)
    return Part(window, lambda: search.strategy(choice), {**search.fixed, **choice.parameters})


def _traded(
    walk: Walk, window: Window, choice: Choice, part: Part, bars: Bars, settings: Settings, goal: Objective
) -> Fold:
    """Return the fold, with its test traded by itself; less than half a test is too little for a score."""
    ends = (window.train.start, window.train.stop - 1, window.test.start, window.test.stop - 1)
    times = tuple(bars.index[row] for row in ends)
    if part.make is None or 2 * (window.test.stop - window.test.start) < walk.test:
        return Fold(window, times, choice)
    alone = traded_alone(part, bars, settings)
    metrics = alone.summary()
    return Fold(window, times, choice, goal.score(metrics, lambda: alone), metrics)


def _class(strategy: Any) -> type[Strategy]:
    """Return the strategy class, or say what could be walked."""
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        return strategy
    if isinstance(strategy, Strategy):
        name = type(strategy).__name__
        raise StrategyError(
            f"walk_forward: pass the class {name} rather than an instance, and its parameters in space= or as keywords"
        )
    raise StrategyError(
        f"walk_forward: the first argument must be a subclass of Strategy or a trainer, which has train_fold(bars, "
        f"settings, seed), found {strategy!r}; strategies.model.ModelTrainer walks a model, "
        "strategies.agent.AgentTrainer an agent"
    )


def _check(between: Any, choose: Any, min_trades: Any, objective: Any) -> None:
    for name, value, known in (("between", between, BETWEEN), ("choose", choose, CHOICES)):
        if value not in known:
            raise SettingsError(
                f"walk_forward: {name} is {value!r}{did_you_mean(str(value), known)}; it is one of {', '.join(known)}"
            )
    if isinstance(min_trades, bool) or not isinstance(min_trades, int) or min_trades < 0:
        raise SettingsError(f"walk_forward: min_trades is {min_trades!r}; it is a number of closed trades, 0 or more")
    if isinstance(objective, list | tuple):
        raise SettingsError(
            f"walk_forward: objective is {objective!r}; one set of parameters has to be chosen, so it is one metric or "
            "one function, which may weigh several"
        )


def _check_trainer(trainer: Any, said: Mapping[str, Any]) -> None:
    defaults = {"space": None, "choose": "best", "min_trades": 0, **SEARCH}
    for name, value in said.items():
        if value is not defaults[name] and value != defaults[name]:
            raise SettingsError(
                f"walk_forward: {name}={value!r} is about a space of parameters, and {type(trainer).__name__} searches "
                "none; leave it out"
            )


def _settings(given: Mapping[str, Any], seed: int) -> Settings:
    known = [name for name in Settings.__dataclass_fields__ if name not in ("seed", "progress")]
    for name in given:
        if name not in known:
            raise SettingsError(
                f"walk_forward: {name!r} is no setting of run{did_you_mean(name, known)} ({', '.join(known)}); what a "
                "trainer is to know is said to the trainer"
            )
    return Settings(**given, seed=seed, progress=False)
