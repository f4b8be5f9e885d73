"""Arrays and words in a directory, as agents and checkpoints are stored: `backtester.archive` with errors of ours."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from backtester import archive
from backtester.archive import MANIFEST, Kind, Part, checksum, exists
from envs.errors import BundleError

__all__ = ["MANIFEST", "check_target", "checksum", "exists", "read", "write"]

Arrays = dict[str, np.ndarray]


def write(
    directory: str | PathLike[str], kind: str, number: int, content: Mapping[str, Any], groups: Mapping[str, Arrays]
) -> None:
    """Write an archive, in full or not at all.

    Parameters
    ----------
    directory : path
        New, empty, or an archive of the same kind, which is replaced.
    kind : str
        What it holds, such as "backtester agent".
    number : int
        The number of the format.
    content : mapping
        Words and numbers that JSON can hold; finite.
    groups : mapping of str to arrays
        One safetensors file each.

    Raises
    ------
    BundleError
        If the directory holds anything else, or cannot be written; what was there is still there.
    """
    archive.write(
        directory, _kind(kind, number), content, {name: Part.of_arrays(group) for name, group in groups.items()}
    )


def check_target(target: Path, kind: str) -> set[str]:
    """Refuse a directory that must not be written to; return the names of our files in it.

    Raises
    ------
    BundleError
        That says what is there.
    """
    return archive.check_target(target, _kind(kind, 0))


def read(directory: str | PathLike[str], kind: str, number: int) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Read an archive that `write` wrote.

    Parameters
    ----------
    directory : path
    kind : str
        What it must hold.
    number : int
        The format that this version reads.

    Returns
    -------
    content, groups
        As they were given to `write`; `content` has "kind", "format", "files" and "checksum" besides.

    Raises
    ------
    BundleError
        If there is no such archive, or a file of it is missing, cut off, altered, or is something else.
    """
    wanted = _kind(kind, number)
    content, parts = archive.read(directory, wanted)
    return content, {name: part.arrays(wanted) for name, part in parts.items()}


def _kind(name: str, number: int) -> Kind:
    return Kind(name, number, BundleError, "train again")
