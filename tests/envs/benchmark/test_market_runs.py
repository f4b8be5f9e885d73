"""Walk-forward through real bars in the real ledger: nobody sees the future, all pay alike, a test opens once."""

from __future__ import annotations

import fake_trainer
import numpy as np
import pytest

from backtester import Bars, Costs, Execution, run
from backtester.signals import Features, Scaler
from envs.benchmark.config import SCENARIOS, config_of
from envs.benchmark.openings import read_openings
from envs.benchmark.page import render
from envs.benchmark.results import alarms
from envs.benchmark.run import run_benchmark
from envs.benchmark.work import Stage, folds_of_market
from strategies.buy_and_hold import BuyAndHold

COSTS = {"commission": 0.001, "spread": 0.0004}
SHORT, FLAT, LONG = 3, 4, 5  # seeds of an agent that always takes action seed % 3


def config(*algorithms, seeds=(SHORT, FLAT, LONG), **more):
    market = {
        "name": "index",
        "data": "sample:sp500",
        "train": 300,
        "validate": 60,
        "test": 90,
        "folds": 2,
        "costs": COSTS,
        "settings": {"actions": "discrete", "exposures": [-1, 0, 1], "window": 3, "episode_length": 50},
        "algorithms": [{"name": name, "total_timesteps": 10} for name in algorithms],
        **more,
    }
    return config_of({"name": "walk", "seeds": list(seeds), "few_seeds": True, "markets": [market], "resamples": 200})


def run_in(folder, chosen):
    return run_benchmark(chosen, folder, workers=0, trainer="fake_trainer:train", command="c")[0]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    fake_trainer.CALLS.clear()
    document = run_in(folder, config("still", "chance"))
    return document, list(fake_trainer.CALLS), folder


@pytest.fixture(scope="module")
def market(done):
    return done[0]["markets"][0]


def measures(market, algorithm, seed):
    found = next(one for one in market["algorithms"] if one["name"] == algorithm)
    return next(one for one in found["runs"] if one["seed"] == seed)


def baseline(market, name):
    return next(one for one in market["baselines"] if one["name"] == name)


def test_an_agent_that_does_what_a_baseline_does_earns_what_it_earns(market):
    for scenario in SCENARIOS:
        assert measures(market, "still", LONG)[scenario] == baseline(market, "buy and hold")["scenarios"][scenario]
        assert measures(market, "still", FLAT)[scenario] == baseline(market, "flat")["scenarios"][scenario]
    assert baseline(market, "flat")["scenarios"]["costs 2x"]["growth"] == 0.0


def test_buy_and_hold_is_that_of_the_engine(market):
    bars = Bars.sample("sp500")
    growth, bars_seen = 0.0, 0
    for fold in folds_of_market(config("still").markets[0]):
        first, last = fold.test
        part = bars[first - 1 : last + 1]  # the first decision of a strategy is at its second bar (rule 4)
        result = run(BuyAndHold(), part, cash=100_000.0, costs=Costs(**COSTS))
        growth += np.log(result.equity.iloc[-1] / 100_000.0)
        bars_seen += last - first
    yearly = np.exp(growth / (bars_seen / bars.periods_per_year)) - 1.0
    assert baseline(market, "buy and hold")["scenarios"]["costs 1x"]["growth"] == pytest.approx(yearly, rel=1e-6)


def test_costs_and_delay_are_charged(market):
    by_costs = [measures(market, "chance", FLAT)[scenario]["growth"] for scenario in SCENARIOS[:3]]
    assert by_costs == sorted(by_costs, reverse=True)
    assert by_costs[0] > by_costs[2]
    paid = [measures(market, "chance", FLAT)[scenario]["costs"] for scenario in SCENARIOS[:3]]
    assert paid[0] == 0.0
    assert paid[2] == pytest.approx(2.0 * paid[1], rel=0.05)  # of a wealth that shrinks faster
    late, usual = (measures(market, "chance", FLAT)[scenario]["growth"] for scenario in ("one bar later", "costs 1x"))
    assert late != usual


def test_nothing_is_above_the_oracle(market):
    grown = [run[s]["growth"] for one in market["algorithms"] for run in one["runs"] for s in SCENARIOS]
    assert len(grown) == 2 * 3 * 4
    for scenario in SCENARIOS:
        bound = market["oracle"][scenario]
        everyone = [run[scenario]["growth"] for one in market["algorithms"] for run in one["runs"]]
        everyone += [one["scenarios"][scenario]["growth"] for one in market["baselines"] if "scenarios" in one]
        assert np.log1p(max(everyone)) < bound


def test_random_trades_as_much_as_the_agent_it_is_matched_with(market):
    wanted = next(one for one in market["algorithms"] if one["name"] == "chance")["scenarios"]["costs 1x"]["turnover"]
    found = baseline(market, "random, turnover of chance")["intervals"]["costs 1x"]["turnover"]
    assert found["value"] == pytest.approx(wanted["value"], rel=0.25)
    none = baseline(market, "random, turnover of still")["intervals"]["costs 1x"]["turnover"]
    assert none["value"] < 0.1 * wanted["value"]


def test_training_and_validation_end_with_their_range(done):
    calls = done[1]
    bars = Bars.sample("sp500")
    folds = folds_of_market(config("still").markets[0])
    assert len(calls) == 2 * 2 * 3
    for call in calls[:4]:
        env_id, settings = call["env"]
        fold = next(one for one in folds if one.train[0] == settings["start"])
        assert env_id == "backtester/Trading-v0"
        assert settings["bars"] == bars[: fold.train[1] + 1]
        assert settings["costs"] == Costs(**COSTS)
        validation = call["validation"][1]
        assert validation["bars"] == bars[: fold.validate[1] + 1]
        assert (validation["start"], validation["episode_length"]) == (fold.validate[0], None)
        assert call["validation_episodes"] == 1


def test_the_scaler_knows_the_training_rows_alone(done):
    bars = Bars.sample("sp500")
    for call in done[1][:4]:
        settings = call["env"][1]
        rows = slice(settings["start"], settings["bars"].n_bars)
        features = Features.default()
        wanted = Scaler.fit(features.compute(bars[: rows.stop]), rows=rows, names=features.names)
        for one in (settings["scaler"], call["validation"][1]["scaler"]):
            assert np.array_equal(one.centre, wanted.centre)
            assert np.array_equal(one.scale, wanted.scale)


def test_the_future_changes_neither_training_nor_an_earlier_test(done, monkeypatch):
    from envs.benchmark import work

    bars = Bars.sample("sp500")
    market = config("still").markets[0]
    fold = folds_of_market(market)[0]
    cut = fold.test[1] + 1
    tampered = Bars.from_arrays(
        timestamps=bars.timestamps,
        symbols=bars.symbols,
        **{
            name: np.concatenate([getattr(bars, name)[:cut], getattr(bars, name)[cut:] * 1.3])
            for name in ("open", "high", "low", "close", "volume")
        },
    )
    plain = Stage(market, fold)
    monkeypatch.setattr(work, "bars_of", lambda _: tampered)
    changed = Stage(market, fold)
    assert np.array_equal(changed.training()["bars"].close, plain.training()["bars"].close)
    assert np.array_equal(changed.training()["scaler"].centre, plain.training()["scaler"].centre)
    for name in ("SMA cross", "momentum"):
        assert np.array_equal(changed.baseline(name, "costs 1x").equity, plain.baseline(name, "costs 1x").equity)
    assert np.array_equal(changed.bound("costs 1x"), plain.bound("costs 1x"))


def test_every_opening_is_in_the_log_before_the_result(done):
    document, _, folder = done
    log = read_openings(folder / "openings.jsonl")
    keys = {(one["first"], one["algorithm"], one["seed"]) for one in log}
    assert len(log) == len(keys) == 2 * 2 * 3
    assert document["markets"][0]["openings"] == {
        "total": 12,
        "again": [],
        "configs": sorted({f"walk {one['config'][:8]}" for one in log}),
    }
    assert {one["checkpoint"] for one in log} == {"validation best"}


def test_a_second_look_is_visible(tmp_path):
    run_in(tmp_path, config("still", seeds=(FLAT, LONG)))
    run_in(tmp_path, config("still", seeds=(FLAT, LONG)))  # nothing to do: nothing is opened
    assert len(read_openings(tmp_path / "openings.jsonl")) == 4
    document = run_in(tmp_path, config("still", seeds=(FLAT, LONG), checkpoint="last"))  # another config looks again
    again = document["markets"][0]["openings"]["again"]
    assert [one["times"] for one in again] == [2, 2, 2, 2]
    assert "was opened 2 times by still, seed 4" in " ".join(alarms(document))
    assert b"was opened 2 times" in render(document)
    assert "validation" not in fake_trainer.CALLS[-1]


def test_degenerate_agents_are_told(market):
    found = next(one for one in market["algorithms"] if one["name"] == "still")["degenerate"]
    assert f"seed {LONG}: always the same: 1 in 100.0 % of its steps" in found
    assert next(one for one in market["algorithms"] if one["name"] == "chance")["degenerate"] == []


def test_continuous_exposures_are_walked_too():
    market = config(
        "still", settings={"actions": "continuous", "exposures": [-1, 1], "window": 2, "band": 0.05}
    ).markets[0]
    stage = Stage(market, folds_of_market(market)[0])
    held = stage.baseline("buy and hold", "costs 0x")
    opens, closes = stage.bars.open[:, 0], stage.bars.close[:, 0]
    first, last = stage.fold.test
    bought = min(1.0, opens[first + 1] / closes[first])  # what one equity at the close buys at the next open
    assert held.equity[-1] / held.equity[0] == pytest.approx(
        1.0 + bought * (closes[last] / opens[first + 1] - 1.0), rel=0.01
    )
    momentum = stage.baseline("momentum", "costs 1x")
    assert momentum.equity[-1] != held.equity[-1]
    assert momentum.equity[-1] <= stage.bound("costs 1x")[-1]


def test_the_delay_is_a_bar():
    market = config("still").markets[0]
    stage = Stage(market, folds_of_market(market)[0])
    late = stage.baseline("buy and hold", "one bar later")
    first = stage.fold.test[0]
    assert stage.scenarios["one bar later"].execution == Execution(latency_bars=1)
    assert late.turnover[:3].tolist() == [0.0, late.turnover[1], 0.0]  # decided at `first`, filled two bars later
    assert late.turnover[1] > 0.9
    assert late.equity[2] / late.equity[0] == pytest.approx(
        stage.bars.close[first + 2, 0] / stage.bars.open[first + 2, 0], rel=0.02
    )
