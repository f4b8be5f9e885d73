"""What makes two trials the same: the code of the strategy and its parameters; and two markets: their symbols."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.compiler.words import Words
from backtester.manifest import plain

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.strategy import Strategy

_SIMULATED = "simulated "  # how the name of such bars begins; the rest says which they are


def code_of(kind: type[Strategy]) -> str:
    """Return a hash of the code of a strategy, with what it reaches.

    Comments, defaults of parameters, and the module it lies in make no difference. It is looked at anew each time: a
    constant that the code reads may be another by now.
    """
    words = Words(leave_out=frozenset(kind.parameter_types()), modules=False)
    return _hash((kind.__qualname__, words.of(kind)))


def told(value: Any) -> Any:
    """Return a parameter as a plain value that is another where the parameter is.

    Of arrays, bars, signals and functions, whose plain form tells little, it is a hash of what they hold.
    """
    if type(value) in (int, str, bool):
        return value
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        return plain(value)
    words = Words(modules=False)
    found = words.of(value)
    return plain(value) if words.unknown else _hash(found)


def _hash(words: Any) -> str:
    return hashlib.sha256(repr(words).encode("utf-8", "surrogatepass")).hexdigest()


def trial_number(code: str, parameters: Mapping[str, Any]) -> int:
    """Return the 64-bit number of a trial: equal for the same code and the same plain parameters, in any order."""
    return _number(repr((code, sorted(parameters.items()))))


class TrialNumbers:
    """`trial_number` of many trials that differ in a few parameters.

    Parameters
    ----------
    code : str
    fixed : mapping
        Plain parameters that all of them have.
    names : sequence of str
        Those that vary.
    """

    def __init__(self, code: str, fixed: Mapping[str, Any], names: Sequence[str]):
        self._order = sorted(range(len(names)), key=lambda i: names[i])
        items = sorted([*((name, repr(value)) for name, value in fixed.items()), *((name, None) for name in names)])
        pairs = [f"({name!r}, {text})".replace("%", "%%") if text else f"({name!r}, %r)" for name, text in items]
        self._text = f"({code!r}, [".replace("%", "%%") + ", ".join(pairs) + "])"

    def of(self, values: Sequence[Any]) -> int:
        """Return the number of the trial with these values of the parameters that vary, in the order of their names."""
        plain = [value if type(value) is int else told(value) for value in map(values.__getitem__, self._order)]
        return _number(self._text % tuple(plain))


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def symbols_of(bars: Bars) -> tuple[str, ...]:
    """Return the symbols that a ledger knows a market by; simulated ones with what they were simulated by."""
    if bars.name.startswith(_SIMULATED):
        return tuple(f"{symbol} ({bars.name})" for symbol in bars.symbols)
    return bars.symbols
