"""The assignments for other graders: a zip for Gradescope, a course folder for nbgrader."""

import io
import shutil
import tomllib
import zipfile
from pathlib import Path

from alexgrader.assignment import Assignment, InvalidNotebook, load

ROOT = Path(__file__).resolve().parents[2]
# What the grader needs in the container, and what answers may import beside the package's own requirements.
EXTRA = ("ipython", "scikit-image", "scikit-learn")
TREES = ("grader/alexgrader", "code/alexbook", "data")
SINGLE = ("teaching/alexteach/__init__.py", "teaching/alexteach/gradescope.py", "tools/find_python.sh",
          "requirements/lock.txt", "LICENSE", "LICENSE-text")
SCRIPTS = ("setup.sh", "run_autograder")
DATE = (2000, 1, 1, 0, 0, 0)  # the same files give the same zip


def requirements() -> str:
    """What pip installs in the container, with the versions that the lock has as constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return "\n".join(sorted({*project["dependencies"], *extras["keras"], *extras["torch"], *EXTRA})) + "\n"


def carried() -> dict[str, Path]:
    """The files that travel in each zip, by their place in it: the repository's own, so that all is found as here."""
    found = {name: ROOT / name for name in SINGLE}
    for tree in TREES:
        found |= {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / tree).rglob("*"))
                  if path.is_file() and path.suffix != ".pyc" and not path.name.startswith(".")}
    return found


def gradescope(source: Path) -> bytes:
    """Gradescope's autograder for one assignment.

    Args:
        source: The assignment's notebook with solutions and hidden tests.

    Returns:
        A zip with ``setup.sh`` and ``run_autograder`` at its top.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        def add(name: str, content: bytes, mode: int = 0o644) -> None:
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr = (0o100000 | mode) << 16
            package.writestr(entry, content, zipfile.ZIP_DEFLATED)

        for script in SCRIPTS:
            add(script, (ROOT / "teaching" / "gradescope" / script).read_bytes(), 0o755)
        add("requirements.txt", requirements().encode())
        for name, path in carried().items():
            add(name, path.read_bytes())
        add(f"assignments/source/{source.stem}/{source.name}", source.read_bytes())
    return packed.getvalue()


def assignments(sources: Path) -> dict[str, Assignment]:
    """The assignments of a folder; raises InvalidNotebook where it has none."""
    if not (found := load(sources)):
        raise InvalidNotebook(f"{sources} has no assignments: it should have NAME/NAME.ipynb for each")
    return found


def write_gradescope(sources: Path, out: Path) -> list[Path]:
    """A zip for each assignment.

    Args:
        sources: The folder with ``NAME/NAME.ipynb`` for each assignment.
        out: Where the zips go; it is made where it is missing.

    Returns:
        The zips that were written.
    """
    names = assignments(sources)
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        (out / f"{name}.zip").write_bytes(gradescope(sources / name / f"{name}.ipynb"))
    return [out / f"{name}.zip" for name in names]


def write_course(sources: Path, out: Path) -> list[Path]:
    """A course folder for nbgrader: its settings and the sources; what nbgrader made there before stays.

    Args:
        sources: The folder with ``NAME/NAME.ipynb`` for each assignment.
        out: The course's folder; it is made where it is missing.

    Returns:
        The files that were written.
    """
    names = assignments(sources)
    written = [out / "nbgrader_config.py", *(out / "source" / name / f"{name}.ipynb" for name in names)]
    origins = [ROOT / "assignments" / "nbgrader_config.py", *(sources / name / f"{name}.ipynb" for name in names)]
    for origin, path in zip(origins, written, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, path)
    return written
