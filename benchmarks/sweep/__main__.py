"""`python -m benchmarks.sweep`: a grid of SMA pairs, a large one, and a thousand strategies with brackets.

Beside them, what the trial ledger adds to the first, and the probability of backtest overfitting of a thousand trials.

As `benchmarks.engine`: every engine in a process of its own, one at a time, with empty compiler caches; the floor and
our engine share a process and take turns.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import sections, table
from benchmarks.launch import Answer, call, environment, peers_python
from benchmarks.sweep import rows
from benchmarks.sweep.grids import GRIDS, WORDS

PEERS = {
    "S1": {"vectorbt numba": "numba", "vectorbt rust": "rust"},
    "S2": {},
    "S3": {"vectorbt numba callback": "numba"},
}
REACH: dict[str, tuple[float | None, float | None]] = {"S1": (0.4, None), "S2": (40.0, None), "S3": (None, 10.0)}
REACH_MB = {"S1": 150.0, "S2": 150.0, "S3": None}
RUNS = {"S1": 11, "S2": 3, "S3": 7, "ledger": 61, "pbo": 7}
BESIDE = {"ledger": (rows.ledger, 0.05), "pbo": (rows.pbo, 1.0)}

console = Console(width=max(Console().width, 160))


def _started(command: list[str], python: str) -> Answer:
    with tempfile.TemporaryDirectory() as empty:
        return call(command, python, environment(Path(empty)))


def _measured(workload: str, quick: bool, python: str) -> tuple[Answer, list[tuple[str, Answer]]]:
    console.print(f"{workload}: floor and backtester")
    common = ["--workload", workload, *(["--quick"] if quick else [])]
    runs = ["--runs", "2" if quick else str(RUNS[workload])]
    inside = _started(["-m", "benchmarks.sweep.inside", *common, *runs], sys.executable)
    peers = []
    for name, variant in PEERS[workload].items():
        console.print(f"{workload}: {name}")
        command = ["-m", "benchmarks.peers.vectorbt_sweep", *common, "--variant", variant]
        peers.append((name, _started([*command, "--runs", "1" if quick else "3"], python)))
    return inside, peers


def _beside(workload: str, quick: bool) -> Answer:
    console.print(workload)
    sizes = ["--quick", "--runs", "3"] if quick else ["--runs", str(RUNS[workload])]
    return _started(["-m", "benchmarks.sweep.beside", "--workload", workload, *sizes], sys.executable)


def main(
    quick: Annotated[bool, typer.Option(help="A tenth of the sets and few runs: to see that it works.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join((*GRIDS, *BESIDE))}; may be repeated.")
    ] = None,
    peer_python: Annotated[str | None, typer.Option(help="The Python that has the peers.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every measurement to this file.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/sweep.md and .json.")] = False,
) -> None:
    """Measure and print one table. Exit code 1 if our engine failed or a final equity is not the floor's."""
    known = (*GRIDS, *BESIDE)
    chosen = only or list(known)
    if unknown := [name for name in chosen if name not in known]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(known)}", param_hint="--only")
    python = peers_python(peer_python)
    measured = [(name, *_measured(name, quick, python)) for name in GRIDS if name in chosen]
    found: list[sections.Section] = [
        rows.section(name, WORDS[name], inside, peers, (None, None) if quick else REACH[name])
        for name, inside, peers in measured
    ]
    reaches = [(name, inside, peers, None if quick else REACH_MB[name]) for name, inside, peers in measured]
    if reaches:
        found.append(rows.memory(reaches))
    for name, (section, reach) in BESIDE.items():
        if name in chosen:
            found.append(section(_beside(name, quick), None if quick else reach))
    table.show(found, console, "sweep")
    if json_path is not None:
        json_path.write_text(json.dumps(table.as_data(found), indent=1) + "\n", encoding="utf-8")
    if write:
        table.write(found, "sweep")
    alarms = [f"{one.title}: {row.engine}: {row.note}" for one in found for row in one.rows if row.alarm]
    for alarm in alarms:
        console.print(alarm, style="bold red")
    raise typer.Exit(1 if alarms else 0)


if __name__ == "__main__":
    typer.run(main)
