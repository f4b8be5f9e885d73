"""What the outcome of a sweep depends on, as one key: a changed strategy, panel or setting is another sweep.

Strategies and settings are put into words by `backtester.compiler.words`, this package by the text of its sources, and
other libraries by name and version. What has no words makes a sweep that no later start can continue, because nobody
could tell whether it is the same.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backtester.compiler.words import Words

_ASIDE = ("research", "executors", "trials", "report", "cli", "explain", "diff")  # what no run depends on
_LIBRARIES = ("numpy", "numba", "llvmlite", "pandas", "scipy", "TA-Lib", "scikit-learn")


def digest_of(*parts: Any) -> tuple[str, str]:
    """Return a key of 40 hex digits, and what of `parts` could not be put into words ("" where all could)."""
    words = Words()
    told = [words.of(part) for part in parts]
    versions = (platform.python_version(), platform.machine(), _installed())
    text = repr((_sources(), versions, told, [uuid.uuid4().hex] if words.unknown else []))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40], ", ".join(words.unknown)


@functools.cache
def _installed() -> list[str]:
    """Return the versions of libraries that a run may use, whether they are loaded by now or not."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def _sources() -> str:
    """Return a hash of the sources of this package that a run depends on."""
    root = Path(__file__).parents[2]
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in _ASIDE:
            found.update(name.as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
