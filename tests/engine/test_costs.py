"""`Costs`, `Account` and `Execution`: what they refuse, their per-asset forms, and their numbers by hand."""

import math

import numba
import numpy as np
import pytest
from tiny import FLAT, Script, filled, market, play

from backtester import Account, Costs, Execution, run
from backtester.costs import resolve
from backtester.errors import SettingsError

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("name", list(Costs.__dataclass_fields__))
@pytest.mark.parametrize("value", [NAN, INF, -2.0, "0.1", None, True, 1j])
def test_a_cost_that_is_no_finite_number_or_negative_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=rf"Costs: {name} "):
        Costs(**{name: value})


@pytest.mark.parametrize("name", ["commission", "spread", "slippage"])
def test_a_percent_where_a_fraction_belongs_is_refused(name):
    with pytest.raises(SettingsError, match="a fraction, not a percent"):
        Costs(**{name: 5})


@pytest.mark.parametrize("value", [[0.01, -0.01], {"A0": 0.01, "A1": NAN}, np.array([0.01, INF]), (0.1, "x")])
def test_a_bad_number_among_several_is_named(value):
    with pytest.raises(SettingsError, match=r"spread\[(1|'A1')\]"):
        Costs(spread=value)


@pytest.mark.parametrize("name", ["cash_rate", "debit_rate"])
@pytest.mark.parametrize("value", [[0.01], {"A0": 0.01}, np.array([0.01, 0.02])])
def test_rates_of_the_account_are_one_number(name, value):
    with pytest.raises(SettingsError, match=f"{name} is one number for the account"):
        Costs(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"leverage": 0.0}, "leverage is 0.0"),
        ({"leverage": [2.0]}, "leverage is one number"),
        ({"leverage": NAN}, "leverage is nan"),
        ({"maintenance": -0.1}, "maintenance is -0.1"),
        ({"maintenance": 0.5, "leverage": 2.0}, "below 1 / leverage = 0.5"),
        ({"maintenance": {"A0": 0.1}}, "maintenance is one number"),
        ({"allow_short": 1}, "allow_short must be True or False"),
        ({"on_shortfall": "reduced"}, "did you mean 'reduce'"),
        ({"lot_size": -1}, "lot_size is -1"),
        ({"tick_size": NAN}, "tick_size is nan"),
        ({"multiplier": 0}, "multiplier is 0"),
    ],
)
def test_account_refuses(settings, message):
    with pytest.raises(SettingsError, match=message):
        Account(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fill_at": "open"}, "fill_at is 'open'"),
        ({"fill_at": None}, "fill_at is None"),
        ({"same_bar": "stop-first"}, "did you mean 'stop_first'"),
        ({"limit_fill": "cross"}, "limit_fill is 'cross'"),
        ({"max_participation": 0.0}, "max_participation is 0.0"),
        ({"max_participation": 10}, "a fraction, not a percent"),
        ({"max_participation": NAN}, "max_participation is nan"),
        ({"max_participation": [0.1]}, "max_participation is one number"),
        ({"max_participation": np.array([0.1, 0.2])}, "max_participation is one number"),
        ({"max_participation": "0.1"}, "must be a number"),
        ({"latency_bars": -1}, "latency_bars is -1"),
        ({"latency_bars": 1.0}, "latency_bars must be a whole number"),
        ({"latency_bars": True}, "latency_bars must be a whole number"),
    ],
)
def test_execution_refuses(settings, message):
    with pytest.raises(SettingsError, match=message):
        Execution(**settings)


def test_a_misspelt_field_is_python_s_own_error():
    with pytest.raises(TypeError, match="comission"):
        Costs(comission=0.1)


@pytest.mark.parametrize(
    "value", [0.25, np.float64(0.25), np.array(0.25), [0.25, 0.25], (0.25, 0.25), {"A0": 0.25, "A1": 0.25}]
)
def test_every_form_of_a_per_asset_number_means_the_same(value):
    rules, _ = resolve(1.0, Costs(spread=value), Account(), Execution(), ("A0", "A1"), negative_prices=False)
    assert rules.per_asset["spread"].tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0.1, 0.2, 0.3], "spread has 3 values for 2 assets"),
        ([], "spread has 0 values for 2 assets"),
        ({"A0": 0.1}, r"missing \['A1'\]"),
        ({"A0": 0.1, "A1": 0.1, "B": 0.1}, r"unknown \['B'\]"),
    ],
)
def test_a_per_asset_number_must_fit_the_assets(value, message):
    with pytest.raises(SettingsError, match=message):
        run(Script(script={}), market([[FLAT, FLAT]] * 3), costs=Costs(spread=value))


def test_per_asset_numbers_are_used_for_their_asset():
    both = {1: lambda c: (c.order(0, 4), c.order(1, 4))}
    result = play([[FLAT, FLAT]] * 3, both, spread={"A1": 0.5, "A0": 0.0}, commission_per_order=[1.0, 0.0])
    assert filled(result) == [(1, 2, 4, 10), (2, 2, 4, 12.5)]
    assert result.fills["commission"].tolist() == [1, 0]


# ---- numbers


def test_commission_is_cumulative_over_the_fills_of_an_order():
    # 10 and 5 units at 10: base 1 + 0.5·10 + 100/64 = 7.5625, under the minimum of 9; then 1 + 7.5 + 150/64 = 10.84375.
    rows = [FLAT, FLAT, (10, 10, 10, 10, 10), (10, 10, 10, 10, 10)]
    costs = {"commission": 1 / 64, "commission_per_unit": 0.5, "commission_per_order": 1.0, "commission_min": 9.0}
    result = play(rows, {1: lambda c: c.order(0, 15)}, max_participation=1.0, **costs)
    assert result.fills["quantity"].tolist() == [10, 5]
    assert result.fills["commission"].tolist() == [9, 1.84375]
    assert result.orders.loc[1, "commission"] == 10.84375


def test_multiplier_scales_value_and_proportional_commission_but_not_the_charge_per_unit():
    # 2 contracts at 10, 5 money a point: value 100; 100/64 + 2·0.5.
    costs = {"commission": 1 / 64, "commission_per_unit": 0.5, "multiplier": 5.0}
    result = play([FLAT, FLAT, (10, 12, 10, 12)], {1: lambda c: c.order(0, 2)}, **costs)
    assert result.fills["commission"].tolist() == [100 / 64 + 1]
    assert result.tables.equity[-1] == 1000 + 2 * 5 * 2 - 100 / 64 - 1


def test_impact_follows_the_square_root_law():
    # Session returns 0.1 and −0.1: sd₁ = √0.02; mean volume (100 + 200 + 300)/3 = 200; |q| = 50.
    # P = 10·(1 + 1/2·√0.02·√(50/200)).
    rows = [(10, 10, 10, 10, 100), (11, 11, 11, 11, 200), (10, 10, 9.5, 9.9, 300), FLAT]
    result = play(rows, {2: lambda c: c.order(0, 50)}, impact=0.5)
    paid = 10 * 0.5 * math.sqrt(0.02) * 0.5
    assert result.fills["price"][0] == pytest.approx(10 + paid, rel=1e-12)
    assert result.fills["impact"][0] == pytest.approx(50 * paid, rel=1e-12)


def test_impact_is_of_the_requested_quantity():
    # 1000 buys fewer than 200 units at 10; the price is that of the 200 asked for.
    rows = [(10, 10, 10, 10, 100), (11, 11, 11, 11, 200), (10, 10, 9.5, 9.9, 300), FLAT]
    result = play(rows, {2: lambda c: c.order(0, 200)}, impact=0.5)
    assert result.fills["price"][0] == pytest.approx(10 * (1 + 0.5 * math.sqrt(0.02)), rel=1e-12)
    assert result.fills["quantity"][0] < 100


def tiers(price, quantity):
    return quantity * 0.5 if quantity < 10 else quantity * 0.25


@numba.njit
def jitted_tiers(price, quantity):
    return quantity * 0.5 if quantity < 10 else quantity * 0.25


@pytest.mark.parametrize("function", [tiers, jitted_tiers, lambda price, quantity: tiers_plus(price, quantity)])
def test_commission_functions_plain_and_jitted(function):
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, 20)}
    result = play([FLAT] * 4, script, commission=function, multiplier=2.0)
    assert result.fills["commission"].tolist() == [2 * 5 * 0.5, 2 * 20 * 0.25]  # money for multiplier 1, times 2


@numba.njit
def tiers_plus(price, quantity):
    return jitted_tiers(price, quantity) + 0.0 * price


def test_a_commission_function_sees_price_and_size_both_positive():
    # f = 0.01·price·quantity + price: 5 sold at 10: 0.5 + 10.
    result = play([FLAT] * 3, {1: lambda c: c.order(0, -5)}, commission=lambda p, q: 0.01 * p * q + p)
    assert result.fills["commission"].tolist() == [pytest.approx(10.5, rel=1e-12)]


def test_what_a_commission_function_reads_is_looked_up_anew_for_every_run():
    space = {"RATE": 0.5}
    exec("def charge(price, quantity):\n    return quantity * RATE", space)
    script = {1: lambda c: c.order(0, 4)}
    paid = []
    for rate in (0.5, 0.25, 0.5):
        space["RATE"] = rate
        paid.append(play([FLAT] * 3, script, commission=space["charge"]).fills["commission"][0])
    assert paid == [2, 1, 2]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda price: price, "2 argument types given, but function takes 1"),
        (lambda price, quantity: "free", "cannot compile"),
        (lambda price, quantity: price.rate, "Unknown attribute 'rate'"),
        (lambda price, quantity: -1.0, r"returned -1.0; it must be finite and not negative"),
        (lambda price, quantity: price / 0.0, "returned inf"),
        (len, "cannot compile"),
    ],
)
def test_a_commission_function_that_cannot_serve_is_refused_before_the_run(function, message):
    with pytest.raises(SettingsError, match=message):
        play([FLAT] * 3, {}, commission=function)


def test_a_commission_that_turns_nan_during_the_run_is_an_error():
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, -3)}
    with pytest.raises(SettingsError, match=r"charged nan in all for order 2 of -3.0 A0, submitted at bar 2"):
        play([FLAT] * 4, script, commission=lambda price, quantity: NAN if quantity == 3.0 else 0.0)


def test_settings_are_frozen_and_compare_by_value():
    assert Costs(spread=0.1) == Costs(spread=0.1)
    with pytest.raises(AttributeError):
        Costs().spread = 0.1
