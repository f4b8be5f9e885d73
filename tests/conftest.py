"""For all tests: no trial ledger, unless a test names one of its own, and less to do for the garbage collector."""

import gc
import os

import pytest

os.environ["BACKTESTER_TRIALS"] = "off"


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Leave modules and tests out of garbage collection: they are many, and stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
