"""Where Chromium is: for the tools that draw and print with it, and for the tests that look at pages."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox",)  # a container has no namespaces for one; only own pages are opened
MISSING = "Chromium is not installed: sudo apt install chromium (or brew install --cask chromium)."


def find() -> str | None:
    """The path of the first Chromium that is installed; ``None`` where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)
