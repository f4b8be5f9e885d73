"""The table of shipped features, and how a function gets into it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, did_you_mean
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
    as_given : bool
        The function takes the bars as they were given, not adjusted for splits and dividends.
    """

    name: str
    function: Callable[..., npt.ArrayLike]
    defaults: Mapping[str, Any]
    least: Mapping[str, int]
    as_given: bool

    def settings(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings, from those `given` in order and those `named`.

        Raises
        ------
        FeatureError
            If there are too many, one is unknown, given twice or missing, or is not text where text is wanted.
        SettingsError
            If a period is not an int, or too small.
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
        if not isinstance(value, str):
            raise FeatureError(f"{self.name}: {name} is {value!r} ({type(value).__name__}); it is text")
        return value


def register(*, as_given: bool = False, **least: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that makes `f(prices, settings…)` a shipped feature; see `Definition`."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        parameters = list(inspect.signature(function).parameters.values())[1:]
        SHIPPED[name] = Definition(name, function, {p.name: p.default for p in parameters}, least, as_given)
        return function

    return enter


def neutral(values: Floats, known: Floats) -> Floats:
    """Return `values` with 0 where they are undefined or infinite although `known` is finite."""
    return np.where(~np.isfinite(values) & np.isfinite(known), 0.0, values)


def ratio(over: Floats, under: Floats) -> Floats:
    """Return `over / under`, 0 where `under` is 0; NaN where either is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = over / under
    return np.where((under == 0.0) & ~np.isnan(over), 0.0, found)
