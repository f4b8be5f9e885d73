"""The page: data, style and scripts put into one HTML file that loads nothing.

The content-security policy allows the one style, the own script and the library of candles by their hashes, and forbids
all else, the network included. Data is a JSON block that cannot end its script element, and the script puts text into
the page as text. A page without candles goes without the library.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources
from typing import Any

STYLES = ("style.css",)
SCRIPTS = (
    *("format.js", "clock.js", "chart.js", "marks.js", "candles.js", "panels.js"),
    *("drawings.js", "tables.js", "sections.js", "main.js"),
)
LIBRARY = "vendor/lightweight-charts.js"
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def render(data: dict[str, Any], title: str) -> bytes:
    """Return the page as UTF-8.

    Parameters
    ----------
    data : dict
        What `backtester.report.pages.document_of` returns; JSON values alone.
    title : str
        Of the window; any text.
    """
    style = "\n".join(map(_asset, STYLES))
    script = '"use strict";\n(() => {\n' + "\n".join(map(_asset, SCRIPTS)) + "\n})();\n"
    library = _asset(LIBRARY) if any(page["kind"] == "result" for page in data["pages"]) else ""
    slots = {
        "policy": policy(style, *filter(None, (library, script))),
        "library": f"<script>{library}</script>\n" if library else "",
        "title": html.escape(title),
        "style": style,
        "script": script,
        "data": script_safe_json(data),
    }
    page = _SLOT.sub(lambda match: slots[match[1]], _asset("page.html"))
    return page.encode("utf-8", "replace")


def policy(style: str, *scripts: str) -> str:
    """Return the content-security policy that allows exactly this style and these scripts."""
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_safe_json(value: Any) -> str:
    """Return JSON that is safe inside a script element: ASCII, and no `<`, `>` or `&`."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", *name.split("/")).read_text("utf-8")
