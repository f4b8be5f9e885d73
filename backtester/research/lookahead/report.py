"""`LookAheadReport` and its findings: what moved, where, how far it looks, and what to do."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from backtester.errors import LookAheadError

LOOK_AHEAD = "look-ahead"
BEFORE = "before the warm-up"
START_UP = "start-up drift"
RANDOMNESS = "randomness"


@dataclass(frozen=True)
class Finding:
    """One thing that is not what it should be.

    Attributes
    ----------
    kind : {"look-ahead", "before the warm-up", "start-up drift", "randomness"}
        Values that depend on later bars; such values of bars before the first call of `on_bar`, by which all that they
        knew is there, so that they are no leak; values that depend on where the data begins, which is no leak, but says
        how long a warm-up has to be; values that differ between two equal runs.
    name : str
        What moved: `self.fast_ma`, `orders`, `feature rsi(14)`, `observation`.
    bar : int
        The first bar that was seen to move.
    time : str
        Its close, UTC.
    asset : str
        Its symbol, "" where it is of none.
    bars_ahead : int or None
        How far the value at that bar looks ahead, where that was found.
    to_the_end : bool
        Whether that is as far as the data goes.
    at_least : bool
        Whether it may look further: of what is there or not, small changes do not show.
    warmup : int or None
        The warm-up that ends it. Of a drift: bars after which values agree to 1e-9; None where they do not by the end
        of the data. Of rows that see ahead: the first bar from which none does; None where there is none, or none was
        found.
    fades : bool
        Whether a drift becomes less and less.
    worlds : tuple of str
        In which the value moved: later bars "raised", "lowered" or "deleted".
    detail : str
        What was seen, in a sentence.
    remedy : str
        What to do.
    """

    kind: str
    name: str
    bar: int
    time: str
    asset: str = ""
    bars_ahead: int | None = None
    to_the_end: bool = False
    at_least: bool = False
    warmup: int | None = None
    fades: bool = False
    worlds: tuple[str, ...] = ()
    detail: str = ""
    remedy: str = ""

    @property
    def is_leak(self) -> bool:
        """Whether it makes a backtest worthless: a look-ahead, or randomness, under which nothing can be told."""
        return self.kind not in (START_UP, BEFORE)

    @property
    def sees(self) -> str:
        """How far it looks, in words; "" where that is not known."""
        if self.bars_ahead is None:
            return ""
        if self.to_the_end and self.bars_ahead > 1:
            return "sees to the end of the data"
        least = "at least " if self.bars_ahead > 1 and self.at_least else ""
        return f"sees {least}{self.bars_ahead:,} bar{'s' * (self.bars_ahead != 1)} ahead"

    @property
    def headline(self) -> str:
        """What, where and how far, in one line."""
        where = f"bar {self.bar:,} ({self.time})" + (f" of {self.asset}" if self.asset else "")
        text = f"{self.kind}: {self.name}, first at {where}"
        if self.kind == START_UP:
            needed = "more bars are needed to see its end" if self.fades else "no warm-up ends it"
            if self.warmup is not None:
                needed = f"{self.warmup:,} bars of warm-up end it"
            text += f"; {needed}"
        text += f"; {self.sees}" if self.sees else ""
        return text + (
            f"; clean from bar {self.warmup:,} on" if self.kind == BEFORE and self.warmup is not None else ""
        )

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"    {line}" for line in (self.detail, self.remedy) if line)])


@dataclass(frozen=True)
class LookAheadReport:
    """What `check_lookahead` found; `print` it, or show it in a notebook.

    Attributes
    ----------
    subject : str
        What was checked.
    sort : str
        "strategy", "features", "label", "model", "signal", "function" or "environment".
    findings : tuple of Finding
        Leaks first, then what is none, each by its first bar.
    compared : tuple of str
        The names of all that was compared.
    n_cuts : int
        At how many places the data was cut.
    n_reruns : int
        How often it was made anew.
    n_bars, n_assets : int
        Of the bars.
    notes : tuple of str
        What could not be tried, and why.
    """

    subject: str
    sort: str
    findings: tuple[Finding, ...]
    compared: tuple[str, ...]
    n_cuts: int
    n_reruns: int
    n_bars: int
    n_assets: int
    notes: tuple[str, ...] = ()

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings that make a backtest worthless."""
        return tuple(one for one in self.findings if one.is_leak)

    @property
    def ok(self) -> bool:
        """Whether there is no leak; a start-up drift is none, nor are rows before the warm-up."""
        return not self.leaks

    def raise_if_leaking(self) -> LookAheadReport:
        """Return the report, or raise.

        Raises
        ------
        LookAheadError
            If there is a leak; its `report` is this.
        """
        if self.ok:
            return self
        raise LookAheadError(str(self), report=self)

    @property
    def verdict(self) -> str:
        """One line."""
        if self.ok:
            return f"{self.subject}: no look-ahead found"
        kinds = dict.fromkeys(one.kind for one in self.leaks)
        return f"{self.subject}: {' and '.join(kinds)} found"

    def __str__(self) -> str:
        lines = [f"{self.verdict} ({self.tried})"]
        lines += [f"  {line}" for one in self.findings for line in str(one).splitlines()]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    @property
    def tried(self) -> str:
        """How much was tried, in words."""
        return (
            f"{len(self.compared)} thing{'s' * (len(self.compared) != 1)} compared at {self.n_cuts:,} cuts of "
            f"{self.n_bars:,} bars, {self.n_reruns:,} reruns"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {
            "subject": self.subject,
            "sort": self.sort,
            "ok": self.ok,
            "findings": [{**vars(one), "worlds": list(one.worlds), "is_leak": one.is_leak} for one in self.findings],
            "compared": list(self.compared),
            "n_cuts": self.n_cuts,
            "n_reruns": self.n_reruns,
            "n_bars": self.n_bars,
            "n_assets": self.n_assets,
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td style='text-align:left;vertical-align:top'>{html.escape(text)}</td>"
                for text in (
                    one.kind,
                    one.name,
                    f"{one.bar:,} ({one.time})",
                    one.asset,
                    one.sees or (f"{one.warmup:,} bars of warm-up" if one.warmup is not None else ""),
                    " ".join(part for part in (one.detail, one.remedy) if part),
                )
            )
            + "</tr>"
            for one in self.findings
        )
        heads = "".join(f"<th style='text-align:left'>{name}</th>" for name in _HEADS)
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        listed = f"<ul>{notes}</ul>" if notes else ""
        colour = "#1a7f37" if self.ok else "#b42318"
        return (
            f"<div><p><b style='color:{colour}'>{html.escape(self.verdict)}</b> ({html.escape(self.tried)})</p>"
            f"{table}{listed}</div>"
        )


_HEADS = ("kind", "what moved", "first bar", "asset", "how far", "what was seen, and what to do")
