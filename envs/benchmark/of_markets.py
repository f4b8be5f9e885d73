"""From the runs of markets to their tables: the test ranges chained, beside baselines and the hindsight oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backtester.metrics import cagr, max_drawdown, sharpe
from envs.benchmark.baselines import BASELINES, random_path
from envs.benchmark.config import SCENARIOS, Config, Market
from envs.benchmark.curves import thinned
from envs.benchmark.draws import seed_of
from envs.benchmark.of_tasks import doing, estimated
from envs.benchmark.openings import opened
from envs.benchmark.work import Stage, folds_of_market, track_record

Record = Mapping[str, Any]
MEASURES = ("growth", "sharpe", "max_drawdown", "turnover", "costs")
USUAL = "costs 1x"


def measures(returns: Sequence[float], turnover: float, costs: float, per_year: float) -> dict[str, float | None]:
    """Return what is told of one path: growth a year, Sharpe ratio, drawdown, turnover and costs a year.

    Parameters
    ----------
    returns : sequence of float
        Simple, of each bar.
    turnover, costs : float
        Of all bars: in equities, and in the equity each fold began with.
    per_year : float
        Bars a year.

    Returns
    -------
    dict
        What is undefined, such as the Sharpe ratio of who never trades, is None.
    """
    found = np.asarray(returns, np.float64)
    years = len(found) / per_year
    numbers = {
        "growth": cagr(found, per_year),
        "sharpe": sharpe(found, per_year),
        "max_drawdown": max_drawdown(found),
        "turnover": turnover / years,
        "costs": costs / years,
    }
    return {name: float(value) if math.isfinite(value) else None for name, value in numbers.items()}


def market_section(
    config: Config, market: Market, records: Sequence[Record], openings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the page and the JSON say of one market.

    Parameters
    ----------
    config : Config
    market : Market
        One of its markets.
    records : sequence of dict
        The runs of that market.
    openings : sequence of dict
        The whole log of openings.
    """
    stages = [Stage(market, fold) for fold in folds_of_market(market)]
    per_year = stages[0].bars.periods_per_year
    algorithms = [
        _algorithm(config, market, name, [one for one in records if one["algorithm"] == name], len(stages), per_year)
        for name in (algorithm.name for algorithm in market.algorithms)
    ]
    bars = stages[0].bars
    return {
        "name": market.name,
        "data": {"source": market.data, "symbol": bars.symbols[0], "content_hash": bars.content_hash},
        "settings": dict(market.settings),
        "costs": dict(market.costs),
        "checkpoint": market.checkpoint,
        "folds": [
            {name: list(stage.times(getattr(stage.fold, name))) for name in ("train", "validate", "test")}
            for stage in stages
        ],
        "algorithms": algorithms,
        "baselines": _baselines(config, stages, algorithms, per_year),
        "oracle": _oracle(stages, per_year),
        "openings": _openings(stages, openings),
    }


def _algorithm(
    config: Config, market: Market, name: str, records: Sequence[Record], n_folds: int, per_year: float
) -> dict[str, Any]:
    good = [record for record in records if "failed" not in record]
    runs: list[dict[str, Any]] = []
    for seed in config.seeds:
        mine = sorted((record for record in good if record["seed"] == seed), key=lambda one: one["fold"])
        if len(mine) < n_folds:
            runs.append({"seed": seed, "failed": _why(records, seed)})
            continue
        paths = {scenario: _chained([record["tests"][scenario] for record in mine]) for scenario in SCENARIOS}
        runs.append(
            {
                "seed": seed,
                "validation": [record["validation"] for record in mine],
                "curves": [record["curve"] for record in mine],
                "equity": _equity(paths[USUAL]["returns"]),
                **{scenario: measures(**path, per_year=per_year) for scenario, path in paths.items()},
            }
        )
    whole = [run for run in runs if "failed" not in run]
    steps = next(item.total_timesteps for item in market.algorithms if item.name == name)
    return {
        "name": name,
        "total_timesteps": steps,
        "failed": len(runs) - len(whole),
        "runs": runs,
        "scenarios": {scenario: _summary(config, [run[scenario] for run in whole]) for scenario in SCENARIOS},
        **doing(records),
    }


def _why(records: Sequence[Record], seed: int) -> str:
    told = [record["failed"] for record in records if record["seed"] == seed and "failed" in record]
    return told[0] if told else "not run"


def _chained(tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return folds one after the other: each begins flat, with the wealth that the one before left."""
    return {
        "returns": [value for test in tests for value in test["returns"]],
        "turnover": sum(test["turnover"] for test in tests),
        "costs": sum(test["costs"] for test in tests),
    }


def _equity(returns: Sequence[float]) -> list[list[float]]:
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + np.asarray(returns))])
    return [[x, float(f"{y:.6g}")] for x, y in thinned([[float(i), v] for i, v in enumerate(wealth.tolist())])]


def _summary(config: Config, runs: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    """Return the interquartile mean of each measure over seeds; None where a seed has none."""
    found: dict[str, Any] = {}
    for name in MEASURES:
        values = [run[name] for run in runs]
        known = [value for value in values if value is not None]
        found[name] = estimated(known, config) if known and len(known) == len(values) else None
    return found


def _baselines(
    config: Config, stages: Sequence[Stage], algorithms: Sequence[Mapping[str, Any]], per_year: float
) -> list[dict[str, Any]]:
    found = []
    for name in BASELINES:
        paths = {s: _chained([track_record(stage.baseline(name, s)) for stage in stages]) for s in SCENARIOS}
        told = {scenario: measures(**path, per_year=per_year) for scenario, path in paths.items()}
        found.append({"name": name, "scenarios": told, "equity": _equity(paths[USUAL]["returns"])})
    for algorithm in algorithms:
        turnover = algorithm["scenarios"][USUAL]["turnover"]
        if turnover is not None:
            name = f"random, turnover of {algorithm['name']}"
            found.append({"name": name, **_random(config, stages, turnover["value"] / per_year, per_year)})
    return found


def _random(config: Config, stages: Sequence[Stage], turnover: float, per_year: float) -> dict[str, Any]:
    """Return what chance earns with the turnover of an algorithm; as many seeds."""
    from envs.benchmark.work import exposures_of

    levels = exposures_of(stages[0].core(stages[0].fold.test, USUAL))
    told: dict[str, list[dict[str, float | None]]] = {scenario: [] for scenario in SCENARIOS}
    for seed in config.seeds:
        paths = [
            random_path(stage.bars.n_bars, levels, turnover, seed_of("random", seed, stage.fold.number))
            for stage in stages
        ]
        for scenario in SCENARIOS:
            tracks = [
                track_record(stage.play_path(path, stage.fold.test, scenario))
                for stage, path in zip(stages, paths, strict=True)
            ]
            told[scenario].append(measures(**_chained(tracks), per_year=per_year))
    return {"intervals": {scenario: _summary(config, runs) for scenario, runs in told.items()}}


def _oracle(stages: Sequence[Stage], per_year: float) -> dict[str, float]:
    """Return the growth a year of the hindsight oracle; each fold begins flat, as for everybody."""
    years = sum(stage.fold.test[1] - stage.fold.test[0] for stage in stages) / per_year
    found = {}
    for scenario in SCENARIOS:
        equities = [stage.bound(scenario) for stage in stages]
        logs = sum(math.log(equity[-1] / equity[0]) for equity in equities)
        found[scenario] = logs / years
    return found


def _openings(stages: Sequence[Stage], openings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how often the test ranges of this market were opened, and who opened one more than once."""
    ranges = [stage.times(stage.fold.test) for stage in stages]
    data = stages[0].bars.content_hash
    mine = [one for one in openings if one.get("data") == data and (one.get("first"), one.get("last")) in ranges]
    again = [
        {"first": key[1], "last": key[2], "algorithm": key[3], "seed": key[4], "times": times}
        for key, times in sorted(opened(mine).items(), key=str)
        if times > 1
    ]
    configs = sorted({f"{one.get('benchmark')} {str(one.get('config'))[:8]}" for one in mine})
    return {"total": len(mine), "again": again, "configs": configs}
