"""Data of your own: a CSV of half-hour bars, labelled by their opens, in New York time.

The file is written here so that the example is complete. What matters is the call of `Bars.from_csv`: what the times
stand for (`label`), in which zone they are (`tz`), and when a session ends (`session_close`).
"""

import tempfile
from pathlib import Path

from backtester import DAY, Bars, Strategy, run

ROWS = """time,open,high,low,close,volume,spread_bps
2024-03-08 14:30,100.0,101.0,99.5,100.5,1200,1.5
2024-03-08 15:00,100.5,101.5,100.0,101.0,1500,1.4
2024-03-08 15:30,101.0,102.0,100.5,101.5,2500,1.2
2024-03-11 14:30,102.0,102.5,101.0,101.5,1100,1.6
2024-03-11 15:00,101.5,101.8,100.2,100.4,1700,1.5
2024-03-11 15:30,100.4,101.0,99.8,100.8,2600,1.3
"""


class OneBid(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.limit(0, 10, 100.3, tif=DAY)  # ends with the session of 8 March
        elif ctx.t == 3:
            ctx.limit(0, 10, 100.3, tif=DAY)


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "acme.csv"
    path.write_text(ROWS, encoding="utf-8")
    bars = Bars.from_csv(path, symbol="ACME", label="open", tz="America/New_York", session_close="16:00")

print(bars)
print("closes of the days, UTC:", bars.index[2].time(), bars.index[5].time())
print("extra column now:", bars["spread_bps"][-1, 0])

result = run(OneBid, bars)
print(result.orders[["kind", "quantity", "filled", "status", "reason"]].reset_index().to_string(index=False))

# Output:
# <Bars 'acme.csv': 6 bars × 1 (ACME), 2024-03-08T20:00:00Z … 2024-03-11T20:00:00Z, extras: spread_bps>
# closes of the days, UTC: 21:00:00 20:00:00
# extra column now: 1.3
#  id  kind  quantity  filled  status    reason
#   1 limit      10.0     0.0 expired day_ended
#   2 limit      10.0    10.0  filled
