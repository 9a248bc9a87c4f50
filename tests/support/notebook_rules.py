"""What holds for every chapter, as functions that list what is wrong with a notebook: one sentence for each fault."""

import ast
import getpass
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from alexbook_site.chapters import GOALS_TAG, IncompleteChapter, check, goals_cell
from nbformat import NotebookNode
from repository import ROOT

SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").rstrip("\n")
IGNORED = "nbval-ignore-output"
SKIPPING = {IGNORED, "nbval-skip", "skip-execution", "nbval-check-output"}
LARGEST_SHARE_IGNORED = 0.2
LONGEST_LINE = 79
FRAMEWORKS = {
    "keras": {"torch", "torchvision"},
    "pytorch": {"keras", "tensorflow", "jax"},
}
MACHINE = re.compile(
    r"/home/\w|/Users/\w|[A-Z]:\\\\?Users|site-packages|\.venv\b|/tmp/| at 0x[0-9a-f]{6}|\w*Warning: |"
    + re.escape(str(Path.home()) + "/")
)
DIRECTIVE = re.compile(r"^\s*(`{3,}|:{3,}|~{3,})\{", re.MULTILINE)
ROLE = re.compile(r"\{[\w:.+-]+\}`[^`]+`")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?[^)]*\)")


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(output: NotebookNode) -> str:
    """All that an output says in words."""
    data = output.get("data", {})
    return "\n".join(map(str, (output.get("text", ""), data.get("text/plain", ""), data.get("text/html", ""))))


def markdown(notebook: NotebookNode) -> Iterator[str]:
    """The source of each cell of prose, without the code that it quotes."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source


def opening(notebook: NotebookNode, path: Path) -> Iterator[str]:
    first = notebook.cells[0]
    if first.cell_type != "markdown" or not re.match(r"# \S.*\n\n\S", first.source):
        yield "the first cell is not a title (# ...), an empty line and a paragraph"
    headings = [line for text in markdown(notebook) for line in prose_lines(text) if re.match(r"#\s", line)]
    if len(headings) != 1:
        yield f"there are {len(headings)} headings of the first level, but a page has one title"


def prose_lines(text: str) -> Iterator[str]:
    """Lines outside fenced code."""
    fenced = False
    for line in text.splitlines():
        if re.match(r"\s*(```|~~~)", line):
            fenced = not fenced
        elif not fenced:
            yield line


def setup(notebook: NotebookNode, path: Path) -> Iterator[str]:
    if code_cells(notebook)[0].source != SETUP:
        yield "the first code cell is not tools/setup_cell.py"


def executed(notebook: NotebookNode, path: Path) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"it was not run top to bottom in one go: the cells' counts are {counts}"
    if not any(cell.outputs for cell in code_cells(notebook)):
        yield "it holds no outputs"
    for cell in code_cells(notebook):
        if not cell.source.strip():
            yield f"code cell {cell.execution_count} is empty"


def outputs(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                yield f"code cell {cell.execution_count} ends in {output.ename}"
            if output.get("name") == "stderr":
                yield f"code cell {cell.execution_count} writes to stderr"
            if hit := MACHINE.search(texts(output)):
                yield f"code cell {cell.execution_count} shows {hit.group(0)!r}"
            if re.search(rf"\b{re.escape(getpass.getuser())}@", texts(output)):
                yield f"code cell {cell.execution_count} shows a user's name"


def alternatives(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Pictures have alternative text in ``metadata.mystnb.image.alt``; SVG in HTML has a <title>."""
    for cell in code_cells(notebook):
        pictures = [o for o in cell.outputs if any(key.startswith("image/") for key in o.get("data", {}))]
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if pictures and len(alt.split()) < 3:
            yield f"the picture of code cell {cell.execution_count} has no alternative text in its cell's metadata"
        if len(pictures) > 1:
            yield f"code cell {cell.execution_count} shows {len(pictures)} pictures under one alternative text"
        for output in cell.outputs:
            html = str(output.get("data", {}).get("text/html", ""))
            if "<svg" in html and not re.search(r"<title\b[^>]*>\s*\S", html):
                yield f"the SVG of code cell {cell.execution_count} has no <title>"
            if re.search(r"<img\b(?![^>]*\balt=\"[^\"]+\")", html):
                yield f"an <img> of code cell {cell.execution_count} has no alt"
    for text in markdown(notebook):
        if re.search(r"!\[\s*\]\(", text) or re.search(r"<img\b(?![^>]*\balt=\"[^\"]+\")", text):
            yield "a picture in the prose has no alternative text"


def comparison(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Comparison is switched off cell by cell, seldom, and what the cell is there to show is asserted after it."""
    cells = code_cells(notebook)
    ignored = [cell for cell in cells if SKIPPING & set(cell.metadata.get("tags", []))]
    if len(ignored) > LARGEST_SHARE_IGNORED * len(cells):
        yield f"comparison is off in {len(ignored)} of {len(cells)} code cells"
    for cell in ignored:
        if set(cell.metadata.tags) & (SKIPPING - {IGNORED}):
            yield f"code cell {cell.execution_count} is tagged {cell.metadata.tags}: only {IGNORED} is used here"
        if not any("assert " in source for source in rest_of_section(notebook, cell)):
            yield f"code cell {cell.execution_count} is not compared, and no cell of its section asserts what it shows"
    for cell in cells:
        if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", cell.source, re.IGNORECASE):
            yield f"code cell {cell.execution_count} switches comparison off with a comment instead of a tag"


def rest_of_section(notebook: NotebookNode, cell: NotebookNode) -> Iterator[str]:
    """The code from a cell to the next heading."""
    for other in notebook.cells[notebook.cells.index(cell):]:
        if other.cell_type == "markdown" and any(line.startswith("#") for line in prose_lines(other.source)):
            return
        if other.cell_type == "code":
            yield other.source


def plain_markdown(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for text in markdown(notebook):
        if DIRECTIVE.search(text) or ROLE.search(text):
            yield f"MyST, which Colab and GitHub show as raw text, in the cell that starts {text[:40]!r}"
        if text.count("<details") != text.count("</details>"):
            yield f"<details> is not closed in the cell that starts {text[:40]!r}"
        if re.search(r"</summary>\n(?!\n)", text):
            yield f"no empty line after </summary>, so what follows is not read as Markdown: {text[:40]!r}"


def links(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for text in markdown(notebook):
        for target in LINK.findall("\n".join(prose_lines(text))):
            file = target.partition("#")[0]
            if file and not re.match(r"[a-z]+:", file) and not (path.parent / file).exists():
                yield f"the link to {target} leads nowhere"


def lines(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in code_cells(notebook):
        longest = max(map(len, cell.source.splitlines()), default=0)
        if longest > LONGEST_LINE:
            yield f"code cell {cell.execution_count} has a line of {longest} characters, more than {LONGEST_LINE}"


def frameworks(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """A chapter whose name says Keras imports no PyTorch, and the other way round."""
    forbidden = set().union(*(others for name, others in FRAMEWORKS.items() if name in path.stem))
    for cell in code_cells(notebook):
        imported = set()
        for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*", "", cell.source, flags=re.MULTILINE))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
        if imported & forbidden:
            yield f"code cell {cell.execution_count} imports {', '.join(sorted(imported & forbidden))}"


def metadata(notebook: NotebookNode, path: Path) -> Iterator[str]:
    if set(notebook.metadata) != {"alexbook", "kernelspec", "language_info"} \
            or notebook.metadata.kernelspec.name != "python3":
        yield f"its metadata are {sorted(notebook.metadata)}; tools/run_notebooks.py keeps what is needed"
    if "version" in notebook.metadata.get("language_info", {}):
        yield "its metadata name the version of Python that ran it"
    ids = [cell.get("id") for cell in notebook.cells]
    if len(set(ids)) < len(ids):
        yield "two cells have one id"


def goals(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """The metadata say what a chapter has to, and a cell says the same as tools/run_notebooks.py writes it."""
    try:
        expected = goals_cell(check(notebook.metadata.get("alexbook"), path.name))
    except IncompleteChapter as error:
        yield str(error)
        return
    tagged = [cell for cell in notebook.cells if GOALS_TAG in cell.metadata.get("tags", [])]
    if [cell.source for cell in tagged] != [expected]:
        yield "the cell tagged 'goals' is not what the metadata say; tools/run_notebooks.py writes it"


RULES: tuple[Callable[[NotebookNode, Path], Iterator[str]], ...] = (
    opening, setup, executed, outputs, alternatives, comparison, plain_markdown, links, lines, frameworks, metadata,
    goals,
)
