"""The rows of the table, a file each, found by themselves in the order of their names.

A file `rows/NAME.py` has two functions. `inside(quick)` is called in a process of its own and returns what it measured,
as values that JSON can hold; `sections(answer)` makes lines of the table of that. `quick` asks for a small part of the
work, to see that it runs. A measurement that fails is a line that says so.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any, Protocol, cast

from benchmarks.sections import Section


class RowFile(Protocol):
    """What a file of this folder has."""

    def inside(self, quick: bool) -> dict[str, Any]:
        """Measure, in this process."""

    def sections(self, answer: dict[str, Any]) -> list[Section]:
        """Return the part of the table that shows the measurements."""


def names() -> list[str]:
    """Return what can be measured."""
    return sorted(one.name for one in pkgutil.iter_modules(__path__))


def row(name: str) -> RowFile:
    """Return the file of that name, loaded."""
    return cast(RowFile, import_module(f"{__name__}.{name}"))
