"""A table as text that fits: as wide as it likes, then with its text folded, then a block of lines for each row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

_GAP = 2  # columns between two cells
_TEXT = 14  # columns that a cell of text is folded to at least


def table_text(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Sequence[str] = (),
    width: int | None = None,
    styled: bool = False,
) -> str:
    """Return a table as lines of text.

    Parameters
    ----------
    heads : sequence of str
        The heads of the columns.
    rows : iterable of sequence
        Their cells; nothing in them is markup.
    right : sequence of str
        Heads of columns that are aligned to the right; these are never folded.
    width : int, optional
        Columns there are; None for any number.
    styled : bool
        With bold heads and red negative numbers, as ANSI codes; `NO_COLOR` leaves the bold.

    Returns
    -------
    str
        Where even the folded table is too wide, each row is a block: its first cell, and below it a line for each
        other head and cell.
    """
    from rich.cells import cell_len

    from backtester.summary_text import clean

    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max([cell_len(head), *(cell_len(row[n]) for row in cells)]) for n, head in enumerate(heads)]
    gaps = _GAP * (len(heads) - 1)
    needed = sum(size if head in right else min(size, _TEXT) for head, size in zip(heads, widths, strict=True)) + gaps
    if width is not None and needed > width:
        return _blocks(heads, cells, width, styled)
    return _grid(heads, cells, right, sum(widths) + gaps if width is None else width, styled)


def _grid(heads: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[str], width: int, styled: bool) -> str:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for head in heads:
        is_right = head in right
        table.add_column(Text(head), justify="right" if is_right else "left", overflow="fold", no_wrap=is_right)
    for row in cells:
        table.add_row(*(Text(cell, style=_style(cell, head in right)) for head, cell in zip(heads, row, strict=True)))
    return _printed(table, width, styled)


def _blocks(heads: Sequence[str], cells: Sequence[Sequence[str]], width: int, styled: bool) -> str:
    """Return a block of lines for each row: below its first cell, each other head with its cell."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    blocks: list[object] = []
    for row in cells:
        blocks.append(Text(f"{heads[0]} {row[0]}".strip(), style="bold"))
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for head, cell in zip(heads[1:], row[1:], strict=True):
            table.add_row(Text(f"  {head}"), Text(cell, style=_style(cell, True)))
        blocks.append(table)
    return _printed(Group(*blocks), width, styled)  # type: ignore[arg-type]


def _style(cell: str, is_number: bool) -> str:
    return "red" if is_number and cell.startswith("-") and cell[1:2].isdigit() else ""


def _printed(what: object, width: int, styled: bool) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), force_terminal=styled, width=max(width, 1), highlight=False)
    with console.capture() as captured:
        console.print(what)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
