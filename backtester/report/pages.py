"""From what is to be reported to the pages of a document.

A `Result` has a page of its own form; any other object has one that is made of its sections. Several objects share one
document: each has a page, a chooser turns them, and several results have a first page that sets them side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from backtester.errors import ResultError
from backtester.report.columns import compact
from backtester.report.data import FORMAT, page_data
from backtester.report.sections import Reportable, Section
from backtester.report.side_by_side import period_of, side_by_side
from backtester.summary_text import clean

if TYPE_CHECKING:
    from backtester.result import Result

MOST = 200  # pages in one document
OWN_PAGES = 12  # results, up to which each has its own page in a document of several


def document_of(subject: Any, title: str = "") -> dict[str, Any]:
    """Return everything a document shows, as JSON values.

    Parameters
    ----------
    subject : Result, Reportable, or a mapping or sequence of these
        The keys of a mapping name them.
    title : str
        Of the document; by default of its first page.

    Returns
    -------
    dict
        `format`, `title`, `version`, and `pages`, each with `kind` ("result" or "sections"), `name` and `title`.

    Raises
    ------
    ResultError
        If there is nothing to report, or something that cannot be.
    """
    import backtester

    subjects = named_subjects(subject)
    results = {name: one for name, one in subjects.items() if _is_result(one)}
    pages = []
    if len(results) > 1:
        pages.append(_comparison(results))
    own = subjects if len(results) <= OWN_PAGES else {n: one for n, one in subjects.items() if n not in results}
    pages += [page_of(name, one) for name, one in own.items()]
    if len(pages) > MOST:
        raise ResultError(f"a report has at most {MOST} pages, and these are {len(pages):,}; report them in parts")
    return {
        "format": FORMAT,
        "title": title or pages[0]["title"],
        "version": backtester.__version__,
        "pages": pages,
    }


def named_subjects(subject: Any) -> dict[str, Any]:
    """Return what is to be reported by name; several of one name get numbers.

    Raises
    ------
    ResultError
        If there is nothing, or something that is neither a result nor has `report_sections`.
    """
    if isinstance(subject, Mapping):
        given = [(str(name), one) for name, one in subject.items()]
    elif _is_result(subject) or isinstance(subject, Reportable):
        given = [("", subject)]
    elif isinstance(subject, Iterable) and not isinstance(subject, str | bytes):
        given = [("", one) for one in subject]
    else:
        raise _not_reportable(subject)
    if not given:
        raise ResultError("there is nothing to report; give one result or several")
    found: dict[str, Any] = {}
    for name, one in given:
        if not (_is_result(one) or isinstance(one, Reportable)):
            raise _not_reportable(one)
        called = clean(name) or title_of(one)
        number = 2
        while (key := called if number == 2 and called not in found else f"{called} ({number})") in found:
            number += 1
        found[key] = one
    return found


def page_of(name: str, subject: Any) -> dict[str, Any]:
    """Return one page, as JSON values."""
    if _is_result(subject):
        data = page_data(subject)
        for part in ("trades", "orders"):
            data[part]["columns"] = compact(data[part]["columns"])
        for part in ("marks", "levels"):
            data[part] = {"total": data[part].pop("total"), **compact(data[part])}
        return {"name": name, **data}
    facts = [clean(str(fact)) for fact in getattr(subject, "report_facts", ())] or [kind_of(subject)]
    page = _sections_page(name, subject.report_sections(), facts)
    return page | {"title": title_of(subject, name)}


def title_of(subject: Any, otherwise: str = "") -> str:
    """Return what an object calls itself: the strategy of a result, its `report_title`, its `name`, or its class.

    `otherwise` stands for the class where it is not "".
    """
    if _is_result(subject):
        return clean(subject.manifest["strategy"])
    said = getattr(subject, "report_title", "") or getattr(subject, "name", "")
    return clean(said or otherwise or type(subject).__name__)


def kind_of(subject: Any) -> str:
    """Return a word for the class of an object: "sweep", "walk forward"."""
    name = type(subject).__name__.removesuffix("Result")
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name).strip()


def _comparison(results: dict[str, Result]) -> dict[str, Any]:
    page = _sections_page("Comparison", side_by_side(results), [f"{len(results):,} results"])
    return page | {"title": f"{len(results):,} results compared", "facts": [page["facts"][0], period_of(results)]}


def _sections_page(name: str, sections: list[Section], facts: list[str]) -> dict[str, Any]:
    listed = [section.as_json() for section in sections]
    anchors: set[str] = set()
    for section in listed:
        while section["anchor"] in anchors:
            section["anchor"] += "-next"
        anchors.add(section["anchor"])
    return {"kind": "sections", "name": name, "title": name, "facts": facts, "sections": listed}


def _is_result(subject: Any) -> bool:
    from backtester.result import Result

    return isinstance(subject, Result)


def _not_reportable(subject: Any) -> ResultError:
    return ResultError(
        f"a {type(subject).__name__} cannot be reported; give a Result, an object with report_sections() such as a "
        "Sweep or a Signal, or several of these"
    )
