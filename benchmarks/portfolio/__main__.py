"""`python -m benchmarks.portfolio`: rebalancing, a grid of orders, and backtesting.py's examples, in one table.

As `benchmarks.engine`: every engine in a process of its own, one at a time, with empty compiler caches; the floor and
our engine share a process and take turns. The grids (P3) and the examples (P4) share a cache, which the first fills.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import sections, table
from benchmarks.launch import Answer, call, environment, peers_python
from benchmarks.peers.backtesting_examples import EXAMPLES
from benchmarks.portfolio import rows
from benchmarks.portfolio.market import ASSETS, DAYS, GRID_BARS, TOP

WORK = ("P1", "P2", "P3", "P4")
VECTORBT = "benchmarks.peers.vectorbt_portfolio"
BT = "benchmarks.peers.bt_portfolio"
PEERS = {"vectorbt rust": (VECTORBT, "rust"), "vectorbt numba": (VECTORBT, "numba"), "bt": (BT, "")}
BY_WORKLOAD = {"P1": ("vectorbt rust", "vectorbt numba", "bt"), "P2": ("vectorbt rust", "vectorbt numba")}
GRIDS = ((1, 2), (1, 20), (1, 200), (1, 2_000), (10, 200), (50, 200))
"""Assets and orders per asset."""

REACH_P1_RUN = 8.0
REACH_P2_TIMES = 10.0
REACH_P3_MICROSECONDS = 1.0
REACHED_GRID = (1, 200)

NARROWEST = 160

console = Console(width=max(Console().width, NARROWEST))


@dataclass(frozen=True)
class Plan:
    """How much to run, and where the peers live."""

    python: str
    days: int
    grid_bars: int
    runs: int
    slow_runs: int


def _started(command: list[str], python: str, caches: Path | None = None) -> Answer:
    """One answer of a process, with empty compiler caches, or those of a folder."""
    if caches is not None:
        return call(command, python, environment(caches))
    with tempfile.TemporaryDirectory() as empty:
        return call(command, python, environment(Path(empty)))


def _inside(workload: str, bars: int, runs: int) -> Answer:
    console.print(f"{workload}: floor and backtester")
    command = ["-m", "benchmarks.portfolio.inside", "--workload", workload, "--bars", str(bars), "--runs", str(runs)]
    return _started(command, sys.executable)


def _grid(plan: Plan, n_assets: int, n_orders: int, caches: Path) -> Answer:
    console.print(f"P3: {n_orders:,} orders on {n_assets} assets")
    command = ["-m", "benchmarks.portfolio.inside", "--workload", "P3", "--bars", str(plan.grid_bars)]
    command += ["--runs", str(plan.runs), "--assets", str(n_assets), "--orders", str(n_orders)]
    return _started(command, sys.executable, caches)


def _peers(plan: Plan, workload: str) -> list[Answer]:
    answers = []
    for peer in BY_WORKLOAD[workload]:
        console.print(f"{workload}: {peer}")
        module, variant = PEERS[peer]
        command = ["-m", module, "--workload", workload, "--variant", variant, "--bars", str(plan.days)]
        answer = _started([*command, "--repeats", str(plan.slow_runs)], plan.python)
        answers.append({"engine": peer, **answer, "market_bars": plan.days})
    return answers


def _p1(plan: Plan) -> list[sections.Section]:
    inside, peers = _inside("P1", plan.days, plan.runs), _peers(plan, "P1")
    peers = rows.as_run(peers, inside)
    work = f"top {TOP} of {ASSETS} by half a year's return, every month, {plan.days:,} days; × = the floor"
    return [
        sections.speed("P1 monthly, kernel", work, inside, [], "kernel", None),
        sections.speed("P1 monthly, run", work, inside, peers, "run", REACH_P1_RUN),
        sections.speed("P1 monthly, run + metrics", work, inside, peers, "whole", None),
        sections.memory(inside, peers, None, "P1"),
    ]


def _p2(plan: Plan) -> list[sections.Section]:
    inside, peers = _inside("P2", plan.days, plan.slow_runs), _peers(plan, "P2")
    peers = rows.as_run(peers, inside)
    work = f"equal parts of {ASSETS} assets, every day, {plan.days:,} days; × = the floor"
    run = sections.speed("P2 daily, run", work, inside, peers, "run", None)
    whole = sections.speed("P2 daily, run + metrics", work, inside, peers, "whole", None)
    return [
        sections.speed("P2 daily, kernel", work, inside, [], "kernel", None),
        rows.times_faster(run, "vectorbt", REACH_P2_TIMES),
        rows.times_faster(whole, "vectorbt", REACH_P2_TIMES),
        sections.memory(inside, peers, None, "P2"),
    ]


def _p3(plan: Plan) -> list[sections.Section]:
    with tempfile.TemporaryDirectory() as folder:
        grids = [(*grid, _grid(plan, *grid, Path(folder))) for grid in GRIDS]
    return [rows.grids(grids, plan.grid_bars, REACHED_GRID, REACH_P3_MICROSECONDS)]


def _p4(plan: Plan) -> list[sections.Section]:
    from benchmarks.portfolio.examples import write_bars

    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        write_bars(path)
        for example in EXAMPLES:
            console.print(f"P4: {example}")
            wanted = ["--example", example, "--repeats", str(plan.runs)]
            theirs = ["-m", "benchmarks.peers.backtesting_examples", *wanted, "--data", str(path)]
            ours = ["-m", "benchmarks.portfolio.examples", *wanted]
            caches = Path(folder) / "caches"
            pairs.append((example, _started(theirs, plan.python), _started(ours, sys.executable, caches)))
    return [rows.examples(pairs)]


MEASURES = {"P1": _p1, "P2": _p2, "P3": _p3, "P4": _p4}


def main(
    quick: Annotated[bool, typer.Option(help="A fifth of the bars and few runs: to see that it works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(WORK)}; may be repeated.")] = None,
    peer_python: Annotated[str | None, typer.Option(help="The Python that has the peers.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every measurement to this file.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/portfolio.md and .json.")] = False,
) -> None:
    """Measure and print one table. Exit code 1 if our engine failed or its result is not the one beside it."""
    chosen = only or list(WORK)
    if unknown := [name for name in chosen if name not in MEASURES]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(WORK)}", param_hint="--only")
    python = peers_python(peer_python)
    plan = Plan(python, DAYS // 5, GRID_BARS // 5, 3, 1) if quick else Plan(python, DAYS, GRID_BARS, 11, 5)
    found = [section for name in WORK if name in chosen for section in MEASURES[name](plan)]
    table.show(found, console, "portfolio")
    if json_path is not None:
        json_path.write_text(json.dumps(table.as_data(found), indent=1) + "\n", encoding="utf-8")
    if write:
        table.write(found, "portfolio")
    alarms = [f"{section.title}: {row.engine}: {row.note}" for section in found for row in section.rows if row.alarm]
    for alarm in alarms:
        console.print(alarm, style="bold red")
    raise typer.Exit(1 if alarms else 0)


if __name__ == "__main__":
    typer.run(main)
