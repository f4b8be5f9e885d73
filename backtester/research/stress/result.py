"""What `stress` hands back: `Stress`, one table of all scenarios and what it comes to."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean
from backtester.research.stress.plan import BASE, KINDS

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from backtester.report.sections import Section
    from backtester.research.stress.edge import Edge
    from backtester.research.stress.lab import Outcome
    from backtester.research.stress.plan import Plan
    from backtester.research.stress.search import BreakEven
    from backtester.result import Result

#: metrics in the table, beside the one that is looked at
SHOWN = ("total_return", "cagr", "sharpe", "max_drawdown", "n_trades", "total_costs", "final_equity")
#: kinds whose scenarios are draws, and share no scale
DRAWN = ("bootstrap", "luck")
#: kinds that have no scale from little to much
UNORDERED = ("same_bar", *DRAWN)
LEVEL = 0.05  # the share of draws, and the p-value, up to which an edge is said to survive


@dataclass(frozen=True)
class KindSummary:
    """What the scenarios of one kind come to.

    Attributes
    ----------
    kind : str
    scenarios, failed : int
        How many ran, and how many of them raised.
    worst, median, best : float
        Of the metric, over those that did not raise; NaN where it is undefined in all of them.
    quantile_05, quantile_95 : float
        Between these lie nine tenths of its values.
    lost : int
        In how many of these the edge does not hold.
    survives : bool or None
        None where nothing ran, or where it hangs on scenarios that raised. "bootstrap" is survived where at most 5 % of
        the draws are lost; "luck" where its p-value is at most 5 %, for which it takes 19 draws: None where fewer have
        none as good.
    breaks_at : float
        See `Stress.breaking_point`; NaN for kinds without a scale.
    p_value : float
        Of "luck": (1 + markets in which the metric is as high or higher) / (1 + markets); else NaN.
    note : str
        Why the kind, or some of it, is not applicable.
    """

    kind: str
    scenarios: int
    failed: int
    worst: float
    median: float
    best: float
    quantile_05: float
    quantile_95: float
    lost: int
    survives: bool | None
    breaks_at: float
    p_value: float
    note: str


class Stress:
    """The outcome of `stress`.

    Attributes
    ----------
    result : Result
        The run that was stressed.
    metric : str
        Where the edge is looked for.
    floor : float
        The value of the metric at which there is none.
    break_even : BreakEven or None
        The multiple of the costs at which the edge is lost, with its bracket; None where costs were not stressed.
    block_length : float
        Mean number of bars in a block of the bootstrap; NaN where there was none.
    interrupted : bool
        Whether Ctrl-C ended it early.
    """

    def __init__(
        self,
        result: Result,
        outcomes: Sequence[Outcome],
        edge: Edge,
        break_even: BreakEven | None,
        interrupted: bool,
        plan: Plan,
    ):
        self.result = result
        self.metric = edge.metric
        self.floor = edge.floor
        self.break_even = break_even
        self.interrupted = interrupted
        self._edge = edge
        self._outcomes = list(outcomes)
        self.strategy = repr(plan.strategy)
        drawn = any(one.scenario.kind == "bootstrap" and one.metrics for one in outcomes)
        self.block_length = plan.block_length if drawn else math.nan

    # --- numbers -----------------------------------------------------------------------------------------------------

    @property
    def base(self) -> float:
        """The metric of the run itself."""
        return self._outcomes[0].metrics[self.metric]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of scenarios that are in the table, in its order."""
        return tuple(dict.fromkeys(one.scenario.kind for one in self._outcomes[1:]))

    def values(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Return level and metric of the scenarios of one `kind` that did not raise, float64 [n] each.

        Raises
        ------
        SettingsError
            There is no such kind.
        """
        rows = [(one.scenario.level, one.metrics[self.metric]) for one in self._of(kind) if one.metrics]
        found = np.array(rows, np.float64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    def _of(self, kind: str) -> list[Outcome]:
        if kind not in (BASE, *KINDS):
            raise SettingsError(f"stress: there is no scenario {kind!r}{did_you_mean(str(kind), KINDS)}; {KINDS}")
        return [one for one in self._outcomes if one.scenario.kind == kind]

    def breaking_point(self, kind: str) -> float:
        """Return the mildest level of a kind at which the edge is lost.

        Parameters
        ----------
        kind : str
            "costs": the multiple at which it breaks even, 0 where there is no edge even without costs. "delay",
            "start", "end": bars. "missing_bars", "missing_rows": a fraction. "jitter": the signed change of a
            parameter as a fraction of it.

        Returns
        -------
        float
            NaN where the edge holds in all that ran.

        Raises
        ------
        SettingsError
            There is no such kind, or it has no scale; `summary` says how many of its scenarios are lost.
        """
        if kind in UNORDERED:
            raise SettingsError(
                f"stress: {kind!r} has no scale from little to much; look at .summary.loc[{kind!r}]. Kinds with one: "
                f"{', '.join(one for one in KINDS if one not in UNORDERED)}"
            )
        if kind == "costs" and self.break_even is not None:
            return 0.0 if self.break_even.high == 0.0 else self.break_even.factor
        level, metric = self.values(kind)
        lost = level[[not self._edge.holds(value) for value in metric]]
        return float(lost[np.argmin(np.abs(lost))]) if len(lost) else math.nan

    @cached_property
    def by_kind(self) -> tuple[KindSummary, ...]:
        """What each kind comes to, in the order of the table."""
        return tuple(self._summary_of(kind) for kind in self.kinds)

    def _summary_of(self, kind: str) -> KindSummary:
        rows = self._of(kind)
        _, metric = self.values(kind)
        known = metric[~np.isnan(metric)]
        lost = sum(not self._edge.holds(value) for value in metric)
        ranked = kind == "luck" and len(metric) and not math.isnan(self.base)
        p_value = (1 + int(np.sum(metric >= self.base))) / (1 + len(metric)) if ranked else math.nan
        spread = np.quantile(known, (0.0, 0.5, 1.0, 0.05, 0.95)) if len(known) else np.full(5, np.nan)
        worst, median, best, low, high = map(float, spread)
        failed = sum(bool(one.error) for one in rows)
        return KindSummary(
            kind,
            scenarios=sum(one.scenario.change is not None for one in rows),
            failed=failed,
            worst=worst,
            median=median,
            best=best,
            quantile_05=low,
            quantile_95=high,
            lost=lost,
            survives=self._survives(kind, len(metric), lost, p_value, failed),
            breaks_at=math.nan if kind in UNORDERED else self.breaking_point(kind),
            p_value=p_value,
            note="; ".join(dict.fromkeys(one.scenario.note for one in rows if one.scenario.note)),
        )

    def _survives(self, kind: str, n: int, lost: int, p_value: float, failed: int) -> bool | None:
        """Return whether the edge survives the scenarios of a kind, of which `n` ran and `failed` raised.

        None where they are too few to tell, or where it is survived only if those that raised are left out.
        """
        if not n:
            return None
        if not self._edge.holds(self.base):
            return False
        if kind == "luck":
            as_good = round(p_value * (1 + n)) - 1
            if (1 + as_good + failed) / (1 + n + failed) <= LEVEL:
                return True
            return None if p_value <= LEVEL or not as_good else False
        most = LEVEL if kind == "bootstrap" else 0.0
        if lost + failed <= most * (n + failed):
            return True
        return False if lost > most * (n + failed) else None

    # --- tables ------------------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per scenario, the run itself first.

        `kind`, `scenario`, `level`; metrics as `Result.metrics` has them; `delta`, the metric that is looked at less
        that of the run; `holds`, whether it shows an edge; `note`, why a row is not applicable; `error`, what it
        raised. Numbers are NaN in rows that did not run or raised.
        """
        import pandas as pd

        names = SHOWN if self.metric in SHOWN else (self.metric, *SHOWN)
        scenarios = [one.scenario for one in self._outcomes]
        columns: dict[str, Any] = {
            "kind": [one.kind for one in scenarios],
            "scenario": [one.name for one in scenarios],
            "level": [one.level for one in scenarios],
        }
        for name in names:
            columns[name] = [one.metrics.get(name, math.nan) for one in self._outcomes]
        columns["delta"] = np.array(columns[self.metric]) - self.base
        columns["holds"] = pd.array(self._holds, "boolean")
        columns["note"] = [one.note for one in scenarios]
        columns["error"] = [one.error for one in self._outcomes]
        return pd.DataFrame(columns)

    @property
    def _holds(self) -> list[bool | None]:
        """Whether each row shows an edge; None where it did not run."""
        return [self._edge.holds(one.metrics[self.metric]) if one.metrics else None for one in self._outcomes]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per kind: `base`, and the fields of `KindSummary`."""
        import pandas as pd

        frame = pd.DataFrame([vars(one) for one in self.by_kind]).set_index("kind")
        frame["survives"] = frame["survives"].astype("boolean")
        frame.insert(2, "base", self.base)
        return frame

    def to_json(self) -> str:
        """Return sentence, summary and table as JSON; what is not finite is null."""
        columns = {name: self.table[name].tolist() for name in self.table} | {"holds": self._holds}
        table = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        content = {
            "strategy": self.strategy,
            "metric": self.metric,
            "floor": self.floor,
            "base": self.base,
            "sentence": self.sentence,
            "interrupted": self.interrupted,
            "summary": [vars(one) for one in self.by_kind],
            "table": table,
        }
        return json.dumps(_plain(content), allow_nan=False)

    # --- words and pictures ------------------------------------------------------------------------------------------

    @property
    def sentence(self) -> str:
        """Where the edge dies, in one honest sentence or two."""
        from backtester.research.stress.words import sentence_of

        return sentence_of(self)

    def plot(self) -> Any:
        """Return a Plotly figure: the metric over each kind of scenario, the run itself, and the line of no edge."""
        from backtester.research.stress.plots import figure

        return figure(self)

    def __repr__(self) -> str:
        return f"<Stress of {self.strategy}: {len(self._outcomes):,} runs, {self.metric}>"

    def __str__(self) -> str:
        from backtester.research.stress.words import text_of

        return text_of(self)

    @property
    def report_title(self) -> str:
        """What its page is called."""
        return f"Stress test of {self.strategy}"

    @property
    def report_facts(self) -> list[str]:
        """What stands below the title: the data, and how many scenarios."""
        from backtester.summary_text import data_facts

        return [*data_facts(self.result.bars), f"{len(self._outcomes) - 1:,} scenarios"]

    def report_sections(self) -> list[Section]:
        """Return the parts of its page: where the edge dies, kind by kind, and every scenario."""
        from backtester.report.studies import stress_sections
        from backtester.research.stress.words import LABELS

        table = self.table.iloc[1:].assign(kind=lambda frame: frame["kind"].replace(LABELS))
        heads = {"quantile_05": "5 % quantile", "quantile_95": "95 % quantile"}
        summary = self.summary.drop(columns="base").rename(index=LABELS, columns=heads)
        return stress_sections(table, metric=self.metric, base=self.base, summary=summary, said=self.sentence)

    def report(self, path: str | PathLike[str]) -> None:
        """Write one self-contained HTML page to `path`; see `backtester.report.write_report`."""
        from backtester.report import write_report

        write_report(self, path)

    def _repr_html_(self) -> str:
        """Return what came out as a card for a notebook."""
        from backtester.research.stress.card import html_of

        return html_of(self)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    known = value is None or isinstance(value, (str, bool, int)) or math.isfinite(value)
    return value if known else None
