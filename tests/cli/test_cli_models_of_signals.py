"""`backtester fit`, `predict` and `run --model`: the same as in Python, and one line for what is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from backtester import Bars, Costs, Result, run
from backtester.signals import (
    Features,
    Signal,
    WalkForward,
    direction,
    fit,
    forward_return,
    load_model,
    model_manifest,
    predict_out_of_sample,
)
from backtester.signals.plugins import model_named
from strategies.model import ModelStrategy
from strategies.rules import Threshold, VolatilityScaled

DATA = "sample:googl"
QUICK = ("--features", "rsi(14), log_return(5)", "--label", "forward_return(5)")
RIDGE = ("fit", DATA, "--model", "ridge(alpha=10.0)", *QUICK, "--rows", "..2010")


def bars_to(last: str) -> Bars:
    return Bars.sample("googl")[:last]


def write_early(cli) -> None:
    """Write bars that the ridge was fitted on, and no others, to early.csv."""
    bars = bars_to("2010")
    columns = {name: getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame(columns, bars.index).to_csv(cli.folder / "early.csv", index_label="date")


@pytest.fixture(scope="module")
def ridge(tmp_path_factory) -> str:
    """Return the folder of a ridge fitted on GOOGL to 2010, through the command."""
    from typer.testing import CliRunner

    from backtester.cli.app import app

    folder = str(tmp_path_factory.mktemp("models") / "ridge")
    outcome = CliRunner().invoke(app, [*RIDGE, "--out", folder], prog_name="backtester")
    assert outcome.exit_code == 0, outcome.output
    return folder


class TestFit:
    def test_it_fits_what_the_function_fits(self, ridge):
        bars = bars_to("2010")
        same = fit(model_named("ridge", alpha=10.0), ["rsi(14)", "log_return(5)"], forward_return(bars, 5), bars)
        loaded = load_model(ridge)
        assert loaded.trained_until == same.trained_until == bars.timestamps[-1]
        later = Bars.sample("googl")
        np.testing.assert_array_equal(loaded.predict(later).values, same.predict(later).values)

    def test_a_scheme_is_tested_before_and_its_metrics_are_kept(self, cli):
        scheme = ("--scheme", "walk_forward(train=200, test=100)")
        outcome = cli(*RIDGE, *scheme, "--out", "ridge", "--signal", "told", "--workers", "1")
        assert outcome.stdout.startswith("Ridge on forward_return(5)\n")
        assert outcome.stdout.endswith("Model written to ridge\nSignal written to told\n")
        bars = bars_to("2010")
        model = model_named("ridge", alpha=10.0)
        features = Features(["rsi(14)", "log_return(5)"])
        same = predict_out_of_sample(model, features, forward_return(bars, 5), bars, WalkForward(200, 100), workers=1)
        told = Signal.load(cli.folder / "told")
        np.testing.assert_array_equal(told.values, same.values)
        kept = model_manifest(cli.folder / "ridge")["metrics"]
        assert kept["ic"] == pytest.approx(same.metrics().overall["ic"], rel=1e-12)

    def test_a_file_says_the_same_and_an_option_goes_before_it(self, cli):
        cli.write(
            "fit.yml",
            """
            data: sample:googl
            model: {name: ridge, alpha: 3.0}
            features: ["rsi(14)", "log_return(5), log_return(1)"]
            label: forward_return(horizon=2)
            rows: ..2010
            scaler: none
            winsorise: 0.01
            select: mutual_information(keep=2)
            search: grid(alpha=[1.0, 100.0])
            seed: 4
            out: from_file
            """,
        )
        cli("fit", "--config", "fit.yml", "--label", "forward_return(3)", "--quiet")
        recipe = load_model(cli.folder / "from_file").recipe
        assert recipe.label_name == "forward_return(3)"
        assert recipe.features.names == ("rsi(14)", "log_return(5)", "log_return(1)")
        assert (recipe.scaler, recipe.clean.winsorise, recipe.select.keep) == (None, 0.01, 2)
        assert recipe.search.space == {"alpha": [1.0, 100.0]}
        assert recipe.seed == 4
        assert load_model(cli.folder / "from_file").learnt.settings["alpha"] in (1.0, 100.0)

    def test_json_tells_how_it_went(self, cli):
        told = cli.json(*RIDGE, "--scheme", "walk_forward(200, 100)", "--workers", "1")
        assert told["model"] is None
        assert told["out_of_sample"]["label"] == "forward_return(5)"
        assert set(told["out_of_sample"]["overall"]) >= {"ic", "mse"}

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], ["nothing to do: give --out DIR", "--scheme"]),
            (["--out", "m"], ["--model is required", "models list"]),
            (["--out", "m", "--model", "rigde"], ["there is no model 'rigde'", "did you mean 'ridge'?"]),
            (["--out", "m", "--model", "./ridge.py"], ["'./ridge.py' cannot be the name of a model"]),
            (["--out", "m", "--model", "os.system('true')"], ["neither a name nor a call"]),
            (["--out", "m", "--model", "ridge(10)"], ["given by name"]),
            (["--out", "m", "--model", "ridge(alhpa=1)"], ["has no setting 'alhpa'", "did you mean 'alpha'?"]),
            (["--out", "m", "--model", "ridge"], ["--label is required"]),
            (["--out", "m", "--model", "ridge", "--label", "forward(5)"], ["there is no label 'forward'"]),
            (["--out", "m", "--model", "ridge", "--label", "forward_return(hoirzon=5)"], ["did you mean 'horizon'?"]),
            (["--out", "m", "--model", "ridge", "--label", "meta_label(side)"], ["fit it in Python"]),
            (["--out", "m", "--model", "logistic", *QUICK], ["learns labels of the kind 'class'", "direction"]),
            (["--out", "m", "--model", "ridge", "--features", "rsy(14)"], ["there is no feature 'rsy'", "'rsi'"]),
            (["--out", "m", "--model", "ridge", "--features", "rsi(14"], ["is no list of names and calls"]),
            (["--scheme", "walkforward(1, 2)", "--model", "ridge", *QUICK], ["did you mean 'walk_forward'?"]),
            (["--scheme", "walk_forward(0, 2)", "--model", "ridge", *QUICK], ["train"]),
            (["--out", "m", "--model", "ridge", *QUICK, "--rows", "2030.."], ["--rows 2030..", "FROM..UNTIL"]),
            (["--out", "m", "--model", "ridge", *QUICK, "--select", "l2(5)"], ["no selection 'l2'"]),
            (["--out", "m", "--model", "ridge", *QUICK, "--search", "gird(alpha=[1])"], ["did you mean 'grid'?"]),
            (["--out", "m", "--model", "ridge", *QUICK, "--search", "grid([1])"], ["given by name: grid(alpha"]),
            (["--out", "m", "--model", "ridge", *QUICK, "--scaler", "standart"], ["did you mean 'standard'?"]),
            (["--out", "m", "--model", "ridge", *QUICK, "--winsorise", "0.7"], ["winsorise is 0.7"]),
            (["--out", "m", "--signal", "s"], ["--signal needs --scheme"]),
            (["--out", "hold.py", "--model", "ridge", *QUICK], ["hold.py: is a file"]),
            (["--config", "no.yml"], ["no.yml: No such file"]),
            (["--config", "hold.py"], ["hold.py: it"]),
        ],
    )
    def test_what_is_wrong_is_one_line(self, cli, words, said):
        message = cli.error("fit", DATA, *words)
        for word in said:
            assert word in message

    def test_a_key_of_the_file_that_is_none_is_named(self, cli):
        cli.write("fit.yml", "modle: ridge\n")
        assert "there is no 'modle'; did you mean 'model'?" in cli.error("fit", "--config", "fit.yml")

    def test_nothing_is_left_where_it_failed(self, cli):
        cli.error("fit", DATA, "--model", "ridge", "--label", "forward_return(5000)", "--out", "m")
        assert not (cli.folder / "m").exists()


class TestPredict:
    def test_every_value_is_written_in_long_form(self, cli, ridge):
        outcome = cli("predict", ridge, DATA, "--out", "signal.csv")
        assert outcome.stdout.endswith("Signal written to signal.csv\n")
        frame = pd.read_csv(cli.folder / "signal.csv")
        bars = Bars.sample("googl")
        same = load_model(ridge).predict(bars)
        told = np.isfinite(same.values[:, 0])
        assert frame["time"].tolist() == [f"{stamp:%Y-%m-%dT%H:%M:%SZ}" for stamp in bars.index[told]]
        assert set(frame["symbol"]) == {"GOOGL"}
        np.testing.assert_array_equal(frame["signal"], same.values[told, 0])

    def test_a_classifier_s_probabilities_are_written_too(self, cli):
        cli("fit", DATA, "--model", "logistic", "--label", "direction(5)", "--rows", "..2010", "--out", "m", "--quiet")
        cli("predict", "m", DATA, "--out", "signal.parquet", "--quiet")
        frame = pd.read_parquet(cli.folder / "signal.parquet")
        classes = direction(bars_to("2010"), 5).classes
        columns = [f"p({label:g})" for label in classes]
        assert list(frame.columns) == ["time", "symbol", "signal", *columns]
        np.testing.assert_allclose(frame[columns].sum(axis=1), 1.0, rtol=1e-12)
        np.testing.assert_allclose(frame[columns] @ np.array(classes), frame["signal"], atol=1e-12)

    def test_json_has_the_last_signal_and_the_drift(self, cli, ridge):
        told = cli.json("predict", ridge, DATA, "--drift")
        same = load_model(ridge).predict(Bars.sample("googl"))
        assert told["last"]["GOOGL"]["signal"] == same.values[-1, 0]
        assert set(told["drift"]) == {"rsi(14)", "log_return(5)"}
        assert "drift from the training range" in cli("predict", ridge, DATA, "--drift").stdout.lower()

    def test_what_it_was_fitted_on_is_left_out_unless_it_is_asked_for(self, cli, ridge):
        write_early(cli)
        assert "says nothing of these bars" in cli.error("predict", ridge, "early.csv")
        assert "no evidence of anything" in cli("predict", ridge, "early.csv", "--in-sample").stdout

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["no", DATA], ["no"]),
            (["hold.py", DATA], ["hold.py"]),
            (["RIDGE", DATA, "--out", "s.txt"], ["must end in .csv or .parquet"]),
            (["RIDGE", DATA, "--out", "no/s.csv"], ["there is no folder"]),
            (["RIDGE", DATA, "--out", "prices.csv"], ["there is such a file; --force replaces it"]),
            (["RIDGE"], ["Missing argument"]),
        ],
    )
    def test_what_is_wrong_is_one_line(self, cli, ridge, words, said):
        message = cli.error("predict", *[ridge if word == "RIDGE" else word for word in words])
        for word in said:
            assert word in message


class TestRun:
    def test_it_trades_the_bars_after_the_training(self, cli, ridge):
        words = (
            "--rule",
            "volatility_scaled(target=0.2, rule=threshold(enter=0.002, leave=0.0))",
            "--commission",
            "0.001",
            "--set",
            "band=0.1",
        )
        cli("run", "--model", ridge, "--data", DATA, *words, "--out", "tables", "--quiet")
        found = Result.load(cli.folder / "tables")
        bars, fitted = Bars.sample("googl"), load_model(ridge)
        first = int(np.searchsorted(bars.timestamps, fitted.trained_until, "right"))
        assert found.bars.n_bars == bars.n_bars - first + 1
        strategy = ModelStrategy(signal=fitted, rule=VolatilityScaled(0.2, rule=Threshold(0.002, 0.0)), band=0.1)
        same = run(strategy, bars, costs=Costs(commission=0.001))
        assert len(same.fills) > 10
        np.testing.assert_array_equal(found.tables.equity[1:], same.tables.equity[first:])
        assert found.manifest["about"]["rule"].startswith("VolatilityScaled(target=0.2, window=20, cap=2.0, rule=")

    def test_bars_it_was_fitted_on_alone_are_refused(self, cli, ridge):
        write_early(cli)
        message = cli.error("run", "--model", ridge, "--data", "early.csv")
        assert "no value in the bars from" in message
        assert "fitted on bars up to 2010-12-31" in message

    def test_a_function_of_a_file_is_a_rule(self, cli, ridge):
        cli.write("mine.py", "def half(ctx, a, value, state):\n    return 0.5 if value > 0.0 else 0.0\n")
        told = cli.json("run", "--model", ridge, "--data", DATA, "--rule", "mine.py:half")
        assert told["manifest"]["parameters"]["rule"] == "mine.half"
        assert told["manifest"]["mode"] == "compiled"
        assert "did you mean 'half'?" in cli.error("run", "--model", ridge, "--data", DATA, "--rule", "mine.py:hafl")

    def test_an_error_of_the_user_s_rule_is_shown_with_its_line(self, cli, ridge):
        cli.write("mine.py", "def bad(ctx, a, value, state):\n    return state[99]\n")
        outcome = cli("run", "--model", ridge, "--data", DATA, "--rule", "mine.py:bad", code=3)
        assert "return state[99]" in outcome.stderr
        assert "strategies/rules" not in outcome.stderr

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--data", DATA], ["no strategy: give FILE[:CLASS], or --model DIR"]),
            (["hold.py", "--data", DATA, "--rule", "sign"], ["--rule is about a model"]),
            (["hold.py", "--data", DATA, "--model", "RIDGE"], ["a run has one strategy"]),
            (["--data", DATA, "--model", "RIDGE", "--rule", "sing"], ["no rule 'sing'", "did you mean 'sign'?"]),
            (["--data", DATA, "--model", "RIDGE", "--rule", "kelly(fraction=2)"], ["at most 1"]),
            (["--data", DATA, "--model", "RIDGE", "--set", "signal=x"], ["signal is not set here"]),
            (["--data", DATA, "--model", "RIDGE", "--set", "bnad=1"], ["no parameter 'bnad'", "did you mean 'band'?"]),
            (["--data", DATA, "--model", "RIDGE", "--set", "band=2.0"], ["band is 2.0", "below 1"]),
            (["--data", DATA, "--model", "no"], ["no"]),
        ],
    )
    def test_what_is_wrong_is_one_line(self, cli, ridge, words, said):
        message = cli.error("run", *[ridge if word == "RIDGE" else word for word in words])
        for word in said:
            assert word in message
