"""`bootstrap.py`: it installs when something changed and not otherwise, and says in words what is missing."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path, monkeypatch):
    """The module, at work in an empty project, with nothing installed by anybody."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    venv.mkdir()
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "STAMP": venv / "bootstrap.json",
        "LOG": venv / "bootstrap.log",
        "PYTHON": venv / "bin" / "python",
    }.items():
        monkeypatch.setattr(module, name, value)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("one\n")
    return module


@pytest.fixture
def installed(bootstrap, monkeypatch):
    """What pip was asked to install, without pip."""
    asked = []
    monkeypatch.setattr(bootstrap, "pip", lambda what, *arguments: asked.append(arguments[-1]))
    monkeypatch.setattr(bootstrap, "output_of", lambda *command: "26")
    return asked


def test_it_needs_the_standard_library_alone():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_an_old_python_can_read_it():
    """It must come as far as saying that it is too old: no syntax of after 3.6, no annotation that fails when run."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for kind in (node.returns, *(argument.annotation for argument in node.args.args)):
                assert kind is None or isinstance(kind, ast.Name | ast.Constant), ast.unparse(kind)


def test_an_old_python_is_refused_with_the_version_that_works(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    with pytest.raises(bootstrap.Failed, match=r"Python 3\.9 is too old, 3\.11 is the oldest"):
        bootstrap.check_python()
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name if name == "python3.12" else None)
    with pytest.raises(bootstrap.Failed, match=r"run: python3\.12 bootstrap\.py"):
        bootstrap.check_python()


def test_a_python_without_venv_is_refused_with_the_package_to_install(bootstrap, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(bootstrap.Failed, match=r"apt install python3\.\d+-venv"):
        bootstrap.check_python()


def test_packages_are_installed_once(bootstrap, installed):
    bootstrap.ensure_packages("")
    assert installed == ["setuptools", "."]
    bootstrap.ensure_packages("")
    assert len(installed) == 2


def test_a_further_extra_is_added_and_the_earlier_one_kept(bootstrap, installed):
    bootstrap.ensure_packages("dev")
    assert installed[-1] == ".[dev]"
    count = len(installed)
    bootstrap.ensure_packages("")
    bootstrap.ensure_packages("dev")
    assert len(installed) == count


def test_several_extras_are_installed_at_once_and_none_of_them_again(bootstrap, installed):
    bootstrap.ensure_packages(bootstrap.JOBS["install"])
    assert installed == ["setuptools", ".[dev,docs]"]
    for extras in bootstrap.JOBS.values():
        bootstrap.ensure_packages(extras)
    assert len(installed) == 2


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_what_is_wanted_installs_again(bootstrap, installed, name):
    bootstrap.ensure_packages("dev")
    (bootstrap.ROOT / name).write_text("two\n")
    count = len(installed)
    bootstrap.ensure_packages("")
    assert len(installed) > count


def test_a_failed_installation_is_tried_again(bootstrap, installed, monkeypatch):
    def fail(*_):
        raise bootstrap.Failed("no")

    good = bootstrap.pip
    monkeypatch.setattr(bootstrap, "pip", fail)
    with pytest.raises(bootstrap.Failed):
        bootstrap.ensure_packages("")
    monkeypatch.setattr(bootstrap, "pip", good)
    bootstrap.ensure_packages("")
    assert installed == ["setuptools", "."]


def test_an_old_pip_is_renewed_first(bootstrap, installed, monkeypatch):
    monkeypatch.setattr(bootstrap, "output_of", lambda *command: "22")
    bootstrap.ensure_packages("")
    assert installed == ["pip", "setuptools", "."]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("WARNING: Retrying: NewConnectionError('...')\nERROR: No matching distribution found", "is there a network"),
        ("ERROR: Could not find a version that satisfies x (from versions: none)", "is there a network"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: something else", "it said:\n    ERROR: something else"),
    ],
)
def test_why_pip_failed_is_told_with_its_own_words(bootstrap, said, remedy):
    bootstrap.LOG.write_text(said)
    message = bootstrap.explain_pip(1)
    assert remedy in message
    assert str(bootstrap.LOG) in message


def test_the_environment_points_to_no_other_python(bootstrap, monkeypatch):
    for name in ("PYTHONHOME", "PIP_TARGET", "PIP_USER", "PIP_PREFIX"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "elsewhere")
    environment = bootstrap.environment()
    assert "elsewhere" not in environment.values()
    assert environment["VIRTUAL_ENV"] == str(bootstrap.VENV)
    assert environment["PATH"].startswith(str(bootstrap.PYTHON.parent))


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0), (["tset"], 2)])
def test_without_a_job_it_explains_itself(arguments, code):
    done = subprocess.run([sys.executable, str(SOURCE), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    for job in ("demo", "test", "check", "docs", "install"):
        assert f"bootstrap.py {job} " in done.stdout
