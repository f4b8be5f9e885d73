"""`backtester data check`: all findings, and an exit code that a script can use."""

from __future__ import annotations

import pytest

from backtester import Bars


def test_a_clean_file_says_how_it_was_understood(cli):
    outcome = cli("data", "check", "prices.csv")
    assert outcome.stdout.startswith("prices.csv: no findings in Bars 'prices.csv': 20 bars × 1 (ASSET)")
    assert outcome.stderr == ""


@pytest.mark.parametrize("sample", ["sp500", "eurusd"])
def test_a_sample_can_be_checked(cli, sample):
    assert "no findings" in cli("data", "check", f"sample:{sample}").stdout


def test_every_finding_is_a_line_and_the_code_is_1(cli):
    text = (cli.folder / "prices.csv").read_text()
    text = text.replace("104.0,105.0,103.5,104.5,1000", "104.0,105.0,103.5,199,1000")
    cli.write("bad.csv", text.replace("106.0,107.0,105.5,106.5,1000", "106.0,107.0,105.5,106.5,-1"))
    lines = cli("data", "check", "bad.csv", code=1).stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("error: ")
    assert "close = 199.0" in lines[0]
    assert "2020-01-05" in lines[0]
    assert "volume = -1.0" in lines[1]
    assert lines[2] == "bad.csv: 2 errors, 0 warnings"


def test_warnings_alone_are_findings_too(cli):
    assert "no findings" in cli("data", "check", "sample:stocks").stdout  # its splits are declared
    Bars.sample("stocks").to_frame().drop(columns="split").to_csv(cli.folder / "raw.csv")
    outcome = cli("data", "check", "raw.csv", code=1)
    assert "warning: AAPL" in outcome.stdout  # the 2 for 1 split of 2000-06-21
    assert "2000-06-21" in outcome.stdout


def test_an_event_that_breaks_a_rule_is_a_finding(cli):
    lines = (cli.folder / "prices.csv").read_text().splitlines()
    paid = [f"{line},{'Dividends' if i == 0 else 200.0 if i == 3 else 0.0}" for i, line in enumerate(lines)]
    cli.write("paid.csv", "\n".join(paid))
    (line, _) = cli("data", "check", "paid.csv", code=1).stdout.splitlines()
    assert "dividend = 200.0: a dividend is below the last close before it, 101.5" in line


def test_json_lists_findings_as_data(cli):
    text = (cli.folder / "prices.csv").read_text().replace("104.0,105.0,103.5,104.5", "104.0,nan,103.5,104.5")
    cli.write("bad.csv", text)
    document = cli.json("data", "check", "bad.csv", code=1)
    assert (document["source"], document["errors"], document["warnings"]) == ("bad.csv", 1, 0)
    (finding,) = document["findings"]
    assert finding["column"] == "high"
    assert finding["value"] is None
    assert finding["row"] == 4
    assert finding["severity"] == "error"
    clean = cli.json("data", "check", "prices.csv")
    assert clean == {"source": "prices.csv", "errors": 0, "warnings": 0, "findings": []}


def test_a_file_that_cannot_be_read_is_a_finding(cli):
    (cli.folder / "cut.parquet").write_bytes(b"PAR1 and then nothing")
    outcome = cli("data", "check", "cut.parquet", code=1)
    assert "cut.parquet" in outcome.stdout
    assert "not a Parquet file" in outcome.stdout


def test_read_options_reach_the_reader(cli):
    text = (cli.folder / "prices.csv").read_text().replace(",", ";").replace(".", ",")
    cli.write("german.csv", text)
    assert "no findings" in cli("data", "check", "german.csv", "--read", "decimal=,").stdout
    cli("data", "check", "german.csv", code=1)


def test_several_files_by_a_pattern_and_a_folder(cli):
    (cli.folder / "many").mkdir()
    for name in ("a", "b"):
        (cli.folder / "many" / f"{name}.csv").write_text((cli.folder / "prices.csv").read_text())
    assert "20 bars × 2 (a, b)" in cli("data", "check", "many").stdout
    assert "20 bars × 2 (a, b)" in cli("data", "check", "many/*.csv").stdout


def test_a_file_that_cannot_be_bars_is_named_with_what_is_wrong(cli):
    cli.write("one.csv", "date,open,high,low,close,volume\n2020-01-01,1,2,0.5,1,10\n")
    assert "found '1 row': bars need two rows at least" in cli("data", "check", "one.csv", code=1).stdout
    cli.write("opne.csv", "date,opne,high,low,close,volume\n2020-01-01,1,2,0.5,1,10\n2020-01-02,1,2,0.5,1,10\n")
    for name, words in (("one.csv", "bars need two rows"), ("opne.csv", "no column for 'open'; did you mean 'opne'?")):
        said = cli("data", "info", name, code=2).stderr
        assert said.startswith(f"error: {name}: ")
        assert words in said
