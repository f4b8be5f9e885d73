"""The figure: what the best of many looks like, what p-values it gets, and how often each statistic finds an edge.

Plain SVG, with two sets of colours: a page that is dark gets the lighter one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.researchers.report import YEAR, Found, column
from benchmarks.researchers.verdicts import LEVEL, STATISTICS, rate_of

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 1040, 900
STYLE = """
text{font:13px system-ui,sans-serif;fill:#444}.title{font-size:15px;font-weight:600;fill:#222}
.axis{stroke:#999;fill:none}.rule{stroke:#999;stroke-dasharray:4 4;fill:none}.small{font-size:11.5px}
.line{fill:none;stroke-width:2}.net{stroke-dasharray:6 4}
.c0{stroke:#c2410c;fill:#c2410c}.c1{stroke:#1d4ed8;fill:#1d4ed8}.c2{stroke:#047857;fill:#047857}
.c3{stroke:#7e22ce;fill:#7e22ce}.c4{stroke:#777;fill:#777}
text.c0,text.c1,text.c2,text.c3,text.c4{stroke:none}.area{fill-opacity:.3}path.line{fill:none}
@media (prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#eee}
.c0{stroke:#fb923c;fill:#fb923c}.c1{stroke:#7aa2ff;fill:#7aa2ff}.c2{stroke:#34d399;fill:#34d399}
.c3{stroke:#c58af9;fill:#c58af9}.c4{stroke:#999;fill:#999}}
"""


@dataclass
class Panel:
    """A pair of axes; what is drawn is kept in `parts`.

    Parameters
    ----------
    left, top, width, height : float
        Of the area inside the axes.
    x, y : (float, float)
        What the ends of the axes stand for.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is, in pixels."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + self.width * across, self.top + self.height * (1.0 - up)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """Write at a place in pixels."""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{_safe(words)}</text>')

    def path(self, points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> None:
        """Draw a line through points of the axes."""
        steps = " L".join("{:.1f} {:.1f}".format(*self.at(*point)) for point in points)
        self.parts.append(f'<path class="{kind}" d="M{steps}{" Z" if closed else ""}"/>')

    def frame(
        self,
        title: str,
        x_label: str,
        x_ticks: Sequence[float],
        y_ticks: Sequence[float],
        y_words: Callable[[float], str],
        x_words: Callable[[float], str] = "{:g}".format,
    ) -> None:
        """Draw the axes, their ticks and the heading."""
        self.text(self.left, self.top - 14, title, "title")
        bottom = self.top + self.height
        self.parts.append(f'<path class="axis" d="M{self.left} {self.top}V{bottom}H{self.left + self.width}"/>')
        for tick in x_ticks:
            self.text(self.at(tick, self.y[0])[0], bottom + 18, x_words(tick), "small", "middle")
        for tick in y_ticks:
            self.text(self.left - 8, self.at(self.x[0], tick)[1] + 4, y_words(tick), "small", "end")
        self.text(self.left + self.width / 2, bottom + 38, x_label, "", "middle")


def svg(worlds: Found) -> str:
    """Return the figure; the first world is the one without an edge."""
    found = worlds[0][1]
    panels = [_sharpes(found), _p_values(found), _sizes(worlds), _powers(worlds)]
    body = "\n".join(part for panel in panels for part in panel.parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="What {len(found):,} simulated researchers find where there is no edge, and where there is one">\n'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def _sharpes(found: Floats) -> Panel:
    """Histograms of the Sharpe ratio of one pair, and of the best of all."""
    panel = Panel(60, 50, 400, 300, (-2.0, 3.0), (0.0, 0.14))
    panel.frame(
        "No edge: the best of 55 looks like one", "Sharpe ratio a year", range(-2, 4), (0.0, 0.05, 0.1), _percent
    )
    edges = np.linspace(-2.0, 3.0, 51)
    for name, kind, words, y in (
        ("sharpe_fixed", "c4", "named in advance", 0.125),
        ("sharpe", "c0", "the best of 55", 0.135),
    ):
        counts = np.histogram(np.clip(column(found, name) * YEAR, -2.0, 2.999), edges)[0] / len(found)
        outline = [(edge, height) for k, height in enumerate(counts.tolist()) for edge in (edges[k], edges[k + 1])]
        panel.path([(-2.0, 0.0), *outline, (3.0, 0.0)], f"area {kind}", closed=True)
        panel.text(*panel.at(-1.95, y), words, kind)
    return panel


def _p_values(found: Floats) -> Panel:
    """Fractions of researchers with a p-value at or below each."""
    panel = Panel(580, 50, 400, 300, (0.0, 1.0), (0.0, 1.0))
    panel.frame(
        "No edge: an honest p-value lies on the diagonal", "p", (LEVEL, 0.25, 0.5, 0.75, 1.0),
        (0.0, 0.25, 0.5, 0.75, 1.0), _percent,
    )  # fmt: skip
    panel.path([(0.0, 0.0), (1.0, 1.0)], "rule")
    panel.path([(LEVEL, 0.0), (LEVEL, 1.0)], "rule")
    places = np.linspace(0.0, 1.0, 201)
    for k, (name, words) in enumerate(
        {
            "naive": "1 − PSR of the best",
            "deflated": "1 − DSR of the best",
            "spa": "SPA",
            "reality_check": "reality check",
        }.items()
    ):
        below = np.searchsorted(np.sort(column(found, name)), places, side="right") / len(found)
        panel.path(list(zip(places.tolist(), below.tolist(), strict=True)), f"line c{k}")
        panel.text(*panel.at(0.64, 0.28 - 0.07 * k), words, f"c{k}")
    return panel


def _sizes(worlds: Found) -> Panel:
    """How often each statistic rejects where there is no edge, with intervals."""
    null = [one for one in worlds if not one[0].phi]
    panel = Panel(330, 450, 210, 380, (0.0, 0.65), (float(len(STATISTICS)), 0.0))
    panel.frame("No edge: how often each finds one", "rejected at 5 %", (LEVEL, 0.25, 0.5), (), str, _percent)
    panel.parts[0] = panel.parts[0].replace(f'x="{330:.1f}"', 'x="60.0"')
    panel.path([(LEVEL, 0.0), (LEVEL, len(STATISTICS))], "rule")
    for k, one in enumerate(STATISTICS):
        panel.text(panel.left - 8, panel.at(0.0, k + 0.5)[1] + 4, _short(one.words), "small", "end")
        for j, (_, found) in enumerate(null):
            rate = rate_of(column(found, one.field))
            low, high = rate.interval()
            y = k + 0.5 + 0.22 * (j - (len(null) - 1) / 2)
            panel.path([(low, y), (high, y)], f"line {_KINDS[j]}")
            x, y = panel.at(rate.rate, y)
            panel.parts.append(f'<circle class="{_KINDS[j]}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    for j, (world, _) in enumerate(null):
        words = ("normal returns", "clustered, fat tails", "net of costs")[j] if len(null) == 3 else world.name
        panel.text(*panel.at(0.3, 7.6 + 0.6 * j), words, f"small {_KINDS[j]}")
    return panel


def _powers(worlds: Found) -> Panel:
    """How often a planted edge is found, by its strength."""
    panel = Panel(620, 450, 360, 380, (0.0, 0.155), (0.0, 1.0))
    panel.frame(
        "A planted edge: how often it is found", "φ, the correlation of a return with the next",
        (0.0, 0.05, 0.1, 0.15), (0.0, 0.25, 0.5, 0.75, 1.0), _percent,
    )  # fmt: skip
    shown = {"spa": ("SPA", "c2"), "reality_check": ("reality check", "c3"), "discovered_bh": ("FDR", "c4")}
    shown["deflated"] = ("DSR", "c1")
    costs = sorted({world.cost_bps for world, _ in worlds})
    for k, (name, (words, kind)) in enumerate(shown.items()):
        for cost in costs:
            points = sorted(
                (world.phi, rate_of(column(found, name)).rate)
                for world, found in worlds
                if world.kind == "normal" and world.cost_bps == cost
            )
            panel.path(points, f"line {kind}{' net' if cost else ''}")
            for point in points:
                x, y = panel.at(*point)
                panel.parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>')
        panel.text(*panel.at(0.004, 0.95 - 0.06 * k), words, kind)
    panel.text(*panel.at(0.004, 0.71), "dashed: net of costs", "small")
    return panel


_KINDS = ("c1", "c3", "c4")


_SHORTER = {
    " > 95 %": "",
    ", p < 5 %": "",
    " < 5 %": "",
    "any discovery at FDR 5 %, ": "FDR, ",
    "one pair named in advance": "named in advance",
    "that pair": "the same",
    "the best of 55 pairs": "the best",
}


def _percent(value: float) -> str:
    return f"{100 * value:g} %"


def _short(words: str) -> str:
    """Return the words of a statistic without the level that all have."""
    for cut, instead in _SHORTER.items():
        words = words.replace(cut, instead)
    return words


def _safe(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
