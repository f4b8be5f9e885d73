"""What is written down of features: it rebuilds them, names what it cannot, and runs nothing else."""

from __future__ import annotations

import hashlib
import json
import sys
import textwrap

import numba
import numpy as np
import pytest
from feature_bars import random_bars

from backtester.errors import FeatureError
from backtester.indicators import bollinger, rsi
from backtester.signals import External, Features, Function, Indicator, Shipped

SOURCE = """
import numba

def carry(bars, by=2.0):
    return bars.close * by

@numba.njit
def halved(x, n=3):
    return x / n

class Kept:
    @staticmethod
    def inside(bars):
        return bars.open
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a module of a package, as a user would install one."""
    home = tmp_path / "feature_shop"
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / "own.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.syspath_prepend(str(tmp_path))
    import feature_shop.own as own

    yield own
    for name in ("feature_shop", "feature_shop.own"):
        sys.modules.pop(name, None)


def again(features, **given):
    """Return the features rebuilt from their specification by way of JSON."""
    return Features.from_spec(json.loads(json.dumps(features.spec())), **given)


def test_functions_of_packages_are_found_by_their_address(package):
    features = Features(
        [
            "zscore(10)",
            Shipped("rsi", 7, name="speed"),
            Indicator(rsi, n=5),
            Indicator(bollinger, n=5, output=1, name="middle"),
            Indicator(package.halved, x="volume", n=4),
            Function(package.carry, by=3.0),
            package.Kept.inside,
        ],
        hold=3,
    )
    rebuilt = again(features)
    assert rebuilt == features
    assert (rebuilt.names, rebuilt.hold, rebuilt.digest) == (features.names, 3, features.digest)
    bars = random_bars()
    assert rebuilt.compute(bars).tobytes() == features.compute(bars).tobytes()
    entries = {entry["name"]: entry for entry in features.spec()["features"]}
    assert entries["carry(3.0)"]["function"] == "feature_shop.own:carry"
    assert entries["inside"]["function"] == "feature_shop.own:Kept.inside"
    text = "def carry(bars, by=2.0):\n    return bars.close * by\n"
    assert entries["carry(3.0)"]["source"] == hashlib.sha256(text.encode()).hexdigest()
    assert entries["rsi(close, 5)"]["source"] is None


def test_the_digest_is_that_of_the_canonical_json():
    features = Features(["rsi(7)"])
    text = '{"features":[{"feature":"rsi","kind":"shipped","name":"rsi(7)","settings":{"n":7}}],"format":1,"hold":0}'
    assert features.digest == hashlib.sha256(text.encode()).hexdigest()
    others = [Features(["rsi(8)"]), Features(["rsi(7)"], hold=1), Features([Shipped("rsi", 7, name="x")])]
    assert len({features.digest, *(other.digest for other in others)}) == 4


def test_what_has_no_address_is_named_and_must_be_passed_in():
    def nested(bars):
        return bars.close

    array = External(np.zeros(320), "news")
    features = Features([nested, Function(lambda bars: bars.open, name="opens"), array, "gap"])
    with pytest.raises(
        FeatureError, match=r"the functions of 'nested', 'opens' have no address .* functions=\{'nested'"
    ):
        again(features)
    functions = {"nested": nested, "opens": features.elements[1].function}
    with pytest.raises(FeatureError, match=r"the arrays of 'news' are data.*external=\{'news': External"):
        again(features, functions=functions)
    assert again(features, functions=functions, external={"news": array}) == features
    with pytest.raises(FeatureError, match=r"functions has 'open'; did you mean 'opens'\?, which the"):
        again(features, functions={**functions, "open": nested}, external={"news": array})
    with pytest.raises(FeatureError, match=r"must be an External with the columns \['news'\]"):
        again(features, functions=functions, external={"news": External(np.zeros(320), "olds")})


def test_a_function_of_main_has_no_address():
    function = eval("lambda bars: bars.close")
    function.__module__, function.__qualname__ = "__main__", "mine"
    assert Function(function, name="mine").spec()["function"] is None
    assert Function(function, name="mine").spec()["source"] is None  # nothing to read


def test_a_function_that_has_changed_is_refused(package):
    features = Features([package.carry])
    spec = features.spec()

    def carry(bars, by=2.0):
        return bars.close * by + 1.0

    carry.__module__, carry.__qualname__ = package.__name__, "carry"
    package.carry = carry
    with pytest.raises(FeatureError, match="the source of feature 'carry' is not what it was"):
        Features.from_spec(spec)
    assert Features.from_spec(spec, allow_changed=True).elements[0].function is carry
    with pytest.raises(FeatureError, match="the source of feature 'carry' is not what it was"):
        Features.from_spec(spec, functions={"carry": carry})


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("feature_shop.own:carri", "has no function 'carri'; did you mean 'carry'"),
        ("feature_shop.none:carry", "its module 'feature_shop.none' cannot be imported"),
        ("feature_shop.own:numba", "is not a function that this module defines"),
        ("feature_shop/own.py:carry", "is not the address of a function"),
        ("../own:carry", "is not the address of a function"),
        ("feature_shop.own", "is not the address of a function"),
        ("feature_shop.own:carry()", "is not the address of a function"),
        ("os:system", "lies in Python's standard library"),
        ("subprocess:run", "lies in Python's standard library"),
        ("builtins:exec", "lies in Python's standard library"),
        ("backtester.bars.write:to_csv", "lies in this package, outside its indicators"),
        (7, "is damaged: function is 7"),
    ],
)
def test_an_address_leads_to_a_function_of_a_package_or_nowhere(package, address, message):
    spec = Features([package.carry]).spec()
    spec["features"][0]["function"] = address
    with pytest.raises(FeatureError, match=message):
        Features.from_spec(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spec: spec.update(format=2), "the format is 2, and this version reads 1"),
        (lambda spec: spec.pop("features"), "is not a specification"),
        (lambda spec: spec.update(hold=-1), "hold is -1"),
        (lambda spec: spec["features"][0].update(kind="shiped"), r"has the kind 'shiped'; did you mean 'shipped'\?"),
        (
            lambda spec: spec["features"][0].pop("settings"),
            "entry 0 of the specification, .* is damaged: settings is None",
        ),
        (lambda spec: spec["features"][0].update(settings=3), "is damaged"),
        (lambda spec: spec["features"][0].update(feature="rsj"), r"no feature 'rsj'; did you mean 'rsi'"),
        (lambda spec: spec["features"][0].update(kind=[]), r"has the kind \[\]"),
        (lambda spec: spec["features"][0]["settings"].update(name="x"), "is damaged: 'name' is no setting"),
        (lambda spec: spec["features"].append(3), "entry 1 of the specification, 3, has the kind None"),
        (lambda spec: spec["features"].append({"kind": "external", "names": []}), r"is damaged: names is \[\]"),
        (lambda spec: spec["features"].append({"kind": "function"}), "is damaged"),
        (lambda spec: spec["features"].append(spec["features"][0]), r"'rsi\(7\)' is there twice"),
    ],
)
def test_a_damaged_specification_says_what_is_wrong(change, message):
    spec = Features(["rsi(7)"]).spec()
    change(spec)
    with pytest.raises(ValueError, match=message):
        Features.from_spec(spec)


def test_something_else_is_no_specification():
    with pytest.raises(FeatureError, match="is not a specification"):
        Features.from_spec(["rsi(7)"])


def test_compiled_functions_have_their_python_source(package):
    assert hasattr(package.halved, "py_func") != numba.config.DISABLE_JIT
    (entry,) = Features([Indicator(package.halved)]).spec()["features"]
    text = "@numba.njit\ndef halved(x, n=3):\n    return x / n\n"
    assert entry["source"] == hashlib.sha256(text.encode()).hexdigest()
