"""Text that a spreadsheet would run as a formula is made text; numbers stay numbers."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from backtester.report.csv_safe import safe_cell, safe_frame


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-B", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-5"])
def test_formulas_get_a_quote(text):
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["", "SP500", "a=b", "'=1", -5, -1.5, None, True])
def test_everything_else_is_left_alone(value):
    assert safe_cell(value) is value


def test_a_frame_is_safe_in_cells_columns_and_index():
    frame = pd.DataFrame(
        {
            "symbol": pd.Categorical(["=cmd", "OK", "=cmd"]),
            "-note": ["+1", None, "fine"],
            "quantity": [-1.0, 2.0, np.nan],
            "text": pd.array(["@x", "y", None], dtype="string"),
        },
        index=pd.Index(["=i", "j", "k"], name="=name"),
    )
    before = frame.copy(deep=True)
    text = safe_frame(frame).to_csv()
    pd.testing.assert_frame_equal(frame, before)
    back = pd.read_csv(io.StringIO(text))
    assert back.columns.tolist() == ["'=name", "symbol", "'-note", "quantity", "text"]
    assert back["symbol"].tolist() == ["'=cmd", "OK", "'=cmd"]
    assert back["quantity"].tolist()[:2] == [-1.0, 2.0]
    assert not [cell for line in text.splitlines() for cell in line.split(",") if cell[:1] in tuple("=+@")]


def test_the_order_table_of_a_hostile_run_is_safe(hostile):
    text = safe_frame(hostile.orders).to_csv()
    assert "'=HYPERLINK" in text
    assert ',"=HYPERLINK' not in text
    assert len(pd.read_csv(io.StringIO(text))) == len(hostile.orders)


def test_columns_of_the_same_name_and_several_levels():
    frame = pd.DataFrame([["=a", "=b"]], columns=["x", "x"], index=pd.MultiIndex.from_tuples([("=k", 1)]))
    safe = safe_frame(frame)
    assert safe.iloc[0].tolist() == ["'=a", "'=b"]
    assert safe.index.tolist() == [("'=k", 1)]
