"""Time in force, under the names that `tif=` takes."""

from backtester.kernel.codes import Tif

GTC = Tif.GTC
DAY = Tif.DAY
IOC = Tif.IOC
FOK = Tif.FOK
GTD = Tif.GTD
