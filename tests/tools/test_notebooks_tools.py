"""tools/run_notebooks.py stores what readers should see, and nbval compares it strictly."""

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import run_notebooks as tool
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from repository import ROOT


def written(path: Path, *sources: str) -> Path:
    """A notebook with a first cell for the setup and one code cell for each source."""
    cells = [new_markdown_cell("# Title\n\nText."), new_code_cell("# setup"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_run_stores_clean_outputs(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.ipynb",
        "import os, sys\nprint(sorted(os.listdir()))",
        "for i in range(3):\n    print(f'\\rstep {i}', end='', flush=True)\nprint()",
        "import ctypes\n_ = os.write(2, b'noise of a library\\n')",
        "import alexbook\nalexbook.__name__",
    )
    assert tool.run(path, None)
    first = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(first, as_version=4)
    shown = [cell.outputs for cell in notebook.cells[2:]]
    assert notebook.cells[1].source == tool.SETUP
    assert shown[0][0].text == "[]\n", "a chapter runs in an empty folder"
    assert shown[1][0].text == "step 2\n", "of a progress bar, the last state is kept"
    assert shown[2] == [], "what a library writes to the process's own stderr is not stored"
    assert shown[3][0].data["text/plain"] == "'alexbook'"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert tool.run(path, None)
    assert path.read_text(encoding="utf-8") == first, "running again changes nothing"


ABOUT = {"minutes": 45, "run_minutes": 0.5, "hardware": "nothing; no download",
         "goals": [{"goal": "count", "shown_by": ["exercise-1"]}, {"goal": "*weigh*", "shown_by": ["check-yourself"]}]}
GOALS = """After this chapter you can

- count;
- *weigh*.

*Time:* 45 minutes to read, half a minute to run on a laptop. *Needs:* nothing; no download."""


def test_what_a_chapter_says_of_itself_is_kept_and_stands_below_its_opening() -> None:
    cells = [new_markdown_cell("# Title\n\nText."), new_code_cell("# setup")]
    notebook = new_notebook(cells=cells, metadata={"alexbook": copy.deepcopy(ABOUT), "widgets": {}})
    for _ in range(2):  # written once, and the same again
        tool.normalize(notebook)
        assert [cell.cell_type for cell in notebook.cells] == ["markdown", "markdown", "code"]
        assert notebook.cells[1].source == GOALS and notebook.cells[1].metadata.tags == ["goals"]
        assert notebook.metadata["alexbook"] == ABOUT and "widgets" not in notebook.metadata
    notebook.metadata["alexbook"]["minutes"] = 50
    tool.normalize(notebook)
    assert "50 minutes to read" in notebook.cells[1].source


def test_a_chapter_as_text_keeps_what_it_says_of_itself(tmp_path: Path) -> None:
    """There and back through jupytext's percent format, with the project's setting for it."""
    cells = [new_markdown_cell("# Title\n\nText."), new_code_cell("1 + 1")]
    notebook = new_notebook(cells=cells, metadata={"alexbook": copy.deepcopy(ABOUT)})
    tool.normalize(notebook)
    nbformat.write(notebook, tmp_path / "a.ipynb")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run([sys.executable, "-m", "jupytext", "--to", "py:percent", "a.ipynb"], cwd=tmp_path, check=True,
                   capture_output=True)
    again = tool.read(tmp_path / "a.py")
    tool.normalize(again)
    assert again.metadata["alexbook"] == ABOUT
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]


def test_what_a_chapter_lacks_is_said_and_nothing_is_written(tmp_path: Path, capsys) -> None:
    path = written(tmp_path / "a.ipynb", "1")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["alexbook"] = {"minutes": 45}
    nbformat.write(notebook, path)
    before = path.read_bytes()
    assert not tool.run(path, None)
    assert path.read_bytes() == before and "no 'run_minutes'" in capsys.readouterr().err


FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def test_a_backend_in_the_environment_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ipynb", FIGURE)
    command = [sys.executable, str(ROOT / "tools" / "run_notebooks.py"), str(path)]
    done = subprocess.run(command, env={**os.environ, "MPLBACKEND": "agg"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "image/png" in path.read_text(encoding="utf-8")


def test_run_that_loses_figures_fails_and_changes_nothing(tmp_path: Path, capsys, monkeypatch) -> None:
    path = written(tmp_path / "a.ipynb", FIGURE)
    assert tool.run(path, None)
    before = path.read_bytes()
    monkeypatch.setenv("MPLBACKEND", "agg")
    assert not tool.run(path, None)
    assert path.read_bytes() == before and "shows 0 figures, and 1 before" in capsys.readouterr().err


def test_run_changes_nothing_where_a_cell_fails(tmp_path: Path, capsys) -> None:
    path = written(tmp_path / "a.ipynb", "1 / 0")
    before = path.read_bytes()
    assert not tool.run(path, None)
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_run_complains_about_stderr(tmp_path: Path, capsys) -> None:
    path = written(tmp_path / "a.ipynb", "import warnings\nwarnings.warn('old')")
    assert not tool.run(path, None)
    assert "writes to stderr" in capsys.readouterr().err


def test_run_reads_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('# %% [markdown]\n# # Title\n\n# %%\n# setup\n\n# %% tags=["x"]\n1 + 1\n')
    assert tool.run(tmp_path / "a.py", tmp_path)
    notebook = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    assert notebook.cells[2].outputs[0].data["text/plain"] == "2"
    assert notebook.cells[2].metadata == {"tags": ["x"]}


def stored(source: str, text: str, **metadata) -> nbformat.NotebookNode:
    output = new_output("stream", name="stdout", text=text)
    return new_code_cell(source, execution_count=1, outputs=[output], metadata=metadata)


def test_comparison_is_strict(tmp_path: Path) -> None:
    """A wrong stored output fails, unless its cell is tagged; noise on stderr does not count."""
    cells = [
        stored("print(1)", "1\n"),
        stored("print(2)", "3\n"),
        stored("print(4)", "5\n", tags=["nbval-ignore-output"]),
        new_code_cell("import sys\nprint('noise', file=sys.stderr)", execution_count=1),
        new_code_cell("[0.1 + 0.2]", execution_count=1, outputs=[
            new_output("execute_result", {"text/plain": "[0.3]"}, execution_count=1)]),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "a.ipynb")
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:xdist", "-p", "no:cacheprovider", "-rA", "a.ipynb"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    outcomes = re.findall(r"^(PASSED|FAILED) a.ipynb::Cell (\d)", result.stdout, re.MULTILINE)
    assert sorted(cell for outcome, cell in outcomes if outcome == "PASSED") == ["0", "2", "3"]
    assert sorted(cell for outcome, cell in outcomes if outcome == "FAILED") == ["1", "4"]
