"""A config is read whole or not at all, and says what is wrong with it."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from backtester.errors import SettingsError
from envs.benchmark.config import Algorithm, config_of, load_config

ROOT = Path(__file__).resolve().parents[3]
GOOD = {
    "name": "one",
    "seeds": list(range(10)),
    "tasks": [{"id": "backtester/Sine-v0", "algorithms": [{"name": "ppo", "total_timesteps": 100, "reach": 0.9}]}],
    "markets": [
        {
            "name": "index",
            "data": "sample:sp500",
            "train": 500,
            "validate": 100,
            "test": 100,
            "costs": {"commission": 0.001},
            "algorithms": [{"name": "dqn", "total_timesteps": 200, "hyperparameters": {"gamma": 0.9}}],
        }
    ],
}


def changed(path, value):
    data = copy.deepcopy(GOOD)
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def test_a_good_one_is_read():
    config = config_of(GOOD)
    assert config.tasks[0].algorithms == (Algorithm(name="ppo", total_timesteps=100, reach=0.9),)
    assert config.markets[0].algorithms[0].hyperparameters == {"gamma": 0.9}
    assert (config.tasks[0].episodes, config.resamples) == (8_192, 10_000)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["seed"], [1], "there is no 'seed'; did you mean 'seeds'"),
        (["markets", 0, "algorithms", 0, "validation_episodes"], 64, "is for tasks; a market has validate="),
        (["tasks", 0, "algorithms", 0, "validation_episodes"], 0, "a whole number of at least 1"),
        (["seeds"], list(range(9)), "9 seeds; 10 are the least"),
        (["seeds"], [1] * 10, "one is there twice"),
        (["seeds"], [-1, *range(9)], "from 0 to"),
        (["seeds"], 10, "a list of whole numbers"),
        (["name"], "../x", 'letters, digits, "-" and "_"'),
        (["name"], KeyError, "name is missing"),
        (["tasks", 0, "id"], KeyError, r"config\.tasks\[0\]: id is missing"),
        (["tasks", 0, "episode"], 3, r"tasks\[0\]: there is no 'episode'; did you mean 'episodes'"),
        (["tasks", 0, "episodes"], 0, "a whole number of at least 1"),
        (["tasks", 0, "copies"], 1, "copies must be at least 2"),
        (["tasks", 0, "algorithms"], [], "must be a list"),
        (["tasks", 0, "algorithms", 0, "reach"], "0.9", "must be a number"),
        (["tasks", 0, "algorithms", 0, "total_timesteps"], 1e5, "a whole number"),
        (["tasks", 0, "algorithms", 0, "steps"], 5, r"algorithms\[0\]: there is no 'steps'"),
        (["tasks", 0, "settings"], 3, "a mapping"),
        (["tasks", 0, "leak_alarm"], "yes", "true or false"),
        (["tasks"], [GOOD["tasks"][0]] * 2, "two have one name"),
        (["tasks", 0, "algorithms"], GOOD["tasks"][0]["algorithms"] * 2, "one is there twice"),
        (["markets", 0, "costs"], {"comission": 0.1}, "'comission'; did you mean 'commission'"),
        (["markets", 0, "costs"], {"commission": 5.0}, "a fraction, not a percent"),
        (["markets", 0, "checkpoint"], "test best", "a checkpoint chosen by its test is no test"),
        (["markets", 0, "baselines"], {"moment": {}}, "did you mean 'momentum'"),
        (["markets", 0, "settings"], {"costs": {}}, "costs is a key of the market itself"),
        (["description"], 3, "must be text"),
    ],
)
def test_what_is_wrong_is_told(path, value, said):
    with pytest.raises(SettingsError, match=said):
        config_of(changed(path, value))


def test_nothing_to_run():
    with pytest.raises(SettingsError, match="nothing to run"):
        config_of({"name": "a", "seeds": list(range(10))})
    with pytest.raises(SettingsError, match="a mapping of names"):
        config_of([1])


def test_few_seeds_have_to_be_wanted():
    data = {**GOOD, "seeds": [1, 2], "few_seeds": True}
    assert config_of(data).few_seeds
    with pytest.raises(SettingsError, match="1 seeds"):
        config_of({**data, "seeds": [1]})


def test_files_that_are_none(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        load_config(tmp_path / "a.yml")
    (tmp_path / "b.yml").write_text("name: [")
    with pytest.raises(SettingsError, match="not YAML"):
        load_config(tmp_path / "b.yml")
    (tmp_path / "c.yml").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(SettingsError, match="not YAML"):
        load_config(tmp_path / "c.yml")


def test_the_digest_is_of_the_content():
    assert config_of(GOOD).digest == config_of(copy.deepcopy(GOOD)).digest
    assert config_of(changed(["tasks", 0, "algorithms", 0, "total_timesteps"], 101)).digest != config_of(GOOD).digest


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks" / "agents").glob("*.yml")), ids=lambda file: file.stem)
def test_the_shipped_configs_are_read(file):
    config = load_config(file)
    assert config.name == file.stem
    assert len(config.seeds) >= 10 or config.few_seeds
