"""The project around the book: one address, one lock, a package that disturbs nothing, commands that explain."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import draw
import lock
import pytest
import yaml
from alexbook.figures import palette
from packaging.requirements import Requirement
from repository import CHAPTERS, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = PROJECT["urls"]["Repository"]
SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="the Makefile is for POSIX systems")

# What Colab's runtime of August 2026 ships; installing alexbook there must ask for nothing newer.
COLAB = {
    "filelock": "3.12.4",  # in October 2023; what is there now is newer
    "keras": "3.13.2", "matplotlib": "3.10.0", "numpy": "2.1.3", "pillow": "11.3.0", "pooch": "1.9.0",
    "safetensors": "0.8.0", "scipy": "1.16.3", "tensorflow": "2.20.0", "torch": "2.11.0", "tqdm": "4.67.3",
}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def python(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


# --- the package ------------------------------------------------------------------------------------------------------

def test_requirements_leave_colab_as_it_is() -> None:
    frameworks = {name: extra for name, extra in PROJECT["optional-dependencies"].items() if name != "export"}
    wanted = [*PROJECT["dependencies"], *(r for extra in frameworks.values() for r in extra)]
    for requirement in map(Requirement, wanted):
        assert COLAB[requirement.name] in requirement.specifier, requirement


def test_core_imports_no_framework_and_no_numpy() -> None:
    code = "import sys; from alexbook import arithmetic, layers, networks, package_data; print(*sys.modules)"
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
    cached = list(tmp_path.rglob("arithmetic/__init__*.pyc"))
    assert cached, "the bytecode was not cached, so its compilation was measured"
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
    place = python("-c", "from alexbook import package_data; print(package_data.folder())", check=True, cwd=tmp_path,
                   env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}).stdout.strip()
    assert Path(place) == tmp_path / "site" / "alexbook" / "data"


# --- the setup cell ---------------------------------------------------------------------------------------------------

def run_setup(folder: Path, code: str = SETUP, **environment: str) -> subprocess.CompletedProcess:
    """Runs the setup cell in a folder, in a Python that has no packages installed."""
    kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
    return python("-I", "-S", "-c", code, cwd=folder, env={**kept, **environment})


def test_setup_cell_is_six_lines_that_a_student_can_read() -> None:
    assert len(SETUP.splitlines()) <= 6
    assert max(map(len, SETUP.splitlines())) <= 79


@pytest.mark.parametrize("folder", ["chapters", "assignments/release/lenet"])
def test_setup_cell_finds_its_clone(folder: str, tmp_path: Path) -> None:
    package = tmp_path / "a clone" / "code" / "alexbook"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("place = 'clone'")
    (tmp_path / "a clone" / folder).mkdir(parents=True)
    assert run_setup(tmp_path / "a clone" / folder, SETUP + "\nprint(alexbook.place)").stdout == "clone\n"


@pytest.mark.parametrize("source", [None, "git+file:///somewhere"])
def test_setup_cell_installs_nothing_but_the_package(tmp_path: Path, source: str | None) -> None:
    """pip is replaced by what it would do; afterwards the package can be imported in the same process."""
    target = tmp_path / "site"
    target.mkdir()
    pip = f"""
import importlib.util, os, sys, time
sys.path.append({str(target)!r})
importlib.util.find_spec("alexbook")  # now the finder has cached that there is none
time.sleep(0.05)
def system(command):
    print(command)
    os.mkdir({str(target / "alexbook")!r})
    open({str(target / "alexbook" / "__init__.py")!r}, "w").close()
os.system = system
"""
    code = pip + SETUP.replace(ADDRESS, "https://github.com/someone/book")
    result = run_setup(tmp_path, code, **({"ALEXBOOK_SOURCE": source} if source else {}))
    wanted = source or "git+https://github.com/someone/book"
    assert (result.stdout, result.stderr) == (f"pip install -q --no-deps {wanted}\n", "")


def test_importing_the_package_keeps_tensorflow_quiet() -> None:
    """The set-up cell imports it before any framework; what a reader has set stays."""
    code = "import os, alexbook; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    assert python("-c", code, check=True, env=kept).stdout == "3\n"
    assert python("-c", code, check=True, env=kept | {"TF_CPP_MIN_LOG_LEVEL": "0"}).stdout == "0\n"


# --- the address ------------------------------------------------------------------------------------------------------

def test_address_is_one_setting() -> None:
    assert f'"git+{ADDRESS}"' in SETUP
    assert yaml.safe_load(text("CITATION.cff"))["repository-code"] == ADDRESS


def test_readme_lists_the_chapters() -> None:
    """`make address` writes the list."""
    listed = text("README.md").partition("<!-- chapters -->")[2].partition("<!-- end of chapters -->")[0]
    assert re.findall(r"\]\(chapters/([^)]+)\)", listed) == [path.name for path in CHAPTERS]
    place = ADDRESS.removeprefix("https://github.com/")
    branch = tomllib.loads(text("pyproject.toml"))["tool"]["alexbook"]["branch"]
    colab = f"https://colab.research.google.com/github/{place}/blob/{branch}/chapters/"
    assert listed.count(colab) == len(CHAPTERS)


def test_make_address_writes_every_place(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CITATION.cff", "README.md", "_ext", "tools", "chapters"):
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


@pytest.mark.parametrize("words, said", [
    (["teacher/alexnet"], "'teacher/alexnet' is not a repository's address"),
    (["--branch", "a branch"], "'a branch' is not a branch's name"),
])
def test_make_address_refuses_what_is_none(words: list[str], said: str) -> None:
    result = python(str(ROOT / "tools" / "address.py"), *words)
    assert result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("address, branch, colab", [
    ("https://github.com/teacher/book", "master", "github/teacher/book/blob/master/chapters/"),
    ("https://gitlab.com/teacher/book", "trunk", None),
])
def test_another_branch_and_another_host(tmp_path: Path, address: str, branch: str, colab: str | None) -> None:
    """Colab opens what is on GitHub alone; the branch is written once."""
    for name in ("pyproject.toml", "CITATION.cff", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("_ext", "tools", "chapters"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    python(str(tmp_path / "tools" / "address.py"), address, "--branch", branch, check=True)
    listed = (tmp_path / "README.md").read_text(encoding="utf-8").partition("<!-- chapters -->")[2]
    assert listed.count(colab) == len(CHAPTERS) if colab else "colab" not in listed
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["alexbook"]["branch"] == branch


# --- a stray notebook -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["Untitled.ipynb", "05-from-lenet-Copy1.ipynb", "07 mine.ipynb", "5-x.ipynb"])
def test_a_notebook_that_is_no_chapter_is_named(tmp_path: Path, name: str) -> None:
    for folder in ("tools", "chapters"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    tool = str(tmp_path / "tools" / "check_chapters.py")
    assert python(tool).returncode == 0
    (tmp_path / "chapters" / name).write_text("{}")
    result = python(tool)
    assert result.returncode == 1 and result.stdout == "" and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"chapters/{name} is no chapter")


# --- the environment --------------------------------------------------------------------------------------------------

def pinned() -> dict[str, str]:
    lines = [line for line in text("requirements/lock.txt").splitlines() if line and not line.startswith("#")]
    return dict(line.partition(";")[0].strip().split("==") for line in lines)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_is_good_on_any_machine() -> None:
    """Plain pins only: no builds for one machine, no GPU libraries, no addresses."""
    for name, pin in pinned().items():
        assert re.fullmatch(r"[\w.-]+", name) and re.fullmatch(r"[\d.]+(post\d+|rc\d+)?", pin), (name, pin)
        assert not re.match(r"nvidia|cuda", name), name
    for line in text("requirements/book.in").splitlines():
        assert not re.match(r"\s*-|.*https?:", line), line


def test_environment_has_triton_where_torch_brings_it() -> None:
    """PyTorch's CUDA build asks for it on Linux; a CPU build does not, and would hide what goes wrong with it."""
    condition = '; sys_platform == "linux" and platform_machine == "x86_64"'
    assert f"triton=={pinned()['triton']}{condition}" in text("requirements/lock.txt").splitlines()
    if sys.platform == "linux" and platform.machine() == "x86_64":
        assert version("triton") == pinned()["triton"]


def test_lock_keeps_conditions() -> None:
    """Wherever it is made: on a machine that meets them, and on one that does not."""
    direct = 'torch==2.13.0  # any build\ntriton==3.7.1; sys_platform == "linux"  # why\n'
    wanted = ["numpy==2.0", "torch==2.13.0", 'triton==3.7.1; sys_platform == "linux"', "zipp==1"]
    frozen = "numpy==2.0\nnvidia-cublas==1\ntorch==2.13.0+cpu\nzipp==1\n"
    assert lock.pins(frozen, direct) == lock.pins(frozen + "triton==3.7.1\n", direct) == wanted


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
    executable(tmp_path / "python3", OTHER.format("3, 11, 3"))
    assert find_python(tmp_path).stdout == "python3.12\n"
    executable(tmp_path / "python3", OTHER.format("3, 11, 4"))
    assert find_python(tmp_path).stdout == "python3\n"


@POSIX_ONLY
@pytest.mark.parametrize(("named", "words"), [
    ([], "none here is that (python3 3.10.0 is too old; python3.13 3.14.0 is too new"), (["nonesuch"], "not that:"),
    (["python3"], "python3 is not that (python3 3.10.0 is too old)"),
    (["python3.13"], "python3.13 3.14.0 is too new (TensorFlow")])
def test_missing_old_and_new_python_is_said_in_a_sentence(tmp_path: Path, named: list[str], words: str) -> None:
    executable(tmp_path / "python3", OTHER.format("3, 10"))
    executable(tmp_path / "python3.13", OTHER.format("3, 14"))
    result = find_python(tmp_path, *named)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("The book needs Python 3.11.4 to 3.13") and result.stderr.count("\n") == 1
    assert words in result.stderr


@POSIX_ONLY
def test_make_help_lists_every_command() -> None:
    targets = " ".join(re.findall(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)).split()
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == targets


def test_readme_gives_the_two_commands() -> None:
    assert "make book" in text("README.md") and "make test" in text("README.md")


def test_pictures_and_colors_are_those_of_the_data() -> None:
    """`make picture` writes them again after the networks or the palette have changed."""
    for name, drawn in draw.texts().items():
        assert drawn == text(f"_static/{name}"), name


def test_colors_are_typed_once() -> None:
    """In the palette; the files that are drawn with it carry them, and so do stored outputs."""
    typed = re.compile("|".join({*palette.COLORS.values(), *palette.LIGHT.values(), *palette.DARK.values()}
                                - {"#FFFFFF"}), re.IGNORECASE)
    files = [path for folder in ("code", "_ext", "_static", "tools") for path in (ROOT / folder).rglob("*")
             if path.suffix in {".py", ".css", ".js"} and path.name != "palette.py"]
    assert len(files) > 80
    for path in files:
        written = draw.BLOCK.sub("", path.read_text(encoding="utf-8"))
        assert typed.findall(written) == [], path


def test_authors_are_those_of_the_setting() -> None:
    [author] = [one["name"] for one in PROJECT["authors"]]
    assert f"author: {author}\n" in text("_config.yml") and f"- name: {author}\n" in text("CITATION.cff")
    assert author in text("LICENSE")
