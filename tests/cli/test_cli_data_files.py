"""`backtester data info`, `convert` and `sample`: what is told, and files that read back equal or are not there."""

from __future__ import annotations

import numpy as np
import pytest

from backtester import Bars
from backtester.bars import samples

# --- info ------------------------------------------------------------------------------------------------------------


def test_info_tells_what_bars_hold(cli):
    text = cli("data", "info", "prices.csv").stdout
    # 20 daily closes from 2020-01-01 on, labelled by date: the end of the day
    assert "prices.csv: 1 asset\n" in text
    assert "  period    2020-01-02T00:00:00Z to 2020-01-21T00:00:00Z (closes, UTC)" in text
    assert "  bars      20 of 1 day; 100.0 % of the steps are 1 day" in text
    assert "  sessions  20, of 1 bar each" in text
    assert "  gaps      none inside a session" in text
    assert Bars.from_csv("prices.csv").content_hash in text
    # from the low of the first bar, 100 - 0.5, to the high of the last, 119.5 + 0.5
    assert text.splitlines()[-1].split()[-2:] == ["99.5", "120"]


def test_info_as_json_is_what_a_manifest_says_of_the_data(cli):
    document = cli.json("data", "info", "sample:stocks")
    data = cli.json("run", "hold.py", "--data", "sample:stocks")["manifest"]["data"]
    assert (document["source"], document["n_bars"]) == ("sample:stocks", data["n_bars"])
    assert document["content_hash"] == data["content_hash"]
    assert [one["symbol"] for one in document["assets"]] == data["symbols"]
    # 3 splits, and 3 + 52 + 37 dividends of AAPL, IBM and MSFT
    assert {name: document["extras"][name] for name in ("split", "dividend")} == {"split": 3, "dividend": 92}
    assert list(document["extras"]) == ["adj_close", "split", "dividend"]


def test_info_reads_as_it_is_told_and_counts_gaps(cli):
    cli.write(
        "hours.csv",
        """\
        time,open,high,low,close
        2020-01-01 10:00,1,1,1,1
        2020-01-01 11:00,1,1,1,1
        2020-01-01 12:00,1,1,1,1
        2020-01-01 15:00,1,1,1,1
        """,
    )
    text = cli("data", "info", "hours.csv", "--read", "tz=UTC").stdout
    assert "gaps      1 inside sessions, the longest 3 hours, 2020-01-01T12:00:00Z to 2020-01-01T15:00:00Z" in text
    assert "sessions  1, of 4 bars each" in text
    assert "  0.0 %" in text  # volume is not known


# --- convert ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.parquet", "out.pq", "out.csv", "out.csv.gz", "OUT.CSV"])
@pytest.mark.parametrize("source", ["sample:eurusd", "sample:stocks", "prices.csv"])
@pytest.mark.filterwarnings("ignore::backtester.bars.check.DataWarning")
def test_what_is_written_reads_back_equal(cli, source, name):
    document = cli.json("data", "convert", source, name)
    read = Bars.from_parquet if name.endswith(("parquet", "pq")) else Bars.from_csv
    original = Bars.from_csv(source) if source == "prices.csv" else Bars.sample(source.removeprefix("sample:"))
    assert read(name) == original
    assert document["content_hash"] == original.content_hash
    assert document["bytes"] == (cli.folder / name).stat().st_size


def test_there_and_back(cli):
    cli("data", "convert", "prices.csv", "a.parquet")
    cli("data", "convert", "a.parquet", "b.csv")
    assert Bars.from_csv("b.csv") == Bars.from_csv("prices.csv")


def test_longer_bars_some_assets_and_a_part_of_the_time(cli):
    options = ("--to", "1W", "--symbol", "MSFT", "--symbol", "IBM", "--from", "2004", "--until", "2005-06")
    text = cli("data", "convert", "sample:stocks", "out.parquet", *options).stdout
    bars = Bars.from_parquet("out.parquet")
    assert bars == Bars.sample("stocks")["2004":"2005-06"].select(["MSFT", "IBM"]).resample("1W")
    assert bars.symbols == ("MSFT", "IBM")
    assert f"{bars.n_bars} bars × 2 (MSFT, IBM)" in text
    # 2004-01-02 to 2005-06-30 touches 79 weeks, each with a trading day
    assert bars.n_bars == 79


def test_a_week_is_the_bars_of_its_days(cli):
    cli("data", "convert", "prices.csv", "weeks.csv", "--to", "1W")
    weeks = Bars.from_csv("weeks.csv")
    # 2020-01-01 is a Wednesday: 5, 7, 7 and 1 day; opens 100 + t, closes 100.5 + t, highs half above, volume 1000
    assert weeks.open[:, 0].tolist() == [100.0, 105.0, 112.0, 119.0]
    assert weeks.close[:, 0].tolist() == [104.5, 111.5, 118.5, 119.5]
    assert weeks.high[:, 0].tolist() == [105.0, 112.0, 119.0, 120.0]
    assert weeks.volume[:, 0].tolist() == [5000.0, 7000.0, 7000.0, 1000.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prices.csv", "hold.py"], ["hold.py: cannot tell what to write", ".csv, .csv.gz, .parquet"]),
        (["prices.csv", "out.parqet"], ["did you mean '.parquet'?"]),
        (["prices.csv", "out"], ["cannot tell what to write"]),
        (["prices.csv", "no/out.csv"], ["there is no folder"]),
        (["prices.csv", "prices.csv"], ["prices.csv: is there already", "--force"]),
        (["price.csv", "out.csv"], ["did you mean 'prices.csv'?"]),
        (["prices.csv", "out.csv", "--to", "1X"], ["1X"]),
        (["prices.csv", "out.csv", "--symbol", "X"], ["no symbol 'X'"]),
        (["prices.csv", "out.csv", "--from", "2021"], ["2021"]),
        (["bad.csv", "out.csv"], ["row 4", "high = nan"]),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(cli, arguments, words):
    text = (cli.folder / "prices.csv").read_text()
    cli.write("bad.csv", text.replace("104.0,105.0,103.5,104.5", "104.0,nan,103.5,104.5"))
    message = cli.error("data", "convert", *arguments)
    for word in words:
        assert word in message
    assert (cli.folder / "prices.csv").read_text() == text
    assert not (cli.folder / "out.csv").exists()


def test_force_replaces_even_what_is_read(cli):
    cli("data", "convert", "prices.csv", "prices.csv", "--to", "1W", "--force")
    assert Bars.from_csv("prices.csv").n_bars == 4


def test_a_failure_leaves_the_file_that_was_there(cli, monkeypatch):
    import pandas as pd

    def full(self, path, **_):
        with open(path, "w") as file:
            file.write("half")
        raise OSError(28, "No space left on device")

    cli.write("out.csv", "old")
    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert "No space left on device" in cli.error("data", "convert", "prices.csv", "out.csv", "--force")
    assert (cli.folder / "out.csv").read_text() == "old"
    assert not list(cli.folder.glob(".out*"))


# --- samples ---------------------------------------------------------------------------------------------------------


def test_every_sample_is_listed_with_source_and_licence(cli):
    text = cli("data", "sample").stdout
    entries = {entry["name"]: entry for entry in cli.json("data", "sample")["samples"]}
    assert tuple(entries) == samples.names()
    for name, entry in entries.items():
        (row,) = (row for row in text.splitlines() if row.startswith(f"{name} "))
        assert entry["licence"] in row
        assert entry["wheel"]["version"] in row
        assert f"{Bars.sample(name).n_bars:,}" in row
        assert all(symbol in row for symbol in Bars.sample(name).symbols)


def test_one_sample_is_told_in_full(cli):
    text = cli("data", "sample", "sample:eurusd").stdout
    for note in samples.describe("eurusd")["notes"]:
        assert note in text
    assert "licence  MIT; Copyright" in text
    assert cli.json("data", "sample", "eurusd")["symbols"] == ["EURUSD"]


@pytest.mark.parametrize("name", samples.names())
@pytest.mark.filterwarnings("ignore::backtester.bars.check.DataWarning")
def test_a_sample_written_to_a_file_reads_back_equal(cli, name):
    assert cli("data", "sample", name, "--out", "out.parquet").stdout.startswith("out.parquet: ")
    assert Bars.from_parquet("out.parquet") == Bars.sample(name)


def test_errors_of_samples_are_one_line(cli):
    assert "did you mean 'sp500'?" in cli.error("data", "sample", "sp50")
    assert "name the sample to write: sp500" in cli.error("data", "sample", "--out", "x.csv")
    cli.write("x.csv", "old")
    assert "is there already" in cli.error("data", "sample", "sp500", "--out", "x.csv")


def test_a_table_is_whole_in_a_pipe_and_nothing_in_it_is_markup(cli):
    symbol = "[red]" + "LONG" * 30
    prices = np.full((3, 1), 10.0)
    Bars.from_arrays((np.arange(3) + 1) * 86_400 * 10**9, *[prices] * 4, symbols=symbol).to_parquet("long.parquet")
    assert symbol in cli("data", "info", "long.parquet").stdout
