"""`python -m benchmarks.env`: steps a second of environments, and the memory of many, in one table.

As `benchmarks.engine`: every library in a process of its own, one at a time; the floor and our environment share a
process and take turns.
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

from benchmarks import table
from benchmarks.env import rows
from benchmarks.launch import Answer, call, environment, peers_python
from benchmarks.sections import Section

WORK = ("one", "64", "1024", "4096", "memory")
PEERS = "benchmarks.peers.environments"
ONE_PEERS = ("gym-anytrading", "Gym-Trading-Env", "FinRL", "gymnasium CartPole")
MANY_PEERS = ("gym-anytrading", "Gym-Trading-Env", "EnvPool CartPole")
COMPARED = 1024  # copies at which peers are measured too

REACH_ONE = 300_000.0
REACH_MANY = 4_000_000.0
REACH_MEMORY_MB = 50.0

NARROWEST = 160

console = Console(width=max(Console().width, NARROWEST))


@dataclass(frozen=True)
class Plan:
    """How much to run, and where the peers live."""

    python: str
    bars: int
    memory_bars: int
    peer_bars: int
    seconds: float
    runs: int


QUICK = {"bars": 20_000, "memory_bars": 100_000, "peer_bars": 2_000, "seconds": 0.1, "runs": 3}
FULL = {"bars": 200_000, "memory_bars": 1_000_000, "peer_bars": 10_000, "seconds": 0.5, "runs": 11}


def _inside(plan: Plan, caches: Path, work: str, n: int, bars: int) -> Answer:
    console.print(f"{work}: backtester" + (f", {n:,} copies" if n > 1 else ""))
    command = ["-m", "benchmarks.env.inside", "--work", work, "--n", str(n), "--bars", str(bars)]
    command += ["--seconds", str(plan.seconds), "--runs", str(plan.runs)]
    return call(command, sys.executable, environment(caches))


def _peers(plan: Plan, caches: Path, libraries: tuple[str, ...], n: int) -> list[Answer]:
    answers = []
    for library in libraries:
        console.print(f"{n:,}: {library}")
        command = ["-m", PEERS, "--library", library, "--n", str(n), "--bars", str(plan.peer_bars)]
        command += ["--seconds", str(plan.seconds), "--runs", str(plan.runs)]
        answers.append({**call(command, plan.python, environment(caches)), "library": library, "n": n})
    return answers


def measure(plan: Plan, chosen: list[str]) -> list[Section]:
    """Every section asked for; the compilers' caches begin empty, and the first section fills them."""
    found, of_many = [], []
    work = "8 features × window 8, discrete exposures, random actions; × = the fastest peer"
    with tempfile.TemporaryDirectory() as folder:
        caches = Path(folder)
        if "one" in chosen:
            inside, peers = _inside(plan, caches, "one", 1, plan.bars), _peers(plan, caches, ONE_PEERS, 1)
            found.append(rows.speed("one environment", work, inside, peers, {"raw": REACH_ONE}))
        if {str(COMPARED), "memory"} & set(chosen):
            of_many = _peers(plan, caches, MANY_PEERS, COMPARED)
        for name in WORK[1:-1]:
            if name in chosen:
                n, peers = int(name), of_many if int(name) == COMPARED else []
                inside = _inside(plan, caches, "many", n, plan.bars)
                reaches = {"core": REACH_MANY, "gymnasium": REACH_MANY} if n == COMPARED else {}
                caption = work if peers else work.partition(";")[0]
                found.append(rows.speed(f"{n:,} environments, one call", caption, inside, peers, reaches))
        if "memory" in chosen:
            inside = _inside(plan, caches, "memory", COMPARED, plan.memory_bars)
            found.append(rows.memory(inside, of_many[:2], REACH_MEMORY_MB))
    return found


def main(
    quick: Annotated[bool, typer.Option(help="A tenth of the bars and few runs: to see that it works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(WORK)}; may be repeated.")] = None,
    peer_python: Annotated[str | None, typer.Option(help="The Python that has the peers.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every measurement to this file.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/env.md and .json.")] = False,
) -> None:
    """Measure and print one table. Exit code 1 if our environment failed or its equity is not the floor's."""
    chosen = only or list(WORK)
    if unknown := [name for name in chosen if name not in WORK]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(WORK)}", param_hint="--only")
    found = measure(Plan(peers_python(peer_python), **(QUICK if quick else FULL)), chosen)
    packages = ("numba", "numpy", "gymnasium")
    table.show(found, console, "env", packages)
    if json_path is not None:
        json_path.write_text(json.dumps(table.as_data(found, packages), indent=1) + "\n", encoding="utf-8")
    if write:
        table.write(found, "env", packages)
    alarms = [f"{section.title}: {row.engine}: {row.note}" for section in found for row in section.rows if row.alarm]
    for alarm in alarms:
        console.print(alarm, style="bold red")
    raise typer.Exit(1 if alarms else 0)


if __name__ == "__main__":
    typer.run(main)
