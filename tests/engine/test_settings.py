"""What `run` refuses before the first trade, and what the kernel refuses with a reason."""

import enum
import math
import os
from typing import Literal

import numpy as np
import pytest
from tiny import FLAT, Script, ending, filled, market, play

from backtester import GTD, Account, Bars, Costs, Execution, Strategy, constant, run
from backtester.engine import prepare_run
from backtester.errors import DataError, ParameterError, SettingsError, StrategyError
from backtester.indicators import sma

NAN, INF = math.nan, math.inf


class Idle(Strategy):
    def on_bar(self, ctx):
        pass


BARS = market([FLAT] * 6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cash": 0}, "cash is 0; it must be finite and greater than 0"),
        ({"cash": -1.0}, "cash is -1.0"),
        ({"cash": NAN}, "cash is nan"),
        ({"cash": INF}, "cash is inf"),
        ({"cash": "1000"}, "cash must be a number, found '1000'"),
        ({"cash": True}, "cash must be a number"),
        ({"cash": None}, "cash must be a number"),
        ({"risk_free": NAN}, "risk_free is nan"),
        ({"periods_per_year": 0}, "periods_per_year is 0"),
        ({"costs": 0.001}, r"costs must be a Costs, found 0.001; write costs=Costs\("),
        ({"costs": Costs}, "costs must be a Costs"),
        ({"account": {}}, "account must be an Account"),
        ({"execution": None}, "execution must be an Execution"),
        ({"mode": "fast"}, "mode is 'fast'"),
        ({"mode": "compile"}, "did you mean 'compiled'"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": None}, "seed must be a whole number"),
        ({"close_at_end": 1}, "close_at_end must be True or False"),
        ({"progress": "yes"}, "progress must be True, False or None"),
        ({"comission": 0.1}, "run has no setting 'comission'"),
        ({"cost": Costs()}, "did you mean 'costs'"),
        ({"benchmark": "buy_and_hodl"}, "did you mean 'buy_and_hold'"),
        ({"benchmark": [1.0, 2.0]}, r"benchmark has shape \(2,\)"),
        ({"benchmark": [1.0, 2.0, 3.0, -1.0, 2.0, 2.0]}, "benchmark prices must be"),
        ({"benchmark": market([[FLAT, FLAT]] * 6)}, "must hold one asset, found 2"),
    ],
)
def test_run_refuses(settings, message):
    called = []

    class Watched(Idle):
        def prepare(self, bars):
            called.append(bars)

    with pytest.raises(SettingsError, match=message):
        run(Watched, BARS, **settings)
    assert called == []


@pytest.mark.parametrize("strategy", [None, 5, "SmaCross", BARS, int, lambda ctx: None])
def test_the_first_argument_is_a_strategy(strategy):
    with pytest.raises(StrategyError, match="the first argument must be a Strategy"):
        run(strategy, BARS)


@pytest.mark.parametrize("bars", [None, np.zeros((5, 1)), "sp500", Idle()])
def test_the_second_argument_is_bars(bars):
    with pytest.raises(SettingsError, match="the second argument must be Bars"):
        run(Idle, bars)


# ---- parameters


class Side(enum.IntEnum):
    LONG = 1


class Parameters(Idle):
    fast: int = 10
    slow: int = 30
    level: float = 0.5
    flag: bool = False
    kind: Literal["a", "b"] = "a"
    top: int | None = None
    _private: int = 3
    constant = 7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fats": 5}, "has no parameter 'fats'; did you mean 'fast'"),
        ({"constant": 5}, r"has no parameter 'constant'.*parameters: fast, slow, level, flag, kind, top"),
        ({"_private": 5}, "has no parameter '_private'"),
        ({"fast": 20.0}, r"fast must be int, found 20.0 \(float\); write 20"),
        ({"fast": "20"}, "fast must be int, found '20'"),
        ({"fast": True}, "fast must be int, found True"),
        ({"fast": Side.LONG}, "fast must be int"),
        ({"fast": None}, "fast must be int, found None"),
        ({"level": "0.5"}, "level must be float"),
        ({"level": 1j}, "level must be float"),
        ({"flag": 1}, "flag must be bool, found 1"),
        ({"kind": "c"}, "kind must be .*'a', 'b'.*found 'c'"),
        ({"top": 1.5}, "top must be int | None, found 1.5"),
    ],
)
def test_a_parameter_is_known_and_has_its_type(given, message):
    with pytest.raises(ParameterError, match=message):
        Parameters(**given)


def test_parameters_convert_numpy_numbers_and_whole_numbers_to_their_own_type():
    strategy = Parameters(fast=np.int32(5), level=2, flag=np.True_)
    assert [(type(v), v) for v in (strategy.fast, strategy.level, strategy.flag)] == [
        (int, 5),
        (float, 2.0),
        (bool, True),
    ]
    assert repr(strategy).startswith("Parameters(fast=5, slow=30, level=2.0, flag=True")


def test_parameters_are_inherited_and_defaults_overridden():
    class Child(Parameters):
        slow = 50
        more: int = 1

    assert Child().parameters | {} == {**Parameters().parameters, "slow": 50, "more": 1}
    with pytest.raises(ParameterError):
        Child(slow="x")


def test_a_parameter_without_default_must_be_given():
    class Needs(Idle):
        period: int

    with pytest.raises(ParameterError, match="needs the parameter 'period'"):
        run(Needs, BARS)


def test_annotations_as_strings_are_checked_too_even_beside_one_that_cannot_be_read():
    space = {"Strategy": Strategy, "__name__": __name__}
    exec(
        "from __future__ import annotations\nclass Text(Strategy):\n    fast: int = 10\n    other: NotThere = None\n",
        space,
    )
    with pytest.raises(ParameterError, match="fast must be int"):
        space["Text"](fast="10")


# ---- orders that must be refused


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_every_bad_order_is_refused_with_its_reason(mode):
    class Bad(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, 0.0)
                ctx.order(0, math.nan)
                ctx.order(0, math.inf)
                ctx.order(0, 1e19)
                ctx.limit(0, 1.0, math.nan)
                ctx.stop(0, 1.0, -1.0)
                ctx.stop_limit(0, 1.0, 9.0, math.inf)
                ctx.order(1, 1.0)
                ctx.order(-1, 1.0)
                ctx.trailing_stop(0, -1.0)
                ctx.trailing_stop(0, -1.0, distance=math.nan)
                ctx.trailing_stop(0, -1.0, distance_frac=1.0)
                ctx.order(0, 1.0, tif=9)
                ctx.limit(0, 1.0, 9.0, tif=GTD)
                ctx.order_target(0, math.nan)
                ctx.order_target_percent(0, math.inf)
                ctx.order(0, 0.004)

    result = run(Bad, BARS, mode=mode, account=Account(lot_size=0.01))
    assert result.orders["reason"].tolist() == [
        "quantity_zero", "quantity_not_finite", "quantity_not_finite", "quantity_too_large",
        "price_invalid", "price_invalid", "price_invalid", "asset_unknown", "asset_unknown",
        "distance_invalid", "distance_invalid", "distance_invalid", "tif_unknown", "expire_missing",
        "target_not_finite", "target_not_finite", "quantity_below_lot",
    ]  # fmt: skip
    assert set(result.orders["status"]) == {"rejected"}
    assert len(result.fills) == 0


@pytest.mark.parametrize(
    ("quantity", "legs", "reason"),
    [
        (5, {"stop_loss": 10}, "stop_loss_wrong_side"),
        (5, {"stop_loss": 11}, "stop_loss_wrong_side"),
        (-5, {"stop_loss": 9}, "stop_loss_wrong_side"),
        (5, {"take_profit": 9}, "take_profit_wrong_side"),
        (-5, {"take_profit": 11}, "take_profit_wrong_side"),
        (5, {"stop_loss": 9, "entry_limit": 8}, "stop_loss_wrong_side"),  # judged at the entry's own price
        (5, {"stop_loss_frac": -0.1}, "stop_loss_wrong_side"),
        (5, {"stop_loss_frac": 1.0}, "stop_loss_wrong_side"),
        (5, {"take_profit_frac": 0.0}, "take_profit_wrong_side"),
        (5, {"stop_loss": NAN, "take_profit": -1}, "price_invalid"),
        (5, {"stop_loss": 9, "stop_loss_frac": 0.1}, "price_invalid"),
        (0, {"stop_loss": 9}, "quantity_zero"),
    ],
)
def test_a_bracket_with_a_leg_on_the_wrong_side_is_refused_with_its_children(quantity, legs, reason):
    result = play([FLAT] * 3, {1: lambda c: c.bracket(0, quantity, **legs)})
    assert ending(result, 1) == ("rejected", reason)
    assert ending(result, 2) == ending(result, 3) == ("rejected", "parent_rejected")
    assert filled(result) == []


def test_negative_prices_are_good_where_the_bars_allow_them():
    rows = (-10.0, -8.0, -12.0, -9.0)
    bars = Bars.from_arrays(np.arange(1, 5) * 86_400 * 10**9, *([value] * 4 for value in rows), allow_negative=True)
    result = run(Script(script={1: lambda c: c.limit(0, 1, -11.0)}), bars, mode="interpreted")
    assert filled(result) == [(1, 2, 1, -11.0)]


# ---- market data cannot be written


@pytest.mark.parametrize("mode", ["auto", "interpreted"])
@pytest.mark.parametrize(
    "statement",
    [
        "ctx.close[-1, 0] = 1.0", "self.whole[-1, 0] = 1.0", "self.extra[-1] = 1.0", "ctx.close[-1, :] *= 2.0",
        "ctx.close.flat[0] = 1.0", "np.ascontiguousarray(ctx.close)[0, 0] = 1.0", "np.fill_diagonal(ctx.close, 1.0)",
        "put(ctx.close)", "ctx.volume.sort()",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:running interpreted")
def test_a_strategy_cannot_write_into_market_data(statement, mode):
    space = {"np": np}
    exec(
        "def put(x):\n    x[0, 0] = 1.0\n"
        "def prepare(self, bars):\n    self.whole, self.extra = bars.open, bars['other'][:, 0]\n"
        f"def on_bar(self, ctx):\n    {statement}\n",
        space,
    )
    strategy = type("Writes", (Strategy,), {name: space[name] for name in ("prepare", "on_bar")})
    data = np.linspace(10, 11, 6)
    bars = Bars.from_arrays(BARS.timestamps, data, data + 1, data - 1, data, data, extras={"other": data})
    before = bars.content_hash
    with pytest.raises(ValueError, match="read-only") as caught:
        run(strategy, bars, mode=mode)
    assert "bar 1 of 6" in caught.value.__notes__[0]
    assert "work on a copy" in caught.value.__notes__[1]
    assert Bars.from_arrays(
        bars.timestamps, bars.open, bars.high, bars.low, bars.close, bars.volume, extras=dict(bars.extras)
    ).content_hash == before  # fmt: skip


def test_prepare_cannot_write_into_market_data_either():
    class Writes(Idle):
        def prepare(self, bars):
            bars.close[0, 0] = 1.0

    with pytest.raises(ValueError, match="read-only") as caught:
        run(Writes, BARS)
    assert "work on a copy" in caught.value.__notes__[0]


def test_extra_columns_cannot_take_the_names_of_ctx():
    bars = Bars.from_arrays(BARS.timestamps, *([10.0] * 6 for _ in range(4)), extras={"cash": np.ones(6)})
    with pytest.raises(DataError, match="an extra column 'cash', which is a name of ctx itself; rename it"):
        run(Idle, bars)


# ---- data and warm-up


class Average(Strategy):
    period: int = 3

    def prepare(self, bars):
        self.average = sma(bars.close, self.period)
        self.first = -1

    def on_bar(self, ctx):
        if self.first < 0:
            self.first = ctx.t


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_the_first_call_is_where_the_prepared_arrays_begin(mode):
    strategy = Average(period=3)
    run(strategy, BARS, mode=mode)
    assert strategy.first == 2
    run(Average(period=6), BARS, mode=mode)


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_data_shorter_than_the_warm_up_is_refused_and_the_strategy_stays_usable(mode):
    strategy = Average(period=7)
    with pytest.raises(
        DataError, match=r"6 bars of A0 are shorter than the warm-up .*self.average is finite at no bar"
    ):
        run(strategy, BARS, mode=mode)
    assert type(strategy) is Average
    run(strategy, market([FLAT] * 8), mode=mode)
    assert strategy.first == 6


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
@pytest.mark.parametrize(("warmup", "first"), [(0, 1), (1, 1), (4, 4), (np.int64(5), 5)])
def test_warmup_overrides(mode, warmup, first):
    class Waits(Average):
        pass

    Waits.warmup = warmup
    strategy = Waits(period=6)
    run(strategy, BARS, mode=mode)
    assert strategy.first == first


@pytest.mark.parametrize("warmup", [-1, 1.5, True, "3"])
def test_warmup_is_a_whole_number(warmup):
    class Waits(Idle):
        pass

    Waits.warmup = warmup
    with pytest.raises(StrategyError, match="warmup must be a whole number of bars"):
        run(Waits, BARS)


def test_warmup_longer_than_the_data_is_refused():
    class Waits(Idle):
        warmup = 6

    with pytest.raises(DataError, match="its warm-up is 6 bars"):
        run(Waits, BARS)


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_a_constant_with_one_row_per_bar_is_no_series_and_delays_nothing(mode):
    class Table(Strategy):
        def prepare(self, bars):
            self.table = constant(np.full((bars.n_bars, 1), np.nan))
            self.first, self.rows = -1, 0

        def on_bar(self, ctx):
            if self.first < 0:
                self.first = ctx.t
                self.rows = len(self.table)

    strategy = Table()
    run(strategy, BARS, mode=mode)
    assert (strategy.first, strategy.rows) == (1, 6)
    assert type(strategy.table) is type(constant(1))


def test_a_strategy_that_holds_what_cannot_be_copied_runs():
    class Holds(Idle):
        handle: object = None

    with open(os.devnull) as handle:
        assert len(run(Holds(handle=handle), BARS).equity) == 6


def test_steps_can_be_taken_one_by_one():
    steps = prepare_run(Script(script={1: lambda c: c.order(0, 1)}), BARS, mode="interpreted", execution=Execution())
    steps.prepare()
    steps.advance(until=2)
    assert (steps.n_done, steps.memory["n_fills"]) == (2, 0)
    steps.advance()
    assert len(steps.finish().fills) == 1
