"""The look that all Plotly figures have, and the colours that all pictures share.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), which people with any kind of colour vision
tell apart. Backgrounds are transparent and text is a grey of equal contrast to white and black, so that a figure suits
a light notebook and a dark one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, GREY, SLATE = "#cc79a7", "#56b4e9", "#a2a9b3", "#7b838f"
#: one colour for one meaning
COLOURS = {"accent": BLUE, "quiet": GREY, "muted": SLATE, "gain": GREEN, "loss": RED}
#: of lines and bars whose colour means nothing
CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, SLATE)
SCALE = "Cividis"  # of values from low to high; Nunez, Anderton and Renslow, PLOS ONE 13(7), 2018
_TEXT, _GRID = "#767d89", "rgba(128,128,128,0.22)"


def template() -> go.layout.Template:
    """Return the look as a Plotly template; it is not registered anywhere."""
    import plotly.graph_objects as go

    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "linecolor": _GRID, "automargin": True, "ticks": ""}
    polished = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _TEXT, "size": 12},
        "title": {"x": 0.0, "xref": "paper", "font": {"size": 15}},
        "colorway": list(CYCLE),
        "colorscale": {"sequential": SCALE, "sequentialminus": SCALE},
        "xaxis": axis,
        "yaxis": axis,
        "margin": {"l": 60, "r": 20, "t": 80, "b": 50},
        "legend": {"orientation": "h", "x": 0.0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        "hoverlabel": {"namelength": -1},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": _TEXT},
    }
    return go.layout.Template(layout=polished)


def dressed(picture: go.Figure, title: str = "", **layout: Any) -> go.Figure:
    """Return a figure with the look, and a title whose text is escaped.

    Parameters
    ----------
    picture : plotly.graph_objects.Figure
        Changed in place.
    title : str
    **layout
        Further settings of its layout.
    """
    picture.update_layout(template=template(), **layout)
    if title:
        picture.update_layout(title={"text": label(title)})
    return picture


def label(text: object) -> str:
    """Return text that Plotly shows as it is; it would take tags for markup."""
    from backtester.html_text import escaped

    return escaped(text)
