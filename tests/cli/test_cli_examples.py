"""`backtester examples`: all of them are copied or none, and nothing is replaced unasked."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from backtester.cli import examples
from backtester.errors import BacktesterError, SettingsError

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {path.name for path in (ROOT / "examples").glob("*.py")}
NOTEBOOKS = {f"notebooks/{path.name}" for path in (ROOT / "examples" / "notebooks").glob("*.ipynb")}


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_example_is_copied_as_it_is_and_named_with_what_it_shows(cli):
    before = {path.name for path in cli.folder.iterdir()}
    printed = cli("examples", "mine").stdout
    assert tree(cli.folder / "mine") == SCRIPTS | NOTEBOOKS
    for name in SCRIPTS | NOTEBOOKS:
        assert (cli.folder / "mine" / name).read_bytes() == (ROOT / "examples" / name).read_bytes()
        assert name in printed
    assert "An entry with a stop loss and a take profit" in printed
    assert "python mine/01_first_backtest.py" in printed
    assert {path.name for path in cli.folder.iterdir()} == before | {"mine"}


def test_as_json_it_lists_what_was_copied(cli):
    document = cli.json("examples", "mine")
    assert {entry["file"] for entry in document["examples"]} == SCRIPTS | NOTEBOOKS
    assert all(entry["is"] for entry in document["examples"])


def test_a_file_that_is_there_stops_it_before_anything_is_copied(cli):
    folder = cli.folder / "examples"
    folder.mkdir()
    (folder / "03_bracket.py").write_text("mine\n")
    assert "03_bracket.py: is there already; name another folder" in cli.error("examples")
    assert tree(folder) == {"03_bracket.py"}
    assert (folder / "03_bracket.py").read_text() == "mine\n"
    cli("examples", "--force")
    assert (folder / "03_bracket.py").read_bytes() == (ROOT / "examples" / "03_bracket.py").read_bytes()


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="is a file"):
        examples.copy_all(ROOT / "examples", ["01_first_backtest.py"], tmp_path / "file", False)
    with pytest.raises(SettingsError, match="there is no folder"):
        examples.copy_all(ROOT / "examples", ["01_first_backtest.py"], tmp_path / "no" / "where", False)
    with pytest.raises(SettingsError, match="is where the examples come from"):
        examples.copy_all(ROOT / "examples", ["01_first_backtest.py"], ROOT / "examples", True)


def test_an_installation_without_examples_says_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr(examples, "_PLACES", (tmp_path,))
    with pytest.raises(BacktesterError, match="in the folder examples/ of the repository"):
        examples.shipped()


def test_a_wheel_gets_them_beside_the_command(tmp_path, monkeypatch):
    """The build step of setup.py, at work on the project with the packages themselves left out."""
    setuptools = pytest.importorskip("setuptools")
    monkeypatch.setattr(setuptools, "setup", lambda **settings: None)
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location("setup_under_test", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.build_py, "run", lambda self: None)
    step = module.BuildWithExamples(setuptools.Distribution())
    step.build_lib, step.editable_mode = str(tmp_path), False
    step.run()
    assert tree(tmp_path / "backtester" / "cli" / "shipped_examples") == SCRIPTS | NOTEBOOKS
