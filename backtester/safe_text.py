"""Names that anybody may have chosen, as text on one line that no terminal and no page takes for anything else."""

from __future__ import annotations

_UNSAFE = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_UNSAFE_TABLE = dict.fromkeys(_UNSAFE, "\N{REPLACEMENT CHARACTER}")


def clean(text: object) -> str:
    """Return a name on one line, with control characters and direction overrides replaced."""
    return str(text).translate(_UNSAFE_TABLE)
