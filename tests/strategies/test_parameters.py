"""Parameters are checked, listed and shown; each strategy says what it rests on."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import strategies
from backtester import Bars, run
from backtester.errors import ParameterError, SettingsError

SHIPPED = [getattr(strategies, name) for name in strategies.__all__]
NAN = float("nan")
#: parameters with which every other one matters in 300 bars
BASE = {
    "CrossSectionalMomentum": {"lookback": 2, "skip": 0, "top": 1},
    "OpeningRangeBreakout": {"risk": 0.0001},
    "PairsTrading": {"window": 20, "entry": 1.0, "stop": 1.5},
    "RiskParity": {"window": 20, "band": 0.01},
    "RsiReversion": {"entry": 20.0, "trend": 30},
    "TimeSeriesMomentum": {"lookback": 1, "target": 0.05, "center": 20},
    "TrendTrailingStop": {"trend": 30, "entry": 5},
    "Turtle": {"entry": 10, "exit": 5, "failsafe": 20, "atr_period": 10, "risk": 0.001},
}
#: where twice the value would be none, or out of range
OTHER = {
    "SmaCross.fast": 15,
    "CrossSectionalMomentum.skip": 1,
    "TimeSeriesMomentum.leverage": 0.2,
    "PairsTrading.exit": 0.5,
    "PairsTrading.entry": 1.2,
}


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
        ("RsiReversion", {"entry": 0.0}, ParameterError, "entry is 0.0; it must be above 0 and at most 50"),
        ("RsiReversion", {"entry": 50.5}, ParameterError, "entry is 50.5"),
        ("RsiReversion", {"entry": NAN}, ParameterError, "entry is nan"),
        ("RsiReversion", {"n": 0}, SettingsError, "rsi: n"),
        ("RsiReversion", {"exit": 0}, SettingsError, "sma: n"),
        ("Turtle", {"stop": 0.0}, ParameterError, "stop is 0.0; it must be above 0"),
        ("Turtle", {"step": -0.5}, ParameterError, "step is -0.5"),
        ("Turtle", {"risk": NAN}, ParameterError, "risk is nan"),
        ("Turtle", {"leverage": 0.0}, ParameterError, "leverage is 0.0"),
        ("Turtle", {"max_units": 0}, ParameterError, "max_units is 0; it must be 1 or more"),
        ("Turtle", {"failsafe": -1}, ParameterError, "failsafe is -1; it must be a number of bars, or 0 for none"),
        ("Turtle", {"entry": 0}, SettingsError, "donchian: n"),
        ("Turtle", {"atr_period": 0}, SettingsError, "atr: n"),
        ("TimeSeriesMomentum", {"target": 0.0}, ParameterError, "target is 0.0; it must be above 0"),
        ("TimeSeriesMomentum", {"bars_per_year": -1.0}, ParameterError, "bars_per_year is -1.0"),
        ("TimeSeriesMomentum", {"leverage": NAN}, ParameterError, "leverage is nan"),
        ("TimeSeriesMomentum", {"lookback": 0}, ParameterError, "lookback is 0; it must be 1 or more"),
        ("TimeSeriesMomentum", {"center": 0}, ParameterError, "center is 0"),
        ("CrossSectionalMomentum", {"lookback": 1}, ParameterError, "lookback is 1 and skip is 1; skip must be 0 or"),
        ("CrossSectionalMomentum", {"skip": -1}, ParameterError, "lookback is 12 and skip is -1"),
        ("CrossSectionalMomentum", {"top": 0}, ParameterError, "top is 0; it must be 1 or more"),
        ("PairsTrading", {"window": 2}, ParameterError, "window is 2; it must be 3 bars or more"),
        ("PairsTrading", {"entry": 4.0}, ParameterError, "exit is 0.0, entry is 4.0 and stop is 4.0; they must be"),
        ("PairsTrading", {"exit": -0.1}, ParameterError, "exit is -0.1"),
        ("PairsTrading", {"stop": NAN}, ParameterError, "stop is nan"),
        ("PairsTrading", {}, ParameterError, "the data has one asset, GOOGL; a pair needs two"),
        ("GridTrading", {"levels": 0}, ParameterError, "levels is 0; it must be 1 or more"),
        ("GridTrading", {"step": 0.0}, ParameterError, "step is 0.0 and levels is 10; step must be above 0"),
        ("GridTrading", {"step": 0.1}, ParameterError, "step is 0.1 and levels is 10; .* below 1"),
        ("GridTrading", {"step": NAN}, ParameterError, "step is nan"),
        ("RiskParity", {"window": 1}, ParameterError, "window is 1; it must be 2 or more"),
        ("RiskParity", {"band": -0.1}, ParameterError, "band is -0.1; it must be 0 or more"),
        ("RiskParity", {"band": NAN}, ParameterError, "band is nan"),
        ("TrendTrailingStop", {"stop_atrs": 0.0}, ParameterError, "stop_atrs is 0.0; it must be above 0"),
        ("TrendTrailingStop", {"risk": -1.0}, ParameterError, "risk is -1.0"),
        ("TrendTrailingStop", {"trend": 0}, SettingsError, "sma: n"),
        ("TrendTrailingStop", {"entry": 0}, SettingsError, "rolling_max: n"),
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


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_parameters_change_what_is_done(cls):
    """Guards against a parameter that is documented and never read."""
    bars = (
        Bars.sample("eurusd")[:300]
        if cls.__name__ == "OpeningRangeBreakout"
        else Bars.sample("stocks").adjusted()[950:1250]
    )
    base = {name: default for name, (_kind, default) in cls.parameter_types().items()} | BASE.get(cls.__name__, {})
    before = run(cls(**base), bars).tables.orders.tobytes()
    for name, value in base.items():
        other = (not value) if isinstance(value, bool) else OTHER.get(f"{cls.__name__}.{name}", value * 2)
        changed = run(cls(**base | {name: other}), bars).tables
        assert changed.orders.tobytes() != before, f"{cls.__name__}.{name}"


def test_the_docs_list_every_strategy_with_its_parameters():
    page = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\|.*\|(.*)\|$", page, re.M)
    listed = {name: tuple(re.findall(r"`(.+?)`", parameters)) for name, parameters in rows}
    assert listed == {
        cls.__name__: tuple(f"{name}={default!r}" for name, (_kind, default) in cls.parameter_types().items())
        for cls in SHIPPED
    }


def test_the_package_loads_nothing_until_a_class_is_used():
    code = (
        "import sys, strategies; print('numba' in sys.modules, 'strategies.sma_cross' in sys.modules, dir(strategies))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.startswith("False False")
    assert "SmaCross" in printed
    with pytest.raises(AttributeError, match="did you mean 'SmaCross'"):
        strategies.SmaCros  # noqa: B018
