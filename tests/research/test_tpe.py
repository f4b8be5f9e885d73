"""TPE: batches told in the order of the trials, so that the outcome does not depend on the workers."""

import pytest
from swept import Cross, Fragile, walk

from backtester import Strategy, sweep
from backtester.errors import SweepError

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def bars():
    return walk(300)


def bytes_of(found):
    return found.table.to_csv(float_format=lambda x: float(x).hex()).encode()


class Hill(Strategy):
    """Deposits a height: highest at x = 30, y = 0.3."""

    x: int = 0
    y: float = 0.0
    word: str = "low"

    def on_bar(self, ctx):
        pass


def height(result):
    p = result.manifest["parameters"]
    return -((p["x"] - 30) ** 2) / 100.0 - (p["y"] - 0.3) ** 2 * 50.0 + (5.0 if p["word"] == "high" else 0.0)


def hill(bars, **given):
    space = {"x": (0, 100), "y": (0.01, 1.0, "log"), "word": ["low", "middle", "high"]}
    return sweep(Hill, bars, **space, method="tpe", objective=height, store=None, **given)


def test_workers_do_not_change_the_outcome(bars):
    given = {"fast": (2, 30), "slow": range(31, 90), "method": "tpe", "n_trials": 40, "store": None, "seed": 3}
    one = bytes_of(sweep(Cross, bars, workers=1, **given))
    assert bytes_of(sweep(Cross, bars, workers=2, **given)) == one
    assert bytes_of(sweep(Cross, bars, workers=3, **given)) == one
    assert bytes_of(sweep(Cross, bars, workers=2, **given | {"seed": 4})) != one
    assert bytes_of(sweep(Cross, bars, workers=2, batch=5, **given)) != one


def test_it_climbs(bars):
    found = hill(bars[:30], n_trials=96, batch=8)
    # a random point has x within ±10 of the top one time in five, and the word one time in three
    late = found.table.iloc[-32:]
    assert ((late["x"] - 30).abs() <= 10).mean() > 0.4
    assert (late["word"] == "high").mean() > 0.6
    assert found.best.scores["height"] > 4.5


def test_where_is_kept(bars):
    found = sweep(
        *(Cross, bars),
        fast=(2, 60),
        slow=(2, 60),
        where=lambda p: p.fast < p.slow,
        method="tpe",
        n_trials=30,
        store=None,
    )
    assert (found.table["fast"] < found.table["slow"]).all()
    assert found.table.index.tolist() == list(range(30))
    none = {"fast": (2, 60), "where": lambda p: p.fast > 60, "method": "tpe", "n_trials": 30, "store": None}
    with pytest.raises(SweepError, match="where= allows no point of the space"):
        sweep(Cross, bars, **none)
    with pytest.raises(SweepError, match=r"refused 10\d,\d\d\d of"):
        sweep(Cross, bars, share=(0.5, 1.0), **none)


def test_it_goes_on_where_it_stopped(bars, tmp_path, monkeypatch):
    from backtester.research.sweep.trials import Trials

    runs, real = [], Trials.outcome
    monkeypatch.setattr(Trials, "outcome", lambda self, point, *known: runs.append(point) or real(self, point, *known))
    given = {"fast": (2, 30), "slow": (31, 90), "method": "tpe", "batch": 8}
    whole = bytes_of(sweep(Cross, bars, n_trials=32, store=None, **given))
    assert len(runs) == 32
    sweep(Cross, bars, n_trials=12, store=tmp_path / "s.db", **given)
    assert len(runs) == 44
    assert bytes_of(sweep(Cross, bars, n_trials=32, store=tmp_path / "s.db", **given)) == whole
    assert len(runs) == 44 + 20


def test_runs_that_raise_are_failed_trials(bars):
    found = sweep(
        Fragile, bars, fast=[5, 6, 7, 8, 9], slow=[20], objective="total_return", method="tpe", n_trials=20, store=None
    )
    assert found.trials == 5  # all there are
    assert found.failed == found.table["fast"].isin([7, 8]).sum() == 2


def test_nothing_is_run_twice(bars, tmp_path, monkeypatch):
    """Three numbers and four, of which `where` refuses one in twelve: eleven sets, in whatever order."""
    from backtester.research.sweep.trials import Trials

    runs, real = [], Trials.outcome
    monkeypatch.setattr(Trials, "outcome", lambda self, point, *known: runs.append(point) or real(self, point, *known))
    given = {"fast": (2, 4), "slow": [20, 30, 40, 50], "where": lambda p: p.fast + p.slow != 54, "method": "tpe"}
    found = sweep(Cross, bars, n_trials=30, batch=4, store=None, workers=1, **given)
    assert len(runs) == found.trials == 11
    assert len(set(zip(found.table["fast"], found.table["slow"], strict=True))) == 11
    assert found.table.index.tolist() == list(range(11))
    assert "11 sets of parameters tried, all there are of 30 asked for" in str(found)
    assert bytes_of(sweep(Cross, bars, n_trials=30, batch=4, store=None, workers=2, **given)) == bytes_of(found)
    runs.clear()
    sweep(Cross, bars, n_trials=6, batch=4, store=tmp_path / "s.db", **given)
    assert bytes_of(sweep(Cross, bars, n_trials=30, batch=4, store=tmp_path / "s.db", **given)) == bytes_of(found)
    assert len(runs) == 11


def test_what_is_proposed_again_is_told_the_score_it_had():
    from backtester.research.sweep.objective import make_objectives
    from backtester.research.sweep.space import make_space
    from backtester.research.sweep.tpe import Parzen
    from backtester.research.sweep.trials import Outcome

    made = make_space(Cross, {"fast": [3, 4, 5]}, "tpe")
    parzen = Parzen(made, make_objectives("sharpe", None), 10, 0, None, 2)
    asked = []
    for batch in parzen.batches():
        asked += [at for _, at in batch]
        parzen.tell([Outcome(number, at, (float(at[0]),), b"", "") for number, at in batch])
    assert sorted(asked) == [(0,), (1,), (2,)]
    told = [(trial.params["fast"], trial.value) for trial in parzen._study.trials if trial.value is not None]
    assert len(told) > 3  # it was asked again and again
    assert all(value == at for at, value in told)


def test_several_objectives(bars):
    given = {"fast": (2, 30), "slow": (31, 90), "method": "tpe", "n_trials": 24, "store": None}
    one = sweep(Cross, bars, objective=["total_return", "max_drawdown"], workers=1, **given)
    two = sweep(Cross, bars, objective=["total_return", "max_drawdown"], workers=2, **given)
    assert bytes_of(one) == bytes_of(two)
    assert 1 <= len(one.front) <= 24
