"""Our own algorithms through the front door: `train`, bundles, checkpoints, and environments that are not ours."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import envs
from envs.agents import Agent, train
from envs.agents.hyperparameters import shipped
from envs.agents.training import COMMON, trainer_of
from envs.errors import TrainingError

TASKS = {"q_learning": "backtester/OUPrice-v0", "reinforce": "backtester/QuadraticCost-v0"}
QUICK = {
    "q_learning": {"sample_steps": 64, "slice_steps": 256, "n_envs": 16},
    "reinforce": {"net": [8], "n_steps": 8, "n_envs": 16},
}
ROWS = np.random.default_rng(0).uniform(-2.0, 2.0, (50, 2)).astype(np.float32)


@pytest.mark.parametrize("algo", TASKS)
class TestTheFrontDoor:
    def trained(self, algo, **settings):
        return train(algo, TASKS[algo], total_timesteps=1_024, seed=3, hyperparameters=QUICK[algo], **settings)

    def test_the_shipped_file_gives_every_hyperparameter_a_value(self, algo):
        trainer = trainer_of(algo)
        assert set(shipped(trainer)["default"]) == {*COMMON, *trainer.hyperparameters}

    def test_a_bundle_acts_as_the_agent_that_was_saved(self, algo, tmp_path):
        agent = self.trained(algo)
        agent.save(tmp_path / "agent")
        loaded = Agent.load(tmp_path / "agent", env=envs.make(TASKS[algo]))
        for deterministic in (True, False):
            expected = agent.predict(ROWS, deterministic=deterministic)
            assert loaded.predict(ROWS, deterministic=deterministic).tobytes() == expected.tobytes()

    def test_one_row_is_acted_on_alone_as_among_many(self, algo):
        agent = self.trained(algo)
        many = agent.predict(ROWS)
        assert all((agent.predict(row) == action).all() for row, action in zip(ROWS, many, strict=True))

    def test_a_training_resumes_from_its_checkpoint_to_the_same_weights(self, algo, tmp_path, monkeypatch):
        whole = self.trained(algo)
        update, count = trainer_of(algo).training().update, []

        def killed(learner):
            count.append(1)
            if len(count) == 3:
                raise MemoryError
            return update(learner)

        monkeypatch.setattr(trainer_of(algo).training(), "update", killed)
        with pytest.raises(MemoryError):
            self.trained(algo, checkpoint_dir=tmp_path / "kept", checkpoint_every=1)
        monkeypatch.undo()
        resumed = self.trained(algo, checkpoint_dir=tmp_path / "kept", resume=True)
        expected = whole.policy.arrays()
        assert {name: array.tobytes() for name, array in resumed.policy.arrays().items()} == {
            name: array.tobytes() for name, array in expected.items()
        }

    def test_a_misspelt_hyperparameter_is_refused(self, algo):
        with pytest.raises(TrainingError, match="did you mean 'gamma'"):
            train(algo, TASKS[algo], total_timesteps=1_024, seed=0, hyperparameters={"gama": 0.9})


def test_a_box_of_actions_is_not_for_a_table():
    with pytest.raises(TrainingError, match="q_learning"):
        train("q_learning", "backtester/QuadraticCost-v0", total_timesteps=50_000, seed=0)


def test_reinforce_balances_the_pole_of_gymnasium():
    """Episodes terminate there: the return is the number of steps, about 22 at random, and 500 at most."""
    values = {"gamma": 0.99, "n_envs": 8, "n_steps": 128, "learning_rate": 0.01, "baseline_steps": 20}
    agent = train("reinforce", "CartPole-v1", total_timesteps=30_000, seed=0, hyperparameters=values)
    env, lasted = gymnasium.make("CartPole-v1"), []
    for seed in range(5):
        observation, over = env.reset(seed=seed)[0], False
        lasted.append(0)
        while not over:
            observation, _, terminated, truncated, _ = env.step(agent.predict(observation))
            lasted[-1] += 1
            over = terminated or truncated
    assert np.mean(lasted) > 300
