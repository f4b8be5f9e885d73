"""The tables of README.md and docs/performance.md, from `results/*.json`: `python -m benchmarks.readme` writes them.

A table stands between the markers `<!-- NAME:start -->` and `<!-- NAME:end -->` of its page. No figure is typed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import DECIMALS, RESULTS

ROOT = RESULTS.parents[1]


@dataclass(frozen=True)
class Shown:
    """A table on a page.

    Attributes
    ----------
    page : Path
        Where it is.
    marker : str
        The name in its markers.
    result : str
        The measurement, `results/<result>.json`.
    sections : tuple of str
        The titles of the sections that are shown; all where it is empty.
    """

    page: Path
    marker: str
    result: str
    sections: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """The measurement."""
        return json.loads((RESULTS / f"{self.result}.json").read_text(encoding="utf-8"))


PERFORMANCE = ROOT / "docs" / "performance.md"
SHOWN = (
    Shown(ROOT / "README.md", "benchmarks", "engine", ("W1 whole run + metrics", "W4 process start to metrics")),
    *(Shown(PERFORMANCE, name, name) for name in ("engine", "portfolio", "env", "training", "signals", "sweep")),
)


def block(shown: Shown) -> str:
    """Return the figures that were measured, one short table per section, as Markdown."""
    data = shown.data
    lines = [
        f"{', '.join(data['machine'].values())}, medians of one run of `python -m benchmarks.{shown.result} --write`.",
        "",
    ]
    lines += ["| | median | × | target | final equity |", "|---|---:|---:|---|---:|"]
    for section in data["sections"]:
        if shown.sections and section["title"] not in shown.sections:
            continue
        lines.append(f"| **{section['title']}** | | | | |")
        lines += [_row(row) for row in section["rows"] if row["median"] is not None]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    ratio, met = row["ratio"], row["met"]
    cells = (
        row["engine"],
        f"{row['median']:,.{DECIMALS[row['unit']]}f} {row['unit']}",
        "" if ratio is None else f"{ratio:,.1f}",
        f"{row['reach']}{'' if met is None else ', reached' if met else ', missed'}",
        "" if row["final_equity"] is None else f"{row['final_equity']:,.2f}",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def with_block(text: str, shown: Shown) -> str:
    """Return the text of a page with the figures between their markers."""
    start, end = f"<!-- {shown.marker}:start -->", f"<!-- {shown.marker}:end -->"
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    if not tail:
        raise ValueError(f"{shown.page.name} has no {start} … {end}")
    return f"{head}{start}\n{block(shown)}\n{end}{tail}"


def main() -> None:
    """Write every table into its page."""
    for shown in SHOWN:
        text = shown.page.read_text(encoding="utf-8")
        shown.page.write_text(with_block(text, shown), encoding="utf-8")


if __name__ == "__main__":
    main()
