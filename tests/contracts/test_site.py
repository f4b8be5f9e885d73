"""The hooks of the site: navigation from the map, links out of `docs/` to pages made for them, every public name.

The site itself is built by `bootstrap.py docs`, which CI runs; these need no mkdocs.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

import backtester

ROOT = Path(__file__).resolve().parents[2]
TIMES_IN_FORCE = {"DAY", "FOK", "GTC", "GTD", "IOC"}  # numbers; docs/ctx.md has them


def hook(name: str):
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / "docs" / "_site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


navigation, project_files, reference = hook("navigation"), hook("project_files"), hook("reference")


def test_the_navigation_is_the_map():
    text = """# Map

| [no section](lost.md) | is not a page of any |

## Start

| page | answers |
|---|---|
| [`ctx`](ctx.md) | everything |
| [Glossary](../GLOSSARY.md) | words |

See [more](more.md).

## Empty

## Decisions

| | |
|---|---|
| [0001](decisions/0001-x.md) | Why x |
"""
    assert navigation.sections(text) == {
        "Start": [("ctx", "ctx.md"), ("Glossary", "../GLOSSARY.md")],
        "Decisions": [("0001 Why x", "decisions/0001-x.md")],
    }


def test_the_map_has_the_sections_of_a_newcomers_way():
    found = navigation.sections((ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    wanted = ["Start", "How-to", "Guides", "Concepts", "Reference", "Coming from", "Project", "Decisions"]
    assert list(found) == wanted
    targets = [target for pages in found.values() for _, target in pages]
    assert len(targets) == len(set(targets))
    for target in targets:
        assert (ROOT / "docs" / target).exists()


@pytest.mark.parametrize(
    ("target", "source", "page"),
    [
        ("timeline.md", "docs/index.md", "timeline.md"),
        ("../timeline.md", "docs/decisions/0002-fill-timing.md", "timeline.md"),
        ("../GLOSSARY.md", "docs/index.md", "project/GLOSSARY.md"),
        ("../examples", "docs/index.md", "project/examples/index.md"),
        ("../../examples/03_bracket.py", "docs/howto/brackets.md", "project/examples/03_bracket.py.md"),
        ("docs/ctx.md", "README.md", "ctx.md"),
    ],
)
def test_a_link_leads_to_a_page_of_the_site(target, source, page):
    assert project_files.address(target, source) == page


def test_links_are_written_anew_as_seen_from_the_page_but_not_in_code():
    text = "[a](../GLOSSARY.md#bar), [b](https://x.org), [c](ctx.md)\n```text\n[d](../GLOSSARY.md)\n```\n"
    assert project_files.rewritten(text, "docs/howto.md", "howto.md") == (
        "[a](project/GLOSSARY.md#bar), [b](https://x.org), [c](ctx.md)\n```text\n[d](../GLOSSARY.md)\n```\n"
    )
    assert project_files.rewritten("[a](docs/ctx.md)", "README.md", "project/README.md") == "[a](../ctx.md)"


def test_a_notebook_becomes_its_cells():
    page = project_files.as_markdown("examples/notebooks/01_from_csv_to_verdict.ipynb")
    assert page.startswith("# From a CSV to a verdict\n")
    assert "```python\nimport tempfile\n" in page


@pytest.mark.parametrize("part", reference.PARTS, ids=lambda part: part.title)
def test_a_page_of_the_reference_has_what_the_package_offers(part):
    page = reference.markdown(part)
    offered = set(part.names) or set(getattr(importlib.import_module(part.package), "__all__", ()))
    known = reference.names_of(part.package)
    for name in offered - {"__version__"}:
        if not isinstance(getattr(importlib.import_module(part.package), name), type(importlib)):
            assert f"::: {known.get(name, f'{part.at}.{name}')}\n" in page, f"{part.title} lacks {name}"


def test_every_public_name_is_in_the_reference():
    names = {name for part in reference.PARTS for name in part.names or reference.names_of(part.package)}
    assert set(backtester.__all__) - {"__version__"} - TIMES_IN_FORCE <= names
