"""The source of an assignment: its questions; and a submission's cells put into the source's order.

The source is a notebook in nbgrader's format. A cell's ``metadata.nbgrader`` (schema 3) says what it is: an answer
(``solution``), a test (``grade``, not ``solution``), a cell given and locked, or an answer that is graded by hand
(``grade`` and ``solution``, or ``task``).
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

NOTEBOOK = 20 << 20  # bytes of the largest notebook that is read
CELLS = 2000
STUBS = ("YOUR ANSWER HERE", "# YOUR CODE HERE\nraise NotImplementedError()")  # as nbgrader_config.py has them
# What `make release` puts into a notebook: the paragraph below its title, and the address in its setup cell.
RELEASED = re.compile(r'(?<=\n)\n(?:\[Open in Colab\]\(|The book has no published address)[^\n]*\n(?:[^\n]+\n)*'
                      r'|^    book = "[^"\n]*"$', re.MULTILINE)


class InvalidNotebook(Exception):
    """A file that is not a notebook that can be graded; the message says why, in the words of a status."""


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook. ``kind`` is answer, test, given, manual, or plain where nbgrader's metadata say nothing."""

    kind: str
    source: str
    code: bool = True
    id: str = ""
    points: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """What the cell binds at its top level, imports apart."""
        return tuple(bound(self.source)) if self.code else ()

    @property
    def given(self) -> str:
        """The text as the source has it, where the cell is one that everybody gets."""
        return RELEASED.sub("", self.source).strip()

    @property
    def blank(self) -> bool:
        """Whether nothing was written into the cell since the release."""
        return self.source.strip() in ("", *STUBS)


@dataclass(frozen=True)
class Notebook:
    """A notebook's cells, and the assignment's name where its metadata give one."""

    cells: tuple[Cell, ...]
    assignment: str = ""

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(cell.id for cell in self.cells if cell.id)


@dataclass(frozen=True)
class Assignment:
    """An assignment by name, its source's cells, and the digest of its file."""

    name: str
    notebook: Notebook
    digest: str

    @property
    def questions(self) -> tuple[Cell, ...]:
        """The cells that carry points, in order."""
        return tuple(cell for cell in self.notebook.cells if cell.kind in ("test", "manual"))


@dataclass
class Step:
    """A place of the source: its cell (None before the first), the submission's version of it, and what follows there.

    ``missing`` is True for an answer that was deleted from a submission.
    """

    source: Cell | None
    own: Cell | None = None
    extra: list[Cell] = field(default_factory=list)
    missing: bool = False


def load(folder: Path) -> dict[str, Assignment]:
    """The assignments of ``folder/<name>/<name>.ipynb``, by name; raises InvalidNotebook for a source that is none."""
    found = {}
    for path in sorted(folder.glob("*/*.ipynb")):
        if path.stem == path.parent.name:
            found[path.stem] = read_source(path)
    return found


def read_source(path: Path) -> Assignment:
    """One assignment from its source; raises InvalidNotebook where it is none."""
    data = path.read_bytes()
    try:
        notebook = parse(data)
    except InvalidNotebook as why:
        raise InvalidNotebook(f"{path}: {why}") from None
    ids = [cell.id for cell in notebook.cells if cell.id]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise InvalidNotebook(f"{path}: two cells have the grade_id {twice[0]}")
    return Assignment(path.stem, notebook, hashlib.sha256(data).hexdigest())


def parse(data: bytes) -> Notebook:
    """A notebook from a file's bytes, hostile ones too; raises InvalidNotebook."""
    if not data.strip():
        raise InvalidNotebook("the file is empty")
    if len(data) > NOTEBOOK:
        raise InvalidNotebook(too_large(len(data)))
    try:
        content = json.loads(data)
    except (ValueError, RecursionError, MemoryError):
        raise InvalidNotebook("the file is not a notebook (it is not JSON)") from None
    if not isinstance(content, dict) or not ("worksheets" in content or isinstance(content.get("cells"), list)):
        raise InvalidNotebook("the file is not a notebook (it has no cells)")
    if content.get("nbformat") != 4 or "worksheets" in content:  # format 3 has its cells in worksheets
        raise InvalidNotebook("the notebook is not in format 4; open it in Jupyter and save it")
    if len(content["cells"]) > CELLS:
        raise InvalidNotebook(f"the notebook has more than {CELLS:,} cells")
    metadata = _dict(_dict(content.get("metadata")).get("alexbook"))
    return Notebook(tuple(_cell(raw) for raw in content["cells"]), str(metadata.get("assignment", ""))[:100])


def too_large(size: int) -> str:
    """What is said of a notebook of so many bytes; outputs are never graded, and pictures in them are what is large."""
    return (f"the file has {size / 1e6:.0f} MB, more than the {NOTEBOOK >> 20} MB that are read; clear the outputs, "
            "which are not graded, and save it")


def bound(source: str) -> Iterator[str]:
    """The names that code binds at its top level, imports apart, in order; lines of IPython's own are passed over."""
    lines = ["" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return
    seen = set()
    for node in _top(tree):
        name = node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else (
            node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None)
        if name and name not in seen:
            seen.add(name)
            yield name


def plan(source: Notebook, submission: Notebook) -> list[Step]:
    """The source's cells in order, each with the submission's own version and the cells that follow it there.

    Cells are matched by ``grade_id``, the first of a name; an answer whose cell changed its type counts as what it
    was, code or text, where no cell of the right type has its name. Every other cell of the submission stays behind the
    matched cell that it stands behind, and the first step (without a source's cell) holds those before all others.
    Where not one cell matches, an editor has dropped the metadata: everything stands in the first step, and nothing is
    missing.
    """
    known = {cell.id: cell for cell in source.cells if cell.id}
    own: dict[str, Cell] = {}
    extra: dict[str, list[Cell]] = {"": []}
    place = ""
    typed = {cell.id for cell in submission.cells if cell.id in known and cell.code == known[cell.id].code}
    for cell in submission.cells:
        match = known.get(cell.id)
        if match is not None and match.kind in ("answer", "manual") and cell.id not in typed:
            cell = replace(cell, code=match.code)
        if match is not None and cell.id not in own and cell.code == match.code:
            own[cell.id], place = cell, cell.id
        elif match is None or match.kind == "answer":  # a copy of an answer counts as code of the student's
            extra.setdefault(place, []).append(cell)
    steps = [Step(None, extra=extra[""])]
    for cell in known.values():
        missing = bool(own) and cell.id not in own and cell.kind in ("answer", "manual")
        steps.append(Step(cell, own.get(cell.id), extra.get(cell.id, []), missing))
    return steps


def _top(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes of the top level in order: not inside functions, classes, lambdas or comprehensions."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp,
                                 ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            yield from _top(node)


def _cell(raw: object) -> Cell:
    raw = _dict(raw)
    source = raw.get("source", "")
    text = source if isinstance(source, str) else "".join(s for s in source if isinstance(s, str)) if isinstance(
        source, list) else ""
    about = _dict(_dict(raw.get("metadata")).get("nbgrader"))
    code = raw.get("cell_type") == "code"
    name, points = about.get("grade_id"), about.get("points", 0)
    special = any(about.get(mark) is True for mark in ("grade", "solution", "task", "locked"))
    if not isinstance(name, str) or not name or not special:
        return Cell("plain", text, code)
    grade, solution = about.get("grade") is True, about.get("solution") is True
    kind = ("manual" if about.get("task") is True or (grade and solution) else "test" if grade else
            "answer" if solution else "given")
    points = float(points) if type(points) in (int, float) and points == points else 0.0
    return Cell(kind, text, code, name[:100], points)


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}
