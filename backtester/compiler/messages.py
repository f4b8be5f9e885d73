"""numba's pages of error text as one line that names the user's line and the construct."""

from __future__ import annotations

import re
from pathlib import Path

import numba
from numba.core.errors import NumbaError

from backtester.compiler.verbs import MARKER
from backtester.errors import CannotCompile

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FILE = re.compile(r'File "([^"]+)", line (\d+)')
_OURS = tuple(str(Path(module).resolve().parent) for module in (numba.__file__, Path(__file__).parent))
_NOISE = re.compile(
    r"^(Failed in nopython mode pipeline.*|During: .*|- .*|There (is|are) \d+ candidate.*|\s*|\^+|File .*|>>> .*|"
    r"Of which \d+.*|Overload (of|in) function.*|With argument.*|Rejected as.*|No match\.|"
    r".*<source (elided|missing).*)$"
)


def cannot_compile(error: Exception) -> CannotCompile:
    """Return the one-line refusal for an error of numba's.

    Parameters
    ----------
    error : Exception
        What numba raised.
    places : dict
        Names of the functions that were compiled, by file, to tell the user's lines from numba's.
    """
    text = _COLOUR.sub("", str(error))
    file, line = _where(error, text)
    where = f"{file}:{line}: " if file else ""
    if isinstance(error, (AttributeError, ImportError)):
        return CannotCompile(f"the internals of numba {numba.__version__} are not as expected ({text})")
    if not isinstance(error, NumbaError):
        return CannotCompile(f"{where}numba {numba.__version__} failed ({type(error).__name__}: {text})")
    return CannotCompile(f"{where}{_what(text)}{_quoted(file, line)}")


def _where(error: Exception, text: str) -> tuple[str, int]:
    """Return the innermost line of the user's that numba names."""
    named = [(file, int(line)) for file, line in _FILE.findall(text)]
    location = getattr(error, "loc", None)
    if location is not None:
        named.append((location.filename, location.line))
    for file, line in named:
        if not str(Path(file)).startswith(_OURS) and not file.startswith("unknown"):
            return file, line
    return "", 0


def _what(text: str) -> str:
    """Return the sentence that says what is wrong."""
    marked = re.search(re.escape(MARKER) + r"([^\n]*)", text)
    if marked:
        return marked[1].strip()
    unknown = re.search(r"Unknown attribute '(\w+)' of type (\w+)\((\w+)?", text)
    if unknown:
        owner = {"Ctx": "ctx", "Self": "self", "Row": unknown[3] or "the row"}.get(unknown[2], unknown[2])
        return f"{owner}.{unknown[1]} is not known to compiled code"
    untyped = re.search(r"Untyped global name '([\w.]+)'.*?(<[^\n]*>)", text, re.DOTALL)
    if untyped:
        return f"the global {untyped[1]!r} is a {untyped[2]}, which compiled code cannot use"
    call = re.search(r"No implementation of function ([^\n]*?) found for signature:\s*>>> ([^\n]*)", text)
    if call:
        return f"numba cannot compile {_shorter(call[2])}"
    for row in text.splitlines():
        if not _NOISE.match(row):
            return _shorter(row.strip())
    return "numba cannot compile this"


def _shorter(text: str) -> str:
    text = re.sub(r"(Self|Ctx|Row)\((\w+)[^()]*\)", lambda m: m[1].lower(), text)
    return text if len(text) <= 240 else text[:237] + "..."


def _quoted(file: str, line: int) -> str:
    """Return the line itself, where its source can be had."""
    import linecache

    source = linecache.getline(file, line).strip() if file else ""
    return f" — `{source}`" if source else ""
