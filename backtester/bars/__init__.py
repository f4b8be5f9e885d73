"""Market data: one frozen, read-only panel of bars, checked once at the door.

Everything that comes in goes through here: `Bars.from_frame`, `from_csv`, `from_parquet`, `from_arrays`,
`Bars.sample` (real data, bundled) and `Bars.simulate`. pandas is imported by the functions that read or hand out
frames, never by importing this package.
"""

from backtester.bars.check import DataWarning, Finding
from backtester.bars.panel import Bars

__all__ = ["Bars", "DataWarning", "Finding"]
