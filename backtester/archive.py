"""Words and numbers in a directory: a JSON manifest, and files of which it knows length and SHA-256.

A save is whole or did not happen. Every file is written under a new name (its hash is part of it) and synced; then the
manifest is written beside, synced, and renamed over the old one, which is the one moment in which the content of the
directory changes; then the files of before are removed. A process that is killed anywhere on the way, or a disk that is
full, leaves what was there. Nothing is pickled, and nothing that is read is ever unpickled.

The hashes tell damage and mistakes; they are no signature: who can write the directory can write fitting hashes too.
So whoever reads a file must be safe from what is in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_SUFFIXES = ("safetensors", "skops", "txt", "parquet")
_OURS = re.compile(rf"[a-z]+-[0-9a-f]{{16}}\.({'|'.join(_SUFFIXES)})(\.partial)?|manifest\.json(\.partial)?")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Kind:
    """What an archive holds.

    Attributes
    ----------
    name : str
        Such as "backtester agent".
    number : int
        Of the format that this version writes and reads.
    error : type
        What is raised: an exception that takes a message.
    again : str
        How to come by a new one, such as "train again".
    """

    name: str
    number: int
    error: type[Exception]
    again: str

    def damaged(self, path: Path, what: str) -> Exception:
        """Return the error of a file that is not as it was written."""
        return self.error(f"{path}: {what}. It is read only as it was written; take it from a backup, or {self.again}")


@dataclass(frozen=True)
class Part:
    """A file of an archive.

    Attributes
    ----------
    suffix : {"safetensors", "skops", "txt", "parquet"}
        What it is.
    data : bytes
    path : Path
        Where it was read from, for messages.
    """

    suffix: str
    data: bytes
    path: Path = Path()

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Part:
        """Return arrays as a safetensors file."""
        from safetensors.numpy import save

        return cls("safetensors", save({name: np.asarray(array, order="C") for name, array in arrays.items()}))

    def arrays(self, kind: Kind) -> Arrays:
        """Return the arrays of a safetensors file.

        Raises
        ------
        kind.error
            If it is none.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return load(self.data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise kind.damaged(
                self.path, f"it is no safetensors file ({str(error).splitlines()[0]}); nothing was unpickled"
            ) from None


def write(directory: str | PathLike[str], kind: Kind, content: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
    """Write an archive, in full or not at all.

    Parameters
    ----------
    directory : path
        New, empty, or an archive of the same kind, which is replaced.
    kind : Kind
    content : mapping
        Words and numbers that JSON can hold; finite.
    parts : mapping of str to Part
        One file each; names of small letters alone.

    Raises
    ------
    kind.error
        If the directory holds anything else, or cannot be written; what was there is still there.
    """
    target = Path(os.path.abspath(directory))
    made = False
    try:
        before = check_target(target, kind)
        made = not target.exists()
        target.mkdir(exist_ok=True)
        _fill(target, kind, before, {"kind": kind.name, "format": kind.number, **content}, parts)
    except OSError as error:
        if made:
            with contextlib.suppress(OSError):
                target.rmdir()
        raise kind.error(
            f"{target}: cannot be written: {error.strerror or error}. What was there before is unchanged; free space, "
            "or give a directory that can be written"
        ) from None


def check_target(target: Path, kind: Kind) -> set[str]:
    """Refuse a directory that must not be written to; return the names of our files in it.

    Parameters
    ----------
    target : path
    kind : Kind
        What it may hold an earlier one of.

    Raises
    ------
    kind.error
        That says what is there.
    """
    if not target.parent.is_dir():
        raise kind.error(f"{target}: the folder {target.parent} does not exist; create it, or give another place")
    if not os.path.lexists(target):
        return set()
    if not target.is_dir():
        raise kind.error(f"{target}: there is a file of this name; give the name of a directory")
    names = {path.name for path in target.iterdir()}
    strangers = sorted(name for name in names if not _OURS.fullmatch(name))
    if strangers:
        raise kind.error(
            f"{target}: the directory holds {', '.join(strangers[:3])}; only an empty directory or an earlier "
            f"{kind.name} is written over. Give another name, or move what is there"
        )
    if MANIFEST in names:
        found = _kind_of(target / MANIFEST)
        if found != kind.name:
            what = found or "manifest that is none of ours"
            raise kind.error(f"{target}: the directory holds a {what}, no {kind.name}")
    return names


def _kind_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["kind"])
    except (ValueError, KeyError, TypeError):
        return ""


def _fill(target: Path, kind: Kind, before: set[str], content: dict[str, Any], parts: Mapping[str, Part]) -> None:
    files: dict[str, dict[str, Any]] = {}
    written: list[Path] = []
    try:
        for label, part in parts.items():
            digest = hashlib.sha256(part.data).hexdigest()
            name = f"{label}-{digest[:16]}.{part.suffix}"
            files[label] = {"name": name, "bytes": len(part.data), "sha256": digest}
            if name not in before:
                written.append(target / name)
            _write_synced(target / name, part.data)  # one that is there may be cut off, so it is written again
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
        raise kind.error(
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


def read(directory: str | PathLike[str], kind: Kind) -> tuple[dict[str, Any], dict[str, Part]]:
    """Read an archive that `write` wrote.

    Parameters
    ----------
    directory : path
    kind : Kind
        What it must hold.

    Returns
    -------
    content, parts
        As they were given to `write`; `content` has "kind", "format", "files" and "checksum" besides.

    Raises
    ------
    kind.error
        If there is no such archive, or a file of it is missing, cut off, altered, or is something else.
    """
    folder = Path(directory)
    content = manifest(folder, kind)
    return content, {label: _part(folder, kind, label, wanted) for label, wanted in content["files"].items()}


def manifest(folder: Path, kind: Kind) -> dict[str, Any]:
    """Return the checked manifest of an archive; no other file is looked at.

    Raises
    ------
    kind.error
        If there is none, it was altered, or is of another kind or format.
    """
    path = folder / MANIFEST
    if not folder.exists():
        raise kind.error(f"{folder}: there is no such directory")
    if not folder.is_dir():
        raise kind.error(
            f"{folder}: it is a file, and a {kind.name} is a directory. A .zip or .pkl of another library holds "
            "pickles, which run code when they are read, and is never opened here"
        )
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise kind.error(
            f"{folder}: there is no {MANIFEST}, so it is no {kind.name}, or saving it never finished"
        ) from None
    except OSError as error:
        raise kind.error(f"{path}: cannot be read: {error.strerror or error}; check its permissions") from None
    except (ValueError, RecursionError) as error:
        raise kind.damaged(
            path, f"it is no JSON: cut off, altered, or something else ({type(error).__name__})"
        ) from None
    found = content.get("kind") if isinstance(content, dict) else type(content).__name__
    if found != kind.name:
        raise kind.error(f"{path}: it is not the manifest of a {kind.name}: kind is {found!r}")
    if content.get("format") != kind.number:
        versions = content.get("versions")
        by = versions.get("backtester") if isinstance(versions, dict) else None
        raise kind.error(
            f"{path}: format {content.get('format')!r}, written by backtester {by or 'of unknown version'}; this "
            f"version reads format {kind.number}. Use the version that wrote it, or {kind.again}"
        )
    if content.get("checksum") != checksum(content):
        raise kind.damaged(path, "it was altered: its checksum does not fit what it holds")
    if not isinstance(content.get("files"), dict):
        raise kind.damaged(path, "it lists no files")
    return content


def _part(folder: Path, kind: Kind, label: str, wanted: Any) -> Part:
    """Return a file, if it is the one the manifest tells of."""
    name = wanted.get("name") if isinstance(wanted, dict) else None
    if not isinstance(name, str) or not _OURS.fullmatch(name):
        raise kind.damaged(folder / MANIFEST, f"the file of {label!r} is called {name!r}, which is no name of ours")
    path = folder / name
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise kind.damaged(path, "the file is missing") from None
    except OSError as error:
        raise kind.error(f"{path}: cannot be read: {error.strerror or error}; check its permissions") from None
    if len(data) != wanted.get("bytes"):
        raise kind.damaged(path, f"the file has {len(data)} bytes, and had {wanted.get('bytes')}")
    found = hashlib.sha256(data).hexdigest()
    if found != wanted.get("sha256"):
        raise kind.damaged(
            path, f"the file was altered: its SHA-256 is {found[:12]}…, and was {wanted['sha256'][:12]}…"
        )
    return Part(name.rpartition(".")[2], data, path)
