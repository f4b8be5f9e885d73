"""`backtester report` on stored results and on the JSON of a benchmark."""

from __future__ import annotations

import json
import re
from pathlib import Path

AGENTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "agents" / "tasks.json"


def document_in(path: Path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1])


def test_one_result_and_several(cli, tmp_path):
    for name, options in (("a", ()), ("b", ("--slippage", "0.01"))):
        cli("run", "hold.py", "--data", "prices.csv", "--quiet", "--out", name, *options)
    told = cli("report", "a").stdout
    assert re.fullmatch(r"Wrote report\.html \(\d\.\d\d MB\)\.\n", told)
    assert [page["kind"] for page in document_in(Path("report.html"))["pages"]] == ["result"]
    found = cli.json("report", "a", "b", "--out", "both.html", "--title", "Two")
    assert found["results"] == ["a", "b"]
    assert found["bytes"] == Path("both.html").stat().st_size
    document = document_in(Path("both.html"))
    assert document["title"] == "Two"
    assert [page["name"] for page in document["pages"]] == ["Comparison", "a", "b"]


def test_a_benchmark_of_agents(cli):
    assert cli("report", str(AGENTS), "--out", "agents.html", "--quiet").output == ""
    page = document_in(Path("agents.html"))["pages"][0]
    stored = json.loads(AGENTS.read_text("utf-8"))
    titles = [section["title"] for section in page["sections"]]
    assert titles[-len(stored["tasks"]) :] == [task["id"] for task in stored["tasks"]]
    curves = [item for item in page["sections"][-1]["items"] if item["kind"] == "lines"]
    runs = stored["tasks"][-1]["algorithms"][0]["runs"]
    assert len(curves[0]["lines"]) == sum(bool(run.get("curve")) for run in runs)  # one line for each seed


def test_what_is_no_result_is_refused(cli):
    assert "there is no such folder" in cli("report", "nothing", code=2).output
    Path("other.json").write_text("{}")
    assert "not the JSON that a benchmark of agents writes" in cli("report", "other.json", code=2).output
