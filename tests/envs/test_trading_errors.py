"""Bad input: each an error that says what, where, the value found, the rule and the remedy, and nothing is lost."""

import math

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from trading_cases import ID, plain, single, vector, walk

import envs
from backtester import Account, Costs
from backtester.errors import DataError, ResultError, SettingsError
from envs.errors import ActionError

# ----------------------------------------------------------------- actions

BAD = {
    "discrete": [(3, "the action 3 is not a whole number from 0 to 2"), (-1, "the action -1"), (1.0, "whole number")],
    "orders": [(6, "the action 6 is not a whole number from 0 to 5")],
    "continuous": [
        (np.array([math.nan], np.float32), r"the action nan is not a number in \[-1, 1\]"),
        (np.array([math.inf], np.float32), "the action inf"),
        (np.array([1.001], np.float32), "the action 1.00"),
        (np.array([0.1, 0.2], np.float32), r"have the shape \(1, 1\), found \(1, 2\)"),
        (np.array(["long"]), "actions are numbers, found dtype"),
        (0.5, r"have the shape \(1, 1\), found \(1,\)"),
    ],
}


@pytest.mark.parametrize(("scheme", "action", "says"), [(s, *case) for s, cases in BAD.items() for case in cases])
def test_an_action_outside_the_space_is_refused_and_nothing_is_stepped(scheme, action, says):
    env, other = (single(bars=walk(60), actions=scheme) for _ in range(2))
    good = 1 if scheme != "continuous" else np.array([0.7], np.float32)
    for one in (env, other):
        one.reset(seed=1)
        one.step(good)
    before = env.unwrapped.core.get_state()
    with pytest.raises(ActionError, match=says):
        env.step(action)
    for name, array in env.unwrapped.core.get_state().items():
        assert_array_equal(array, before[name])
    for _ in range(5):
        mine, theirs = env.step(good), other.step(good)
        assert_array_equal(mine[0], theirs[0])
        assert mine[1:] == theirs[1:]


def test_a_bad_action_of_one_copy_is_named_and_stops_all():
    env = vector(4, bars=walk(60, 3), actions="weights")
    env.reset(seed=1)
    actions = np.full((4, 3), 0.5, np.float32)
    env.step(actions)
    bars_before = env.unwrapped.core.bar().tolist()
    actions[2, 1] = np.nan
    with pytest.raises(
        ActionError, match=r"copy 2, component 1 of 3: the action nan is not a number in .* nothing was"
    ):
        env.step(actions)
    assert env.unwrapped.core.bar().tolist() == bars_before


# ----------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"bars": None}, Exception, "Bars"),
        ({"cash": 0.0}, SettingsError, "cash is 0.0; it must be above 0.0"),
        ({"cash": math.nan}, SettingsError, "cash is nan"),
        ({"cash": "100"}, SettingsError, "cash must be a number, found '100'"),
        ({"costs": 0.001}, SettingsError, r"costs must be Costs\(…\), found 0.001"),
        ({"account": Costs()}, SettingsError, r"account must be Account\(…\)"),
        ({"execution": "close"}, SettingsError, r"execution must be Execution\(…\), found 'close'"),
        ({"actions": "discreet"}, SettingsError, "actions is 'discreet'; did you mean 'discrete'"),
        ({"exposures": (0.0,)}, SettingsError, "at least two finite numbers"),
        ({"exposures": (0.0, math.nan)}, SettingsError, "at least two finite numbers"),
        ({"exposures": (1.0, 0.0)}, SettingsError, "must ascend"),
        ({"exposures": (0.0, 0.0, 1.0)}, SettingsError, "must ascend, each once"),
        ({"band": 0.1}, SettingsError, "band has no meaning for actions='discrete'; leave it out"),
        ({"actions": "continuous", "band": -0.1}, SettingsError, "band is -0.1; it must be at least 0.0"),
        ({"actions": "weights", "stop_loss": 0.1}, SettingsError, "stop_loss has no meaning for actions='weights'"),
        ({"actions": "orders", "stop_loss": 1.0}, SettingsError, "stop_loss is 1.0; it must be above 0.0 and below 1"),
        ({"actions": "orders", "take_profit": 0.0}, SettingsError, "take_profit is 0.0"),
        ({"actions": "orders", "order_fraction": 0.0}, SettingsError, "order_fraction is 0.0"),
        ({"episode_length": 0}, SettingsError, "episode_length must be a whole number of at least 1, found 0"),
        ({"episode_length": 5.0}, SettingsError, "episode_length must be a whole number"),
        ({"random_start": "yes"}, SettingsError, "random_start must be True or False, found 'yes'"),
        ({"stagger": True}, SettingsError, "stagger=True needs an episode_length"),
        ({"start": 50, "end": 20}, DataError, r"Trading: start=50, end=20: bars\[50:20\] has no bar"),
        ({"start": "2031"}, DataError, "Trading: start='2031'.* the 60 bars run from"),
        ({"start": 1.5}, DataError, "Trading: start=1.5"),
        ({"windows": 3}, SettingsError, "no setting 'windows'; did you mean 'window'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(given, error, says):
    with pytest.raises(error, match=says):
        single(**{"bars": walk(60), **given})


def test_an_environment_without_a_market_is_refused():
    with pytest.raises(SettingsError, match="Trading needs bars=…, such as"):
        gymnasium.make(ID)


def test_recording_is_for_one_copy_and_a_result_needs_it():
    with pytest.raises(SettingsError, match="record=True keeps the tables of one account, found 2 copies"):
        vector(2, bars=walk(60), record=True)
    env = single(bars=walk(60))
    env.reset(seed=0)
    with pytest.raises(ResultError, match="make the environment with record=True"):
        env.unwrapped.result()
    with pytest.raises(ResultError, match="no episode yet; call reset first"):
        single(bars=walk(60), record=True).unwrapped.result()


def test_seeds_and_masks_of_the_wrong_number_are_refused():
    env = vector(3, bars=walk(60))
    with pytest.raises(SettingsError, match="one seed per copy is needed, 3, found 2"):
        env.reset(seed=[1, 2])
    with pytest.raises(SettingsError, match="a mask of copies is a bool array"):
        env.reset(options={"reset_mask": np.array([1, 0, 1])})


def test_all_faces_refuse_alike():
    """The same sentence, whichever library one comes from."""
    for make in (
        lambda: single(bars=walk(60), window=0),
        lambda: vector(2, bars=walk(60), window=0),
        lambda: envs.make(ID, 2, **plain(bars=walk(60), window=0)),
        lambda: envs.sb3_vec_env(ID, 2, **plain(bars=walk(60), window=0)),
    ):
        with pytest.raises(SettingsError, match="window must be a whole number of at least 1, found 0"):
            make()


def test_an_environment_that_was_refused_leaves_nothing_behind():
    """The next one with good settings works, and the account's settings are its own."""
    with pytest.raises(SettingsError):
        single(bars=walk(60), cash=-1.0, account=Account(leverage=5.0))
    env = single(bars=walk(60))
    assert env.unwrapped.core.rules.scalars["leverage"] == 1.0
    env.reset(seed=0)
    assert env.step(2)[4]["equity"] > 0.0
