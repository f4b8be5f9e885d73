"""`Shipped`: a feature of `backtester.signals.features.library`, by name and settings, or written as a call."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

from backtester.errors import FeatureError, SettingsError, did_you_mean
from backtester.signals.calls import Call, read_call
from backtester.signals.features.element import Feature, View, call_text, read_name
from backtester.signals.features.library import SHIPPED


class Shipped(Feature):
    """A shipped feature.

    Parameters
    ----------
    feature : str
        Its name, one of `SHIPPED`, or a call of it: `"rsi"`, `"rsi(7)"`, `"macd(fast=6, slow=13)"`.
    *settings, **named
        Its settings, in order or by name, if `feature` is a name alone.
    name : str, optional
        Of the column. Default: the call with all its settings, `"macd(6, 13, 9)"`.

    Attributes
    ----------
    feature : str
        The name of the shipped feature.
    settings : dict
        All its settings.

    Raises
    ------
    FeatureError
        If there is no such feature or setting, or the text is no call.
    SettingsError
        If a period is not an int, or too small.

    Examples
    --------
    >>> Shipped("macd", fast=6, slow=13).columns
    ('macd(6, 13, 9)',)
    """

    kind: ClassVar[str] = "shipped"

    def __init__(self, feature: str, *settings: Any, name: str | None = None, **named: Any):
        call = _read(feature)
        word, given, by_name = call.name, call.given, call.named
        if (given or by_name) and (settings or named):
            raise FeatureError(f"{feature!r} has its settings already; give them inside the text or beside it")
        if word not in SHIPPED:
            raise FeatureError(
                f"there is no feature {word!r}{did_you_mean(word, SHIPPED)} (features: {', '.join(SHIPPED)}); "
                "for your own function or array see Function, Indicator and External"
            )
        self.feature = word
        self._definition = SHIPPED[word]
        self.settings = self._definition.settings((*given, *settings), {**by_name, **named})
        title = call_text(word, self.settings) if self.settings else word
        self.columns = (title if name is None else read_name(word, name),)

    @property
    def concurrent(self) -> bool:
        """True: the library is made of functions of their arguments alone."""
        return True

    def compute(self, view: View) -> npt.ArrayLike:
        """Return the values for the bars of `view`, [n_bars, n_assets] or [n_bars]."""
        bars = view.bars if self._definition.as_given else view.prices
        return self._definition.function(bars, **self.settings)

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        return {"kind": self.kind, "feature": self.feature, "settings": dict(self.settings), "name": self.columns[0]}


def _read(text: object) -> Call:
    """Return the call that names a shipped feature.

    Raises
    ------
    FeatureError
        If it is neither a name nor a call with plain values.
    """
    if not isinstance(text, str):
        raise FeatureError(f"a shipped feature is named by text such as 'rsi(14)', found {text!r}")
    try:
        return read_call(text, nested=False)
    except SettingsError:
        raise FeatureError(
            f"{text!r} is not a feature; write a name or a call with plain values, such as 'rsi(14)'"
        ) from None
