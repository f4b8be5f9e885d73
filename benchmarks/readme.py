"""The table of the README, from `results/engine.json`: `python -m benchmarks.readme` writes it between its markers."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.table import DECIMALS, RESULTS

README = RESULTS.parents[1] / "README.md"
START, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"


def block(data: dict[str, Any]) -> str:
    """Return the figures that were measured, one short table per section, as Markdown."""
    lines = [", ".join(data["machine"].values()) + ", medians of one run of `python -m benchmarks.engine --write`.", ""]
    lines += ["| | median | × | target | final equity |", "|---|---:|---:|---|---:|"]
    for section in data["sections"]:
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


def with_block(text: str, figures: str) -> str:
    """Return a README with the figures between its markers."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError(f"{README.name} has no {START} … {END}")
    return f"{head}{START}\n{figures}\n{END}{tail}"


def main() -> None:
    """Write the table into the README."""
    data = json.loads((RESULTS / "engine.json").read_text(encoding="utf-8"))
    README.write_text(with_block(README.read_text(encoding="utf-8"), block(data)), encoding="utf-8")


if __name__ == "__main__":
    main()
