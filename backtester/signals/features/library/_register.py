"""The table of shipped features, and how a function gets into it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, SettingsError, did_you_mean
from backtester.indicators._arrays import read_period

Floats = npt.NDArray[np.float64]

SHIPPED: dict[str, Definition] = {}  #: name to definition, in the order of the modules


@dataclass(frozen=True)
class Definition:
    """A shipped feature: its function and its settings.

    Attributes
    ----------
    name : str
        As it is written in `Features(["name"])`.
    function : callable
        `f(prices, settings…)`.
    defaults : mapping of str to object
        Setting to default; `inspect.Parameter.empty` where it has none.
    least : mapping of str to int
        The least value of each period.
    numbers : mapping of str to (float, float)
        The range of each setting that is a number: above the first, up to the second.
    choices : mapping of str to tuple of str
        The words that a setting may be, where it is one of a few.
    as_given : bool
        The function takes the bars as they were given, not adjusted for splits and dividends.
    """

    name: str
    function: Callable[..., npt.ArrayLike]
    defaults: Mapping[str, Any]
    least: Mapping[str, int]
    numbers: Mapping[str, tuple[float, float]]
    choices: Mapping[str, tuple[str, ...]]
    as_given: bool

    def settings(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings, from those `given` in order and those `named`.

        Raises
        ------
        FeatureError
            If there are too many, one is unknown, given twice or missing, or is not text where text is wanted.
        SettingsError
            If a period is not an int, or too small, or a number is out of its range.
        """
        listed = ", ".join(self.defaults) or "none"
        if len(given) > len(self.defaults):
            raise FeatureError(f"{self.name} has {len(self.defaults)} settings ({listed}), found {len(given)}")
        values = dict(zip(self.defaults, given, strict=False))
        for name, value in named.items():
            if name not in self.defaults:
                close = did_you_mean(name, self.defaults)
                raise FeatureError(f"{self.name} has no setting {name!r}{close} (settings: {listed})")
            if name in values:
                raise FeatureError(f"{self.name}: {name} is given twice, {values[name]!r} and {value!r}")
            values[name] = value
        found = {}
        for name, default in self.defaults.items():
            value = values.get(name, default)
            if value is inspect.Parameter.empty:
                raise FeatureError(f"{self.name} needs its setting {name}: {self.name}({name}=…)")
            found[name] = self._checked(name, value)
        return found

    def _checked(self, name: str, value: Any) -> Any:
        if name in self.least:
            return read_period(self.name, name, value, self.least[name])
        if name in self.numbers:
            return _number(self.name, name, value, *self.numbers[name])
        if not isinstance(value, str):
            raise FeatureError(f"{self.name}: {name} is {value!r} ({type(value).__name__}); it is text")
        words = self.choices.get(name)
        if words is not None and value not in words:
            raise FeatureError(
                f"{self.name}: {name} is {value!r}{did_you_mean(value, words)}; one of {', '.join(map(repr, words))}"
            )
        return value


def register(
    *,
    as_given: bool = False,
    numbers: Mapping[str, tuple[float, float]] | None = None,
    choices: Mapping[str, tuple[str, ...]] | None = None,
    **least: int,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that makes `f(prices, settings…)` a shipped feature; see `Definition`."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        parameters = list(inspect.signature(function).parameters.values())[1:]
        defaults = {p.name: p.default for p in parameters}
        SHIPPED[name] = Definition(name, function, defaults, least, numbers or {}, choices or {}, as_given)
        return function

    return enter


def _number(feature: str, name: str, value: Any, above: float, up_to: float) -> int | float:
    """Return a setting that is a number, whole ones as int, so that 7 and 7.0 make one feature."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not above < value <= up_to or value == np.inf:
        rule = f"above {above:g}" if up_to == np.inf else f"above {above:g} and up to {up_to:g}"
        raise SettingsError(f"{feature}: {name} is {value!r}; it is a finite number {rule}")
    return int(value) if float(value).is_integer() else float(value)


def neutral(values: Floats, known: Floats) -> Floats:
    """Return `values` with 0 where they are undefined or infinite although `known` is finite."""
    return np.where(~np.isfinite(values) & np.isfinite(known), 0.0, values)


def ratio(over: Floats, under: Floats) -> Floats:
    """Return `over / under`, 0 where `under` is 0; NaN where either is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = over / under
    return np.where((under == 0.0) & ~np.isnan(over), 0.0, found)
