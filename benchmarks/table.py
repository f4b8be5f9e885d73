"""One table: on the terminal with rich, in `benchmarks/results/` as Markdown and JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.sections import Row, Section

RESULTS = Path(__file__).resolve().parent / "results"
COLUMNS = ("engine", "median", "min – max", "×", "reach", "final equity", "first call", "note")
RIGHT = (1, 2, 3, 5, 6)
PACKAGES = ("numba", "numpy")  # whose versions a table names
DECIMALS = {"IC": 4, "ms": 1, "s": 2, "bars/s": 0, "MB": 0, "µs/bar": 3, "steps/s": 0, "%": 2, "µs": 0}


def _number(value: float, unit: str) -> str:
    return f"{value:,.{DECIMALS[unit]}f}"


def _cells(row: Row) -> tuple[str, ...]:
    median = row.median
    verdict = "" if row.met is None else (" yes" if row.met else " NO")
    return (
        row.engine,
        "–" if median is None else f"{_number(median, row.unit)} {row.unit}",
        "" if len(row.values) < 2 else f"{_number(min(row.values), row.unit)} – {_number(max(row.values), row.unit)}",
        "" if row.ratio is None else f"{row.ratio:,.2f}" if row.ratio < 10 else f"{row.ratio:,.0f}",
        row.reach + verdict,
        "" if row.final_equity is None else f"{row.final_equity:,.2f}",
        "" if row.cold is None else f"{row.cold:,.2f} s",
        row.note,
    )


def show(
    sections: Sequence[Section], console: Console, name: str = "engine", packages: Sequence[str] = PACKAGES
) -> None:
    """Print the table of `python -m benchmarks.<name>`."""
    table = Table(header_style="bold", title=f"benchmarks.{name}", caption=", ".join(machine(packages).values()))
    for i, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if i in RIGHT else "left", no_wrap=i != len(COLUMNS) - 1)
    for section in sections:
        table.add_section()
        heading = (section.title, *[""] * (len(COLUMNS) - 2), section.caption)
        table.add_row(*(Text(cell, style="bold") for cell in heading))
        for row in section.rows:
            style = "bold red" if row.alarm else "yellow" if row.met is False else "green" if row.met else ""
            table.add_row(*(Text(cell) for cell in _cells(row)), style=style)
    console.print(table)


def markdown(sections: Sequence[Section], name: str = "engine", packages: Sequence[str] = PACKAGES) -> str:
    """The table as Markdown, with the machine above it."""
    lines = [
        f"# Results of `python -m benchmarks.{name} --write`",
        "",
        ", ".join(machine(packages).values()) + ".",
        "",
    ]
    for section in sections:
        rule = "|".join("---:" if i in RIGHT else "---" for i in range(len(COLUMNS)))
        lines += [
            f"## {section.title}",
            "",
            f"{section.caption[0].upper()}{section.caption[1:]}.",
            "",
            "| " + " | ".join(COLUMNS) + " |",
            f"|{rule}|",
        ]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(row)) + " |" for row in section.rows]
        lines.append("")
    return "\n".join(lines)


def as_data(sections: Sequence[Section], packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """Machine and every measurement, for JSON."""
    rows = [
        {"title": s.title, "caption": s.caption, "rows": [{**asdict(row), "median": row.median} for row in s.rows]}
        for s in sections
    ]
    return {"machine": machine(packages), "sections": rows}


def write(sections: Sequence[Section], name: str = "engine", packages: Sequence[str] = PACKAGES) -> None:
    """Write `results/<name>.md` and `results/<name>.json`."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(markdown(sections, name, packages), encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(as_data(sections, packages), indent=1) + "\n", encoding="utf-8")


def machine(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """What the numbers depend on."""
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count()} cores",
        "system": platform.system(),
        "python": f"Python {platform.python_version()}",
        **{name: f"{name} {_version(name)}" for name in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
