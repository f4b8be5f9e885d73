"""The report: how large it is, how long it takes to write, and to open in a browser."""
