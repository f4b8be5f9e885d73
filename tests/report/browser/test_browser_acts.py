"""What a reader does with a page works: zoom, move, jump, sort, filter, turn pages."""

from __future__ import annotations

import numpy as np
import pytest

RANGE = "document.getElementById('zoomed').hidden ? '' : document.getElementById('zoomed-range').textContent"
ROWS = """
const rows = [...document.querySelectorAll(arguments[0] + " tbody tr")];
return rows.map((row) => [...row.cells].map((cell) => cell.textContent));
"""
BOX = """
const element = document.querySelector(arguments[0]);
element.scrollIntoView({block: "center", behavior: "instant"});
const box = element.getBoundingClientRect();
return [box.left, box.top, box.width, box.height];
"""
CLICK = "document.querySelector(arguments[0]).click();"
CHOOSE = """
const select = document.querySelector(arguments[0]);
select.value = arguments[1];
select.dispatchEvent(new Event("change"));
"""
PAINTED = """
[...document.querySelectorAll("#price-panel canvas")].some((canvas) => {
  const {width, height} = canvas;
  if (width < 200) return false;
  const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0); // to read the page's own again and again would put a warning on its console
  const {data} = copy.getImageData(0, 0, width, height);
  return data.some((value, k) => k % 4 === 3 && value > 0 && data[k - 3] !== data[k - 2]);
})
"""


def sides(browser):
    """Return the two dates of the range that is shown."""
    return browser.run(f"return {RANGE}").split(" – ")


def head(browser, table, label):
    heads = "[...document.querySelectorAll(arguments[0] + ' thead button')]"
    browser.run(f"{heads}.find((button) => button.textContent === arguments[1]).click()", table, label)


def column(browser, table, label):
    heads = browser.run(f"return [...document.querySelectorAll('{table} thead th')].map((cell) => cell.textContent)")
    return [row[heads.index(label)] for row in browser.run(ROWS, table)]


def number(text):
    return float(text.replace(",", "").replace("−", "-").replace("\u202f%", ""))


def test_dragging_across_a_chart_zooms_every_chart_and_a_double_click_shows_all(opened, bracketed):
    browser = opened("bracketed")
    assert browser.run(f"return {RANGE}") == ""
    left, top, width, _ = browser.run(BOX, "#equity-panel .over")
    plot = width - 62  # without the axis
    browser.press(left + 0.25 * plot, top + 50, (left + 0.5 * plot, top + 60))
    first, last = sides(browser)
    days = bracketed.bars.sessions.astype("M8[D]").astype(str)
    assert abs(days.tolist().index(first) - 100) <= 3  # a quarter of 400 bars
    assert abs(days.tolist().index(last) - 200) <= 3
    browser.press(left + 0.5 * plot, top + 50, double=True)
    assert browser.run(f"return {RANGE}") == ""
    assert browser.console() == []


def test_keys_and_buttons_zoom_and_move_the_candles(opened):
    browser = opened("bracketed")
    browser.wait(PAINTED)
    browser.run(CLICK, "#price-controls button[aria-label='Zoom in']")
    first, _ = sides(browser)
    assert first > "2020-01-06"
    browser.run(CLICK, "#price-controls button[aria-label='Later']")
    later, _ = sides(browser)
    assert later > first
    browser.run("document.querySelector('#price-panel .stage').dispatchEvent(new KeyboardEvent('keydown', {key: '0'}))")
    assert browser.run(f"return {RANGE}") == ""
    assert browser.console() == []


def test_candles_are_dragged_by_hand(opened):
    browser = opened("bracketed")
    browser.wait(PAINTED)
    for _ in range(2):
        browser.run(CLICK, "#price-controls button[aria-label='Zoom in']")
    before = sides(browser)
    left, top, _, height = browser.run(BOX, "#price-panel .stage")
    middle = top + height / 2
    steps = [(left + 200 + 30 * k, middle) for k in range(1, 8)]
    browser.press(left + 200, middle, *steps)
    browser.wait(f"({RANGE}) !== {' – '.join(before)!r}")
    after = sides(browser)
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_a_number_in_the_trade_table_jumps_to_the_trade(opened, bracketed):
    browser = opened("bracketed")
    trades = bracketed.trades
    place = int(np.flatnonzero(trades["symbol"] == "BBB")[5])
    browser.run("document.querySelectorAll('#trades-table .link')[arguments[0]].click()", place)
    first, last = sides(browser)
    row = trades.iloc[place]
    days = bracketed.bars.sessions.astype("M8[D]").astype(str)
    times = bracketed.bars.index
    assert first <= days[times.get_loc(row["entry_time"])] <= days[times.get_loc(row["exit_time"])] <= last
    assert browser.run("return document.querySelector('#price-controls select').value") == "1"
    name = browser.wait("document.querySelector('#price-panel .legend bdi')?.textContent")
    assert name == "BBB"
    browser.wait("Math.abs(document.getElementById('price').getBoundingClientRect().top) < 120")


@pytest.mark.parametrize(("label", "name"), [("Profit", "pnl"), ("Bars", "bars")])
def test_a_head_sorts_the_trades_down_and_up(opened, bracketed, label, name):
    browser = opened("bracketed")
    values = np.sort(bracketed.trades[name].to_numpy(np.float64))
    head(browser, "#trades-table", label)
    shown = [number(cell) for cell in column(browser, "#trades-table", label)]
    np.testing.assert_allclose(shown, values[::-1][: len(shown)], atol=0.006)
    head(browser, "#trades-table", label)
    shown = [number(cell) for cell in column(browser, "#trades-table", label)]
    np.testing.assert_allclose(shown, values[: len(shown)], atol=0.006)


def test_filters_keep_what_they_say(opened, bracketed):
    browser = opened("bracketed")
    trades = bracketed.trades
    browser.run(CHOOSE, "#trades-controls select", "1")
    lost = int(((trades["pnl"] < 0) & ~trades["open"]).sum())
    assert f"of {lost:,} trades" in browser.run("return document.querySelector('#trades-pager span').textContent")
    assert all(number(cell) < 0 for cell in column(browser, "#trades-table", "Profit"))
    search = """
    const field = document.querySelector("#trades-controls input");
    field.value = arguments[0];
    field.dispatchEvent(new Event("input"));
    """
    browser.run(search, "long BBB")
    of_bbb = (trades["symbol"] == "BBB") & (trades["quantity"] > 0)
    both = int(((trades["pnl"] < 0) & ~trades["open"] & of_bbb).sum())
    browser.wait(f"document.querySelector('#trades-pager span').textContent.includes(' of {both} trades')")
    assert set(column(browser, "#trades-table", "Symbol")) == {"BBB"}
    browser.run(search, "no such word")
    browser.wait("document.querySelector('#trades-table td.none')?.textContent === 'No trades.'")


def test_pages_of_a_document_are_turned(opened):
    browser = opened("several")
    names = browser.run("return [...document.querySelectorAll('#pages button')].map((button) => button.textContent)")
    assert names == ["Comparison", "brackets", "<b>plain</b>", "items"]
    assert browser.run("return document.querySelector('h1').textContent") == "2 results compared"
    for place, title in ((1, "Brackets"), (3, "Everything <b>at once</b>"), (2, "EverySoOften")):
        browser.run("document.querySelectorAll('#pages button')[arguments[0]].click()", place)
        assert browser.run("return document.querySelector('h1').textContent") == title
    browser.wait(PAINTED)
    assert browser.console() == []


def test_the_log_scale_is_offered_where_there_is_one(opened):
    browser = opened("bracketed")
    scale = "document.querySelector('#performance-controls button')"
    assert not browser.run(f"return {scale}.disabled")
    browser.run(f"{scale}.click()")
    assert browser.run(f"return {scale}.getAttribute('aria-pressed')") == "true"
    assert opened("bankrupt").run(f"return {scale}.disabled")  # equity ends at 0
