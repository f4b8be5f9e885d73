"""The manifest: what it takes to repeat a run, in plain JSON, and nothing about the machine's user."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import numba
import numpy as np
import pytest
from few_bars import FLAT, Script, market, play

from backtester import Account, Bars, Costs, Execution, Strategy, run


@numba.njit
def tiered(price, quantity):
    return 0.001 * price * quantity


class Plain(Strategy):
    """Has parameters of every plain kind."""

    fast: int = 10
    ratio: float = 0.5
    on: bool = True
    name: str = "x"
    table: tuple = (1, 2.5)

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, 1.0)


class NotCompilable(Strategy):
    """Reads a file in `on_bar`, which machine code cannot."""

    def on_bar(self, ctx):
        if ctx.t == 1:
            open(__file__).close()


def plain_run(**settings):
    return run(Plain(fast=7), market([FLAT] * 4), mode="interpreted", seed=3, **settings)


def test_it_holds_strategy_parameters_settings_seed_and_mode():
    manifest = plain_run(cash=500.0, risk_free=0.01).manifest
    assert manifest["strategy"] == "Plain"
    assert manifest["parameters"] == {"fast": 7, "ratio": 0.5, "on": True, "name": "x", "table": [1, 2.5]}
    assert (manifest["seed"], manifest["mode"], manifest["interrupted"], manifest["first_bar"]) == (
        3,
        "interpreted",
        False,
        1,
    )
    assert manifest["settings"]["cash"] == 500.0
    assert manifest["settings"]["risk_free"] == 0.01
    assert manifest["settings"]["account"]["leverage"] == 1.0
    assert manifest["settings"]["execution"]["max_participation"] == "inf"


class Talkative(Plain):
    """Has something to say of itself."""

    def manifest_facts(self):
        return {"source": np.float64(0.5), "warnings": ["its data are invented."]}


def test_it_holds_what_the_strategy_says_of_itself_and_warnings_are_shown():
    result = run(Talkative(), market([FLAT] * 4), mode="interpreted")
    assert result.manifest["about"] == {"source": 0.5, "warnings": ["its data are invented."]}
    assert "! Its data are invented." in str(result)
    assert "about" not in plain_run().manifest


class Described:
    def described(self):
        return "a thing, 3f2a"


def test_what_can_describe_itself_is_its_own_words():
    class Holder(Plain):
        thing: object = None

    assert run(Holder(thing=Described()), market([FLAT] * 4), mode="interpreted").manifest["parameters"]["thing"] == (
        "a thing, 3f2a"
    )


def test_it_holds_the_identity_of_the_data_and_the_versions():
    result = plain_run()
    data = result.manifest["data"]
    assert data == {
        "name": "by hand",
        "symbols": ["A0"],
        "n_bars": 4,
        "first": "1970-01-02 00:00:00+00:00",
        "last": "1970-01-05 00:00:00+00:00",
        "content_hash": result.bars.content_hash,
    }
    assert {"backtester", "python", "numpy", "numba", "llvmlite", "pandas", "platform"} == set(
        result.manifest["versions"]
    )
    assert result.manifest["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    "settings",
    [
        {"costs": Costs(commission=tiered)},
        {"costs": Costs(spread={"A0": np.float64(0.01)}, slippage=[0.001])},
        {"account": Account(lot_size=np.array([1.0]), allow_short=np.bool_(False)), "close_at_end": np.bool_(True)},
        {"execution": Execution(latency_bars=np.int64(1)), "benchmark": np.array([1.0, 2.0, 3.0, 4.0])},
        {"benchmark": market([FLAT] * 4)},
    ],
)
def test_it_is_plain_json_whatever_the_settings(settings):
    manifest = plain_run(**settings).manifest
    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest


def test_bools_of_numpy_are_bools():
    manifest = plain_run(account=Account(allow_short=np.bool_(False))).manifest
    assert manifest["settings"]["account"]["allow_short"] is False


def test_a_commission_function_is_named():
    costs = plain_run(costs=Costs(commission=tiered)).manifest["settings"]["costs"]
    assert costs["commission"].endswith("test_manifest.tiered")


def test_the_source_hash_is_that_of_the_class():
    assert len(plain_run().manifest["source_hash"]) == 64
    assert plain_run().manifest["source_hash"] != play([FLAT] * 4, {}).manifest["source_hash"]


def test_the_source_is_read_once_per_class(monkeypatch):
    first = plain_run().manifest["source_hash"]
    monkeypatch.setattr("inspect.getsource", None)
    assert plain_run().manifest["source_hash"] == first


def test_it_names_no_folder_and_no_user():
    with pytest.warns(UserWarning, match="running interpreted"):
        result = run(NotCompilable, market([FLAT] * 4))
    manifest = result.manifest
    assert "test_manifest.py:" in manifest["interpreted_because"]
    text = json.dumps(manifest)
    assert str(Path(__file__).parent) not in text
    assert str(Path.home()) not in text
    assert "/home/" not in text
    assert f"/{getpass.getuser()}/" not in text


def test_a_file_of_bars_is_named_without_its_folder(tmp_path):
    market([FLAT] * 4).to_parquet(tmp_path / "prices.parquet")
    bars = Bars.from_parquet(tmp_path / "prices.parquet")
    result = run(Script(script={}), bars, mode="interpreted")
    assert result.manifest["data"]["name"] == "prices.parquet"
    assert str(tmp_path) not in json.dumps(result.manifest)


def test_every_look_is_at_a_copy_of_the_facts():
    result = plain_run()
    result.manifest["settings"]["account"]["leverage"] = 99.0
    assert result._facts["settings"]["account"]["leverage"] == 1.0
