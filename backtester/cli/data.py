"""`backtester data check`: everything that is wrong with market data, before anything trades on it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated

import typer

from backtester.cli import options as o
from backtester.cli.failures import EXIT_CODES, ExitCode
from backtester.cli.inputs import SAMPLE, files_of, kind_of, load_bars, reading_options
from backtester.cli.output import plain, say, say_json

if TYPE_CHECKING:
    from backtester.bars import Finding

app = typer.Typer(help="Look at market data.", rich_markup_mode="rich")


@app.callback()
def data() -> None:
    """Look at market data."""


@app.command(epilog=EXIT_CODES)
def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH|sample:NAME",
            show_default=False,
            help="A .csv, .csv.gz or .parquet file, a folder or pattern of them, or a bundled sample.",
        ),
    ],
    reading: o.Reading = None,
    as_json: o.AsJson = False,
) -> None:
    """Check bars by every rule, print all findings, and exit with 1 if there are any.

    Rules: times increase; prices are finite, above zero, and between low and high; volume is not negative; and, as a
    warning, no jump looks like an unadjusted split.
    """
    found = findings_of(source, reading or [])
    errors = sum(finding.severity == "error" for finding in found)
    if as_json:
        document = {"source": source, "errors": errors, "warnings": len(found) - errors}
        say_json({**document, "findings": [_as_dict(finding) for finding in found]})
    elif found:
        for finding in found:
            say(f"{finding.severity}: {' '.join(str(finding).split())}")
        say(f"{source}: {_counted(errors, 'error')}, {_counted(len(found) - errors, 'warning')}")
    else:
        say(f"{source}: no findings in {_described(source, reading or [])}")
    if found:
        raise typer.Exit(ExitCode.FINDINGS)


def findings_of(source: str, reading: list[str]) -> list[Finding]:
    """Return what is wrong with a source.

    Raises
    ------
    DataError
        If there is no such file or sample, or an option for reading it is wrong.
    """
    from backtester.bars.check import report

    if source.startswith(SAMPLE):
        return report(load_bars([source], reading_options(reading)))
    from backtester.bars.files import expand
    from backtester.bars.options import read_options

    patterns = ("*.parquet", "*.pq") if kind_of(source) == "parquet" else ("*.csv", "*.csv.gz")
    path, options = files_of(source), reading_options(reading)
    expand(path, patterns)
    read_options({name: value for name, value in options.items() if name not in ("separator", "decimal", "encoding")})
    return report(path, **options)


def _described(source: str, reading: list[str]) -> str:
    """Return how the bars of a source were understood."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bars = load_bars([source], reading_options(reading))
    return repr(bars).strip("<>")


def _as_dict(finding: Finding) -> dict[str, object]:
    return {name: plain(getattr(finding, name)) for name in finding.__slots__}


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
