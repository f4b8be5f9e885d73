"""A result written and read back is the same, bit for bit; anything else in a directory is refused, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from few_bars import DAY_NS, FLAT, NAN, play

from backtester import Bars, Costs, Instrument, Result, Strategy, run, store
from backtester.errors import ResultError
from backtester.kernel.codes import Reason, Tif

TABLES = ("orders", "fills", "flows", "changes", "records", "equity", "multipliers")
FRAMES = ("orders", "fills", "trades", "positions", "cash_flows", "changes", "actions", "records")


def everything(c):
    c.bracket(0, 5, stop_loss=8, take_profit=11, tag=2)
    c.limit(1, -5, 12.0 + 1 / 3, tif=Tif.GTD, expire=4 * DAY_NS)
    c.order(0, NAN)
    c.order(9, 1)
    c.rebalance([0.5, -0.25])
    c.record("π <b>", 1 / 3)


@pytest.fixture(scope="module")
def result() -> Result:
    """Two assets with gaps, all tables filled, a benchmark, costs, and settings of every kind."""
    rows = [
        [FLAT, None],
        [FLAT, FLAT],
        [(10, 12, 9, 11.1), FLAT],
        [None, (10, 10, 8, 9)],
        [(11, 11, 7, 8), FLAT],
        [FLAT, FLAT],
    ]
    script = {1: everything, 2: lambda c: (c.modify(4, price=11.5), c.cancel(99))}
    settings = {"commission": 0.001, "borrow_rate": 0.1, "multiplier": [1.0, 2.0], "max_participation": 0.5}
    return play(rows, script, benchmark="buy_and_hold", periods_per_year=252.0, **settings)


@pytest.fixture
def saved(result, tmp_path) -> Path:
    result.to_parquet(tmp_path / "run")
    return tmp_path / "run"


def rewrite(directory: Path, change) -> None:
    """Change the manifest by hand, and give it a fitting checksum."""
    path = directory / store.MANIFEST
    content = json.loads(path.read_text())
    change(content)
    content["checksum"] = store._checksum(content)
    path.write_text(json.dumps(content))


# --- the same, bit for bit -------------------------------------------------------------------------------------------


def test_every_table_comes_back_bit_for_bit(result, saved):
    loaded = Result.load(saved)
    for name in TABLES:
        mine, other = getattr(result.tables, name), getattr(loaded.tables, name)
        assert len(mine)
        assert mine.dtype == other.dtype
        assert mine.tobytes() == other.tobytes()
        assert not other.flags.writeable
    assert result.benchmark.tobytes() == loaded.benchmark.tobytes()
    assert not loaded.benchmark.flags.writeable


def test_bars_come_back_bit_for_bit(result, saved):
    loaded = Result.load(saved)
    assert loaded.bars == result.bars
    assert loaded.bars.name == "by hand"
    for name in ("open", "high", "low", "close", "volume"):
        assert loaded.bars[name].tobytes() == result.bars[name].tobytes()


def test_everything_made_of_it_is_the_same(result, saved):
    loaded = Result.load(saved)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(result, name), getattr(loaded, name), check_exact=True)
    pd.testing.assert_series_equal(result.metrics, loaded.metrics, check_exact=True)
    pd.testing.assert_series_equal(result.returns, loaded.returns, check_exact=True)
    assert loaded.manifest == result.manifest
    assert loaded.ambiguous_bars == result.ambiguous_bars
    assert repr(loaded) == repr(result)
    assert str(loaded) == str(result)
    for order_id in result.orders.index:
        assert loaded.explain(order_id) == result.explain(order_id)


def test_the_report_is_the_same(result, saved, tmp_path):
    result.report(tmp_path / "mine.html")
    Result.load(saved).report(tmp_path / "loaded.html")
    assert (tmp_path / "mine.html").read_text("utf-8") == (tmp_path / "loaded.html").read_text("utf-8")


def test_the_manifest_is_that_of_the_run_not_of_the_reader(saved):
    rewrite(saved, lambda content: content["run"]["versions"].update(numpy="0.1"))
    assert Result.load(saved).manifest["versions"]["numpy"] == "0.1"


def test_sessions_extras_and_negative_prices_come_back(tmp_path):
    prices = np.array([-1.0, 2.0, 1.5, -0.5])
    bars = Bars.from_arrays(
        np.arange(1, 5) * DAY_NS,
        *[prices] * 4,
        symbols="=cmd|' /C calc'!A0",
        extras={"feature": np.array([NAN, 1.0, 2.0, 1 / 3])},
        sessions=np.array([1, 1, 2, 2]),
        session_ends=np.array([2, 2, 5, 5]) * DAY_NS,
        allow_negative=True,
    )
    run(Nothing, bars, mode="interpreted").to_parquet(tmp_path / "run")
    loaded = Result.load(tmp_path / "run").bars
    assert loaded == bars
    assert loaded["feature"].tobytes() == bars["feature"].tobytes()
    assert loaded.session_ends.tolist() == bars.session_ends.tolist()
    assert loaded.allow_negative is True
    assert loaded.symbols == bars.symbols


class Nothing(Strategy):
    """Does nothing."""

    def on_bar(self, ctx):
        pass


def test_a_run_without_orders_or_benchmark_comes_back(tmp_path):
    result = run(Nothing, Bars.sample("sp500")[:50], mode="interpreted")
    result.to_parquet(tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    assert loaded.benchmark is None
    assert len(loaded.orders) == 0
    assert loaded.records.shape == (50, 0)


def test_a_loaded_result_can_be_saved_again(saved, tmp_path):
    Result.load(saved).to_parquet(tmp_path / "again")
    assert Result.load(tmp_path / "again").manifest == Result.load(saved).manifest


def test_the_files_are_parquet_that_others_read(result, saved):
    assert sorted(path.name for path in saved.iterdir()) == sorted([*store.FILES, "manifest.json"])
    orders = pd.read_parquet(saved / "orders.parquet")
    assert orders["quantity"].tolist()[0] == 5.0
    equity = pd.read_parquet(saved / "equity.parquet")
    assert pd.DatetimeIndex(equity["time"]).equals(result.bars.index.rename("time"))
    bars = pd.read_parquet(saved / "bars.parquet")
    assert bars["symbol"].tolist() == ["A0", "A1"] * 6
    codes = json.loads((saved / "manifest.json").read_text())["codes"]
    assert codes["reason"][str(int(Reason.INSUFFICIENT_EQUITY))] == "insufficient_equity"


def test_the_manifest_lists_the_hash_of_every_file(saved):
    files = json.loads((saved / "manifest.json").read_text())["files"]
    assert set(files) == set(store.FILES)
    for name, about in files.items():
        assert about["bytes"] == (saved / name).stat().st_size
        assert len(about["sha256"]) == 64


# --- writing over ----------------------------------------------------------------------------------------------------


def test_an_earlier_result_is_replaced(saved):
    other = run(Nothing, Bars.sample("sp500")[:50], mode="interpreted")
    other.to_parquet(saved)
    assert Result.load(saved).bars.n_bars == 50
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


def test_an_empty_directory_is_used(result, tmp_path):
    (tmp_path / "run").mkdir()
    result.to_parquet(str(tmp_path / "run"))
    assert Result.load(tmp_path / "run").bars == result.bars


def test_a_directory_with_anything_else_is_left_alone(result, saved, tmp_path):
    other = tmp_path / "notes"
    other.mkdir()
    (other / "notes.txt").write_text("keep")
    (saved / "report.html").write_text("keep")
    for place, name in ((other, "notes.txt"), (saved, "report.html")):
        with pytest.raises(ResultError, match=rf"holds {name}; only an empty directory or an earlier result"):
            result.to_parquet(place)
        assert (place / name).read_text() == "keep"


def test_a_directory_of_files_with_our_names_is_no_result(result, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "orders.parquet").write_text("mine")
    with pytest.raises(ResultError, match=r"has no manifest.json of a result"):
        result.to_parquet(tmp_path / "run")
    assert (tmp_path / "run" / "orders.parquet").read_text() == "mine"


def test_a_file_is_not_written_over(result, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ResultError, match="a result is a directory, give another name"):
        result.to_parquet(tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


def test_a_missing_folder_is_named(result, tmp_path):
    with pytest.raises(ResultError, match=r"the folder .*nowhere does not exist; create it"):
        result.to_parquet(tmp_path / "nowhere" / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_half_written(result, saved, monkeypatch, error):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def fail(*_):
        raise error

    monkeypatch.setattr(store, "_checksum", fail)  # the last step before the manifest, after all files
    expected = ResultError if isinstance(error, OSError) else KeyboardInterrupt
    for place in (saved, saved.parent / "new"):
        with pytest.raises(expected, match="No space left on device" if expected is ResultError else None):
            result.to_parquet(place)
    assert [path.name for path in saved.parent.iterdir()] == ["run"]
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_a_failed_exchange_puts_the_earlier_result_back(result, saved, monkeypatch):
    rename, calls = Path.rename, []

    def fail_second(self, target):
        calls.append(self)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_second)
    with pytest.raises(ResultError, match="Input/output error"):
        result.to_parquet(saved)
    monkeypatch.undo()
    assert Result.load(saved).manifest == result.manifest
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


# --- refusals --------------------------------------------------------------------------------------------------------


def test_places_without_a_result_say_what_they_are(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, says in (
        ("nowhere", "there is no such directory; Result.load takes the directory"),
        ("file", "is a file; Result.load takes the directory"),
        ("empty", r"there is no manifest.json, so it is not the directory of a result"),
    ):
        with pytest.raises(ResultError, match=says) as caught:
            Result.load(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("name", store.FILES)
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(ResultError, match=rf"{name}: the file is missing"):
        Result.load(saved)


@pytest.mark.parametrize("name", store.FILES)
def test_a_file_cut_off_is_named_with_its_size(saved, name):
    size = (saved / name).stat().st_size
    os.truncate(saved / name, size // 2)
    with pytest.raises(ResultError, match=rf"{name}: the file is cut off: {size // 2} bytes of {size}"):
        Result.load(saved)


@pytest.mark.parametrize("name", store.FILES)
def test_an_altered_file_is_named_with_its_hash(saved, name):
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(ResultError, match=rf"{name}: the file was altered: SHA-256 is \w+…, and was \w+…"):
        Result.load(saved)


def test_a_file_of_another_result_is_an_altered_file(saved, tmp_path):
    run(Nothing, Bars.sample("sp500"), costs=Costs(commission=0.1), mode="interpreted").to_parquet(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "equity.parquet", saved / "equity.parquet")
    with pytest.raises(ResultError, match=r"equity.parquet: the file was altered"):
        Result.load(saved)


def test_an_altered_manifest_is_noticed(saved):
    path = saved / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ResultError, match=r"manifest.json: it was altered: its checksum does not fit"):
        Result.load(saved)


def test_a_manifest_cut_off_is_noticed(saved):
    path = saved / "manifest.json"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ResultError, match=r"manifest.json: it is cut off or altered"):
        Result.load(saved)


@pytest.mark.parametrize("text", ["[]", '{"kind": "a recipe"}', "3", "{}"])
def test_a_manifest_of_something_else_is_no_result(saved, text):
    (saved / "manifest.json").write_text(text)
    with pytest.raises(
        ResultError, match=r"it is not the manifest of a result: kind is .*, and must be 'backtester result'"
    ):
        Result.load(saved)


def test_a_newer_format_says_which_and_what_to_do(saved):
    def newer(content):
        content["format"] = 3
        content["run"]["versions"]["backtester"] = "9.9"

    rewrite(saved, newer)
    with pytest.raises(ResultError, match=r"format 3, written by backtester 9\.9; .* up to 2\. Upgrade backtester"):
        Result.load(saved)


@pytest.mark.parametrize("version", [0, None, "1", 0.5])
def test_a_format_that_never_was_is_refused(saved, version):
    rewrite(saved, lambda content: content.update(format=version))
    with pytest.raises(ResultError, match=r"manifest.json: it was altered"):
        Result.load(saved)


@pytest.mark.parametrize("key", ["run", "bars", "record_names", "files", "ambiguous_bars"])
def test_a_manifest_without_a_part_is_refused(saved, key):
    rewrite(saved, lambda content: content.pop(key))
    with pytest.raises(ResultError, match=r"does not fit together|does not list"):
        Result.load(saved)


def test_files_that_do_not_fit_together_are_refused(saved, tmp_path):
    """Each file is what the manifest says, but equity is that of other bars."""
    run(Nothing, Bars.sample("sp500")[:9], mode="interpreted").to_parquet(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "equity.parquet", saved / "equity.parquet")
    about = json.loads((tmp_path / "other" / "manifest.json").read_text())["files"]["equity.parquet"]
    rewrite(saved, lambda content: content["files"].update({"equity.parquet": about}))
    with pytest.raises(ResultError, match=r"does not fit together .*9 values of equity for 6 bars"):
        Result.load(saved)


# --- events and currencies -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def eventful() -> Result:
    """A split, a dividend, a delisting, a deposit, a conversion, instruments, two currencies kept apart."""
    rows = [[FLAT, FLAT, (2.0,) * 4]] * 4 + [[(5.0,) * 4, FLAT, (2.5,) * 4]] * 4
    events = {"split": {4: 2.0}, "dividend": {5: 0.25}, "delisting": {(6, 1): 9.0}}
    script = {
        1: lambda c: (c.order(0, 7), c.order(1, 3), c.limit(0, 5, 8.0)),
        2: lambda c: (c.deposit(250.0), c.convert(40.0, -1, 1)),
        4: lambda c: c.withdraw(1e9),
    }
    return play(
        rows,
        script,
        events=events,
        instruments=[Instrument("A0", margin=0.5, lot_size=1.0), Instrument("A1", currency="EUR", multiplier=2.0)],
        currency="USD",
        fx={"EUR": "A2"},
        settlement="keep",
        max_exposure={"A0": 2.0, "A1": 9.0, "A2": 1.0},
        max_gross=5.0,
        commission=0.001,
    )


def test_events_currencies_and_instruments_come_back(eventful, tmp_path):
    assert set(eventful.actions["kind"]) == {"split", "delisting"}
    assert set(eventful.changes["kind"]) == {"split", "deposit", "convert"}
    assert set(eventful.cash_flows["currency"]) == {"USD", "EUR"}
    eventful.to_parquet(tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    for name in (*TABLES[:-3], "actions", "equity", "multipliers", "last_fx"):
        mine, other = getattr(eventful.tables, name), getattr(loaded.tables, name)
        assert mine.dtype == other.dtype
        assert mine.tobytes() == other.tobytes()
        assert not other.flags.writeable
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(eventful, name), getattr(loaded, name), check_exact=True)
    pd.testing.assert_frame_equal(eventful.to_frame(), loaded.to_frame(), check_exact=True)
    pd.testing.assert_series_equal(eventful.metrics, loaded.metrics, check_exact=True)
    assert loaded.currencies == eventful.currencies == ("USD", "EUR")
    assert loaded.wealth.tobytes() == eventful.wealth.tobytes()
    assert loaded.deposits.tobytes() == eventful.deposits.tobytes()
    assert str(loaded) == str(eventful)
    for order_id in eventful.orders.index:
        assert loaded.explain(order_id) == eventful.explain(order_id)
    assert not eventful.diff(loaded)


#: what results of format 1 did not have
NEW_COLUMNS = {"fills": ["fx"], "flows": ["currency", "fx"], "assets": ["fx"]}
NEW_SETTINGS = ("max_drawdown", "max_gross", "max_exposure", "max_order", "instruments", "currency", "fx")


def as_format_1(directory: Path) -> None:
    """Turn a saved result into what the first version wrote."""
    (directory / "actions.parquet").unlink()
    for name, columns in NEW_COLUMNS.items():
        path = directory / f"{name}.parquet"
        pq.write_table(pq.read_table(path).drop_columns(columns), path)

    def change(content):
        content["format"] = 1
        del content["files"]["actions.parquet"], content["run"]["currencies"], content["codes"]["action_kind"]
        for name in (*NEW_SETTINGS, "settlement", "delisting"):
            del content["run"]["settings"]["account"][name]
        for name in NEW_COLUMNS:
            path = directory / f"{name}.parquet"
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            content["files"][path.name].update(bytes=path.stat().st_size, sha256=digest)

    rewrite(directory, change)


def test_a_result_of_the_first_format_is_read(result, saved):
    as_format_1(saved)
    loaded = Result.load(saved)
    for name in (*TABLES, "actions", "last_fx"):
        assert getattr(loaded.tables, name).tobytes() == getattr(result.tables, name).tobytes()
    assert loaded.currencies == ("",)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(result, name), getattr(loaded, name), check_exact=True)
    pd.testing.assert_frame_equal(result.to_frame(), loaded.to_frame(), check_exact=True)
    for order_id in result.orders.index:
        assert loaded.explain(order_id) == result.explain(order_id)
    assert str(loaded) == str(result)


def test_a_result_of_today_without_a_column_is_damaged(saved):
    """Only an old format may lack what it did not have."""
    as_format_1(saved)
    rewrite(saved, lambda content: content.update(format=2))
    with pytest.raises(ResultError, match=r"does not list actions\.parquet"):
        Result.load(saved)
