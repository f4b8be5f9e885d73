"""`backtester train` and `backtester evaluate`."""

from __future__ import annotations

import json

import pytest

from backtester import Account, Bars, Costs, Execution, run
from envs.agents import Agent, evaluate, train

SINE = "backtester/Sine-v0"
SMALL = {"n_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 1, "net": [8]}
WORDS = [word for name, value in SMALL.items() for word in ("--hyper", f"{name}={value}")]
QUICK = ("--steps", "1024", *WORDS)


@pytest.fixture(scope="module")
def market(tmp_path_factory) -> str:
    """Return the folder of an agent trained on a sample, through the command."""
    from typer.testing import CliRunner

    from backtester.cli.app import app

    folder = str(tmp_path_factory.mktemp("agents") / "sp500")
    words = ["train", "ppo", "--data", "sample:sp500", "--until", "2004", "--validate-until", "2006", "--out", folder]
    words += ["--commission", "0.001", "--cash", "50000", "--latency", "1", "--set", "window=4", *QUICK, "--json"]
    outcome = CliRunner().invoke(app, words, prog_name="backtester")
    assert outcome.exit_code == 0, outcome.output
    return folder


class TestTrain:
    def test_it_trains_what_the_function_trains(self, cli):
        outcome = cli("train", "ppo", SINE, *QUICK, "--seed", "3", "--set", "period=16", "--out", "agent")
        assert outcome.stdout.startswith(f"ppo in {SINE}, seed 3: complete after ")
        assert outcome.stdout.endswith("Agent written to agent\n")
        agent = Agent.load(cli.folder / "agent")
        same = train("ppo", (SINE, {"period": 16}), total_timesteps=1024, seed=3, hyperparameters=SMALL, progress=False)
        assert agent.policy.parameters.tobytes() == same.policy.parameters.tobytes()
        assert agent.environment == same.environment

    def test_json_tells_how_it_went(self, cli):
        told = cli.json("train", "ppo", SINE, *QUICK, "--out", "agent")
        assert told["steps"] == told["total_timesteps"] == 1024
        assert (told["algorithm"], told["ended"], told["chosen"], told["out"]) == ("ppo", "complete", "last", "agent")

    def test_a_checkpoint_is_resumed(self, cli):
        cli("train", "ppo", SINE, *QUICK, "--checkpoint", "kept", "--log", "log", "--out", "agent", "--quiet")
        again = ("train", "ppo", SINE, *QUICK, "--checkpoint", "kept", "--out", "agent")
        assert "resume=True goes on" in cli.error(*again)
        assert "complete" in cli(*again, "--resume").stdout
        assert (cli.folder / "log" / "progress.csv").exists()

    def test_on_bars_it_has_costs_and_ranges_and_validation_sees_with_the_training_s_scaler(self, market):
        agent = Agent.load(market)
        settings = agent.environment["settings"]
        bars = Bars.sample("sp500")
        assert settings["costs"]["commission"] == 0.001
        assert (settings["cash"], settings["execution"]["latency_bars"], settings["window"]) == (50_000.0, 1, 4)
        assert (settings["start"], settings["end"]) == (0, bars[:"2004"].n_bars)
        assert agent.data_hash == bars.content_hash
        assert agent.training["chosen"] == "validation best"
        assert len(agent.training["validation"]) >= 2
        # the scaler is fitted on the warm bars up to 2004 alone: one that had seen the validation is another
        from backtester.signals import Features, Scaler

        features = Features.default()
        raw = features.compute(bars)
        wanted = Scaler.fit(raw, rows=slice(features.warmup(raw), settings["end"]), names=features.names)
        assert agent.scaler["spec"]["centre"] == pytest.approx(wanted.centre.tolist())

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("ppo", SINE), "--out DIR is required"),
            (("ppo", "--out", "x"), "no data: give --data"),
            (("pp", SINE, "--out", "x"), "there is no algorithm 'pp'; did you mean 'ppo'"),
            (("ppo", "backtester/Sin-v0", "--out", "x"), "did you mean 'backtester/Sine-v0'"),
            (("ppo", SINE, "--set", "perid=3", "--out", "x"), "did you mean 'period'"),
            (("ppo", SINE, "--set", "period", "--out", "x"), "write --set NAME=VALUE"),
            (("ppo", SINE, "--set", "period=[1", "--out", "x"), "--set period=[1: the value cannot be read"),
            (("ppo", SINE, "--hyper", "gama=1", "--out", "x"), "did you mean 'gamma'"),
            (("ppo", SINE, "--commission", "0.1", "--out", "x"), "--commission is about a market"),
            (("ppo", SINE, "--until", "2010", "--out", "x"), "--until is about a market"),
            (("ppo", SINE, "--resume", "--out", "x"), "need checkpoint_dir="),
            (("ppo", SINE, "--data", "sample:sp500", "--out", "x"), "has a market of its own; leave out --data"),
            (("ppo", "--data", "sample:sp500", "--validate-until", "2010", "--out", "x"), "needs --until"),
            (
                ("ppo", "--data", "sample:sp500", "--until", "2012", "--validate-until", "2010", "--out", "x"),
                "--validate-until 2010 is not after --until 2012",
            ),
            (("ppo", SINE, "--out", "hold.py"), "hold.py: is a file; name a folder"),
            (("ppo", SINE, "--out", "."), "only an empty directory or an earlier backtester agent is written over"),
        ],
    )
    def test_what_is_wrong_is_one_line_before_anything_is_trained(self, cli, words, told):
        assert told in cli.error("train", *words)

    def test_a_library_that_is_missing_is_named(self, cli, monkeypatch):
        import sys

        monkeypatch.delitem(sys.modules, "envs.agents.train")
        monkeypatch.setitem(sys.modules, "gymnasium.spaces", None)
        message = cli.error("train", "ppo", SINE, "--out", "x")
        assert "train needs gymnasium" in message
        assert "pip install 'backtester[rl]'" in message


class TestEvaluate:
    def test_episodes_of_its_own_environment_beside_the_optimum(self, cli):
        cli("train", "ppo", SINE, *QUICK, "--set", "period=16", "--out", "agent", "--quiet")
        told = cli.json("evaluate", "agent", "--episodes", "7", "--seed", "5")
        found = evaluate(Agent.load(cli.folder / "agent"), (SINE, {"period": 16}), episodes=7, seed=5)
        assert (told["mean_return"], told["standard_error"]) == (found.mean, found.error)
        assert told["reward_per_step"] == found.per_step
        # a wave of 16 steps and amplitude 10: who always holds the right side earns 10 · 4 per turn of 16 steps,
        # less what is lost where a turn falls between two steps
        assert 0.9 * 2.5 < told["optimum_per_step"] <= 2.5
        table = cli("evaluate", "agent", "--episodes", "7", "--seed", "5").stdout
        assert "Agent(ppo, backtester/Sine-v0 after 1,024 steps)" in table
        assert f"{found.mean:,.6g}" in table

    def test_on_bars_it_is_a_backtest_with_the_costs_of_the_training(self, cli, market):
        from strategies.agent import AgentStrategy

        told = cli.json("evaluate", market, "--data", "sample:sp500", "--from", "2007", "--until", "2008")
        strategy = AgentStrategy(agent=market, start="2007")
        account = {"cash": 50_000.0, "costs": Costs(commission=0.001), "account": Account()}
        result = run(strategy, Bars.sample("sp500")[:"2008"], execution=Execution(latency_bars=1), **account)
        assert told["metrics"]["final_equity"] == result.metrics["final_equity"]
        dearer = cli.json("evaluate", market, "--data", "sample:sp500", "--until", "2008", "--commission", "0.01")
        assert dearer["manifest"]["settings"]["costs"]["commission"] == 0.01
        assert dearer["manifest"]["settings"]["cash"] == 50_000.0

    def test_its_report_and_tables_are_written(self, cli, market):
        words = ("--data", "sample:sp500", "--until", "2002", "--report", "a.html", "--out", "tables", "--quiet")
        cli("evaluate", market, *words)
        assert "<html" in (cli.folder / "a.html").read_text(encoding="utf-8")
        assert json.loads((cli.folder / "tables" / "manifest.json").read_text())["kind"] == "backtester result"

    def test_what_is_wrong_is_one_line(self, cli, market):
        assert "no such directory" in cli.error("evaluate", "nothing")
        assert "no data: an agent of a market is evaluated on bars" in cli.error("evaluate", market)
        assert "--episodes has no meaning here" in cli.error(
            "evaluate", market, "--data", "sample:sp500", "--episodes", "3"
        )
        assert "--commission is about a market" in cli.error("evaluate", market, SINE, "--commission", "1")
        assert "the agent observes" in cli.error("evaluate", market, SINE)
