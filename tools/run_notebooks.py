#!/usr/bin/env python3
"""Execute chapters top to bottom and store their outputs, as readers and the tests will see them.

    python tools/run_notebooks.py                           all chapters
    python tools/run_notebooks.py chapters/01-x.ipynb ...   some
    python tools/run_notebooks.py --to chapters text/01-x.py   from a text form (jupytext: .py percent, .md)

Each notebook runs alone in an empty folder, in this environment's kernel, with one thread for each library. The first
code cell becomes tools/setup_cell.py, folded on the book's pages; the cell tagged "goals", below the opening, says what
the notebook's metadata say ("alexbook": times, hardware, goals). Cell ids, metadata and streams are normalized, so
that running a notebook again changes only what really came out differently. Nothing is written where a cell fails.
"""

import argparse
import copy
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from alexbook._files import replace_file
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "_ext"))  # the book's extension, which reads chapters

from alexbook_site.chapters import GOALS_TAG, IncompleteChapter, check, goals_cell  # noqa: E402

SETUP = (Path(__file__).parent / "setup_cell.py").read_text(encoding="utf-8").rstrip("\n")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}
KEPT_METADATA = ("alexbook",)
KEPT_CELL_METADATA = ("tags", "mystnb")
# One thread, asleep while it waits: notebooks are run two at a time by the tests.
QUIET = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def read(path: Path) -> NotebookNode:
    """A notebook, from ``.ipynb`` or from one of jupytext's text forms."""
    if path.suffix == ".ipynb":
        return nbformat.read(path, as_version=4)
    import jupytext

    return jupytext.read(path)


def write_goals(notebook: NotebookNode) -> None:
    """Writes times, hardware and goals below the opening, where the notebook's metadata have them.

    Raises:
        IncompleteChapter: where the metadata lack some of them.
    """
    if "alexbook" not in notebook.metadata:
        return
    tagged = [cell for cell in notebook.cells if GOALS_TAG in cell.metadata.get("tags", [])]
    if not tagged:
        tagged = [new_markdown_cell(metadata={"tags": [GOALS_TAG]})]
        notebook.cells.insert(1, tagged[0])
    tagged[0].source = goals_cell(check(notebook.metadata["alexbook"], "the notebook"))


def normalize(notebook: NotebookNode) -> None:
    """Replaces the setup cell and the goals, keeps only metadata that the book uses, and makes ids of the sources."""
    about = {key: notebook.metadata[key] for key in KEPT_METADATA if key in notebook.metadata}
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info=LANGUAGE, **about)
    write_goals(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if code:
        code[0].source = SETUP
        code[0].metadata["tags"] = ["hide-input"]
    taken: set[str] = set()
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: cell.metadata[k] for k in KEPT_CELL_METADATA if k in cell.metadata})
        cell.pop("attachments", None)
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        cell.id = next(i for n in range(len(notebook.cells)) if (i := f"{digest}-{n}" if n else digest) not in taken)
        taken.add(cell.id)


def execute(notebook: NotebookNode) -> None:
    """Runs every cell in an empty folder; raises CellExecutionError at the first that fails."""
    with tempfile.TemporaryDirectory() as empty:
        client = NotebookClient(
            notebook,
            timeout=900,
            kernel_name="python3",
            resources={"metadata": {"path": empty}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            # TensorFlow writes to the process's own stderr at import, whatever its log level; keep that out.
            extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        )
        client.execute()


def complaints(notebook: NotebookNode) -> list[str]:
    """What a reader should not see in the stored outputs: noise on stderr and addresses of this machine."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("text", "") or str(output.get("data", {}).get("text/plain", ""))
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {cell.execution_count} writes to stderr: {text.strip()[:200]}")
            if str(Path.home()) + os.sep in text or str(ROOT) in text or " at 0x" in text:
                found.append(f"cell {cell.execution_count} shows an address of this machine: {text.strip()[:200]}")
    return found


def figures(notebook: NotebookNode) -> int:
    """How many pictures its outputs hold."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return sum(any(kind.startswith("image/") for kind in output.get("data", {})) for output in outputs)


def lost(before: NotebookNode, after: NotebookNode) -> list[str]:
    """A complaint where cells that showed figures before show fewer now, though nobody changed them."""
    sources = [[cell.source for cell in notebook.cells] for notebook in (before, after)]
    were, are = figures(before), figures(after)
    if sources[0] == sources[1] and are < were:
        return [f"shows {are} figures, and {were} before: matplotlib did not draw into the notebook"]
    return []


def run(path: Path, folder: Path | None) -> bool:
    """Executes one notebook and stores it; False where a cell failed or an output is unfit for readers."""
    target = (folder / path.stem).with_suffix(".ipynb") if folder else path
    notebook = read(path)
    try:
        normalize(notebook)
    except IncompleteChapter as error:
        print(f"FAILED {path.name}: {error}", file=sys.stderr)
        return False
    before = copy.deepcopy(notebook)
    start = time.perf_counter()
    try:
        execute(notebook)
    except CellExecutionError as error:
        print(f"FAILED {path.name}\n{error}", file=sys.stderr)
        return False
    normalize(notebook)
    nbformat.validate(notebook)
    if missing := lost(before, notebook):
        print(f"FAILED {path.name} {missing[0]}; nothing is written", file=sys.stderr)
        return False
    replace_file(target, f"{nbformat.writes(notebook)}\n".encode())
    print(f"{target.name}: {time.perf_counter() - start:.1f} s")
    for complaint in (found := complaints(notebook)):
        print(f"  {complaint}", file=sys.stderr)
    return not found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every chapter")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where to write (default: in place)")
    options = parser.parse_args()
    if options.to is None and (texts := [p.name for p in options.notebooks if p.suffix != ".ipynb"]):
        parser.error(f"say with --to where the notebook of {texts[0]} is to go")
    os.environ.update(QUIET)
    os.environ.pop("MPLBACKEND", None)  # the kernel's own shows figures in the notebook
    notebooks = options.notebooks or sorted((ROOT / "chapters").glob("*.ipynb"))
    return 0 if all([run(path, options.to) for path in notebooks]) else 1  # noqa: C419 (each is run)


if __name__ == "__main__":
    sys.exit(main())
