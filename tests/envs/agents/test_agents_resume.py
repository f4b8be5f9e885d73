"""A training that is killed goes on to the same weights, byte for byte.

One algorithm learns from what it does, one from what it remembers. The others are stopped within a process, in
`test_agents_train.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from resume_script import trained

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SINE = "backtester/Sine-v0"


def start(algorithm: str, env: str, folder: Path, *more: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(HERE / "resume_script.py"), algorithm, env, str(folder), *more],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize(("algorithm", "env"), [("ppo", SINE), ("dqn", SINE)])
def test_a_training_that_is_killed_resumes_to_the_same_bytes(algorithm, env, tmp_path):
    wanted = trained(algorithm, env, str(tmp_path / "whole"))
    with start(algorithm, env, tmp_path / "killed", "--slow") as process:
        seen = [int(process.stdout.readline().split()[1]) for _ in range(2)]
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with start(algorithm, env, tmp_path / "killed") as process:
        lines = [line.split() for line in process.stdout]
    assert process.returncode == 0
    assert int(lines[0][1]) > seen[1], "the second process goes on where the first was killed"
    assert lines[-1] == ["done", wanted]
