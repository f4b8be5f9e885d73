"""From a specification back to the elements of `Features`, and what may go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from backtester.errors import FeatureError, did_you_mean
from backtester.signals.features.cross_sectional import CrossSectional
from backtester.signals.features.element import Feature
from backtester.signals.features.external import External
from backtester.signals.features.function import Function, Indicator
from backtester.signals.features.lag import Lag
from backtester.signals.features.on import On
from backtester.signals.features.shipped import Shipped
from backtester.signals.features.sources import function_at, is_ours, source_hash

FORMAT = 1  # of the specification of Features

_CALLED: dict[str, Any] = {"name": str, "function": str | None, "source": str | None, "settings": Mapping}
_WRAPPED: dict[str, Any] = {"feature": Mapping, "name": str | None}
_NEEDS: dict[str, dict[str, Any]] = {
    Shipped.kind: {"feature": str, "settings": Mapping, "name": str},
    Function.kind: _CALLED,
    Indicator.kind: {**_CALLED, "inputs": Mapping, "output": int | None},
    External.kind: {"names": list},
    CrossSectional.kind: {**_WRAPPED, "method": str},
    Lag.kind: {**_WRAPPED, "k": int},
    On.kind: {**_WRAPPED, "freq": str},
}
_OWN = ("feature", "function", "name", "output")  # parameters of the elements themselves

Functions = dict[str, Callable[..., Any]]
Arrays = dict[str, External]


def elements_from(
    spec: Mapping[str, Any], functions: Functions, external: Arrays, allow_changed: bool
) -> tuple[list[Feature], int | None]:
    """Return the elements and `hold` of a specification; see `Features.from_spec`."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("features"), list):
        raise FeatureError(f"from_spec: {spec!r:.80} is not a specification; it is what Features.spec() returns")
    if spec.get("format") != FORMAT:
        raise FeatureError(f"from_spec: the format is {spec.get('format')!r}, and this version reads {FORMAT}")
    entries: list[Mapping[str, Any]] = [_whole(n, entry) for n, entry in enumerate(spec["features"])]
    _all_there(entries, functions, external)
    return [_rebuilt(entry, functions, external, allow_changed) for entry in entries], spec.get("hold", 0)


def _whole(number: int, entry: Any) -> Mapping[str, Any]:
    """Return an entry if it has what its kind needs, each of the right type."""
    where = f"from_spec: entry {number} of the specification, {entry!r:.200}"
    kind = entry.get("kind") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str) or kind not in _NEEDS:
        kinds = ", ".join(map(repr, _NEEDS))
        raise FeatureError(f"{where}, has the kind {kind!r}{did_you_mean(str(kind), _NEEDS)}; one of {kinds}")
    for key, type_ in _NEEDS[kind].items():
        if not isinstance(entry.get(key), type_) or entry.get(key) == []:
            raise FeatureError(f"{where}, is damaged: {key} is {entry.get(key)!r}")
    given = [*entry.get("settings", ()), *entry.get("inputs", ())]
    odd = [name for n, name in enumerate(given) if name in (*_OWN, *given[:n])]
    if odd:
        raise FeatureError(f"{where}, is damaged: {odd[0]!r} is no setting, or is there twice")
    if _is_wrapped(entry):
        _whole(number, entry["feature"])
    return entry


def _is_wrapped(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry is made of another one."""
    return isinstance(entry.get("feature"), Mapping)


def _flat(entries: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield entries, and those they are made of."""
    for entry in entries:
        yield entry
        if _is_wrapped(entry):
            yield from _flat([entry["feature"]])


def _all_there(entries: list[Mapping[str, Any]], functions: Functions, external: Arrays) -> None:
    """Check that what cannot be found by itself was passed in, and that nothing else was."""
    parts = list(_flat(entries))
    made = [entry for entry in parts if entry["kind"] in (Function.kind, Indicator.kind)]
    called = [entry["name"] for entry in made]
    lost = [entry["name"] for entry in made if entry["function"] is None]
    arrays = [entry["names"][0] for entry in parts if entry["kind"] == External.kind]
    missing = [name for name in lost if name not in functions]
    if missing:
        raise FeatureError(
            f"from_spec: the functions of {', '.join(map(repr, missing))} have no address in a package (they were "
            f"lambdas, nested, or of a script or notebook); pass them in: functions={{{missing[0]!r}: …}}"
        )
    missing = [name for name in arrays if name not in external]
    if missing:
        raise FeatureError(
            f"from_spec: the arrays of {', '.join(map(repr, missing))} are data, and not part of a specification; pass "
            f"them in: external={{{missing[0]!r}: External(…)}}"
        )
    for word, given, known in (("functions", functions, called), ("external", external, arrays)):
        for name in given:
            if name not in known:
                raise FeatureError(
                    f"from_spec: {word} has {name!r}{did_you_mean(name, known)}, which the specification has not; "
                    f"it has {', '.join(map(repr, known)) or 'none'}"
                )


def _rebuilt(entry: Mapping[str, Any], functions: Functions, external: Arrays, allow_changed: bool) -> Feature:
    kind = entry["kind"]
    if kind == Shipped.kind:
        return Shipped(entry["feature"], name=entry["name"], **entry["settings"])
    if kind == External.kind:
        found = external[entry["names"][0]]
        if not isinstance(found, External) or list(found.columns) != entry["names"]:
            raise FeatureError(
                f"from_spec: external[{entry['names'][0]!r}] must be an External with the columns {entry['names']}, "
                f"found {found!r:.80}"
            )
        if found.spec() != entry:
            raise FeatureError(
                f"from_spec: external[{entry['names'][0]!r}] is used in another way than the specification says: "
                f"{found.spec().get('events')}, not {entry.get('events')}"
            )
        return found
    if _is_wrapped(entry):
        inner = _rebuilt(entry["feature"], functions, external, allow_changed)
        if kind == CrossSectional.kind:
            return CrossSectional(inner, entry["method"], name=entry["name"])
        if kind == Lag.kind:
            return Lag(inner, entry["k"], name=entry["name"])
        return On(entry["freq"], inner, name=entry["name"])
    function = _function(entry, functions, allow_changed)
    if kind == Function.kind:
        return Function(function, name=entry["name"], **entry["settings"])
    return Indicator(function, name=entry["name"], output=entry["output"], **entry["inputs"], **entry["settings"])


def _function(entry: Mapping[str, Any], functions: Functions, allow_changed: bool) -> Callable[..., Any]:
    """Return the function of an entry, passed in or found by its address, if its source is what it was."""
    name = entry["name"]
    function = functions[name] if name in functions else function_at(entry["function"], name)
    if allow_changed or entry["source"] is None or is_ours(entry["function"]):
        return function
    if source_hash(function) != entry["source"]:
        raise FeatureError(
            f"from_spec: the source of feature {name!r} is not what it was when the specification was written; restore "
            "it, or take it as it is now with allow_changed=True"
        )
    return function
