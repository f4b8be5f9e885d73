"""From the runs of tasks to their tables: scores with intervals, what was to be reached, and the alarms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from envs.benchmark.alarms import above_bound, degenerate, leak_alarm
from envs.benchmark.config import Config, Task
from envs.benchmark.statistics import Estimate, bootstrap, performance_profile

Record = Mapping[str, Any]
_OF_RUN = ("seed", "value", "error", "score", "optimum_sampled", "steps", "seconds", "train_seconds", "curve", "failed")
THRESHOLDS = tuple(round(-0.5 + 0.02 * i, 2) for i in range(81))


def task_section(config: Config, task: Task, records: Sequence[Record]) -> dict[str, Any]:
    """Return what the page and the JSON say of one task.

    Parameters
    ----------
    config : Config
    task : Task
        One of its tasks.
    records : sequence of dict
        The runs of that task.
    """
    algorithms = []
    for algorithm in task.algorithms:
        mine = [record for record in records if record["algorithm"] == algorithm.name]
        good = [record for record in mine if "failed" not in record]
        scores = [record["score"] for record in good]
        scored = bool(scores) and None not in scores
        estimate = estimated(scores, config) if scored else None
        whole = len(good) == len(mine) == len(config.seeds)
        met = None
        if algorithm.reach is not None and estimate is not None:
            met = whole and estimate["low"] >= algorithm.reach
        algorithms.append(
            {
                "name": algorithm.name,
                "total_timesteps": algorithm.total_timesteps,
                "validation_episodes": algorithm.validation_episodes,
                "hyperparameters": dict(algorithm.hyperparameters),
                "score": estimate,
                "value": estimated([record["value"] for record in good], config, "mean") if good else None,
                "reach": algorithm.reach,
                "met": met,
                "failed": len(mine) - len(good),
                "runs": [_run(record) for record in mine],
                **doing(mine),
            }
        )
    return {
        "id": task.id,
        "settings": dict(task.settings),
        "leak_alarm": task.leak_alarm,
        **_optimum(records),
        "algorithms": algorithms,
        "alarms": alarms_of(task, records),
    }


def _optimum(records: Sequence[Record]) -> dict[str, Any]:
    good = [record for record in records if "failed" not in record]
    return {name: good[0][name] if good else None for name in ("optimum", "base", "unit")}


def _run(record: Record) -> dict[str, Any]:
    return {name: record[name] for name in _OF_RUN if name in record}


def doing(records: Sequence[Record]) -> dict[str, Any]:
    """Return what the agents of these runs do: action counts of all, and which seeds do one thing only."""
    good = [record for record in records if "failed" not in record]
    if not good:
        return {"labels": [], "actions": [], "degenerate": []}
    warnings = [(record["seed"], degenerate(record["actions"], record["labels"])) for record in good]
    return {
        "labels": good[0]["labels"],
        "actions": np.sum([record["actions"] for record in good], axis=0).tolist(),
        "degenerate": [f"seed {seed}: {text}" for seed, text in warnings if text],
    }


def estimated(values: Sequence[float], config: Config, statistic: str = "interquartile_mean") -> dict[str, float]:
    """Return a statistic of the seeds with its interval, as JSON can hold it."""
    found = bootstrap(list(values), statistic, n_resamples=config.resamples)
    return as_data(found)


def as_data(estimate: Estimate) -> dict[str, float]:
    """Return an estimate as a dict."""
    return dataclasses.asdict(estimate)


def alarms_of(task: Task, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return every test of this task against what cannot be: the leak alarm, or the optimum.

    Against an optimum each agent is compared with the optimal policy on the same random numbers: their difference has
    a far smaller error than either, and a mean of 0 at most.
    """
    good = [record for record in records if "failed" not in record]
    groups: dict[str, list[Record]] = {}
    for record in sorted(good, key=lambda one: one["seed"]):
        groups.setdefault(record["algorithm"], []).append(record)
    groups = {name: mine for name, mine in groups.items() if len(mine) >= 2}
    if not groups:
        return []
    if task.leak_alarm:
        found = leak_alarm({name: [record["value"] for record in mine] for name, mine in groups.items()})
        return [{"test": "earns where nothing can be earned", **dataclasses.asdict(one)} for one in found]
    gained = {name: [one["value"] - one["optimum_sampled"] for one in mine] for name, mine in groups.items()}
    found = above_bound(gained, task.optimum_error, level=0.01, method="t", pooled=False)
    return [{"test": "better than the optimum", **dataclasses.asdict(one)} for one in found]


def profiles_of(config: Config, sections: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the performance profile of every algorithm over the tasks that have a score and all its runs."""
    columns: dict[str, dict[str, list[float]]] = {}
    for section in sections:
        for algorithm in section["algorithms"]:
            scores = [run.get("score") for run in algorithm["runs"]]
            if len(scores) == len(config.seeds) and None not in scores:
                columns.setdefault(algorithm["name"], {})[section["id"]] = scores
    found = []
    for name, by_task in columns.items():
        profile = performance_profile(np.array(list(by_task.values())).T, THRESHOLDS)
        fields = {key: value.tolist() for key, value in dataclasses.asdict(profile).items()}
        found.append({"algorithm": name, "tasks": list(by_task), **fields})
    return found
