"""`python -m benchmarks.training`: SB3's PPO on our environment, on none, and as SB3 runs it by default, in one table.

All three share a process and take turns, a few rollouts each with the updates that follow.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import table
from benchmarks.launch import call, environment
from benchmarks.training import rows

REACH_OF_NULL = 0.90
REACH_TIMES_DEFAULT = 10.0
REACH_SHARE_PERCENT = 5.0

QUICK = {"bars": 20_000, "rollouts": 1, "runs": 3}
FULL = {"bars": 200_000, "rollouts": 2, "runs": 11}
NARROWEST = 160

console = Console(width=max(Console().width, NARROWEST))


def main(
    quick: Annotated[bool, typer.Option(help="A tenth of the bars and few runs: to see that it works.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every measurement to this file.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/training.md and .json.")] = False,
) -> None:
    """Measure and print one table. Exit code 1 if a training failed."""
    command = ["-m", "benchmarks.training.inside"]
    for name, value in (QUICK if quick else FULL).items():
        command += [f"--{name}", str(value)]
    console.print("training: PPO, three ways")
    with tempfile.TemporaryDirectory() as folder:
        inside = call(command, sys.executable, environment(Path(folder)))
    found = rows.training(inside, REACH_OF_NULL, REACH_TIMES_DEFAULT, REACH_SHARE_PERCENT)
    packages = ("numba", "numpy", "torch", "stable-baselines3")
    table.show(found, console, "training", packages)
    if json_path is not None:
        json_path.write_text(json.dumps(table.as_data(found, packages), indent=1) + "\n", encoding="utf-8")
    if write:
        table.write(found, "training", packages)
    alarms = [f"{section.title}: {row.engine}: {row.note}" for section in found for row in section.rows if row.alarm]
    for alarm in alarms:
        console.print(alarm, style="bold red")
    raise typer.Exit(1 if alarms else 0)


if __name__ == "__main__":
    typer.run(main)
