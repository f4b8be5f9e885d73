"""`backtester compare` and `backtester diff` on stored results."""

from __future__ import annotations

import pytest


@pytest.fixture
def runs(cli):
    """Three stored runs: `a`, `b` the same with slippage, and `again`, the same as `a`."""
    for name, options in (("a", ()), ("b", ("--slippage", "0.01")), ("again", ())):
        cli("run", "hold.py", "--data", "prices.csv", "--quiet", "--out", name, *options)
    return cli


def test_compare_shows_results_side_by_side(runs):
    text = runs("compare", "a", "b").stdout
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["a", "b"]
    # ten bought at 102 (and one percent more), worth 119.5 in the end
    assert ["final", "equity", "100,175.00", "100,164.80"] in lines
    assert ["costs.slippage", "0", "0.01"] in lines
    assert "! They paid other costs (costs.slippage)." in text


def test_compare_as_json(runs):
    document = runs.json("compare", "a", "b", "again")
    assert document["names"] == document["folders"] == ["a", "b", "again"]
    assert document["metrics"]["final_equity"] == [100_175.0, pytest.approx(100_164.8), 100_175.0]
    assert document["metrics"]["beta"] == [None] * 3
    assert document["different"] == {"costs.slippage": [0.0, 0.01, 0.0]}
    assert len(document["notes"]) == 1


def test_compare_shows_every_metric_when_asked_to(runs):
    assert "kurtosis" not in runs("compare", "a").stdout
    assert "kurtosis" in runs("compare", "a", "--all").stdout


def test_diff_names_the_first_fill_that_differs_and_why_and_ends_with_1(runs):
    text = runs("diff", "a", "b", code=1).stdout
    assert text.startswith("First difference: bar 2 (2020-01-04T00:00:00Z), fill\n")
    # 102 and 102·1.01 = 103.02; ten units, so 10.20 of money
    assert "price 102 in a, 103.02 in b; slippage 0.00 in a, 10.20 in b; same reference price 102" in " ".join(
        text.split()
    )
    assert "Because of costs.slippage 0 → 0.01" in text


def test_diff_of_equal_runs_ends_with_0(runs):
    assert runs("diff", "a", "again").stdout.startswith("No difference: a and again did the same in the 20 bars")
    assert runs("diff", "a", "again", "--quiet").output == ""
    assert runs("diff", "a", "b", "--quiet", code=1).output == ""


def test_diff_as_json(runs):
    document = runs.json("diff", "a", "b", code=1)
    assert document["same"] is False
    assert document["first"]["bars"] == [2, 2]
    assert (document["first"]["a"]["price"], document["first"]["b"]["price"]) == (102.0, pytest.approx(103.02))
    assert document["why"][0].startswith("Because of costs.slippage 0 → 0.01")
    assert document["after"]["fills"] == [1, 1]
    assert document["folders"] == document["names"] == ["a", "b"]
    assert runs.json("diff", "a", "again")["same"] is True


def test_a_tolerance_is_taken(runs):
    assert runs("diff", "a", "b", "--rtol", "0.5", code=1)  # slippage of 0 and of 10.20 is no rounding
    assert "rtol is 2.0; it must be a fraction" in runs.error("diff", "a", "b", "--rtol", "2")


def test_results_of_one_name_in_several_folders_are_told_apart(runs):
    for name in ("one", "two"):
        (runs.folder / name).mkdir()
        runs("run", "hold.py", "--data", "prices.csv", "--quiet", "--out", f"{name}/run")
    assert runs.json("compare", "one/run", "two/run")["names"] == ["one/run", "two/run"]
    assert runs.json("compare", "a", "a")["names"] == ["a (1)", "a (2)"]


@pytest.mark.parametrize("command", [["compare", "a", "bb"], ["diff", "bb", "a"]])
def test_a_folder_that_is_not_there_is_one_line(runs, command):
    message = runs.error(*command)
    assert message.startswith("bb: there is no such folder")
    assert "--out DIR" in message


def test_a_folder_that_holds_no_result_is_one_line(runs):
    (runs.folder / "empty").mkdir()
    assert "it is not the directory of a result" in runs.error("compare", "a", "empty")
    assert "is a file" in runs.error("diff", "a", "hold.py")
    assert "Missing argument" in runs.error("diff", "a")
    assert "Missing argument" in runs.error("compare")


def test_a_damaged_result_is_one_line(runs):
    (runs.folder / "a" / "fills.parquet").write_bytes(b"PAR1")
    assert "fills.parquet" in runs.error("diff", "a", "b")


def test_on_a_narrow_terminal_results_stand_below_each_other(runs):
    from backtester.cli.compare import fitting, load
    from backtester.diff import compare

    found = compare(*(load(runs.folder / name) for name in ("a", "a", "a")), names=("one", "two", "three"))
    wide = fitting(found, False, None)
    assert [part.names for part in wide] == [("one", "two", "three")]
    assert wide[0].text() == found.text()
    narrow = fitting(found, False, 55)
    assert [part.names for part in narrow] == [("one", "two"), ("three",)]
    assert max(len(line) for part in narrow for line in part.text().splitlines()) <= 55
    assert [part.notes for part in narrow] == [(), found.notes]
