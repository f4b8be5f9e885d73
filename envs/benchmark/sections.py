"""A benchmark of agents as sections of a report: scores against optimum and baselines, learning curves, actions.

`AgentBenchmark` is made from the document alone (`results`), so that a stored JSON can be reported again, beside the
results of strategies: `write_report({"agents": AgentBenchmark.read("markets.json"), "rules": result}, "both.html")`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from backtester.errors import ResultError
from backtester.report.sections import Section, bars, facts, line, lines, scatter, table, text
from envs.benchmark.config import SCENARIOS
from envs.benchmark.results import alarms

Data = Mapping[str, Any]
_BASELINES = ("buy and hold", "SMA cross", "momentum")  # whose wealth is drawn
_COLOURS = ("one", "two", "three", "four", "five", "six")


class AgentBenchmark:
    """A benchmark of agents that can be reported.

    Parameters
    ----------
    document : dict
        What `run_benchmark` returned, or its stored JSON.
    """

    def __init__(self, document: Data):
        self.document = document

    @classmethod
    def read(cls, path: str | PathLike[str]) -> AgentBenchmark:
        """Return the benchmark whose document is stored at `path`.

        Raises
        ------
        ResultError
            If there is no such file, or it is no document of a benchmark.
        """
        try:
            document = json.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ResultError(f"{path}: cannot be read as the results of a benchmark: {error}") from None
        if not isinstance(document, dict) or not {"tasks", "markets", "name"} <= set(document):
            raise ResultError(f"{path}: it is not the JSON that a benchmark of agents writes")
        return cls(document)

    @property
    def report_title(self) -> str:
        """What its page is called."""
        return f"{self.document['name']}, agents"

    def report_sections(self) -> list[Section]:
        """Return the parts of its page: what it is, its profiles, then each task and each market."""
        found = self.document
        sections = [_head(found)]
        if found["profiles"]:
            sections.append(_profiles(found["profiles"]))
        return [*sections, *map(_task, found["tasks"]), *map(_market, found["markets"])]


def _head(found: Data) -> Section:
    warnings = [text(words) for words in alarms(found)]
    if found["few_seeds"]:
        warnings.append(text(f"Only {len(found['seeds'])} seeds: enough to see that it works, not who is better."))
    rows = [
        ("command", found["command"]),
        ("seeds", ", ".join(map(str, found["seeds"]))),
        ("machine", found["machine"]),
        ("seconds of runs", f"{found['seconds']:,.0f}"),
        *found["versions"].items(),
    ]
    quiet = [] if warnings else [text("No alarm rang and no run failed.")]
    note = f"Intervals: 95 %, stratified bootstrap over seeds, {found['resamples']:,} resamples."
    return Section("What was run", [text(found["description"]), *warnings, *quiet, facts(rows)], note)


def _profiles(profiles: list[Data]) -> Section:
    drawn = [
        line(f"{one['algorithm']} ({len(one['tasks'])} tasks)", one["fractions"], one["thresholds"]) for one in profiles
    ]
    item = lines("Fraction of runs with a higher score", drawn, unit="percent", x_title="score", zero=True, tall=True)
    return Section("Performance profiles", [item], "Algorithms that ran different tasks do not compare.")


def _task(task: Data) -> Section:
    key = "value" if task["leak_alarm"] else "score"
    told = (
        "Nothing can be earned here: whoever does has seen the future."
        if task["leak_alarm"]
        else f"Optimum {task['optimum']:.6g} a {task['unit'] or 'step'}, score 1; base {task['base']:.6g}, score 0."
    )
    algorithms = task["algorithms"]
    estimates = [one[key] or {} for one in algorithms]
    columns = {
        "Algorithm": [one["name"] for one in algorithms],
        "Steps": [one["total_timesteps"] for one in algorithms],
        "Value" if task["leak_alarm"] else "Score": _numbers(estimates, "value"),
        "From": _numbers(estimates, "low"),
        "To": _numbers(estimates, "high"),
        "To reach": [one["reach"] for one in algorithms],
        "Reached": ["–" if one["reach"] is None else "yes" if one["met"] else "no" for one in algorithms],
        "Failed": [one["failed"] for one in algorithms],
    }
    items = [text(told), table("", columns), _seeds(algorithms, key)]
    items += _learning(algorithms)
    items += [_actions(one) for one in algorithms if one.get("actions")]
    notes = " ".join(f"{one['name']}: {words}." for one in algorithms for words in one["degenerate"])
    return Section(task["id"], items, notes)


def _seeds(algorithms: list[Data], key: str) -> dict[str, Any]:
    """Return every seed's score, one column of points for each algorithm."""
    points = [
        (place, run[key], f"{one['name']}, seed {run['seed']}")
        for place, one in enumerate(algorithms, 1)
        for run in one["runs"]
        if run.get(key) is not None
    ]
    names = ", ".join(f"{place} {one['name']}" for place, one in enumerate(algorithms, 1))
    x, y, said = zip(*points, strict=True) if points else ((), (), ())
    return scatter(f"Every seed: {key}", x, y, x_title=names, y_title=key, names=said)


def _learning(algorithms: list[Data]) -> list[dict[str, Any]]:
    """Return the learning curves of all seeds, a chart for each algorithm."""
    items = []
    for place, one in enumerate(algorithms):
        runs = [(run.get("seed", k), curve) for k, run in enumerate(one["runs"]) for curve in _curves(run)]
        drawn = [
            line(f"seed {seed}", [y for _, y in curve], [x for x, _ in curve], _COLOURS[place % len(_COLOURS)])
            for seed, curve in runs
        ]
        if drawn:
            items.append(lines(f"{one['name']}: return of an episode while training", drawn, x_title="steps"))
    return items


def _curves(run: Data) -> list[list[list[float]]]:
    """Return the curves of a run: one of a task, one for each fold of a market; points are [steps, return]."""
    found = run.get("curves") or ([run["curve"]] if run.get("curve") else [])
    return [curve for curve in found if curve]


def _actions(one: Data) -> dict[str, Any]:
    counts = np.asarray(one["actions"], np.float64)
    shares = counts / max(counts.sum(), 1.0)
    return bars(f"{one['name']}: actions, all seeds", one["labels"], {"Share": shares}, unit="percent", upright=True)


def _market(market: Data) -> Section:
    data = market["data"]
    items = [text(f"{data['symbol']} ({data['source']}); tested: the {market['checkpoint']} checkpoint.")]
    items += [_scenario(market, name) for name in SCENARIOS]
    wealth = [
        line(f"{one['name']}, seed {run['seed']}", *_wealth(run["equity"]), _COLOURS[place % len(_COLOURS)])
        for place, one in enumerate(market["algorithms"])
        for run in one["runs"]
        if "equity" in run
    ]
    wealth += [
        line(one["name"], *_wealth(one["equity"]), "muted") for one in market["baselines"] if one["name"] in _BASELINES
    ]
    if wealth:
        items.append(
            lines("Wealth through all test ranges", wealth, x_title="bars of the test ranges", tall=True, log=True)
        )
    items += _learning(market["algorithms"])
    items += [_actions(one) for one in market["algorithms"] if one.get("actions")]
    opened = market["openings"]
    return Section(market["name"], items, f"Test ranges were opened {opened['total']} times.")


def _wealth(points: list[Any]) -> tuple[list[float], list[float]]:
    """Return values and places of a curve of [place, value]."""
    return [point[1] for point in points], [point[0] for point in points]


def _scenario(market: Data, name: str) -> dict[str, Any]:
    rows = [(one["name"], one["scenarios"][name]) for one in market["algorithms"]]
    for one in market["baselines"]:
        told = one.get("intervals", {}).get(name)
        rows.append((one["name"], told or {k: v and {"value": v} for k, v in one["scenarios"][name].items()}))
    rows.append(
        ("hindsight oracle (upper bound)", {"growth": {"value": math.expm1(min(market["oracle"][name], 700.0))}})
    )
    names = [row[0] for row in rows]
    columns: dict[str, Any] = {"": names}
    for key, head in (("growth", "Growth a year"), ("sharpe", "Sharpe"), ("max_drawdown", "Maximum drawdown")):
        columns[head] = _numbers([told.get(key) or {} for _, told in rows], "value")
        if key != "max_drawdown":
            columns[f"{head}, from"] = _numbers([told.get(key) or {} for _, told in rows], "low")
            columns[f"{head}, to"] = _numbers([told.get(key) or {} for _, told in rows], "high")
    columns["Turnover a year"] = _numbers([told.get("turnover") or {} for _, told in rows], "value")
    units = {head: "percent" for head in columns if head.startswith(("Growth", "Maximum"))}
    return table(name, columns, units, tone=("Growth a year",))


def _numbers(estimates: list[Data], key: str) -> Any:
    return np.array([np.nan if one.get(key) is None else one[key] for one in estimates], np.float64)
