"""Runs a benchmark on a terminal: progress, the tables of the document, and an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from backtester.executors import Executor
from envs.benchmark.config import SCENARIOS, load_config
from envs.benchmark.drawings import number
from envs.benchmark.page import interval
from envs.benchmark.results import alarms
from envs.benchmark.run import run_benchmark


class Shown(NamedTuple):
    """The files of a benchmark, and in words what rang an alarm or failed."""

    json: str
    page: str
    alarms: tuple[str, ...]


def show(
    config: str | PathLike[str],
    folder: str | PathLike[str],
    *,
    work: str | PathLike[str] | None = None,
    workers: int | None = 1,
    executor: str | Executor = "processes",
    keep_agents: bool = False,
    command: str = "",
    console: Console | None = None,
) -> Shown:
    """Run what is left of a benchmark, print its tables, and return what it came to.

    Parameters
    ----------
    config : path
        A YAML file.
    folder, work, workers, executor, keep_agents, command
        As `run_benchmark`.
    console : rich.console.Console, optional
        Where to print.
    """
    out = console or Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    chosen = load_config(config)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        line = bar.add_task("agents", total=None)

        def done(finished: int, total: int, key: str) -> None:
            bar.update(line, completed=finished, total=total, description=key)

        document, files = run_benchmark(
            chosen,
            folder,
            work=work,
            workers=workers,
            executor=executor,
            keep_agents=keep_agents,
            command=command,
            progress=done,
        )
    for table in (*_of_tasks(document), *_of_markets(document)):
        out.print(table)
    found = alarms(document)
    for text in found:
        out.print(Text(text, style="bold red"))
    out.print(Text(f"{Path(files.json)}\n{Path(files.page)}"))
    return Shown(str(files.json), str(files.page), tuple(found))


def _table(title: str, heads: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left")
    return table


def _of_tasks(document: Mapping[str, Any]) -> list[Table]:
    table = _table(
        "tasks: score, interquartile mean over seeds", ("task", "agent", "steps", "score", "interval", "reach")
    )
    for task in document["tasks"]:
        for one in task["algorithms"]:
            estimate = one["value" if task["leak_alarm"] else "score"]
            reach = "" if one["reach"] is None else f"≥ {one['reach']:g} {'yes' if one['met'] else 'NO'}"
            cells = (task["id"], one["name"], f"{one['total_timesteps']:,}")
            figure = number(estimate["value"] if estimate else None)
            table.add_row(*map(Text, (*cells, figure, interval(estimate), reach)))
    return [table] if document["tasks"] else []


def _of_markets(document: Mapping[str, Any]) -> list[Table]:
    tables = []
    for market in document["markets"]:
        table = _table(f"{market['name']}: growth a year through all test ranges, %", ("", *SCENARIOS))
        for one in market["algorithms"]:
            table.add_row(*map(Text, (one["name"], *(_growth(one["scenarios"][s]["growth"]) for s in SCENARIOS))))
        for one in market["baselines"]:
            told = one.get("intervals")
            cells = [_growth(told[s]["growth"]) if told else _percent(one["scenarios"][s]["growth"]) for s in SCENARIOS]
            table.add_row(*map(Text, (one["name"], *cells)), style="dim")
        tables.append(table)
    return tables


def _growth(estimate: Mapping[str, float] | None) -> str:
    if estimate is None:
        return "–"
    return f"{_percent(estimate['value'])} ({_percent(estimate['low'])} to {_percent(estimate['high'])})"


def _percent(value: float | None) -> str:
    return number(None if value is None else 100.0 * value, 2)
