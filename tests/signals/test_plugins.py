"""Models are found by name among installed packages, and nowhere else; what is wrong with one is said."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from backtester.errors import ModelError
from backtester.signals import plugins as registry
from strategies.models import SHIPPED

ROOT = Path(__file__).resolve().parents[2]

MODEL = '''
    """A module of models."""


    class Halves:
        """Say half the first feature.

        Source: Jane Doe, "Halves" (1999).
        """

        label_kinds = ("return",)

        def __init__(self, part=0.5, lookback=4):
            self.part, self.lookback = part, lookback

        def fit(self, X, y, sample_weight=None):
            return self

        def predict(self, X):
            return self.part * X[:, -1, 0]


    class Anything(Halves):
        def __init__(self, **settings):
            self.settings = settings


    class Silent:
        def fit(self, X, y):
            return self


    def function():
        return None
'''


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution on the path, with a module of its own and the entry points that are given."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(package: str, **entries: str) -> None:
        folder = tmp_path / f"{package.replace('-', '_')}-2.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
        lines = [f"{name} = {target}" for name, target in entries.items()]
        (folder / "entry_points.txt").write_text("\n".join(["[backtester.models]", *lines]) + "\n")

    (tmp_path / "halves_for_test.py").write_text(textwrap.dedent(MODEL))
    yield put
    sys.modules.pop("halves_for_test", None)


def test_pyproject_registers_what_the_table_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["backtester.models"] == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_has_a_module_named_like_it_and_can_be_made(name):
    model = registry.model_named(name)
    assert SHIPPED[name] == f"{type(model).__module__}:{type(model).__name__}"
    assert type(model).__module__ == f"strategies.models.{name.removesuffix('_classifier')}"
    assert hasattr(model, "predict_proba") == (name.endswith("_classifier") or name == "logistic")
    assert registry.plugin_of(model).name == name


def test_settings_are_handed_on():
    assert registry.model_named("ridge", alpha=3.0).alpha == 3.0


@pytest.mark.parametrize(
    "name",
    [
        *("./ridge", "../ridge", "ridge.py", "strategies/models/ridge.py", "/ridge", "~/ridge", "C:\\ridge", "a\\b"),
        *("strategies.models.ridge", "strategies.models.ridge:Ridge", "ridge:Ridge", "os", "", ".", "..", " ridge"),
        *("ridge\n", "-ridge", "ridge()", "__import__", "rídge"),
    ],
)
def test_what_is_a_path_or_a_module_is_no_name(name):
    wanted = "there is no model 'os'" if name == "os" else "cannot be the name of a model.*never from a path"
    with pytest.raises(ModelError, match=wanted):
        registry.model_named(name)


def test_what_is_no_text_is_no_name():
    with pytest.raises(ModelError, match="is text such as 'ridge', found int 3"):
        registry.model_named(3)


def test_an_unknown_name_and_an_unknown_setting_say_what_was_meant():
    with pytest.raises(ModelError, match=r"no model 'rigde'; did you mean 'ridge'\? \(models: ar1, cnn"):
        registry.model_named("rigde")
    with pytest.raises(ModelError, match=r"'ridge' has no setting 'alhpa'; did you mean 'alpha'.; it has alpha"):
        registry.model_named("ridge", alhpa=1.0)


def test_a_package_offers_a_model(install):
    install("quarter-pack", halves="halves_for_test:Halves", anything="halves_for_test:Anything")
    model = registry.model_named("halves", part=0.25)
    assert (type(model).__name__, model.part) == ("Halves", 0.25)
    assert registry.plugin_of(model) == registry.Plugin("halves", "halves_for_test:Halves", "quarter-pack", "2.5")
    row = registry.models().loc["halves"]
    assert row["package"] == "quarter-pack"
    assert row["class"] == "halves_for_test:Halves"
    assert (row["learns"], row["lookback"]) == ("return", 4)
    assert pd.isna(row["problem"])
    told = registry.describe(registry.plugin_named("halves"))
    assert told["summary"] == "Say half the first feature."
    assert told["source"] == 'Jane Doe, "Halves" (1999).'
    assert told["settings"] == {"part": 0.5, "lookback": 4}
    assert registry.model_named("anything", of="any name").settings == {"of": "any name"}
    with pytest.raises(ModelError, match="did you mean 'halves'"):
        registry.model_named("halfs")


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("../evil.py", "is registered as '../evil.py'; it must be module:Class"),
        ("halves_for_test", "must be module:Class"),
        ("halves_for_test.py:a/b", "must be module:Class"),
        ("no_such_module_here:Model", "needs no_such_module_here, which is not installed; install it"),
        ("halves_for_test:Missing", "cannot be imported from halves_for_test: AttributeError"),
        ("halves_for_test:function", "is no model: it lacks a class"),
        ("halves_for_test:Silent", "is no model: it lacks predict or predict_proba"),
    ],
)
def test_a_bad_registration_is_an_error_that_names_it_and_does_not_hide_the_others(install, target, wanted):
    install("bad-pack", bad=target)
    with pytest.raises(ModelError, match=rf"^model 'bad' of the package 'bad-pack'.*{wanted}"):
        registry.model_named("bad")
    table = registry.models()
    assert wanted.partition("Attr")[0].rstrip() in table.loc["bad", "problem"]
    assert pd.isna(table.loc["ridge", "problem"])


def test_a_name_that_two_packages_claim_is_nobodys(install):
    install("pack-a", halves="halves_for_test:Halves", ridge="halves_for_test:Halves")
    install("pack-b", halves="halves_for_test:Anything")
    with pytest.raises(ModelError, match=r"packages 'pack-.' and 'pack-.' all register a model 'halves'; uninstall"):
        registry.model_named("halves")
    with pytest.raises(ModelError, match=r"packages '[\w-]+' and '[\w-]+' all register a model 'ridge'"):
        registry.model_named("ridge")  # not even one that is shipped: another package's would be run in its place
    table = registry.models()
    assert set(table.loc["ridge", "package"]) == {"pack-a", "backtester"}
    assert table.loc["ridge", "problem"].str.contains("all register a model").all()


def test_the_metadata_of_an_installation_may_be_older_than_the_source(monkeypatch):
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [])
    assert set(registry.plugins()) == set(SHIPPED)


def test_a_model_that_metadata_and_table_both_name_is_one(tmp_path, install, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    install("backtester", **SHIPPED)
    assert all(len(found) == 1 for found in registry.plugins().values())
    assert registry.plugin_named("ridge").version == "2.5"


def test_a_library_that_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.delitem(sys.modules, "strategies.models.lstm", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        ModelError, match=r"'lstm'.*needs torch, which is not installed; pip install 'backtester\[models"
    ):
        registry.model_named("lstm")
    assert "needs torch" in registry.models().loc["lstm", "problem"]


def in_a_process(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_package_of_the_same_name_in_the_working_directory_is_not_run(tmp_path):
    for part in ("strategies", "strategies/models"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "__init__.py").write_text("raise SystemExit('it ran')\n")
    done = in_a_process(
        f"""
        import sys
        sys.path.insert(1, {str(ROOT)!r})
        from backtester.errors import ModelError
        from backtester.signals.plugins import Plugin, model_named, plugins
        assert "ridge" not in plugins() or plugins()["ridge"][0].package == "backtester"
        try:
            Plugin("ridge", "strategies.models.ridge:Ridge", "backtester", "0").load()
        except ModelError as error:
            print(error)
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("another package called `strategies`")


def test_looking_names_up_loads_no_library_of_models(tmp_path):
    done = in_a_process(
        f"""
        import sys
        sys.path.insert(1, {str(ROOT)!r})
        from backtester.signals.plugins import plugin_named
        plugin_named("lstm")
        print(sorted(set(sys.modules) & {{"sklearn", "torch", "skorch", "lightgbm", "pandas", "scipy"}}))
        """,
        tmp_path,
    )
    assert done.stdout.strip() == "[]", done.stderr
