"""Python's, NumPy's and torch's own generators, lent to one training at a time and given back as they were.

stable-baselines3 draws from all three. While a training runs they are its own, seeded by it and stored with it;
afterwards they are where they were, so that a training changes nobody's numbers. Two trainings in one process at the
same time would draw from the same ones; the second is refused.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from envs.errors import TrainingError

_IN_USE = threading.Lock()


@contextmanager
def lent(seed: int) -> Iterator[None]:
    """Seed the three generators and let torch use one thread; give everything back afterwards.

    Raises
    ------
    TrainingError
        If another training has them.
    """
    if not _IN_USE.acquire(blocking=False):
        raise TrainingError(
            "another training runs in this process, and both would draw from the same random numbers; train in "
            "processes of their own"
        )
    arrays, facts = get_state()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)  # the fastest for networks of this size, and the same sums everywhere
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator that stable-baselines3 draws from
        torch.manual_seed(seed)
        yield
    finally:
        set_state(arrays, facts)
        torch.set_num_threads(threads)
        _IN_USE.release()


def get_state() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the state of the three generators, as arrays and JSON."""
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    arrays = {
        "python": np.array(words, np.uint32),
        "numpy": np.array(keys, np.uint32),
        "torch": torch.get_rng_state().numpy().copy(),
    }
    facts = {"python": [version, gauss], "numpy": [int(position), int(has_gauss), float(cached)]}
    return arrays, facts


def set_state(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Go back to what `get_state` returned."""
    version, gauss = facts["python"]
    random.setstate((version, tuple(int(word) for word in arrays["python"]), gauss))
    np.random.set_state(("MT19937", arrays["numpy"], *facts["numpy"]))  # noqa: NPY002
    torch.set_rng_state(torch.from_numpy(arrays["torch"].copy()))
