"""How pages look: nothing in the console, nothing blank, no text on text, light, dark and on paper."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

NAMES = ("bracketed", "hostile", "idle", "bankrupt", "one_bar", "everything", "several")
WIDTHS = (400, 900, 1600)
#: the boxes of all text that is seen, each cut to what its scrolling ancestors show of it
OVERLAPS = """
const boxes = [];
const seen = (element) =>
  element.checkVisibility({visibilityProperty: true}) && !element.closest("caption, option, template");
const clip = (element, box) => {
  for (let up = element; up && up !== document.documentElement; up = up.parentElement) {
    if (getComputedStyle(up).overflowX === "visible") continue;
    const edge = up.getBoundingClientRect();
    const [left, right] = [Math.max(box.left, edge.left), Math.min(box.right, edge.right)];
    box = {left, right, top: Math.max(box.top, edge.top), bottom: Math.min(box.bottom, edge.bottom)};
  }
  return box;
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode, parent = node.parentElement;
  if (!node.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(parent.tagName) || !seen(parent)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const rect of range.getClientRects()) {
    const box = clip(parent, rect);
    if (box.right - box.left < 2 || box.bottom - box.top < 2) continue;
    const {left, right, top, bottom} = box;
    boxes.push({left, right, top, bottom, text: node.data.trim().slice(0, 40)});
  }
}
boxes.sort((a, b) => a.top - b.top);
const found = [];
for (let i = 0; i < boxes.length; i += 1) {
  for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom; j += 1) {
    const across = Math.min(boxes[i].right, boxes[j].right) - Math.max(boxes[i].left, boxes[j].left);
    const down = Math.min(boxes[i].bottom, boxes[j].bottom) - boxes[j].top;
    const least = Math.min(boxes[i].bottom - boxes[i].top, boxes[j].bottom - boxes[j].top);
    if (across > 1.5 && down > 0.3 * least) found.push(boxes[i].text + " | " + boxes[j].text);
  }
}
return [boxes.length, found.slice(0, 10)];
"""


def picture(browser):
    return np.asarray(Image.open(io.BytesIO(browser.screenshot())).convert("RGB"), np.int64)


@pytest.mark.parametrize("name", NAMES)
def test_no_page_complains_and_none_is_wider_than_its_window(opened, name):
    browser = opened(name, width=400)
    assert browser.console() == []
    assert browser.run("return document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["bracketed", "everything", "several"])
def test_no_text_lies_on_text(opened, name, width):
    browser = opened(name, width=width, height=12_000)  # all of it is in view, and so drawn
    n, found = browser.run(OVERLAPS)
    assert n > 60
    assert found == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_seen_is_not_blank_in_light_and_dark(opened, width):
    """In each band of the first screens something is drawn, on a page that is light or dark."""
    means = {}
    for theme in ("light", "dark"):
        browser = opened("bracketed", width=width, height=2_000, theme=theme)
        browser.wait("document.querySelectorAll('#price-panel canvas').length > 0")
        shot = picture(browser)
        assert shot.shape == (2_000, width, 3)
        ground = shot[5, 5]
        different = np.abs(shot - ground).sum(axis=2) > 60
        bands = different.reshape(10, 200, width).mean(axis=(1, 2))
        assert (bands > 0.002).all(), bands
        means[theme] = float(shot.mean())
    assert means["light"] > 220
    assert means["dark"] < 60


def test_candles_are_drawn_with_their_colours(opened):
    browser = opened("bracketed", width=1200, height=1600)
    browser.wait("document.querySelectorAll('#price-panel canvas').length > 0")
    browser.run("return new Promise((done) => setTimeout(done, 150))")
    left, top, width, height = browser.run("""
        const box = document.querySelector("#price-panel .stage").getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];
    """)
    shot = picture(browser)[int(top) : int(top + height), int(left) : int(left + width)]
    for colour in ((0x5A, 0xA8, 0x8A), (0xD5, 0x80, 0x7B)):  # --candle-up and --candle-down of the style
        assert (np.abs(shot - colour).sum(axis=2) < 12).sum() > 200


def test_paper_has_no_buttons_and_all_drawings(opened):
    browser = opened("everything", width=900)
    browser.theme("dark", medium="print")
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.run("return document.querySelectorAll('.drawing:empty').length") == 0
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"


def test_hostile_names_are_seen_as_text(opened):
    browser = opened("hostile")
    assert browser.run("return document.querySelector('h1').textContent") == "<img src=x onerror=alert(3)>"
    assert browser.run("return document.querySelectorAll('img, svg[onload], iframe').length") == 0
