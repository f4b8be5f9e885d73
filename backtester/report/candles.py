"""Candles in levels of detail, packed: what the page needs to draw any part of a long history at once.

Level 0 has a candle for each bar, and each level above it one for four of the level below: first open, highest high,
lowest low, last close. The page shows the level whose candles are just wide enough, and unpacks no more of it than it
shows, so that the length of a history does not matter.

A price is stored as a whole number of units in the last of its digits: exactly, where all prices of an asset have at
most eight decimals in common (as quoted ones have), and else rounded to seven significant digits of the smallest. A
candle is four differences (close to the close before, open to the close before, high above and low below both), whose
bytes are laid out by significance and deflated.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEP = 4  # candles of one level that make one of the next
CHUNK = 32_768  # candles that are packed together
FEWEST = 256  # candles, at which no further level is made
MAX_DECIMALS = 8
SIGNIFICANT = 7
_LARGEST = 2**30  # of a whole number, so that differences of two fit in 32 bits
_FEW = 2_000  # prices, of which one with more decimals is found soon
_SAME = 1e-5  # of a unit of the last digit: what a float may be off
_EFFORT = 5  # of zlib


def pyramid(opened: Floats, high: Floats, low: Floats, close: Floats, finest: int = 0) -> dict[str, Any]:
    """Return the candles of one asset as JSON.

    Parameters
    ----------
    opened, high, low, close : float64 [n]
        NaN where the asset has no bar.
    finest : int
        The lowest level to keep; 0 keeps each bar.

    Returns
    -------
    dict
        `exponent`: prices are whole numbers times 10**exponent; `finest`; `levels`: for each level from `finest` up,
        how many candles it has, `n`, and `chunks`, its packed candles in base64.
    """
    candles = np.stack((opened, high, low, close))
    candles[:, ~np.isfinite(candles).all(axis=0)] = np.nan
    exponent = exponent_of(candles)
    whole, there = _whole(candles, exponent)
    for _ in range(finest):
        whole, there = folded(whole, there)
    levels = []
    while True:
        n = whole.shape[1]
        parts = [slice(start, start + CHUNK) for start in range(0, n, CHUNK)]
        levels.append({"n": n, "chunks": [packed(whole[:, part], there[part]) for part in parts]})
        if n <= FEWEST:
            return {"exponent": exponent, "finest": finest, "levels": levels}
        whole, there = folded(whole, there)


def exponent_of(candles: Floats) -> int:
    """Return the power of ten whose multiples stand for the prices; the largest that keeps them, see above."""
    prices = np.abs(candles[np.isfinite(candles)])
    top = float(prices.max(initial=0.0))
    if top == 0.0:
        return 0
    coarsest = int(np.ceil(np.log10(top / _LARGEST)))
    few = prices[:: max(1, len(prices) // _FEW)]
    for decimals in range(MAX_DECIMALS + 1):
        if -decimals < coarsest:
            break
        if _fits(few, decimals) and _fits(prices, decimals):
            return -decimals
    smallest = float(prices[prices > 0.0].min())
    return max(coarsest, int(np.floor(np.log10(smallest))) - SIGNIFICANT + 1)


def _fits(prices: Floats, decimals: int) -> bool:
    scaled = prices * 10.0**decimals
    return bool(np.all(np.abs(scaled - np.round(scaled)) <= _SAME))


def folded(whole: Ints, there: npt.NDArray[np.bool_]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the next level: four candles become one; those without a bar do not count."""
    n = -(-whole.shape[1] // STEP)
    room = n * STEP - whole.shape[1]
    parts = np.pad(whole, ((0, 0), (0, room))).reshape(4, n, STEP)
    known = np.pad(there, (0, room)).reshape(n, STEP)
    first, last = known.argmax(axis=1), STEP - 1 - known[:, ::-1].argmax(axis=1)
    rows = np.arange(n)
    highest = np.where(known, parts[1], -(2**62)).max(axis=1)
    lowest = np.where(known, parts[2], 2**62).min(axis=1)
    some = known.any(axis=1)
    found = np.stack((parts[0, rows, first], highest, lowest, parts[3, rows, last]))
    return np.where(some, found, 0), np.asarray(some)


def packed(whole: Ints, there: npt.NDArray[np.bool_]) -> str:
    """Return candles as base64: four planes of 32-bit differences, byte by byte, then which are there; deflated."""
    n = whole.shape[1]
    opened, high, low, close = whole
    filled = close[np.maximum.accumulate(np.where(there, np.arange(n), -1))] if there.any() else close
    if not there.all():
        before_first = np.cumsum(there) == 0
        filled = np.where(before_first, 0, filled)
    before = np.concatenate(([0], filled[:-1]))
    body_top, body_low = np.maximum(opened, close), np.minimum(opened, close)
    planes = np.stack((filled - before, opened - before, high - body_top, body_low - low))
    planes[1:, ~there] = 0
    shuffled = planes.astype("<i4").view(np.uint8).reshape(4, n, 4).transpose(0, 2, 1)
    content = shuffled.tobytes() + there.astype(np.uint8).tobytes()
    return base64.b64encode(zlib.compress(content, _EFFORT)).decode("ascii")


def unpacked(chunk: str) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the whole numbers [4, n] and whether each candle is there: what the page's script does, for tests."""
    content = np.frombuffer(zlib.decompress(base64.b64decode(chunk)), np.uint8)
    n = len(content) // 17
    planes = content[: 16 * n].reshape(4, 4, n).transpose(0, 2, 1).copy().view("<i4")[:, :, 0].astype(np.int64)
    there = content[16 * n :].astype(bool)
    close = np.cumsum(planes[0])
    opened = planes[1] + close - planes[0]
    high, low = np.maximum(opened, close) + planes[2], np.minimum(opened, close) - planes[3]
    return np.stack((opened, high, low, close)), there


def _whole(candles: Floats, exponent: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    there = np.isfinite(candles[3])
    scaled = candles / 10.0**exponent if exponent >= 0 else candles * 10.0**-exponent
    return np.where(there, np.round(np.where(there, scaled, 0.0)), 0.0).astype(np.int64), there
