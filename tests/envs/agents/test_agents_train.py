"""`train` and what watches it: seeds, alarms, Ctrl-C, validation, logs, hyperparameters, refusals."""

from __future__ import annotations

import csv
import os
import random
import re
import signal

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete
from resume_script import SETTINGS, digest, trained

import envs
from envs.agents import Agent, evaluate, generators, train
from envs.agents.hyperparameters import checked, hyperparameters_for, shipped
from envs.agents.train import VALIDATION_SEED
from envs.agents.training import ALGORITHMS, COMMON, trainer_of
from envs.core import Autoreset
from envs.errors import BundleError, TrainingError

SINE = "backtester/Sine-v0"
SMALL = SETTINGS["ppo"]


def quick(algo="ppo", env=SINE, **more) -> Agent:
    """Train a little."""
    settings = {"total_timesteps": 1024, "seed": 0, "hyperparameters": SETTINGS.get(algo), "progress": False, **more}
    return train(algo, env, **settings)


class Coin(gymnasium.Env):
    """Pays 1 for heads; from step `at` on, `happens` is called, and what it returns is paid instead."""

    observation_space = Box(-1.0, 1.0, (2,), np.float32)
    action_space = Discrete(2)

    def __init__(self, happens=None, at=10**9):
        self.happens, self.at, self.steps = happens, at, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 20
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.steps += 1
        self.left -= 1
        reward = self.happens() if self.happens and self.steps >= self.at else float(action)
        return np.full(2, self.left / 20, np.float32), reward, self.left == 0, False, {}


LONE = {"n_envs": 1, "n_steps": 128, "batch_size": 64, "n_epochs": 1, "net": [8]}


class TestSeeds:
    @pytest.mark.parametrize("algo", ["ppo", "dqn", "reinforce", "q_learning"])
    def test_the_same_seed_gives_the_same_agent_and_another_another(self, algo):
        one, two, other = (digest(quick(algo, seed=seed)) for seed in (1, 1, 2))
        assert one == two != other

    def test_what_others_draw_is_as_it_was(self):
        random.seed(1)
        np.random.seed(2)  # noqa: NPY002
        torch.manual_seed(3)
        before = generators.get_state()
        threads = torch.get_num_threads()
        quick()
        with pytest.raises(TrainingError):
            quick(env=Coin(lambda: np.nan, at=5), hyperparameters=LONE)
        after = generators.get_state()
        assert {name: array.tolist() for name, array in after[0].items()} == {
            name: array.tolist() for name, array in before[0].items()
        }
        assert after[1] == before[1]
        assert torch.get_num_threads() == threads

    def test_a_second_training_in_the_same_process_is_refused_while_one_runs(self):
        def nested():
            quick()

        with pytest.raises(TrainingError, match="another training runs in this process"):
            quick(env=Coin(nested, at=3), hyperparameters=LONE)
        quick()


class TestWhere:
    def test_an_id_a_pair_a_core_and_an_environment(self):
        named = quick(env=SINE)
        pair = quick(env=(SINE, {"period": 32}))
        assert digest(named) == digest(pair)
        core = envs.make(SINE, 4, autoreset=Autoreset.SAME_STEP, stagger=True)
        assert digest(quick(env=core)) == digest(named)
        assert digest(quick(env=envs.sb3_vec_env(SINE, 4, stagger=True))) == digest(named)
        assert named.environment == {"id": SINE, "settings": envs.make(SINE).spec()["settings"]}
        assert named.training["hyperparameters"]["n_envs"] == 4

    def test_an_environment_of_gymnasium(self):
        agent = quick(env="CartPole-v1")
        assert agent.environment == {"id": "CartPole-v1", "settings": {}}
        assert agent.observation_space == gymnasium.make("CartPole-v1").observation_space
        alone = quick(env=gymnasium.make("CartPole-v1"), hyperparameters=LONE)
        assert alone.environment["id"] == "CartPole-v1"

    @pytest.mark.parametrize(
        ("env", "told"),
        [
            ("Sine", "no environment has the id 'Sine'; did you mean 'backtester/Sine-v0'"),
            ("backtester/Sin-v0", "did you mean 'backtester/Sine-v0'"),
            (("backtester/Sine-v0",), "a pair is an id and a dict"),
            (3, "give an id"),
            ((SINE, {"perod": 3}), "did you mean 'period'"),
        ],
    )
    def test_what_is_none_is_refused(self, env, told):
        with pytest.raises(Exception, match=told) as error:
            quick(env=env)
        assert type(error.value).__name__ in ("TrainingError", "SettingsError")

    def test_copies_that_do_not_reset_themselves_are_refused(self):
        with pytest.raises(TrainingError, match=r"training needs Autoreset\.SAME_STEP, and this one has NEXT_STEP"):
            quick(env=envs.make(SINE, 4))

    def test_the_number_of_copies_of_what_is_given_is_as_it_is(self):
        with pytest.raises(TrainingError, match="n_envs is 8, and copies of the environment given: 4"):
            quick(env=envs.sb3_vec_env(SINE, 4), n_envs=8)

    def test_spaces_that_an_algorithm_cannot_act_in_are_refused(self):
        with pytest.raises(TrainingError, match="sac acts in Box, and backtester/Sine-v0 has Discrete"):
            quick("sac")
        with pytest.raises(TrainingError, match="dqn acts in Discrete, and backtester/QuadraticCost-v0 has Box"):
            quick("dqn", env="backtester/QuadraticCost-v0")

    def test_observations_that_are_not_flat_are_refused(self):
        env = Coin()
        env.observation_space = Dict({"a": Box(0, 1, (2,))})
        with pytest.raises(TrainingError, match="FlattenObservation"):
            quick(env=env, hyperparameters=LONE)


class TestSB3:
    """The exported policy and stable-baselines3's own, on the same observations."""

    @pytest.mark.parametrize(
        ("algo", "env"),
        [("ppo", SINE), ("a2c", SINE), ("dqn", SINE), ("ppo", "Pendulum-v1"), ("sac", "Pendulum-v1")],
    )
    def test_both_take_the_same_action(self, algo, env, monkeypatch):
        from envs.agents.sb3 import SB3Training

        made = []
        build = SB3Training.__init__
        monkeypatch.setattr(
            SB3Training, "__init__", lambda self, *arguments: (build(self, *arguments), made.append(self))[0]
        )
        agent = quick(algo, env, total_timesteps=1200)
        x = np.random.default_rng(0).uniform(-1, 1, (500, agent.observation_space.shape[0])).astype(np.float32)
        theirs, _ = made[0].model.predict(x, deterministic=True)
        ours = agent.predict(x)
        assert ours.dtype == theirs.dtype
        assert np.abs(ours - theirs).max() <= 2e-6  # a bound of 2 doubles what rule 27 allows of a number near 1
        assert len(np.unique(ours)) > 1

    def test_time_limits_and_scaled_rewards_reach_the_algorithm(self, monkeypatch):
        """A reward_scale of 1/2 halves what PPO stores; returns are told as they are."""
        from stable_baselines3.common.buffers import RolloutBuffer

        stored = []
        add = RolloutBuffer.add
        monkeypatch.setattr(
            RolloutBuffer,
            "add",
            lambda self, o, a, reward, *rest: (stored.append(reward.copy()), add(self, o, a, reward, *rest)),
        )
        for scale in (1.0, 0.5):
            quick(hyperparameters={**SMALL, "reward_scale": scale}, total_timesteps=256)
        assert np.array_equal(np.array(stored[0]) * 0.5, stored[64])


class TestAlarm:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_reward_that_is_no_number_stops_at_its_step_and_the_last_good_checkpoint_stays(self, value, tmp_path):
        folder = tmp_path / "run"
        with pytest.raises(
            TrainingError, match=rf"stopped at step 300: the reward of copy 0 was {value}; .*of step 256"
        ):
            quick(
                env=Coin(lambda: value, at=300),
                hyperparameters=LONE,
                checkpoint_dir=folder,
                checkpoint_every=128,
            )
        agent = quick(env=Coin(), hyperparameters=LONE, checkpoint_dir=folder, resume=True)
        assert agent.training["steps"] == 1024

    def test_a_loss_that_is_no_number_stops_the_training(self, tmp_path):
        """Rewards of 1e25 are finite in float32; their squares, in the loss of the value network, are not."""
        with pytest.raises(TrainingError, match=r"stopped at step 256: .*loss became (inf|nan); .*is of step 128"):
            quick(
                env=Coin(lambda: 1e25, at=200),
                hyperparameters={**LONE, "normalize_advantage": False},
                checkpoint_dir=tmp_path / "run",
                checkpoint_every=128,
            )

    def test_without_a_checkpoint_the_message_says_so(self):
        with pytest.raises(TrainingError, match="there is no checkpoint, as no checkpoint_dir was given"):
            quick(env=Coin(lambda: np.nan, at=3), hyperparameters=LONE)

    def test_weights_that_are_no_numbers_never_get_into_a_checkpoint(self, tmp_path, monkeypatch):
        from envs.agents.sb3 import SB3Training

        learn_more = SB3Training.losses

        def poisoned(training):
            if training.steps >= 512:
                with torch.no_grad():
                    training.model.policy.action_net.bias[0] = float("nan")
            return learn_more(training)

        monkeypatch.setattr(SB3Training, "losses", poisoned)
        with pytest.raises(TrainingError, match=r"at step 512: layer2.bias of the policy holds nan; .*is of step 256"):
            quick(checkpoint_dir=tmp_path / "run", checkpoint_every=256)


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
class TestInterrupt:
    def test_ctrl_c_keeps_a_checkpoint_and_returns_the_agent_with_a_notice(self, tmp_path):
        core = envs.make(SINE, 4, autoreset=Autoreset.SAME_STEP)
        step, count = core.advance, iter(range(10**6))

        def interrupted():
            if next(count) == 100:
                os.kill(os.getpid(), signal.SIGINT)
            step()

        core.advance = interrupted
        folder = tmp_path / "run"
        with pytest.warns(UserWarning, match=r"interrupted after 512 of 1,024 steps.*resume=True goes on"):
            agent = quick(env=core, checkpoint_dir=folder)
        assert agent.training["ended"] == "interrupted"
        assert agent.training["steps"] == 512
        resumed = quick(env=envs.make(SINE, 4, autoreset=Autoreset.SAME_STEP), checkpoint_dir=folder, resume=True)
        assert resumed.training["ended"] == "complete"
        whole = quick(env=envs.make(SINE, 4, autoreset=Autoreset.SAME_STEP))
        assert digest(resumed) == digest(whole) != digest(agent)

    def test_a_second_one_raises(self):
        def twice():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            quick(env=Coin(twice, at=5), hyperparameters=LONE)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class TestResume:
    @pytest.mark.parametrize(
        ("algo", "env"),
        [("a2c", SINE), ("sac", "backtester/QuadraticCost-v0"), ("reinforce", SINE), ("q_learning", SINE)],
    )
    def test_a_stopped_training_goes_on_to_the_same_bytes(self, algo, env, tmp_path, monkeypatch):
        """The others are killed in a process of their own: see test_agents_resume.py."""
        from envs.agents.supervisor import Supervisor

        whole = trained(algo, env, str(tmp_path / "whole"))
        save = Supervisor.save

        def stop_after(supervisor):
            save(supervisor)
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(Supervisor, "save", stop_after)
            with pytest.raises(SystemExit):
                trained(algo, env, str(tmp_path / "stopped"))
        assert trained(algo, env, str(tmp_path / "stopped"), resume=True) == whole

    def test_a_finished_training_is_returned_as_it_was(self, tmp_path, monkeypatch):
        agent = quick(checkpoint_dir=tmp_path / "run")
        from envs.agents.sb3 import SB3Training

        monkeypatch.setattr(SB3Training, "learn", None)  # nothing is learnt again
        assert digest(quick(checkpoint_dir=tmp_path / "run", resume=True)) == digest(agent)

    @pytest.mark.parametrize(
        ("changed", "told"),
        [
            ({"seed": 1}, "seed was 0, and now it is 1"),
            ({"total_timesteps": 2048}, "total_timesteps was 1024, and now it is 2048"),
            ({"hyperparameters": {**SMALL, "gamma": 0.5}}, "hyperparameters: gamma was 0.99, and now it is 0.5"),
            ({"env": (SINE, {"period": 16})}, "environment: settings was .*'period': 32.* is .*'period': 16"),
            ({"algo": "a2c", "hyperparameters": SETTINGS["a2c"]}, "algorithm was 'ppo', and now it is 'a2c'"),
        ],
    )
    def test_another_training_is_not_resumed(self, changed, told, tmp_path):
        quick(checkpoint_dir=tmp_path / "run")
        with pytest.raises(TrainingError, match=told):
            quick(checkpoint_dir=tmp_path / "run", resume=True, **changed)

    def test_a_checkpoint_is_never_written_over_by_another_training(self, tmp_path):
        quick(checkpoint_dir=tmp_path / "run")
        with pytest.raises(TrainingError, match="there is a checkpoint already; resume=True goes on"):
            quick(checkpoint_dir=tmp_path / "run")

    def test_a_damaged_checkpoint_is_refused(self, tmp_path):
        quick(checkpoint_dir=tmp_path / "run")
        (path,) = (tmp_path / "run").glob("training-*.safetensors")
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        with pytest.raises(BundleError, match=f"{path.name}: the file was altered"):
            quick(checkpoint_dir=tmp_path / "run", resume=True)

    def test_a_checkpoint_holds_no_pickle(self, tmp_path):
        quick("dqn", checkpoint_dir=tmp_path / "run")
        suffixes = {path.suffix for path in (tmp_path / "run").iterdir()}
        assert suffixes == {".json", ".safetensors"}

    def test_where_there_is_no_checkpoint_yet_it_begins(self, tmp_path):
        assert quick(checkpoint_dir=tmp_path / "run", resume=True).training["steps"] == 1024
        with pytest.raises(TrainingError, match="need checkpoint_dir="):
            quick(resume=True)


class TestValidation:
    def test_the_best_is_kept_and_patience_ends_the_training(self):
        agent = quick(
            total_timesteps=20_000, validation=SINE, validate_every=256, validation_episodes=4, patience=3, seed=4
        )
        history = agent.training["validation"]
        scores = [value for _, value in history]
        assert agent.training["ended"] == "early stop"
        assert agent.training["chosen"] == "validation best"
        best = int(np.argmax(scores))
        assert len(history) == best + 1 + 3, "three validations after the best one, and no more"
        assert agent.training["steps"] == history[best][0] < 20_000
        assert evaluate(agent, SINE, episodes=4, seed=VALIDATION_SEED).mean == scores[best]

    def test_it_is_part_of_what_is_resumed(self, tmp_path, monkeypatch):
        from envs.agents.supervisor import Supervisor

        more = {"validation": SINE, "validate_every": 256, "validation_episodes": 4, "checkpoint_every": 256}
        whole = quick(**more, checkpoint_dir=tmp_path / "whole")
        save, count = Supervisor.save, iter(range(99))

        def stop_after(supervisor):
            save(supervisor)
            if next(count) == 1:
                raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(Supervisor, "save", stop_after)
            with pytest.raises(SystemExit):
                quick(**more, checkpoint_dir=tmp_path / "stopped")
        resumed = quick(**more, checkpoint_dir=tmp_path / "stopped", resume=True)
        assert resumed.training == whole.training
        assert digest(resumed) == digest(whole)

    def test_it_changes_nothing_of_the_training(self):
        """Validation draws from generators of its own: the last weights are those of a training without it."""
        from envs.agents.sb3 import SB3Training

        made = []
        policy = SB3Training.policy
        patch = pytest.MonkeyPatch()
        patch.setattr(SB3Training, "policy", lambda self: (made.append(policy(self)), made[-1])[1])
        try:
            quick(validation=SINE, validate_every=256)
        finally:
            patch.undo()
        assert made[-1].parameters.tobytes() == quick().policy.parameters.tobytes()

    def test_its_settings_need_it(self):
        with pytest.raises(TrainingError, match="need validation="):
            quick(patience=3)


def rows_of(folder) -> list[dict[str, str]]:
    with (folder / "progress.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestLog:
    def test_the_log_has_rows_of_steps_returns_and_losses(self, tmp_path):
        quick(total_timesteps=4096, log_dir=tmp_path, validation=SINE, validate_every=2048, validation_episodes=2)
        rows = rows_of(tmp_path)
        steps = [int(row["steps"]) for row in rows]
        assert steps == sorted(steps)
        assert steps[-1] == 4096
        assert float(rows[-1]["value_loss"]) > 0
        assert float(rows[-1]["episode_length"]) > 0
        assert [int(row["steps"]) for row in rows if row["validation_return"]] == [2048, 4096]
        assert list(tmp_path.glob("events.out.tfevents.*"))

    def test_tensorboard_reads_the_same_numbers(self, tmp_path):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        quick(total_timesteps=2048, log_dir=tmp_path)
        rows = {int(row["steps"]): float(row["value_loss"]) for row in rows_of(tmp_path)}
        board = EventAccumulator(str(tmp_path))
        board.Reload()
        events = {event.step: event.value for event in board.Scalars("value_loss")}
        assert events == {step: pytest.approx(value, rel=1e-6) for step, value in rows.items()}

    def test_a_resumed_log_has_each_step_once(self, tmp_path, monkeypatch):
        from envs.agents.supervisor import Supervisor

        more = {"total_timesteps": 4096, "checkpoint_every": 1024}
        quick(**more, log_dir=tmp_path / "whole", checkpoint_dir=tmp_path / "kept")
        boundary = Supervisor.boundary

        def stop(supervisor):
            if supervisor.training.steps == 3072:  # two rows after the last checkpoint
                raise SystemExit
            return boundary(supervisor)

        with monkeypatch.context() as patch:
            patch.setattr(Supervisor, "boundary", stop)
            with pytest.raises(SystemExit):
                quick(**more, log_dir=tmp_path / "log", checkpoint_dir=tmp_path / "run")
        quick(**more, log_dir=tmp_path / "log", checkpoint_dir=tmp_path / "run", resume=True)
        found, whole = (rows_of(tmp_path / name) for name in ("log", "whole"))
        for row in (*found, *whole):
            row.pop("seconds")
            row.pop("steps_per_second")
        assert found == whole

    def test_a_progress_bar_tells_steps_per_second_and_returns(self, capsys, monkeypatch):
        monkeypatch.setenv("FORCE_COLOR", "1")  # rich draws as on a terminal then
        monkeypatch.setenv("COLUMNS", "160")
        quick(total_timesteps=4096, progress=True)
        told = capsys.readouterr()
        assert re.search(r"\d steps/s · return ", told.err)
        assert told.out == ""

    def test_without_a_terminal_there_is_none(self, capsys):
        quick(total_timesteps=4096, progress=None)
        assert capsys.readouterr().err == ""


class TestHyperparameters:
    @pytest.mark.parametrize("algo", ALGORITHMS)
    def test_the_shipped_file_is_complete_and_right(self, algo):
        trainer = trainer_of(algo)
        for name, entry in shipped(trainer).items():
            assert checked(trainer, entry or {}) is not None
            if name != "default":
                assert f"backtester/{name}-v0" in gymnasium.registry
        known = {**COMMON, **trainer.hyperparameters}
        missing = {name for name, rule in known.items() if not rule.optional} - set(shipped(trainer)["default"])
        assert missing - {"log_std_init", "rms_prop_eps"} == set()

    def test_the_callers_come_before_the_tasks_and_the_tasks_before_the_default(self, monkeypatch):
        file = {"default": {"gamma": 0.9, "n_envs": 2, "ent_coef": 0.0}, "Sine": {"gamma": 0.8, "n_envs": 3}}
        monkeypatch.setattr("envs.agents.hyperparameters.shipped", lambda trainer: file)
        found = hyperparameters_for(trainer_of("ppo"), SINE, {"n_envs": 4})
        assert found == {"gamma": 0.8, "n_envs": 4, "ent_coef": 0.0}
        assert hyperparameters_for(trainer_of("ppo"), "CartPole-v1", None)["gamma"] == 0.9

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ({"gama": 0.9}, "ppo has no hyperparameter 'gama'; did you mean 'gamma'"),
            ({"gamma": 1.5}, "gamma is 1.5; it must be at least 0 and at most 1"),
            ({"learning_rate": 0}, "learning_rate is 0; it must be above 0"),
            ({"learning_rate": "fast"}, "learning_rate is 'fast'; it must be a number"),
            ({"learning_rate": {"from": 0.1}}, "a schedule is a number, or"),
            ({"n_steps": 1.5}, "n_steps is 1.5; it must be a whole number"),
            ({"n_steps": True}, "n_steps is True; it must be a whole number"),
            ({"net": 64}, r"net is 64; it must be a list of layer sizes"),
            ({"net": [64, 0]}, r"net\[1\] is 0; it must be at least 1"),
            ({"activation": "gelu"}, "activation is 'gelu'; it must be 'tanh' or 'relu'"),
            ({"normalize_advantage": 1}, "it must be true or false"),
            ({"gamma": float("nan")}, "gamma is nan; it must be a number"),
            ({"batch_size": 100}, "batch_size is 100; it must divide n_steps × n_envs = 64 × 4 = 256"),
        ],
    )
    def test_what_is_wrong_is_refused(self, values, told):
        with pytest.raises(TrainingError, match=told):
            quick(hyperparameters={**SMALL, **values})

    def test_yaml_takes_3e_4_for_text_and_we_for_a_number(self):
        assert checked(trainer_of("ppo"), {"learning_rate": "3e-4"}) == {"learning_rate": 0.0003}

    def test_sizes_that_do_not_fit_together(self):
        with pytest.raises(TrainingError, match=r"target_update_interval is 2; .* at least n_envs = 4"):
            quick("dqn", hyperparameters={**SETTINGS["dqn"], "target_update_interval": 2})
        with pytest.raises(TrainingError, match="buffer_size is 10; it must hold a batch of 32"):
            quick("dqn", hyperparameters={**SETTINGS["dqn"], "buffer_size": 10})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"algo": "pp"}, "there is no algorithm 'pp'; did you mean 'ppo'"),
        ({"algo": "td3"}, "there is no algorithm 'td3'"),
        ({"total_timesteps": 0}, "total_timesteps is 0; it must be a whole number of at least 1"),
        ({"total_timesteps": 1e5}, "total_timesteps is 100000.0; it must be a whole number"),
        ({"seed": -1}, "seed is -1; it must be a whole number of at least 0"),
        ({"seed": 2**32}, r"it must be less than 2\*\*32"),
        ({"n_envs": 0}, "n_envs is 0"),
        ({"patience": 0, "validation": SINE}, "patience is 0"),
        ({"checkpoint_every": 5}, "need checkpoint_dir="),
        ({"hyperparameters": 3}, "hyperparameters is 3; give a dict"),
    ],
)
def test_a_wrong_argument_is_refused(wrong, told):
    with pytest.raises(TrainingError, match=told):
        quick(**wrong)


class TestEvaluate:
    def test_it_is_what_the_environment_says_step_by_step(self):
        agent = quick()
        found = evaluate(agent, SINE, episodes=5, seed=11)
        env = gymnasium.make(SINE)
        for k in range(5):
            observation, _ = env.reset(seed=11 + k)
            total, steps, over = 0.0, 0, False
            while not over:
                observation, reward, terminated, truncated, _ = env.step(agent.predict(observation))
                total, steps, over = total + reward, steps + 1, terminated or truncated
            assert found.returns[k] == pytest.approx(total, abs=1e-9)
            assert found.lengths[k] == steps
        assert found.per_step == pytest.approx(found.returns.sum() / found.lengths.sum())

    def test_an_environment_that_is_given_plays_the_same(self):
        agent = quick()
        one = evaluate(agent, SINE, episodes=3, seed=2)
        two = evaluate(agent, gymnasium.make(SINE), episodes=3, seed=2)
        three = evaluate(agent, envs.make(SINE, 3), episodes=3, seed=2)  # NEXT_STEP
        assert one.returns == pytest.approx(two.returns, abs=1e-9)
        assert one.returns.tolist() == three.returns.tolist()

    def test_other_spaces_are_refused(self):
        with pytest.raises(BundleError, match="the agent observes 2 numbers, and this environment shows"):
            evaluate(quick(), "backtester/Martingale-v0")

    def test_mean_and_error(self):
        from envs.agents.evaluation import Evaluation

        found = Evaluation(np.array([1.0, 3.0, 5.0]), np.array([2, 2, 5]), {})
        assert (found.mean, found.per_step) == (3.0, 1.0)
        assert found.error == pytest.approx(2.0 / np.sqrt(3.0))  # the sample deviation of 1, 3, 5 is 2
