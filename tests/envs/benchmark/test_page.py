"""The page loads nothing, runs nothing, takes every name as text, and shows every seed."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from envs.benchmark.drawings import lines, number, seeds, ticks
from envs.benchmark.page import render

HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"
ESTIMATE = {"value": 0.8, "low": 0.7, "high": 0.9}
MEASURED = {"growth": 0.05, "sharpe": 0.4, "max_drawdown": 0.2, "turnover": 12.0, "costs": 0.01}
SCENARIOS = ("costs 0x", "costs 1x", "costs 2x", "one bar later")


def algorithm(name, **more):
    return {
        "name": name,
        "total_timesteps": 1_000,
        "failed": 0,
        "labels": ["-1", "0", name],
        "actions": [10, 20, 70],
        "degenerate": [],
        **more,
    }


def document(text="plain", **more):
    runs = [
        {"seed": 7_700 + s, "value": 0.01 * s, "error": 0.001, "score": 0.1 * s, "steps": 99, "curve": [[0, 1], [9, 2]]}
        for s in range(1, 10)
    ]
    task_runs = [*runs, {"seed": 7_799, "failed": text}]
    scored = algorithm(text, score=ESTIMATE, value=ESTIMATE, reach=0.9, met=False, runs=task_runs)
    interval = {name: {"value": value, "low": value, "high": value} for name, value in MEASURED.items()}
    walk = dict.fromkeys(SCENARIOS, MEASURED)
    walked = algorithm(
        text,
        runs=[
            {
                "seed": 8_801,
                "curves": [[[0, 0], [1, 1]]],
                "equity": [[0, 1], [1, 1.1]],
                **walk,
            },
            {"seed": 8_802, "failed": text},
        ],
        scenarios=dict.fromkeys(SCENARIOS, interval),
    )
    found = {
        "name": text,
        "description": text,
        "digest": "abcdef0123456789",
        "command": f"python -m benchmarks.agents {text}",
        "seeds": [7_701, 7_702],
        "few_seeds": False,
        "resamples": 1_000,
        "versions": {"numpy": text},
        "machine": text,
        "seconds": 12.0,
        "failed": [],
        "tasks": [
            {
                "id": text,
                "settings": {text: text},
                "leak_alarm": False,
                "optimum": 0.12,
                "base": 0.0,
                "unit": "step",
                "algorithms": [scored],
                "alarms": [
                    {
                        "test": text,
                        "name": text,
                        "mean": 1.0,
                        "bound": 0.0,
                        "p_value": 0.5,
                        "adjusted": 1.0,
                        "alarm": False,
                    }
                ],
            }
        ],
        "profiles": [
            {
                "algorithm": text,
                "tasks": [text],
                "thresholds": [0, 1],
                "fractions": [1, 0],
                "low": [1, 0],
                "high": [1, 0],
            }
        ],
        "markets": [
            {
                "name": text,
                "data": {"source": text, "symbol": text, "content_hash": "c0ffee"},
                "settings": {},
                "costs": {text: 0.1},
                "checkpoint": text,
                "folds": [{name: [text, text] for name in ("train", "validate", "test")}],
                "algorithms": [walked],
                "baselines": [
                    {
                        "name": "buy and hold",
                        "scenarios": dict.fromkeys(SCENARIOS, MEASURED),
                        "equity": [[0, 1], [1, 1.2]],
                    },
                    {"name": text, "intervals": dict.fromkeys(SCENARIOS, interval)},
                ],
                "oracle": dict.fromkeys(SCENARIOS, 2.0),
                "openings": {"total": 3, "again": [], "configs": [text]},
            }
        ],
    }
    return {**found, **more}


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, data):
        super().__init__(convert_charrefs=True)
        self.raw = data.decode()
        self.tags, self.attributes, self.text, self.style, self._inside = [], [], "", "", ""
        self.feed(self.raw)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "style":
            self.style += data
        else:
            self.text += data


def test_hostile_names_are_text():
    plain, hostile = Page(render(document())), Page(render(document(HOSTILE)))
    assert hostile.tags == plain.tags
    assert "script" not in hostile.tags
    assert "img" not in hostile.tags
    assert HOSTILE in hostile.text
    assert "<script" not in hostile.raw


def test_nothing_is_loaded_and_only_this_style_is_allowed():
    page = Page(render(document()))
    policy = next(
        value for tag, name, value in page.attributes if tag == "meta" and (value or "").startswith("default")
    )
    hashed = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; style-src 'sha256-" + hashed)
    links = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "action", "xlink:href")]
    assert links == ["data:,"]
    assert not [name for _, name, _ in page.attributes if name == "style" or name.startswith("on")]
    assert not re.search(r"https?://|url\(|@import", page.raw)


def test_every_seed_figure_and_name_is_there():
    text = Page(render(document())).text
    for seed in (*range(7_701, 7_710), 7_799, 8_801, 8_802):
        assert str(seed) in text
    for words in (
        "0.7000 to 0.9000",
        "≥ 0.9 missed",
        "python -m benchmarks.agents plain",
        "hindsight oracle",
        "70.0 %",
    ):
        assert words in text
    # growth of 5 % a year is log 1.05 = 0.04879 of the oracle's 2: 2.4 %
    assert "2.4 %" in text
    for scenario in SCENARIOS:
        assert scenario in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "No alarm rang"),
        ({"few_seeds": True}, "Only 2 seeds"),
        ({"failed": ["x: y"]}, "failed: x: y"),
    ],
)
def test_notices(change, words):
    text = Page(render(document(**change))).text
    assert words in text
    assert ("No alarm rang" in text) == (not change)


def test_alarms_openings_and_degenerate_policies_come_first():
    data = document()
    data["tasks"][0]["alarms"][0]["alarm"] = True
    data["tasks"][0]["algorithms"][0]["degenerate"] = ["seed 3: always the same"]
    data["markets"][0]["openings"]["again"] = [
        {"first": "2010", "last": "2011", "algorithm": "ppo", "seed": 4, "times": 2}
    ]
    text = Page(render(data)).text
    head = text[: text.index("Optimum")]
    assert "mean 1 above 0" in head
    assert "was opened 2 times by ppo, seed 4" in head
    assert "seed 3: always the same" in head


class TestDrawings:
    def test_ticks_are_round_and_inside(self):
        assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        assert ticks(-0.3, 17.0) == [0.0, 5.0, 10.0, 15.0]
        assert ticks(0.0101, 0.0199) == [0.012, 0.014, 0.016, 0.018]

    def test_a_seed_is_where_its_score_is(self):
        drawn = seeds([0.0, 0.5, 1.0], 0.5, 0.25, 0.75, (0.0, 1.0), [1.0])
        # 300 wide, 6 from the left
        assert re.findall(r'cx="([\d.]+)"', drawn) == ["6.0", "156.0", "306.0"]
        assert 'x="81.0" y="6" width="150.0"' in drawn

    def test_lines_go_through_their_points(self):
        drawn = lines([("a", 0, [[0.0, 0.0], [100.0, 1.0]])], "x", "y")
        # x from −3 to 103 on 576 pixels from 56; y from −0.03 to 1.03 on 222 pixels from 8
        x = [56 + 576 * 3 / 106, 56 + 576 * 103 / 106]
        y = [8 + 222 * 1.03 / 1.06, 8 + 222 * 0.03 / 1.06]
        assert f"{x[0]:.1f},{y[0]:.1f} {x[1]:.1f},{y[1]:.1f}" in drawn

    def test_one_point_is_a_dot(self):
        # alone it is in the middle: x of 0.9 to 1.1 (a tenth of its size each way), y from −1 to 1
        assert '<circle class="c1" cx="344.0" cy="119.0" r="3"/>' in lines([("a", 1, [[1.0, 0.0]])], "x", "y")

    def test_nothing_to_draw(self):
        assert "Nothing was logged" in lines([], "x", "y")

    def test_constant_lines_have_a_scale(self):
        assert "nan" not in lines([("a", 0, [[0.0, 0.0], [1.0, 0.0]])], "x", "y")

    def test_numbers(self):
        assert (number(None), number(float("nan")), number(1234.5678, 2)) == ("–", "–", "1,234.57")
