"""Which points of a space are tried, in which order: grid, random, Latin hypercube; made one by one when asked for.

Every point has a number, and is a function of that number, the space and the seed alone. So a sweep goes on where it
stopped, and a point of a grid or a random search has the same number however many are asked for. No point comes twice:
those of a space that can be counted are counted off in a mixed order; where they are drawn instead, because a
hypercube or a log scale wants it, what came before is held and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from backtester.errors import SweepError, did_you_mean
from backtester.research.sweep.space import Coordinates, Range, Space

Where = Callable[[Any], Any]
Point = tuple[int, Coordinates]

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15
_COUNTED = 200_000  # points of a grid that are counted before it begins
_TRIES = 1_000  # points that may be refused for one that is allowed, or drawn again in a row
_ROUNDS = 6
MOST_MIXED = 2**128  # points that a `Permutation` mixes well; of more none is drawn twice in anybody's life


@dataclass(frozen=True)
class Points:
    """The points of a sweep, but for those that `where` refuses.

    Attributes
    ----------
    method : {"grid", "random", "latin"}
    n : int or None
        How many allowed points; None for a grid.
    """

    space: Space
    method: str
    n: int | None
    seed: int
    where: Where | None

    def __iter__(self) -> Iterator[Point]:
        found = refused = 0
        for number, point in self._all():
            if not allowed(self.space, self.where, point):
                refused += 1
                if self.method == "random" and refused > _TRIES * (found + 100):
                    raise SweepError(
                        f"sweep: where= refused {refused:,} of {refused + found:,} random points, and {self.n:,} were "
                        f"wanted; narrow the space ({self.space.described()}) to what it allows"
                    )
                continue
            found += 1
            yield number, point
            if self.method == "random" and found == self.n:
                return

    def _all(self) -> Iterator[Point]:
        size = self.space.size
        if self.method == "grid":
            return ((number, self.space.point(number)) for number in range(size or 0))
        drawn = self._latin() if self.method == "latin" else self._drawn()
        if size is None or size > MOST_MIXED:
            return drawn
        if self.method == "latin":
            return self._distinct(drawn, min(self.n or 0, size))
        if any(isinstance(one, Range) and one.log for one in self.space.dimensions):
            return self._distinct(drawn, size)
        mixed = Permutation(size, self.seed)
        return ((number, self.space.point(mixed(number))) for number in range(size))

    def _distinct(self, drawn: Iterator[Point], most: int) -> Iterator[Point]:
        """Yield `most` points: those that are drawn for the first time, then others at random where these are few."""
        seen: set[Coordinates] = set()
        number = again = 0
        for number, point in drawn:
            again = again + 1 if point in seen else 0
            if again == 0:
                seen.add(point)
                yield number, point
            if len(seen) == most or again > _TRIES:
                break
        mixed, place = Permutation(self.space.size or 0, self.seed), 0
        while len(seen) < most:
            point = self.space.point(mixed(place))
            place += 1
            if point not in seen:
                seen.add(point)
                number += 1
                yield number, point

    def _drawn(self) -> Iterator[Point]:
        number = 0
        while True:
            yield number, self.space.at([self._share(number, d) for d in range(len(self.space.dimensions))])
            number += 1

    def _latin(self) -> Iterator[Point]:
        """Cut each dimension into n parts, and draw from each part of each dimension once."""
        n = self.n or 0
        orders = [Permutation(n, mix(self.seed ^ mix(d + 1))) for d in range(len(self.space.dimensions))]
        for number in range(n):
            shares = [(order(number) + self._share(number, d)) / n for d, order in enumerate(orders)]
            yield number, self.space.at([min(share, 1.0 - 2.0**-53) for share in shares])

    def _share(self, number: int, dimension: int) -> float:
        """Return the uniform number in [0, 1) of a point and a dimension."""
        return (mix(mix(mix(self.seed) + number) + dimension) >> 11) * 2.0**-53

    def count(self) -> tuple[int, bool]:
        """Return how many points there are, and whether that is known rather than the most there can be."""
        sizes = [one for one in (self.n, self.space.size) if one is not None]
        most = min(sizes)
        tried = self.space.size if self.method == "random" else most  # before `where` leaves out any
        if self.where is None or tried is None or tried > _COUNTED:
            return most, self.where is None
        return sum(1 for _ in self), True


def allowed(space: Space, where: Where | None, point: Coordinates) -> bool:
    """Whether `where` allows a point.

    Raises
    ------
    SweepError
        `where` answers something else than true or false, or reads a parameter that does not exist.
    """
    if where is None:
        return True
    values = space.fixed | space.parameters(point)
    try:
        answer = where(SimpleNamespace(**values))
    except AttributeError as error:
        name = str(getattr(error, "name", ""))
        if not isinstance(getattr(error, "obj", None), SimpleNamespace):
            raise
        raise SweepError(
            f"sweep: where= reads {name!r}, which is no parameter{did_you_mean(name, values)} "
            f"(parameters: {', '.join(values)})"
        ) from error
    if isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise SweepError(
        f"sweep: where= answered {answer!r} for {space.parameters(point)}; it returns True for what is to be tried, "
        "e.g. where=lambda p: p.fast < p.slow"
    )


def mix(word: int) -> int:
    """Return the SplitMix64 hash of a 64-bit word (G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014)."""
    word = (word + _STEP) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


class Permutation:
    """A permutation of 0 … n − 1 that is computed, not held: a Feistel network that walks until it is inside.

    Its halves have at most 64 bits, so that n is at most 2¹²⁸.

    Source: J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002 (cycle walking).
    """

    def __init__(self, n: int, seed: int):
        self.n = n
        self._half = max(1, ((max(n - 1, 1)).bit_length() + 1) // 2)
        self._keys = [mix(mix(seed) + r) for r in range(_ROUNDS)]

    def __call__(self, i: int) -> int:
        half, mask = self._half, (1 << self._half) - 1
        while True:
            left, right = i >> half, i & mask
            for key in self._keys:
                left, right = right, left ^ (mix(key ^ right) & mask)
            i = (left << half) | right
            if i < self.n:
                return i
