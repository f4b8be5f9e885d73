"""numba's pages of error text as one line that names the user's line and the construct."""

from __future__ import annotations

import linecache
import os
import re
from pathlib import Path

import numba
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from backtester.compiler.ctx_type import MARKER
from backtester.errors import CannotCompile

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)|(?: at|Raised from) (?P<at>\S.*?) \((?P<row>\d+)\)')
_F_STRING = re.compile(r"opcode \((CONVERT_VALUE|FORMAT_SIMPLE|FORMAT_WITH_SPEC)\)")  # of Python 3.13 on
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
    if isinstance(error, UnsupportedBytecodeError):
        said = text.partition(". Raised")[0].rstrip(".")
        if _F_STRING.search(said):
            said = "this f-string has no compiled form"
        return CannotCompile(f"{where}{said}{_quoted(file, line)}")
    if not isinstance(error, NumbaError):
        lines = f"{type(error).__name__}: {text}".split("\n")
        return CannotCompile(f"{where}numba {numba.__version__} failed ({_shorter(lines[0])})")
    return CannotCompile(f"{where}{_what(text)}{_quoted(file, line)}")


def _where(error: Exception, text: str) -> tuple[str, int]:
    """Return the innermost line of the user's that numba names: it comes first in the text."""
    named = [(m["file"] or m["at"], int(m["line"] or m["row"])) for m in _PLACE.finditer(text)]
    location = getattr(error, "loc", None)
    if location is not None:
        named.append((location.filename, location.line))
    for file, line in named:
        if file.startswith("<"):
            return file, line
        path = os.path.abspath(file)
        if "<" in path:  # exec'ed code, which numba gives a path all the same
            return path[path.index("<") :], line
        if not path.startswith(_OURS):
            return path, line
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
    bind = re.search(r"Cannot bind .*? to signature '([^']*)' due to \"\w+: ([^\"\n]*)", text)
    if bind:
        return f"a call does not fit the function's parameters {bind[1]}: {bind[2].rstrip('.')}"
    returned = re.search(r"No conversion from (\S+) to none for '\$\w*return_(?:value|const)", text)
    if returned:
        return f"a hook returns nothing, found {_shorter(returned[1])}"
    call = re.search(r"No implementation of function ([^\n]*?) found for signature:\s*>>> ([^\n]*)", text)
    if call:
        return f"numba cannot compile {_shorter(call[2])}"
    for row in text.splitlines():
        if not _NOISE.match(row):
            return _shorter(row.strip())
    return "numba cannot compile this"


def _shorter(text: str) -> str:
    text = re.sub(r"Literal\[\w+\]\(([^()]*)\)", lambda m: repr(m[1]), text)
    text = re.sub(r"(Self|Ctx|Row)\((\w+)[^()]*\)", lambda m: m[1].lower(), text)
    return text if len(text) <= 240 else text[:237] + "..."


def _quoted(file: str, line: int) -> str:
    """Return the line itself, where its source can be had."""
    source = linecache.getline(file, line).strip() if file else ""
    return f", in `{source}`" if source else ""
