"""`python -m benchmarks.agents [CONFIG]`: algorithms × tasks × seeds, one JSON and one HTML page.

A CONFIG is the name of a file in this folder, `tasks`, `markets` or `smoke`, or the path of another. Finished runs are
kept in `.agents/` of the working directory, or `--work`, so that a benchmark that was stopped goes on where it was.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.table import RESULTS
from envs.benchmark.show import show

HOME = Path(__file__).resolve().parent
WORK = Path(".agents")


def config_path(name: str) -> Path:
    """Return the file of a config: a shipped one by its name, or a path."""
    shipped = HOME / f"{name}.yml"
    return shipped if shipped.exists() else Path(name)


def main(
    config: Annotated[str, typer.Argument(help="tasks, markets, smoke, or the path of a YAML file.")] = "tasks",
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/agents/; else into the work folder.")] = False,
    work: Annotated[Path, typer.Option(help="For finished runs and trained agents.")] = WORK,
    workers: Annotated[int, typer.Option(help="Runs at once; 0: in this process.", min=0)] = os.cpu_count() or 1,
    executor: Annotated[str, typer.Option(metavar="processes|ray", help="Who does them.")] = "processes",
    keep_agents: Annotated[bool, typer.Option(help="Save the trained agents too.")] = False,
) -> None:
    """Run what is left of a benchmark and show its tables. Exit code 1 if an alarm rang, or a run failed."""
    command = shlex.join(["python", "-m", "benchmarks.agents", *sys.argv[1:]])
    folder = RESULTS / "agents" if write else work
    found = show(
        config_path(config),
        folder,
        work=work,
        workers=workers,
        executor=executor,
        keep_agents=keep_agents,
        command=command,
    )
    code = 1 if found.alarms else 0
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(main)
