"""What tests in a browser share."""

from collections.abc import Iterator

import pytest
from built_book import CHROMIUM
from chromium import ARGUMENTS


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """The Chromium that is installed; it does not outlive the module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield chromium
        chromium.close()
