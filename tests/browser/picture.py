"""The README's picture of a report, half of it light and half dark: `python -m tests.browser.picture RUN`."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.chromium import chromium, show
from tests.cli.command import ROOT, nnctl

PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, TALL = 1000, 1250
_BESIDE = """<html data-drawn="yes"><body style="margin: 0; display: flex; align-items: start">
<img width="{half}" src="data:image/png;base64,{first}">
<img width="{half}" src="data:image/png;base64,{second}">"""


def taken(browser: Any, top: float, height: float, scale: float) -> str:
    """A part of the page that is open, as Base64 of a PNG file."""
    clip = {"x": 0, "y": top, "width": WIDTH, "height": height, "scale": scale}
    # The screen has two pixels for each of the page's.
    how = {"format": "png", "captureBeyondViewport": True, "clip": {**clip, "scale": scale / 2}}
    return str(browser.execute_cdp_cmd("Page.captureScreenshot", how)["data"])


def main(run: str) -> None:
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        page = Path(place) / "report.html"
        done = nnctl("report", run, "-o", page)
        assert done.code == 0, done.err
        show(browser, page, width=WIDTH)
        first = taken(browser, 0, TALL, 0.8)
        show(browser, page, width=WIDTH, scheme="dark")
        second = taken(browser, TALL, TALL, 0.8)
        both = Path(place) / "both.html"
        both.write_text(_BESIDE.format(first=first, second=second, half=WIDTH // 2))
        show(browser, both, width=WIDTH)
        PICTURE.write_bytes(base64.b64decode(taken(browser, 0, TALL / 2, 1.6)))


if __name__ == "__main__":
    main(sys.argv[1])
