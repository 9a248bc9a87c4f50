#!/usr/bin/env python3
"""Stops in one sentence at a notebook in chapters/ that is no chapter, such as an Untitled.ipynb that Jupyter left.

A chapter is a page, an entry in the contents and a test; Sphinx would end in a warning about some other page.
"""

import re
import sys
from pathlib import Path

CHAPTER = re.compile(r"\d\d(-[a-z0-9]+)+\.ipynb")


def strays(folder: Path) -> list[str]:
    """The names of the notebooks in a folder that are not those of chapters, as ``05-a-title.ipynb`` is."""
    return sorted(path.name for path in folder.glob("*.ipynb") if not CHAPTER.fullmatch(path.name))


if __name__ == "__main__":
    if found := strays(Path(__file__).resolve().parent.parent / "chapters"):
        sys.exit(f"chapters/{found[0]} is no chapter, whose name would be like 05-a-title.ipynb: rename it, or move it "
                 "out of chapters/.")
