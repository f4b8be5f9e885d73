"""Hyperparameters: a YAML file per algorithm, with a `default` and an entry for each task that needs other values.

    default:
      n_envs: 16
      learning_rate: {from: 0.001, to: 0.0}
    OUPrice:
      n_envs: 64

An entry says what differs from `default`; what a caller gives differs from both. A name that the algorithm does not
know, or a value it cannot have, is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

from backtester.errors import did_you_mean
from envs.agents.training import COMMON, Rule, Trainer
from envs.errors import TrainingError


def hyperparameters_for(trainer: Trainer, env_id: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the hyperparameters of a training: those of the file, with the caller's in place of theirs.

    Parameters
    ----------
    trainer : Trainer
    env_id : str
        Such as "backtester/OUPrice-v0"; the file knows it as `OUPrice`.
    given : mapping, optional
        The caller's.

    Raises
    ------
    TrainingError
        If a name or a value is not one of the algorithm's.
    """
    name = env_id.rpartition("/")[2].rpartition("-v")[0] or env_id
    file = shipped(trainer)
    values = {**file["default"], **(file.get(name) or {})}
    if given is not None and not isinstance(given, Mapping):
        raise TrainingError(f"hyperparameters is {given!r}; give a dict such as {{'learning_rate': 0.001}}")
    values.update(given or {})
    return checked(trainer, values)


def shipped(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """Return the shipped file of an algorithm: `default`, and an entry per task."""
    import yaml

    text = resources.files("envs.agents").joinpath(f"hyperparameters/{trainer.name}.yml").read_text("utf-8")
    return yaml.safe_load(text)


def checked(trainer: Trainer, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters as the algorithm takes them, or raise TrainingError for the first that is wrong."""
    rules = {**COMMON, **trainer.hyperparameters}
    for name in values:
        if name not in rules:
            near = did_you_mean(str(name), rules)
            raise TrainingError(
                f"{trainer.name} has no hyperparameter {name!r}{near}; it has {', '.join(sorted(rules))}"
            )
    return {name: _value(trainer.name, name, values[name], rules[name]) for name in sorted(values)}


def _value(owner: str, name: str, value: Any, rule: Rule) -> Any:
    if value is None and rule.optional:
        return None
    if isinstance(value, str) and value in rule.words:
        return value
    if isinstance(rule.kind, tuple):
        if value in rule.kind:
            return value
        raise TrainingError(f"{owner}: {name} is {value!r}; it must be {' or '.join(map(repr, rule.kind))}")
    if rule.kind == "bool":
        if isinstance(value, bool):
            return value
        raise TrainingError(f"{owner}: {name} is {value!r}; it must be true or false")
    if rule.kind == "sizes":
        if not isinstance(value, list | tuple):
            raise TrainingError(f"{owner}: {name} is {value!r}; it must be a list of layer sizes, such as [64, 64]")
        return [_number(owner, f"{name}[{k}]", size, rule, whole=True) for k, size in enumerate(value)]
    if rule.kind == "rate" and isinstance(value, Mapping):
        if set(value) != {"from", "to"}:
            raise TrainingError(f"{owner}: {name} is {value!r}; a schedule is a number, or {{from: 0.001, to: 0.0}}")
        until = Rule("float", rule.low, rule.high)  # a rate may fall to 0, and begins above it
        ends = {"from": rule, "to": until}
        return {end: _number(owner, f"{name}.{end}", value[end], ends[end], whole=False) for end in ("from", "to")}
    return _number(owner, name, value, rule, whole=rule.kind == "int")


def _number(owner: str, name: str, value: Any, rule: Rule, whole: bool) -> int | float:
    if isinstance(value, str):  # YAML takes 3e-4, without a point, for text
        try:
            value = float(value)
        except ValueError:
            words = f", or {' or '.join(map(repr, rule.words))}" if rule.words else ""
            raise TrainingError(f"{owner}: {name} is {value!r}; it must be a number{words}") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TrainingError(f"{owner}: {name} is {value!r}; it must be a {'whole ' if whole else ''}number")
    if whole and value != int(value):
        raise TrainingError(f"{owner}: {name} is {value!r}; it must be a whole number")
    too_low = rule.low is not None and (value < rule.low or (rule.above and value == rule.low))
    if too_low or (rule.high is not None and value > rule.high):
        lower = f"{'above' if rule.above else 'at least'} {rule.low:g}" if rule.low is not None else ""
        upper = f"at most {rule.high:g}" if rule.high is not None else ""
        raise TrainingError(f"{owner}: {name} is {value!r}; it must be {' and '.join(filter(None, (lower, upper)))}")
    return int(value) if whole else float(value)
