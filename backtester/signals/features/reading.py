"""From what stands in the list of `Features` to elements; text may hold elements that are made of others.

`rsi(14)` is a shipped feature. `rank(…)`, `cross_zscore(…)`, `demean(…)` and `lag(…, k)` are made of what they hold,
and `…@1W` of what stands before it. The names of columns are such text, so that a name makes the feature again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backtester.errors import FeatureError
from backtester.signals.features.cross_sectional import CrossSectional
from backtester.signals.features.element import Feature
from backtester.signals.features.function import Function
from backtester.signals.features.lag import Lag
from backtester.signals.features.on import On
from backtester.signals.features.shipped import Shipped


def element_of(one: Any, owner: str = "Features") -> Feature:
    """Return an element of a list as a `Feature`; `owner` is who takes it, for the message.

    Raises
    ------
    FeatureError
        If it is no feature, or text that names none.
    """
    if isinstance(one, Feature):
        return one
    if isinstance(one, str):
        return _read(one)
    if callable(one) and not isinstance(one, type):
        return Function(one)
    raise FeatureError(
        f"{owner}: {one!r} ({type(one).__name__}) is not a feature; it is text such as 'rsi(14)', a function f(bars), "
        "Shipped, Function, Indicator, External, Rank, CrossSectional, Lag or On"
    )


def _read(text: str) -> Feature:
    """Return the feature that a text names."""
    text = text.strip()
    at = _outside(text, "@")
    if at:
        return On(text[at[-1] + 1 :].strip(), _read(text[: at[-1]]))
    word, bracket, rest = text.partition("(")
    make = _MADE_OF.get(word.strip())
    if make is None or not bracket or not rest.endswith(")"):
        return Shipped(text)
    return make(rest[:-1])


def _lag(inside: str) -> Feature:
    commas = _outside(inside, ",")
    if not commas:
        return Lag(_read(inside))
    text = inside[commas[-1] + 1 :].strip().removeprefix("k=").strip()
    if not text.isdecimal():
        raise FeatureError(f"'lag({inside})' is not a feature; write the number of bars last: 'lag(rsi(14), 5)'")
    return Lag(_read(inside[: commas[-1]]), int(text))


_MADE_OF: dict[str, Callable[[str], Feature]] = {
    "rank": lambda inside: CrossSectional(_read(inside), "rank"),
    "cross_zscore": lambda inside: CrossSectional(_read(inside), "zscore"),
    "demean": lambda inside: CrossSectional(_read(inside), "demean"),
    "lag": _lag,
}


def _outside(text: str, wanted: str) -> list[int]:
    """Return where a character stands outside brackets and quotes."""
    found, depth, quote = [], 0, ""
    for i, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == wanted and depth == 0:
            found.append(i)
    return found
