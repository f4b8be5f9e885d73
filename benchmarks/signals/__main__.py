"""`python -m benchmarks.signals`: what signals cost and what they find, in one table.

Each measurement runs in a process of its own, one at a time; they share compiler caches, which are empty at first.
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
from benchmarks.launch import call, environment, missing
from benchmarks.sections import Row, Section
from benchmarks.signals.rows import names, row

PACKAGES = ("numba", "numpy", "scikit-learn", "lightgbm", "torch")
NARROWEST = 160

console = Console(width=max(Console().width, NARROWEST))


def measured(name: str, quick: bool, caches: Path) -> list[Section]:
    """Return the part of the table of one measurement, or a line that says why there is none."""
    console.print(f"signals: {name}")
    command = ["-m", "benchmarks.signals.inside", name, *(["--quick"] if quick else [])]
    answer = call(command, sys.executable, environment(caches))
    if (why := missing(answer)) is not None:
        return [Section(name, "not measured", [Row(name, "s", note=why, alarm=True)])]
    return row(name).sections(answer)


def main(
    quick: Annotated[bool, typer.Option(help="A small part of the work and few runs: to see that it works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(names())}; may be repeated.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every measurement to this file.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/signals.md and .json.")] = False,
) -> None:
    """Measure and print one table. Exit code 1 if a measurement failed or its result is wrong."""
    chosen = only or names()
    if unknown := [name for name in chosen if name not in names()]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(names())}", param_hint="--only")
    with tempfile.TemporaryDirectory() as folder:
        found = [section for name in names() if name in chosen for section in measured(name, quick, Path(folder))]
    table.show(found, console, "signals", PACKAGES)
    if json_path is not None:
        json_path.write_text(json.dumps(table.as_data(found, PACKAGES), indent=1) + "\n", encoding="utf-8")
    if write:
        table.write(found, "signals", PACKAGES)
    alarms = [f"{section.title}: {one.engine}: {one.note}" for section in found for one in section.rows if one.alarm]
    for alarm in alarms:
        console.print(alarm, style="bold red")
    raise typer.Exit(1 if alarms else 0)


if __name__ == "__main__":
    typer.run(main)
