"""Imports point down: a module may use its own layer and those below, and no module takes part in a cycle.

Imports for type checkers alone do not count, as nothing runs. Those inside functions do count. Within a layer two
modules may call on each other (a `Result` has doors to its report, its words and its files, and they read it), but what
happens when modules are loaded has no cycle anywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import pytest
from source_tree import Import, imports, sources

PACKAGES = ("backtester", "strategies", "envs")

#: from the lowest up; a part of `backtester`, or a package beside it
LAYERS = (
    ("errors", "safe_text"),
    ("kernel",),
    (
        *("bars", "costs", "instruments", "tif", "indicators", "metrics", "trades", "round_trips"),
        *("html_text", "figure_style"),
    ),
    (
        *("strategy", "context", "compiler", "engine"),
        *("result", "frames", "comparison", "manifest", "summary_text", "notices", "report", "explain", "diff"),
        *("exchange", "archive", "database", "store", "executors", "trials", "verdict"),
    ),
    ("research", "signals"),
    ("strategies", "envs"),
    ("cli", "__main__"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
KERNEL_MAY_IMPORT = {"numba", "numpy", "llvmlite", "backtester.errors", "backtester.kernel"}
LIGHT = {"pandas", "pyarrow", "plotly", "torch", "gymnasium", "sklearn", "skorch", "scipy", "typer", "rich"}


def part_of(module: str) -> str:
    """Return the part of `backtester`, or the package, that a module belongs to; "" is the front door itself."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "backtester" else package


def homes() -> dict[str, str]:
    """Return where each name lives that the front door hands out: `from backtester import Bars` means bars."""
    from backtester import _HOMES

    return _HOMES


def upward(found: Iterable[Import]) -> list[str]:
    """Return the imports that point up, or to a part that has no layer."""
    wrong = []
    for one in found:
        if one.when == "typing" or one.target.partition(".")[0] not in PACKAGES:
            continue
        here, there = part_of(one.importer), part_of(one.target)
        if "" in (here, there) or here == there:
            continue
        if here not in RANK or there not in RANK:
            wrong.append(f"{one}; {here if here not in RANK else there} has no layer in LAYERS")
        elif RANK[there] > RANK[here]:
            wrong.append(f"{one}, which is a layer above")
    return wrong


def cycle(found: Iterable[Import], modules: Mapping[str, str]) -> list[str]:
    """Return modules that load each other in a circle, or an empty list."""
    needs: dict[str, set[str]] = {name: set() for name in modules}
    for one in found:
        if one.when == "load" and one.target in modules and not one.importer.startswith(f"{one.target}."):
            needs[one.importer].add(one.target)
    state: dict[str, int] = {}

    def visit(name: str, path: list[str]) -> list[str]:
        if state.get(name) == 2:
            return []
        if state.get(name) == 1:
            return [*path[path.index(name) :], name]
        state[name] = 1
        for target in sorted(needs[name]):
            circle = visit(target, [*path, name])
            if circle:
                return circle
        state[name] = 2
        return []

    return next((circle for name in needs if (circle := visit(name, []))), [])


@pytest.fixture(scope="module")
def modules():
    return sources(*PACKAGES)


@pytest.fixture(scope="module")
def found(modules):
    return imports(modules)


def test_every_import_points_down(found):
    assert upward(found) == []


def test_no_module_is_in_a_cycle(found, modules):
    assert cycle(found, modules) == []


def test_the_package_does_not_import_through_its_own_front_door(found, modules):
    """`from backtester import Bars` inside the package would hide which layer is meant."""
    inside = [one for one in found if one.importer.startswith("backtester.")]
    through = [str(one) for one in inside if one.target == "backtester" and _takes_a_public_name(modules, one)]
    assert through == []


def _takes_a_public_name(modules: Mapping[str, str], one: Import) -> bool:
    line = modules[one.importer].splitlines()[one.line - 1]
    return any(name in line.replace(",", " ").replace("(", " ").split() for name in homes())


def test_the_kernel_needs_numba_and_numpy_alone(found):
    allowed = KERNEL_MAY_IMPORT | set(sys.stdlib_module_names)
    wrong = [
        str(one)
        for one in found
        if one.importer.startswith("backtester.kernel")
        if not any(one.target == name or one.target.startswith(f"{name}.") for name in allowed)
    ]
    assert wrong == []


def test_heavy_libraries_are_loaded_by_the_functions_that_use_them(found, modules):
    wrong = [
        str(one)
        for one in found
        if one.when == "load" and one.importer.startswith("backtester") and one.target.partition(".")[0] in LIGHT
        if part_of(one.importer) not in ("report", "cli", "research", "signals")
        if '__name__ == "__main__"' not in modules[one.importer]  # a script, which nothing imports
    ]
    assert wrong == []


def test_strategies_and_environments_do_not_know_each_other(found):
    wrong = [
        str(one)
        for one in found
        if {one.importer.partition(".")[0], one.target.partition(".")[0]} == {"strategies", "envs"}
        if one.importer != "strategies.agent"
    ]
    assert wrong == []


def test_every_layer_name_exists_or_is_to_come(modules):
    parts = {part_of(name) for name in modules} - {""}
    assert parts <= set(RANK)
    assert set(RANK) - parts <= {"research", "signals", "envs"}


class TestTheTestsThemselves:
    """A rule that finds nothing must be able to find something."""

    def test_an_upward_import_is_found_wherever_it_hides(self):
        tree = {
            "backtester.kernel.loop": "def f():\n    if True:\n        from backtester.bars import Bars\n",
            "backtester.bars": "try:\n    import backtester.cli.app\nexcept ImportError:\n    pass\n",
            "backtester.costs": "from backtester import engine\n",
            "backtester.engine": "from . import cli\n",
            "backtester.cli": "from backtester.engine import run\nimport numpy\n",
            "backtester.cli.app": "",
        }
        found = upward(imports(tree))
        assert [text.split(",")[0] for text in found] == [
            "backtester.kernel.loop",
            "backtester.bars",
            "backtester.costs",
            "backtester.engine",
        ]

    def test_type_checking_does_not_count(self):
        tree = {"backtester.kernel.a": "if TYPE_CHECKING:\n    from backtester.cli import main\n", "backtester.cli": ""}
        assert upward(imports(tree)) == []

    def test_a_new_part_needs_a_layer(self):
        tree = {"backtester.cli": "import backtester.novelty\n", "backtester.novelty": ""}
        assert "has no layer" in upward(imports(tree))[0]

    def test_a_cycle_of_loads_is_found_and_one_of_calls_is_not(self):
        a, b, c = "backtester.bars.a", "backtester.bars.b", "backtester.bars.c"
        tree = {a: f"import {b}\n", b: f"from {c} import x\n", c: f"from {a} import y\n"}
        assert cycle(imports(tree), tree) == [a, b, c, a]
        tree[c] = f"def f():\n    from {a} import y\n"
        assert cycle(imports(tree), tree) == []

    def test_relative_imports_are_resolved(self):
        tree = {"backtester.bars.read": "from .check import near\nfrom ..errors import E\n", "backtester.bars": ""}
        assert [one.target for one in imports(tree)] == ["backtester.bars.check", "backtester.errors"]
