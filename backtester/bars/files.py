"""Reading CSV and Parquet files into frames; a damaged file is an error that says so, never a shorter table."""

from __future__ import annotations

import csv
import glob
import gzip
import zlib
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.bars.columns import ALIASES, plain
from backtester.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = (",", ";", "\t", "|")
_TIMES = frozenset(name for group in ALIASES["time"] for name in group)
_TEXT = _TIMES | {name for role in ("symbol", "session") for group in ALIASES[role] for name in group}
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8"))


def expand(path: Any, patterns: Sequence[str]) -> dict[str, Path]:
    """Return symbol → file of a path, several, a folder, a pattern or a mapping; `""` for a single file.

    Raises
    ------
    DataError
        If nothing is there, or two files have one name.
    """
    if isinstance(path, Mapping):
        return {str(symbol): _there(Path(p)) for symbol, p in path.items()}
    if isinstance(path, str | PathLike):
        text = str(path)
        if Path(text).is_dir():
            found = sorted({p for pattern in patterns for p in Path(text).glob(pattern)})
        elif any(c in text for c in "*?[") and not Path(text).exists():
            found = sorted(Path(p) for p in glob.glob(text))
        else:
            return {"": _there(Path(text))}
        if not found:
            raise DataError(f"{text}: no file there is one of {', '.join(patterns)}")
    elif isinstance(path, Sequence):
        found = [_there(Path(p)) for p in path]
    else:
        raise DataError(f"{type(path).__name__} is no path; give one, several, or {{symbol: path}}")
    named: dict[str, Path] = {}
    for file in found:
        stem = file.name.split(".")[0] if file.name.endswith(".csv.gz") else file.stem
        if stem in named:
            raise DataError(f"{named[stem]} and {file} would both be {stem!r}; give {{symbol: path}}")
        named[stem] = file
    if not named:
        raise DataError("an empty list of files; give one at least")
    return named


def title(path: Any) -> str:
    """Return the name that bars from a path get: the file's, or the folder's."""
    return Path(str(path)).name if isinstance(path, str | PathLike) else ""


def is_parquet(path: Any) -> bool:
    """Return whether a path means Parquet files: by its name, or by what a folder holds."""
    first = path
    if isinstance(path, Mapping):
        first = next(iter(path.values()), "")
    elif isinstance(path, Sequence) and not isinstance(path, str):
        first = path[0] if path else ""
    folder = Path(str(first))
    if folder.is_dir():
        return any(folder.glob("*.parquet")) or any(folder.glob("*.pq"))
    return str(first).lower().endswith((".parquet", ".pq"))


def read_csv(
    path: Path, *, separator: str | None, decimal: str, encoding: str | None, text: Collection[str] = ()
) -> pd.DataFrame:
    """Return a CSV file, plain or gzip, as a frame: see `parse_csv`.

    Raises
    ------
    DataError
        If it cannot be read or unpacked, or is no CSV.
    """
    return parse_csv(_bytes(path), str(path), separator=separator, decimal=decimal, encoding=encoding, text=text)


def parse_csv(
    raw: bytes,
    path: str,
    *,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
    text: Collection[str] = (),
) -> pd.DataFrame:
    """Return a CSV file as a frame; numbers are read exactly; times, symbols and the columns in `text` stay text.

    Raises
    ------
    DataError
        If it is empty, has no header, is not in its encoding, or has rows with too few or too many fields.
    """
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    if decimal not in (".", ","):
        raise DataError(f"decimal = {decimal!r}; write '.' or ','")
    code = encoding or next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    by, names = _header(path, raw, code, separator, decimal)
    unnamed = bool(names) and not names[0].strip()
    if unnamed:
        names[0] = "row number" if any(plain(n) in _TIMES for n in names) else "time"
    kinds = {name: pa.string() for name in names if plain(name) in _TEXT or name in text or name.strip() in text}
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(raw),
            read_options=pa_csv.ReadOptions(encoding=code, column_names=names, skip_rows=1),
            parse_options=pa_csv.ParseOptions(delimiter=by),
            convert_options=pa_csv.ConvertOptions(
                decimal_point=decimal, column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, UnicodeError, LookupError) as error:
        raise DataError(f"{path}: {_one_line(error)}. {_guess(str(error), code)}") from None
    garbled = [field.name for field in table.schema if pa.types.is_binary(field.type)]
    if garbled:
        raise DataError(f"{path}: column {garbled[0]!r} is no {code} text. Pass encoding=, or write the file again")
    table = table.rename_columns([name.strip() for name in names])
    return (table.drop_columns(["row number"]) if unnamed and names[0] == "row number" else table).to_pandas()


def read_parquet(path: Path) -> pd.DataFrame:
    """Return a Parquet file as a frame.

    Raises
    ------
    DataError
        If it is cut off, damaged or no Parquet.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            return file.read().to_pandas()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, EOFError) as error:
        raise DataError(
            f"{path}: not a Parquet file, or cut off or damaged: {_one_line(error)}. Write or fetch it again"
        ) from None


def _there(path: Path) -> Path:
    if not path.exists():
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise DataError(f"{path}: no such file{near}")
    return path


def _bytes(path: Path) -> bytes:
    """Return the contents of a file, unpacked if it is gzip."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {_one_line(error)}") from None
    if not raw.strip():
        raise DataError(f"{path}: the file is empty")
    return raw


def _header(path: str, raw: bytes, code: str, separator: str | None, decimal: str) -> tuple[str, list[str]]:
    """Return the separator and the column names of a CSV file."""
    try:
        line = raw[:65_536].decode("utf-8-sig" if code == "utf-8" else code, errors="ignore").splitlines()[0]
    except (LookupError, IndexError, UnicodeError) as error:
        raise DataError(f"{path}: no header line can be read as {code}: {_one_line(error)}") from None
    by = separator or max(_SEPARATORS, key=line.count)
    if by == decimal:
        raise DataError(f"{path}: the comma cannot both separate fields and be the decimal sign; pass separator=';'")
    if len(by) != 1:
        raise DataError(f"{path}: separator = {by!r}; give one character")
    names = next(csv.reader([line], delimiter=by))
    if len(names) > 1 and all(_is_number(name) or name[:4].isdigit() for name in names):
        raise DataError(f"{path}: the first line holds values, not names: {line[:60]!r}. Add a header line")
    return by, names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _guess(message: str, code: str) -> str:
    if "columns, got" in message:
        return "A row has more or fewer fields than the header: is the file cut off, or the comma the decimal sign?"
    return f"Is the file cut off, or not {code}?"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
