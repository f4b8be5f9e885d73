"""The face for stable-baselines3: its checker, its DummyVecEnv run beside ours, and its algorithms on top."""

import numpy as np
import pytest
import torch
from ids import IDS, settings, single
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize
from toys import Walk, WalkCore, actions_for

import envs
from backtester.errors import SettingsError
from envs import Autoreset
from envs.errors import ActionError
from envs.faces.sb3 import SB3VecEnv


@pytest.fixture(autouse=True)
def _one_thread():
    """Small nets are fastest on one thread; the number is the process's, so it is put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ours(env_id, n, **more):
    if env_id == "Walk":
        return SB3VecEnv(WalkCore(n, autoreset=Autoreset.SAME_STEP, **more))
    return envs.sb3_vec_env(env_id, n, **settings(env_id, 6), **more)


@pytest.mark.parametrize("env_id", IDS)
def test_sb3s_checker_finds_nothing(env_id):
    check_env(single(env_id), warn=True)  # warnings are errors


@pytest.mark.parametrize("env_id", ["Walk", *IDS])
def test_it_returns_what_sb3s_own_vector_returns(env_id):
    mine = ours(env_id, 4)
    theirs = DummyVecEnv([lambda: Monitor(Walk() if env_id == "Walk" else single(env_id, 6))] * 4)
    rng = np.random.default_rng(0)
    for env in (mine, theirs):
        env.seed(3)
    assert mine.reset().tobytes() == theirs.reset().tobytes()
    ends = 0
    for _ in range(30):
        actions = actions_for(mine.core, rng)
        one, two = mine.step(actions), theirs.step(actions)
        for a, b in zip(one[:3], two[:3], strict=True):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes()
        for i, (info, other) in enumerate(zip(one[3], two[3], strict=True)):
            assert bool(info) == one[2][i]
            assert info.get("TimeLimit.truncated", False) == other["TimeLimit.truncated"]
            if info:
                ends += 1
                assert info["terminal_observation"].tobytes() == other["terminal_observation"].tobytes()
                assert info["episode"]["r"] == pytest.approx(other["episode"]["r"], abs=1e-6)  # Monitor rounds
                assert info["episode"]["l"] == other["episode"]["l"]
                assert info["episode"]["t"] >= 0.0
    assert ends > 8


def test_what_sb3_writes_into_is_new_in_every_step():
    env = ours("Walk", 3)
    env.seed(0)
    env.reset()
    before = None
    for _ in range(10):
        observation, rewards, dones, infos = env.step(np.zeros((3, 2), np.float32))
        kept = env.core.reward.copy()
        rewards += 1000.0
        dones[:] = True
        for info in infos:
            info["mine"] = 1
            if "terminal_observation" in info:
                info["terminal_observation"][:] = 77.0
        assert (env.core.reward == kept).all()
        assert not (env.core.final_observation == 77.0).any()
        if before is not None:
            assert not np.shares_memory(before[0], observation)
            assert not {id(info) for info in before[1]} & {id(info) for info in infos}
        before = observation, infos
    _, _, _, infos = env.step(np.zeros((3, 2), np.float32))
    assert not any("mine" in info for info in infos)


def test_ppo_stores_the_observations_its_actions_were_for():
    """One buffer, rewritten in place, would shift every observation by a step: the buffer copies them late."""
    env = envs.sb3_vec_env("backtester/Martingale-v0", 4, episode_length=5, seed=1)
    model = PPO("MlpPolicy", env, n_steps=12, batch_size=48, seed=1)
    model.learn(96)  # two rollouts
    buffer = model.rollout_buffer
    core = envs.make("backtester/Martingale-v0", 4, episode_length=5, autoreset=Autoreset.SAME_STEP)
    core.seed(range(1, 5))
    core.reset()
    flat = np.ones(4, np.int64)
    for _ in range(12):  # the first rollout; what this task shows does not depend on actions
        core.step(flat)
    stored = buffer.observations.reshape(4, 12, 4).swapaxes(0, 1)  # flattened copy after copy when it was used
    for t in range(12):
        assert stored[t].tobytes() == core.observation.tobytes(), t
        core.step(flat)


def test_ppo_and_dqn_learn_the_sine():
    env = envs.sb3_vec_env("backtester/Sine-v0", 16, seed=0, stagger=True, episode_length=64)
    optimum = env.core.optimal_value()
    test_env = envs.sb3_vec_env("backtester/Sine-v0", 16, seed=100, episode_length=64)
    ppo = PPO("MlpPolicy", env, n_steps=64, batch_size=256, learning_rate=1e-3, seed=0).learn(20_000)
    dqn = DQN("MlpPolicy", env, learning_starts=500, train_freq=4, gamma=0.0, learning_rate=2e-3, seed=0).learn(12_000)
    for model in (ppo, dqn):
        mean, _ = evaluate_policy(model, test_env, 64)  # no warning: the face is a monitor
        assert mean / 64 > 0.9 * optimum


def test_wrappers_of_sb3_work():
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        monitored = VecMonitor(ours("Walk", 3))
    env = VecNormalize(monitored)
    env.seed(0)
    env.reset()
    ends = 0
    for _ in range(30):
        observation, _, dones, infos = env.step(np.zeros((3, 2), np.float32))
        assert np.isfinite(observation).all()
        ends += sum("episode" in info for info in infos)
        assert [("terminal_observation" in info) for info in infos] == dones.tolist()
    assert ends > 0


def test_the_seed_is_used_once_and_each_copy_gets_its_own():
    env, other = ours("Walk", 3), ours("Walk", 3)
    for one in (env, other):
        assert one.seed(10) == [10, 11, 12]
    first = env.reset().copy()
    other.reset()
    np.testing.assert_array_equal(first[2], Walk().reset(seed=12)[0])
    again = env.reset().copy()
    assert (again != first).any()
    np.testing.assert_array_equal(again, other.reset())


def test_a_seed_from_the_system_leaves_the_global_generator():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    seeds = [ours("Walk", 2).seed() for _ in range(2)]
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert seeds[0] != seeds[1]


def test_options_may_differ_by_copy():
    env = ours("Walk", 3)
    env.set_options({"place": 1})
    env.reset()
    assert env.core.asked == ({"place": 1}, [True] * 3)
    env.set_options([{}, {"place": 2}, {}])
    env.reset()
    assert env.core.asked == ({}, [False, False, True])
    env.reset()
    assert env.core.asked == ({}, [True] * 3)


class TestAttributes:
    def test_of_the_core_row_by_row(self):
        env = ours("Walk", 3)
        env.reset()
        assert env.get_attr("episode_length") == [0, 0, 0]
        assert env.get_attr("name", indices=[0, 2]) == ["Walk", "Walk"]
        assert env.get_attr("render_mode", 1) == [None]
        np.testing.assert_array_equal(env.get_attr("state", 1)[0], env.core.state[1])
        with pytest.raises(AttributeError):
            env.get_attr("nothing")

    def test_of_ones_own(self):
        env = ours("Walk", 3)
        env.set_attr("label", "x", indices=[1])
        assert env.get_attr("label") == [None, "x", None]
        with pytest.raises(AttributeError, match="'settings' is fixed"):
            env.set_attr("settings", {})

    def test_methods(self):
        env = ours("Walk", 3)
        env.reset()
        place = env.core.state[:, 0]
        assert env.env_method("info", indices=[2]) == [{"place": place[2], "steps": 0}]
        assert env.env_method("spec")[1]["id"] == "backtester/Walk-v0"

    def test_action_masks_as_sb3_contrib_asks_for_them(self):
        env = ours("Walk", 3)
        env.reset()
        assert env.has_attr("action_masks")
        masks = np.stack(env.env_method("action_masks"))
        np.testing.assert_array_equal(masks, env.core.action_masks())
        without = envs.sb3_vec_env("backtester/Sine-v0", 2)
        assert not without.has_attr("action_masks")
        with pytest.raises(AttributeError, match="no action masks"):
            without.env_method("action_masks")

    def test_it_monitors_itself(self):
        env = ours("Walk", 2)
        assert env.env_is_wrapped(Monitor) == [True, True]
        assert env.env_is_wrapped(VecMonitor, [0]) == [False]
        env.close()


def test_bad_actions_are_named():
    env = ours("Walk", 2)
    env.reset()
    with pytest.raises(ActionError, match="copy 1, component 0 of 2: the action nan"):
        env.step(np.array([[0.0, 0.0], [np.nan, 0.0]]))


def test_it_needs_a_core_that_resets_in_the_same_step():
    with pytest.raises(SettingsError, match=r"needs a core with Autoreset.SAME_STEP"):
        SB3VecEnv(WalkCore(2))


def test_the_import_of_envs_is_light():
    import subprocess
    import sys

    code = "import envs, sys; print([m for m in ('torch', 'stable_baselines3', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
