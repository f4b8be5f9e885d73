"""`backtester models list`: a line for each model, and all of one."""

from __future__ import annotations

import inspect

from strategies import models


def test_every_shipped_model_is_listed(cli):
    found = {entry["name"]: entry for entry in cli.json("models", "list")["models"]}
    assert set(found) >= set(models.SHIPPED)
    for name, target in models.SHIPPED.items():
        kind = getattr(models, target.partition(":")[2])
        entry = found[name]
        assert (entry["class"], entry["package"], entry["problem"]) == (target, "backtester", None)
        assert entry["summary"] == inspect.cleandoc(kind.__doc__).partition("\n\n")[0].replace("\n", " ")
        assert list(entry["settings"]) == list(kind().get_params(deep=False)) or set(entry["settings"]) == set(
            kind().get_params(deep=False)
        )
        assert len(entry["source"]) > 40, name
        assert entry["learns"] == (["class"] if hasattr(kind, "predict_proba") else entry["learns"])
    assert found["lstm"]["lookback"] == found["lstm"]["settings"]["lookback"] == 8
    assert found["ridge"]["lookback"] is None
    assert found["direct_sharpe"]["learns"] == ["return"]


def test_a_line_for_each_and_the_whole_of_one(cli):
    lines = cli("models", "list").stdout.splitlines()
    assert lines[0].split() == ["model", "learns", "lookback", "package", "what", "it", "is"]
    (ridge,) = [line for line in lines if line.startswith("ridge ")]
    assert "return, class" in ridge
    text = cli("models", "list", "ridge").stdout
    assert text.startswith("ridge -> strategies.models.ridge:Ridge\n")
    assert "  settings  alpha=100.0\n" in text
    assert "  source    Arthur Hoerl and Robert Kennard" in text


def test_a_name_that_is_not_there_and_a_path_are_one_line(cli):
    assert cli.error("models", "list", "rigde").startswith("there is no model 'rigde'; did you mean 'ridge'?")
    assert "never from a path" in cli.error("models", "list", "./ridge.py")
