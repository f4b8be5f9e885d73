"""A whole benchmark, from a config to its files: behind `python -m benchmarks.agents` and `backtester bench-agents`."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from backtester.executors import Executor
from envs.benchmark.config import Config, load_config
from envs.benchmark.openings import read_openings
from envs.benchmark.page import write_page
from envs.benchmark.pool import Progress, run_all
from envs.benchmark.results import document_of, write_json
from envs.benchmark.work import TRAINER, Place

OPENINGS = "openings.jsonl"


@dataclass(frozen=True)
class Files:
    """Where a benchmark keeps what it finds.

    Parameters
    ----------
    json, page : Path
        The document and its page.
    runs : Path
        Finished runs, a line each; what is needed to go on after a stop.
    openings : Path
        The log of openings, shared by all benchmarks of the folder, and only ever added to.
    agents : Path
        A folder of trained agents.
    """

    json: Path
    page: Path
    runs: Path
    openings: Path
    agents: Path


def files_of(config: Config, folder: str | PathLike[str], work: str | PathLike[str] | None = None) -> Files:
    """Return the files of a benchmark.

    Parameters
    ----------
    config : Config
    folder : path
        For the JSON, the page and the log of openings.
    work : path, optional
        For runs and agents; `folder` by default.
    """
    home, inner = Path(folder), Path(folder if work is None else work)
    name = config.name
    return Files(
        home / f"{name}.json",
        home / f"{name}.html",
        inner / f"{name}.runs.jsonl",
        home / OPENINGS,
        inner / f"{name}.agents",
    )


def run_benchmark(
    config: str | PathLike[str] | Config,
    folder: str | PathLike[str],
    *,
    work: str | PathLike[str] | None = None,
    workers: int | None = 1,
    executor: str | Executor = "processes",
    keep_agents: bool = False,
    command: str = "",
    trainer: str = TRAINER,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Files]:
    """Do what is left of a benchmark, and write its JSON and its page.

    Parameters
    ----------
    config : path or Config
        A YAML file, or what was read from one.
    folder : path
        Made where it is not there; `name.json`, `name.html` and `openings.jsonl` go there.
    work : path, optional
        For `name.runs.jsonl` and trained agents; `folder` by default.
    workers : int or None
        How many runs at once; 0 does all in this process. None where `executor` has them.
    executor : {"processes", "ray"} or Executor
        See `backtester.executors`; where workers are on other machines, `folder` and `work` are seen by all.
    keep_agents : bool
        Whether trained agents are saved, in `name.agents`.
    command : str
        What was typed, for the page.
    trainer : str
        `module:function` with the signature of `envs.agents.train`.
    progress : function, optional
        Called as `progress(done, total, key)` after every run.

    Returns
    -------
    (dict, Files)
        The document, and where everything is.

    Raises
    ------
    SettingsError
        If the config is wrong, or there is no such executor.
    BenchmarkError
        If processes died again and again on the same run; what was finished is kept.
    """
    chosen = config if isinstance(config, Config) else load_config(config)
    files = files_of(chosen, folder, work)
    for path in (files.json, files.runs):
        path.parent.mkdir(parents=True, exist_ok=True)
    place = Place(str(files.openings), str(files.agents) if keep_agents else None, trainer)
    records = run_all(chosen, files.runs, place, workers=workers, executor=executor, progress=progress)
    document = document_of(chosen, records, read_openings(files.openings), command)
    write_json(document, files.json)
    write_page(document, files.page)
    return document, files
