"""What a benchmark runs: one YAML file with every algorithm, task, market, seed and step budget, checked at the door.

Keys that are unknown are refused, with what was probably meant: a misspelt setting that is ignored is a result that was
never measured.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from backtester.errors import SettingsError, did_you_mean

MIN_SEEDS = 10
SCENARIOS = ("costs 0x", "costs 1x", "costs 2x", "one bar later")
CHECKPOINTS = ("last", "validation best")


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One algorithm on one task or market.

    Parameters
    ----------
    name : str
        As `envs.agents.train` takes it.
    total_timesteps : int
        The budget of steps; the same for every seed.
    hyperparameters : mapping
        Instead of those in the YAML files of `envs/agents/hyperparameters`.
    reach : float, optional
        What the lower end of the interval of the score is held against.
    validation_episodes : int
        Of a task: episodes of a validation after every twentieth of the training, none of which is in the evaluation;
        the agent that was best in one is evaluated. 0 takes the last agent. A market has its validation range.
    """

    name: str
    total_timesteps: int
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    reach: float | None = None
    validation_episodes: int = 0


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task with a known optimum.

    Parameters
    ----------
    id : str
        Of the environment.
    algorithms : sequence of Algorithm
    settings : mapping
        Of the environment.
    episodes : int
        Complete episodes of an evaluation.
    copies : int
        Copies that play them.
    leak_alarm : bool
        Whether nothing can be earned here, so that whoever earns rings the alarm.
    optimum_error : float
        How far the known optimum may be off, in the unit of its value.
    """

    id: str
    algorithms: Sequence[Algorithm]
    settings: Mapping[str, Any] = field(default_factory=dict)
    episodes: int = 8_192
    copies: int = 256
    leak_alarm: bool = False
    optimum_error: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Market:
    """Bars to walk forward through.

    Parameters
    ----------
    name : str
        For tables.
    data : str
        `sample:NAME`, or a file of bars.
    train, validate, test : int
        Bars of the three ranges of a fold, one after the other.
    algorithms : sequence of Algorithm
    symbol : str, optional
        Which asset, where there are several.
    folds : int, optional
        How many, the last ones; as many as fit by default.
    settings : mapping
        Of the environment `backtester/Trading-v0`, without bars and costs.
    features : sequence, optional
        What is observed: the specification of `backtester.signals.Features`; its default set otherwise.
    cash : float
    costs, account, execution : mapping
        Fields of `Costs`, `Account` and `Execution`.
    baselines : mapping of str to mapping
        Settings of baselines that are not as by default.
    checkpoint : {"validation best", "last"}
        Which state of a training is tested.
    patience : int, optional
        Validations without improvement after which a training stops.
    """

    name: str
    data: str
    train: int
    validate: int
    test: int
    algorithms: Sequence[Algorithm]
    symbol: str | None = None
    folds: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[Any] | None = None
    cash: float = 100_000.0
    costs: Mapping[str, float] = field(default_factory=dict)
    account: Mapping[str, Any] = field(default_factory=dict)
    execution: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checkpoint: str = "validation best"
    patience: int | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """A benchmark.

    Parameters
    ----------
    name : str
        Letters, digits, "-" and "_": results are files of this name.
    seeds : sequence of int
        Fixed here, not drawn: ten or more, unless `few_seeds`.
    tasks : sequence of Task
    markets : sequence of Market
    description : str
        A sentence for the page.
    few_seeds : bool
        Whether fewer than ten seeds are wanted, as for a smoke test; the page then says so.
    resamples : int
        Of the bootstrap.
    """

    name: str
    seeds: Sequence[int]
    tasks: Sequence[Task] = ()
    markets: Sequence[Market] = ()
    description: str = ""
    few_seeds: bool = False
    resamples: int = 10_000

    @property
    def digest(self) -> str:
        """SHA-256 of all that is in it: two results of one digest are of one benchmark."""
        return hashlib.sha256(json.dumps(self.as_data(), sort_keys=True).encode()).hexdigest()

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return dataclasses.asdict(self, dict_factory=lambda items: {key: _plain(value) for key, value in items})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def load_config(path: str | PathLike[str]) -> Config:
    """Read a benchmark from a YAML file.

    Parameters
    ----------
    path : path

    Returns
    -------
    Config

    Raises
    ------
    SettingsError
        If there is no such file, it is no YAML, or something in it is unknown, missing or out of range.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; name a YAML file of a benchmark") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    return config_of(data, str(path))


def config_of(data: Any, where: str = "config") -> Config:
    """Return a benchmark from the mapping that a YAML file holds; see `load_config`.

    Parameters
    ----------
    data : mapping
    where : str
        What it is called in messages.
    """
    config = _made(Config, data, where)
    _check(config, where)
    return config


_NESTED = {(Config, "tasks"): Task, (Config, "markets"): Market, (Task, "algorithms"): Algorithm}
_NESTED[Market, "algorithms"] = Algorithm
_NUMBERS = (
    "total_timesteps",
    "validation_episodes",
    "episodes",
    "copies",
    "train",
    "validate",
    "test",
    "folds",
    "patience",
    "resamples",
)
_REALS = ("reach", "cash", "optimum_error")


def _made(kind: Any, data: Any, where: str) -> Any:
    """Return a dataclass from a mapping; nested ones too."""
    if not isinstance(data, Mapping):
        raise SettingsError(f"{where}: found {data!r}; it must be a mapping of names to values")
    fields = {item.name: item for item in dataclasses.fields(kind)}
    values = {}
    for name, value in data.items():
        if name not in fields:
            known = ", ".join(fields)
            raise SettingsError(f"{where}: there is no {name!r}{did_you_mean(str(name), fields)}; there are {known}")
        if (kind, name) in _NESTED:
            if not isinstance(value, list) or (not value and kind is not Config):
                raise SettingsError(f"{where}.{name}: found {value!r}; it must be a list")
            inner = _NESTED[kind, name]
            values[name] = tuple(_made(inner, item, f"{where}.{name}[{i}]") for i, item in enumerate(value))
        else:
            values[name] = value
        _check_type(name, values[name], fields[name], where)
    missing = [
        name
        for name, item in fields.items()
        if name not in values
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise SettingsError(f"{where}: {missing[0]} is missing")
    return kind(**values)


def _check_type(name: str, value: Any, item: dataclasses.Field[Any], where: str) -> None:
    if value is None and item.default is None:
        return
    text = str(item.type)
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SettingsError(f"{where}.{name}: found {value!r}; it must be a whole number of at least 1")
    elif name in _REALS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SettingsError(f"{where}.{name}: found {value!r}; it must be a number")
    elif text.startswith("Mapping") and not isinstance(value, Mapping):
        raise SettingsError(f"{where}.{name}: found {value!r}; it must be a mapping of names to values")
    elif text.startswith("str") and not isinstance(value, str):
        raise SettingsError(f"{where}.{name}: found {value!r}; it must be text")
    elif text == "bool" and not isinstance(value, bool):
        raise SettingsError(f"{where}.{name}: found {value!r}; it must be true or false")


def _check(config: Config, where: str) -> None:
    if not config.name or not all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in config.name):
        raise SettingsError(f'{where}.name: found {config.name!r}; letters, digits, "-" and "_"')
    seeds = config.seeds
    if not isinstance(seeds, list | tuple) or not all(isinstance(s, int) and not isinstance(s, bool) for s in seeds):
        raise SettingsError(f"{where}.seeds: found {seeds!r}; a list of whole numbers")
    if len(set(seeds)) != len(seeds):
        raise SettingsError(f"{where}.seeds: one is there twice; the same seed is the same run")
    if any(not 0 <= seed < 2**31 for seed in seeds):
        raise SettingsError(f"{where}.seeds: found {seeds!r}; each from 0 to 2^31 - 1")
    if len(seeds) < (2 if config.few_seeds else MIN_SEEDS):
        raise SettingsError(
            f"{where}.seeds: {len(seeds)} seeds; {MIN_SEEDS} are the least that says something about an algorithm "
            "(few_seeds: true for a smoke test, 2 at least)"
        )
    if not config.tasks and not config.markets:
        raise SettingsError(f"{where}: neither tasks nor markets: nothing to run")
    by_part = {"tasks": [one.id for one in config.tasks], "markets": [one.name for one in config.markets]}
    for part, names in by_part.items():
        if len(set(names)) != len(names):
            raise SettingsError(f"{where}.{part}: two have one name; results are stored by name")
    for i, market in enumerate(config.markets):
        _check_algorithms(market.algorithms, f"{where}.markets[{i}]")
        if any(algorithm.validation_episodes for algorithm in market.algorithms):
            raise SettingsError(f"{where}.markets[{i}]: validation_episodes is for tasks; a market has validate=")
        _check_market(market, f"{where}.markets[{i}]")
    for i, task in enumerate(config.tasks):
        _check_algorithms(task.algorithms, f"{where}.tasks[{i}]")
        if task.copies < 2 or task.optimum_error < 0.0:
            raise SettingsError(f"{where}.tasks[{i}]: copies must be at least 2, and optimum_error not negative")


def _check_algorithms(algorithms: Sequence[Algorithm], where: str) -> None:
    names = [algorithm.name for algorithm in algorithms]
    if len(set(names)) != len(names):
        raise SettingsError(f"{where}.algorithms: one is there twice")


def _check_market(market: Market, where: str) -> None:
    from backtester.costs import Account, Costs, Execution
    from envs.benchmark.baselines import BASELINES

    if market.checkpoint not in CHECKPOINTS:
        raise SettingsError(
            f"{where}.checkpoint: found {market.checkpoint!r}; it must be one of {', '.join(map(repr, CHECKPOINTS))}: "
            "a checkpoint chosen by its test is no test"
        )
    for name in market.baselines:
        if name not in BASELINES:
            raise SettingsError(f"{where}.baselines: no baseline {name!r}{did_you_mean(name, BASELINES)}")
    for name, kind in (("costs", Costs), ("account", Account), ("execution", Execution)):
        try:
            kind(**getattr(market, name))
        except TypeError as error:
            known = [item.name for item in dataclasses.fields(kind)]
            wrong = next((key for key in getattr(market, name) if key not in known), "")
            raise SettingsError(f"{where}.{name}: there is no {wrong!r}{did_you_mean(str(wrong), known)}") from error
    for name in ("bars", "costs", "account", "execution", "cash", "features"):
        if name in market.settings:
            raise SettingsError(f"{where}.settings: {name} is a key of the market itself")
