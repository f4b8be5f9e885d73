"""The honest sentence at the head of a page, from `backtester.verdict` where there is one."""

from __future__ import annotations

from importlib import import_module, util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.result import Result

_MODULE = "backtester.verdict"


def verdict_data(result: Result) -> dict[str, Any] | None:
    """Return `sentence` and `rows` of the verdict on a result, as plain text; None where no verdict can be given."""
    found = _verdict(result)
    sentence = str(getattr(found, "sentence", "") or "")
    rows = honest_rows(result, found)
    return {"sentence": sentence, "rows": rows} if sentence or rows else None


def honest_rows(result: Result, verdict: Any = None) -> list[list[str]]:
    """Return what the verdict rests on, as (label, text); empty where there is no verdict."""
    found = _verdict(result) if verdict is None else verdict
    return [[str(label), str(words)] for label, words in getattr(found, "rows", None) or []]


def _verdict(result: Result) -> Any:
    if util.find_spec(_MODULE) is None:
        return None
    return import_module(_MODULE).verdict_of(result)
