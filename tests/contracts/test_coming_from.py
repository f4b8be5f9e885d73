"""The pages "Coming from …" show what was measured, and our side of it is still that, to the last digits they show.

The other libraries' figures are committed, so agreement is tested where they are not installed; where
`$BACKTESTER_PEERS_PYTHON` has them, they run too.
"""

from __future__ import annotations

import json
import os

import pytest

from benchmarks.coming_from import AGREE, FILE, PAGES, block, compare, ours, with_block
from benchmarks.launch import PEERS_PYTHON

KEPT = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.distribution)
def test_the_page_shows_the_committed_figures(page):
    text = page.path.read_text(encoding="utf-8")
    assert with_block(text, block(page, KEPT[page.file])) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.distribution)
def test_our_equity_is_the_one_that_was_compared_and_theirs_where_the_page_says_so(page, tmp_path):
    curves = ours(page, tmp_path)
    agreeing = 0
    for pair, row, curve in zip(page.pairs, KEPT[page.file]["rows"], curves, strict=True):
        assert row["says"] == pair.says
        assert len(curve) == KEPT[page.file]["bars"]
        assert curve[-1] == pytest.approx(row["ours"], rel=AGREE)
        if pair.agree:
            agreeing += 1
            assert row["apart"] <= AGREE
            assert curve[-1] == pytest.approx(row["theirs"], rel=AGREE)
        else:
            assert row["apart"] > 1e-4, "the page says that these differ"
    assert agreeing


@pytest.mark.skipif(PEERS_PYTHON not in os.environ, reason=f"{PEERS_PYTHON} names no interpreter with the libraries")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.distribution)
def test_the_library_itself_agrees(page):
    figures = compare(page, os.environ[PEERS_PYTHON])
    if "absent" in figures or "No module named" in figures.get("failed", ""):
        pytest.skip(f"{page.distribution} is not installed there")
    assert [row["says"] for row in figures["rows"]] == [pair.says for pair in page.pairs]
