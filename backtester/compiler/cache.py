"""Machine code of strategies on disk: one file per key, written whole or not at all.

The key is a hash of everything the code depends on, so that a file never goes stale; it is only ever superfluous. The
oldest files are deleted when there are many. Nothing here raises: a file that cannot be read or written means that the
strategy is compiled.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from backtester.kernel.jit import cache_root, platform_key, prune, source_hash

KEPT_FILES = 500
_MAGIC = b"backtester strategy 1\n"


def key_of(*parts: Any) -> str:
    """Return the key of code that depends on `parts`, this package's sources, and the versions below it."""
    digest = hashlib.sha256(source_hash().encode() + _compiler_hash())
    for part in (*platform_key(), *parts):
        text = repr(part).encode()
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()


@functools.cache
def _compiler_hash() -> bytes:
    """Return a hash of the compiler's own sources: what a newer one refuses must not be found compiled by an older."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def _file(key: str) -> Path | None:
    root = cache_root()
    return None if root is None else root / "strategies" / f"{key[:40]}.bin"


def load(key: str) -> bytes | None:
    """Return what was stored under a key, or None where there is nothing, or nothing whole."""
    path = _file(key)
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + 32
    body = data[head:]
    if data[:head] != _MAGIC + hashlib.sha256(body).digest():
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # a directory that is only readable will do
    return body


def store(key: str, body: bytes) -> None:
    """Store bytes under a key, in one step."""
    path = _file(key)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(name, path)
        except OSError:
            Path(name).unlink(missing_ok=True)
        prune(path.parent, KEPT_FILES)
    except OSError:
        return
