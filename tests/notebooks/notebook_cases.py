"""Objects with hostile names, and a reader of cards that knows what HTML they may hold."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from backtester import Bars, Strategy

NAMES = ("</td><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "🚀 מניה \u202eevil\x1b[31m")
DAY = 86_400 * 10**9
N_BARS = 30


class Weekly(Strategy):
    """Buys <b>one</b> unit every ten bars."""

    every: int = 10
    label: str = "</td><script>"

    def prepare(self, bars):
        self.average = bars.close * 1.01
        self.change = np.vstack([np.zeros((1, bars.n_assets)), np.diff(bars.close, axis=0)])
        self.table = np.zeros(3)

    def on_bar(self, ctx):
        if ctx.t % self.every == 2:
            for a in range(ctx.n_assets):
                ctx.order(a, 1.0)


def hostile_bars(names=NAMES, n_bars=N_BARS) -> Bars:
    """Return days with closes of 100, 101, …, high and low one beyond, volume 10; the last asset pauses in row 5."""
    close = np.repeat((100.0 + np.arange(n_bars))[:, np.newaxis], len(names), axis=1)
    columns = {"open": close - 0.5, "high": close + 1.0, "low": close - 1.0, "close": close.copy()}
    volume = np.full_like(close, 10.0)
    if len(names) > 1 and n_bars > 5:
        for values in (*columns.values(), volume):
            values[5, -1] = np.nan
    timestamps = np.datetime64("2020-01-02", "ns").astype(np.int64) + DAY * np.arange(n_bars)
    return Bars.from_arrays(timestamps, **columns, volume=volume, symbols=names)


class Card(HTMLParser):
    """A card that is read: its tags, attributes and texts; an AssertionError where it is not well formed."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def assert_harmless(self) -> None:
        assert set(self.tags) <= {"div", "table", "tr", "td", "th", "svg", "title", "polyline", "line"}
        assert not [name for name, _ in self.attributes if name.startswith("on") or name in ("src", "href")]
        assert not [text for text in self.texts if "\x1b" in text or "\u202e" in text]
