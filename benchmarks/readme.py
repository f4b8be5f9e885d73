"""The tables of the README, from `results/*.json`: `python -m benchmarks.readme` writes them between their markers."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.table import DECIMALS, RESULTS

README = RESULTS.parents[1] / "README.md"
START, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"
#: the sections a README table is cut down to; the results have all
SHOWN = {
    "portfolio": ("P1 monthly, run", "P2 daily, run", "P3 grid of working orders", "P4 backtesting.py's examples"),
    "env": ("one environment", "1,024 environments, one call", "memory"),
    "signals": ("features", "planted signal", "triple barrier", "walk-forward"),
}
MARKERS = {
    "engine": (START, END),
    **{
        name: (f"<!-- {name}:start -->", f"<!-- {name}:end -->")
        for name in ("sweep", "portfolio", "signals", "env", "training")
    },
}


def block(data: dict[str, Any], name: str = "engine") -> str:
    """Return the figures that were measured, one short table per section, as Markdown."""
    lines = [
        ", ".join(data["machine"].values()) + f", medians of one run of `python -m benchmarks.{name} --write`.",
        "",
    ]
    lines += ["| | median | × | target | final equity |", "|---|---:|---:|---|---:|"]
    for section in data["sections"]:
        if section["title"] not in SHOWN.get(name, (section["title"],)):
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


def with_block(text: str, figures: str, name: str = "engine") -> str:
    """Return a README with the figures between its markers."""
    start, end = MARKERS[name]
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    if not tail:
        raise ValueError(f"{README.name} has no {start} … {end}")
    return f"{head}{start}\n{figures}\n{end}{tail}"


def main() -> None:
    """Write the tables into the README; one that it has no markers for, or was not measured yet, is left out."""
    text = README.read_text(encoding="utf-8")
    for name, (start, _) in MARKERS.items():
        measured = RESULTS / f"{name}.json"
        if start in text and measured.exists():
            data = json.loads(measured.read_text(encoding="utf-8"))
            text = with_block(text, block(data, name), name)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
