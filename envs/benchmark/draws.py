"""Random numbers of the benchmark's own: counted draws of SplitMix64, the same on every machine and NumPy version.

Number k of a seed is a function of seed and k alone, so nothing has a state and nobody's generator is touched.
Source: Guy L. Steele, Doug Lea and Christine H. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mixed(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(seed: int, count: int, first: int = 0) -> np.ndarray:
    """Return numbers `first` to `first + count - 1` of a seed, uniform in [0, 1).

    Parameters
    ----------
    seed : int
        Any whole number; its lowest 64 bits count. It is hashed first, so that neighbours are unrelated.
    count : int
        How many.
    first : int
        The number of the first.

    Returns
    -------
    float64 [count]
    """
    start = _mixed(np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64) + _GAMMA)
    steps = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    return (_mixed(start + steps * _GAMMA) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def seed_of(*parts: int | str) -> int:
    """Return a seed, 0 to 2^63 - 1, that is a hash of its parts: two uses of one configured seed share no numbers."""
    import hashlib

    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
