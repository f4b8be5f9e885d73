"""The page of a benchmark: one HTML file that loads nothing and runs nothing.

It is made from the document alone (`results`), so that a page can be made again from a stored JSON. There is no script:
drawings are SVG, and the content-security policy allows the one style by its hash and forbids all else. Whatever is
text in the document is text on the page: every piece goes through `escaped`.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from envs.benchmark.config import SCENARIOS
from envs.benchmark.drawings import escaped, histogram, lines, number, seeds
from envs.benchmark.results import alarms

Data = Mapping[str, Any]
USUAL = "costs 1x"


def render(document: Data) -> bytes:
    """Return the page of a document as UTF-8."""
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; img-src data:; base-uri 'none'; form-action 'none'"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n',
        f"<title>{escaped(document['name'])} – agents</title>\n<style>{style}</style>\n</head>\n<body>\n",
        _head(document),
        *(_task(task) for task in document["tasks"]),
        _profiles(document["profiles"]),
        *(_market(market) for market in document["markets"]),
        "</body>\n</html>\n",
    ]
    return "".join(parts).encode("utf-8", "replace")


def write_page(document: Data, path: Path) -> None:
    """Write the page of a document, in full or not at all.

    Raises
    ------
    ResultError
        If it cannot be written.
    """
    from backtester.report.files import write_whole

    write_whole(path, render(document), "page")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], apart: Sequence[int] = ()) -> str:
    """Return a table of cells that are HTML already; rows with a number in `apart` are set apart."""
    head = "".join(f"<th>{escaped(text)}</th>" for text in heads)
    body = "".join(
        f"<tr{' class=apart' if i in apart else ''}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
        for i, row in enumerate(rows)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _head(document: Data) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in document["versions"].items())
    seeds_text = ", ".join(map(str, document["seeds"]))
    notices = [("bad", text) for text in alarms(document)]
    if document["few_seeds"]:
        notices.append(
            ("warn", f"Only {len(document['seeds'])} seeds: enough to see that it works, not who is better.")
        )
    notices += [("warn", text) for text in _degenerate(document)]
    if not notices:
        notices = [("", "No alarm rang, no run failed, no test range was opened twice, no policy is degenerate.")]
    listed = "".join(f'<li class="{kind}">{escaped(text)}</li>' for kind, text in notices)
    return (
        f"<h1>{escaped(document['name'])}</h1><p>{escaped(document['description'])}</p>"
        f"<p><code>{escaped(document['command'])}</code></p>"
        f'<p class="muted">{escaped(versions)}. {escaped(document["machine"])}, {document["seconds"]:,.0f} s of runs. '
        f"Seeds {escaped(seeds_text)}. Config {escaped(document['digest'][:12])}.</p>"
        '<p class="muted">Intervals: 95 %, stratified bootstrap over seeds, '
        f"{document['resamples']:,} resamples. They say what another ten trainings would give, not what another "
        "market or another time would.</p>"
        f'<ul class="notices">{listed}</ul>\n'
    )


def _degenerate(document: Data) -> list[str]:
    parts = [(one["id"], one) for one in document["tasks"]] + [(one["name"], one) for one in document["markets"]]
    return [
        f"{name}: {algorithm['name']}, {text}"
        for name, part in parts
        for algorithm in part["algorithms"]
        for text in algorithm["degenerate"]
    ]


def interval(estimate: Mapping[str, float] | None, digits: int = 4) -> str:
    """Return an interval as text."""
    if estimate is None:
        return "–"
    return f"{number(estimate['low'], digits)} to {number(estimate['high'], digits)}"


def _task(task: Data) -> str:
    key = "value" if task["leak_alarm"] else "score"
    shown = [run[key] for one in task["algorithms"] for run in one["runs"] if run.get(key) is not None]
    marks = [0.0] if task["leak_alarm"] else [0.0, 1.0]
    low, high = min([*shown, *marks]), max([*shown, *marks])
    span = (low - 0.02 * (high - low or 1.0), high + 0.02 * (high - low or 1.0))
    rows = []
    for one in task["algorithms"]:
        estimate, values = one[key], [run[key] for run in one["runs"] if run.get(key) is not None]
        drawn = seeds(values, estimate["value"], estimate["low"], estimate["high"], span, marks) if estimate else ""
        rows.append(
            [
                escaped(one["name"]),
                f"{one['total_timesteps']:,}",
                "best of its validations" if one.get("validation_episodes") else "last",
                number(estimate["value"] if estimate else None),
                interval(estimate),
                _reach(one),
                drawn,
            ]
        )
    what = "mean reward a step" if task["leak_alarm"] else "score (interquartile mean)"
    told = (
        "Nothing can be earned here: whoever does has seen the future."
        if task["leak_alarm"]
        else (
            f"Optimum {number(task['optimum'], 6)} a {task['unit'] or 'step'}, score 1; "
            f"base {number(task['base'], 6)}, score 0."
        )
    )
    settings = ", ".join(f"{name} = {value}" for name, value in task["settings"].items())
    return (
        f"<h2>{escaped(task['id'])}</h2><p>{escaped(told)} {escaped(settings)}</p>"
        + table(("algorithm", "steps", "agent", what, "interval", "to reach", "seeds"), rows)
        + _alarms(task["alarms"])
        + _curves(task["algorithms"])
        + _runs(task["algorithms"])
    )


def _reach(one: Data) -> str:
    failed = f' <span class="no">{one["failed"]} failed</span>' if one["failed"] else ""
    if one["reach"] is None:
        return failed
    verdict = '<span class="yes">reached</span>' if one["met"] else '<span class="no">missed</span>'
    return f"≥ {one['reach']:g} {verdict}{failed}"


def _alarms(found: Sequence[Data]) -> str:
    if not found:
        return ""
    rows = [
        [
            escaped(one["name"]),
            escaped(one["test"]),
            number(one["mean"], 6),
            number(one["bound"], 6),
            f"{one['p_value']:.2g}",
            f"{one['adjusted']:.2g}",
            '<span class="no">yes</span>' if one["alarm"] else "no",
        ]
        for one in found
    ]
    return "<h3>Alarms</h3>" + table(("agent", "test", "mean", "bound", "p", "p (Holm)", "rings at 1 %"), rows)


def _curves(algorithms: Sequence[Data]) -> str:
    parts = []
    for i, one in enumerate(algorithms):
        series = [(one["name"], i, run["curve"]) for run in one["runs"] if run.get("curve")]
        drawn = lines(series, "steps", f"{one['name']}: episode return while training, a line a seed")
        parts.append(f"<div>{drawn}{_actions(one)}</div>")
    return f'<div class="grid-of">{"".join(parts)}</div>'


def _actions(one: Data) -> str:
    warning = "".join(f'<li class="warn">{escaped(text)}</li>' for text in one["degenerate"])
    listed = f'<ul class="notices">{warning}</ul>' if warning else ""
    drawn = histogram(one["labels"], one["actions"])
    return f'<p class="muted">{escaped(one["name"])}: actions, all seeds</p>{drawn}{listed}'


def _runs(algorithms: Sequence[Data]) -> str:
    rows = [
        [
            escaped(one["name"]),
            str(run["seed"]),
            number(run.get("value"), 6),
            number(run.get("error"), 6),
            number(run.get("score")),
            f"{run.get('steps', 0):,}",
            f"{run.get('train_seconds', 0.0):,.0f} s",
            escaped(run.get("failed", "")),
        ]
        for one in algorithms
        for run in one["runs"]
    ]
    heads = ("algorithm", "seed", "value", "± (evaluation)", "score", "steps evaluated", "training", "failed")
    return f"<details><summary>Every seed</summary>{table(heads, rows)}</details>"


def _profiles(profiles: Sequence[Data]) -> str:
    if not profiles:
        return ""
    series, bands = [], []
    for i, one in enumerate(profiles):
        points = list(zip(one["thresholds"], one["fractions"], strict=True))
        series.append((f"{one['algorithm']} ({len(one['tasks'])} tasks)", i, points))
        bands.append((i, list(zip(one["thresholds"], one["low"], one["high"], strict=True))))
    return (
        "<h2>Performance profiles</h2><p>The fraction of runs with a score above what stands below; shaded is the "
        "interval of each point. Algorithms that ran different tasks do not compare.</p>"
        + lines(series, "score", "fraction of runs with a higher score", bands=bands)
    )


def _market(market: Data) -> str:
    ranges = [
        [str(i), *(escaped(" to ".join(time[:10] for time in fold[name])) for name in ("train", "validate", "test"))]
        for i, fold in enumerate(market["folds"])
    ]
    costs = ", ".join(f"{name} {value}" for name, value in market["costs"].items()) or "none"
    data = market["data"]
    opened = market["openings"]
    return (
        f"<h2>{escaped(market['name'])}</h2>"
        f"<p>{escaped(data['symbol'])} ({escaped(data['source'])}, {escaped(data['content_hash'][:12])}); costs at 1x: "
        f"{escaped(costs)}; tested: the {escaped(market['checkpoint'])} checkpoint. Agents are trained at 1x, and each "
        "is played through its test range four ways, from one opening. Every fold begins flat.</p>"
        + "".join(_scenario(market, name) for name in SCENARIOS)
        + _equities(market)
        + _curves([_of_market(one) for one in market["algorithms"]])
        + "<h3>Folds</h3>"
        + table(("fold", "train", "validate", "test"), ranges)
        + f'<p class="muted">Test ranges opened {opened["total"]} times, by {escaped(", ".join(opened["configs"]))}; '
        f"opened again by the same algorithm and seed: {len(opened['again'])}.</p>" + _market_runs(market["algorithms"])
    )


def _of_market(one: Data) -> dict[str, Any]:
    """Return an algorithm of a market as `_curves` takes it: a line for each seed and fold."""
    runs = [{"curve": curve} for run in one["runs"] for curve in run.get("curves", ())]
    return {**one, "runs": runs}


def _scenario(market: Data, name: str) -> str:
    bound = market["oracle"][name]
    rows, apart = [], []
    for one in market["algorithms"]:
        rows.append(_measured(one["name"], one["scenarios"][name], bound))
    for one in market["baselines"]:
        apart.append(len(rows))
        if "intervals" in one:
            rows.append(_measured(one["name"], one["intervals"][name], bound))
        else:
            told = {key: None if value is None else {"value": value} for key, value in one["scenarios"][name].items()}
            rows.append(_measured(one["name"], told, bound))
    apart.append(len(rows))
    rows.append(["hindsight oracle (upper bound)", _percent(_yearly(bound)), *["–"] * 6, "100 %"])
    heads = ("", "growth a year", "interval", "Sharpe", "interval", "max drawdown", "turnover a year", "costs a year")
    return f"<h3>{escaped(name)}</h3>" + table((*heads, "of the oracle's log growth"), rows, apart)


def _measured(name: str, told: Data, bound: float) -> list[str]:
    growth, sharpe = told["growth"], told["sharpe"]
    return [
        escaped(name),
        _percent(_value(growth)),
        f"{_percent(growth['low'])} to {_percent(growth['high'])}" if growth and "low" in growth else "",
        number(_value(sharpe), 2),
        interval(sharpe, 2) if sharpe and "low" in sharpe else "",
        _percent(_value(told["max_drawdown"])),
        number(_value(told["turnover"]), 1),
        _percent(_value(told["costs"])),
        _share(_value(growth), bound),
    ]


def _value(estimate: Mapping[str, float] | None) -> float | None:
    return None if estimate is None else estimate["value"]


def _percent(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100.0 * value:.2f} %" if abs(value) < 1e4 else f"{100.0 * value:.2g} %"


def _yearly(log_growth: float) -> float:
    return math.expm1(min(log_growth, 700.0))


def _share(growth: float | None, bound: float) -> str:
    if growth is None or growth <= -1.0 or bound <= 0.0:
        return "–"
    return f"{100.0 * math.log1p(growth) / bound:.1f} %"


def _equities(market: Data) -> str:
    series = [
        (one["name"], i, run["equity"])
        for i, one in enumerate(market["algorithms"])
        for run in one["runs"]
        if "equity" in run
    ]
    for one in market["baselines"]:
        if one["name"] in ("buy and hold", "SMA cross", "momentum"):
            series.append((one["name"], 5, one["equity"]))
    return lines(series, "bars of the test ranges", f"Wealth through all test ranges, {USUAL}, a line a seed")


def _market_runs(algorithms: Sequence[Data]) -> str:
    rows = []
    for one in algorithms:
        for run in one["runs"]:
            cells = [escaped(one["name"]), str(run["seed"])]
            if "failed" in run:
                rows.append([*cells, *["–"] * (2 * len(SCENARIOS)), escaped(run["failed"])])
                continue
            for name in SCENARIOS:
                cells += [_percent(run[name]["growth"]), number(run[name]["sharpe"], 2)]
            rows.append([*cells, ""])
    heads = [text for name in SCENARIOS for text in (f"growth, {name}", f"Sharpe, {name}")]
    return f"<details><summary>Every seed</summary>{table(('algorithm', 'seed', *heads, 'failed'), rows)}</details>"
