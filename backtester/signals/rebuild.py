"""From a specification back to the elements of `Features`, and what may go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backtester.errors import FeatureError, did_you_mean
from backtester.signals.element import Feature
from backtester.signals.external import External
from backtester.signals.function import Function, Indicator
from backtester.signals.shipped import Shipped
from backtester.signals.sources import function_at, is_ours, source_hash

FORMAT = 1  # of the specification of Features

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
    _all_there(spec["features"], functions, external)
    elements = []
    for entry in spec["features"]:
        try:
            elements.append(_rebuilt(entry, functions, external, allow_changed))
        except (KeyError, TypeError, AttributeError) as error:
            raise FeatureError(f"from_spec: the entry {entry!r:.200} is damaged ({error!r})") from error
    return elements, spec.get("hold", 0)


def _all_there(entries: list[Any], functions: Functions, external: Arrays) -> None:
    """Check that what cannot be found by itself was passed in, and that nothing else was."""
    called = [e["name"] for e in entries if isinstance(e, Mapping) and e.get("kind") in ("function", "indicator")]
    lost = [e["name"] for e in entries if isinstance(e, Mapping) and e.get("name") in called and not e.get("function")]
    arrays = [e["names"][0] for e in entries if isinstance(e, Mapping) and e.get("kind") == "external"]
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
        return found
    if kind not in (Function.kind, Indicator.kind):
        kinds = [one.kind for one in (Shipped, Function, Indicator, External)]
        raise FeatureError(f"from_spec: there is no kind {kind!r}{did_you_mean(str(kind), kinds)}; one of {kinds}")
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
