"""Writing a file in full or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from os import PathLike

from backtester.errors import ResultError


def write_whole(path: str | PathLike[str], content: bytes, what: str) -> None:
    """Write a file so that a reader finds the old content or all of the new, whatever happens in between.

    The content goes to a temporary file in the same directory, is flushed to the disk, and then takes the name. A
    symbolic link keeps pointing where it did. A device or a pipe is written to directly.

    Parameters
    ----------
    path : path
    content : bytes
    what : str
        What the file is, for the message: "report".

    Raises
    ------
    ResultError
        With the path and the cause: no such directory, no permission, a full or read-only disk. The old file, if there
        was one, is as it was, and no temporary file is left.
    """
    name = os.fspath(path)
    if not isinstance(name, str) or not name:
        raise ResultError(f"cannot write the {what}: {path!r} is not the name of a file; give a path as text")
    try:
        target = os.path.realpath(name)
        mode = _mode_of(target)
        if mode is not None and not stat.S_ISREG(mode):
            with open(target, "wb") as file:
                file.write(content)
            return
        _replace(target, content, 0o666 & ~_umask() if mode is None else stat.S_IMODE(mode))
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ResultError(
            f"cannot write the {what} to {name!r}: {cause}; nothing was left half-written. "
            "Choose a file in a directory that exists, can be written to and has room"
        ) from error


def _replace(target: str, content: bytes, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".backtester-", suffix=".tmp", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _mode_of(target: str) -> int | None:
    try:
        return os.stat(target).st_mode
    except FileNotFoundError:
        return None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
