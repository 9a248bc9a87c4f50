#!/usr/bin/env python3
"""Write two versions of each chapter for use in class, and a zip of them; ``make cleannotebooks`` does it.

    clean/NAME.ipynb   headings and code, without text and outputs: to run, or to explain by yourself
    empty/NAME.ipynb   headings, and an empty cell for each cell of code: to fill in while somebody explains

Exercises are in both as the chapter gives them, with task, blanks and check, without hints and solutions.
"""

import argparse
import copy
import re
import sys
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = Path(__file__).resolve().parent.parent
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
HEADING = re.compile(r"^#{1,6} .+$", re.MULTILINE)
TASK = re.compile(r"^\*\*\d+\. .*", re.MULTILINE | re.DOTALL)
CHECK = re.compile(r"^(?:\w+ = )?exercises\.", re.MULTILINE)
PLOTS = "hide-input"  # the tag of cells that are folded on the page: plumbing, not part of the lesson
GIVEN = 2  # the first cells of code: one makes the package importable, the next one imports
ARCHIVE = "alexnet-layer-by-layer-notebooks.zip"
STUB = "# Your code: {}"


def kept(text: str) -> list[str]:
    """What stays of a Markdown cell: its headings, and the task if it is an exercise, without what is folded away."""
    text = FOLDED.sub("", text)
    task = TASK.search(text)
    lines = HEADING.findall(FENCED.sub("", text[:task.start()] if task else text))
    return [line.strip() for line in [*lines, *([task[0]] if task else [])]]


def names(code: str) -> list[str]:
    """The functions and classes that a cell of code defines."""
    return re.findall(r"^(?:def|class) (\w+)", code, re.MULTILINE)


def lesson(chapter: NotebookNode, empty: bool) -> NotebookNode:
    """A chapter's headings, exercises and code.

    Args:
        chapter: The notebook; it stays as it is.
        empty: Whether cells of code are left empty, but for those that set up, import, draw or check an exercise, and
            a comment that names the functions to write.

    Returns:
        The notebook for class, without outputs.
    """
    made = copy.deepcopy(chapter)
    made.cells, made.metadata = [], NotebookNode({key: chapter.metadata[key] for key in ("kernelspec", "language_info")
                                                  if key in chapter.metadata})
    given = GIVEN
    for place, cell in enumerate(chapter.cells):
        if cell.cell_type == "markdown":
            made.cells += [new_markdown_cell(line, id=f"text-{place}-{n}")
                           for n, line in enumerate(kept(cell.source))]
        elif cell.cell_type == "code":
            whole = given > 0 or not empty or PLOTS in cell.metadata.get("tags", []) or CHECK.search(cell.source)
            wanted = ", ".join(names(cell.source))
            source = cell.source if whole else STUB.format(wanted) if wanted else ""
            made.cells.append(new_code_cell(source, id=f"code-{place}"))
            given -= 1
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


def pack(notebooks: list[Path], to: Path) -> Path:
    """A zip of the notebooks, the same bytes each time.

    Args:
        notebooks: What :func:`write` has written.
        to: The folder that has ``clean`` and ``empty``, and gets the zip.

    Returns:
        The zip.
    """
    packed = to / ARCHIVE
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(notebooks):
            archive.writestr(zipfile.ZipInfo(path.relative_to(to).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=ROOT / "_build" / "notebooks", help="the folder to write to")
    arguments = parser.parse_args()
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    if not chapters:
        sys.exit(f"{ROOT / 'chapters'} has no notebooks.")
    written = write(chapters, arguments.to)
    print(f"{len(written)} notebooks are in {arguments.to}, and together in {pack(written, arguments.to).name}")


if __name__ == "__main__":
    main()
