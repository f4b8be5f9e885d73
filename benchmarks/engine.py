"""`python -m benchmarks.engine`: the engine against the floor and the peers, one table of ratios measured in one run.

Every engine runs in a process of its own, one at a time, with empty compiler caches; the floor and our engine share a
process and take turns. README.md in this folder says what is measured and how.
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
from benchmarks.process_start import measure_imports, measure_ours, measure_peer
from benchmarks.workloads import FULL_BARS, QUICK_BARS, START_BARS

WORK = ("W1", "W2", "W3", "W4", "import")
VECTORBT = "benchmarks.peers.vectorbt_"
BACKTESTING = "benchmarks.peers.backtesting_"
BACKTRADER = "benchmarks.peers.backtrader_"
PEERS = {
    "vectorbt rust": (VECTORBT, "rust"),
    "vectorbt numba": (VECTORBT, "numba"),
    "vectorbt numba callback": (VECTORBT, "callback"),
    "backtesting.py": (BACKTESTING, ""),
    "backtrader": (BACKTRADER, ""),
}
BY_WORKLOAD = {
    "W1": ("vectorbt rust", "vectorbt numba", "backtesting.py", "backtrader"),
    "W2": ("vectorbt rust", "vectorbt numba", "vectorbt numba callback", "backtesting.py", "backtrader"),
    "W3": ("backtesting.py", "backtrader"),
}
BACKTRADER_BARS = 20_000
OUR_IMPORTS = ("import numba", "import backtester", "from backtester import Bars, Strategy, run")

REACH_W1_KERNEL = 5.0
REACH_W1_WHOLE = 8.0
REACH_W2_KERNEL = 6.0
REACH_W3_BARS_PER_SECOND = 200_000.0
REACH_W4_SECONDS = {"empty": 15.0, "warm": 1.5, "edited": 2.5}
REACH_IMPORT_SECONDS = 0.6
REACH_MEMORY_MB = 100.0

NARROWEST = 160

console = Console(width=max(Console().width, NARROWEST))


@dataclass(frozen=True)
class Plan:
    """How much to run, and where the peers live."""

    python: str
    bars: int
    runs: int
    starts: int

    def repeats(self, peer: str) -> int:
        """Timed runs of a peer: as many as ours for the fast ones, few for the slow."""
        return self.runs if peer.startswith("vectorbt") else 3


def _inside(plan: Plan, workload: str, bars: int, runs: int) -> Answer:
    console.print(f"{workload}: floor and backtester, {bars:,} bars")
    head = min(bars, BACKTRADER_BARS)
    command = ["-m", "benchmarks.inside", "--workload", workload, "--bars", str(bars)]
    command += ["--runs", str(runs), "--head", str(head)]
    with tempfile.TemporaryDirectory() as caches:
        return {**call(command, sys.executable, environment(Path(caches))), "bars": bars}


def _peer(plan: Plan, workload: str, peer: str, bars: int) -> Answer:
    console.print(f"{workload}: {peer}")
    module, variant = PEERS[peer]
    head = min(bars, BACKTRADER_BARS) if peer == "backtrader" else bars
    command = ["-m", module, "--workload", "W2" if workload == "W2" else "W1", "--variant", variant]
    command += ["--bars", str(bars), "--head", str(head), "--repeats", str(plan.repeats(peer))]
    with tempfile.TemporaryDirectory() as caches:
        answer = call(command, plan.python, environment(Path(caches)))
    return {"engine": peer, **answer, "market_bars": bars}


def _peers(plan: Plan, workload: str, bars: int) -> list[Answer]:
    return [_peer(plan, workload, peer, bars) for peer in BY_WORKLOAD[workload]]


def _w1(plan: Plan) -> list[sections.Section]:
    inside, peers = _inside(plan, "W1", plan.bars, plan.runs), _peers(plan, "W1", plan.bars)
    work = f"SMA 10/30 all-in, {plan.bars:,} bars; × = the floor"
    return [
        sections.speed("W1 indicators + kernel", work, inside, peers, "kernel", REACH_W1_KERNEL),
        sections.speed("W1 whole run + metrics", work, inside, peers, "whole", REACH_W1_WHOLE),
        sections.memory(inside, peers, REACH_MEMORY_MB),
    ]


def _w2(plan: Plan) -> list[sections.Section]:
    inside, peers = _inside(plan, "W2", plan.bars, plan.runs), _peers(plan, "W2", plan.bars)
    work = f"with stop loss and take profit, {plan.bars:,} bars; × = the floor"
    return [sections.speed("W2 indicators + kernel", work, inside, peers, "kernel", REACH_W2_KERNEL)]


def _w3(plan: Plan) -> list[sections.Section]:
    inside, peers = _inside(plan, "W3", QUICK_BARS, max(3, plan.starts)), _peers(plan, "W3", QUICK_BARS)
    return [sections.interpreted(inside, peers, REACH_W3_BARS_PER_SECOND)]


def _w4(plan: Plan) -> list[sections.Section]:
    console.print(f"W4: process starts, {START_BARS:,} bars")
    measured = [("backtester", *measure_ours(plan.starts))]
    for peer in ("vectorbt rust", "vectorbt numba", "backtesting.py"):
        console.print(f"W4: {peer}")
        module, variant = PEERS[peer]
        measured.append((peer, *measure_peer(plan.python, module, variant, plan.starts)))
    return [sections.starts(measured, REACH_W4_SECONDS)]


def _import(plan: Plan) -> list[sections.Section]:
    console.print("imports")
    statements = [(statement, sys.executable) for statement in OUR_IMPORTS]
    statements += [(f"import {name}", plan.python) for name in ("vectorbt", "backtesting", "backtrader")]
    return [sections.imports(measure_imports(statements, max(3, plan.starts + 4)), REACH_IMPORT_SECONDS)]


MEASURES = {"W1": _w1, "W2": _w2, "W3": _w3, "W4": _w4, "import": _import}


def main(
    quick: Annotated[bool, typer.Option(help="A tenth of the bars and few runs: to see that it works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(WORK)}; may be repeated.")] = None,
    peer_python: Annotated[str | None, typer.Option(help="The Python that has the peers.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every measurement to this file.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/engine.md and .json.")] = False,
) -> None:
    """Measure and print one table. Exit code 1 if our engine failed or its result is not the floor's."""
    chosen = only or list(WORK)
    if unknown := [name for name in chosen if name not in MEASURES]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(WORK)}", param_hint="--only")
    python = peers_python(peer_python)
    plan = Plan(python, QUICK_BARS, 5, 1) if quick else Plan(python, FULL_BARS, 15, 3)
    found = [section for name in WORK if name in chosen for section in MEASURES[name](plan)]
    table.show(found, console)
    if json_path is not None:
        json_path.write_text(json.dumps(table.as_data(found), indent=1) + "\n", encoding="utf-8")
    if write:
        table.write(found)
    alarms = [f"{section.title}: {row.engine}: {row.note}" for section in found for row in section.rows if row.alarm]
    for alarm in alarms:
        console.print(alarm, style="bold red")
    raise typer.Exit(1 if alarms else 0)


if __name__ == "__main__":
    typer.run(main)
