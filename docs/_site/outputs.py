"""Writes what the python blocks of pages print into the `text` blocks below them: `python docs/_site/outputs.py PAGE…`.

The blocks of a page run one after the other in one namespace, in an empty directory, as `tests/contracts/test_docs.py`
runs them. A block that prints gets a `text` block; one that does not loses it.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import re
import sys
import tempfile
import types
from pathlib import Path

BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```[ \t]*\n(\s*^```text\n.*?^```[ \t]*\n)?", re.MULTILINE | re.DOTALL)


def filled(text: str, name: str) -> str:
    """Return a page with the outputs of its blocks."""
    module = types.ModuleType(f"docs_{name}")
    sys.modules[module.__name__] = module

    def run(match: re.Match[str]) -> str:
        code = match[1]
        path = f"{name}:{match.start()}"
        linecache.cache[path] = (len(code), None, code.splitlines(keepends=True), path)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, path, "exec"), module.__dict__)
        output = printed.getvalue()
        return f"```python\n{code}```\n" + (f"\n```text\n{output}```\n" if output else "")

    return BLOCK.sub(run, text)


def main(pages: list[str]) -> None:
    """Fill the pages."""
    here = Path.cwd()
    sys.path.insert(0, str(here))
    for page in pages:
        path = (here / page).resolve()
        with tempfile.TemporaryDirectory() as empty:
            os.chdir(empty)
            os.environ["BACKTESTER_TRIALS"] = str(Path(empty, "trials.db"))  # a project of the page's own
            text = filled(path.read_text(encoding="utf-8"), path.stem)
            os.chdir(here)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
