"""Small drawings for the page, as SVG: seeds with their interval, lines, bars. All text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

Points = Sequence[Sequence[float]]
COLOURS = 6  # classes c0 to c5 of the page's style; c5 is for what is not an agent
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 260, 56, 8, 8, 30


def escaped(text: object) -> str:
    """Return text that HTML reads as text."""
    return html.escape(str(text), quote=True)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number for a table; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.{digits}f}" if abs(value) < 1e6 else f"{value:.3g}"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two, some `about` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / about))
    step *= next(factor for factor in (1.0, 2.0, 5.0, 10.0) if (high - low) / (factor * step) <= about)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def seeds(
    values: Sequence[float], middle: float, low: float, high: float, span: tuple[float, float], marks: Sequence[float]
) -> str:
    """Return a strip: a dot a seed, a bar for the interval, a line for its middle, and marks such as the optimum.

    Parameters
    ----------
    values : sequence of float
        One a seed.
    middle, low, high : float
        The figure and its interval.
    span : (float, float)
        Values at the left and right end.
    marks : sequence of float
        Where thin lines stand.
    """
    scale = 300.0 / (span[1] - span[0])

    def x(value: float) -> str:
        return f"{min(max((value - span[0]) * scale, -4.0), 304.0) + 6.0:.1f}"

    width = max((min(high, span[1]) - max(low, span[0])) * scale, 1.0)
    parts = [f'<svg class="strip" viewBox="0 0 312 24" role="img" aria-label="{escaped(_told(values, low, high))}">']
    parts += [f'<line class="mark" x1="{x(mark)}" x2="{x(mark)}" y1="0" y2="24"/>' for mark in marks]
    parts.append(f'<rect class="interval" x="{x(max(low, span[0]))}" y="6" width="{width:.1f}" height="12"/>')
    parts += [f'<circle cx="{x(value)}" cy="12" r="3"/>' for value in values]
    parts.append(f'<line class="middle" x1="{x(middle)}" x2="{x(middle)}" y1="3" y2="21"/></svg>')
    return "".join(parts)


def _told(values: Sequence[float], low: float, high: float) -> str:
    return f"{len(values)} seeds from {min(values):.4g} to {max(values):.4g}, interval {low:.4g} to {high:.4g}"


def lines(
    series: Sequence[tuple[str, int, Points]],
    x_label: str,
    y_label: str,
    *,
    bands: Sequence[tuple[int, Points]] = (),
    levels: Sequence[float] = (),
) -> str:
    """Return lines over common axes.

    Parameters
    ----------
    series : sequence of (name, colour, points)
        Points are [x, y]; lines of one name and colour appear once in the legend.
    x_label, y_label : str
    bands : sequence of (colour, [x, low, high])
        Shaded areas behind the lines.
    levels : sequence of float
        Values of y with a thin line across, such as the optimum.
    """
    everything = [(p[0], y) for _, _, points in series for p in points for y in p[1:]]
    everything += [(p[0], y) for _, points in bands for p in points for y in p[1:]]
    if not everything:
        return '<p class="none">Nothing was logged.</p>'
    x0, x1 = _span([x for x, _ in everything])
    y0, y1 = _span([y for _, y in everything] + list(levels))
    plot = (_WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)

    def at(x: float, y: float) -> str:
        return f"{_LEFT + (x - x0) / (x1 - x0) * plot[0]:.1f},{_TOP + (y1 - y) / (y1 - y0) * plot[1]:.1f}"

    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escaped(y_label)}">']
    parts += [_tick_y(value, at(x0, value), at(x1, value)) for value in ticks(y0, y1)]
    parts += [_tick_x(value, at(value, y0)) for value in ticks(x0, x1)]
    for level in levels:
        parts.append(f'<polyline class="level" points="{at(x0, level)} {at(x1, level)}"/>')
    for colour, points in bands:
        outline = [at(p[0], p[1]) for p in points] + [at(p[0], p[2]) for p in reversed(points)]
        parts.append(f'<polygon class="band c{colour % COLOURS}" points="{" ".join(outline)}"/>')
    for _, colour, points in series:
        if len(points) == 1:  # a line of one point is invisible
            x, y = at(points[0][0], points[0][1]).split(",")
            parts.append(f'<circle class="c{colour % COLOURS}" cx="{x}" cy="{y}" r="3"/>')
            continue
        parts.append(f'<polyline class="c{colour % COLOURS}" points="{" ".join(at(p[0], p[1]) for p in points)}"/>')
    parts.append(f'<text class="axis" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 2}">{escaped(x_label)}</text></svg>')
    legend = dict.fromkeys((name, colour % COLOURS) for name, colour, _ in series)
    keys = "".join(f'<span><i class="c{colour}"></i>{escaped(name)}</span>' for name, colour in legend)
    return f'<figure><figcaption>{escaped(y_label)}</figcaption>{"".join(parts)}<p class="keys">{keys}</p></figure>'


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.03 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _tick_y(value: float, left: str, right: str) -> str:
    y = left.partition(",")[2]
    return f'<polyline class="grid" points="{left} {right}"/><text class="y" x="{_LEFT - 6}" y="{y}">{value:g}</text>'


def _tick_x(value: float, at: str) -> str:
    return f'<text class="x" x="{at.partition(",")[0]}" y="{_HEIGHT - _BOTTOM + 14}">{_short(value)}</text>'


def _short(value: float) -> str:
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}"


def histogram(labels: Sequence[str], counts: Sequence[float]) -> str:
    """Return one bar an action, with its share of the steps."""
    total = sum(counts)
    if not total:
        return '<p class="none">No actions.</p>'
    rows = []
    for label, count in zip(labels, counts, strict=True):
        share = count / total
        rows.append(
            f'<tr><th>{escaped(label)}</th><td><svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none">'
            f'<rect width="{100.0 * share:.2f}" height="10"/></svg></td><td>{100.0 * share:.1f} %</td></tr>'
        )
    return f'<table class="actions">{"".join(rows)}</table>'
