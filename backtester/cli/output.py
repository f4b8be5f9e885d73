"""What the commands print: text and one JSON document on stdout; warnings and errors on stderr."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from backtester.result import Result

_COLOURS = {"error": typer.colors.RED, "warning": typer.colors.YELLOW}
_UNHEARD = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def say(text: str) -> None:
    """Print text on stdout, with "?" for characters that the terminal's encoding lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def say_prose(text: str) -> None:
    """Print sentences on stdout; on a terminal lines end between words."""
    if on_terminal():
        lines = [textwrap.wrap(line, columns(), subsequent_indent="  ") or [""] for line in text.splitlines()]
        text = "\n".join(piece for pieces in lines for piece in pieces)
    say(text)


def say_result(result: Result) -> None:
    """Print a result on stdout: as wide as a narrow terminal is, and on any with bold headings and yellow warnings."""
    from backtester.summary_text import WIDTH, narrowed

    lines = str(result).split("\n") if not on_terminal() else narrowed(str(result), min(columns(), WIDTH)).split("\n")
    say("\n".join(_styled(text, first=n == 0) for n, text in enumerate(lines)))


def _styled(text: str, first: bool) -> str:
    """Return a line of a result with its colours; the warnings of a result begin with "! "."""
    if not on_terminal():
        return text
    if text.startswith("! "):
        return coloured(text, typer.colors.YELLOW)
    is_heading = text[:1].strip() and not text.startswith("* ")
    return typer.style(text, bold=True) if first or is_heading else text


def say_table(heads: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print a table on stdout: fitted to a terminal, and as wide as it is elsewhere.

    Parameters
    ----------
    heads : sequence of str
        The heads of the columns.
    rows : iterable of sequence
        Their cells; nothing in them is markup.
    right : sequence of str
        Heads of columns that are aligned to the right.
    """
    from backtester.cli.table_text import table_text

    say(table_text(heads, rows, right, columns() if on_terminal() else None, styled=on_terminal()))


def on_terminal() -> bool:
    """Return whether stdout is a terminal, so that width and colour mean something there."""
    return bool(sys.stdout.isatty())


def columns() -> int:
    """Return how many columns the terminal has; `COLUMNS` goes before what it says itself."""
    return shutil.get_terminal_size().columns


def coloured(text: str, colour: str, bold: bool = False) -> str:
    """Return text in a colour, unless `NO_COLOR` is set."""
    return typer.style(text, fg=None if os.environ.get("NO_COLOR") else colour, bold=bold or None)


def clean(text: object) -> str:
    """Return text on one line that no terminal takes for anything else; a name may hold anything."""
    from backtester.summary_text import clean as cleaned

    return cleaned(text)


def line(kind: str, text: str) -> None:
    """Print `kind: text` on stderr as one line."""
    typer.echo(f"{coloured(f'{kind}:', _COLOURS[kind], bold=True)} {' '.join(text.split())}", err=True)


def say_json(document: Any) -> None:
    """Print one JSON document on stdout; what is not finite is null."""
    typer.echo(json.dumps(plain(document), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN, NaT and infinities are None, NumPy scalars plain, times ISO 8601."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat() if value == value else None  # NaT is not itself
    return str(value)


@contextlib.contextmanager
def stdout_kept(for_json: bool) -> Iterator[None]:
    """Send what user code prints to stderr where stdout is promised to one JSON document."""
    if for_json:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    else:
        yield


@contextlib.contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show each Python warning as one line on stderr; `python -W` still has the last word."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        line("warning", str(message))

    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("always")
            for category in _UNHEARD:
                warnings.simplefilter("ignore", category)
        warnings.showwarning = show
        yield


def result_document(result: Result, **written: str | None) -> dict[str, Any]:
    """Return a result as one JSON document: metrics, verdict, manifest, and the files that were written."""
    return {"metrics": result.summary(), "verdict": result.verdict.plain(), "manifest": result.manifest, **written}
