#!/usr/bin/env python3
"""Write two versions of each chapter for use in class, into _build/notebooks; ``make cleannotebooks`` does it.

    clean/NAME.ipynb   headings and code, without text and outputs: to run, or to explain by yourself
    empty/NAME.ipynb   headings, and an empty cell for each cell of code: to fill in while somebody explains

The first cell of code, which makes the package importable, is in both. Exercises keep their titles and are left without
solutions.
"""

import argparse
import copy
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = Path(__file__).resolve().parent.parent
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
HEADING = re.compile(r"^(?:#{1,6} .+|\*\*\d+\. [^*]+\*\* \(.*)$", re.MULTILINE)
PLOTS = "hide-input"  # the tag of cells that are folded on the page: plumbing, not part of the lesson
STUB = "# Your code: {}"


def headings(text: str) -> list[str]:
    """The headings and the titles of exercises in a Markdown cell, without what is code or folded away."""
    return [line.strip() for line in HEADING.findall(FOLDED.sub("", FENCED.sub("", text)))]


def names(code: str) -> list[str]:
    """The functions and classes that a cell of code defines."""
    return re.findall(r"^(?:def|class) (\w+)", code, re.MULTILINE)


def lesson(chapter: NotebookNode, empty: bool) -> NotebookNode:
    """A chapter's headings and code.

    Args:
        chapter: The notebook; it stays as it is.
        empty: Whether cells of code are left empty, but for the first, those that only draw or set up, and a comment
            that names the functions to write.
    """
    made = copy.deepcopy(chapter)
    made.cells, made.metadata = [], NotebookNode({key: chapter.metadata[key] for key in ("kernelspec", "language_info")
                                                  if key in chapter.metadata})
    first = True
    for place, cell in enumerate(chapter.cells):
        if cell.cell_type == "markdown":
            made.cells += [new_markdown_cell(line, id=f"text-{place}-{n}")
                           for n, line in enumerate(headings(cell.source))]
        elif cell.cell_type == "code":
            given = first or not empty or PLOTS in cell.metadata.get("tags", [])
            wanted = ", ".join(names(cell.source))
            source = cell.source if given else STUB.format(wanted) if wanted else ""
            made.cells.append(new_code_cell(source, id=f"code-{place}"))
            first = False
    return made


def write(chapters: list[Path], to: Path) -> list[Path]:
    """Writes both versions of the chapters.

    Args:
        chapters: Their notebooks.
        to: The folder that gets ``clean`` and ``empty``.

    Returns:
        The files written.
    """
    written = []
    for kind in ("clean", "empty"):
        (to / kind).mkdir(parents=True, exist_ok=True)
        for path in chapters:
            made = lesson(nbformat.read(path, as_version=4), empty=kind == "empty")
            nbformat.validate(made)
            written.append(to / kind / path.name)
            nbformat.write(made, written[-1])
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=ROOT / "_build" / "notebooks", help="the folder to write to")
    arguments = parser.parse_args()
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    if not chapters:
        sys.exit(f"{ROOT / 'chapters'} has no notebooks.")
    print(f"{len(write(chapters, arguments.to))} notebooks are in {arguments.to}")


if __name__ == "__main__":
    main()
