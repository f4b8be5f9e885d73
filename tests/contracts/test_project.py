"""The project's own files agree with each other: dependencies and pins, version and changelog, set-up and CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import backtester

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if line and not line.startswith("#")]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def dependencies() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [text for group in project["optional-dependencies"].values() for text in group]
    return [Requirement(text) for text in (*project["dependencies"], *extras, *PROJECT["build-system"]["requires"])]


@pytest.mark.parametrize("requirement", dependencies(), ids=str)
def test_a_dependency_has_a_lower_bound_alone_and_a_pin_that_keeps_it(requirement):
    assert [part.operator for part in requirement.specifier] == [">="]
    pins = [pin for pin in PINS if plain(pin.name) == plain(requirement.name)]
    assert len(pins) == 1
    (pinned,) = pins[0].specifier
    assert pinned.operator == "=="
    assert requirement.specifier.contains(pinned.version)


def test_nothing_is_pinned_twice():
    names = [plain(pin.name) for pin in PINS]
    assert len(names) == len(set(names))


def test_torch_is_pinned_to_the_version_that_has_a_build_for_cpus():
    assert "torch==2.13.0" in LINES


def test_the_version_is_told_once_more_in_the_changelog_and_nowhere_else():
    assert PROJECT["project"]["version"] == backtester.__version__
    assert f"## [{backtester.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_a_package_needs_is_there():
    for name in ("LICENSE", "README.md", "backtester/py.typed", "backtester/bars/samples/samples.json"):
        assert (ROOT / name).exists()
    for part in ("bars/samples/samples.json", "report/assets", "cli/templates/strategy.py.txt"):
        assert (ROOT / "backtester" / part).exists()
        patterns = PROJECT["tool"]["setuptools"]["package-data"]["backtester"]
        assert any(pattern.rstrip("*").rstrip("/") in part for pattern in patterns)
    assert PROJECT["project"]["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_ci_is_a_script_that_parses_and_ends_with_the_readmes_test_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    lines = script.read_text(encoding="utf-8").rstrip().splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-1].endswith("bootstrap.py test")


def test_the_package_runs_on_the_pythons_it_names():
    lowest = PROJECT["project"]["requires-python"]
    assert lowest == ">=3.11"
    assert sys.version_info >= (3, 11)
