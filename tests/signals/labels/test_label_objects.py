"""`Label` itself: samples, specifications, other bars, labels of one's own, and what it refuses."""

import json
import math

import numpy as np
import pytest
from label_bars import closes, panel_of, random_columns

from backtester.errors import LabelError, SettingsError
from backtester.signals import LABELS, Label, direction, forward_return, meta_label, triple_barrier

NAN = math.nan
BARS = panel_of(random_columns(seed=11))
SIDE = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], BARS.close.shape)
SETTINGS = {
    "forward_return": {"horizon": 3, "log": True},
    "direction": {"horizon": 2, "threshold": 0.01, "entry": "next_open"},
    "volatility_scaled": {"volatility": 10},
    "triple_barrier": {"up": 2.0, "down": None, "horizon": 5, "volatility": 10, "side": -1, "vertical": "zero"},
    "meta_label": {"side": SIDE, "horizon": 4, "profit": 0.02, "costs": 0.001},
}


def same(one, other):
    for field in ("values", "end", "returns"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    return (one.name, one.kind, one.spec) == (other.name, other.kind, other.spec)


def test_every_label_is_tried_here():
    assert set(SETTINGS) == set(LABELS)


@pytest.mark.parametrize("name", LABELS)
def test_a_specification_makes_the_label_again(name):
    label = LABELS[name](BARS, **SETTINGS[name])
    spec = json.loads(json.dumps(label.spec, allow_nan=False))
    assert spec == label.spec
    assert same(Label.from_spec(spec, BARS, **label.arrays), label)
    assert same(label.of(BARS), label)


@pytest.mark.parametrize("name", LABELS)
def test_a_label_of_a_part_of_the_bars_is_made_of_that_part(name):
    label = LABELS[name](BARS, **SETTINGS[name])
    part = BARS[20:60].select([BARS.symbols[2], BARS.symbols[0]])
    found = label.of(part)
    assert found.values.shape == (40, 2)
    assert found.symbols == part.symbols
    settings = {k: v[20:60][:, [2, 0]] if isinstance(v, np.ndarray) else v for k, v in SETTINGS[name].items()}
    assert same(found, LABELS[name](part, **settings))


def test_volatility_as_an_array_goes_along():
    unit = np.full(BARS.close.shape, 0.01)
    label = triple_barrier(BARS, 2.0, 2.0, 5, volatility=unit, side=SIDE)
    assert label.spec["arrays"] == ["side", "volatility"]
    assert label.name == "triple_barrier(2.0, 2.0, 5, volatility=…, side=…)"
    assert label.of(BARS[5:50]).values.shape == (45, 3)


def test_samples_are_in_the_order_of_rows():
    label = direction(BARS, 3)
    rows, assets = np.argwhere(label.exists).T
    np.testing.assert_array_equal(label.spans(), np.stack((rows, label.end[rows, assets]), axis=1))
    assert label.start[7].tolist() == [7, 7, 7]
    assert label.exists.sum() == len(label.spans())
    assert repr(label) == f"<Label direction(3, 0.0): {len(rows)} values of 90 bars × 3, class>"


def test_nothing_of_a_label_can_be_changed():
    label = meta_label(BARS, SIDE)
    for array in (label.values, label.end, label.returns, label.timestamps, label.start, label.arrays["side"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    SIDE.flags.writeable  # noqa: B018  (the caller's array is his own)
    assert SIDE.flags.writeable
    with pytest.raises(AttributeError):
        label.kind = "return"


def test_a_label_of_your_own_has_the_ends_you_say():
    bars = closes([1.0, 2.0, 3.0, 4.0])
    values = np.array([[0.1], [0.2], [NAN], [NAN]])
    label = Label.from_arrays(bars, values, [[2], [3], [3], [3]], name="mine")
    assert label.end[:, 0].tolist() == [2, 3, -1, -1]
    assert (label.kind, label.name) == ("return", "mine")
    values[0] = 9.0
    assert label.values[0, 0] == 0.1
    with pytest.raises(LabelError, match="'mine' was made of arrays"):
        label.of(bars)


def make(values=((0.1,), (NAN,)), end=((1,), (-1,)), kind="return"):
    return Label(np.array(values), np.array(end), kind, "x", {}, np.array([1, 2]), ("A",))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values": [[0.1], [0.2], [0.3]]}, r"values has shape \(3, 1\), and there are 2 bars of 1 assets"),
        ({"end": [[1, 1], [1, 1]]}, r"end has shape \(2, 2\)"),
        ({"values": [[np.inf], [NAN]]}, "the value of A at bar 0 .* is inf; a label is finite"),
        ({"end": [[1], [1]]}, "the end of the value nan of A at bar 1 .* is row 1; .* −1 where the value is NaN"),
        ({"end": [[-1], [-1]]}, r"the end of the value 0\.1 of A at bar 0 .* is row -1; .* 0 to 1"),
        ({"end": [[2], [-1]]}, "is row 2; it is the last row"),
        ({"values": [[NAN], [1.0]], "end": [[-1], [0]]}, "of A at bar 1 .* is row 0; it is the last row .* 1 to 1"),
        ({"kind": "class"}, r"the value of A at bar 0 .* is 0\.1; classes are −1, 0 and 1"),
        ({"kind": "clas"}, "kind is 'clas'; did you mean 'class'"),
    ],
)
def test_what_is_no_label_is_refused(change, says):
    make()
    with pytest.raises(LabelError, match=says):
        make(**change)


@pytest.mark.parametrize(
    ("spec", "arrays", "says"),
    [
        ({}, {}, "is no specification of a label"),
        ({"label": "forward_returns", "settings": {}}, {}, "no label 'forward_returns'; did you mean 'forward_return'"),
        ({"label": "direction", "settings": {"horison": 1}}, {}, "no setting 'horison'; did you mean 'horizon'"),
        ({"label": "direction", "settings": {}}, {"side": SIDE}, "direction has no setting 'side'"),
        ({"label": "meta_label", "settings": {}, "arrays": ["side"]}, {}, "needs the array 'side': side=…"),
        ({"label": "triple_barrier", "settings": {}}, {"side": SIDE}, "takes no array 'side'"),
    ],
)
def test_a_specification_that_is_none_is_refused(spec, arrays, says):
    with pytest.raises(LabelError, match=says):
        Label.from_spec(spec, BARS, **arrays)


def test_a_setting_in_a_specification_is_checked():
    with pytest.raises(SettingsError, match="horizon is -1"):
        Label.from_spec({"label": "direction", "settings": {"horizon": -1}}, BARS)


def test_arrays_are_not_there_for_strange_bars():
    label = meta_label(BARS[:50], SIDE[:50])
    with pytest.raises(LabelError, match="its array 'side' has no values for bar 20 "):
        label.of(BARS[30:70])
    with pytest.raises(
        LabelError, match=rf"has no values for {BARS.symbols[1]}; .*from_spec\(label\.spec, bars, side=…"
    ):
        meta_label(BARS.select([BARS.symbols[0]]), SIDE[:, :1]).of(BARS)


def test_ends_that_are_no_rows_are_refused():
    with pytest.raises(LabelError, match="'mine': end is float64"):
        Label.from_arrays(BARS, BARS.close, BARS.close, name="mine")


def test_a_forward_return_knows_its_bars():
    label = forward_return(BARS, 2)
    assert label.symbols == BARS.symbols
    np.testing.assert_array_equal(label.timestamps, BARS.timestamps)
