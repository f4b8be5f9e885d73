"""Numbers and words in a directory: a JSON manifest, and safetensors files of which it knows length and SHA-256.

A save is whole or did not happen. Every file of numbers is written under a new name (its hash is part of it) and
synced; then the manifest is written beside, synced, and renamed over the old one, which is the one moment in which the
content of the directory changes; then the files of before are removed. A process that is killed anywhere on the way, or
a disk that is full, leaves what was there. Nothing is pickled, and nothing that is read is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from envs.errors import BundleError

MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_OURS = re.compile(r"[a-z]+-[0-9a-f]{16}\.safetensors(\.partial)?|manifest\.json(\.partial)?")

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
        One file each.

    Raises
    ------
    BundleError
        If the directory holds anything else, or cannot be written; what was there is still there.
    """
    target = Path(os.path.abspath(directory))
    made = False
    try:
        before = check_target(target, kind)
        made = not target.exists()
        target.mkdir(exist_ok=True)
        _fill(target, before, {"kind": kind, "format": number, **content}, groups)
    except OSError as error:
        if made:
            with contextlib.suppress(OSError):
                target.rmdir()
        raise BundleError(
            f"{target}: cannot be written: {error.strerror or error}. What was there before is unchanged; free space, "
            "or give a directory that can be written"
        ) from None


def check_target(target: Path, kind: str) -> set[str]:
    """Refuse a directory that must not be written to; return the names of our files in it.

    Parameters
    ----------
    target : path
    kind : str
        What it may hold an earlier one of.

    Raises
    ------
    BundleError
        That says what is there.
    """
    if not target.parent.is_dir():
        raise BundleError(f"{target}: the folder {target.parent} does not exist; create it, or give another place")
    if not os.path.lexists(target):
        return set()
    if not target.is_dir():
        raise BundleError(f"{target}: there is a file of this name; give the name of a directory")
    names = {path.name for path in target.iterdir()}
    strangers = sorted(name for name in names if not _OURS.fullmatch(name))
    if strangers:
        raise BundleError(
            f"{target}: the directory holds {', '.join(strangers[:3])}; only an empty directory or an earlier {kind} "
            "is written over. Give another name, or move what is there"
        )
    if MANIFEST in names:
        found = _kind_of(target / MANIFEST)
        if found != kind:
            raise BundleError(f"{target}: the directory holds a {found or 'manifest that is none of ours'}, no {kind}")
    return names


def _kind_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["kind"])
    except (ValueError, KeyError, TypeError):
        return ""


def _fill(target: Path, before: set[str], content: dict[str, Any], groups: Mapping[str, Arrays]) -> None:
    from safetensors.numpy import save

    files: dict[str, dict[str, Any]] = {}
    written: list[Path] = []
    try:
        for group, arrays in groups.items():
            data = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
            digest = hashlib.sha256(data).hexdigest()
            name = f"{group}-{digest[:16]}.safetensors"
            files[group] = {"name": name, "bytes": len(data), "sha256": digest}
            if name not in before:
                written.append(target / name)
            _write_synced(target / name, data)  # one that is there may be cut off, so it is written again
        content = json.loads(json.dumps({**content, "files": files}, allow_nan=False))
        content["checksum"] = checksum(content)
        _sync_directory(target)
        _write_synced(target / MANIFEST, (json.dumps(content, indent=2) + "\n").encode())
    except BaseException:
        for path in [*written, *target.glob(f"*{_PARTIAL}")]:
            with contextlib.suppress(OSError):
                if path.name not in _named_by(target / MANIFEST):
                    path.unlink()
        raise
    try:
        _sync_directory(target)
    except OSError as error:
        raise BundleError(
            f"{target}: was written, but the disk does not confirm it: {error.strerror or error}; it may not survive a "
            "power failure. Look after the disk, and save again"
        ) from None
    for name in before - {MANIFEST, *(file["name"] for file in files.values())}:
        with contextlib.suppress(OSError):
            (target / name).unlink()


def _write_synced(path: Path, data: bytes) -> None:
    """Write a file beside its place, sync it to the disk, and put it in its place."""
    partial = path.with_name(path.name + _PARTIAL)
    with open(partial, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _sync_directory(directory: Path) -> None:
    """Sync the names in a directory; Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _named_by(manifest: Path) -> set[str]:
    """Return the names of the files that a manifest in place tells of."""
    try:
        return {MANIFEST, *(file["name"] for file in json.loads(manifest.read_bytes())["files"].values())}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def checksum(content: Mapping[str, Any]) -> str:
    """Return the hash of a manifest without its checksum."""
    rest = {key: value for key, value in content.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def exists(directory: str | PathLike[str]) -> bool:
    """Return whether a directory has a manifest."""
    return (Path(directory) / MANIFEST).is_file()


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
    folder = Path(directory)
    content = _manifest(folder, kind, number)
    files = content.get("files")
    if not isinstance(files, dict):
        raise _damaged(folder / MANIFEST, "it lists no files")
    return content, {group: _group(folder, group, wanted) for group, wanted in files.items()}


def _damaged(path: Path, what: str) -> BundleError:
    return BundleError(f"{path}: {what}. It is read only as it was written; take it from a backup, or train again")


def _manifest(folder: Path, kind: str, number: int) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.exists():
        raise BundleError(f"{folder}: there is no such directory")
    if not folder.is_dir():
        raise BundleError(
            f"{folder}: it is a file, and a {kind} is a directory. A .zip or .pkl of another library holds pickles, "
            "which run code when they are read, and is never opened here"
        )
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BundleError(
            f"{folder}: there is no {MANIFEST}, so it is no {kind}, or saving it never finished"
        ) from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}; check its permissions") from None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is no JSON: cut off, altered, or something else ({type(error).__name__})") from None
    found = content.get("kind") if isinstance(content, dict) else type(content).__name__
    if found != kind:
        raise BundleError(f"{path}: it is not the manifest of a {kind}: kind is {found!r}")
    if content.get("format") != number:
        versions = content.get("versions")
        by = versions.get("backtester") if isinstance(versions, dict) else None
        raise BundleError(
            f"{path}: format {content.get('format')!r}, written by backtester {by or 'of unknown version'}; this "
            f"version reads format {number}. Use the version that wrote it, or train again"
        )
    if content.get("checksum") != checksum(content):
        raise _damaged(path, "it was altered: its checksum does not fit what it holds")
    return content


def _group(folder: Path, group: str, wanted: Any) -> Arrays:
    """Return the arrays of a file, if it is the one the manifest tells of."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    name = wanted.get("name") if isinstance(wanted, dict) else None
    if not isinstance(name, str) or not _OURS.fullmatch(name):
        raise _damaged(folder / MANIFEST, f"the file of {group!r} is called {name!r}, which is no name of ours")
    path = folder / name
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _damaged(path, "the file is missing") from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}; check its permissions") from None
    if len(data) != wanted.get("bytes"):
        raise _damaged(path, f"the file has {len(data)} bytes, and had {wanted.get('bytes')}")
    found = hashlib.sha256(data).hexdigest()
    if found != wanted.get("sha256"):
        raise _damaged(path, f"the file was altered: its SHA-256 is {found[:12]}…, and was {wanted['sha256'][:12]}…")
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(
            path, f"it is no safetensors file ({str(error).splitlines()[0]}); nothing was unpickled"
        ) from None
