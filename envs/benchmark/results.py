"""The document of a benchmark: everything that was measured, as one JSON, from which the page is made."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from envs.benchmark.config import Config
from envs.benchmark.of_markets import market_section
from envs.benchmark.of_tasks import profiles_of, task_section

FORMAT = 1
_LIBRARIES = ("numpy", "numba", "gymnasium", "stable-baselines3", "torch")


def document_of(
    config: Config, records: Sequence[Mapping[str, Any]], openings: Sequence[Mapping[str, Any]], command: str
) -> dict[str, Any]:
    """Return the document of a finished benchmark, ready for JSON.

    Parameters
    ----------
    config : Config
    records : sequence of dict
        Of all its runs.
    openings : sequence of dict
        The log of openings.
    command : str
        What was typed to get it.
    """
    tasks = [
        task_section(config, task, [one for one in records if (one["kind"], one["name"]) == ("task", task.id)])
        for task in config.tasks
    ]
    markets = [
        market_section(
            config, market, [one for one in records if (one["kind"], one["name"]) == ("market", market.name)], openings
        )
        for market in config.markets
    ]
    return {
        "format": FORMAT,
        "name": config.name,
        "description": config.description,
        "digest": config.digest,
        "command": command,
        "seeds": list(config.seeds),
        "few_seeds": config.few_seeds,
        "resamples": config.resamples,
        "versions": versions(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "seconds": round(sum(record["seconds"] for record in records), 1),
        "failed": [f"{one['key']}: {one['failed']}" for one in records if "failed" in one],
        "tasks": tasks,
        "profiles": profiles_of(config, tasks),
        "markets": markets,
    }


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    import backtester

    found = {"backtester": backtester.__version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def alarms(document: Mapping[str, Any]) -> list[str]:
    """Return, in words, what makes a result unbelievable: alarms that rang, ranges opened again, failures."""
    found = []
    for task in document["tasks"]:
        found += [
            f"{task['id']}: {one['name']} {one['test']}: mean {one['mean']:.6g} above {one['bound']:.6g}, "
            f"p = {one['adjusted']:.2g}"
            for one in task["alarms"]
            if one["alarm"]
        ]
    for market in document["markets"]:
        found += [
            f"{market['name']}: the test range {one['first']} to {one['last']} was opened {one['times']} times by "
            f"{one['algorithm']}, seed {one['seed']}"
            for one in market["openings"]["again"]
        ]
    return found + [f"failed: {text}" for text in document["failed"]]


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """Write the document as JSON, in full or not at all.

    Raises
    ------
    ResultError
        If it cannot be written.
    """
    from backtester.report.files import write_whole

    write_whole(
        path, (json.dumps(rounded(document), allow_nan=False, separators=(",", ":")) + "\n").encode(), "results"
    )


def rounded(value: Any) -> Any:
    """Return a document with eight significant digits, as more are noise; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    return value
