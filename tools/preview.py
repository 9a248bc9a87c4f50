#!/usr/bin/env python3
"""Draw the picture that a shared link shows, _static/preview.png: python tools/preview.py (needs Chromium)"""

import shutil
import sys
from pathlib import Path

from alexbook.diagrams import architecture

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "_static" / "preview.png"
PAGE = """<!doctype html><style>
@font-face {{ font-family: "Source Serif 4"; font-weight: 600; src: url("{font}"); }}
body {{ margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 48px 60px; background: #fff;
  border-top: 14px solid #0072b2; color: #14181d; font: 30px/1.35 system-ui, sans-serif; }}
h1 {{ font: 600 68px/1.1 "Source Serif 4", serif; margin: 0 0 14px; }} p {{ margin: 0 0 18px; color: #545b64; }}
svg {{ width: 1080px; height: auto; display: block; color: #14181d !important; }}
</style><h1>AlexNet, Layer by Layer</h1>
<p>Every size, parameter and multiplication, in Keras and in PyTorch</p>{drawing}"""


def main() -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("The preview is drawn by Chromium, which is not installed.")
    font = (ROOT / "extra" / "vendor" / "fonts" / "source-serif-4-latin-600-normal.woff2").as_uri()
    page = ROOT / "_build" / "preview.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text(PAGE.format(font=font, drawing=architecture("alexnet_2012").svg()), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1200, "height": 630})
        tab.goto(page.as_uri())
        tab.evaluate("document.fonts.ready")
        tab.screenshot(path=TARGET)
        browser.close()
    page.unlink()


if __name__ == "__main__":
    main()
