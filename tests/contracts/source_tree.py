"""What modules import, read from their syntax trees; nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """One module that another imports.

    `when` is "load" (as the importer is loaded), "call" (inside a function) or "typing" (for type checkers alone).
    """

    importer: str
    target: str
    when: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: imports {self.target}"


def sources(*packages: str) -> dict[str, str]:
    """Return the source of every module of the packages, by dotted name."""
    found = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def imports(modules: Mapping[str, str]) -> list[Import]:
    """Return every import of every module, with submodules named where `from package import submodule` means one."""
    return [found for name, text in modules.items() for found in _of(name, text, modules)]


def _of(name: str, text: str, modules: Mapping[str, str]) -> Iterator[Import]:
    package = name if any(other.startswith(f"{name}.") for other in modules) else name.rpartition(".")[0]
    for node, when in _statements(ast.parse(text).body, "load"):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, when, node.lineno)
            continue
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, base] if base else above)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield Import(name, inner if inner in modules else base, when, node.lineno)


def _statements(body: list[ast.stmt], when: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, when
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _statements(node.body, "call" if when == "load" else when)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from _statements(node.body, "typing")
            yield from _statements(node.orelse, when)
        else:
            for field in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, field, []), when)
            for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                yield from _statements(part.body, when)
