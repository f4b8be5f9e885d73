"""A measurement in a process of its own: start it, time it, read the line of JSON it prints last."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS_PYTHON = "BACKTESTER_PEERS_PYTHON"
LIMIT_SECONDS = 1800.0
IN_BRACKETS = re.compile(r" \([^()]*\)$")

Answer = dict[str, Any]


def environment(caches: Path) -> dict[str, str]:
    """This process's variables, with `benchmarks` importable, and compiler caches and trial ledger below `caches`."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "BACKTESTER_CACHE_DIR": str(caches / "backtester"),
        "BACKTESTER_TRIALS": str(caches / "trials.db"),  # kept, as it is for users, but not among the project's
        "PYTHONWARNINGS": "ignore",
    }


def call(command: Sequence[str], python: str, variables: Mapping[str, str], folder: Path | None = None) -> Answer:
    """Run `python *command` and read its answer.

    Returns
    -------
    dict
        What the process printed, and `process_seconds`, from start to exit. A process that failed answers
        `{"failed": the last line of its error}`, an interpreter that is not there `{"absent": ...}`.
    """
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [python, *command],
            cwd=folder or ROOT,
            env=dict(variables),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return {"absent": "its Python is not there"}
    except subprocess.TimeoutExpired:
        return {"failed": f"no answer in {LIMIT_SECONDS:.0f} s"}
    seconds = time.perf_counter() - started
    printed = done.stdout.strip().splitlines()
    if done.returncode != 0 or not printed:
        complaint = done.stderr.strip().splitlines()
        return {"failed": complaint[-1] if complaint else f"exit code {done.returncode}"}
    return {**json.loads(printed[-1]), "process_seconds": seconds}


def missing(answer: Answer) -> str | None:
    """Why there is no measurement, without the paths of this machine, or None if there is one."""
    for key, word in (("absent", "not importable"), ("failed", "failed")):
        if key in answer:
            return f"{word}: {IN_BRACKETS.sub('', answer[key])}"
    return None


def peers_python(given: str | None) -> str:
    """The interpreter the peers live in: the option, else the variable, else this one."""
    return given or os.environ.get(PEERS_PYTHON) or sys.executable
