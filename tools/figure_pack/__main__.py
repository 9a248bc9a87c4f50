"""Pack the built book's figures: ``make figures`` writes ``_build/figures/alexnet-layer-by-layer-figures.zip``."""

import argparse
import sys
from pathlib import Path

from alexbook._files import replace_file
from printing.pages import ROOT, Unprintable

from .pack import figures, pack

HTML = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "figures" / "alexnet-layer-by-layer-figures.zip"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make figures", description=__doc__)
    parser.add_argument("--html", type=Path, default=HTML, help="the folder with the built pages")
    parser.add_argument("--to", type=Path, default=TARGET, help="the archive to write")
    options = parser.parse_args()
    if not (options.html / "index.html").is_file():
        sys.exit(f"{options.html} has no index.html; run `make book` first.")
    options.to.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = list(figures(options.html.resolve()))
    except Unprintable as error:
        sys.exit(str(error))
    replace_file(options.to, pack(found))
    print(f"{len(found)} figures are packed: {options.to.resolve()}, {options.to.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
