"""A hook of the site: files of the project that its pages link to, such as examples and the glossary, become pages.

A Markdown file is a page as it is, a notebook its cells, a source file is shown with its lines, and a folder is the
list of what is in it. Links are resolved here, since the site has no other place to send a reader to.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(```.*?^```[ \t]*$)", re.MULTILINE | re.DOTALL)
LANGUAGES = {".py": "python", ".yml": "yaml", ".toml": "toml"}
LISTED = {".md", ".ipynb", *LANGUAGES}
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}


def address(target: str, source: str) -> str:
    """Return the page that a link leads to.

    Parameters
    ----------
    target : str
        As it is written in the source, relative to it.
    source : str
        The file with the link, relative to the project.

    Returns
    -------
    str
        Relative to `docs/`; files outside it are below `project/`.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if (ROOT / path).is_dir():
        return f"project/{path}/index.md"
    return f"project/{path}" if path.endswith(".md") else f"project/{path}.md"


def linked(text: str, source: str) -> set[str]:
    """Return the files of the project, outside `docs/`, that a Markdown text links to."""
    found = set()
    for part in FENCE.split(text)[::2]:
        for _, target, _ in LINK.findall(part):
            if "://" not in target and not target.startswith("mailto:"):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
                if not path.startswith("docs/"):
                    found.add(path)
    return found


def rewritten(text: str, source: str, uri: str) -> str:
    """Return a Markdown text whose links lead to pages of the site, as seen from the page `uri`."""

    def link(match: re.Match[str]) -> str:
        before, target, anchor = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        return f"{before}{posixpath.relpath(address(target, source), posixpath.dirname(uri) or '.')}{anchor or ''})"

    parts = FENCE.split(text)
    parts[::2] = [LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def as_markdown(path: str) -> str:
    """Return a file or a folder of the project as a page, with links as seen from its own place."""
    here = ROOT / path
    if here.is_dir():
        return _folder(here)
    text = here.read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    if path.endswith(".ipynb"):
        return _notebook(text)
    return f"# {here.name}\n\n`{path}`\n\n````{LANGUAGES.get(here.suffix, 'text')}\n{text.rstrip()}\n````\n"


def _folder(here: Path) -> str:
    rows = [f"# {here.name}/", "", "| | |", "|---|---|"]
    for path in sorted(here.iterdir()):
        if path.is_file() and path.suffix in LISTED and path.name != "__init__.py":
            rows.append(f"| [{path.name}]({path.name}) | {_first_line(path)} |")
        elif path.is_dir() and path.name not in LEFT_OUT:
            rows.append(f"| [{path.name}/]({path.name}) | |")
    return "\n".join(rows) + "\n"


def _notebook(text: str) -> str:
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(source if kind == "markdown" else f"```python\n{source}\n```" for kind, source in cells) + "\n"


def _first_line(path: Path) -> str:
    if path.suffix != ".py":
        return ""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def on_files(files: Any, config: Any) -> Any:
    """Add a page for every file of the project that a page links to, and for those that these link to."""
    from mkdocs.structure.files import File

    docs = Path(config["docs_dir"])
    waiting: set[str] = set()
    for file in files.documentation_pages():
        if file.generated_by is None:
            waiting |= linked((docs / file.src_uri).read_text(encoding="utf-8"), f"docs/{file.src_uri}")
    done: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in done or not (ROOT / path).exists():
            continue
        done.add(path)
        text = as_markdown(path)
        source = f"{path}/index.md" if (ROOT / path).is_dir() else path
        uri = address(path, "README.md")
        files.append(File.generated(config, uri, content=rewritten(text, source, uri)))
        if path.endswith(".md") or (ROOT / path).is_dir():
            waiting |= linked(text, source)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead links out of `docs/` to the pages made for them."""
    if page.file.generated_by is not None:
        return markdown
    return rewritten(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)
