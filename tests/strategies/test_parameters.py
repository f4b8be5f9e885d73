"""Parameters are checked, listed and shown; each strategy says what it rests on."""

import importlib
import re
import subprocess
import sys

import pytest

import strategies
from backtester import Bars, run
from backtester.errors import ParameterError, SettingsError

SHIPPED = [getattr(strategies, name) for name in strategies.__all__]


@pytest.fixture(scope="module")
def bars():
    return Bars.sample("googl")[:200]


@pytest.mark.parametrize(
    ("name", "parameters", "error", "message"),
    [
        ("SmaCross", {"fast": 30, "slow": 30}, ParameterError, "fast is 30 and slow is 30; fast must be below slow"),
        ("SmaCross", {"fast": 0}, SettingsError, "sma: n"),
        ("BollingerReversion", {"stop": 0.0}, ParameterError, "stop is 0.0; it must be above 0"),
        ("BollingerReversion", {"stop": float("nan")}, ParameterError, "stop is nan"),
        ("BollingerReversion", {"k": -1.0}, SettingsError, "bollinger: k"),
        ("DonchianBreakout", {"stop_atrs": -2.0}, ParameterError, "stop_atrs is -2.0; it must be above 0"),
        ("DonchianBreakout", {"risk": 0.0}, ParameterError, "risk is 0.0"),
        ("DonchianBreakout", {"channel": 0}, SettingsError, "donchian: n"),
        ("DonchianBreakout", {"atr_period": -1}, SettingsError, "atr: n"),
    ],
)
def test_values_out_of_range_are_refused_before_the_first_bar(name, parameters, error, message, bars):
    with pytest.raises(error, match=message):
        run(getattr(strategies, name)(**parameters), bars)


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_unknown_parameters_are_refused_and_known_ones_shown(cls):
    with pytest.raises(ParameterError, match=f"{cls.__name__} has no parameter 'fats'"):
        cls(fats=3)
    for name, (kind, default) in cls.parameter_types().items():
        assert type(default) is kind
        assert re.search(rf"\b{name}\b[^\n]* : {kind.__name__}\n", cls.__doc__), f"{name} is not documented"
        assert f"{name}={default!r}" in repr(cls())


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_the_file_names_its_source_with_author_title_and_year(cls):
    source = importlib.import_module(cls.__module__).__doc__.partition("Source: ")[2]
    assert re.match(r'[A-Z][^"]+, "[^"]+"[^"]*\((19|20)\d\d\)', source)


def test_parameters_change_what_is_done(bars):
    """Guards against a parameter that is documented and never read."""
    base = {cls: run(cls, bars).tables for cls in SHIPPED}
    for cls in SHIPPED:
        for name, (_kind, default) in cls.parameter_types().items():
            other = (not default) if isinstance(default, bool) else default * 2 if name != "slow" else 40
            changed = run(cls(**{name: other}), bars).tables
            assert changed.orders.tobytes() != base[cls].orders.tobytes(), f"{cls.__name__}.{name}"


def test_the_package_loads_nothing_until_a_class_is_used():
    code = (
        "import sys, strategies; print('numba' in sys.modules, 'strategies.sma_cross' in sys.modules, dir(strategies))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.startswith("False False")
    assert "SmaCross" in printed
    with pytest.raises(AttributeError, match="did you mean 'SmaCross'"):
        strategies.SmaCros  # noqa: B018
