"""`Function` and `Indicator`: features made by functions, yours or those of `backtester.indicators`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, did_you_mean
from backtester.signals.features.element import Feature, View, call_text, read_name, read_settings
from backtester.signals.features.sources import address_of, is_ours, source_hash

INPUTS = ("open", "high", "low", "close", "volume", "adjusted_close", "sessions")
_PRICES = ("open", "high", "low", "close", "volume")


class _Called(Feature):
    """An element that calls a function: what Function and Indicator share."""

    function: Callable[..., Any]
    settings: dict[str, Any]

    def _take(self, function: Callable[..., Any], name: str | None, settings: Mapping[str, Any]) -> str:
        """Check and store function and settings, and return the name of the column."""
        owner = type(self).__name__
        if not callable(function):
            raise FeatureError(f"{owner}: {function!r} is not a function")
        self.function = function
        plain = getattr(function, "__name__", "")
        self.settings = read_settings(f"{owner} {name or plain or function!r}", settings)
        if name is not None:
            return read_name(owner, name)
        if not plain.isidentifier():
            raise FeatureError(f"{owner}: {function!r} has no name of its own; pass name='…'")
        return call_text(plain, self.settings) if self.settings else plain

    @property
    def address(self) -> str | None:
        """`package.module:name` of the function, or None: then `from_spec` must be given it."""
        return address_of(self.function)

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        address = self.address
        return {
            "kind": self.kind,
            "function": address,
            "source": None if is_ours(address) else source_hash(self.function),
            "settings": dict(self.settings),
            "name": self.columns[0],
        }


class Function(_Called):
    """A function of your own: `f(bars, **settings)` returns one value for each bar and asset.

    Parameters
    ----------
    function : callable
        It gets the `Bars` as they are (`bars.adjusted_close` has no jumps of splits) and returns [n_bars, n_assets],
        or [n_bars] for all assets. Row t must depend on bars up to t alone, which `Features.check_causal` tries.
    name : str, optional
        Of the column. Default: the function's own.
    **settings
        Further arguments: text, finite numbers, True, False, None, or lists of those.

    Attributes
    ----------
    function : callable
    settings : dict

    Raises
    ------
    FeatureError
        If it is no function, has no name and is given none, or a setting cannot be written down.
    """

    kind: ClassVar[str] = "function"

    def __init__(self, function: Callable[..., Any], *, name: str | None = None, **settings: Any):
        self.columns = (self._take(function, name, settings),)

    def compute(self, view: View) -> npt.ArrayLike:
        """Return what the function returns for the bars of `view`."""
        found: npt.ArrayLike = self.function(view.bars, **self.settings)
        return found


class Indicator(_Called):
    """An indicator: a function of arrays, such as those of `backtester.indicators`, with its settings.

    Parameters
    ----------
    function : callable
        It takes arrays first, without defaults, and then settings.
    name : str, optional
        Of the column. Default: the call, `"atr(high, low, close, 14)"`.
    output : int, optional
        Which one, if the indicator returns several arrays.
    **arguments
        Settings; and for an array the name of a column, `x="volume"`: open, high, low, close, volume (without the
        jumps of splits and dividends), adjusted_close, sessions, or an extra of the bars. An array parameter of that
        name needs none; for `x` it is the close.

    Attributes
    ----------
    function : callable
    settings : dict
    inputs : dict of str to str
        Array parameter to column.
    output : int or None

    Raises
    ------
    FeatureError
        If it is no function, takes no array, an argument is unknown, or an array parameter has no column.

    Examples
    --------
    >>> from backtester.indicators import bollinger
    >>> Indicator(bollinger, n=20, k=2.0, output=0, name="upper band").inputs
    {'close': 'close'}
    """

    kind: ClassVar[str] = "indicator"

    def __init__(
        self, function: Callable[..., Any], *, name: str | None = None, output: int | None = None, **arguments: Any
    ):
        arrays, others = _parameters(function)
        self.inputs = {}
        for array in arrays:
            default = array if array in INPUTS else "close" if array == "x" else None
            column = arguments.pop(array, default)
            if not isinstance(column, str):
                raise FeatureError(
                    f"Indicator {_name_of(function)}: the array {array} needs the name of a column, {array}='close' "
                    f"for example, found {column!r}; for an array of your own there is External"
                )
            self.inputs[array] = column
        for argument in arguments:
            if others is not None and argument not in others:
                known = (*arrays, *others)
                raise FeatureError(
                    f"Indicator {_name_of(function)}: it has no parameter {argument!r}{did_you_mean(argument, known)} "
                    f"(parameters: {', '.join(known)})"
                )
        if output is not None and (isinstance(output, bool) or not isinstance(output, int) or output < 0):
            raise FeatureError(
                f"Indicator {_name_of(function)}: output is {output!r}; it is a number from 0 on, or None"
            )
        self.output = output
        title = self._take(function, name, arguments)
        if name is None:
            inside = ", ".join([*self.inputs.values(), *map(repr, self.settings.values())])
            title = f"{_name_of(function)}({inside})" + ("" if output is None else f"[{output}]")
        self.columns = (title,)

    @property
    def concurrent(self) -> bool:
        """True of the indicators of this package."""
        return is_ours(self.address)

    def compute(self, view: View) -> npt.ArrayLike:
        """Return what the indicator makes of the bars of `view`, [n_bars, n_assets].

        Raises
        ------
        FeatureError
            If it returns several arrays and `output` says not which, or there is no such one.
        DataError
            If the bars have no such column.
        """
        found = self.function(**{a: _column(view, c) for a, c in self.inputs.items()}, **self.settings)
        several = isinstance(found, tuple)
        if several and self.output is not None and self.output < len(found):
            return found[self.output]
        if several or self.output is not None:
            count = f"{len(found)} arrays" if several else "one array"
            raise FeatureError(
                f"feature {self.columns[0]!r}: {_name_of(self.function)} returns {count}, and output is {self.output}; "
                + (f"choose one with output=0 to {len(found) - 1}" if several else "leave output out")
            )
        return found

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        return {**super().spec(), "inputs": dict(self.inputs), "output": self.output}


def _column(view: View, name: str) -> npt.NDArray[Any]:
    if name == "sessions":
        return np.ascontiguousarray(np.broadcast_to(view.bars.sessions[:, np.newaxis], view.bars.close.shape), float)
    return view.prices[name] if name in _PRICES else view.bars[name]


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", repr(function)))


def _parameters(function: Callable[..., Any]) -> tuple[list[str], list[str] | None]:
    """Return the names of array parameters and of settings; None for the latter where any name is taken."""
    if not callable(function):
        raise FeatureError(f"Indicator: {function!r} is not a function")
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise FeatureError(f"Indicator: the parameters of {function!r} cannot be read; use Function") from None
    named = [p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    arrays = [p.name for p in named if p.default is p.empty]
    if not arrays:
        raise FeatureError(f"Indicator {_name_of(function)}: it takes no array (a parameter without a default)")
    open_ended = any(p.kind is p.VAR_KEYWORD for p in found)
    return arrays, None if open_ended else [p.name for p in named if p.default is not p.empty]
