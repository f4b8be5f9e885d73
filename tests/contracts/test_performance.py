"""The speed table of the README is the committed measurement, and our engine's final equity in it is the floor's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.readme import MARKERS, README, block, with_block

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def data():
    return json.loads((RESULTS / "engine.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in MARKERS if (RESULTS / f"{name}.json").exists()])
def test_the_readme_shows_the_committed_measurement(name):

    text = README.read_text(encoding="utf-8")
    measured = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert with_block(text, block(measured, name), name) == text


def test_our_equity_is_the_floors_in_every_section_that_has_both(data):
    compared = 0
    for section in data["sections"]:
        equities = {row["engine"]: row["final_equity"] for row in section["rows"] if row["final_equity"]}
        floor = next((value for name, value in equities.items() if name.startswith("floor")), None)
        ours = next((value for name, value in equities.items() if name.startswith("backtester")), None)
        if floor is not None and ours is not None:
            compared += 1
            assert ours == pytest.approx(floor, rel=1e-9)
    assert compared >= 3
