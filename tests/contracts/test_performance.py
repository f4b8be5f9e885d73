"""The speed tables are the committed measurements, and our engine's final equity in them is the floor's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.readme import SHOWN, block, with_block

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def data():
    return json.loads((RESULTS / "engine.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: f"{shown.page.stem}-{shown.marker}")
def test_a_page_shows_the_committed_measurement(shown):
    text = shown.page.read_text(encoding="utf-8")
    assert with_block(text, shown) == text


def test_a_table_has_only_sections_that_were_measured_and_all_that_it_names():
    for shown in SHOWN:
        titles = [section["title"] for section in shown.data["sections"]]
        assert set(shown.sections) <= set(titles)
        table = block(shown)
        assert all((f"| **{title}** |" in table) == (not shown.sections or title in shown.sections) for title in titles)


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
