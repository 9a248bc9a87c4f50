#!/usr/bin/env python3
"""Write the address of the book's published repository to every place that needs it.

    python tools/address.py https://github.com/OWNER/NAME      sets it, in pyproject.toml and everywhere else
    python tools/address.py                                    writes pyproject.toml's again (a chapter was added)

The setting is ``Repository`` in pyproject.toml. From it follow the chapters' setup cells, CITATION.cff and the README's
list of chapters with their links to Colab. Chapters are only rewritten in that cell: their outputs stay.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]+")
BRANCH = "main"
LIST = re.compile(r"(<!-- chapters -->\n).*?(<!-- end of chapters -->)", re.DOTALL)


def configured(root: Path) -> str:
    """The address that pyproject.toml gives."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def replace(path: Path, old: str, new: str) -> None:
    """Replaces one address by another in a text file, keeping everything else as it is."""
    text = path.read_text(encoding="utf-8")
    if (changed := text.replace(old, new)) != text:
        path.write_text(changed, encoding="utf-8", newline="\n")


def chapter_list(root: Path, address: str) -> str:
    """The README's lines on the chapters: title, and a link that opens it in Colab."""
    place = address.removeprefix("https://github.com/")
    lines = []
    for path in sorted((root / "chapters").glob("*.ipynb")):
        title = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]).splitlines()[0]
        colab = f"https://colab.research.google.com/github/{place}/blob/{BRANCH}/chapters/{path.name}"
        lines.append(f"- [{title.removeprefix('# ')}](chapters/{path.name}) ([open in Colab]({colab}))\n")
    return "".join(lines)


def write(root: Path, address: str) -> None:
    """Sets the address in all the files below ``root`` that carry it."""
    old = configured(root)
    chapters = sorted((root / "chapters").glob("*.ipynb"))
    assignments = sorted((root / "assignments").glob("*/*/*.ipynb"))
    for path in [root / "pyproject.toml", root / "CITATION.cff", root / "tools" / "setup_cell.py", *chapters,
                 *assignments]:
        replace(path, old, address)
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8").replace(old, address)
    readme.write_text(LIST.sub(rf"\g<1>{chapter_list(root, address)}\g<2>", text), encoding="utf-8", newline="\n")


def main() -> None:
    address = (sys.argv[1] if len(sys.argv) > 1 else "").rstrip("/").removesuffix(".git") or configured(ROOT)
    if not ADDRESS.fullmatch(address):
        sys.exit(f"{address!r} is not a repository's address; it should look like https://github.com/OWNER/NAME.")
    write(ROOT, address)
    print(f"The book's address is {address}.")


if __name__ == "__main__":
    main()
