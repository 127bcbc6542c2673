"""Debian's Chromium, driven by Playwright."""

import contextlib
import os
from collections.abc import Iterator

from images.engines import require
from playwright.sync_api import Browser, sync_playwright

PROGRAM = "/usr/bin/chromium"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, installed if it has to be."""
    require("chromium")
    sandbox = os.geteuid() != 0  # which Chromium does not set up for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, chromium_sandbox=sandbox)
        yield browser
        browser.close()
