"""Tables of results as files, for `--table`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backtester.cli.inputs import check_writable
from backtester.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_TABLES = (".csv", ".parquet")


def check_table(file: Path | None) -> None:
    """Refuse, before anything runs, a table that could not be written afterwards.

    Raises
    ------
    SettingsError
        If its suffix says nothing.
    ResultError
        If its folder does not exist, or takes no files.
    """
    if file is None:
        return
    if file.suffix.lower() not in _TABLES:
        near = did_you_mean(file.suffix.lower(), _TABLES)
        raise SettingsError(f"--table {file}: cannot tell what to write{near}; a name ends in {', '.join(_TABLES)}")
    check_writable(file)


def write_table(table: pd.DataFrame, file: Path | None) -> str | None:
    """Write a table by the suffix of the file, in full or not at all, and return the name of the file; None for none.

    In CSV a text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    if file is None:
        return None
    from backtester.report.csv_safe import safe_frame

    part = file.with_name(f".{file.name}.part")
    try:
        if file.suffix.lower() == ".csv":
            safe_frame(table).to_csv(part)
        else:
            table.to_parquet(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return str(file)
