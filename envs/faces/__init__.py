"""Thin faces of a `Core`: gymnasium's `Env` and `VectorEnv`, and stable-baselines3's `VecEnv`."""
