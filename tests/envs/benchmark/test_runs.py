"""A benchmark of fake agents: its scores, its alarms, what it keeps, and how it goes on after a stop."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_trainer
import pytest

from envs.benchmark.alarms import POOLED
from envs.benchmark.config import config_of
from envs.benchmark.curves import read_curve, thinned
from envs.benchmark.openings import note_opening, opened, read_openings
from envs.benchmark.pool import BenchmarkError, run_all
from envs.benchmark.results import alarms
from envs.benchmark.run import run_benchmark
from envs.benchmark.work import Place, units_of

HERE = str(Path(__file__).resolve().parent)
TRAINER = "fake_trainer:train"


def config(*algorithms, task="backtester/Sine-v0", seeds=(3, 4, 5), reach=None, **more):
    listed = [{"name": name, "total_timesteps": 500, "reach": reach} for name in algorithms]
    task = {"id": task, "algorithms": listed, "episodes": 32, "copies": 8, **more}
    return config_of({"name": "fakes", "seeds": list(seeds), "few_seeds": True, "tasks": [task], "resamples": 200})


@pytest.fixture(autouse=True)
def no_calls():
    fake_trainer.CALLS.clear()


def run(config, folder, **more):
    return run_benchmark(config, folder, workers=0, trainer=TRAINER, command="the command", **more)


def test_the_score_of_the_optimum_is_one_and_that_of_being_flat_is_none(tmp_path):
    document, _ = run(config("best", "still", seeds=(1, 4, 7), reach=0.99), tmp_path)
    best, still = document["tasks"][0]["algorithms"]
    # every start of the sine is a phase of its own, so a mean over 32 episodes of 256 steps is near the optimum
    assert best["score"]["value"] == pytest.approx(1.0, abs=0.02)
    assert [run["score"] for run in still["runs"]] == [0.0, 0.0, 0.0]  # seeds 1, 4, 7 stay at action 1: flat
    assert still["score"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert (best["met"], still["met"]) == (best["score"]["low"] >= 0.99, False)
    assert still["degenerate"] == [f"seed {s}: always the same: action 1 in 100.0 % of its steps" for s in (1, 4, 7)]
    assert best["degenerate"] == []


def test_the_trainer_gets_what_the_config_says(tmp_path):
    run(config("best", settings={"episode_length": 64}), tmp_path)
    assert [call["seed"] for call in fake_trainer.CALLS] == [3, 4, 5]
    assert fake_trainer.CALLS[0] == {
        "algo": "best",
        "env": ("backtester/Sine-v0", {"episode_length": 64}),
        "steps": 500,
        "seed": 3,
        "hyper": None,
    }


def test_the_best_of_the_validations_is_asked_for_where_the_config_says_so(tmp_path):
    asked = config("best", seeds=(3, 4))
    listed = (dataclasses.replace(asked.tasks[0].algorithms[0], validation_episodes=64),)
    validated = dataclasses.replace(asked, tasks=(dataclasses.replace(asked.tasks[0], algorithms=listed),))
    assert units_of(asked)[0].digest != units_of(validated)[0].digest
    document, _ = run(validated, tmp_path)
    assert document["tasks"][0]["algorithms"][0]["validation_episodes"] == 64
    assert "best of its validations" in (tmp_path / "fakes.html").read_text(encoding="utf-8")
    assert fake_trainer.CALLS[0]["validation"] == ("backtester/Sine-v0", {})
    assert fake_trainer.CALLS[0]["validation_episodes"] == 64
    told = [json.loads(line) for line in (tmp_path / "fakes.runs.jsonl").read_text().splitlines()]
    assert [one["checkpoint"] for one in told] == ["validation best", "validation best"]


def test_learning_curves_and_every_seed_are_in_the_document(tmp_path):
    document, files = run(config("best"), tmp_path)
    runs = document["tasks"][0]["algorithms"][0]["runs"]
    assert [one["seed"] for one in runs] == [3, 4, 5]
    assert runs[0]["curve"] == [[100.0, 0.1], [200.0, 0.2], [300.0, 0.3], [400.0, 0.4], [500.0, 0.5]]
    assert json.loads(files.json.read_text())["tasks"][0]["algorithms"][0]["runs"][2]["seed"] == 5


def test_who_earns_nothing_on_a_martingale_rings_no_alarm(tmp_path):
    chosen = config("chance", "still", task="backtester/Martingale-v0", seeds=range(6), leak_alarm=True)
    document, _ = run(chosen, tmp_path)
    found = document["tasks"][0]["alarms"]
    assert [one["name"] for one in found] == ["chance", "still", POOLED]
    assert not any(one["alarm"] for one in found)
    assert document["tasks"][0]["algorithms"][0]["score"] is None
    assert document["profiles"] == []


def test_the_optimum_itself_is_not_above_the_optimum(tmp_path):
    document, _ = run(config("best", "half", seeds=range(4)), tmp_path)
    found = {one["name"]: one for one in document["tasks"][0]["alarms"]}
    assert found["best"]["mean"] == 0.0  # compared on the same random numbers
    assert found["half"]["mean"] < 0.0
    assert alarms(document) == []


def test_an_agent_above_the_optimum_rings(tmp_path, monkeypatch):
    import envs
    from envs.tasks.sine import SineCore

    core = envs.make("backtester/Sine-v0", 1)
    best = core.optimal_policy()
    monkeypatch.setattr(SineCore, "optimal_policy", lambda self: lambda o: 2 - best(o))  # the worst, taken for the best
    monkeypatch.setattr(fake_trainer.FakeAgent, "predict", lambda self, o, deterministic=True: best(o))
    document, _ = run(config("still", seeds=range(4)), tmp_path)
    assert document["tasks"][0]["alarms"][0]["alarm"]
    assert alarms(document)[0].startswith("backtester/Sine-v0: still better than the optimum")


def test_a_failed_training_is_told_and_reaches_nothing(tmp_path):
    document, _ = run(config("best", "broken", reach=0.0), tmp_path)
    best, broken = document["tasks"][0]["algorithms"]
    assert (best["met"], broken["met"], broken["failed"], broken["score"]) == (True, None, 3, None)
    assert alarms(document) == [
        f"failed: backtester/Sine-v0: broken, seed {seed}: BacktesterError: the loss is NaN at step 17"
        for seed in (3, 4, 5)
    ]


def test_what_is_finished_is_not_done_again(tmp_path):
    first, files = run(config("best"), tmp_path)
    assert len(fake_trainer.CALLS) == 3
    again, _ = run(config("best"), tmp_path)
    assert len(fake_trainer.CALLS) == 3
    assert again == first
    more, _ = run(config("best", "still"), tmp_path)  # another algorithm: only its runs are new
    assert [call["algo"] for call in fake_trainer.CALLS[3:]] == ["still"] * 3
    run(config("best", episodes=40), tmp_path)  # other runs: none of the old ones count
    assert len(fake_trainer.CALLS) == 9
    run(config("best", episodes=40, reach=0.5), tmp_path)  # what is judged afterwards changes no run
    assert len(fake_trainer.CALLS) == 9
    assert more["tasks"][0]["algorithms"][0] == first["tasks"][0]["algorithms"][0]
    assert files.runs.read_text().count("\n") == 9


def test_failed_runs_are_tried_again(tmp_path):
    run(config("broken"), tmp_path)
    run(config("broken"), tmp_path)
    assert len(fake_trainer.CALLS) == 6


def test_a_line_that_a_kill_has_cut_off_is_done_again(tmp_path):
    first, files = run(config("best"), tmp_path)
    text = files.runs.read_bytes()
    files.runs.write_bytes(text[:-40])
    again, _ = run(config("best"), tmp_path)
    assert len(fake_trainer.CALLS) == 4
    values = [[one["value"] for one in d["tasks"][0]["algorithms"][0]["runs"]] for d in (first, again)]
    assert values[0] == values[1]
    fake_trainer.CALLS.clear()
    run(config("best"), tmp_path)  # the line after the torn one can be read
    assert fake_trainer.CALLS == []


def test_runs_are_listed_seed_by_seed():
    keys = [(unit.seed, unit.algorithm) for unit in units_of(config("best", "still"))]
    assert keys == [(3, "best"), (3, "still"), (4, "best"), (4, "still"), (5, "best"), (5, "still")]


def test_agents_are_kept_where_that_is_wanted(tmp_path):
    _, files = run(config("best"), tmp_path, keep_agents=True)
    assert len(list(files.agents.iterdir())) == 3
    assert (next(files.agents.iterdir()) / "agent.txt").read_text() == "best"


class TestProcesses:
    @pytest.fixture(autouse=True)
    def importable(self, monkeypatch):
        monkeypatch.syspath_prepend(HERE)  # a spawned process has the path of its parent

    def test_give_the_same_records_in_the_same_order(self, tmp_path):
        chosen = config("best", "chance")
        place = Place(str(tmp_path / "o.jsonl"), None, TRAINER)
        here = run_all(chosen, tmp_path / "a.jsonl", place, workers=0)
        there = run_all(chosen, tmp_path / "b.jsonl", place, workers=2)
        timed = ("seconds", "train_seconds")
        plain = [[{k: v for k, v in one.items() if k not in timed} for one in records] for records in (here, there)]
        assert plain[0] == plain[1]

    def test_one_that_dies_again_and_again_leaves_what_was_finished(self, tmp_path):
        chosen = config("best", "dies", seeds=(3, 4))
        place = Place(str(tmp_path / "o.jsonl"), None, TRAINER)
        with pytest.raises(BenchmarkError, match="goes on with the runs that are not finished"):
            run_all(chosen, tmp_path / "a.jsonl", place, workers=1)
        kept = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
        assert [one["key"] for one in kept] == ["backtester/Sine-v0: best, seed 3"]


INTERRUPTED = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from envs.benchmark.pool import run_all
from envs.benchmark.work import Place
from test_runs import config
if __name__ == "__main__":
    place = Place({folder!r} + "/o.jsonl", None, "fake_trainer:train")
    run_all(config("best", "sleeps", seeds=(3, 4)), Path({folder!r}) / "runs.jsonl", place, workers=2)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_keeps_what_is_finished_and_leaves_nobody_running(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED.format(here=HERE, folder=str(tmp_path)))
    started = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True, start_new_session=True)
    runs = tmp_path / "runs.jsonl"
    for _ in range(1_200):  # spawned processes import, and may have to compile
        if started.poll() is not None or (runs.exists() and runs.read_text().count("\n")):
            break
        time.sleep(0.1)
    os.kill(started.pid, signal.SIGINT)
    _, errors = started.communicate(timeout=60)  # not the ten minutes of a training
    assert "KeyboardInterrupt" in errors
    kept = [json.loads(line)["key"] for line in runs.read_text().splitlines()]
    assert kept[0] == "backtester/Sine-v0: best, seed 3"
    assert gone(started.pid)


def gone(group: int) -> bool:
    """Return whether a group of processes has none left, within a few seconds; the last ones clean up."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_progress_is_told(tmp_path):
    told = []
    run(config("best", seeds=(3, 4)), tmp_path, progress=lambda *what: told.append(what))
    assert told == [(1, 2, "backtester/Sine-v0: best, seed 3"), (2, 2, "backtester/Sine-v0: best, seed 4")]


class TestOpenings:
    def test_are_added_and_counted(self, tmp_path):
        path = tmp_path / "openings.jsonl"
        assert read_openings(path) == []
        for seed in (1, 2, 1):
            note_opening(path, data="d", first="a", last="b", algorithm="ppo", seed=seed, config=str(seed))
        found = read_openings(path)
        assert [one["seed"] for one in found] == [1, 2, 1]
        assert opened(found) == {("d", "a", "b", "ppo", 1): 2, ("d", "a", "b", "ppo", 2): 1}
        assert all(one["at"].endswith("+00:00") for one in found)


class TestCurves:
    def test_columns_of_stable_baselines_are_known(self, tmp_path):
        (tmp_path / "progress.csv").write_text(
            "time/total_timesteps,rollout/ep_rew_mean,other\n100,,1\n200,0.5,1\n300,nan,2\n400,0.75,x\n"
        )
        assert read_curve(tmp_path) == [[200.0, 0.5], [400.0, 0.75]]

    def test_nothing_logged(self, tmp_path):
        assert read_curve(tmp_path) == []
        (tmp_path / "a.csv").write_text("a,b\n1,2\n")
        assert read_curve(tmp_path) == []

    def test_many_points_are_thinned_to_the_ends(self):
        points = [[float(i), 0.0] for i in range(1_000)]
        found = thinned(points, 5)
        assert [x for x, _ in found] == [0.0, 250.0, 500.0, 749.0, 999.0]


def test_importing_the_benchmark_loads_no_learner():
    code = (
        "import sys, envs.benchmark, envs.benchmark.run; "
        "print({'torch', 'stable_baselines3', 'pandas'} & {n.partition('.')[0] for n in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_records_say_what_they_are():
    unit = units_of(config("best"))[0]
    assert dataclasses.asdict(unit)["kind"] == "task"
    assert unit.key == "backtester/Sine-v0: best, seed 3"
