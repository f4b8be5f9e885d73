"""The page loads nothing, runs nothing but its own script, and takes every name as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from report_cases import HOSTILE_NAMES, altered

from backtester.report import write_report
from backtester.report.page import policy, script_safe_json


class Page(HTMLParser):
    """The elements, attributes and element texts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self._open = [], [], {}, None
        self.scripts = []  # without the block of data
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        key = f"{tag}#{dict(attrs)['id']}" if tag == "script" and "id" in dict(attrs) else tag
        self._open = key if tag in ("script", "style", "title") else self._open
        if self._open == key:
            self.texts[key] = ""
        if key == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open:
            self.texts[self._open] += data
        if self._open == "script":
            self.scripts[-1] += data

    @property
    def document(self):
        return json.loads(self.texts["script#data"])

    @property
    def data(self):
        return self.document["pages"][0]

    @property
    def policy(self):
        return next(
            value for tag, name, value in self.attributes if tag == "meta" and (value or "").startswith("default-src")
        )


def page_of(result, tmp_path):
    path = tmp_path / "report.html"
    write_report(result, path)
    return Page(path.read_text("utf-8"))


ALL = ("plain", "hostile", "idle", "bankrupt", "ambiguous", "one_bar")


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_run_gives_a_page(name, request, tmp_path):
    page = page_of(request.getfixturevalue(name), tmp_path)
    assert page.tags.count("script") == 3  # data, the library of candles, our own
    assert page.document["format"] == 2


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_nothing_is_loaded_from_anywhere(name, request, tmp_path):
    page = page_of(request.getfixturevalue(name), tmp_path)
    links = [
        value for _, attribute, value in page.attributes if attribute in ("src", "href", "srcset", "action", "data")
    ]
    assert all(value.startswith("#") or value == "data:," for value in links)
    assert not set(page.tags) & {"iframe", "object", "embed", "img", "audio", "video", "base", "form"}
    library, own = page.scripts
    assert "TradingView Lightweight Charts" in library[:200]
    assert not re.search(r"@import|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(|eval\(|Function\(", library)
    shown = ("http://www.w3.org/2000/svg", "https://www.tradingview.com/")  # a namespace, and a link to be clicked
    code = page.texts["style"] + own
    for address in shown:
        code = code.replace(address, "")
    assert not re.search(r"https?://|//[a-z]|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(", code)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", code)


def test_the_policy_allows_exactly_the_style_and_script_of_the_page(plain, tmp_path):
    page = page_of(plain, tmp_path)

    def hashed(text):
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert "default-src 'none'" in page.policy
    assert f"script-src {' '.join(map(hashed, page.scripts))};" in page.policy
    assert f"style-src {hashed(page.texts['style'])};" in page.policy
    assert "unsafe" not in page.policy
    assert policy("a", "b") != policy("a", "c")


def test_no_style_or_handler_attribute_that_the_policy_would_block(plain, tmp_path):
    page = page_of(plain, tmp_path)
    assert not [name for _, name, _ in page.attributes if name == "style" or name.startswith("on")]
    assert 'setAttribute("style"' not in page.texts["script"]


def test_hostile_names_are_text_and_never_elements(plain, hostile, tmp_path):
    page = page_of(hostile, tmp_path)
    assert page.tags == page_of(plain, tmp_path).tags
    data = page.data
    assert data["symbols"] == list(HOSTILE_NAMES)
    assert data["strategy"] == {"name": "<img src=x onerror=alert(3)>", "parameters": [["label", "</script><b>"]]}
    assert [series["name"] for series in data["records"]["series"]] == ["<svg onload=alert(1)>"]
    assert data["period"]["data"] == "</title><script>alert(2)</script>"
    assert page.texts["title"] == "<img src=x onerror=alert(3)> – backtest"


def test_the_data_block_holds_no_sign_that_html_reads(hostile, tmp_path):
    path = tmp_path / "report.html"
    write_report(hostile, path)
    text = path.read_text("utf-8")
    block = text.split('id="data">')[1].split("</script>")[0]
    assert block.isascii()
    assert not set(block) & set("<>&")
    assert json.loads(block) == Page(text).document


def test_script_safe_json_keeps_values():
    value = {"</script>": ["<!--", "&amp;", "\u2028", "\ud800", 1.5, None, True]}
    assert json.loads(script_safe_json(value)) == value


def test_script_safe_json_refuses_what_json_does_not_have():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_safe_json([float("nan")])


def test_every_id_the_script_looks_for_is_in_the_page(plain, tmp_path):
    page = page_of(plain, tmp_path)
    wanted = set(re.findall(r'byId\("([a-z-]+)"\)', page.texts["script"]))
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert wanted <= set(ids)
    assert len(ids) == len(set(ids))
    targets = {value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"}
    assert targets <= set(ids)


def test_a_lone_surrogate_in_a_name_does_not_stop_the_report(plain, tmp_path):
    page = page_of(altered(plain, facts={"strategy": "a\ud800b"}), tmp_path)
    assert page.data["strategy"]["name"] == "a\ud800b"


def test_importing_the_report_loads_neither_pandas_nor_plotly():
    code = "import sys, backtester.report, backtester.summary_text; print({'pandas', 'plotly'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
