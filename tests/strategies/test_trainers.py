"""Models and agents in a walk: what learns sees its window alone, and what it says is traded on one account."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backtester import Bars, Costs, Execution, Strategy, run, walk_forward
from backtester.engine.settings import Settings
from backtester.errors import SettingsError
from backtester.research.walk_forward import Trained, Trainer
from backtester.signals import Features, fit, forward_return
from strategies.agent import AgentStrategy, AgentTrainer
from strategies.model import ModelStrategy, ModelTrainer

BARS = Bars.simulate("gbm", n_bars=200, n_assets=2, seed=9)
FEATURES = Features(["log_return(1)", "log_return(3)"])
COSTS = Costs(commission=0.0005)


def next_return(bars):
    return forward_return(bars, 1)


class Holds(Strategy):
    """Wants these exposures at every bar."""

    weights: tuple = (0.0, 0.0)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            ctx.order_target_percent(a, self.weights[a])


class Winners:
    """Learns which assets rose in the window, and holds them."""

    def __init__(self):
        self.seen = []

    def train_fold(self, bars, settings, seed):
        rose = (bars.close[-1] > bars.close[0]).tolist()
        self.seen.append((bars.n_bars, float(bars.close[0, 0]), settings.costs, seed))
        weights = tuple(0.5 if up else 0.0 for up in rose)
        return Trained(Holds(weights=weights), Holds(weights=weights), {"rose": sum(rose)}, trials=3)


def test_a_trainer_of_ones_own():
    trainer = Winners()
    assert isinstance(trainer, Trainer)
    found = walk_forward(trainer, BARS, train=80, test=40, purge=2, costs=COSTS, seed=4)
    assert [one[:3] for one in trainer.seen] == [(78, BARS.close[40 * k, 0], COSTS) for k in range(3)]
    assert len({one[3] for one in trainer.seen}) == 3  # a seed for every fold
    rose = BARS.close[[77, 117, 157]] > BARS.close[[0, 40, 80]]
    assert found.parameters["rose"].tolist() == rose.sum(axis=1).tolist()
    assert found.trials == 9
    wanted = tuple(0.5 if up else 0.0 for up in rose[0])
    inside = run(Holds(weights=wanted), BARS[:78], costs=COSTS, seed=4)
    alone = run(Holds(weights=wanted), BARS[79:120], costs=COSTS, seed=4)
    assert found.folds.loc[0, "in_sample"] == pytest.approx(inside.metrics["sharpe"], nan_ok=True)
    assert found.folds.loc[0, "out_of_sample"] == pytest.approx(alone.metrics["sharpe"], nan_ok=True)
    assert_array_equal(found.equity.to_numpy()[: 120 - 79], alone.equity.to_numpy())


def test_a_model_is_fitted_on_its_window_and_trades_the_test():
    """One fold is a run of the model fitted on the first 120 bars, over what comes after them."""
    trainer = ModelTrainer("ridge", FEATURES, next_return, trading={"rule": "sign", "band": 0.1})
    found = walk_forward(trainer, BARS, train=120, test=80, costs=COSTS)
    fitted = fit("ridge", FEATURES, next_return(BARS[:120]), BARS[:120])
    late = ModelStrategy(signal=fitted, rule="sign", band=0.1, history=BARS)
    plain = run(late, BARS[119:], costs=COSTS)
    assert len(plain.fills) > 20
    assert_array_equal(found.equity.to_numpy(), plain.equity.to_numpy())
    inside = run(ModelStrategy(signal=fitted, rule="sign", band=0.1, allow_future=True), BARS[:120], costs=COSTS)
    assert found.folds.loc[0, "in_sample"] == inside.metrics["sharpe"]
    assert found.result.manifest["strategy"] == "ModelStrategy"


def test_models_in_other_processes_say_the_same():
    trainer = ModelTrainer("ridge", FEATURES, next_return)
    here = walk_forward(trainer, BARS, train=80, test=60, costs=COSTS)
    there = walk_forward(trainer, BARS, train=80, test=60, costs=COSTS, executor="processes", workers=1)
    assert here.result.tables.equity.tobytes() == there.result.tables.equity.tobytes()
    assert here.folds.equals(there.folds)


def test_an_agent_is_trained_on_its_window_and_trades_the_test():
    pytest.importorskip("stable_baselines3")
    trainer = AgentTrainer(
        "ppo",
        32,
        environment={"features": ["log_return(1)"], "window": 2, "actions": "discrete"},
        training={"n_envs": 1, "hyperparameters": {"n_steps": 16, "batch_size": 16, "n_epochs": 1}},
    )
    bars = Bars.simulate("gbm", n_bars=100, seed=2)
    settings = {"train": 40, "test": 30, "costs": COSTS, "execution": Execution(latency_bars=1)}
    found = walk_forward(trainer, bars, **settings, seed=3)
    again = walk_forward(trainer, bars, **settings, seed=3)
    assert found.result.tables.equity.tobytes() == again.result.tables.equity.tobytes()
    assert len(found.records) == 2
    assert len(found.result.fills) > 5
    seed = int(np.random.SeedSequence([3, 0]).generate_state(1)[0] >> 1)
    walked = Settings(costs=COSTS, execution=Execution(latency_bars=1))
    agent = trainer.train_fold(bars[:40], walked, seed).strategy.agent
    assert agent.environment["settings"]["costs"]["commission"] == 0.0005  # the walk's, in the training too
    plain = run(AgentStrategy(agent=agent, start=40), bars[:70], costs=COSTS, execution=Execution(latency_bars=1))
    assert_array_equal(found.equity.to_numpy()[: 70 - 39], plain.equity.to_numpy()[39:])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ModelTrainer("ridge", FEATURES, next_return(BARS)), "label is .* it is a function of bars"),
        (lambda: ModelTrainer("ridge", FEATURES, next_return, trading={"ruel": "sign"}), "did you mean 'rule'"),
        (lambda: ModelTrainer("ridge", FEATURES, next_return, fitting={"seed": 3}), "fitting has 'seed'"),
        (lambda: AgentTrainer("ppo", 10, environment={"costs": COSTS}), "environment has 'costs'"),
        (lambda: AgentTrainer("ppo", 10, training={"seed": 1}), "training has 'seed'"),
        (lambda: walk_forward(Winners(), BARS, {"x": [1]}, train=80, test=40), "about a space of parameters"),
        (lambda: walk_forward(Winners(), BARS, train=80, test=40, method="random"), "method='random' is about a space"),
        (lambda: walk_forward(Winners(), BARS, train=80, test=40, csh=1.0), "did you mean 'cash'"),
        (lambda: walk_forward(Winners(), BARS, train=80, test=40, workers=2), "executor='processes' does"),
    ],
)
def test_what_a_trainer_does_not_take(make, text):
    with pytest.raises(SettingsError, match=text):
        make()
