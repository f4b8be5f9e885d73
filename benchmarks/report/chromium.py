"""Chromium without a window, told what to do over the WebDriver protocol (W3C), which is JSON over HTTP.

The benchmark of the report and its tests need little of a browser: open a file, run a line of script, press, look, and
read what the console says. That much needs no package.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVER = "chromedriver"
PATIENCE = 30.0  # seconds
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


def missing() -> str:
    """Return what there is not, "" if a browser can be started."""
    if browser() is None:
        return (
            f"there is no browser: none of {', '.join(BROWSERS)}; on Debian: apt-get install chromium chromium-driver"
        )
    return "" if shutil.which(DRIVER) else f"there is no {DRIVER}; on Debian: apt-get install chromium-driver"


def browser() -> str | None:
    """Return the path of a browser, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


class BrowserError(RuntimeError):
    """What the browser refused, in its words."""


class Chromium:
    """One browser with an own, empty profile; a context manager that ends it.

    Parameters
    ----------
    profile : path
        An empty directory for its files.
    """

    def __init__(self, profile: Path):
        wrong = missing()
        if wrong:
            raise BrowserError(wrong)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "HOME": str(profile)}
        command = [str(shutil.which(DRIVER)), f"--port={port}", "--silent"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        self._root = f"http://127.0.0.1:{port}"
        self._session = ""
        try:
            self._wait_for_driver()
            options = {"binary": browser(), "args": [*_FLAGS, f"--user-data-dir={profile / 'data'}"]}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            found = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self._session = f"/session/{found['sessionId']}"
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._end()

    # --- what it can do ----------------------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a file, and return when it is loaded."""
        self._call("POST", f"{self._session}/url", {"url": path.resolve().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function and return what it returns; a promise is waited for."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition: str, seconds: float = 5.0) -> Any:
        """Wait until an expression is true, and return it.

        Raises
        ------
        BrowserError
            If it is not in time.
        """
        end = time.monotonic() + seconds
        while not (found := self.run(f"return ({condition})")):
            if time.monotonic() > end:
                raise BrowserError(f"not true in {seconds} s: {condition}")
            time.sleep(0.02)
        return found

    def console(self) -> list[str]:
        """Return what the console said since the last look, warnings and errors alone."""
        rows = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [row["message"] for row in rows if row["level"] in ("WARNING", "SEVERE")]

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width: int, height: int = 900) -> None:
        """Set the size of the page's window, in CSS pixels."""
        mobile = width < 600
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    def theme(self, name: str, medium: str = "") -> None:
        """Prefer "light" or "dark" colours; `medium` "print" shows the page as paper would."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.devtools("Emulation.setEmulatedMedia", media=medium, features=features)

    def screenshot(self, whole: bool = False) -> bytes:
        """Return what is seen, or the whole page, as PNG."""
        found = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(found["data"])

    def press(self, x: float, y: float, *path: tuple[float, float], double: bool = False) -> None:
        """Press the mouse at a place of the window, move it along a path, and let go."""
        moves = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        steps = [{"type": "pointerMove", "duration": 30, "x": round(a), "y": round(b)} for a, b in path]
        acts = [*moves, down, *steps, up] if not double else [*moves, down, up, down, up]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": acts}
        self._call("POST", f"{self._session}/actions", {"actions": [pointer]})

    # --- protocol ----------------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._root + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            told = json.load(error)["value"]
            raise BrowserError(f"{told['error']}: {told['message'].splitlines()[0]}") from None

    def _wait_for_driver(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self._call("GET", "/status")
                return
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > end or self._process.poll() is not None:
                    raise BrowserError(f"{DRIVER} does not answer") from None
                time.sleep(0.05)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
