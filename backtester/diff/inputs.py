"""What two runs were given: strategy, parameters, settings, seed, mode and versions, and where these differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.summary_text import clean

if TYPE_CHECKING:
    from backtester.result import Result

ABSENT = "absent"  # of a setting that one of the runs does not know
#: settings that metrics read, and the run does not
ONLY_METRICS = ("benchmark", "risk_free", "periods_per_year")


@dataclass(frozen=True)
class Input:
    """One thing that two runs were given differently.

    Attributes
    ----------
    group : str
        strategy, parameters, settings, seed, run or versions.
    name : str
        Such as `costs.slippage` or `fast`.
    a, b : object
        The two values, as in the manifests; "absent" where a manifest has no such entry.
    matters : bool
        False for what cannot change what a run does: settings of metrics, the mode, versions of Python.
    """

    group: str
    name: str
    a: Any
    b: Any
    matters: bool = True

    @property
    def text(self) -> str:
        """The name and both values."""
        label = {"parameters": "parameter ", "versions": "version of "}.get(self.group, "")
        if self.name == "source code":
            return "the source code of the strategy"
        return f"{label}{clean(self.name)} {value_text(self.a)} → {value_text(self.b)}"


def inputs_of(result: Result) -> dict[tuple[str, str], Any]:
    """Return what a run was given, by (group, name); nested settings have dots in their names."""
    manifest = result.manifest
    found: dict[tuple[str, str], Any] = {
        ("strategy", "strategy"): manifest["strategy"],
        ("strategy", "source code"): manifest["source_hash"],
    }
    for group in ("parameters", "settings"):
        found.update({(group, name): value for name, value in flat(manifest[group])})
    found[("seed", "seed")] = manifest["seed"]
    found[("run", "interrupted")] = manifest["interrupted"]
    found[("run", "mode")] = manifest["mode"]
    found.update({("versions", name): value for name, value in manifest["versions"].items()})
    return found


def input_changes(a: Result, b: Result) -> tuple[Input, ...]:
    """Return what two runs were given differently, in the order of the manifest; data apart.

    The source of a strategy is compared by its hash, which covers the class and not what it imports.
    """
    one, other = inputs_of(a), inputs_of(b)
    found = []
    for key in dict.fromkeys((*one, *other)):
        x, y = one.get(key, ABSENT), other.get(key, ABSENT)
        if x == y and type(x) is type(y):
            continue
        if isinstance(x, (int, float)) and isinstance(y, (int, float)) and x == y and bool not in (type(x), type(y)):
            continue
        group, name = key
        idle = name in ONLY_METRICS or (group == "run" and name != "interrupted")
        idle = idle or (group == "versions" and name != "backtester")
        found.append(Input(group, name, x, y, not idle))
    return tuple(found)


def flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of nested settings, with the names joined by dots."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def value_text(value: Any) -> str:
    """Return a value of a manifest for one line, shortened where it is long."""
    text = f"{value:.10g}" if isinstance(value, float) else clean(value if isinstance(value, str) else repr(value))
    return text if len(text) <= 60 else text[:57] + "..."
