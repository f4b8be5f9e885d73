"""A hook of the site: the navigation is the map in `docs/index.md`, its sections and the pages its tables link to.

So a page is entered once. `mkdocs build --strict` refuses a page that the map leaves out. The pages of the reference
are made by `reference.py`, and stand where the map has its heading.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HEADING = re.compile(r"^## (.+)$")
LINK = re.compile(r"^\| *\[([^\]]+)\]\(([^)#]+)\) *\|(?: *\[([^\]]+)\])?([^|]*)")
REFERENCE = "Reference"


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the pages of each section of the map, as (title, target)."""
    found: dict[str, list[tuple[str, str]]] = {}
    pages: list[tuple[str, str]] = []
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            pages = found.setdefault(heading[1], [])
        link = LINK.match(line)
        if link:
            number, target, _, rest = link.groups()
            title = f"{number} {rest.strip()}" if number.isdigit() else number.strip("`")
            pages.append((title, target))
    return {title: pages for title, pages in found.items() if pages or title == REFERENCE}


def on_config(config: Any) -> Any:
    """Set the navigation."""
    here = Path(config["docs_dir"])
    module = sys.modules["docs/_site/project_files.py"]
    nav: list[dict[str, Any]] = [{"Home": "index.md"}]
    for title, pages in sections((here / "index.md").read_text(encoding="utf-8")).items():
        entries = [{name: module.address(target, "docs/index.md")} for name, target in pages]
        if title == REFERENCE:
            entries = [{name: uri} for name, uri in sys.modules["docs/_site/reference.py"].pages()] + entries
        nav.append({title: entries})
    config["nav"] = nav
    return config
