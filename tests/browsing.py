"""A real browser for the tests of the pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

LIBRARY = Path(__file__).parents[1] / "web" / "node_modules" / "maplibre-gl"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),  # WebGL without a GPU
    "--disable-gpu-compositing",  # what is not the map is drawn at half the cost without
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
# Every pixel is drawn by the processor: a quarter as many each way are a quarter less of these tests' time.
SCREEN: Any = {"viewport": {"width": 900, "height": 600}, "device_scale_factor": 0.25}
PATIENCE_S = 120  # what is worked out beside the server, politely, waits for all others of a busy machine

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.skipif(not LIBRARY.exists(), reason="needs ./setup.sh"),
]


@contextmanager
def launched() -> Iterator[BrowserContext]:
    """A window of a browser, until the block ends; while it is there, no other event loop can run in this thread."""
    expect.set_options(timeout=PATIENCE_S * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False, args=FLAGS)
        window = browser.new_context(**SCREEN, locale="zh-CN", reduced_motion="reduce")
        window.new_page()  # keeps the window open: each new one costs a second, mostly to draw what is around the page
        yield window
        browser.close()


@contextmanager
def opened(window: BrowserContext, site: str) -> Iterator[Page]:
    """A page of its own, which finds nothing that those before it may have kept of this site."""
    page = window.new_page()
    page.set_default_timeout(PATIENCE_S * 1_000)
    forget = {"origin": site, "storageTypes": "all"}
    window.new_cdp_session(page).send("Storage.clearDataForOrigin", forget)
    yield page
    page.close()
