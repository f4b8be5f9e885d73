"""`backtester compare` and `backtester diff`: stored results side by side, and where two of them part."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len

from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.output import columns, on_terminal, say, say_json, say_prose
from backtester.errors import ResultError, did_you_mean

if TYPE_CHECKING:
    from backtester.diff import Comparison
    from backtester.result import Result

_FOLDER = "A folder that `backtester run --out` or result.to_parquet wrote."


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RESULT...", show_default=False, help=_FOLDER)],
    every: Annotated[bool, typer.Option("--all", help="Show every metric, not the key ones alone.")] = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Set stored results side by side.

    Their metrics, what they were given differently, and what forbids comparing them.

    Example: `backtester compare runs/fast10 runs/fast20 runs/fast50`
    """
    from backtester.diff import compare as compare_results

    results = [load(folder) for folder in folders]
    found = compare_results(*results, names=short_names(folders))
    if as_json:
        say_json({**found.as_dict(), "folders": [str(folder) for folder in folders]})
    elif not quiet:
        say_prose("\n\n".join(part.text(every) for part in fitting(found, every, columns() if on_terminal() else None)))


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", show_default=False, help=_FOLDER)],
    b: Annotated[Path, typer.Argument(metavar="B", show_default=False, help=_FOLDER)],
    rtol: Annotated[
        float, typer.Option(help="Numbers no further apart than this fraction of the larger count as equal.")
    ] = 0.0,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Find where two stored runs part; exit with 1 if they do.

    The first bar, order, fill or cash flow in which they differ, and why.

    Example: `backtester diff runs/before runs/after`
    """
    from backtester.diff import diff as diff_results

    one, other = load(a), load(b)
    names = short_names([a, b])
    found = diff_results(one, other, names=(names[0], names[1]), rtol=rtol)
    if as_json:
        say_json({**found.as_dict(), "folders": [str(a), str(b)]})
    elif not quiet:
        say(str(found))
    if found:
        raise typer.Exit(ExitCode.FINDINGS)


def fitting(found: Comparison, every: bool, width: int | None) -> list[Comparison]:
    """Return a comparison in parts of as many results as fit beside each other; the notes are in the last.

    Parameters
    ----------
    found : Comparison
    every : bool
        Whether every metric is shown.
    width : int, optional
        Columns there are; None for any number.
    """
    n = len(found.names)
    for size in range(n, 0, -1):
        parts = [_part(found, at, at + size) for at in range(0, n, size)]
        if width is None or all(cell_len(line) <= width for part in parts for line in part.text(every).splitlines()):
            break
    return [*parts[:-1], dataclasses.replace(parts[-1], notes=found.notes)]


def _part(found: Comparison, first: int, end: int) -> Comparison:
    return dataclasses.replace(
        found,
        names=found.names[first:end],
        metrics={name: values[first:end] for name, values in found.metrics.items()},
        different={name: values[first:end] for name, values in found.different.items()},
        notes=(),
    )


def load(folder: Path) -> Result:
    """Return a stored result.

    Raises
    ------
    ResultError
        If there is none; a folder of a similar name is suggested.
    """
    from backtester.result import Result

    if not folder.exists():
        near = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        meant = did_you_mean(folder.name, near)
        raise ResultError(f"{folder}: there is no such folder{meant}; `backtester run … --out DIR` writes one")
    return Result.load(folder)


def short_names(folders: list[Path]) -> tuple[str, ...]:
    """Return what to call results: the last parts of their paths, as many as tell them apart."""
    full = [Path(os.path.abspath(folder)) for folder in folders]
    for n in range(1, max(len(path.parts) for path in full) + 1):
        names = tuple("/".join(path.parts[-n:]) for path in full)
        if len(set(names)) == len(names):
            return names
    return tuple(f"{path.name} ({k + 1})" for k, path in enumerate(full))
