"""The out-of-sample run: one account through all tests, with the strategy exchanged between two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.comparison import benchmark_rows
from backtester.engine.relay import Relay
from backtester.engine.settings import Settings
from backtester.research.walk_forward.windows import Window
from backtester.strategy import Strategy

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result

BETWEEN = ("carry", "flat")


@dataclass(frozen=True)
class Part:
    """What trades one window's test.

    Attributes
    ----------
    window : Window
    make : callable or None
        Returns a new strategy; None: nobody trades.
    parameters : dict
        All of the strategy's.
    goes_on : bool
        Whether the strategy of the part before trades on where it has the same parameters.
    why_not : str
        Why nobody trades, "" where somebody does.
    """

    window: Window
    make: Callable[[], Strategy] | None
    parameters: dict[str, Any]
    goes_on: bool = True
    why_not: str = ""


def traded_alone(part: Part, bars: Bars, settings: Settings) -> Result:
    """Return the run of one test by itself, from cash."""
    assert part.make is not None
    test = part.window.test
    with _Named(part.window):
        relay = Relay(bars[: test.stop], _until(settings, bars, test.stop), test.start - 1)
        relay.run(part.make(), test.stop)
    if relay.interrupted:
        raise KeyboardInterrupt(f"walk_forward: interrupted in the test of fold {part.window.number}; start it again")
    return relay.finish({})


def stitched(parts: Sequence[Part], bars: Bars, settings: Settings, between: str) -> Result:
    """Return the run of all tests on one account.

    A part whose strategy is that of the part before, with no bar between, goes on as if there were no border, unless
    `between` is "flat". At every other border the orders of the old strategy are cancelled; its positions are carried
    into the new one's test, or closed in the last bar of its own where `between` is "flat", or nobody trades next.
    """
    last = parts[-1].window.test.stop
    relay = Relay(bars[:last], _until(settings, bars, last), parts[0].window.test.start - 1)
    groups = _joined(parts, between)
    told: list[dict[str, Any]] = []
    handed_over = False
    for group, after in zip(groups, [*groups[1:], None], strict=True):
        begin, end = group[0].window.test.start, group[-1].window.test.stop
        if begin > relay.n_done:
            relay.stand(begin)
        if handed_over:
            relay.cancel_orders()
        plain: dict[str, Any] = {}
        if group[0].make is None:
            relay.stand(end)
            handed_over = False
        else:
            alone = after is not None and (after[0].make is None or after[0].window.test.start > end)
            close = alone or (after is not None and between == "flat")
            with _Named(group[0].window):
                leg = relay.run(group[0].make(), end, close=close)
            handed_over = not close
            plain = leg.facts["parameters"]
        told += [_told(part, bars, plain) for part in group]
        if relay.interrupted:
            break
    return _finished(relay, told, between)


def _told(part: Part, bars: Bars, plain: dict[str, Any]) -> dict[str, Any]:
    """Return what the manifest keeps of a part."""
    rows = part.window.test
    return {
        "fold": part.window.number,
        "first": str(bars.index[rows.start]),
        "last": str(bars.index[rows.stop - 1]),
        "parameters": {name: plain.get(name, value) for name, value in part.parameters.items()},
        "why_not": part.why_not,
    }


def _finished(relay: Relay, told: list[dict[str, Any]], between: str) -> Result:
    """Return the finished result of a walk."""
    warned = [text for leg in relay.legs for text in leg.strategy.manifest_facts().get("warnings", [])]
    for one in told:
        if one["why_not"]:
            warned.append(f"Nobody traded from {one['first']} to {one['last']} (fold {one['fold']}): {one['why_not']}.")
    return relay.finish({"walk_forward": {"between": between, "folds": told}, "warnings": list(dict.fromkeys(warned))})


def _joined(parts: Sequence[Part], between: str) -> list[list[Part]]:
    """Return the parts in groups through which one strategy trades on."""
    groups: list[list[Part]] = []
    for part in parts:
        before = groups[-1][-1] if groups else None
        if (
            before is not None
            and between == "carry"
            and before.make is not None
            and part.make is not None
            and same(part.parameters, before.parameters)
            and part.goes_on
            and part.window.test.start == before.window.test.stop
        ):
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two sets of parameters are equal, in their types too."""
    return one.keys() == other.keys() and all(
        value is other[name] or (type(value) is type(other[name]) and np.array_equal(value, other[name]))
        for name, value in one.items()
    )


def _until(settings: Settings, bars: Bars, stop: int) -> Settings:
    return replace(settings, benchmark=benchmark_rows(settings.benchmark, 0, stop), progress=False)


class _Named:
    """Adds the fold to an error that is raised inside."""

    def __init__(self, window: Window):
        self._window = window

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception):
            test = self._window.test
            error.add_note(
                f"walk_forward: in the test of fold {self._window.number}, bars {test.start} to {test.stop - 1}"
            )
