"""Text cells that a spreadsheet must not take for formulas.

A CSV file has no types: a spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula, and one that
begins with a tab or a line end may become one (OWASP, "CSV Injection"). A leading single quote makes it text. Numbers
are left alone: only text is quoted, so that a symbol `-X` becomes `'-X` and the quantity -5 stays -5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LEADS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the last four: full width


def safe_cell(value: Any) -> Any:
    """Return a cell for a CSV file: text that a spreadsheet would run gets a leading single quote."""
    return f"'{value}" if isinstance(value, str) and value.startswith(LEADS) else value


def safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a frame whose text (cells, column names, index and its names) is safe in a spreadsheet.

    Columns of numbers, booleans and times are kept as they are. A column of categories becomes one of text.
    """
    import pandas as pd

    safe = frame.copy()
    for position, (_, column) in enumerate(frame.items()):
        if _holds_text(column.dtype):
            cells = pd.Series([safe_cell(value) for value in column], index=frame.index, dtype=object)
            safe.isetitem(position, cells)
    safe.columns = _safe_index(frame.columns)
    safe.index = _safe_index(frame.index)
    return safe


def _holds_text(dtype: Any) -> bool:
    from pandas.api import types

    return isinstance(dtype, types.CategoricalDtype) or types.is_object_dtype(dtype) or types.is_string_dtype(dtype)


def _safe_index(index: pd.Index) -> pd.Index:
    import pandas as pd

    names = [safe_cell(name) for name in index.names]
    if isinstance(index, pd.MultiIndex):
        return pd.MultiIndex.from_tuples([tuple(map(safe_cell, row)) for row in index], names=names)
    if _holds_text(index.dtype):
        return pd.Index([safe_cell(value) for value in index], name=names[0], dtype=object)
    return index.rename(names[0])
