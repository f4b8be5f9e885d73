"""What indicators take, what they refuse, and what loading them costs."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import backtester.indicators as indicators
from backtester.errors import DataError, SettingsError
from backtester.indicators import averages, moving

CLOSE = np.arange(1.0, 61.0)


def periods():
    """Return every indicator with the name of each of its periods."""
    return [
        (name, parameter.name)
        for name in indicators.__all__
        if not name.startswith("crossed_") and name not in ("IndicatorMemory", "remembered")
        for parameter in inspect.signature(getattr(indicators, name)).parameters.values()
        if type(parameter.default) is int and parameter.name != "ddof"
    ]


def call(name, array, **settings):
    """Call an indicator with one array for all of its arrays."""
    function = getattr(indicators, name)
    n_arrays = sum(p.default is inspect.Parameter.empty for p in inspect.signature(function).parameters.values())
    return function(*[array] * n_arrays, **settings)


NOT_INDICATORS = ("IndicatorMemory", "remembered")
NAMES = sorted(name for name in indicators.__all__ if not name.startswith("crossed_") and name not in NOT_INDICATORS)
WITH_PERIODS = sorted({name for name, _ in periods()})


@pytest.mark.parametrize(("name", "period"), periods())
@pytest.mark.parametrize("value", [0, -3, 2.0, 2.5, "5", None, True, np.nan, np.bool_(True)])
def test_a_period_is_a_positive_int(name, period, value):
    with pytest.raises(SettingsError, match=f"^{name}: {period} is "):
        call(name, CLOSE, **{period: value})


@pytest.mark.parametrize("name", WITH_PERIODS)
def test_numpy_integers_are_integers_and_a_period_beyond_the_data_gives_nan(name):
    function = getattr(indicators, name)
    last = list(inspect.signature(function).parameters)[-1]
    period = last if name == "macd" else "n"
    expected = call(name, CLOSE, **{period: 5})
    np.testing.assert_array_equal(call(name, CLOSE, **{period: np.int32(5)}), expected)
    for long in (len(CLOSE) + 1, 10**6, 10**30):
        assert np.isnan(call(name, CLOSE, **{period: long})).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([1.0, 2.0], dtype=object), "object values"),
        (np.array(["1", "2"]), "real numbers"),
        (np.array([1.0, 2.0], dtype=complex), "complex128 values"),
        (np.array([True, False]), "bool values"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "real numbers"),
        (np.float64(3.0), "0 dimensions"),
        (np.ones((2, 2, 2)), "3 dimensions"),
        ([[1.0, 2.0], [3.0]], "not an array"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), "masked array"),
    ],
)
def test_arrays_hold_real_numbers_per_bar_and_asset(name, array, words):
    with pytest.raises(DataError, match=f"^{name}: .*{words}"):
        call(name, array)


@pytest.mark.parametrize("other", [np.ones((60, 1)), np.ones(59), np.ones((60, 2))])
def test_arrays_of_one_call_have_one_shape(other):
    with pytest.raises(DataError, match=r"^atr: low has shape .*, but high has shape \(60,\)"):
        indicators.atr(CLOSE, other, CLOSE)
    with pytest.raises(DataError, match=r"^donchian: low has shape"):
        indicators.donchian(CLOSE, other)


def test_settings_that_are_no_periods():
    for k in (-1.0, np.nan, np.inf, "2", True):
        with pytest.raises(SettingsError, match=r"^bollinger: k is "):
            indicators.bollinger(CLOSE, 5, k)
    for year in (0, -252, np.nan, np.inf, "252"):
        with pytest.raises(SettingsError, match=r"^realised_volatility: periods_per_year is "):
            indicators.realised_volatility(CLOSE, 5, year)
    for ddof in (-1, 5, 0.5):
        with pytest.raises(SettingsError, match=r"^rolling_std: ddof is "):
            indicators.rolling_std(CLOSE, 5, ddof)
    with pytest.raises(SettingsError, match="2 or more"):
        indicators.realised_volatility(CLOSE, 1)
    with pytest.raises(SettingsError, match=r"^macd: fast is 26, above slow = 12"):
        indicators.macd(CLOSE, 26, 12)
    with pytest.raises(SettingsError, match=r"^kama: fast is 31, above slow = 30"):
        indicators.kama(CLOSE, 10, 31)
    for name in ("adx", "hull"):
        with pytest.raises(SettingsError, match=f"^{name}: n is 1; a period is 2 or more bars"):
            call(name, CLOSE, n=1)


@pytest.mark.parametrize("name", NAMES)
def test_layout_and_number_type_of_the_input_do_not_matter(name):
    panel = np.round(np.random.default_rng(0).uniform(50.0, 90.0, (60, 3)))
    expected = call(name, panel)
    frozen = panel.copy()
    frozen.flags.writeable = False
    variants = {
        "read-only": frozen,
        "Fortran": np.asfortranarray(panel),
        "strided": np.repeat(panel, 2, axis=0)[::2],
        "int64": panel.astype(np.int64),
        "float32": panel.astype(np.float32),
        "big-endian": panel.astype(">f8"),
        "list": panel.tolist(),
    }
    for label, variant in variants.items():
        np.testing.assert_array_equal(call(name, variant), expected, err_msg=label)


def test_one_compilation_serves_every_kind_of_array():
    for array in (CLOSE, CLOSE[:, None], CLOSE.reshape(30, 2), np.where(CLOSE == 9, np.nan, CLOSE), CLOSE[::-2]):
        indicators.sma(array, 3)
        indicators.rolling_sum(array, np.int64(3))
        indicators.kama(array, 3)
        indicators.kama(array, np.int32(4), 3, 5)
    for core in (moving._moving_sum, averages._kama.__wrapped__):
        if hasattr(core, "signatures"):
            from_python = [types for types in core.signatures if not types[0].mutable]  # not another core
            assert len(from_python) == 1


def test_importing_compiles_nothing_and_brings_no_pandas():
    code = """
import sys
import backtester.indicators as indicators
from numba.core.dispatcher import Dispatcher
modules = [module for name, module in sys.modules.items() if name.startswith("backtester.indicators")]
found = [value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)]
print(len(found) > 10, sum(len(dispatcher.signatures) for dispatcher in found), "pandas" in sys.modules)
"""
    environment = {"NUMBA_DISABLE_JIT": "0", "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["True", "0", "False"]
