"""What the elements share that are made of another one: whose columns they take, and how theirs are called."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError
from backtester.signals.features.checks import check_no_infinity, columns_of
from backtester.signals.features.element import Feature, View, read_name

if TYPE_CHECKING:
    from backtester.signals.features.feature_set import Element

Floats = npt.NDArray[np.float64]


class Wrapper(Feature):
    """An element made of another: each of its columns comes from one column of that.

    Attributes
    ----------
    feature : Feature
        The element it is made of.
    name : str or None
        The name it was given; the columns are else called by `title`.
    """

    feature: Feature
    name: str | None

    def _wrap(self, feature: Element, name: str | None) -> None:
        """Store the inner element and name the columns; settings that `title` reads must be there."""
        from backtester.signals.features.reading import element_of

        owner = type(self).__name__
        self.feature = element_of(feature, owner)
        self.name = name
        if name is None:
            self.columns = tuple(self.title(column) for column in self.feature.columns)
        elif len(self.feature.columns) == 1:
            self.columns = (read_name(owner, name),)
        else:
            raise FeatureError(
                f"{owner}: one name, {name!r}, for the {len(self.feature.columns)} columns of {self.feature!r}; leave "
                "name out"
            )

    @abstractmethod
    def title(self, column: str) -> str:
        """Return the name of what is made of the column of that name."""

    @property
    def concurrent(self) -> bool:
        """As the element it is made of."""
        return self.feature.concurrent

    def inner(self, view: View) -> list[Floats]:
        """Return the columns it is made of for the bars of `view`, [n_bars, n_assets] each.

        Raises
        ------
        FeatureError
            If one is infinite, which a rank, for one, would hide.
        """
        columns = columns_of(self.feature, view)
        for name, values in zip(self.feature.columns, columns, strict=True):
            check_no_infinity(name, values, view.bars)
        return columns

    def first_rows(self, n: int) -> Feature:
        """Return the element as it would be if the data ended after `n` bars."""
        part = copy.copy(self)
        part.feature = self.feature.first_rows(n)
        return part

    def parts(self) -> Iterator[Feature]:
        """Yield the element, and those it is made of."""
        yield self
        yield from self.feature.parts()

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        return {"kind": self.kind, "feature": self.feature.spec(), "name": self.name}


def side_by_side(columns: list[Floats]) -> Floats:
    """Return columns as what an element computes: [n_bars, n_assets], or with several as a last axis."""
    return columns[0] if len(columns) == 1 else np.stack(columns, axis=-1)
