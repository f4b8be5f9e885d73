"""The bundled samples are what their catalogue says, keep every rule, and can be rebuilt."""

import dataclasses
import hashlib
import json
import os
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from backtester.bars import Bars, samples
from backtester.bars.check import bar_findings, time_findings
from backtester.errors import DataError

NAMES = ("sp500", "nasdaq", "googl", "eurusd", "stocks")
FOLDER = Path(str(resources.files(samples)))


def test_the_names():
    assert samples.names() == NAMES
    with pytest.raises(DataError, match="no sample 'sp50'; did you mean 'sp500'"):
        Bars.sample("sp50")


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_keeps_every_rule_and_its_catalogue(name):
    bars, entry = Bars.sample(name), samples.describe(name)
    prices = (bars.open, bars.high, bars.low, bars.close)
    assert time_findings(bars.timestamps) == []
    assert bar_findings(bars.timestamps, prices, bars.volume, bars.symbols) == []
    assert (bars.session_ends >= bars.timestamps).all()
    assert (np.diff(bars.sessions) >= 0).all()
    assert bars.name == name
    assert bars.n_bars == entry["rows"]
    assert list(bars.symbols) == entry["symbols"]
    assert bars.content_hash == entry["content_hash"]
    assert entry["corrected_rows"] == 0
    assert entry["licence"] in ("NCSA", "MIT", "Public domain")
    assert len(entry["member_sha256"]) == len(entry["wheel"]["sha256"]) == 64
    assert entry["wheel"]["version"]
    assert entry["notes"]


# rows, first and last session, first open and last close, as in the files of the wheels
FACTS = {
    "sp500": (5031, "1999-01-04", "2018-12-31", 1229.22998, 2506.850098),
    "nasdaq": (5031, "1999-01-04", "2018-12-31", 2207.540039, 6635.279785),
    "googl": (2335, "2009-05-22", "2018-08-29", 198.528534, 1264.650024),
    "eurusd": (6225, "2017-01-02", "2017-12-29", 1.05236, 1.20075),
    "stocks": (3270, "2000-03-01", "2013-03-01", 118.56, 430.47),
}


@pytest.mark.parametrize("name", NAMES)
def test_rows_dates_and_prices_are_those_of_the_source(name):
    bars = Bars.sample(name)
    dates = [str(np.datetime64(int(bars.sessions[i]), "D")) for i in (0, -1)]
    assert (bars.n_bars, *dates, bars.open[0, 0], bars.close[-1, 0]) == FACTS[name]


def test_daily_samples_close_at_sixteen_in_new_york():
    for name in ("sp500", "nasdaq", "googl", "stocks"):
        local = Bars.sample(name).index.tz_convert("America/New_York")
        assert set(local.hour) == {16}
        assert set(local.minute) == {0}
        days = Bars.sample(name).sessions.view("M8[D]")
        assert (local.tz_localize(None).normalize().to_numpy() == days).all()


def test_eurusd_is_hourly_with_sessions_that_end_at_seventeen_in_new_york():
    bars = Bars.sample("eurusd")
    local = bars.index.tz_convert("America/New_York")
    assert str(bars.index[0]) == "2017-01-01 23:00:00+00:00"
    assert str(bars.index[-1]) == "2017-12-29 22:00:00+00:00"
    last = np.append(np.diff(bars.sessions) > 0, True)
    assert (local.hour[last] == 17).mean() > 0.98
    days = bars.sessions.view("M8[D]")
    assert np.is_busday(days).all()


def test_stocks_are_one_panel_with_goog_from_2004():
    bars = Bars.sample("stocks")
    assert bars.symbols == ("AAPL", "IBM", "MSFT", "GOOG")
    missing = np.isnan(bars.close)
    assert not missing[:, :3].any()
    assert str(np.datetime64(int(bars.sessions[~missing[:, 3]][0]), "D")) == "2004-08-19"
    assert (~missing[:, 3]).sum() == 2148
    for column in ("open", "high", "low", "volume", "adj_close"):
        assert (np.isnan(bars[column]) == missing).all()


def test_adjusted_stocks_have_no_split():
    raw, adjusted = Bars.sample("stocks"), Bars.sample("stocks").adjusted()
    day = int(np.flatnonzero(raw.sessions.view("M8[D]") == np.datetime64("2005-02-28"))[0])
    assert raw.open[day, 0] / raw.close[day - 1, 0] == pytest.approx(0.5, abs=0.01)
    assert adjusted.open[day, 0] / adjusted.close[day - 1, 0] == pytest.approx(1.0, abs=0.01)
    prices = (adjusted.open, adjusted.high, adjusted.low, adjusted.close)
    assert bar_findings(adjusted.timestamps, prices, adjusted.volume, adjusted.symbols) == []


def test_zero_volume_is_kept_as_published():
    assert (Bars.sample("nasdaq").volume == 0).sum() == 2


def test_they_are_small():
    sizes = [(FOLDER / f"{name}.npz").stat().st_size for name in NAMES]
    assert max(sizes) < 1_000_000
    assert sum(sizes) < 3_000_000


def test_the_readme_gives_source_and_licence_of_each():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        entry = samples.describe(name)
        assert f"## `{name}`" in text
        assert entry["member_sha256"] in text
        assert entry["wheel"]["sha256"] in text
    assert "Permission is hereby granted" in text


class TestRebuild:
    """The script, on small wheels made here; the real ones are read where SAMPLE_WHEELS names their folder."""

    @pytest.fixture
    def rebuild(self):
        from backtester.bars.samples import rebuild

        return rebuild

    @pytest.fixture
    def wheels(self, rebuild, tmp_path, monkeypatch):
        raw = (
            b"Date,Open,High,Low,Close,Adj Close,Volume\n2009-05-22,1,2,0.5,1.5,1.5,10\n2009-05-26,1,2,0.5,1.5,1.5,11\n"
        )
        wheel = {**rebuild.WHEELS["gym_anytrading"], "file": "w.whl"}
        with zipfile.ZipFile(tmp_path / "w.whl", "w") as archive:
            archive.writestr(rebuild.SOURCES["googl"].member, raw)
            archive.writestr(wheel["licence_file"], "Do as you like")
        wheel["sha256"] = hashlib.sha256((tmp_path / "w.whl").read_bytes()).hexdigest()
        source = dataclasses.replace(rebuild.SOURCES["googl"], sha256=hashlib.sha256(raw).hexdigest())
        monkeypatch.setattr(rebuild, "WHEELS", {"gym_anytrading": wheel})
        monkeypatch.setattr(rebuild, "SOURCES", {"googl": source})
        return tmp_path

    def test_it_writes_data_catalogue_and_readme(self, rebuild, wheels, tmp_path):
        out = tmp_path / "out"
        out.mkdir()
        rebuild.rebuild(wheels, out)
        assert sorted(p.name for p in out.iterdir()) == ["README.md", "googl.npz", "samples.json"]
        entry = json.loads((out / "samples.json").read_text())["samples"]["googl"]
        assert (entry["rows"], entry["first_session"]) == (2, "2009-05-22")
        assert "Do as you like" in (out / "README.md").read_text()
        before = (out / "googl.npz").read_bytes()
        rebuild.rebuild(wheels, out)
        assert (out / "googl.npz").read_bytes() == before

    def test_another_wheel_is_refused(self, rebuild, wheels, tmp_path):
        with (wheels / "w.whl").open("ab") as file:
            file.write(b" ")
        with pytest.raises(SystemExit, match=r"w\.whl: SHA-256 is .* another one than recorded"):
            rebuild.rebuild(wheels, tmp_path)

    @pytest.mark.skipif("SAMPLE_WHEELS" not in os.environ, reason="SAMPLE_WHEELS names no folder with the wheels")
    def test_the_real_wheels_give_the_bundled_files(self, rebuild, tmp_path):
        rebuild.rebuild(Path(os.environ["SAMPLE_WHEELS"]), tmp_path)
        made = json.loads((tmp_path / "samples.json").read_text())
        assert made == json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))
