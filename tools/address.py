#!/usr/bin/env python3
"""Write the address of the book's published repository to every place that needs it.

    python tools/address.py https://github.com/OWNER/NAME      sets it, in pyproject.toml and everywhere else
    python tools/address.py                                    writes pyproject.toml's again (a chapter was added)
    python tools/address.py URL --branch master                where the main branch is called otherwise

The setting is ``Repository`` in pyproject.toml. From it follow the chapters' setup cells, CITATION.cff and the lists of
chapters (chapter_lists.py) with their links to Colab, which opens what is on GitHub and nowhere else. Chapters are only
rewritten in that cell: their outputs stay.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import chapter_lists

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]+")
BRANCH = re.compile(r'(\[tool\.alexbook\]\nbranch = )"([^"\n]*)"')


def configured(root: Path) -> str:
    """The address that pyproject.toml gives."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def branch(root: Path) -> str:
    """The repository's main branch, as pyproject.toml names it."""
    return BRANCH.search((root / "pyproject.toml").read_text(encoding="utf-8"))[2]


def replace(path: Path, old: str, new: str) -> None:
    """Replaces one address by another in a text file, keeping everything else as it is."""
    text = path.read_text(encoding="utf-8")
    if (changed := text.replace(old, new)) != text:
        path.write_text(changed, encoding="utf-8", newline="\n")


def write(root: Path, address: str, name: str | None = None) -> None:
    """Sets the address, and the main branch's ``name``, in all the files below ``root`` that carry them."""
    old = configured(root)
    if name:
        project = root / "pyproject.toml"
        project.write_text(BRANCH.sub(rf'\g<1>"{name}"', project.read_text(encoding="utf-8")), encoding="utf-8",
                           newline="\n")
    chapters = sorted((root / "chapters").glob("*.ipynb"))
    assignments = sorted((root / "assignments").glob("*/*/*.ipynb"))
    for path in [root / "pyproject.toml", root / "CITATION.cff", root / "README.md", root / "tools" / "setup_cell.py",
                 *chapters, *assignments]:
        replace(path, old, address)
    chapter_lists.write(root, address, branch(root))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", default="")
    parser.add_argument("--branch", metavar="NAME")
    given = parser.parse_args()
    address = given.address.rstrip("/").removesuffix(".git") or configured(ROOT)
    if not ADDRESS.fullmatch(address):
        sys.exit(f"{address!r} is not a repository's address; it should look like https://github.com/OWNER/NAME.")
    if given.branch is not None and not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", given.branch):
        sys.exit(f"{given.branch!r} is not a branch's name; it should look like main.")
    write(ROOT, address, given.branch)
    print(f"The book's address is {address}, its main branch {branch(ROOT)}.")


if __name__ == "__main__":
    main()
