#!/usr/bin/env python3
"""Write what students get of the assignments: no solutions, no hidden tests, a link that opens each in Colab.

    python tools/release.py                                    assignments/source -> assignments/release
    python tools/release.py --sources FOLDER --out FOLDER      the same for sources that are kept elsewhere

nbgrader makes the students' notebooks (its settings are in assignments/nbgrader_config.py), in a folder of its own that
is thrown away, so that no gradebook stays behind. The setup cell and the link follow from ``Repository`` in
pyproject.toml. The rubrics of all assignments are collected in ``rubrics.md`` next to the folder of sources.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from address import branch, configured
from chapter_lists import GITHUB, colab_address

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"
NO_ADDRESS = ("The book has no published address yet, so there is no link to Colab:\n"
              "open this notebook in a clone of the book.")


def names(sources: Path) -> list[str]:
    """The assignments in a folder of sources: each is ``name/name.ipynb``."""
    return sorted(path.stem for path in sources.glob("*/*.ipynb") if path.stem == path.parent.name)


def colab(address: str, place: str) -> str | None:
    """The address that opens a notebook, ``place`` in the repository, in Colab; None where the book is on no GitHub."""
    if address.startswith(f"{GITHUB}OWNER/"):
        return None
    return colab_address(address, branch(ROOT), quote(place))


def without_solutions(sources: Path, found: list[str]) -> dict[str, dict]:
    """nbgrader's release of each assignment, as JSON; raises RuntimeError with what nbgrader had to say."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    # nbgrader calls alembic, which lies beside this Python and is on no PATH where the environment is not activated.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ASSIGNMENTS)).load_config()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in found:
            (root / "source" / name).mkdir(parents=True)
            shutil.copy(sources / name / f"{name}.ipynb", root / "source" / name)
        config.CourseDirectory.root = folder
        config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
        api = NbGraderAPI(config=config)
        made = {}
        for name in found:
            result = api.generate_assignment(name, force=True, create=True)
            if not result["success"]:
                raise RuntimeError(f"nbgrader made no release of {name}:\n{result['log'] or result['error']}")
            made[name] = json.loads((root / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    return made


def finished(notebook: dict, link: str | None) -> str:
    """The file that students get: with the setup cell of the day, and the link below the title."""
    setup = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").rstrip("\n")
    for cell in notebook["cells"]:
        if cell.get("id") == "setup":
            cell["source"] = setup.splitlines(keepends=True)
    first = "".join(notebook["cells"][0]["source"])
    title, _, rest = first.partition("\n")
    opens = f"[Open in Colab]({link})" if link else NO_ADDRESS
    notebook["cells"][0]["source"] = f"{title}\n\n{opens}\n{rest}".splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def rubrics(sources: Path, found: list[str]) -> str:
    """All rubrics, as the notebooks have them, in one page for those who grade."""
    parts = ["# Rubrics\n\nWhat is graded by hand. Made from the assignments' sources by `make release`; change it "
             "there.\n"]
    notebooks = [json.loads((sources / name / f"{name}.ipynb").read_text(encoding="utf-8")) for name in found]
    pages = [["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
             for notebook in notebooks]
    for texts in sorted(pages):
        parts.append(f"\n## {texts[0].partition(chr(10))[0].removeprefix('# ')}\n")
        parts += [f"\n#{text}\n" for text in texts if "**Rubric**" in text]
    return "".join(parts)


def release(sources: Path, out: Path) -> dict[str, str | None]:
    """Writes the releases and the rubrics; the link of each assignment by its name."""
    found = names(sources)
    if not found:
        raise FileNotFoundError(f"{sources} has no assignments: it should have NAME/NAME.ipynb for each. "
                                "Those that are kept elsewhere: make release SOURCES=folder")
    made, links = without_solutions(sources, found), {}
    for name in found:
        path = out / name / f"{name}.ipynb"
        links[name] = colab(configured(ROOT), f"assignments/release/{name}/{name}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(finished(made[name], links[name]), encoding="utf-8", newline="\n")
    (sources.parent / "rubrics.md").write_text(rubrics(sources, found), encoding="utf-8", newline="\n")
    return links


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the students' versions of the assignments.")
    parser.add_argument("--sources", type=Path, default=ASSIGNMENTS / "source", help="the folder with the sources")
    parser.add_argument("--out", type=Path, default=ASSIGNMENTS / "release", help="the folder to write to")
    arguments = parser.parse_args()
    try:
        links = release(arguments.sources.expanduser().absolute(), arguments.out.expanduser().absolute())
    except (OSError, RuntimeError) as error:
        sys.exit(str(error))
    for name, link in links.items():
        print(f"{name}: {link or 'written'}")
    if not all(links.values()):
        print("There are no links to Colab, because the book has no published address yet: "
              "set it with make address URL=https://github.com/OWNER/NAME, then run make release again.")


if __name__ == "__main__":
    main()
