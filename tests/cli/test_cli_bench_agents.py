"""`backtester bench-agents`: its files, its exit codes, its errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

CONFIG = """
    name: mine
    few_seeds: true
    seeds: [1, 2]
    resamples: 100
    tasks:
      - {id: backtester/Sine-v0, episodes: 8, copies: 4, algorithms: [{name: flat, total_timesteps: 10}]}
"""


class Flat:
    def predict(self, observation, deterministic=True):
        return np.ones(len(observation), np.int64)


@pytest.fixture
def trainer(monkeypatch):
    """Make agents that stay flat, in the place of trained ones."""
    from envs.benchmark import work

    calls = []

    def train(algo, env, **settings):
        calls.append((algo, settings["seed"]))
        return Flat()

    monkeypatch.setattr(work, "find_trainer", lambda name: train)
    return calls


def test_writes_a_document_and_a_page_and_shows_a_table(cli, trainer):
    path = cli.write("mine.yml", CONFIG)
    outcome = cli("bench-agents", path, "--out", "found", "--workers", "0")
    assert trainer == [("flat", 1), ("flat", 2)]
    assert "backtester/Sine" in outcome.stdout
    document = json.loads((cli.folder / "found" / "mine.json").read_text())
    assert document["command"].startswith("backtester")
    assert [run["score"] for run in document["tasks"][0]["algorithms"][0]["runs"]] == [0.0, 0.0]
    assert (cli.folder / "found" / "mine.html").read_text().startswith("<!doctype html>")
    cli("bench-agents", path, "--out", "found", "--workers", "0")
    assert len(trainer) == 2  # nothing was left to do


def test_a_failed_run_is_a_finding(cli, monkeypatch):
    from backtester.errors import BacktesterError
    from envs.benchmark import work

    def train(*_, **__):
        raise BacktesterError("the loss is NaN")

    monkeypatch.setattr(work, "find_trainer", lambda name: train)
    outcome = cli("bench-agents", cli.write("mine.yml", CONFIG), "--workers", "0", code=1)
    assert "the loss is NaN" in outcome.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nseeds: [1]\n", "10 are the least"),
        ("nam: x\n", "did you mean 'name'"),
        ("[", "not YAML"),
    ],
)
def test_a_wrong_config_is_one_line(cli, text, said):
    assert said in cli.error("bench-agents", cli.write("mine.yml", text))


def test_no_config(cli):
    assert "No such file" in cli.error("bench-agents", "absent.yml")
