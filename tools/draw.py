#!/usr/bin/env python3
"""Draw what the networks' data and the palette decide: ``make picture``.

    _static/networks.svg               the README's picture
    _static/logo.svg, favicon.svg      the book's sign
    _static/preview.png                what a shared link shows (needs Chromium)
    _static/book.css                   its block of colors

Tests hold all but the preview to what this file would write.
"""

import re
import sys
from pathlib import Path

from alexbook.figures import palette
from alexbook.figures.architecture import architecture
from chromium import ARGUMENTS, MISSING, find

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "_static"
BLOCK = re.compile(r"(/\* palette: [^\n]*\*/\n).*?(/\* end of the palette \*/)", re.DOTALL)
SIGN = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">
  <path d="M3 13l8-5v32l-8 5z" fill="{palette.SKY}"/>
  <path d="M16 10h7v11h-7zM16 27h7v11h-7z" fill="{palette.BLUE}"/>
  <path d="M26 13h8v5h-8zM26 30h8v5h-8z" fill="{palette.GREEN}"/>
  <path d="M34 15.5l7 4M34 32.5l7-4" fill="none" stroke="{palette.VERMILION}" stroke-width="2"/>
  <path d="M41 12h4v24h-4z" fill="{palette.ORANGE}"/>
</svg>
"""
PREVIEW = """<!doctype html><style>
@font-face {{ font-family: "Source Serif 4"; font-weight: 600; src: url("{font}"); }}
body {{ margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 48px 60px; background: {page};
  border-top: 14px solid {blue}; color: {heading}; font: 30px/1.35 system-ui, sans-serif; }}
h1 {{ font: 600 68px/1.1 "Source Serif 4", serif; margin: 0 0 14px; }} p {{ margin: 0 0 18px; color: {muted}; }}
svg {{ width: 1080px; height: auto; display: block; color: {heading} !important; }}
</style><h1>AlexNet, Layer by Layer</h1>
<p>Every size, parameter and multiplication, in Keras and in PyTorch</p>{drawing}"""


def texts() -> dict[str, str]:
    """What the files of ``_static`` that are text have to hold, by their names."""
    style = (STATIC / "book.css").read_text(encoding="utf-8")
    return {
        "networks.svg": architecture("lenet5", "alexnet_2012").svg(),
        "logo.svg": SIGN,
        "favicon.svg": SIGN,
        "book.css": BLOCK.sub(rf"\g<1>{palette.stylesheet()}\g<2>", style),
    }


def draw_preview(target: Path, chromium: str) -> None:
    """Takes a picture of AlexNet under the book's title, as large as messengers show one."""
    from playwright.sync_api import sync_playwright

    font = (ROOT / "extra" / "vendor" / "fonts" / "source-serif-4-latin-600-normal.woff2").as_uri()
    page = ROOT / "_build" / "preview.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text(PREVIEW.format(font=font, drawing=architecture("alexnet_2012").svg(), blue=palette.BLUE,
                                   **{name: palette.LIGHT[name] for name in ("page", "heading", "muted")}),
                    encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS])
        tab = browser.new_page(viewport={"width": 1200, "height": 630})
        tab.goto(page.as_uri())
        tab.evaluate("document.fonts.ready")
        tab.screenshot(path=target)
        browser.close()
    page.unlink()


def main() -> None:
    for name, text in texts().items():
        (STATIC / name).write_text(text, encoding="utf-8", newline="\n")
    if not (chromium := find()):
        sys.exit(f"The preview is not drawn. {MISSING}")
    draw_preview(STATIC / "preview.png", chromium)


if __name__ == "__main__":
    main()
