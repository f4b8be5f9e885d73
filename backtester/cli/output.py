"""What the commands print: text and one JSON document on stdout; warnings and errors on stderr."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import warnings
from collections.abc import Iterator, Mapping
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


def line(kind: str, text: str) -> None:
    """Print `kind: text` on stderr as one line."""
    typer.echo(f"{typer.style(f'{kind}:', fg=_COLOURS[kind], bold=True)} {' '.join(text.split())}", err=True)


def say_json(document: Any) -> None:
    """Print one JSON document on stdout; what is not finite is null."""
    typer.echo(json.dumps(plain(document), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN and infinities are None, NumPy scalars plain, the rest text."""
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
    """Return a result as one JSON document: metrics, manifest, and the files that were written."""
    return {"metrics": result.summary(), "manifest": result.manifest, **written}
