"""`python -m benchmarks.researchers`: how often the overfitting statistics find an edge where there is none, or one.

Exit code 1 if a statistic rejects significantly more often than it claims to, or less. The same researchers find the
same in any number of processes.
"""

from __future__ import annotations

import json
import os
import time
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markdown import Markdown

from backtester.executors import as_done, as_executor
from benchmarks.researchers import figure, report
from benchmarks.researchers.research import World, numbered
from benchmarks.table import RESULTS

NULL = (World(), World("clustered"), World(cost_bps=5.0))
PLANTED = tuple(World(phi=phi, cost_bps=cost) for cost in (0.0, 5.0) for phi in (0.05, 0.1, 0.15))
RESEARCHERS = {**dict.fromkeys(NULL[:2], 1_000), NULL[2]: 250, **dict.fromkeys(PLANTED, 200)}
QUICK = 40

console = Console(width=max(Console().width, 160))


def simulate(sizes: dict[World, int], executor: str = "processes", workers: int | None = None) -> report.Found:
    """Return what the researchers of each world find, [researchers, fields], in the order of their numbers."""
    worlds = list(sizes)
    items = [(place, number) for place, world in enumerate(worlds) for number in range(sizes[world])]
    found = dict(as_done(as_executor(executor, workers), numbered, worlds, items))
    return [(world, np.array([found[place, k] for k in range(sizes[world])])) for place, world in enumerate(worlds)]


def main(
    quick: Annotated[bool, typer.Option(help=f"{QUICK} researchers each: to see that it works.")] = False,
    executor: Annotated[str, typer.Option(metavar="processes|threads|ray", help="Who does it.")] = "processes",
    workers: Annotated[int | None, typer.Option(min=1, help="How many; one per core.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/researchers.md, .json and .svg.")] = False,
) -> None:
    """Let researchers loose on markets without and with an edge, and print what they find."""
    os.environ["BACKTESTER_TRIALS"] = "off"  # 200,000 backtests of markets that are none
    begun = time.perf_counter()
    sizes = dict.fromkeys(RESEARCHERS, QUICK) if quick else RESEARCHERS
    worlds = simulate(sizes, executor, workers)
    seconds = time.perf_counter() - begun
    text = report.markdown(worlds, "python -m benchmarks.researchers --write", seconds)
    console.print(Markdown(text))
    if write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "researchers.md").write_text(text, encoding="utf-8")
        data = json.dumps(report.as_data(worlds, seconds), indent=1)
        (RESULTS / "researchers.json").write_text(data + "\n", encoding="utf-8")
        (RESULTS / "researchers.svg").write_text(figure.svg(worlds), encoding="utf-8")
    wrong = report.alarms(worlds)
    for text in wrong:
        console.print(text, style="bold red")
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
