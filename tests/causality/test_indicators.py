"""A value of an indicator is a function of the asset's own bars up to now, and of nothing else, to the last bit.

Every public indicator is found by itself: arguments without a default are arrays, those with one are settings.
"""

import inspect

import numpy as np
import pytest

import backtester.indicators as indicators

N_BARS = 160
CUTS = (1, 2, 15, 40, 41, 97, 159)
INDICATORS = sorted(
    name
    for name in indicators.__all__
    if not name.startswith("crossed_")  # these answer at one bar, from arrays that end there
    if not name.startswith("cross_")  # these compare assets: tests/indicators/test_cross_section.py
    if name not in ("IndicatorMemory", "remembered")  # no indicators
)
FURTHER_SETTINGS = {
    "drawdown": {"n": 7},
    "rolling_skew": {"n": 5, "bias": False},
    "rolling_quantile": {"n": 6, "q": 0.9},
}
NO_WARM_UP = {"drawdown", "log_returns", "obv", "returns", "session_vwap", "true_range"}  # a value at bar 0 or 1
FEW_VALUES = {"supertrend"}  # a direction is 1 or −1, often the same in two futures


def arrays_of(name):
    """Return the names of the array arguments of an indicator."""
    parameters = inspect.signature(getattr(indicators, name)).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty]


def settings_of(name):
    """Return the default settings, a second set with every period cut to a quarter, and what else is worth a test."""
    parameters = inspect.signature(getattr(indicators, name)).parameters.values()
    periods = {parameter.name: parameter.default for parameter in parameters if type(parameter.default) is int}
    quarters = {key: max(value // 4, min(value, 2)) for key, value in periods.items()}
    return [{}, quarters, *([FURTHER_SETTINGS[name]] if name in FURTHER_SETTINGS else [])]


def prices(seed, n_assets=3):
    """Return a random panel of prices, volume, sessions of seven bars, and two series of any kind."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (N_BARS, n_assets)), axis=0))
    high = close * (1.0 + rng.uniform(0.0, 0.01, close.shape))
    low = close * (1.0 - rng.uniform(0.0, 0.01, close.shape))
    open_ = low + rng.uniform(0.0, 1.0, close.shape) * (high - low)
    volume = rng.uniform(1.0, 1e6, close.shape)
    sessions = np.repeat(np.arange(N_BARS)[:, None] // 7, n_assets, axis=1).astype(float)
    y = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, close.shape), axis=0))
    prices = {"open": open_, "high": high, "low": low, "close": close}
    return {**prices, "volume": volume, "sessions": sessions, "x": close, "y": y}


def with_gaps(data, seed):
    """Return a copy with missing bars: at the start of asset 1, here and there in asset 2, none in asset 0."""
    rng = np.random.default_rng(seed)
    gap = np.zeros(data["close"].shape, bool)
    gap[:11, 1] = True
    gap[:, -1] |= rng.random(N_BARS) < 0.2
    gap[60:70, -1] = True
    return {name: np.where(gap, np.nan, values) for name, values in data.items()}, gap


def run(name, data, settings, pick=slice(None)):
    """Return the outputs of an indicator on a part of the data as a tuple of arrays."""
    found = getattr(indicators, name)(*(data[array][pick] for array in arrays_of(name)), **settings)
    return found if isinstance(found, tuple) else (found,)


def same_bits(left, right):
    """Tell whether two arrays hold the same values, −0.0 and 0.0 told apart, all NaN alike."""
    missing = np.isnan(left)
    return (
        left.shape == right.shape
        and (missing == np.isnan(right)).all()
        and left[~missing].tobytes() == right[~missing].tobytes()
    )


def futures(data, cut):
    """Yield data that differs from bar `cut` on, each time in another way, under a name for the message."""
    other = prices(99)
    changes = {
        "other prices": lambda name, tail: other[name][cut:],
        "a thousand million times as high": lambda name, tail: tail * 1e9,
        "constant": lambda name, tail: np.full(tail.shape, 7.0),
        "missing": lambda name, tail: np.full(tail.shape, np.nan),
        "missing in one asset": lambda name, tail: np.where(np.arange(tail.shape[1]) == 0, np.nan, tail),
        "every third bar missing": lambda name, tail: np.where(np.arange(len(tail))[:, None] % 3 == 0, np.nan, tail),
        "infinite": lambda name, tail: np.full(tail.shape, np.inf),
        "negative": lambda name, tail: -tail,
        "cut off": lambda name, tail: tail[:0],
    }
    for label, change in changes.items():
        yield label, {name: np.concatenate([x[:cut], change(name, x[cut:])]) for name, x in data.items()}


def test_the_search_finds_all_indicators():
    assert len(INDICATORS) >= 33
    assert arrays_of("atr") == ["high", "low", "close"]
    assert settings_of("macd")[1] == {"fast": 3, "slow": 6, "signal": 2}


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("name", INDICATORS)
def test_the_future_changes_no_bit_of_the_past(name, gaps):
    data = prices(1)
    if gaps:
        data, _ = with_gaps(data, 2)
    for settings in settings_of(name):
        for pick in (slice(None), (slice(None), slice(0, 1)), (slice(None), 2)):
            before = run(name, data, settings, pick)
            for cut in CUTS:
                for label, changed in futures(data, cut):
                    after = run(name, changed, settings, pick)
                    for old, new in zip(before, after, strict=True):
                        assert same_bits(old[:cut], new[:cut]), f"{name}{settings} at bar {cut}, future {label}"


@pytest.mark.parametrize("name", INDICATORS)
def test_a_value_that_may_change_does(name):
    """Guards the test above: the future it changes does reach the outputs from the cut on."""
    data = prices(1)
    before = run(name, data, {})
    changed = {key: np.concatenate([x[:97], prices(99)[key][97:]]) for key, x in data.items()}
    for old, new in zip(before, run(name, changed, {}), strict=True):
        assert (old[98:] != new[98:]).mean() > (0.1 if name in FEW_VALUES else 0.5)


@pytest.mark.parametrize("name", INDICATORS)
def test_gaps_are_as_if_the_missing_bars_were_not_there(name):
    data, gap = with_gaps(prices(3), 4)
    for settings in settings_of(name):
        found = run(name, data, settings)
        for asset in range(gap.shape[1]):
            own = {key: values[~gap[:, asset], asset] for key, values in data.items()}
            for values, expected in zip(found, run(name, own, settings), strict=True):
                assert np.isnan(values[gap[:, asset], asset]).all()
                assert same_bits(values[~gap[:, asset], asset], expected), f"{name}{settings}, asset {asset}"


@pytest.mark.parametrize("name", INDICATORS)
def test_a_bar_is_missing_where_any_array_is(name):
    """Whatever the other arrays hold there."""
    data = prices(5)
    for hidden in arrays_of(name):
        holed = {**data, hidden: data[hidden].copy()}
        holed[hidden][[30, 31, 80], 1] = np.nan
        whole = {key: np.where(np.isnan(holed[hidden]), np.nan, values) for key, values in data.items()}
        for values, expected in zip(run(name, holed, {}), run(name, whole, {}), strict=True):
            assert same_bits(values, expected)


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("name", INDICATORS)
def test_one_asset_alone_gives_the_bits_it_gives_among_others(name, gaps):
    data = prices(6, n_assets=9)
    if gaps:
        data, _ = with_gaps(data, 7)
    for settings in settings_of(name):
        together = run(name, data, settings)
        for asset in range(9):
            alone = run(name, data, settings, (slice(None), slice(asset, asset + 1)))
            flat = run(name, data, settings, (slice(None), asset))
            for all_of_them, column, series in zip(together, alone, flat, strict=True):
                assert column.shape == (N_BARS, 1)
                assert same_bits(all_of_them[:, asset : asset + 1], column)
                assert same_bits(column[:, 0], series)


@pytest.mark.parametrize("name", INDICATORS)
def test_inputs_stay_untouched_and_outputs_are_fresh(name):
    data = prices(8)
    for values in data.values():
        values.flags.writeable = False
    before = {key: values.copy() for key, values in data.items()}
    for values in run(name, data, {}):
        assert values.dtype == np.float64
        assert values.flags.c_contiguous
        assert values.flags.writeable
        assert not any(np.shares_memory(values, array) for array in data.values())
    assert all((data[key] == before[key]).all() for key in data)


@pytest.mark.parametrize("name", INDICATORS)
@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (0, 2), (1, 2), (5, 0)])
def test_data_shorter_than_the_warm_up_is_no_error(name, shape):
    for values in run(name, dict.fromkeys(prices(1), np.ones(shape)), {}):
        assert values.shape == shape
        if name not in NO_WARM_UP:
            assert np.isnan(values).all()
