"""Make the slides: ``make slides`` writes ``_build/slides/NAME.html`` and ``NAME.pdf`` for each deck."""

import argparse
import sys
from pathlib import Path

from alexbook_site.chapters import IncompleteChapter

from .deck import files, load
from .page import index, page
from .printer import print_decks
from .source import ROOT, WrongDeck

TARGET = ROOT / "_build" / "slides"


def make(names: list[str], target: Path) -> list[Path]:
    """Writes the decks of these chapters, or all, as HTML.

    Args:
        names: the beginnings of their names, such as "06"; all decks if there is none.
        target: the folder to write to.

    Returns:
        The files.

    Raises:
        WrongDeck: for a name without a deck, and for a deck that is wrong.
    """
    wanted = [path for path in files() if not names or path.stem.startswith(tuple(names))]
    if missing := [name for name in names if not any(path.stem.startswith(name) for path in wanted)]:
        raise WrongDeck(f"No deck's name begins with {missing[0]!r}.")
    target.mkdir(parents=True, exist_ok=True)
    decks = [load(path) for path in wanted]
    made = []
    for deck in decks:
        made.append(target / f"{deck.name}.html")
        made[-1].write_text(page(deck), encoding="utf-8", newline="\n")
    if not names:
        (target / "index.html").write_text(index(decks), encoding="utf-8", newline="\n")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(prog="make slides", description=__doc__)
    parser.add_argument("names", nargs="*", help="decks, by how their names begin; all without it")
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder to write to")
    parser.add_argument("--no-pdf", action="store_true", help="write HTML only")
    options = parser.parse_args()
    try:
        made = make(options.names, options.to)
        printed = [] if options.no_pdf else print_decks(made)
    except (WrongDeck, IncompleteChapter) as problem:
        sys.exit(str(problem))
    size = sum(path.stat().st_size for path in made + printed) / 1e6
    print(f"{len(made)} decks are made, {len(printed)} of them printed: {options.to.resolve()}, {size:.1f} MB")


if __name__ == "__main__":
    main()
