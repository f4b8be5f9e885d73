"""Agents in directories: what comes back, what is refused, and what a kill or a full disk leaves."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

import envs
from envs.agents import Agent, archive
from envs.agents.describe import digest_of
from envs.agents.policy import MLPPolicy
from envs.errors import BundleError

ROOT = Path(__file__).resolve().parents[3]
FEATURES = {"spec": {"format": 1, "features": ["rsi(14)"]}}
FEATURES["digest"] = digest_of(FEATURES["spec"])


def make_agent(space=None, sizes=(2, 8), seed=0, **more) -> Agent:
    """Return an untrained agent with random weights."""
    space = space if space is not None else Discrete(3)
    random = np.random.default_rng(seed)
    if isinstance(space, Box):
        n, head = space.shape[0], {"head": "gaussian", "log_std": random.normal(size=space.shape)}
    else:
        n, head = (int(space.n) if isinstance(space, Discrete) else int(space.nvec.sum())), {"head": "logits"}
    layers = [(random.normal(size=(b, a)), random.normal(size=b)) for a, b in zip(sizes, (*sizes[1:], n), strict=True)]
    facts = {
        "algorithm": "ppo",
        "observation_space": Box(-1.0, 1.0, (sizes[0],), np.float32),
        "environment": {"id": "backtester/Sine-v0", "settings": {"period": 32, "window": 8}},
        "training": {"seed": 3, "steps": 100, "hyperparameters": {"gamma": 0.99}},
        "versions": {"backtester": "0.1.0"},
    }
    return Agent(policy=MLPPolicy(layers, "tanh", actions=space, **head), action_space=space, **{**facts, **more})


def rewrite(folder: Path, change) -> None:
    """Change the manifest of a bundle, and make its checksum fit: only the content itself can be refused then."""
    path = folder / archive.MANIFEST
    content = json.loads(path.read_text())
    change(content)
    content["checksum"] = archive.checksum(content)
    path.write_text(json.dumps(content))


def weights_file(folder: Path) -> Path:
    (path,) = folder.glob("policy-*.safetensors")
    return path


def replace_weights(folder: Path, data: bytes) -> None:
    """Put other bytes in the place of the weights, with length and hashes that fit."""
    path = weights_file(folder)
    path.write_bytes(data)
    entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    rewrite(folder, lambda content: content["files"]["policy"].update(entry))


@pytest.fixture
def bundle(tmp_path) -> Path:
    make_agent().save(tmp_path / "agent")
    return tmp_path / "agent"


class TestRoundTrip:
    @pytest.mark.parametrize(
        "space",
        [Discrete(3), Discrete(4, start=-2), MultiDiscrete([3, 2]), Box(-1, 1, (2,)), Box(-2.0, np.float32(0.5), (1,))],
        ids=str,
    )
    def test_everything_comes_back(self, space, tmp_path):
        agent = make_agent(space, features=FEATURES, scaler=FEATURES, data_hash="abc")
        agent.save(tmp_path / "agent")
        again = Agent.load(tmp_path / "agent")
        x = np.random.default_rng(1).uniform(-1, 1, (100, 2)).astype(np.float32)
        assert again.predict(x).tobytes() == agent.predict(x).tobytes()
        assert again.predict(x, deterministic=False).tobytes() == agent.predict(x, deterministic=False).tobytes()
        assert again.action_space == space
        assert again.observation_space == agent.observation_space
        for name in ("algorithm", "environment", "training", "features", "scaler", "data_hash", "versions"):
            assert getattr(again, name) == getattr(agent, name), name

    def test_infinite_bounds_come_back(self, tmp_path):
        space = Box(np.array([-np.inf, -1], np.float32), np.array([np.inf, np.inf], np.float32))
        make_agent(observation_space=space).save(tmp_path / "agent")
        assert Agent.load(tmp_path / "agent").observation_space == space

    def test_the_manifest_tells_length_and_hash_of_every_file(self, bundle):
        content = json.loads((bundle / "manifest.json").read_text())
        others = {path.name: path.read_bytes() for path in bundle.iterdir() if path.name != "manifest.json"}
        told = {file["name"]: (file["bytes"], file["sha256"]) for file in content["files"].values()}
        assert told == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in others.items()}
        assert content["kind"] == "backtester agent"

    def test_weights_are_safetensors_that_others_read(self, bundle):
        tensors = load_tensors(weights_file(bundle).read_bytes())
        agent = Agent.load(bundle)
        assert tensors["layer0.weight"].tobytes() == agent.policy.layers[0][0].tobytes()
        assert tensors["layer0.weight"].shape == (8, 2)

    def test_the_same_agent_gives_the_same_bytes(self, tmp_path):
        for name in ("one", "two"):
            make_agent().save(tmp_path / name)
        one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
        assert one == two


class TestPredict:
    def test_one_observation_gives_one_action_and_many_give_many(self):
        agent = make_agent()
        x = np.random.default_rng(0).uniform(-1, 1, (9, 2))
        many = agent.predict(x)
        assert many.shape == (9,)
        assert [agent.predict(row) for row in x] == many.tolist()
        assert isinstance(agent.predict(x[0]), int)
        assert make_agent(Box(-1, 1, (2,))).predict(x[0]).shape == (2,)

    @pytest.mark.parametrize("shape", [(3,), (4, 3), (1, 1, 2), ()])
    def test_an_observation_of_another_shape_is_refused(self, shape):
        with pytest.raises(ValueError, match=r"the policy was trained on 2 numbers, so it takes \[2\] or \[n, 2\]"):
            make_agent().predict(np.zeros(shape))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_a_number_that_is_none_is_refused_with_its_place(self, bad):
        x = np.zeros((5, 2))
        x[3, 1] = bad
        with pytest.raises(ValueError, match=f"observation 3 has {bad} at position 1"):
            make_agent().predict(x)

    def test_a_number_beyond_float32_is_refused(self):
        with pytest.raises(ValueError, match="has inf at position 0"):
            make_agent().predict(np.array([1e300, 0.0]))

    def test_text_is_refused(self):
        with pytest.raises(ValueError, match="array of numbers"):
            make_agent().predict(["up", "down"])


class TestRefusals:
    def test_every_flipped_byte(self, bundle):
        agent = Agent.load(bundle)
        for path in sorted(bundle.iterdir()):
            data = path.read_bytes()
            positions = range(len(data)) if path.name != "manifest.json" else range(0, len(data), 7)
            for at in positions:
                flipped = bytearray(data)
                flipped[at] ^= 1
                path.write_bytes(flipped)
                with pytest.raises(BundleError):
                    Agent.load(bundle)
            path.write_bytes(data)
        assert Agent.load(bundle).policy.parameters.tobytes() == agent.policy.parameters.tobytes()

    def test_a_file_that_is_missing_or_cut_off_is_named(self, bundle):
        path = weights_file(bundle)
        data = path.read_bytes()
        path.write_bytes(data[:-10])
        with pytest.raises(
            BundleError, match=rf"{path.name}: the file has {len(data) - 10} bytes, and had {len(data)}"
        ):
            Agent.load(bundle)
        path.unlink()
        with pytest.raises(BundleError, match=f"{path.name}: the file is missing"):
            Agent.load(bundle)

    def test_no_directory_a_file_or_no_manifest(self, tmp_path):
        with pytest.raises(BundleError, match="no such directory"):
            Agent.load(tmp_path / "nothing")
        with pytest.raises(BundleError, match=r"there is no manifest\.json, so it is no backtester agent"):
            Agent.load(tmp_path)

    def test_another_format_and_another_kind(self, bundle):
        rewrite(bundle, lambda content: content.update(format=9))
        with pytest.raises(BundleError, match=r"format 9, written by backtester 0\.1\.0; this version reads format 1"):
            Agent.load(bundle)
        rewrite(bundle, lambda content: content.update(kind="backtester checkpoint"))
        with pytest.raises(
            BundleError, match="not the manifest of a backtester agent: kind is 'backtester checkpoint'"
        ):
            Agent.load(bundle)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda c: c["policy"].update(kind="magic"), "a policy of kind 'magic' is unknown"),
            (lambda c: c["policy"].update(activation="selu"), "the activation is 'selu'"),
            (lambda c: c["policy"].update(head="gaussian"), "a head 'gaussian' does not act in Discrete"),
            (lambda c: c["policy"].update(sizes=[2, 8, 4]), "does not lead from 2 numbers to 3 outputs"),
            (lambda c: c["policy"].update(sizes=[2, 9, 3]), "must have"),
            (lambda c: c["observations"].update(size=5), "does not lead from 5 numbers"),
            (lambda c: c["actions"].update(n=7), "to 7 outputs"),
            (lambda c: c["actions"].update(type="Dict"), "a space is of type 'Dict'"),
            (lambda c: c.pop("training"), "does not fit together"),
            (lambda c: c["files"].clear(), "does not fit together"),
            (lambda c: c["files"]["policy"].update(name="../../secret"), "which is no name of ours"),
        ],
    )
    def test_a_manifest_that_does_not_fit_is_refused_by_name(self, bundle, change, told):
        rewrite(bundle, change)
        with pytest.raises(BundleError, match=told):
            Agent.load(bundle)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_weights_that_are_no_numbers_are_neither_written_nor_read(self, bundle, tmp_path, bad):
        tensors = load_tensors(weights_file(bundle).read_bytes())
        tensors = {name: array.copy() for name, array in tensors.items()}
        tensors["layer1.bias"][2] = bad
        replace_weights(bundle, save_tensors(tensors))
        with pytest.raises(BundleError, match=f"layer1.bias holds {bad}"):
            Agent.load(bundle)
        agent = make_agent()
        agent.policy.layers[0][0][0, 0] = bad
        with pytest.raises(BundleError, match=f"layer0.weight holds {bad}"):
            agent.save(tmp_path / "other")
        assert not (tmp_path / "other").exists()


class Bomb:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class TestPickles:
    """Each is dressed as well as can be: lengths and hashes fit. What it would do, had it been read, is looked for."""

    def test_in_the_place_of_the_manifest(self, bundle, tmp_path):
        (bundle / "manifest.json").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
        with pytest.raises(BundleError, match="it is no JSON"):
            Agent.load(bundle)
        assert not (tmp_path / "exploded").exists()

    def test_in_the_place_of_the_weights(self, bundle, tmp_path):
        replace_weights(bundle, pickle.dumps(Bomb(tmp_path / "exploded")))
        with pytest.raises(BundleError, match=r"no safetensors file .*nothing was unpickled"):
            Agent.load(bundle)
        assert not (tmp_path / "exploded").exists()

    def test_in_a_zip_as_stable_baselines3_writes_it(self, tmp_path):
        path = tmp_path / "model.zip"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("data", pickle.dumps(Bomb(tmp_path / "exploded")))
        with pytest.raises(BundleError, match=r"it is a file.*never opened here"):
            Agent.load(path)
        assert not (tmp_path / "exploded").exists()


class TestFit:
    """`Agent.load(env=, features=)`: the agent of the fixture is of Sine, with 2 numbers and 3 actions."""

    def test_the_environment_of_the_training_fits_in_every_face(self, tmp_path):
        import gymnasium

        make_agent(environment=envs.make("backtester/Sine-v0").spec()).save(tmp_path / "agent")
        Agent.load(tmp_path / "agent", env=envs.make("backtester/Sine-v0", 4))
        Agent.load(tmp_path / "agent", env=gymnasium.make("backtester/Sine-v0"))
        Agent.load(tmp_path / "agent", env=envs.sb3_vec_env("backtester/Sine-v0", 2))
        vector = gymnasium.make_vec("backtester/Sine-v0", num_envs=2, vectorization_mode="vector_entry_point")
        Agent.load(tmp_path / "agent", env=vector)

    def test_another_environment_of_the_same_spaces(self, bundle):
        core = envs.make("backtester/Sine-v0")
        core.spec = lambda: {"id": "backtester/Cosine-v0", "settings": {"period": 32, "window": 8}}
        with pytest.raises(
            BundleError, match="trained in backtester/Sine-v0, and this environment is backtester/Cosine"
        ):
            Agent.load(bundle, env=core)

    def test_another_size_or_action_space(self, tmp_path):
        make_agent(sizes=(5, 8)).save(tmp_path / "wide")
        with pytest.raises(BundleError, match="the agent observes 5 numbers, and this environment shows"):
            Agent.load(tmp_path / "wide", env=envs.make("backtester/Sine-v0"))
        make_agent(Discrete(4)).save(tmp_path / "many")
        with pytest.raises(
            BundleError, match=r"the agent acts in Discrete\(4\), and this environment in Discrete\(3\)"
        ):
            Agent.load(tmp_path / "many", env=envs.make("backtester/Sine-v0"))

    @pytest.mark.parametrize("name", ["window", "exposures", "actions", "account_features", "clip", "band"])
    def test_a_setting_that_changes_the_meaning(self, bundle, name):
        core = envs.make("backtester/Sine-v0")
        spec = {"id": "backtester/Sine-v0", "settings": {"period": 32, "window": 8, name: 16}}
        core.spec = lambda: spec
        with pytest.raises(BundleError, match=f"{name} was .* in the training, and in this environment it is 16"):
            Agent.load(bundle, env=core)

    def test_costs_and_data_may_differ(self, bundle):
        core = envs.make("backtester/Sine-v0")
        spec = {"id": "backtester/Sine-v0", "settings": {"window": 8, "costs": {"commission": 1.0}, "data": "other"}}
        core.spec = lambda: spec
        Agent.load(bundle, env=core)

    def test_other_features_or_another_scaler(self, tmp_path):
        class Other:
            def spec(self):
                return {"format": 1, "features": ["rsi(15)"]}

        settings = {"features": FEATURES["spec"], "scaler": {"centre": [0.0]}}
        scaler = {"spec": settings["scaler"], "digest": digest_of(settings["scaler"])}
        told = {"id": "backtester/Sine-v0", "settings": {}}
        make_agent(features=FEATURES, scaler=scaler, environment=told).save(tmp_path / "agent")
        core = envs.make("backtester/Sine-v0")
        core.spec = lambda: {"id": "backtester/Sine-v0", "settings": settings}
        Agent.load(tmp_path / "agent", env=core)
        with pytest.raises(BundleError, match="another feature set"):
            Agent.load(tmp_path / "agent", features=Other())
        settings["features"] = Other().spec()
        with pytest.raises(BundleError, match="another feature set"):
            Agent.load(tmp_path / "agent", env=core)
        settings |= {"features": FEATURES["spec"], "scaler": {"centre": [0.1]}}
        with pytest.raises(BundleError, match="the scaler of this environment is another"):
            Agent.load(tmp_path / "agent", env=core)


class TestSaving:
    def test_an_earlier_agent_is_replaced_and_nothing_is_left_of_it(self, bundle):
        make_agent(seed=1).save(bundle)
        assert Agent.load(bundle).policy.parameters.tobytes() == make_agent(seed=1).policy.parameters.tobytes()
        assert len(list(bundle.iterdir())) == 2

    def test_what_is_no_agent_is_not_written_over(self, tmp_path):
        (tmp_path / "diary.txt").write_text("mine")
        with pytest.raises(
            BundleError, match=r"holds diary\.txt; only an empty directory or an earlier backtester agent"
        ):
            make_agent().save(tmp_path)
        archive.write(tmp_path / "other", "backtester checkpoint", 1, {}, {})
        with pytest.raises(BundleError, match="holds a backtester checkpoint, no backtester agent"):
            make_agent().save(tmp_path / "other")
        with pytest.raises(BundleError, match="there is a file of this name"):
            make_agent().save(tmp_path / "diary.txt")
        with pytest.raises(BundleError, match="does not exist; create it"):
            make_agent().save(tmp_path / "nowhere" / "agent")

    @pytest.mark.parametrize("before", [True, False])
    @pytest.mark.parametrize("nth", range(1, 7))
    def test_a_disk_that_is_full_at_any_moment_leaves_the_last_good_one(self, tmp_path, monkeypatch, nth, before):
        """A save syncs and renames the weights, syncs the directory, and does the same with the manifest: six calls."""
        folder = tmp_path / "agent"
        if before:
            make_agent(seed=0).save(folder)
        calls = []

        def full(function):
            def wrapped(*arguments):
                calls.append(function)
                if len(calls) == nth:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return function(*arguments)

            return wrapped

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full(os.fsync))
            patch.setattr(os, "replace", full(os.replace))
            with pytest.raises(BundleError, match="No space left on device") as told:
                make_agent(seed=1).save(folder)
        assert len(calls) == nth
        assert ("What was there before is unchanged" in str(told.value)) == (nth < 6)
        if nth == 6:  # the manifest is in its place, and the disk did not confirm that
            assert Agent.load(folder).policy.parameters.tobytes() == make_agent(seed=1).policy.parameters.tobytes()
        elif before:
            assert Agent.load(folder).policy.parameters.tobytes() == make_agent(seed=0).policy.parameters.tobytes()
            assert len(list(folder.iterdir())) == 2
        else:
            assert not folder.exists()
        make_agent(seed=2).save(folder)
        assert Agent.load(folder).policy.parameters.tobytes() == make_agent(seed=2).policy.parameters.tobytes()
        assert len(list(folder.iterdir())) == 2

    @pytest.mark.skipif(os.name == "nt", reason="no limits of this kind")
    def test_a_limit_of_the_system_is_told_and_leaves_the_last_good_one(self, bundle):
        """The kernel itself refuses to write more than 1,000 bytes to a file: no function of ours is replaced."""
        code = (
            "import resource, signal; from test_agents_bundle import make_agent; from envs.errors import BundleError\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); agent = make_agent(sizes=(2, 400), seed=1)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            f"try: agent.save({str(bundle)!r})\n"
            "except BundleError as error: print(error)"
        )
        done = in_process(code)
        assert "cannot be written: File too large. What was there before is unchanged" in done
        assert Agent.load(bundle).policy.parameters.tobytes() == make_agent().policy.parameters.tobytes()
        assert len(list(bundle.iterdir())) == 2

    @pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
    def test_a_process_that_is_killed_while_it_saves_leaves_a_whole_agent(self, tmp_path):
        """One process saves agent after agent to one place; it is killed in the midst of it, again and again."""
        folder = tmp_path / "agent"
        code = (
            "import itertools; from test_agents_bundle import make_agent\n"
            "agents = [make_agent(sizes=(2, 300, 300), seed=seed) for seed in range(3)]\n"
            f"for k in itertools.count():\n    agents[k % 3].save({str(folder)!r})\n    print(k, flush=True)"
        )
        known = {make_agent(sizes=(2, 300, 300), seed=seed).policy.parameters.tobytes() for seed in range(3)}
        for wait in (0.0, 0.003, 0.011):
            with subprocess.Popen(**in_process_arguments(code), stdout=subprocess.PIPE) as process:
                for _ in range(3):
                    process.stdout.readline()
                time.sleep(wait)
                process.send_signal(signal.SIGKILL)
            assert process.returncode == -signal.SIGKILL
            assert Agent.load(folder).policy.parameters.tobytes() in known
        make_agent(seed=9).save(folder)
        assert len(list(folder.iterdir())) == 2, "what the killed processes left is gone"


def in_process_arguments(code: str) -> dict:
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return {"args": [sys.executable, "-c", code], "env": {**os.environ, "PYTHONPATH": path}, "text": True}


def in_process(code: str) -> str:
    done = subprocess.run(**in_process_arguments(code), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
