"""Print the built book: ``make pdf`` writes ``_build/pdf/alexnet-layer-by-layer.pdf``."""

import argparse
import sys
from pathlib import Path

from alexbook._files import replace_file

from .document import document
from .pages import ROOT, Unprintable
from .printer import NotPrinted, find, print_document

HTML = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "pdf" / "alexnet-layer-by-layer.pdf"


def make(html: Path, target: Path, paper: str) -> None:
    """Prints the book built in ``html`` to ``target``, which is there whole or not at all."""
    find()
    target.parent.mkdir(parents=True, exist_ok=True)
    page = target.with_suffix(".html")
    try:
        page.write_text(document(html, paper), encoding="utf-8", newline="\n")
        replace_file(target, print_document(page))
    finally:
        page.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make pdf", description=__doc__)
    parser.add_argument("--html", type=Path, default=HTML, help="the folder with the built pages")
    parser.add_argument("--to", type=Path, default=TARGET, help="the PDF to write")
    parser.add_argument("--paper", choices=["A4", "Letter"], default="A4")
    options = parser.parse_args()
    try:
        make(options.html.resolve(), options.to, options.paper)
    except (NotPrinted, Unprintable) as error:
        sys.exit(str(error))
    print(f"The book is printed: {options.to.resolve()}, {options.to.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
