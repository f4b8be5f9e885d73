"""The way a price takes through its bar: rules 17 and 18. A path is a list of prices, joined by straight moves."""

from itertools import pairwise

from .model import Number


def bar_path(open_: Number, high: Number, low: Number, close: Number, same_bar: str) -> list[Number]:
    return [open_, low, high, close] if same_bar == "olhc" else [open_, high, low, close]


def travelled(path: list[Number], price: Number, rising: bool, strict: bool) -> Number | None:
    """How far along the path `price` is reached in the asked direction; None where it is not.

    `strict` asks for a move beyond the price, not only to it.
    """
    way = price - price
    for u, v in pairwise(path):
        s = 1 if rising else -1
        if (v - u) * s > 0 and (v - price) * s >= 0 and not (strict and v == price) and (price - u) * s >= 0:
            return way + abs(price - u)
        way += abs(v - u)
    return None


def rest_of_path(path: list[Number], r: Number, rising: bool) -> list[Number]:
    """The path from the first time that r is reached in the asked direction."""
    for i, (u, v) in enumerate(pairwise(path)):
        s = 1 if rising else -1
        if (r - u) * s >= 0 and (v - r) * s >= 0 and u != v:
            return [r, *path[i + 1 :]]
    return [r, path[-1]]
