"""One browser for all tests here, and the pages it looks at, each written once."""

from __future__ import annotations

import numpy as np
import pytest
from report_cases import Brackets, EverySoOften, daily, wave

from backtester import Costs, run
from backtester.report import Section, write_report
from backtester.report import sections as of
from benchmarks.report.chromium import Chromium, missing


class Everything:
    """An object with a section of each kind of item."""

    report_title = "Everything <b>at once</b>"

    def report_sections(self):
        draw = np.random.default_rng(3)
        walk = draw.normal(size=200).cumsum()
        days = np.datetime64("2020-01-01") + np.arange(200)
        rows = {"Name": [f"row {k}" for k in range(60)], "Value": draw.normal(size=60), "Share": draw.random(60)}
        return [
            Section("Words", [of.text("A paragraph."), of.facts([("one", "1"), ("two", "<i>2</i>")])]),
            Section("Lines", [
                of.lines("By number", [of.line("a", walk), of.line("b", -walk)], log=True, x_title="steps"),
                of.lines("By day", [of.line("a", walk, days)], x="time", unit="percent", levels=[(0.0, "zero")]),
                of.lines("Many", [of.line(f"seed {k}", walk + k) for k in range(14)]),
                of.lines("Nothing", []),
            ]),
            Section("Bars", [
                of.bars("Across", ["up", "down", "gone"], {"Profit": [3.0, -2.0, np.nan]}, unit="money"),
                of.bars("Side by side", range(2010, 2020), {"a": walk[:10], "b": walk[10:20]}, upright=True),
                of.histogram("Spread", walk, marks=[(0.0, "zero"), (1.0, "one")], normal=True),
                of.histogram("Empty", []),
            ]),
            Section("Fields", [
                of.heat_map("Heat", range(12), list("abcdef"), draw.normal(size=(6, 12)), x_title="x", y_title="y"),
                of.scatter("Cloud", walk, -walk, names=[f"point {k}" for k in range(200)], diagonal=True),
            ]),
            Section("Table", [of.table("Rows", rows, {"Share": "percent"}, tone=("Value",))], "A note."),
        ]  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    wrong = missing()
    if wrong:
        pytest.skip(wrong)
    with Chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="session")
def bracketed():
    return run(Brackets, daily(wave(400, 2), symbols=["AAA", "BBB"]), costs=Costs(commission=0.001, spread=0.0004))


@pytest.fixture(scope="session")
def pages(tmp_path_factory, bracketed, hostile, idle, bankrupt, one_bar):
    """Return the paths of pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    other = run(EverySoOften, bracketed.bars)
    subjects = {
        "bracketed": bracketed,
        "hostile": hostile,
        "idle": idle,
        "bankrupt": bankrupt,
        "one_bar": one_bar,
        "everything": Everything(),
        "several": {"brackets": bracketed, "<b>plain</b>": other, "items": Everything()},
    }
    found = {name: folder / f"{name}.html" for name in subjects}
    for name, subject in subjects.items():
        write_report(subject, found[name])
    return found


@pytest.fixture
def opened(browser, pages):
    """Return what opens a page by name at a width, and hands back the browser when it is drawn."""

    def open_page(name, width=1200, height=900, theme="light"):
        browser.size(width, height)
        browser.theme(theme)
        browser.open(pages[name])
        browser.run(DRAWN)
        return browser

    return open_page


DRAWN = """
const frames = (n) => new Promise((done) => (n ? requestAnimationFrame(() => frames(n - 1).then(done)) : done()));
return frames(4);
"""
