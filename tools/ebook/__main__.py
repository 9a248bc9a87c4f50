"""Write the built book as an EPUB: ``make epub`` writes ``_build/epub/alexnet-layer-by-layer.epub``."""

import argparse
import sys
from pathlib import Path

from alexbook._files import replace_file
from printing.pages import ROOT, Unprintable

from .book import documents
from .container import epub

HTML = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "epub" / "alexnet-layer-by-layer.epub"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make epub", description=__doc__)
    parser.add_argument("--html", type=Path, default=HTML, help="the folder with the built pages")
    parser.add_argument("--to", type=Path, default=TARGET, help="the EPUB to write")
    options = parser.parse_args()
    if not (options.html / "index.html").is_file():
        sys.exit(f"{options.html} has no index.html; run `make book` first.")
    options.to.parent.mkdir(parents=True, exist_ok=True)
    try:
        replace_file(options.to, epub(documents(options.html.resolve())))
    except Unprintable as error:
        sys.exit(str(error))
    print(f"The book is written: {options.to.resolve()}, {options.to.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
