"""The pages "Coming from …" measured: their code runs in each library, and the equities are compared, bar by bar.

`python -m benchmarks.coming_from` runs the blocks of a page one after the other: those marked `python` here, those
marked `py` in the interpreter of `$BACKTESTER_PEERS_PYTHON` (benchmarks/README.md says what to install there), in the
same folder. `--write` keeps the figures in `results/coming_from.json` and writes them into the pages.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.launch import PEERS_PYTHON, ROOT, call, environment
from benchmarks.table import RESULTS

START, END = "<!-- measured:start -->", "<!-- measured:end -->"
BLOCK = re.compile(r"^```(python|py)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
FILE = RESULTS / "coming_from.json"
AGREE = 1e-9  # relative: equities this near are the same trades in another order of additions


@dataclass(frozen=True)
class Pair:
    """Two equity curves that a page has side by side.

    Attributes
    ----------
    says : str
        What both do.
    theirs, ours : str
        Expressions in the names of the page: the equity at the end of each bar.
    agree : bool
        Whether they must be the same.
    """

    says: str
    theirs: str
    ours: str
    agree: bool


@dataclass(frozen=True)
class Page:
    """One page, its library, and what is compared."""

    file: str
    distribution: str
    pairs: tuple[Pair, ...]

    @property
    def path(self) -> Path:
        """Where it is."""
        return ROOT / "docs" / self.file

    def blocks(self, language: str) -> list[str]:
        """Return its blocks of a language."""
        return [code for kind, code in BLOCK.findall(self.path.read_text(encoding="utf-8")) if kind == language]


_CURVE = 'stats["_equity_curve"]["Equity"]'
PAGES = (
    Page(
        "coming_from_backtesting_py.md",
        "backtesting",
        (
            Pair("as one would write it", _CURVE, "natural.equity", False),
            Pair("whole units, counted at the open", _CURVE, "like_theirs.equity", True),
        ),
    ),
    Page(
        "coming_from_vectorbt.md",
        "vectorbt",
        (
            Pair("as one would write it", "at_close.value()", "natural.equity", False),
            Pair("filled at the next open, all the cash", "at_open.value()", "all_in.equity", True),
            Pair("filled at the close of the decision", "at_close.value()", "same_close.equity", True),
        ),
    ),
    Page(
        "coming_from_finrl.md",
        "finrl",
        (
            Pair("as it comes", "env.asset_memory", "natural", False),
            Pair("filled at the close of the decision", "env.asset_memory", "same_close", True),
        ),
    ),
)

_PEER = """
import importlib.util, json, sys, types, warnings
from importlib.metadata import version
warnings.simplefilter("ignore")
request = json.load(open("request.json"))
spec = importlib.util.find_spec("finrl")
for name in ("", ".meta", ".meta.env_stock_trading", ".agents", ".agents.stablebaselines3") if spec else ():
    package = types.ModuleType("finrl" + name)  # without what the packages load by themselves: brokers' libraries
    package.__path__ = [spec.submodule_search_locations[0] + name.replace(".", "/")]
    sys.modules["finrl" + name] = package
space, curves = {}, None
for block in request["blocks"]:
    exec(block, space)
    curves = curves or [[float(x) for x in eval(curve, space)] for curve in request["curves"]]
print(json.dumps({"version": version(request["distribution"]), "curves": curves}))
"""


def ours(page: Page, folder: Path) -> list[np.ndarray]:
    """Return our equity curves of a page, run in a folder; blocks after the last name that is needed do not run."""
    space: dict[str, Any] = {"__name__": f"coming_from_{page.distribution}"}
    sys.modules[space["__name__"]] = type(sys)(space["__name__"])
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for block in page.blocks("python"):
            exec(compile(block, str(page.path), "exec"), space)
            with contextlib.suppress(NameError):
                return [np.asarray(eval(pair.ours, space), float) for pair in page.pairs]
    raise NameError(f"{page.file} does not define {', '.join(pair.ours for pair in page.pairs)}")


def theirs(page: Page, folder: Path, python: str) -> dict[str, Any]:
    """Return the library's version, and its curves as they are after its first block; or why there are none."""
    request = {
        "blocks": page.blocks("py"),
        "curves": [pair.theirs for pair in page.pairs],
        "distribution": page.distribution,
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    return call(["-W", "ignore", "-c", _PEER], python, environment(folder / "caches"), folder)


def compare(page: Page, python: str) -> dict[str, Any]:
    """Run a page in both and return its figures.

    Raises
    ------
    AssertionError
        If curves differ that must be the same.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        mine = ours(page, folder)
        answer = theirs(page, folder, python)
    if "curves" not in answer:
        return answer
    rows = []
    for pair, here, there in zip(page.pairs, mine, map(np.asarray, answer["curves"]), strict=True):
        if len(here) != len(there):
            raise AssertionError(f"{page.file}, {pair.says}: {len(here)} bars here, {len(there)} there")
        apart = float(np.max(np.abs(here / there - 1.0)))
        if pair.agree and apart > AGREE:
            raise AssertionError(f"{page.file}, {pair.says}: equities differ by {apart:.2g}")
        rows.append({"says": pair.says, "theirs": float(there[-1]), "ours": float(here[-1]), "apart": apart})
    return {"version": answer["version"], "bars": len(mine[0]), "rows": rows}


def block(page: Page, figures: dict[str, Any]) -> str:
    """Return the table of a page."""
    head = f"| | {page.distribution} {figures['version']} | backtester | largest difference of a bar's equity |"
    lines = [head, "|---|---:|---:|---:|"]
    for row in figures["rows"]:
        apart = f"{row['apart']:.2%}" if row["apart"] > AGREE else f"{row['apart']:.1g}"
        lines.append(f"| {row['says']} | {row['theirs']:,.2f} | {row['ours']:,.2f} | {apart} |")
    return "\n".join(
        [*lines, "", f"Final equity, and the difference relative to theirs, over {figures['bars']:,} bars."]
    )


def with_block(text: str, table: str) -> str:
    """Return a page with the table between its markers."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError(f"the page has no {START} … {END}")
    return f"{head}{START}\n{table}\n{END}{tail}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and write if asked to; the exit code is 1 where a library did not run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[page.distribution for page in PAGES])
    parser.add_argument("--write", action="store_true", help="keep the figures, and write them into the pages")
    asked = parser.parse_args(arguments)
    python = os.environ.get(PEERS_PYTHON, sys.executable)
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    missing = 0
    for page in PAGES:
        if asked.only not in (None, page.distribution):
            continue
        figures = compare(page, python)
        if "rows" not in figures:
            print(f"{page.file}: {figures}")
            missing += 1
            continue
        print(f"{page.file}\n{block(page, figures)}\n")
        kept[page.file] = figures
        if asked.write:
            text = page.path.read_text(encoding="utf-8")
            page.path.write_text(with_block(text, block(page, figures)), encoding="utf-8")
    if asked.write:
        FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
