"""From the words of a command line to bars and settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.errors import DataError, ResultError, did_you_mean

if TYPE_CHECKING:
    from backtester.bars import Bars

SAMPLE = "sample:"
_CSV = (".csv", ".csv.gz", ".txt", ".tsv")
_PARQUET = (".parquet", ".pq")
_FLAGS = {"true": True, "false": False}
_BEYOND = ("columns", "sessions")  # reading options that a word cannot hold


def load_bars(sources: Sequence[str], reading: dict[str, Any] | None = None) -> Bars:
    """Return the bars of one source, or of several on one clock.

    Parameters
    ----------
    sources : sequence of str
        Each a path, `SYMBOL=path`, or `sample:NAME`. The suffix says whether a path is CSV or Parquet; it may be a
        folder or a pattern.
    reading : dict, optional
        Options of `Bars.from_csv` or `Bars.from_parquet`.

    Raises
    ------
    DataError
        If there is no source, or one cannot be read.
    """
    from backtester.bars import Bars
    from backtester.bars.samples import names

    if not sources:
        raise DataError(f"no data: give --data PATH, or --data {SAMPLE}NAME with one of {', '.join(names())}")
    samples = [source.removeprefix(SAMPLE) for source in sources if source.startswith(SAMPLE)]
    paths = [source for source in sources if not source.startswith(SAMPLE)]
    if samples and reading:
        raise DataError("--read is about how files are read; a sample takes no such options")
    panels = [Bars.sample(name) for name in samples]
    for kind, read in (("csv", Bars.from_csv), ("parquet", Bars.from_parquet)):
        chosen = [path for path in paths if kind_of(path) == kind]
        if chosen:
            panels.append(_read(read, chosen, reading or {}))
    return panels[0] if len(panels) == 1 else Bars.align(panels)


def _read(read: Callable[..., Bars], paths: list[str], options: dict[str, Any]) -> Bars:
    """Return the bars of files; what is wrong with the only one is said with its name."""
    try:
        return read(_together(paths), **options)
    except DataError as error:
        path = _file(paths[0])[1]
        if len(paths) > 1 or path in str(error):
            raise
        raise DataError(f"{path}: {error}") from None


def kind_of(path: str) -> str:
    """Return `"csv"` or `"parquet"`.

    Raises
    ------
    DataError
        If the name does not say which, or there is no such file.
    """
    from backtester.bars.files import is_parquet

    name = _file(path)[1]
    if is_parquet(name):
        return "parquet"
    if Path(name).is_dir() or name.lower().endswith(_CSV):
        return "csv"
    if not Path(name).exists():
        near = did_you_mean(name, _nearby(name))
        raise DataError(f"{name}: no such file{near} (a bundled sample is {SAMPLE}NAME)")
    raise DataError(f"{name}: cannot tell what it is; a name ends in {', '.join((*_CSV, *_PARQUET))}")


def files_of(path: str) -> Any:
    """Return a path as the readers take it: text, or `{symbol: path}`."""
    symbol, name = _file(path)
    return {symbol: name} if symbol else name


def reading_options(texts: Sequence[str]) -> dict[str, Any]:
    """Return options for the readers from texts such as `"tz=Europe/Berlin"`; `extras` takes names with commas.

    Raises
    ------
    DataError
        If a text has no "=", or the option cannot be said in a word.
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise DataError(f"--read {text}: write --read NAME=VALUE, such as --read tz=America/New_York")
        if name in _BEYOND:
            raise DataError(f"--read {text}: {name} cannot be given here; use Bars.from_csv in Python")
        options[name] = value.split(",") if name == "extras" else _FLAGS.get(value.lower(), value)
    return options


def benchmark_of(text: str | None, bars: Bars) -> Any:
    """Return what `run(benchmark=)` takes: a name it knows, or the bars of a source."""
    if text is None or text == "buy_and_hold" or text in bars.symbols:
        return text
    return load_bars([text]) if text.startswith(SAMPLE) or Path(text).exists() else text


def check_writable(file: Path | None) -> None:
    """Refuse, before anything runs, a file that could not be written afterwards.

    Raises
    ------
    ResultError
        If its folder does not exist or takes no files, or it is a folder itself.
    """
    if file is None:
        return
    folder = file.resolve().parent
    if file.is_dir():
        raise ResultError(f"{file}: is a folder; name a file in it")
    if not folder.is_dir():
        raise ResultError(f"{file}: there is no folder {folder}; make it first")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise ResultError(f"{file}: no permission to write there")


def check_folder(folder: Path | None) -> None:
    """Refuse, before anything runs, a folder that could not be filled afterwards.

    Raises
    ------
    ResultError
        If it is a file, or cannot be made or written to.
    """
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"{folder}: is a file; name a folder")
    check_writable(folder / "manifest.json" if folder.is_dir() else folder)


def _together(paths: list[str]) -> Any:
    """Return paths as the readers take them."""
    named = [_file(path) for path in paths]
    if any(symbol for symbol, _ in named):
        if not all(symbol for symbol, _ in named):
            raise DataError("--data SYMBOL=PATH: name the symbol of every file, or of none")
        return dict(named)
    return paths[0] if len(paths) == 1 else paths


def _file(path: str) -> tuple[str, str]:
    """Return symbol and file of `SYMBOL=path`; a file that has "=" in its name is a file."""
    symbol, equals, name = path.partition("=")
    if not equals or Path(path).exists() or not symbol or any(sign in symbol for sign in "/\\*?"):
        return "", path
    return symbol, name


def _nearby(name: str) -> list[str]:
    folder = Path(name).parent
    files = (
        [str(folder / p.name) if str(folder) != "." else p.name for p in folder.iterdir()] if folder.is_dir() else []
    )
    from backtester.bars.samples import names

    return [*files, *(SAMPLE + sample for sample in names())]
