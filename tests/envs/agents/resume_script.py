"""Trains, prints the step of each checkpoint, and prints a hash of all that was learnt; the tests kill it on the way.

python resume_script.py ALGORITHM ENV FOLDER [--slow]
"""

from __future__ import annotations

import hashlib
import sys
import time

from envs.agents import train
from envs.agents.supervisor import Supervisor

#: small, and with something of everything that has to be stored: schedules, replay, target networks, entropy
SETTINGS = {
    "ppo": {"n_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 2, "net": [16, 16], "gamma": 0.99},
    "a2c": {"n_envs": 4, "n_steps": 16, "net": [16], "use_rms_prop": True},
    "dqn": {"n_envs": 4, "buffer_size": 1200, "learning_starts": 200, "batch_size": 32, "net": [16]}
    | {"target_update_interval": 100, "train_freq": 2},
    "sac": {"n_envs": 4, "buffer_size": 600, "learning_starts": 200, "batch_size": 32, "net": [16], "train_freq": 2},
    "reinforce": {"n_envs": 4, "n_steps": 64, "net": [16], "baseline_steps": 5},
    "q_learning": {"n_envs": 4, "bins": 6, "sample_steps": 200, "slice_steps": 200},
}
TOTAL = {"ppo": 2048, "a2c": 2048, "dqn": 2400, "sac": 1200, "reinforce": 4096, "q_learning": 4000}


def digest(agent) -> str:
    """Return a hash of the weights of an agent."""
    found = hashlib.sha256()
    for name, array in sorted(agent.policy.arrays().items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()


def trained(algorithm: str, env: str, folder: str, **more) -> str:
    """Train, and return the hash of what was learnt."""
    agent = train(
        algorithm,
        env,
        total_timesteps=TOTAL[algorithm],
        seed=5,
        hyperparameters=SETTINGS[algorithm],
        checkpoint_dir=folder,
        checkpoint_every=500,
        progress=False,
        **more,
    )
    return digest(agent)


def tell_checkpoints(slow: bool) -> None:
    """Print the step after each checkpoint, and with `slow` wait there to be killed."""
    save = Supervisor.save

    def told(supervisor: Supervisor) -> None:
        save(supervisor)
        print("checkpoint", supervisor.training.steps, flush=True)
        if slow:
            time.sleep(1.0)

    Supervisor.save = told


if __name__ == "__main__":
    tell_checkpoints("--slow" in sys.argv)
    print("done", trained(*sys.argv[1:4], resume=True), flush=True)
