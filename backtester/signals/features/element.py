"""What an element of `Features` is: one declared feature, or a few of one source, that computes from bars.

`Feature` is the base of all of them. A kind of element is a subclass with a word of its own (`kind`), which its
specification carries; `backtester.signals.features.rebuild` knows the kinds and rebuilds them from specifications.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.bars.resample import Higher

Floats = npt.NDArray[np.float64]


class View:
    """The bars that features are computed from, the same without the jumps of splits and dividends, and longer ones.

    Each is made once, whichever thread asks first, so that features of one column share what is computed of it.

    Attributes
    ----------
    bars : Bars
        As they were given.
    """

    def __init__(self, bars: Bars):
        self.bars = bars
        self._lock = threading.Lock()
        self._prices: Bars | None = None
        self._longer: dict[str, tuple[Higher, View]] = {}

    @property
    def prices(self) -> Bars:
        """The bars adjusted as known at each bar (`Bars.adjusted_close`); the bars themselves if nothing happened."""
        with self._lock:
            if self._prices is None:
                happened = any(name in self.bars.extras for name in ("split", "dividend", "adj_close"))
                self._prices = self.bars.adjusted("adjusted_close") if happened else self.bars
            return self._prices

    def on(self, freq: str) -> tuple[Higher, View]:
        """Return the bars of a longer step as known on this clock (`Bars.on`), and a view of them."""
        with self._lock:
            if freq not in self._longer:
                higher = self.bars.on(freq)
                self._longer[freq] = higher, View(higher.bars)
            return self._longer[freq]


class Feature(ABC):
    """One element of `Features`: a source of one column, or of several, computed from bars.

    Attributes
    ----------
    kind : str
        The word for this kind of element in a specification.
    columns : tuple of str
        The name of each column it makes.
    """

    kind: ClassVar[str]
    columns: tuple[str, ...]

    @property
    def concurrent(self) -> bool:
        """Whether it may be computed beside others, on another thread; code that is not ours may not."""
        return False

    @abstractmethod
    def compute(self, view: View) -> npt.ArrayLike:
        """Return the values for the bars of `view`: [n_bars, n_assets], [n_bars], or with columns as a last axis."""

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """Return what rebuilds the element, as values that JSON can hold."""

    def first_rows(self, n: int) -> Feature:
        """Return the element as it would be if the data ended after `n` bars."""
        return self

    def parts(self) -> Iterator[Feature]:
        """Yield the element, and those it is made of."""
        yield self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.columns)}>"


def read_name(owner: str, name: object) -> str:
    """Return the name of a feature.

    Raises
    ------
    FeatureError
        If it is no text, is empty, or has a line break in it.
    """
    if not isinstance(name, str) or not name.strip() or len(name.splitlines()) > 1:
        raise FeatureError(f"{owner}: the name of a feature is a line of text, found {name!r}; pass name='…'")
    return name


def read_settings(owner: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as values that JSON can hold and that come back from it as they were.

    Raises
    ------
    FeatureError
        If one of them is something else than text, a finite number, True, False, None, or a list of those.
    """
    return {str(name): _plain(owner, str(name), value) for name, value in settings.items()}


def _plain(owner: str, name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_plain(owner, name, item) for item in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and np.isfinite(value)):
        return value
    raise FeatureError(
        f"{owner}: the setting {name} is {value!r} ({type(value).__name__}); a setting is text, a finite number, True, "
        "False, None, or a list of those, so that it can be written down. An array is a feature of its own: External"
    )


def call_text(name: str, settings: Mapping[str, Any]) -> str:
    """Return the name of a feature as the call that makes it: `macd(12, 26, 9)`."""
    return f"{name}({', '.join(repr(value) for value in settings.values())})"
