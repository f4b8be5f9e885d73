"""The space of a sweep: one dimension per parameter, checked once against the strategy, never held as a list of points.

A point is a tuple of coordinates, one per dimension: the position in the list of values, or the value itself where the
dimension is a range. Coordinates are plain numbers, so that a store can hold them whatever the values are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Any

import numpy as np

from backtester.errors import ParameterError, SweepError, did_you_mean
from backtester.html_text import shortened
from backtester.research.sweep.values import told
from backtester.strategy import Strategy, check_parameter, unannotated

Coordinates = tuple[float, ...]
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """A parameter that takes one of a list of values."""

    name: str
    values: tuple[Any, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers, so that one has neighbours."""
        numbers = (isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)
        return all(numbers) and not any(math.isnan(value) for value in self.values)

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def nth(self, place: int) -> int:
        """Return the coordinate at a place in the list."""
        return place

    def at(self, share: float) -> int:
        """Return the coordinate at a share in [0, 1) of the dimension."""
        return int(share * len(self.values))

    def value(self, coordinate: float) -> Any:
        """Return the value at a coordinate."""
        return self.values[int(coordinate)]

    def place(self, value: Any) -> float:
        """Return where a value lies between the smallest and the largest, in [0, 1]."""
        at = next(i for i, one in enumerate(self.values) if one is value or one == value)
        return float(self.share(np.array([at]))[0])

    def share(self, coordinates: np.ndarray) -> np.ndarray:
        """Return where coordinates lie between the smallest value and the largest, in [0, 1], float64 [n]."""
        ranks = np.argsort(np.argsort(self.values, kind="stable")) if self.is_ordered else np.arange(len(self.values))
        return ranks[np.asarray(coordinates, np.int64)] / max(len(self.values) - 1, 1)

    def described(self) -> str:
        """Return the dimension in words."""
        shown = ", ".join(map(told, self.values[:4]))
        more = f", … {told(self.values[-1])} ({len(self.values):,} values)" if len(self.values) > 4 else ""
        return f"{self.name}: {shown}{more}"


@dataclass(frozen=True)
class Range:
    """A parameter that takes any number from `low` to `high`, both ends included."""

    name: str
    low: float
    high: float
    log: bool
    whole: bool

    is_ordered = True

    @property
    def size(self) -> int | None:
        """How many values there are; None where they are not whole numbers."""
        return int(self.high) - int(self.low) + 1 if self.whole else None

    def nth(self, place: int) -> int:
        """Return the coordinate at a place among the whole numbers."""
        return int(self.low) + place

    def at(self, share: float) -> float:
        """Return the coordinate, which is the value, at a share in [0, 1) of the dimension."""
        if self.whole and not self.log:
            return int(self.low) + int(share * (int(self.high) - int(self.low) + 1))
        if self.log:
            found = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            found = self.low + share * (self.high - self.low)
        found = min(max(found, self.low), self.high)
        return round(found) if self.whole else found

    def value(self, coordinate: float) -> float:
        """Return the value at a coordinate."""
        return int(coordinate) if self.whole else float(coordinate)

    def place(self, value: Any) -> float:
        """Return where a value lies between `low` and `high`, on the scale of the range, in [0, 1]."""
        return float(self.share(np.array([value]))[0])

    def share(self, coordinates: np.ndarray) -> np.ndarray:
        """Return where coordinates lie between `low` and `high`, in [0, 1], on the scale of the range, float64 [n]."""
        scale = np.log if self.log else np.asarray
        low, high = scale(self.low), scale(self.high)
        return (scale(np.asarray(coordinates, np.float64)) - low) / (high - low)

    def described(self) -> str:
        """Return the dimension in words."""
        return f"{self.name}: {self.low!r} to {self.high!r}{' (log)' if self.log else ''}"


@dataclass(frozen=True)
class Space:
    """The dimensions of a sweep, and what all its points share.

    Attributes
    ----------
    dimensions : tuple of Choice or Range
        In the order in which they were given; the last changes fastest in a grid.
    fixed : dict
        Every other parameter of the strategy: given as one value, or its default.
    """

    dimensions: tuple[Choice | Range, ...]
    fixed: Parameters = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary."""
        return tuple(one.name for one in self.dimensions)

    @property
    def size(self) -> int | None:
        """How many points there are; None where a dimension is a range of numbers that are not whole."""
        sizes = [one.size for one in self.dimensions]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    @property
    def is_ordered(self) -> bool:
        """Whether a dimension has numbers for values, so that points have neighbours."""
        return any(one.is_ordered for one in self.dimensions)

    def point(self, number: int) -> Coordinates:
        """Return point `number` of a space that can be counted: its digits in a mixed radix, the last the lowest."""
        digits = []
        for one in reversed(self.dimensions):
            assert one.size is not None
            number, digit = divmod(number, one.size)
            digits.append(one.nth(digit))
        return tuple(reversed(digits))

    def at(self, shares: Sequence[float]) -> Coordinates:
        """Return the point at shares in [0, 1) of the dimensions."""
        return tuple(one.at(share) for one, share in zip(self.dimensions, shares, strict=True))

    def values(self, coordinates: Coordinates) -> list[Any]:
        """Return the values of the parameters that vary, in the order of their names."""
        return [one.value(at) for one, at in zip(self.dimensions, coordinates, strict=True)]

    def parameters(self, coordinates: Coordinates) -> Parameters:
        """Return the parameters that vary, by name."""
        return {one.name: one.value(at) for one, at in zip(self.dimensions, coordinates, strict=True)}

    def described(self) -> str:
        """Return the dimensions in words."""
        return "; ".join(one.described() for one in self.dimensions) or "one point"


def make_space(kind: type[Strategy], given: Mapping[str, Any], method: str) -> Space:
    """Return the space of the dimensions `given` for a strategy class.

    Parameters
    ----------
    kind : type
    given : mapping of str to object
        A list, range, array or other sequence of values; `(low, high)` or `(low, high, "log")`; or one value.
    method : str
        A grid takes no ranges.

    Raises
    ------
    ParameterError
        No such parameter, or a value that the parameter cannot take.
    SweepError
        A dimension without values, with a value twice, or a range that is none.
    """
    check_names("sweep", kind, given)
    known = kind.parameter_types()
    dimensions: list[Choice | Range] = []
    fixed: Parameters = {}
    for name, values in given.items():
        made = _dimension(kind, name, known[name][0], values, method)
        if isinstance(made, Choice | Range):
            dimensions.append(made)
        else:
            fixed[name] = made[0]
    for name, (_, default) in known.items():
        if name in given:
            continue
        if default is Parameter.empty:
            raise ParameterError(f"sweep: {kind.__name__} needs the parameter {name!r}, which has no default")
        fixed[name] = default
    return Space(tuple(dimensions), fixed)


def check_names(function: str, kind: type[Strategy], names: Iterable[str]) -> None:
    """Raise `ParameterError` where a strategy has no parameter of one of the names that `function` was given."""
    known = kind.parameter_types()
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            hint = unannotated(kind, name) or did_you_mean(name, known)
            raise ParameterError(f"{function}: {kind.__name__} has no parameter {name!r}{hint} (parameters: {listed})")


def _dimension(kind: type, name: str, wanted: Any, values: Any, method: str) -> Choice | Range | tuple[Any]:
    """Return a dimension, or its one value in a tuple."""
    if isinstance(values, tuple) and _is_range(values):
        try:
            check_parameter(kind.__name__, name, wanted, _plain(values[0]))
        except ParameterError as error:
            raise ParameterError(f"{error}{_as_one(kind, name, wanted, values)}") from None
        return _range(kind, name, wanted, values, method)
    if not _is_list(values):
        return (check_parameter(kind.__name__, name, wanted, values),)
    try:
        found = [check_parameter(kind.__name__, name, wanted, _plain(value)) for value in values]
    except ParameterError as error:
        raise ParameterError(f"{error}{_as_one(kind, name, wanted, values)}") from None
    if not found:
        raise SweepError(f"sweep: {name} has no values ({values!r}); give it one at least")
    seen: set[Any] = set()
    for value in found:
        key = _key(value)
        if key in seen:
            raise SweepError(f"sweep: {name} has the value {value!r} twice; nothing is run twice, so take one out")
        seen.add(key)
    return Choice(name, tuple(found))


def _as_one(kind: type, name: str, wanted: Any, values: Any) -> str:
    """Return the remedy where values were meant as one value of the parameter, "" where they cannot be one."""
    try:
        check_parameter(kind.__name__, name, wanted, values)
    except ParameterError:
        return ""
    shown = shortened(" ".join(repr(values).split()))
    return f"; the values in it are tried one by one: write {name}=[{shown}] for this one value"


def _key(value: Any) -> Any:
    """Return what is the same for equal values; what cannot be hashed equals nothing else."""
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value


def _is_list(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return values.ndim == 1
    return isinstance(values, list | range | tuple | set | frozenset) or (
        type(values).__module__.partition(".")[0] == "pandas" and hasattr(values, "tolist")
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_range(values: tuple[Any, ...]) -> bool:
    numbers = [_plain(one) for one in values[:2]]
    if len(numbers) < 2 or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        return False
    return len(values) == 2 or (len(values) == 3 and isinstance(values[2], str))


def _range(kind: type, name: str, wanted: Any, values: tuple[Any, ...], method: str) -> Range:
    low, high = (_plain(one) for one in values[:2])
    if method == "grid":
        raise SweepError(
            f"sweep: {name}={values!r} is a range from {low!r} to {high!r}, and a grid wants a list of values: "
            f"[{low!r}, {high!r}] for these two, range(…) for all between; or method='random', 'latin' or 'tpe'"
        )
    if len(values) == 3 and values[2] != "log":
        raise SweepError(f"sweep: {name}={values!r}: a range is (low, high) or (low, high, 'log')")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SweepError(f"sweep: {name}={values!r}: a range needs two finite numbers, the lower one first")
    log = len(values) == 3
    if log and low <= 0:
        raise SweepError(f"sweep: {name}={values!r}: on a log scale a range begins above 0")
    for end in (low, high):
        check_parameter(kind.__name__, name, wanted, end)
    whole = isinstance(low, int) and isinstance(high, int) and wanted is not float
    return Range(name, low, high, log, whole) if whole else Range(name, float(low), float(high), log, False)
