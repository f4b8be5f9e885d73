"""A core: copies are independent of their number, results stay untouched for a step, bad actions change nothing."""

import numpy as np
import pytest
from gymnasium import spaces
from ids import IDS, settings
from toys import LIMIT, WalkCore, actions_for

import envs
from backtester.errors import SettingsError
from envs import Autoreset
from envs.batch import RESULT_NAMES
from envs.errors import ActionError, ResetNeeded, TaskError
from envs.threads import PARALLEL_FROM

MODES = list(Autoreset)


def make(env_id, n, mode, episode_length=9):
    if env_id == "Walk":
        return WalkCore(n, episode_length=episode_length, autoreset=mode)
    return envs.make(env_id, n, autoreset=mode, **settings(env_id, episode_length))


class Alone:
    """One copy that does by hand what the mode of a vector does by itself: the reference."""

    def __init__(self, env_id, mode, seed):
        self.core = make(env_id, 1, Autoreset.DISABLED)
        self.mode, self.over = mode, False
        self.core.seed([seed])
        self.core.reset()

    def step(self, action):
        """Return observation, reward, terminated, truncated, and the last observation of an episode that ended."""
        core = self.core
        if self.over and self.mode is not Autoreset.SAME_STEP:
            core.reset()
            self.over = False
            if self.mode is Autoreset.NEXT_STEP:
                return core.observation[0].copy(), 0.0, False, False, None
        core.step(action[None])
        ends = bool(core.terminated[0]), bool(core.truncated[0])
        self.over = any(ends)
        reward, last = core.reward[0], core.observation[0].copy()
        if self.over and self.mode is Autoreset.SAME_STEP:
            core.reset()
            return core.observation[0].copy(), reward, *ends, last
        return last, reward, *ends, None


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("n", [1, 3, 300])
@pytest.mark.parametrize("env_id", ["Walk", *IDS])
def test_a_copy_plays_what_it_plays_alone_whatever_their_number(env_id, n, mode):
    core = make(env_id, n, mode)
    core.seed(range(50, 50 + n))
    core.reset()
    chosen = sorted({0, n // 2, n - 1})
    alone = {i: Alone(env_id, mode, 50 + i) for i in chosen}
    rng = np.random.default_rng(1)
    ended = np.zeros(n, np.int64)
    for _ in range(60):  # two episodes of the longest, whose length is not a setting
        actions = actions_for(core, rng)
        if mode is Autoreset.DISABLED and core.phase.any():
            core.reset(core.phase == 1)
        core.step(actions)
        for i, one in alone.items():
            observation, reward, terminated, truncated, last = one.step(actions[i])
            assert core.observation[i].tobytes() == observation.tobytes()
            assert core.reward[i] == reward
            assert (core.terminated[i], core.truncated[i]) == (terminated, truncated)
            if last is not None:
                assert core.final_observation[i].tobytes() == last.tobytes()
        ended += core.terminated | core.truncated
    assert ended.min() >= 2


def test_threads_play_the_same():
    many, few = (envs.make("backtester/Martingale-v0", n, episode_length=5) for n in (PARALLEL_FROM, 4))
    for core in (many, few):
        core.seed(range(core.n))
        core.reset()
    rng = np.random.default_rng(2)
    for _ in range(30):
        actions = actions_for(many, rng)
        many.step(actions)
        few.step(actions[:4])
        assert many.observation[:4].tobytes() == few.observation.tobytes()
        assert many.reward[:4].tobytes() == few.reward.tobytes()
        assert many.ends == (many.terminated | many.truncated).sum()


@pytest.mark.parametrize("env_id", IDS)
def test_results_stay_untouched_by_the_next_step(env_id):
    """What SB3's rollout buffer and every loop that keeps the last observation rely on; one buffer would fail."""
    core = make(env_id, 3, Autoreset.SAME_STEP)
    core.seed(range(3))
    core.reset()
    rng = np.random.default_rng(0)
    core.step(actions_for(core, rng))
    for _ in range(20):
        kept = {name: getattr(core, name) for name in RESULT_NAMES}
        copies = {name: array.copy() for name, array in kept.items()}
        core.step(actions_for(core, rng))
        for name, array in kept.items():
            assert not np.shares_memory(array, getattr(core, name))
            assert array.tobytes() == copies[name].tobytes(), name


def test_a_reset_of_some_copies_leaves_the_others():
    core = WalkCore(4, autoreset=Autoreset.DISABLED, episode_length=50)
    core.seed(range(4))
    core.reset()
    rng = np.random.default_rng(3)
    core.step(actions_for(core, rng))
    before = {name: getattr(core, name).copy() for name in ("observation", "reward", "random", "state")}
    mask = np.array([False, True, False, True])
    core.reset(mask)
    for name, old in before.items():
        new = getattr(core, name)
        assert (new[~mask] == old[~mask]).all(), name
        assert (new[mask] != old[mask]).any(), name
    assert core.episode_length.tolist() == [1, 0, 1, 0]


def test_returns_and_lengths_are_counted():
    core = WalkCore(5, autoreset=Autoreset.SAME_STEP)
    core.seed(range(5))
    core.reset()
    rng = np.random.default_rng(4)
    running, lengths = np.zeros(5), np.zeros(5, int)
    for _ in range(60):
        core.step(actions_for(core, rng))
        running += core.reward
        lengths += 1
        for i in np.flatnonzero(core.terminated | core.truncated):
            assert core.final_return[i] == running[i]
            assert core.final_length[i] == lengths[i]
            running[i], lengths[i] = 0.0, 0
        assert (core.episode_return == running).all()
        assert (core.episode_length == lengths).all()
        assert not (core.terminated & core.truncated).any()
        assert lengths.max() < 9  # the limit


def test_an_end_of_the_dynamics_terminates_and_a_limit_truncates():
    """Walk terminates outside ±2, and truncates after a shock above 2, or at the limit of 9 steps."""
    core = WalkCore(200, episode_length=9)
    core.seed(range(200))
    core.reset()
    reasons = {"outside": 0, "shock": 0, "limit": 0}
    for _ in range(40):
        began_anew = core.terminated | core.truncated
        core.step(np.zeros((200, 2)))
        place, shock = core.observation.T
        outside = ~began_anew & (np.abs(place) > LIMIT)
        by_shock, at_limit = ~began_anew & (shock > 2.0), core.episode_length == 9
        assert (core.terminated == outside).all()
        assert (core.truncated == (by_shock | at_limit) & ~outside).all()
        reasons["outside"] += outside.sum()
        reasons["shock"] += (by_shock & ~outside).sum()
        reasons["limit"] += (at_limit & ~outside).sum()
    assert min(reasons.values()) > 20


@pytest.mark.parametrize("env_id", IDS)
def test_a_saved_state_goes_on_bit_for_bit_in_another_core(env_id):
    core = make(env_id, 3, Autoreset.NEXT_STEP)
    core.seed(range(3))
    core.reset()
    rng = np.random.default_rng(5)
    for _ in range(12):
        core.step(actions_for(core, rng))
    state = core.get_state()
    other = make(env_id, 3, Autoreset.NEXT_STEP)
    other.set_state(state)
    assert other.observation.tobytes() == core.observation.tobytes()
    for _ in range(30):
        actions = actions_for(core, rng)
        core.step(actions)
        other.step(actions)
        for name in RESULT_NAMES:
            assert getattr(core, name).tobytes() == getattr(other, name).tobytes(), name


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    core = WalkCore(3)
    core.seed(range(3))
    core.reset()
    state, other = core.get_state(), WalkCore(2)
    with pytest.raises(SettingsError, match="random"):
        other.set_state(state)
    del state["phase"]
    before = core.random.copy()
    state["random"][:] = 0
    with pytest.raises(SettingsError, match="has no 'phase'"):
        core.set_state(state)
    assert (core.random == before).all()


class TestStagger:
    def test_first_lengths_are_spread_and_do_not_depend_on_the_number(self):
        core = WalkCore(400, episode_length=40, stagger=True)
        few = WalkCore(7, episode_length=40, stagger=True)
        for one in (core, few):
            one.seed(range(one.n))
            one.reset()
        assert (core.limit[:7] == few.limit).all()
        assert core.limit.min() >= 1
        assert core.limit.max() <= 40
        assert len(np.unique(core.limit)) > 35

    def test_only_the_first_episode_is_shorter(self):
        core = envs.make("backtester/Sine-v0", 50, autoreset=Autoreset.SAME_STEP, episode_length=20, stagger=True)
        core.seed(range(50))
        core.reset()
        drawn, seen = core.limit.copy(), np.zeros((50, 3), int)
        counts = np.zeros(50, int)
        for _ in range(60):
            core.step(np.ones(50, int))
            for i in np.flatnonzero(core.truncated):
                seen[i, counts[i]] = core.final_length[i]
                counts[i] += 1
        assert (seen[:, 0] == drawn).all()
        assert (seen[:, 1] == 20).all()

    def test_what_happens_until_then_is_the_same(self):
        plain, staggered = (WalkCore(6, step=0.1, episode_length=9, stagger=flag) for flag in (False, True))
        for core in (plain, staggered):
            core.seed(range(6))
            core.reset()
        assert plain.observation.tobytes() == staggered.observation.tobytes()
        assert (plain.random == staggered.random).all()

    def test_it_needs_a_length(self):
        with pytest.raises(SettingsError, match="stagger=True needs an episode_length"):
            WalkCore(2, episode_length=None, stagger=True)


BAD = [np.nan, np.inf, -np.inf, 1.0000001, -1.5]


class TestBadActions:
    def core(self):
        core = WalkCore(3)
        core.seed(range(3))
        core.reset()
        core.step(np.zeros((3, 2), np.float32))
        return core

    @pytest.mark.parametrize("value", BAD)
    def test_a_bad_number_is_named_and_nothing_is_stepped(self, value):
        core = self.core()
        before = core.get_state()
        actions = np.zeros((3, 2))
        actions[1, 1] = value
        with pytest.raises(ActionError, match=r"Walk: copy 1, component 1 of 2: the action .* in \[-1, 1\]"):
            core.step(actions)
        assert all((core.get_state()[name] == old).all() for name, old in before.items())

    @pytest.mark.parametrize("value", [-1, 3, 2**62])
    def test_a_number_outside_a_discrete_space(self, value):
        core = envs.make("backtester/Sine-v0", 2)
        core.reset()
        with pytest.raises(ActionError, match=r"copy 1: the action .* is not a whole number from 0 to 2"):
            core.step(np.array([0, value]))

    def test_a_fraction_is_no_discrete_action(self):
        core = envs.make("backtester/Sine-v0", 2)
        core.reset()
        for actions in (np.array([0.0, 1.0]), np.array([True, False]), np.array(["a", "b"])):
            with pytest.raises(ActionError, match="actions are whole numbers, found dtype"):
                core.step(actions)

    @pytest.mark.parametrize("shape", [(3,), (2, 2), (3, 1), (3, 2, 1)])
    def test_a_wrong_shape(self, shape):
        with pytest.raises(ActionError, match=r"have the shape \(3, 2\), found"):
            self.core().step(np.zeros(shape))

    def test_the_action_of_a_copy_that_begins_anew_is_ignored(self):
        core = WalkCore(2, step=0.0, episode_length=1)
        core.reset()
        core.step(np.zeros((2, 2)))
        assert core.ends == 2
        core.step(np.full((2, 2), np.nan))
        assert core.reward.tolist() == [0.0, 0.0]
        assert core.ends == 0


def test_a_step_before_a_reset_is_refused():
    core = WalkCore(3)
    core.seed(range(3))
    core.reset(np.array([True, False, True]))
    with pytest.raises(ResetNeeded, match="copy 1 has not begun"):
        core.step(np.zeros((3, 2)))


def test_a_step_after_the_end_is_refused_without_autoreset():
    core = WalkCore(3, step=0.0, episode_length=1, autoreset=Autoreset.DISABLED)
    core.reset()
    core.step(np.zeros((3, 2)))
    core.reset(np.array([True, False, True]))
    before = core.get_state()
    with pytest.raises(ResetNeeded, match="episode of copy 1 is over"):
        core.step(np.zeros((3, 2)))
    assert all((core.get_state()[name] == old).all() for name, old in before.items())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n": 0}, "at least 1, found 0"),
        ({"n": 2.5}, "at least 1, found 2.5"),
        ({"episode_length": 0}, "episode_length must be a whole number of at least 1, or None, found 0"),
        ({"autoreset": "NextStep"}, "autoreset must be one of"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(SettingsError, match=message):
        WalkCore(**wrong)


def test_options_reach_the_core_and_unknown_ones_are_refused():
    core = WalkCore(2)
    core.reset(np.array([False, True]), {"place": 1.0})
    assert core.asked == ({"place": 1.0}, [False, True])
    with pytest.raises(SettingsError, match=r"no option 'plce'.*did you mean 'place'"):
        core.reset(options={"plce": 1})


def test_masks_and_seeds_of_a_wrong_shape_are_refused():
    core = WalkCore(2)
    with pytest.raises(SettingsError, match=r"bool array of shape \(2,\), found bool \(3,\)"):
        core.reset(np.ones(3, np.bool_))
    with pytest.raises(SettingsError, match="found list"):
        core.reset([True, False])
    with pytest.raises(SettingsError, match="one seed per copy is needed, 2, found 3"):
        core.seed([1, 2, 3])


def test_seeds_count_modulo_two_to_the_64():
    cores = [WalkCore(1) for _ in range(2)]
    for core, seed in zip(cores, (-1, 2**64 - 1), strict=True):
        core.seed([seed])
        core.reset()
    assert cores[0].observation.tobytes() == cores[1].observation.tobytes()


def test_unseeded_cores_differ():
    cores = [WalkCore(2) for _ in range(2)]
    for core in cores:
        core.reset()
    rows = np.concatenate([core.observation for core in cores])
    assert len(np.unique(rows[:, 0])) == 4


@pytest.mark.parametrize("env_id", IDS)
def test_the_spec_says_the_id_and_the_settings_in_json(env_id):
    import json

    spec = make(env_id, 1, Autoreset.NEXT_STEP).spec()
    assert spec["id"] == env_id
    assert json.loads(json.dumps(spec)) == spec


def test_a_core_without_an_optimum_says_so():
    with pytest.raises(TaskError, match="Walk has no known optimum"):
        WalkCore().optimal_value()


def test_multidiscrete_actions_are_checked_by_component():
    class Pair(WalkCore):
        name = "Pair"

        def __init__(self):
            super().__init__(2)
            self.action_space = spaces.MultiDiscrete([3, 2], start=[-1, 0])
            self._kinds = "iu"
            self._allocate(2, np.array([0.5]))

    core = Pair()
    core.seed([0, 1])  # neither episode ends in the first step
    core.reset()
    core.step(np.array([[-1, 0], [1, 1]]))
    assert core.ends == 0
    with pytest.raises(ActionError, match="copy 1, component 0 of 2: the action 2 is not a whole number from -1 to 1"):
        core.step(np.array([[-1, 0], [2, 1]]))
    with pytest.raises(ActionError, match="copy 0, component 1 of 2: the action -1 is not a whole number from 0 to 1"):
        core.step(np.array([[-1, -1], [2, 1]]))


def test_unknown_ids_and_settings_get_a_hint():
    with pytest.raises(SettingsError, match="did you mean 'backtester/Sine-v0'"):
        envs.make("backtester/Sina-v0")
    with pytest.raises(SettingsError, match="Sine has no setting 'periode'; did you mean 'period'"):
        envs.make("backtester/Sine-v0", periode=3)
