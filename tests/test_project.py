"""The project around the book: one address, one lock, a package that disturbs nothing, commands that explain."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = PROJECT["urls"]["Repository"]
SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="the Makefile is for POSIX systems")

# What Colab's runtime of August 2026 ships; installing alexbook there must ask for nothing newer.
COLAB = {
    "keras": "3.13.2", "matplotlib": "3.10.0", "numpy": "2.1.3", "pillow": "11.3.0", "pooch": "1.9.0",
    "tensorflow": "2.20.0", "torch": "2.11.0", "tqdm": "4.67.3",
}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def python(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


# --- the package ------------------------------------------------------------------------------------------------------

def test_requirements_leave_colab_as_it_is() -> None:
    wanted = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    for requirement in map(Requirement, wanted):
        assert COLAB[requirement.name] in requirement.specifier, requirement


def test_core_imports_no_framework_and_no_numpy() -> None:
    code = "import sys; from alexbook import arithmetic, layers, networks, resources; print(*sys.modules)"
    modules = set(python("-c", code, check=True).stdout.split())
    assert modules.isdisjoint({"numpy", "torch", "tensorflow", "keras", "jax", "matplotlib", "PIL"})


def test_core_is_imported_in_50_ms(tmp_path: Path) -> None:
    """What our modules add to a bare start of Python, once their bytecode is cached as it is for every user.

    In time of the processor, and the best of many: the machine may be busy with other tests.
    """
    code = "import time; t = time.process_time(); from alexbook import arithmetic; print(time.process_time() - t)"
    cached = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    cached["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    times = [float(python("-c", code, check=True, env=cached).stdout) for _ in range(15)]
    assert list(tmp_path.rglob("arithmetic*.pyc")), "the bytecode was not cached, so its compilation was measured"
    assert min(times) < 0.050


def test_wheel_carries_the_data(tmp_path: Path) -> None:
    """Installed alone, as on Colab, the package finds its data inside itself; and data/ is there whole."""
    python("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT), check=True)
    [wheel] = tmp_path.glob("alexbook-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix("alexbook/") for name in archive.namelist()}
        archive.extractall(tmp_path / "site")
    listed = subprocess.run(["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        assert set(listed.stdout.split()) <= packed
    assert "data/README.md" in packed
    place = python("-c", "from alexbook import resources; print(resources.folder())", check=True, cwd=tmp_path,
                   env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}).stdout.strip()
    assert Path(place) == tmp_path / "site" / "alexbook" / "data"


# --- the setup cell ---------------------------------------------------------------------------------------------------

def run_setup(folder: Path, code: str = SETUP, **environment: str) -> subprocess.CompletedProcess:
    """Runs the setup cell in a folder, in a Python that has no packages installed."""
    kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
    return python("-I", "-S", "-c", code, cwd=folder, env={**kept, **environment})


def test_setup_cell_fits_on_a_screen() -> None:
    assert len(SETUP.splitlines()) <= 15
    assert max(map(len, SETUP.splitlines())) <= 79


def test_setup_cell_finds_its_clone(tmp_path: Path) -> None:
    package = tmp_path / "a clone" / "code" / "alexbook"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("place = 'clone'")
    chapters = tmp_path / "a clone" / "chapters"
    chapters.mkdir()
    assert run_setup(chapters, SETUP + "\nimport alexbook; print(alexbook.place)").stdout == "clone\n"


def test_setup_cell_says_in_a_sentence_that_there_is_no_address(tmp_path: Path) -> None:
    result = run_setup(tmp_path, SETUP.replace(ADDRESS, "https://github.com/OWNER/alexnet-layer-by-layer"))
    assert result.returncode == 1 and result.stdout == ""
    assert "ALEXBOOK_SOURCE" in result.stderr and "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("source", [None, "git+file:///somewhere"])
def test_setup_cell_installs_nothing_but_the_package(tmp_path: Path, source: str | None) -> None:
    """pip is replaced by what it would do; afterwards the package can be imported in the same process."""
    target = tmp_path / "site"
    target.mkdir()
    pip = f"""
import importlib.util, os, subprocess, sys
sys.path.append({str(target)!r})
importlib.util.find_spec("alexbook")  # now the finder has cached that there is none
def run(command, check):
    print(*command[1:])
    os.mkdir({str(target / "alexbook")!r})
    open({str(target / "alexbook" / "__init__.py")!r}, "w").close()
subprocess.run = run
"""
    code = pip + SETUP.replace(ADDRESS, "https://github.com/someone/book") + "\nimport alexbook"
    result = run_setup(tmp_path, code, **({"ALEXBOOK_SOURCE": source} if source else {}))
    wanted = source or "git+https://github.com/someone/book"
    assert (result.stdout, result.stderr) == (f"-m pip install -q --no-deps {wanted}\n", "")


# --- the address ------------------------------------------------------------------------------------------------------

def test_address_is_one_setting() -> None:
    assert f'repository = "{ADDRESS}"' in SETUP
    assert yaml.safe_load(text("CITATION.cff"))["repository-code"] == ADDRESS


def test_readme_lists_the_chapters() -> None:
    """`make address` writes the list."""
    listed = text("README.md").partition("<!-- chapters -->")[2].partition("<!-- end of chapters -->")[0]
    assert re.findall(r"\]\(chapters/([^)]+)\)", listed) == [path.name for path in CHAPTERS]
    place = ADDRESS.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{place}/blob/main/chapters/"
    assert listed.count(colab) == len(CHAPTERS)


def test_make_address_writes_every_place(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CITATION.cff", "README.md", "tools", "chapters"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path / name)
    new = "https://github.com/teacher/my.alexnet"
    python(str(tmp_path / "tools" / "address.py"), new + ".git", check=True)
    changed = [path for path in tmp_path.rglob("*") if path.is_file() and new in path.read_text(encoding="utf-8")]
    names = {path.relative_to(tmp_path).as_posix() for path in changed}
    assert {"pyproject.toml", "CITATION.cff", "tools/setup_cell.py"} <= names
    assert {path.name for path in changed if path.suffix == ".ipynb"} == {path.name for path in CHAPTERS}
    left = [p for p in changed if p.suffix != ".py" and ADDRESS in p.read_text(encoding="utf-8")]
    assert left == []
    assert "github/teacher/my.alexnet/blob" in (tmp_path / "README.md").read_text(encoding="utf-8") or not CHAPTERS


def test_make_address_refuses_what_is_no_address() -> None:
    result = python(str(ROOT / "tools" / "address.py"), "teacher/alexnet")
    assert result.returncode == 1 and "'teacher/alexnet' is not a repository's address" in result.stderr


# --- the environment --------------------------------------------------------------------------------------------------

def pinned() -> dict[str, str]:
    lines = [line for line in text("requirements/lock.txt").splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_is_good_on_any_machine() -> None:
    """Plain pins only: no builds for one machine, no GPU libraries, no addresses."""
    for name, pin in pinned().items():
        assert re.fullmatch(r"[\w.-]+", name) and re.fullmatch(r"[\d.]+(post\d+|rc\d+)?", pin), (name, pin)
        assert not re.match(r"nvidia|cuda|triton", name), name
    for line in text("requirements/book.in").splitlines():
        assert not re.match(r"\s*-|.*https?:", line), line


def test_lock_holds_every_direct_requirement() -> None:
    pins = {canonical(name): pin for name, pin in pinned().items()}
    direct = [line.partition("#")[0].strip() for line in text("requirements/book.in").splitlines()]
    package = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    for requirement in map(Requirement, [*filter(None, direct), *package]):
        assert pins[canonical(requirement.name)] in requirement.specifier, requirement


def test_jupyter_book_stays_below_2() -> None:
    assert pinned()["jupyter-book"].startswith("1."), "Jupyter Book 2 does not read _config.yml"


@pytest.mark.skipif(not (ROOT / ".venv" / "ready").exists(), reason="not the environment that `make book` makes")
def test_this_environment_is_the_lock() -> None:
    for name in ("jupyter-book", "keras", "numpy", "nbval"):
        assert version(name) == pinned()[name]


# --- the commands -----------------------------------------------------------------------------------------------------

def executable(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def find_python(folder: Path, *named: str) -> subprocess.CompletedProcess:
    command = [shutil.which("sh"), str(ROOT / "tools" / "find_python.sh"), *named]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True)


# A Python that gives itself out as another version: it is called with -c and the code that looks.
OTHER = f'shift; exec "{sys.executable}" -c "import sys; sys.version_info = ({{}}, 0); $*"'


@POSIX_ONLY
def test_first_fit_python_is_taken(tmp_path: Path) -> None:
    executable(tmp_path / "python3", OTHER.format("3, 14"))
    executable(tmp_path / "python3.12", OTHER.format("3, 12"))
    assert find_python(tmp_path).stdout == "python3.12\n"
    assert find_python(tmp_path, "python3.12").stdout == "python3.12\n"
    executable(tmp_path / "python3", OTHER.format("3, 11"))
    assert find_python(tmp_path).stdout == "python3\n"


@POSIX_ONLY
@pytest.mark.parametrize("named", [[], ["python3"], ["python3.13"]])
def test_missing_or_old_python_is_said_in_a_sentence(tmp_path: Path, named: list[str]) -> None:
    executable(tmp_path / "python3", OTHER.format("3, 10"))
    result = find_python(tmp_path, *named)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("The book needs Python 3.11, 3.12 or 3.13") and result.stderr.count("\n") == 1


@POSIX_ONLY
def test_make_help_lists_every_command() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE).group(1).split()
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == targets


def test_readme_gives_the_two_commands() -> None:
    assert "make book" in text("README.md") and "make test" in text("README.md")


def test_readme_picture_is_drawn_from_the_data() -> None:
    """`make picture` draws it again after the networks have changed."""
    code = f"import sys; sys.path.append({str(ROOT / 'tools')!r}); import picture; print(picture.picture(), end='')"
    drawn = python("-X", "utf8", "-c", code, check=True).stdout
    assert drawn == text("_static/networks.svg")
