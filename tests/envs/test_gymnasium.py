"""The faces for gymnasium: its own checker, and its own vector environment run beside ours."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from ids import IDS, settings, single, vector
from toys import Walk, WalkVector, actions_for

from backtester.errors import SettingsError
from envs.errors import ActionError, ResetNeeded

MODES = list(AutoresetMode)


@pytest.mark.parametrize("env_id", IDS)
def test_gymnasiums_checker_finds_nothing(env_id):
    check_env(single(env_id))  # warnings are errors


@pytest.mark.parametrize("env_id", IDS)
def test_made_with_its_wrappers_it_plays_whole_episodes(env_id):
    env = gymnasium.make(env_id, **settings(env_id, 7))
    env.action_space.seed(0)
    for _ in range(3):
        env.reset()
        ended = False
        while not ended:
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            ended = terminated or truncated
    env.close()


@pytest.mark.parametrize("env_id", IDS)
def test_a_step_before_a_reset_is_refused_in_gymnasiums_way(env_id):
    env = single(env_id)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("env_id", IDS)
def test_the_docstring_is_a_spec_sheet(env_id):
    text = type(single(env_id)).__doc__
    for word in ("Observation", "Action", "Reward", "Episode"):
        assert word in text


def same(ours, theirs):
    assert ours.dtype == theirs.dtype
    assert ours.tobytes() == theirs.tobytes()


def pair(env_id, n, mode):
    """Return our vector and gymnasium's, over the same single environments."""
    if env_id == "Walk":
        return WalkVector(n, autoreset_mode=mode), SyncVectorEnv([Walk] * n, autoreset_mode=mode)
    theirs = gymnasium.make_vec(
        env_id,
        num_envs=n,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        **settings(env_id, 6),
    )
    return vector(env_id, n, 6, autoreset_mode=mode), theirs


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("env_id", ["Walk", *IDS])
def test_it_returns_what_gymnasiums_vector_returns(env_id, mode):
    ours, theirs = pair(env_id, 4, mode)
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"]
    for space in ("observation_space", "action_space", "single_observation_space", "single_action_space"):
        assert getattr(ours, space) == getattr(theirs, space)
    rng = np.random.default_rng(0)
    same(ours.reset(seed=7)[0], theirs.reset(seed=7)[0])
    finals = 0
    for _ in range(40):
        actions = actions_for(ours.core, rng)
        mine, other = ours.step(actions), theirs.step(actions)
        for one, two in zip(mine[:4], other[:4], strict=True):
            same(one, two)
        finals += compare_infos(mine[4], other[4])
        ended = mine[2] | mine[3]
        if mode is AutoresetMode.DISABLED and ended.any():
            again = ours.reset(options={"reset_mask": ended})
            expected = theirs.reset(options={"reset_mask": ended.copy()})
            same(again[0], expected[0])
            compare_infos(again[1], expected[1])
    assert (finals > 5) == (mode is AutoresetMode.SAME_STEP)


def compare_infos(mine, other):
    """Compare two infos of a vector; a column must agree where its mask says so. Return how many episodes ended."""
    assert {name for name in mine if "final" not in name} == {name for name in other if "final" not in name}
    for name in mine:
        if not name.startswith("_") and "final" not in name:
            same(mine["_" + name], other["_" + name])
            same(np.asarray(mine[name])[mine["_" + name]], np.asarray(other[name])[mine["_" + name]])
    assert ("final_obs" in mine) == ("final_obs" in other)
    if "final_obs" not in mine:
        return 0
    same(mine["_final_obs"], other["_final_obs"])
    same(mine["_final_info"], other["_final_info"])
    for one, two in zip(mine["final_obs"], other["final_obs"], strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            same(one, two)
    for name, column in mine["final_info"].items():
        if not name.startswith("_"):
            chosen = mine["final_info"]["_" + name]
            same(np.asarray(column)[chosen], np.asarray(other["final_info"][name])[chosen])
    return mine["_final_obs"].sum()


def test_seeds_may_be_a_list_with_gaps():
    ours, other = WalkVector(3), WalkVector(3)
    first, _ = ours.reset(seed=[5, None, 9])
    again, _ = other.reset(seed=[5, None, 9])
    assert (first[[0, 2]] == again[[0, 2]]).all()
    assert (first[1] != again[1]).any()
    np.testing.assert_array_equal(first[2], Walk().reset(seed=9)[0])
    with pytest.raises(SettingsError, match="one seed per copy is needed, 3, found 2"):
        ours.reset(seed=[1, 2])


def test_a_reset_without_a_seed_goes_on_with_the_generators():
    ours, other = WalkVector(3), WalkVector(3)
    begun = [env.reset(seed=1)[0] for env in (ours, other)]
    again = [env.reset()[0] for env in (ours, other)]
    assert (again[0] == again[1]).all()
    assert (again[0] != begun[0]).any()


def test_what_is_returned_belongs_to_the_caller():
    env = WalkVector(3)
    results = [env.reset(seed=0)[0]]
    for _ in range(4):
        observation, reward, terminated, truncated, info = env.step(np.zeros((3, 2), np.float32))
        results += [observation, reward, terminated, truncated, info["place"]]
    for k, one in enumerate(results):
        assert one.flags.writeable
        assert not any(np.shares_memory(one, other) for other in results[:k])


def test_without_copies_two_buffers_are_used_in_turn():
    env = WalkVector(3, copy=False)
    env.reset(seed=0)
    seen = [env.step(np.zeros((3, 2), np.float32))[0] for _ in range(3)]
    assert not np.shares_memory(seen[0], seen[1])
    assert np.shares_memory(seen[0], seen[2])


def test_gymnasiums_vector_wrappers_work():
    env = DictInfoToList(RecordEpisodeStatistics(WalkVector(3, autoreset_mode="SameStep")))
    env.reset(seed=0)
    ended = 0
    for _ in range(30):
        *_, infos = env.step(np.zeros((3, 2), np.float32))
        assert [info["steps"] for info in infos] == env.unwrapped.core.episode_length.tolist()
        ended += sum("episode" in info for info in infos)
    assert ended > 0


class TestArguments:
    def test_a_reset_mask_that_chooses_nothing(self):
        with pytest.raises(SettingsError, match="reset_mask chooses no copy"):
            WalkVector(2).reset(options={"reset_mask": np.zeros(2, np.bool_)})

    def test_options_are_not_changed(self):
        options = {"reset_mask": np.ones(2, np.bool_), "place": 1}
        WalkVector(2).reset(options=options)
        assert set(options) == {"reset_mask", "place"}

    @pytest.mark.parametrize("face", [Walk, WalkVector])
    def test_there_is_nothing_to_draw(self, face):
        with pytest.raises(SettingsError, match="render_mode must be None, found 'human'"):
            face(render_mode="human")
        assert face().render_mode is None

    def test_a_mode_that_is_none(self):
        with pytest.raises(SettingsError, match="autoreset_mode must be one of 'NextStep', 'SameStep', 'Disabled'"):
            WalkVector(2, autoreset_mode="next")

    @pytest.mark.parametrize("face", [Walk, WalkVector])
    def test_an_unknown_setting(self, face):
        with pytest.raises(SettingsError, match="no setting 'stepp'; did you mean 'step'"):
            face(stepp=1.0)

    def test_single_actions(self):
        env = single("backtester/Sine-v0")
        env.reset(seed=0)
        for action in (1, np.int64(2), np.array(0)):
            env.step(action)
        for action in (1.0, "buy", None, np.array([1, 2])):
            with pytest.raises(ActionError, match="an action is a whole number, found"):
                env.step(action)
        for action in (-1, 3):
            with pytest.raises(ActionError, match="copy 0: the action"):
                env.step(action)
        walk = Walk()
        walk.reset(seed=0)
        with pytest.raises(ActionError, match=r"shape \(1, 2\), found \(1, 3\)"):
            walk.step(np.zeros(3))
        with pytest.raises(ActionError, match="component 0 of 2: the action nan"):
            walk.step(np.array([np.nan, 0.0]))

    def test_a_step_after_the_end(self):
        env = Walk(step=0.0, episode_length=1)
        env.reset()
        env.step(np.zeros(2))
        with pytest.raises(ResetNeeded, match="over"):
            env.step(np.zeros(2))


def test_action_masks():
    env, vec = Walk(), WalkVector(3)
    env.reset(seed=4)
    vec.reset(seed=4)
    assert env.action_masks().tolist() == vec.action_masks()[0].tolist()
    assert vec.action_masks().shape == (3, 2)
    with pytest.raises(AttributeError, match="no action masks"):
        single("backtester/Sine-v0").action_masks()
