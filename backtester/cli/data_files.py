"""`backtester data convert` and `backtester data sample`: bars written to files, in full or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.inputs import SAMPLE, check_writable, load_bars, reading_options
from backtester.cli.output import say, say_json, say_table
from backtester.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from backtester.bars import Bars

_WRITTEN = (".csv", ".csv.gz", ".parquet", ".pq")


def convert(
    source: o.Source,
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", show_default=False, help="The file to write: .csv, .csv.gz or .parquet."),
    ],
    to: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="Make longer bars: 5min, 1h, 1D, 1W, W-FRI, 1ME, …, as Bars.resample does."),
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbol", metavar="SYMBOL", help="Keep this asset alone. Repeatable.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="From this session or time on, such as 2010 or 2010-05."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Up to and with this session.")] = None,
    reading: o.Reading = None,
    force: o.Force = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Read bars, check them, and write them to a file.

    As CSV or Parquet, by the suffix of OUT. Reading OUT gives equal bars, to the last bit.

    Example: `backtester data convert prices/ prices.parquet --to 1D`
    """
    check_target(out, force)
    bars = load_bars([source], reading_options(reading or []))
    if start is not None or until is not None:
        bars = bars[start:until]
    if symbols:
        bars = bars.select(symbols)
    if to is not None:
        bars = bars.resample(to)
    write(bars, out)
    tell(bars, source, out, as_json, quiet)


def sample(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", show_default=False, autocompletion=completion.samples, help="One of them, in full."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the sample to this file: .csv, .csv.gz or .parquet.")
    ] = None,
    force: o.Force = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """List the bundled samples, show one, or write one.

    With their sources and licences.

    Example: `backtester data sample`

    Example: `backtester data sample sp500 --out sp500.csv`
    """
    from backtester.bars.samples import describe, load, names

    if name is None:
        if out is not None:
            raise DataError(f"--out {out}: name the sample to write: {', '.join(names())}")
        entries = {name: describe(name) for name in names()}
        if as_json:
            say_json({"samples": [_plain(name, entry) for name, entry in entries.items()]})
        elif not quiet:
            _list(entries)
        return
    name = name.removeprefix(SAMPLE)
    entry = describe(name)
    if out is not None:
        check_target(out, force)
        bars = load(name)
        write(bars, out)
        tell(bars, SAMPLE + name, out, as_json, quiet)
    elif as_json:
        say_json(_plain(name, entry))
    elif not quiet:
        _show(name, entry)


# --- writing ---------------------------------------------------------------------------------------------------------


def check_target(out: Path, force: bool) -> None:
    """Refuse a file that could not, or should not, be written.

    Raises
    ------
    DataError
        If its suffix says nothing, or it is there and `force` is not given.
    ResultError
        If its folder does not exist, or takes no files.
    """
    if not out.name.lower().endswith(_WRITTEN):
        near = did_you_mean(out.suffix.lower(), _WRITTEN)
        raise DataError(f"{out}: cannot tell what to write{near}; a name ends in {', '.join(_WRITTEN)}")
    check_writable(out)
    if os.path.lexists(out) and not force:
        raise DataError(f"{out}: is there already; give another name, or replace it with --force")


def write(bars: Bars, out: Path) -> None:
    """Write bars by the suffix of the file."""
    if out.name.lower().endswith((".parquet", ".pq")):
        bars.to_parquet(out)
    else:
        bars.to_csv(out)


def tell(bars: Bars, source: str, out: Path, as_json: bool, quiet: bool) -> None:
    """Print what was written."""
    size = out.stat().st_size
    if as_json:
        about = {"n_bars": bars.n_bars, "symbols": list(bars.symbols), "content_hash": bars.content_hash}
        say_json({"source": source, "out": str(out), "bytes": size, **about})
    elif not quiet:
        say(f"{out}: {bytes_text(size)}, {repr(bars).strip('<>')}")


def bytes_text(n: int) -> str:
    """Return a number of bytes with its unit."""
    value, unit = float(n), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1000.0:
            break
        value, unit = value / 1000.0, larger
    return f"{n:,} bytes" if unit == "bytes" else f"{value:,.1f} {unit}"


# --- samples ---------------------------------------------------------------------------------------------------------


def _plain(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **entry}


def _list(entries: dict[str, dict[str, Any]]) -> None:
    rows = [
        (name, entry["title"], ", ".join(entry["symbols"]), f"{entry['rows']:,}", *_origin(entry))
        for name, entry in entries.items()
    ]
    say_table(("name", "what", "symbols", "bars", "source", "licence"), rows, right=("bars",))
    say(f"\nUse one with --data {SAMPLE}NAME; `backtester data sample NAME` tells more of it.")


def _origin(entry: dict[str, Any]) -> tuple[str, str]:
    return f"{entry['wheel']['project']} {entry['wheel']['version']}", entry["licence"]


def _show(name: str, entry: dict[str, Any]) -> None:
    origin, licence = _origin(entry)
    say(f"{SAMPLE}{name}: {entry['title']}")
    say(f"  symbols  {', '.join(entry['symbols'])}")
    say(f"  bars     {entry['rows']:,}, sessions {entry['first_session']} to {entry['last_session']}")
    say(f"  extras   {', '.join(entry['extras']) or 'none'}")
    say(f"  source   {entry['member']} of {origin}")
    say(f"  licence  {licence}; {entry['wheel']['copyright']}")
    for note in entry["notes"]:
        say(f"  * {note}")
