"""A real browser for the tests of the pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

LIBRARY = Path(__file__).parents[1] / "web" / "node_modules" / "maplibre-gl"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),  # WebGL without a GPU
    "--disable-gpu-compositing",  # what is not the map is drawn at half the cost without
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
# Every pixel is drawn by the processor: half as many each way are a fifth less of these tests' time.
SCREEN: Any = {"viewport": {"width": 900, "height": 600}, "device_scale_factor": 0.5}
PATIENCE_S = 120  # what is worked out beside the server, politely, waits for all others of a busy machine

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.skipif(not LIBRARY.exists(), reason="needs ./setup.sh"),
]


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, until the block ends; while it is there, no other event loop can run in this thread."""
    expect.set_options(timeout=PATIENCE_S * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False, args=FLAGS)
        yield browser
        browser.close()
