"""`backtester report`: one HTML page of stored results, or of a benchmark of agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backtester.cli import options as o
from backtester.cli.compare import load, short_names
from backtester.cli.inputs import check_writable
from backtester.cli.output import say, say_json

_WHAT = "A folder that `backtester run --out` wrote, or the JSON of `backtester bench-agents`."


def report(
    subjects: Annotated[list[Path], typer.Argument(metavar="RESULT...", show_default=False, help=_WHAT)],
    out: Annotated[
        Path, typer.Option(metavar="FILE", rich_help_panel=o.OUTPUT, help="Write the page to this file.")
    ] = Path("report.html"),
    title: Annotated[str, typer.Option(rich_help_panel=o.OUTPUT, help="Of the window.")] = "",
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Write one HTML page about stored results.

    Several are set side by side on a first page.

    Example: `backtester report runs/fast10 runs/fast20 --out both.html`
    """
    from backtester.report import write_report

    check_writable(out)
    names = short_names(subjects)
    write_report({name: _read(path) for name, path in zip(names, subjects, strict=True)}, out, title=title)
    if as_json:
        say_json({"report": str(out), "results": list(names), "bytes": out.stat().st_size})
    elif not quiet:
        say(f"Wrote {out} ({out.stat().st_size / 1e6:.2f} MB).")


def _read(path: Path) -> Any:
    """Return what is stored at a path: a result in a folder, a benchmark in a file."""
    if path.suffix == ".json" and path.is_file():
        from envs.benchmark.sections import AgentBenchmark

        return AgentBenchmark.read(path)
    return load(path)
