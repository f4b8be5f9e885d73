"""An adjusted close at bar t is a function of the bars and events up to t, and of nothing else, to the last bit."""

import numpy as np
import pytest

from backtester import Bars

N_BARS, WIDTH = 120, 3
DAY = 86_400_000_000_000
CUTS = (1, 2, 30, 31, 77, 119)
NAMES = ("adjusted_close", "adjustment")


def market(seed):
    """Return closes with gaps, splits, dividends and a source's adjusted close, all random and all of them events."""
    rng = np.random.default_rng(seed)
    close = 40.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (N_BARS, WIDTH)), axis=0))
    close[rng.random(close.shape) < 0.1] = np.nan
    close[:5, 1] = np.nan
    return {
        "close": close,
        "split": np.where(rng.random(close.shape) < 0.05, rng.choice([2.0, 1 / 3, 1.5], close.shape), np.nan),
        "dividend": np.where(rng.random(close.shape) < 0.1, rng.uniform(0.0, 0.5, close.shape), np.nan),
        "adj_close": close * np.exp(np.cumsum(rng.normal(0.0, 0.01, close.shape), axis=0)),
    }


def bars_of(data, columns):
    close = data["close"]
    times = (np.arange(len(close)) + 1) * DAY
    extras = {name: data[name] for name in columns}
    return Bars.from_arrays(times, close, close, close, close, extras=extras, check=False)


@pytest.mark.parametrize(
    "columns",
    [(), ("split",), ("dividend",), ("split", "dividend"), ("split", "dividend", "adj_close"), ("adj_close",)],
    ids=lambda columns: "+".join(columns) or "close",
)
def test_the_future_changes_no_bit_of_the_past(columns):
    data, other = market(1), market(2)
    whole = bars_of(data, columns)
    for cut in CUTS:
        futures = {
            "another": {key: np.concatenate([x[:cut], other[key][cut:]]) for key, x in data.items()},
            "cut off": {key: x[:cut] for key, x in data.items()},
            "no events": {
                key: np.concatenate([x[:cut], np.full_like(x[cut:], np.nan)]) if key in ("split", "dividend") else x
                for key, x in data.items()
            },
        }
        for label, changed in futures.items():
            after = bars_of(changed, columns)
            for name in NAMES:
                old, new = getattr(whole, name)[:cut], getattr(after, name)[:cut]
                missing = np.isnan(old)
                assert (missing == np.isnan(new)).all(), (name, cut, label)
                assert old[~missing].tobytes() == new[~missing].tobytes(), (name, cut, label)
            seen = after.adjusted_as_of(cut - 1)
            np.testing.assert_array_equal(seen, whole.adjusted_as_of(cut - 1))


def test_the_future_that_is_changed_does_reach_what_comes_after():
    data, other = market(1), market(2)
    events = {**data, **{key: np.concatenate([data[key][:77], other[key][77:]]) for key in ("split", "dividend")}}
    before, after = (bars_of(x, ("split", "dividend")).adjusted_close[90:] for x in (data, events))
    there = ~np.isnan(before)
    assert (before[there] != after[there]).mean() > 0.9
