"""Nothing of ours is accused: strategies, rules, features, indicators, labels, tasks and markets, found by search."""

from __future__ import annotations

import inspect

import gymnasium
import numpy as np
import pytest
from planted_market import HOUR, MONDAY, market

import backtester.indicators as indicators
import envs  # noqa: F401, it enters the ids
import strategies
from backtester import Account, Bars, Costs, check_lookahead, run
from backtester.signals import SHIPPED, Features, WalkForward, direction, fit, forward_return, triple_barrier
from envs.registry import ENVIRONMENTS, id_of
from strategies.model import ModelStrategy
from strategies.rules import RULES

DAILY = market(170, gaps=False)
WIDE = market(330, gaps=False, seed=3)
CUTS = (2, 61, 83, 120, 169)
#: what they need to do something in so few bars
QUICK = {
    "CrossSectionalMomentum": {"lookback": 1, "skip": 0, "top": 1, "short": True},
    "OpeningRangeBreakout": {"opening": 1, "exit_minutes": 360.0},
    "PairsTrading": {"window": 20, "entry": 1.0, "stop": 2.0},
    "RiskParity": {"window": 20, "band": 0.02},
    "RsiReversion": {"entry": 20.0, "trend": 20},
    "TimeSeriesMomentum": {"lookback": 1, "center": 20},
    "TrendTrailingStop": {"trend": 20, "entry": 5},
    "Turtle": {"entry": 10, "exit": 5, "failsafe": 20},
}
COSTLY = {"costs": Costs(commission=0.001, spread=0.0005, impact=0.1), "account": Account(leverage=2.0)}
#: features that have no default for a setting
SETTINGS = {"beta_to": "beta_to('A', 20)", "column": "column('earnings')", "correlation_to": "correlation_to('A', 20)"}
NEEDED = {"rank": "rank(long=1, short=1)", "threshold": "threshold(enter=0.001)"}
NO_INDICATORS = ("IndicatorMemory", "remembered")


def with_events(bars):
    """Return the bars with a split of A, dividends of B and the end of C."""
    shape = bars.close.shape
    split, dividend, delisting = (np.full(shape, np.nan) for _ in range(3))
    split[60, 0], dividend[40, 1], dividend[100, 1], delisting[130, 2] = 2.0, 0.4, 0.5, 30.0
    columns = [np.array(bars[name]) for name in ("open", "high", "low", "close", "volume")]
    for column in columns:
        column[130:, 2] = np.nan
    for column in columns[:4]:
        column[60:, 0] /= 2.0
    extras = {"split": split, "dividend": dividend, "delisting": delisting}
    return Bars.from_arrays(bars.timestamps, *columns, symbols=list(bars.symbols), extras=extras)


def bars_for(name):
    """Return quarters of days for what trades within the day, months of few bars for what waits for months."""
    if name == "OpeningRangeBreakout":
        return market(170, hours=6, gaps=False)
    if name in ("CrossSectionalMomentum", "MonthlyContributions", "RiskParity", "TimeSeriesMomentum"):
        return market(170, hours=36, gaps=False)
    return DAILY


@pytest.mark.parametrize("name", strategies.__all__)
def test_no_shipped_strategy_is_accused(name):
    made = getattr(strategies, name)(**QUICK.get(name, {}))
    report = check_lookahead(made, bars_for(name), cuts=CUTS, startup=False, **COSTLY)
    assert report.ok, report
    assert report.notes == ()


def test_the_data_is_cut_after_decisions_too():
    bars = DAILY.select("A")
    orders = run(strategies.SmaCross(fast=2, slow=5), bars).tables.orders["submitted"]
    report = check_lookahead(strategies.SmaCross(fast=2, slow=5), bars, cuts=1, startup=False)
    assert report.ok, report
    assert report.n_cuts >= len(set(orders.tolist()) - {bars.n_bars - 1}) > 20


@pytest.mark.parametrize("name", ["BollingerReversion", "DonchianBreakout"])
def test_splits_dividends_and_the_end_of_an_asset_are_no_reason_to_accuse(name):
    report = check_lookahead(getattr(strategies, name)(), with_events(DAILY), cuts=(61, 101, 129, 131), startup=False)
    assert report.ok, report


@pytest.fixture(scope="module")
def fitted():
    return fit("ridge", ["log_return(1)", "zscore(10)"], forward_return(DAILY, 2), DAILY, rows=slice(0, 90))


@pytest.mark.parametrize("cuts", [8, (25, 59, 60, 61)])
def test_a_function_that_fits_a_model_on_the_first_bars_is_not_accused(cuts):
    def fitted_once(bars):
        return fit("ridge", ["log_return(1)"], forward_return(bars, 1), bars, rows=slice(0, 60))

    assert check_lookahead(fitted_once, DAILY, cuts=cuts).ok


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_is_accused_for_a_model_that_speaks_of_what_comes_after_its_training(rule, fitted):
    made = ModelStrategy(signal=fitted, rule=NEEDED.get(rule, rule), history=DAILY)
    report = check_lookahead(made, DAILY[92:], cuts=(2, 30, 60), startup=False)
    assert report.ok, report


def test_a_strategy_that_is_made_with_a_signal_of_its_bars_is_not_accused():
    def walked(bars):
        from backtester.signals import predict_out_of_sample

        signal = predict_out_of_sample("ridge", ["log_return(1)"], forward_return(bars, 1), bars, WalkForward(60, 40))
        return ModelStrategy(signal=signal)

    report = check_lookahead(walked, DAILY, cuts=(62, 120))
    assert report.ok, report
    assert (report.sort, report.subject) == ("strategy", "walked")


def test_no_shipped_feature_is_accused():
    features = Features([SETTINGS.get(name, name) for name in SHIPPED], hold=None)
    report = check_lookahead(features, WIDE, cuts=(280, 329), startup=False)
    assert report.ok, report
    assert len(report.compared) >= len(SHIPPED)


def test_no_indicator_is_accused():
    columns = {"sessions": "close", "x": "close", "y": "high"}
    names = [n for n in indicators.__all__ if not n.startswith(("crossed_", "cross_")) and n not in NO_INDICATORS]

    def computed(bars):
        found = {}
        for name in names:
            parameters = inspect.signature(getattr(indicators, name)).parameters.values()
            arrays = [one.name for one in parameters if one.default is one.empty]
            out = getattr(indicators, name)(*(np.array(bars[columns.get(one, one)]) for one in arrays))
            found |= {f"{name}[{k}]": one for k, one in enumerate(out if isinstance(out, tuple) else (out,))}
        return found

    report = check_lookahead(computed, DAILY, cuts=(1, 60, 169), startup=False)
    assert report.ok, report
    assert len(report.compared) >= len(names)


@pytest.mark.parametrize(
    "make",
    [
        lambda bars: forward_return(bars, 5),
        lambda bars: direction(bars, 4, 0.01),
        lambda bars: triple_barrier(bars, 1.5, 1.5, 12, volatility=15, entry="next_open"),
    ],
)
def test_a_label_may_look_as_far_as_it_says(make):
    assert check_lookahead(make, DAILY, cuts=12).ok


def test_a_pipeline_with_everything_is_not_accused():
    from backtester.signals import Cleaning

    report = check_lookahead(
        "ridge",
        DAILY,
        features=["log_return(1)", "log_return(5)", "rsi(7)@1W"],
        label=forward_return(DAILY, 3),
        scheme=WalkForward(70, 40),
        clean=Cleaning(winsorise=0.05),
        scaler="robust",
        weights="uniqueness",
        cuts=(120, 150),
    )
    assert report.ok, report


@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if name != "Trading"])
def test_no_task_is_accused(name):
    report = check_lookahead(gymnasium.make(id_of(name)), steps=60)
    assert report.ok, report
    assert "no bars to replace" in report.notes[0]


@pytest.mark.parametrize("actions", ["discrete", "units", "continuous", "weights", "orders"])
def test_no_market_is_accused(actions):
    bars = DAILY if actions == "weights" else DAILY.select("A")
    settings = {"costs": Costs(commission=0.001), "episode_length": 40, "actions": actions}
    env = gymnasium.make(id_of("Trading"), bars=bars, features=["log_return(1)", "zscore(5)"], **settings)
    report = check_lookahead(env, bars, cuts=4, steps=60)
    assert report.ok, report
    assert {"observation", "reward", "equity"} <= set(report.compared)


def test_a_market_on_other_bars_keeps_settings_and_scaler():
    env = gymnasium.make(id_of("Trading"), bars=DAILY, features=["log_return(1)"], window=3, episode_length=9).unwrapped
    other = env.with_bars(WIDE, episode_length=None)
    assert other.core.bars is WIDE
    assert (other.core.trading.window, other.core.trading.episode_length) == (3, None)
    assert other.core.observer.scaler.spec() == env.core.observer.scaler.spec()


def test_what_is_known_of_the_calendar_is_no_look_ahead():
    """The engine's session and month ends are known beforehand, where bars are deleted too."""

    class LastOfTheDay(strategies.SmaCross):
        def on_bar(self, ctx):
            if ctx.is_session_end():
                ctx.order(0, 1.0)
            if ctx.is_month_end():
                ctx.order(1, 1.0)

    report = check_lookahead(LastOfTheDay(fast=2, slow=3), market(170, hours=6, gaps=False), startup=False, cuts=20)
    assert report.ok, report
    assert MONDAY % (24 * HOUR) == 0
