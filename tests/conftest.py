"""For all tests: nothing goes to a trial ledger, unless a test names one of its own."""

import os

os.environ["BACKTESTER_TRIALS"] = "off"
