"""`check_trading_env`: does a trading environment keep the rules without which no result of an agent means anything?"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium import spaces

from backtester.errors import SettingsError, did_you_mean
from envs.episode import Episode, play
from envs.errors import EnvError
from envs.futures import flat_between, scaled_from

REWARDS = ("log_wealth", "pnl")
CUTS, STILLS = 4, 24  # bars at which another future, and a standstill, begins
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Check:
    """One rule, and whether it holds.

    Attributes
    ----------
    name : str
        The rule.
    outcome : str
        "passed", "failed" or "skipped".
    detail : str
        What was found, or why it was skipped.
    """

    name: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """What `check_trading_env` found.

    Attributes
    ----------
    env : str
        The environment.
    checks : tuple of Check
        Every rule, in order.
    """

    env: str
    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """The rules that do not hold."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def ok(self) -> bool:
        """Whether no rule is broken."""
        return not self.failures

    def __str__(self) -> str:
        rows = [f"  {one.outcome:8}{one.name}" + (f": {one.detail}" if one.detail else "") for one in self.checks]
        return "\n".join([self.env, *rows])


def check_trading_env(
    env: gymnasium.Env,
    *,
    make: Callable[[Any], gymnasium.Env] | None = None,
    bars: Any = None,
    bar: Callable[[gymnasium.Env, dict[str, Any]], int] | None = None,
    reward: str | None = "log_wealth",
    reward_scale: float = 1.0,
    random_start: bool = True,
    steps: int = 200,
    seed: int = 0,
) -> Report:
    """Check that an environment can be believed: its spaces, seeds, causality, rewards and manners.

    It plays some episodes with random actions. Of our own environments it finds out all it needs; of yours, causality
    can only be checked if `make` and `bars` are given.

    Parameters
    ----------
    env : gymnasium.Env
        It is reset, and left somewhere in an episode.
    make : callable, optional
        `make(bars)` returns the same environment on other data; everything it derives from the data (features, scalers)
        must be derived anew, or be fixed beforehand.
    bars : Bars, ndarray, DataFrame or dict of these, optional
        The data of `env`; rows are the first axis.
    bar : callable, optional
        `bar(env, info)` returns the row of `bars` that the agent has seen last. Where missing, `info["bar"]`.
    reward : {"log_wealth", "pnl"} or None
        What the rewards add up to: log(E_end/E_0), or (E_end − E_0)/E_0, with E = `info["equity"]`. None: something
        else, and the ledger is not compared.
    reward_scale : float
        By which the rewards are multiplied.
    random_start : bool
        Whether another seed must begin another episode.
    steps : int
        The most steps of an episode that are played.
    seed : int
        Of the first episode, and of the actions.

    Returns
    -------
    Report
        Every rule, passed or skipped, with the reason.

    Raises
    ------
    EnvError
        If a rule is broken; the message lists all of them, and `report` holds the report.
    SettingsError
        If an argument is out of range.

    Notes
    -----
    - *spaces*: observations lie in their space and have its dtype, a Box of actions is bounded, rewards are numbers,
      flags are bools, and an observation that was returned is not written to later.
    - *numbers*: no NaN and no infinity in observations, rewards and equity.
    - *seeds*: the same seed plays the same episode, bit for bit; another one another.
    - *global generators*: those of `numpy.random` and `random` are as they were.
    - *ledger*: the rewards add up to the change of equity.
    - *causality*: with other data after bar t, nothing up to bar t is another, bit for bit: no observation, no reward.
      The other data must show afterwards.
    - *no pay for the past*: where prices stand still after bar t, no order of bar t earns anything. An environment that
      pays the new position for a change the agent has already seen does. Interest on cash is income too: check with
      rates of 0 (of our own environments, they are taken out).

    Examples
    --------
    >>> import envs
    >>> from backtester import Bars
    >>> env = gymnasium.make("backtester/Trading-v0", bars=Bars.sample("sp500"))
    >>> print(envs.check_trading_env(env))
    """
    if not isinstance(env, gymnasium.Env):
        raise SettingsError(f"check_trading_env takes a gymnasium.Env, found {type(env).__name__}")
    if reward is not None and reward not in REWARDS:
        hint = did_you_mean(str(reward), REWARDS)
        raise SettingsError(f"reward must be one of {', '.join(REWARDS)} or None, found {reward!r}{hint}")
    if steps < 2:
        raise SettingsError(f"steps must be at least 2, found {steps!r}")
    if (make is None) != (bars is None):
        raise SettingsError("make and bars are needed together: make(bars) builds the environment on other data")
    subject = _Subject(env, make, bars, bar or _bar_of_info, reward, reward_scale, random_start)
    if make is None and hasattr(env.unwrapped, "core"):
        subject = _our_own(subject)
    return _Checker(subject, steps, seed).report()


@dataclass(frozen=True)
class _Subject:
    """An environment, and what is known of it."""

    env: gymnasium.Env
    make: Callable[[Any], gymnasium.Env] | None
    bars: Any
    bar: Callable[[gymnasium.Env, dict[str, Any]], int]
    reward: str | None
    reward_scale: float
    random_start: bool
    identical: bool = True  # make(bars) is the environment itself


def _bar_of_info(env: gymnasium.Env, info: dict[str, Any]) -> int:
    if "bar" not in info:
        raise SettingsError("which row has the agent seen last? Give bar=lambda env, info: …, or info['bar']")
    return int(info["bar"])


def _our_own(subject: _Subject) -> _Subject:
    """Return what a core tells of itself, and how to make it on other bars: with the same scaler, without interest."""
    core = cast(Any, subject.env.unwrapped).core
    if not hasattr(core, "trading"):
        return subject
    from envs.trading import Trading  # a task in this market has settings of its own

    settings = core.keywords()
    interest = settings["costs"].cash_rate != 0.0
    settings["costs"] = dataclasses.replace(settings["costs"], cash_rate=0.0)
    kind = settings["reward"] if settings["reward"] in REWARDS else None
    return dataclasses.replace(
        subject,
        make=lambda bars: Trading(**{**settings, "bars": bars}),
        bars=core.bars,
        bar=lambda env, info: int(cast(Any, env.unwrapped).core.bar()[0]),
        reward=kind,
        reward_scale=float(settings["reward_scale"]),
        random_start=core.trading.random_start and settings["episode_length"] is not None,
        identical=not interest,
    )


class _Checker:
    """Plays the episodes and judges them."""

    def __init__(self, subject: _Subject, steps: int, seed: int):
        self.subject, self.seed = subject, seed
        space = deepcopy(subject.env.action_space)
        space.seed(seed)
        self.actions = [space.sample() for _ in range(steps)]
        self.episode = Episode(subject.env.observation_space)
        self.replays = True  # whether the same seed plays the same episode

    def report(self) -> Report:
        before = _global_generators()
        rules = {
            "spaces": self.spaces,
            "numbers": self.numbers,
            "seeds": self.seeds,
            "ledger": self.ledger,
            "causality": self.causality,
            "no pay for the past": self.no_pay_for_the_past,
        }
        self.episode = self.play(self.subject.env, self.seed)
        checks = [dataclasses.replace(next(rule(), _PASSED), name=name) for name, rule in rules.items()]
        changed = [name for name, old in before.items() if old != _global_generators()[name]]
        said = f"the environment draws from, or reseeds, that of {' and '.join(changed)}"
        manners = _failed(said) if changed else _PASSED
        checks.append(dataclasses.replace(manners, name="global generators"))
        bare = self.subject.env.unwrapped
        report = Report(bare.spec.id if bare.spec else type(bare).__name__, tuple(checks))
        if not report.ok:
            rows = "\n".join(f"  {one.name}: {one.detail}" for one in report.failures)
            error = EnvError(f"{report.env} breaks {len(report.failures)} of {len(report.checks)} rules:\n{rows}")
            error.report = report  # type: ignore[attr-defined]
            raise error
        return report

    def play(self, env: gymnasium.Env, seed: int, steps: int | None = None) -> Episode:
        """Play an episode from a seed with the actions of this check."""
        return play(env, seed, self.actions[:steps], None if self.subject.make is None else self.subject.bar)

    def spaces(self) -> Iterator[Check]:
        space = self.subject.env.action_space
        if isinstance(space, spaces.Box) and not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            yield _failed(f"the action space {space} has no bounds")
        faults = self.episode.faults
        if faults:
            yield _failed(faults[0] + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""))
        late = self.episode.written_later()
        if late is not None:
            yield _failed(f"the observation after {late} steps was written to by a later step; return a copy")

    def numbers(self) -> Iterator[Check]:
        for k, observation in enumerate(self.episode.observations):
            if not np.isfinite(observation).all():
                at = int(np.argmin(np.isfinite(observation)))
                yield _failed(f"observation[{at}] after {k} steps is {observation[at]}")
        for k, reward in enumerate(self.episode.rewards):
            if not math.isfinite(reward):
                yield _failed(f"the reward of step {k} is {reward}")
        if any(math.isinf(value) for value in self.episode.equity):
            yield _failed("equity is infinite")
        missing = [k for k, value in enumerate(self.episode.equity) if math.isnan(value)]
        if missing and len(missing) < len(self.episode.equity):
            yield _failed(f"equity after {missing[0]} steps is NaN, or missing")

    def seeds(self) -> Iterator[Check]:
        env, last = self.subject.env, len(self.episode.observations) - 1
        difference = self.episode.same_until(self.play(env, self.seed), last)
        self.replays = not difference
        if difference:
            yield _failed(f"seed {self.seed} again: {difference}")
        if not self.subject.random_start:
            yield Check("", "passed", "the same seed, the same episode; all begin at the same place")
        if all(not self.episode.same_until(self.play(env, self.seed + k), last) for k in (1, 2, 3)):
            yield _failed(f"seeds {self.seed} to {self.seed + 3} all play the same episode (random_start=False?)")

    def ledger(self) -> Iterator[Check]:
        kind, equity = self.subject.reward, self.episode.equity
        if any(math.isnan(value) for value in equity):
            yield _skipped("info has no equity")
        if kind is None:
            yield _skipped("the rewards do not add up to a change of equity")
        total = 0.0
        for k, (value, reward) in enumerate(zip(equity, self.episode.rewards, strict=True)):
            total += reward / self.subject.reward_scale
            if kind == "log_wealth" and value <= 0.0:
                return  # from here on the floor of log wealth counts
            change = math.log(value / equity[0]) if kind == "log_wealth" else value / equity[0] - 1.0
            if abs(total - change) > TOLERANCE * max(1.0, abs(change)):
                yield _failed(f"after {k} steps the rewards add up to {total!r}, and equity says {change!r} ({kind})")

    def causality(self) -> Iterator[Check]:
        make, bars, seen = self.subject.make, self.subject.bars, self.episode
        if make is None or not self.replays:
            yield _skipped("the same seed plays another episode" if make else "make(bars) and bars were not given")
            return
        twin = self.made(bars, len(seen.rewards) - 1)
        difference = seen.same_until(twin, len(seen.observations) - 1) if self.subject.identical else ""
        if difference:
            yield _failed(f"make(bars), with the same bars: {difference}")
        shown = False
        for j in self.cuts(CUTS):
            other = self.made(scaled_from(bars, seen.bars[j] + 1), len(seen.rewards) - 1)
            last = max(k for k, row in enumerate(twin.bars) if row <= seen.bars[j])
            difference = twin.same_until(other, last)
            if difference:
                yield _failed(f"with other data after bar {seen.bars[j]}, which is seen after {j} steps, {difference}")
            shown = shown or bool(twin.same_until(other, len(twin.observations) - 1))
        if not shown:
            yield _failed("other data changes nothing at all: does make use its bars?")

    def no_pay_for_the_past(self) -> Iterator[Check]:
        make, bars, seen = self.subject.make, self.subject.bars, self.episode
        if make is None or not self.replays:
            yield _skipped("the same seed plays another episode" if make else "make(bars) and bars were not given")
            return
        if self.subject.reward is None and math.isnan(seen.equity[0]):
            yield _skipped("info has no equity, and the rewards are not known to be income")
        for j in self.cuts(STILLS):
            still = self.made(flat_between(bars, seen.bars[j], seen.bars[j + 1]), j + 1)
            if len(still.rewards) < j + 2:
                continue
            earned = still.equity[j + 1] / still.equity[j] - 1.0
            if self.subject.reward is not None:
                earned = max(earned if earned == earned else 0.0, still.rewards[j + 1] / self.subject.reward_scale)
            if earned > TOLERANCE:
                yield _failed(
                    f"prices stand still after bar {seen.bars[j]}, and the action {self.actions[j]} there earns "
                    f"{earned!r} of equity: for a price it has seen already?"
                )

    def made(self, bars: Any, steps: int) -> Episode:
        """Play the episode again on other bars."""
        assert self.subject.make is not None
        env = self.subject.make(bars)
        try:
            return self.play(env, self.seed, steps)
        finally:
            env.close()

    def cuts(self, n: int) -> list[int]:
        """Return up to n steps, spread over the episode, of which the next one saw a later bar."""
        rows = self.episode.bars
        possible = [j for j in range(len(rows) - 1) if rows[j + 1] > rows[j]]
        return [possible[k] for k in sorted({int(x) for x in np.linspace(0, len(possible) - 1, n)})] if possible else []


def _global_generators() -> dict[str, str]:
    """Return the states of the generators that all code of a process shares."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002, it is the legacy one that is guarded
    return {"numpy.random": repr((kind, np.asarray(keys).tobytes(), *rest)), "random": repr(random.getstate())}


_PASSED = Check("", "passed")


def _failed(detail: str) -> Check:
    return Check("", "failed", detail)


def _skipped(detail: str) -> Check:
    return Check("", "skipped", detail)
