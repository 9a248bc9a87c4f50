"""The notebooks for class: headings, exercises and code of the chapters, nothing else, and the clean ones run."""

import re
import zipfile
from pathlib import Path

import lesson_notebooks as tool
import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from repository import CHAPTERS, ROOT

TEXT = """# Title

Words.

```
# no heading either
```

**1. Predict** (easy, 3 minutes). How large
is it?

<details><summary>Solution</summary>

## Not a heading

</details>
"""
LONG_LINE = 25  # characters from which an equal line is no accident


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lesson")
    tool.write(CHAPTERS, made)
    return made


def code_of(folder: Path, kind: str, path: Path) -> list[str]:
    made = nbformat.read(folder / kind / path.name, as_version=4)
    return [cell.source for cell in made.cells if cell.cell_type == "code"]


def test_headings_and_tasks_are_what_is_kept() -> None:
    assert tool.kept(TEXT) == ["# Title", "**1. Predict** (easy, 3 minutes). How large\nis it?"]


def test_empty_cells_name_what_is_to_be_written() -> None:
    cells = [new_markdown_cell(TEXT), new_code_cell("import a"), new_code_cell("import b"),
             new_code_cell("def f(x):\n    return x"), new_code_cell("f(1)"),
             new_code_cell("draw()", metadata={"tags": ["hide-input"]}), new_code_cell("n = None\n\nexercises.n(n)")]
    chapter = new_notebook(cells=cells)
    sources = [cell.source for cell in tool.lesson(chapter, empty=True).cells if cell.cell_type == "code"]
    assert sources == ["import a", "import b", "# Your code: f", "", "draw()", "n = None\n\nexercises.n(n)"]
    assert [cell.source for cell in tool.lesson(chapter, empty=False).cells if cell.cell_type == "code"] == [
        cell.source for cell in cells[1:]]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_both_have_every_heading_and_no_output(folder: Path, path: Path) -> None:
    chapter = nbformat.read(path, as_version=4)
    for kind in ("clean", "empty"):
        made = nbformat.read(folder / kind / path.name, as_version=4)
        code = [cell for cell in made.cells if cell.cell_type == "code"]
        assert len(code) == sum(cell.cell_type == "code" for cell in chapter.cells)
        assert not any(cell.outputs for cell in code)
        for cell in made.cells:
            assert cell.cell_type == "code" or re.match(r"#+ .+\Z|\*\*\d+\. ", cell.source)
            assert "<details>" not in cell.source
        assert made.cells[0].source.startswith("# ")
    assert code_of(folder, "clean", path) == [cell.source for cell in chapter.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_empty_ones_have_every_check_and_no_solution(folder: Path, path: Path) -> None:
    """A line of a solution that is not the exercise's own `def` or `class` would give it away."""
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    code = code_of(folder, "empty", path)
    assert sum(bool(tool.CHECK.search(source)) for source in code) == len(
        re.findall(r"^\*\*\d+\. ", text, re.MULTILINE))
    folded = "\n".join(fence for details in re.findall(r"<details>\s*<summary>Solution.*?</details>", text, re.DOTALL)
                       for fence in re.findall(r"```\w*\n(.*?)```", details, re.DOTALL))
    solution = {line.strip() for line in folded.splitlines() if len(line.strip()) >= LONG_LINE}
    given = {line.strip() for source in code for line in source.splitlines()}
    assert not [line for line in solution & given if not line.startswith(("def ", "class "))]


def test_the_zip_holds_them_all(folder: Path) -> None:
    written = sorted(folder.glob("*/*.ipynb"))
    with zipfile.ZipFile(tool.pack(written, folder)) as archive:
        assert archive.namelist() == [f"{kind}/{path.name}" for kind in ("clean", "empty") for path in CHAPTERS]
        assert archive.testzip() is None


def test_a_clean_notebook_runs(folder: Path) -> None:
    """The code is the chapters', which `make test` runs; here one notebook shows that the rest is sound, too."""
    notebook = nbformat.read(folder / "clean" / "01-sliding-window.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "chapters")}}).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)
