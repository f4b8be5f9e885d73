"""One run of a benchmark: one algorithm with one seed on one task, or on one fold of one market; and what it is.

`units_of` lists the runs of a config, `execute` does one, in whatever process. A run knows nothing of the others, so
that they can be done in any order, and be stopped and resumed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.benchmark.baselines import baseline_path, path_policy
from envs.benchmark.config import Algorithm, Config, Market, Task
from envs.benchmark.curves import read_curve
from envs.benchmark.draws import seed_of
from envs.benchmark.evaluation import Policy, Track, evaluate, play
from envs.benchmark.openings import note_opening
from envs.benchmark.oracle import hindsight
from envs.benchmark.walk import Fold, bars_of, folds_of, rules_of, scenarios_of

TRADING = "backtester/Trading-v0"
TRAINER = "envs.agents:train"


@dataclass(frozen=True)
class Unit:
    """One run.

    Parameters
    ----------
    kind : {"task", "market"}
    name : str
        Id of the task, or name of the market.
    algorithm : str
    seed : int
    fold : int
        Of a market, from 0; -1 for a task.
    digest : str
        Of everything that the run depends on in the config: a stored run of another digest is another run.
    """

    kind: str
    name: str
    algorithm: str
    seed: int
    fold: int
    digest: str

    @property
    def key(self) -> str:
        """What the run is called in the log of runs."""
        place = f", fold {self.fold}" if self.fold >= 0 else ""
        return f"{self.name}{place}: {self.algorithm}, seed {self.seed}"


def units_of(config: Config) -> list[Unit]:
    """Return the runs of a config, seed by seed, so that a benchmark that is stopped has as many seeds of everything.

    Raises
    ------
    SettingsError, DataError
        If a market's bars cannot be read, or its folds do not fit.
    """
    folds = {market.name: len(folds_of_market(market)) for market in config.markets}
    found = []
    for seed in config.seeds:
        for task in config.tasks:
            for algorithm in task.algorithms:
                found.append(Unit("task", task.id, algorithm.name, seed, -1, _digest(task, algorithm)))
        for market in config.markets:
            for fold in range(folds[market.name]):
                for algorithm in market.algorithms:
                    digest = _digest(market, algorithm)
                    found.append(Unit("market", market.name, algorithm.name, seed, fold, digest))
    return found


def folds_of_market(market: Market) -> list[Fold]:
    """Return the folds of a market's bars."""
    return folds_of(bars_of(market).n_bars, market.train, market.validate, market.test, market.folds)


def _digest(part: Task | Market, algorithm: Algorithm) -> str:
    """Return a hash of a task or market with one of its algorithms; what is only judged afterwards is left out."""
    fields = dataclasses.asdict(dataclasses.replace(part, algorithms=(dataclasses.replace(algorithm, reach=None),)))
    for name in ("baselines", "optimum_error", "leak_alarm"):
        fields.pop(name, None)
    if not algorithm.validation_episodes:
        del fields["algorithms"][0]["validation_episodes"]  # runs from before there was such a thing are still good
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Place:
    """Where a run may write, and who trains.

    Parameters
    ----------
    openings : str
        The log of openings.
    agents : str or None
        A folder to keep the trained agents in.
    trainer : str
        `module:function` with the signature of `envs.agents.train`.
    """

    openings: str
    agents: str | None = None
    trainer: str = TRAINER


def execute(config: Config, unit: Unit, place: Place) -> dict[str, Any]:
    """Do one run and return its record, ready for JSON.

    Parameters
    ----------
    config : Config
    unit : Unit
        Of `units_of(config)`.
    place : Place

    Returns
    -------
    dict
        With `failed`, the message, where the training itself ended in an error of ours (a NaN, an environment that
        does not fit); everything else that is raised is a defect and passes through.
    """
    from backtester.errors import BacktesterError

    began = time.perf_counter()
    record: dict[str, Any] = dataclasses.asdict(unit)
    try:
        if unit.kind == "task":
            record |= _task_run(config, unit, place)
        else:
            record |= _market_run(config, unit, place)
    except BacktesterError as error:
        record["failed"] = f"{type(error).__name__}: {error}"
    record["seconds"] = round(time.perf_counter() - began, 3)
    return record


def find_trainer(name: str) -> Callable[..., Any]:
    """Return the function `module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _trained(algorithm: Algorithm, env: Any, unit: Unit, place: Place, **more: Any) -> tuple[Any, dict[str, Any]]:
    """Return a trained agent, and what is worth telling about the training."""
    train = find_trainer(place.trainer)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="backtester-bench-") as folder:
        agent = train(
            algorithm.name,
            env,
            total_timesteps=algorithm.total_timesteps,
            seed=unit.seed,
            hyperparameters=dict(algorithm.hyperparameters) or None,
            log_dir=folder,
            progress=False,
            **more,
        )
        curve = read_curve(Path(folder))
    told = {"train_seconds": round(time.perf_counter() - began, 3), "curve": curve, "agent": None}
    if place.agents is not None:
        safe = "".join(sign if sign.isalnum() else "-" for sign in unit.key)
        home = Path(place.agents) / f"{safe}-{unit.digest[:8]}"
        home.parent.mkdir(parents=True, exist_ok=True)
        agent.save(home)
        told["agent"] = home.name
    return agent, told


def policy_of(agent: Any) -> Policy:
    """Return the deterministic policy of an agent."""
    return lambda observation: agent.predict(observation, deterministic=True)


# ---- tasks


def _task_run(config: Config, unit: Unit, place: Place) -> dict[str, Any]:
    import envs

    task = next(item for item in config.tasks if item.id == unit.name)
    algorithm = next(item for item in task.algorithms if item.name == unit.algorithm)
    settings = dict(task.settings)
    more: dict[str, Any] = {}
    if algorithm.validation_episodes:
        more = {"validation": (task.id, settings), "validation_episodes": algorithm.validation_episodes}
    agent, told = _trained(algorithm, (task.id, settings), unit, place, **more)
    core = envs.make(task.id, task.copies, **settings)
    seed = seed_of("evaluation", task.id, unit.seed)
    found = evaluate(core, policy_of(agent), episodes=task.episodes, seed=seed)
    best = evaluate(core, core.optimal_policy(), episodes=task.episodes, seed=seed)
    base, optimum = base_value(core), float(core.optimal_value())
    return {
        **told,
        "checkpoint": "validation best" if more else "last",
        "value": found.value,
        "error": found.error,
        "optimum": optimum,
        "optimum_sampled": best.value,
        "base": base,
        "unit": "episode" if getattr(core, "per_episode", False) else "step",
        "score": None if optimum == base else (found.value - base) / (optimum - base),
        "steps": found.steps,
        "episodes": found.episodes,
        "actions": found.actions.tolist(),
        "labels": list(found.labels),
    }


def base_value(core: Any) -> float:
    """Return what doing the obvious earns: 0, being flat, where the task names nothing else."""
    told = getattr(core, "baseline_value", None)
    return 0.0 if told is None else float(told())


# ---- markets


def _market_run(config: Config, unit: Unit, place: Place) -> dict[str, Any]:
    market = next(item for item in config.markets if item.name == unit.name)
    algorithm = next(item for item in market.algorithms if item.name == unit.algorithm)
    stage = Stage(market, folds_of_market(market)[unit.fold])
    more: dict[str, Any] = {}
    if market.checkpoint == "validation best":
        more["validation"] = (TRADING, stage.validation())
        more["validation_episodes"] = 1  # the whole range, which is always the same
        if market.patience is not None:
            more["patience"] = market.patience
    agent, told = _trained(algorithm, (TRADING, stage.training()), unit, place, **more)
    validated = stage.play_range(policy_of(agent), stage.fold.validate, "costs 1x")
    first, last = stage.times(stage.fold.test)
    note_opening(
        place.openings,
        data=stage.bars.content_hash,
        first=first,
        last=last,
        algorithm=unit.algorithm,
        seed=unit.seed,
        market=unit.name,
        fold=unit.fold,
        checkpoint=market.checkpoint,
        config=unit.digest,
        benchmark=config.name,
    )
    tests = {name: stage.play_range(policy_of(agent), stage.fold.test, name) for name in stage.scenarios}
    usual = tests["costs 1x"]
    return {
        **told,
        "checkpoint": market.checkpoint,
        "validation": log_growth(validated),
        "tests": {name: track_record(track) for name, track in tests.items()},
        "range": [first, last],
        "data": stage.bars.content_hash,
        "actions": usual.actions.tolist(),
        "labels": list(usual.labels),
    }


class Stage:
    """One fold of a market: its environments, each with no more bars than it may know.

    Parameters
    ----------
    market : Market
    fold : Fold
    """

    def __init__(self, market: Market, fold: Fold):
        self.market, self.fold = market, fold
        self.bars = bars_of(market)
        self.costs, self.account, self.execution = rules_of(market)
        self.scenarios = {one.name: one for one in scenarios_of(self.costs, self.execution)}
        self._scaler: Any = None

    def settings(self, span: tuple[int, int], scenario: str = "costs 1x") -> dict[str, Any]:
        """Return settings of the environment on a range: bars end with it, and nothing of them is known before."""
        chosen = self.scenarios[scenario]
        found = {
            **self.market.settings,
            "bars": self.bars[: span[1] + 1],
            "start": span[0],
            "cash": self.market.cash,
            "costs": chosen.costs,
            "account": self.account,
            "execution": chosen.execution,
        }
        if self.market.features is not None:
            found["features"] = list(self.market.features)
        return found

    def training(self) -> dict[str, Any]:
        """Return the settings to train with; the scaler is fitted on the rows of this range alone."""
        found = self.settings(self.fold.train)
        if self._scaler is None:
            import envs

            core: Any = envs.make(TRADING, 1, **found)
            self._scaler = core.observer.scaler
        return {**found, "scaler": self._scaler}

    def whole(self, span: tuple[int, int], scenario: str) -> dict[str, Any]:
        """Return settings to play a range once from end to end, with the scaler of the training."""
        settings = {**self.settings(span, scenario), "scaler": self.training()["scaler"]}
        return {**settings, "episode_length": None, "random_start": False}

    def validation(self) -> dict[str, Any]:
        """Return the settings of the validation, with the costs of the training."""
        return self.whole(self.fold.validate, "costs 1x")

    def play_range(self, policy: Policy, span: tuple[int, int], scenario: str) -> Track:
        """Return the path of a policy through a range."""
        core = self.core(span, scenario)
        return play(core, policy, span[0], span[1], names_of(core))

    def core(self, span: tuple[int, int], scenario: str) -> Any:
        """Return the environment of a range, one account."""
        import envs

        return envs.make(TRADING, 1, autoreset=envs.Autoreset.DISABLED, **self.whole(span, scenario))

    def play_path(self, path: np.ndarray, span: tuple[int, int], scenario: str) -> Track:
        """Return what a path of exposures earns in the same environment."""
        core = self.core(span, scenario)
        exposures = exposures_of(core)
        policy = path_policy(path, span[0], core.action_space, exposures)
        return play(core, policy, span[0], span[1], names_of(core))

    def baseline(self, name: str, scenario: str) -> Track:
        """Return what a baseline earns in the test range."""
        settings = dict(self.market.baselines.get(name, {}))
        if name == "momentum":
            settings.setdefault("bars_per_year", self.bars.periods_per_year)
        path = baseline_path(name, self.bars.close[:, 0], **settings)
        return self.play_path(path, self.fold.test, scenario)

    def bound(self, scenario: str) -> np.ndarray:
        """Return the equity of the hindsight oracle in the test range."""
        chosen = self.scenarios[scenario]
        return hindsight(
            self.bars,
            cash=self.market.cash,
            costs=chosen.costs,
            account=self.account,
            execution=chosen.execution,
            start=self.fold.test[0],
            end=self.fold.test[1],
        ).equity

    def times(self, span: tuple[int, int]) -> tuple[str, str]:
        """Return the times of the first and the last bar of a range."""
        first, last = (np.datetime64(int(self.bars.timestamps[t]), "ns") for t in span)
        return f"{np.datetime_as_string(first, 's')}Z", f"{np.datetime_as_string(last, 's')}Z"


def exposures_of(core: Any) -> tuple[float, ...]:
    """Return what the actions of a trading environment stand for."""
    return tuple(float(item) for item in core.trading.exposures)


def names_of(core: Any) -> tuple[str, ...]:
    """Return the exposures that discrete actions stand for, as text; nothing for other actions."""
    if core.trading.actions != "discrete":
        return ()
    return tuple(f"{item:g}" for item in exposures_of(core))


def log_growth(track: Track) -> float | None:
    """Return log(last equity / first), or None where everything was lost."""
    ratio = track.equity[-1] / track.equity[0]
    return math.log(ratio) if ratio > 0.0 else None


def track_record(track: Track) -> dict[str, Any]:
    """Return the returns of a path, and what it traded and paid, ready for JSON."""
    return {
        "returns": [float(f"{value:.9g}") for value in track.returns.tolist()],
        "turnover": float(track.turnover.sum()),
        "costs": float(np.sum(track.costs / track.equity[0])),
    }
