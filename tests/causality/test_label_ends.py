"""A label at t is a function of the bars up to its end, and of nothing after it, to the last bit.

Every function of labels is found by itself. It needs the bar at its end, too: an end that is too late is no leak, but
throws samples away.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from backtester import Bars
from backtester.signals import LABELS

DAY = 86_400_000_000_000
N_BARS = 90
CUTS = (3, 25, 44, 45, 46, 60, 71, 72, 73, 89)
GIVEN = {"up": 0.04, "down": 0.03, "horizon": 5}  # for settings without a default
FURTHER = {
    "forward_return": [{"horizon": 7, "log": True}],
    "direction": [{"horizon": 3, "threshold": 0.01}],
    "volatility_scaled": [{"horizon": 4, "volatility": 6}],
    "triple_barrier": [{"up": 2.0, "down": 1.0, "horizon": 12, "volatility": 8, "vertical": "zero"}, {"up": None}],
    "meta_label": [{"profit": 0.03, "loss": 0.02, "costs": 0.001}],
}
PRICES = ("open", "high", "low", "close")


def columns(seed=1):
    """Return prices and events of three assets: one with a split and a dividend, one delisted, one with gaps."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (N_BARS, 3)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.01, close.shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.015, close.shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.015, close.shape))
    gap = np.zeros(close.shape, bool)
    gap[:11, 1] = gap[72:, 1] = True
    gap[:, 2] = rng.random(N_BARS) < 0.2
    data = {name: np.where(gap, np.nan, x) for name, x in zip(PRICES, (open_, high, low, close), strict=True)}
    for name in ("split", "dividend", "delisting"):
        data[name] = np.full(close.shape, np.nan)
    data["split"][45, 0], data["dividend"][60, 0], data["delisting"][73, 1] = 2.0, 1.0, 20.0
    return data


def bars_of(data):
    extras = {name: data[name] for name in ("split", "dividend", "delisting")}
    stamps = 18_267 * DAY + DAY * np.arange(1, len(data["close"]) + 1)
    return Bars.from_arrays(stamps, *(data[name] for name in PRICES), extras=extras, check=False)


def label_of(name, data, more):
    """Return a label of such data: settings without a default get one here, a side is the same random one."""
    settings = {}
    for parameter in list(inspect.signature(LABELS[name]).parameters.values())[1:]:
        if parameter.name == "side" and parameter.default is inspect.Parameter.empty:
            sides = np.random.default_rng(5).choice([-1.0, 1.0], (N_BARS, 3))
            settings["side"] = sides[: len(data["close"])]
        elif parameter.default is inspect.Parameter.empty:
            settings[parameter.name] = GIVEN[parameter.name]
    return LABELS[name](bars_of(data), **{**settings, **more})


def cases():
    """Yield every label with every choice of entry and with further settings."""
    for name, function in LABELS.items():
        entries = ["close", "next_open"] if "entry" in inspect.signature(function).parameters else [None]
        for more in [{}, *FURTHER.get(name, [])]:
            for entry in entries:
                yield pytest.param(name, {**more, **({"entry": entry} if entry else {})}, id=f"{name}-{more}-{entry}")


def futures(data, cut):
    """Yield data that differs from row `cut` on, each time in another way."""
    rng = np.random.default_rng(cut)
    factor = np.exp(rng.normal(0.0, 0.3, (N_BARS, 3)))
    changes = {
        "other prices": lambda name, x: x * factor[cut:] if name in (*PRICES, "delisting") else x,
        "a thousand times as high": lambda name, x: x * 1000.0 if name in (*PRICES, "delisting") else x,
        "missing": lambda name, x: np.full(x.shape, np.nan),
        "no events": lambda name, x: x if name in PRICES else np.full(x.shape, np.nan),
        "a split in every row": lambda name, x: np.full(x.shape, 3.0) if name == "split" else x,
        "a late dividend": lambda name, x: np.full(x.shape, 0.1) if name == "dividend" else x,
        "worthless": lambda name, x: x * 0.5 if name == "delisting" else x,
        "cut off": lambda name, x: x[:0],
    }
    for word, change in changes.items():
        yield word, {name: np.concatenate([x[:cut], change(name, x[cut:])]) for name, x in data.items()}


@pytest.mark.parametrize(("name", "more"), list(cases()))
def test_nothing_after_its_end_changes_a_bit_of_a_label(name, more):
    data = columns()
    before = label_of(name, data, more)
    assert before.exists.sum() > 100
    for cut in CUTS:
        known = before.exists & (before.end < cut)
        for word, changed in futures(data, cut):
            after = label_of(name, changed, more)
            n = len(after.values)
            for field in ("values", "end", "returns"):
                old, new = getattr(before, field)[:n][known[:n]], getattr(after, field)[known[:n]]
                assert old.tobytes() == new.tobytes(), f"{name}{more}.{field}, cut at {cut}, future {word}"


@pytest.mark.parametrize(("name", "more"), list(cases()))
def test_a_label_needs_the_bar_at_its_end(name, more):
    """Without that bar, and all after it, no label is what it was: ends are not later than they must be."""
    data = columns()
    before = label_of(name, data, more)
    needed = []
    for cut in range(1, N_BARS):
        ending = before.end == cut
        if not ending.any():
            continue
        after = label_of(name, {key: x[:cut] for key, x in data.items()}, more)
        needed += np.isnan(after.values[ending[:cut]]).tolist()
    assert len(needed) == before.exists.sum()
    assert all(needed)


def test_the_search_finds_all_labels():
    assert {"forward_return", "direction", "volatility_scaled", "triple_barrier", "meta_label"} <= set(LABELS)
    assert set(FURTHER) == set(LABELS)
