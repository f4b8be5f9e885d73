"""A hook of the site: the tutorial is run, and the report that it ends with is shown at `<!-- report -->`."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = "tutorial.md"
MARK = "<!-- report -->"
REPORT = "assets/tutorial_report.html"
FRAME = f"""<iframe src="{REPORT}" title="The report of the tutorial" class="report" loading="lazy"></iframe>

<a href="{REPORT}">The report by itself</a>"""


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put the report where the tutorial has its place."""
    return markdown.replace(MARK, FRAME) if page.file.src_uri == PAGE else markdown


def on_post_build(config: Any) -> None:
    """Run the tutorial in an empty folder, and keep its `report.html`."""
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    from outputs import filled

    text = (Path(config["docs_dir"]) / PAGE).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        filled(text, "tutorial")
        shutil.copyfile("report.html", Path(config["site_dir"]) / REPORT)
    del sys.path[:2]
