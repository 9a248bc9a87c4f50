"""A folder graded from end to end: tampered notebooks, grades by hand, kills at any moment, isolation or a refusal."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import grading_cases as cases
import pytest
from alexgrader import results, sandbox
from alexgrader.proxies import Function, NotPlainValue, Unreadable, proxy
from grading_cases import FULL, NONE, RIGHT, TESTS, cell, layers, needs_isolation, notebook, released, submission
from test_grading_misbehaving import READER, SOCKET, WRITER

pytestmark = cases.unix
QUICK = ("--cell-seconds", "10", "--total-seconds", "60")
TOTAL = 59  # seconds for a submission in the test that kills; no other test uses this number
EDITED = {**released(), "output-size": "pass", "total": "total = lambda values: 0", "side": "assert True"}


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Waits until something is true; fails where that takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def text(cells: list[dict]) -> str:
    return json.dumps(notebook(cells))


def stripped() -> str:
    """A submission whose cells have lost their metadata, as some editors leave them."""
    return text([cell("", c["source"], c["cell_type"]) for c in layers(tests=released())])


TAMPERED: dict[str, tuple[str, dict[str, str]]] = {
    "right.ipynb": (submission(), FULL),
    "edited-tests.ipynb": (text(layers(tests=EDITED)), FULL),
    "edited-tests-wrong.ipynb": (text(layers({**RIGHT, "side-answer": "side = 54"}, EDITED)), {**FULL, "side": "0"}),
    "no-tests.ipynb": (text(layers(tests={})), FULL),
    "no-answer.ipynb": (submission(total=None), {**FULL, "total": "0"}),
    "no-text.ipynb": (submission(why=None), {**FULL, "why": "0"}),
    "extra.ipynb": (text([*layers(tests=released())[:3], cell("", "def helper(values): return sum(values)"),
                          *layers({**RIGHT, "total-answer": "total = helper"}, released())[3:]]), FULL),
    "stripped-layers.ipynb": (stripped(), FULL),
    "setup.ipynb": (submission().replace('"import math"', '"math = 3"'), FULL),
    "fails.ipynb": (submission(total="1 / 0\n" + RIGHT["total-answer"]), {**FULL, "total": "0"}),
    "nonsense.ipynb": (submission(total="def total(:"), {**FULL, "total": "0"}),
    "magic.ipynb": (submission(total="%matplotlib inline\n!true\nimport numpy\ntotal = numpy.sum"), FULL),
    "arrays.ipynb": (submission(side="import numpy as np\nside = np.int64(55)"), FULL),
    "unknown-function.ipynb": (submission(total="def total(values): raise KeyError('x')"), {**FULL, "total": "0"}),
    "unwritten.ipynb": (submission(total="def total(values):\n    # YOUR CODE HERE\n    raise NotImplementedError()"),
                        {**FULL, "total": "0"}),
    "module.ipynb": (submission(total="%%writefile mine.py\ndef total(values): return sum(values)",
                                side="from mine import total\nside = 55"), {**FULL, "total": "0"}),
    "formula.ipynb": (submission(), FULL),
    "=1+1.ipynb": (submission(), FULL),
}


@needs_isolation
def test_tampered_notebooks_are_graded_by_the_sources_tests(tmp_path: Path) -> None:
    course = cases.course(tmp_path)
    for name, (content, _) in TAMPERED.items():
        course.hand_in(name, content)
    course.hand_in("broken.ipynb", "{")
    graded = course.grade(*QUICK)
    assert graded.status == 0
    rows = {results.unguarded(file): row for file, row in graded.rows.items()}
    points = {file: {name: row[name] for name in cases.POINTS} for file, row in rows.items()}
    assert points == {name: expected for name, (_, expected) in TAMPERED.items()} | {
        "broken.ipynb": dict.fromkeys(cases.POINTS, "")}
    assert list(rows["right.ipynb"]) == ["student", "assignment", *cases.POINTS, "points", "of", "status", "file"]
    assert (rows["right.ipynb"]["points"], rows["right.ipynb"]["of"]) == ("6", "10")
    assert "not JSON" in rows["broken.ipynb"]["status"]
    assert "'=1+1" in {row["student"] for row in graded.rows.values()}, "no cell of a table is a formula"
    assert "the answer&#x27;s cell (total-answer) was deleted" in graded.feedback("no-answer.ipynb")
    assert "total ended in KeyError" in graded.feedback("unknown-function.ipynb")
    assert "This cell ends in ZeroDivisionError" in graded.feedback("fails.ipynb")
    assert "total is not written yet" in graded.feedback("unwritten.ipynb")


@needs_isolation
def test_an_answer_in_words_that_was_left_blank_is_not_to_be_read(tmp_path: Path) -> None:
    """Unless something of the student's stands beside it, which may be the answer."""
    course, blank = cases.course(tmp_path), layers({**RIGHT, "why": "YOUR ANSWER HERE\n"}, released())
    own, given = cell("", "Because of the stride.", "markdown"), cell("", "Text.", "markdown")
    course.hand_in("blank.ipynb", text([*blank[:-1], given, blank[-1], cell("", "")]))
    course.hand_in("before.ipynb", text([*blank[:-1], own, blank[-1]]))
    course.hand_in("after.ipynb", text([*blank, own]))
    graded = course.grade(*QUICK)
    assert {file: row["why"] for file, row in graded.rows.items()} == {
        "blank.ipynb": "0", "before.ipynb": "", "after.ipynb": ""}
    assert graded.rows["blank.ipynb"]["status"] == "graded" and "2 answers to grade by hand" in graded.said
    assert "Nothing was written here." in graded.feedback("blank.ipynb")


@needs_isolation
def test_hidden_tests_are_not_shown(tmp_path: Path) -> None:
    course = cases.course(tmp_path)
    course.hand_in("doe.ipynb", submission(output_size="def output_size(*a): return 3", total=None, side="side = 1"))
    page = course.grade(*QUICK).feedback("doe.ipynb")
    assert "secret_expected" not in page and "BEGIN HIDDEN" not in page and "side == " not in page
    assert "output_size is wrong for other sides." in page


@needs_isolation
def test_points_by_hand_are_kept_and_only_what_is_new_is_graded(tmp_path: Path) -> None:
    course = cases.course(tmp_path)
    course.hand_in("doe.ipynb", submission())
    course.hand_in("roe.ipynb", submission(side="side = 54"))
    first = course.grade(*QUICK)
    manual = first.folder / "manual.csv"
    assert manual.read_text(encoding="utf-8") == ("\ufeffstudent,assignment,question,of,points,comment\n"
                                  "doe,layers,why,4,,\nroe,layers,why,4,,\n")
    assert first.rows["doe.ipynb"]["status"] == "graded, to grade by hand" and first.rows["doe.ipynb"]["why"] == ""
    assert "2 answers to grade by hand" in first.said
    # As a spreadsheet in Germany writes it; the second row overrules a test.
    manual.write_text("student;assignment;question;of;points;comment\ndoe;layers;why;4;3,5;Good <b>start</b>.\n"
                      "roe;layers;side;1;0,5;Nearly.\nroe;layers;why;4;17;\n", encoding="utf-8-sig")
    before = {path: path.stat().st_mtime_ns for path in (first.folder / "results").iterdir()}
    course.hand_in("new.ipynb", submission(why="new"))
    second = course.grade(*QUICK)
    assert second.rows["doe.ipynb"]["why"] == "3.5" and second.rows["doe.ipynb"]["points"] == "9.5"
    assert second.rows["doe.ipynb"]["status"] == "graded" and second.rows["roe.ipynb"]["side"] == "0.5"
    assert second.rows["roe.ipynb"]["why"] == "" and "line 4: 17 is not between 0 and 4 points" in second.said
    assert "Good &lt;b&gt;start&lt;/b&gt;." in second.feedback("doe.ipynb")
    after = {path: path.stat().st_mtime_ns for path in (first.folder / "results").iterdir()}
    assert before.items() <= after.items() and len(after) == 3
    rows, _, _ = results.read_by_hand(manual)
    assert rows[("doe", "layers", "why")] == results.ByHand(3.5, "Good <b>start</b>.")
    assert ("new", "layers", "why") in rows, "what is new joins what is there"
    assert course.grade(*QUICK).rows == second.rows
    source = course.sources / "layers" / "layers.ipynb"
    source.write_text(source.read_text().replace("side == 55", "side == 54"))
    third = course.grade(*QUICK)
    assert (third.rows["doe.ipynb"]["side"], third.rows["doe.ipynb"]["why"]) == ("0", "3.5"), "a corrected test counts"


@needs_isolation
def test_killed_at_any_moment_nothing_finished_is_lost(tmp_path: Path) -> None:
    course, met = cases.course(tmp_path), 0
    for i in range(5):
        course.hand_in(f"s{i}.ipynb", submission(side=f"side = {53 + i}", total=f"total = sum # {i}"))
    folder = course.incoming.with_name("in-graded")
    finished: dict[Path, bytes] = {}
    nothing, command = subprocess.DEVNULL, course.command("--total-seconds", str(TOTAL))
    stored = lambda: len(list((folder / "results").glob("*.json")))  # noqa: E731
    moments = [lambda: time.sleep(0.3) is None, lambda: (folder / "results").exists(), lambda: cases.sandboxes(TOTAL),
               lambda: stored() >= 1, lambda: stored() >= 2, lambda: stored() >= 3 and cases.sandboxes(TOTAL),
               lambda: stored() == 5]
    for moment in moments:
        process = subprocess.Popen(command, env=cases.environment(), stdout=nothing, stderr=nothing)
        until(moment)
        left_running = len(cases.sandboxes(TOTAL))
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: not cases.sandboxes(TOTAL))  # a grader and its sandbox end with the one that started them
        met += left_running
        for path in (folder / "results").glob("*.json"):
            content = path.read_bytes()
            assert json.loads(content)["status"] == "graded"
            assert finished.setdefault(path, content) == content
        if (folder / "grades.csv").exists():
            assert len(list(csv.DictReader((folder / "grades.csv").open()))) == 5
    assert met > 0, "sandboxes were at work when the grader was killed"
    graded = course.grade("--total-seconds", str(TOTAL))
    assert {file: row["side"] for file, row in graded.rows.items()} == {f"s{i}.ipynb": "1" if i == 2 else "0"
                                                                        for i in range(5)}
    assert all(path.read_bytes() == content for path, content in finished.items()), "nothing is done twice"
    assert not list(folder.rglob("*.part"))


def test_a_file_is_whole_whenever_its_writer_is_killed(tmp_path: Path) -> None:
    code = ("import sys\nfrom pathlib import Path\nfrom alexgrader.results import write\nn = 0\nwhile True:\n"
            "    n += 1\n    write(Path(sys.argv[1]), {'n': n, 'pad': str(n % 10) * 300_000})\n")
    path, seen = tmp_path / "result.json", set()
    for after in (0, 0.01, 0.02, 0.05, 0.1, 0.2):
        before = path.stat().st_mtime_ns if path.exists() else 0
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], env=cases.environment())
        until(lambda before=before: path.exists() and path.stat().st_mtime_ns != before)
        time.sleep(after)
        process.kill()
        process.wait()
        content = json.loads(path.read_bytes())
        assert content["pad"] == str(content["n"] % 10) * 300_000
        seen.add(content["n"])
    assert len(seen) > 1, "the writer was killed at different moments"


def test_two_gradings_of_one_folder_do_not_meet(tmp_path: Path) -> None:
    with results.lock(tmp_path), pytest.raises(results.Locked, match="another grading"), results.lock(tmp_path):
        pass
    with results.lock(tmp_path):
        pass


# ----------------------------------------------------------------------------------------------------------- isolation


def without_bubblewrap(course: cases.Course, home: Path, *options: str) -> tuple[int, str]:
    """The grader on a machine that has no bubblewrap: nothing is on its path."""
    (home / "empty").mkdir(exist_ok=True)
    run = subprocess.run(course.command(*QUICK, *options), env={**cases.environment(), "PATH": str(home / "empty")},
                         capture_output=True, text=True, timeout=120, check=False)
    return run.returncode, run.stdout + run.stderr


def test_without_isolation_it_refuses_in_one_sentence(tmp_path: Path) -> None:
    course = cases.course(tmp_path)
    course.hand_in("doe.ipynb", submission())
    status, said = without_bubblewrap(course, tmp_path)
    assert status == 2 and len(said.strip().splitlines()) == 1
    if sys.platform == "linux":
        assert "sudo apt install bubblewrap" in said and "UNSAFE=1" in said
    assert not (tmp_path / "in-graded").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux only")
def test_unsafe_grades_and_says_so(tmp_path: Path) -> None:
    """The control for the tests of isolation: without it the same submissions do get at everything."""
    import socket

    course = cases.course(tmp_path)
    (tmp_path / "gradebook").write_text("out of reach")
    course.hand_in("doe.ipynb", submission(total=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        places = {"home": str(tmp_path), "outside": str(tmp_path / "planted"), "host": "127.0.0.1", "unix": "/nowhere",
                  "port": str(listener.getsockname()[1]), "prefix": sys.prefix, "base": sys.base_prefix,
                  "root": str(tmp_path)}
        for name, code in {"reader": READER.replace("('/', ", "("), "socket": SOCKET, "writer": WRITER}.items():
            for key, value in places.items():
                code = code.replace(f"{{{key}}}", value)
            course.hand_in(f"{name}.ipynb", submission(total=code.replace("/usr/", "/nowhere/").replace(
                "'/planted', '/dev/planted',", "").replace("/etc/planted", "/nowhere/planted").replace(
                f"{sys.prefix}/planted", "/nowhere/planted")))
        status, said = without_bubblewrap(course, tmp_path, "--unsafe")
    assert status == 0 and "WITHOUT ISOLATION" in said
    with (tmp_path / "in-graded" / "grades.csv").open() as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert [rows["doe.ipynb"][name] for name in FULL] == ["2", "0", "1", ""]
    outputs = {}
    for path in (tmp_path / "in-graded" / "results").iterdir():
        result = json.loads(path.read_text())
        outputs[result["file"]] = "".join(c["output"] for c in result["cells"])
    assert str(tmp_path / "gradebook") in outputs["reader.ipynb"] and "layers.ipynb" in outputs["reader.ipynb"]
    assert "127.0.0.1" in outputs["socket.ipynb"].split("REACHED")[1]
    assert (tmp_path / "planted").read_text() == "planted"


@pytest.mark.parametrize(("knob", "said", "advice"), [
    (None, "Creating new namespace failed: Operation not permitted", "a container has to allow user namespaces"),
    (None, "Can't find source path /x: No such file or directory", ""),
    ("0\n", "Can't find source path /x: No such file or directory", ""),
    ("1\n", "loopback: Failed RTM_NEWADDR: Operation not permitted", "sudo sysctl -w kernel.apparmor"),
])
def test_a_bubblewrap_that_does_not_start_is_blamed_on_what_it_says(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knob: str | None, said: str, advice: str) -> None:
    if knob:
        (tmp_path / "knob").write_text(knob)
    monkeypatch.setattr(sandbox, "KNOB", tmp_path / "knob")
    assert advice in sandbox._mend(said) and bool(advice) == bool(sandbox._mend(said))


@needs_isolation
def test_a_clone_below_tmp_grades_too(tmp_path: Path) -> None:
    """There the sandbox has a folder of its own, on which the package and the worker have to lie."""
    course = cases.course(tmp_path)
    course.hand_in("doe.ipynb", submission(total="import alexbook, os\nprint(alexbook.clone, os.listdir('/tmp'))"))
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        clone = Path(folder) / "clone"
        shutil.copytree(cases.ROOT / "grader" / "alexgrader", clone / "grader" / "alexgrader")
        (clone / "code" / "alexbook").mkdir(parents=True)
        (clone / "code" / "alexbook" / "__init__.py").write_text("clone = 'the clone'")
        shutil.copy(cases.ROOT / "code" / "alexbook" / "_files.py", clone / "code" / "alexbook")
        environment = {**os.environ, "PYTHONPATH": str(clone / "grader")}
        run = subprocess.run(course.command(*QUICK), env=environment, capture_output=True, text=True, timeout=120,
                             check=False)
    assert run.returncode == 0, run.stderr
    with (tmp_path / "in-graded" / "grades.csv").open() as file:
        row, = csv.DictReader(file)
    assert {name: row[name] for name in FULL} == {**FULL, "total": "0"}
    result, = (json.loads(path.read_text()) for path in (tmp_path / "in-graded" / "results").iterdir())
    assert f"the clone ['{Path(folder).name}']" in result["cells"][1]["output"], "nothing else of /tmp is seen"


@needs_isolation
def test_what_the_machine_did_wrong_is_no_ones_zero(tmp_path: Path) -> None:
    """A bubblewrap that starts once, for the first look, and then no more."""
    course = cases.course(tmp_path)
    course.hand_in("doe.ipynb", submission())
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "bwrap"
    once = tmp_path / "once"
    fake.write_text(f"#!/bin/sh\n[ $1 = --help ] && exit 0\n"
                    f"[ -e {once} ] && echo no more room >&2 && exit 1\ntouch {once}\n")
    fake.chmod(0o755)
    subprocess.run(course.command(*QUICK), env={**cases.environment(), "PATH": f"{fake.parent}:{os.environ['PATH']}"},
                   capture_output=True, timeout=120, check=True)
    with (tmp_path / "in-graded" / "grades.csv").open() as file:
        row, = csv.DictReader(file)
    assert row["status"].startswith("not graded, run it again") and "no more room" in row["status"]
    assert row["points"] == row["side"] == ""
    assert course.grade(*QUICK).points("doe.ipynb") == FULL


@needs_isolation
def test_what_can_be_seen_and_done_inside() -> None:
    data = cases.ROOT / "data"
    limits = sandbox.Limits(cell=20, disk=8 << 20, processes=24)
    with sandbox.Sandbox(limits, secret=(data / "runs",)) as inside:
        def says(code: str) -> str:
            ran = inside.run(code)
            return ran["output"].strip() if ran["error"] is None else ran["error"]["type"]

        says("import os")
        grading = str(cases.ROOT / "grader" / "alexgrader")
        assert says(f"print(sorted(os.listdir({grading!r})))") == "['serialization.py', 'worker.py']"
        assert set(eval(says(f"print(os.listdir({str(cases.ROOT)!r}))"))) <= {"code", "data", "grader", ".venv"}
        assert (data / "runs").is_dir() and says(f"print(os.listdir({str(data / 'runs')!r}))") == "[]"
        assert says(f"open({str(data / 'runs' / 'x')!r}, 'w')") == "OSError"
        assert says("import alexbook.networks; print(os.getcwd(), os.listdir())").startswith("/room")
        assert says("print(os.getuid(), os.getgid(), os.getgroups() in ([], [65534]))") == "65534 65534 True"
        assert says("print([name for _, name in __import__('socket').if_nameindex()])") == "['lo']"
        assert says("os.setuid(0)") in ("OSError", "PermissionError")
        assert says("print(os.system('unshare -Ur true'))") != "0"
        assert says("print({'SSH_AUTH_SOCK', 'PYTHONPATH', 'GITHUB_TOKEN'} & set(os.environ))") == "set()"
        assert says("print(len([p for p in os.listdir('/proc') if p.isdigit()]) < 5)") == "True"
        assert says("import resource; resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))") == "ValueError"
        assert says("open('/room/a', 'wb').write(bytes(9 << 20))") == "OSError"
        says("import time\ndef started(count=0):\n    try:\n        while os.fork():\n            count += 1\n"
             "        time.sleep(60)\n    except OSError:\n        return count")
        assert 10 < int(says("print(started())")) < 24, "a fork bomb has an end"


@needs_isolation
def test_a_value_of_many_megabytes_comes_back_and_one_of_more_does_not() -> None:
    import numpy as np

    with sandbox.Sandbox(sandbox.Limits(cell=60)) as inside:
        inside.run("import numpy as np\ndef twice(x): return np.concatenate([x, x])\ndef big(n): return 'x' * n")
        array = np.random.default_rng().normal(size=1_000_000)
        assert (Function(inside, "twice")(array) == np.concatenate([array, array])).all()
        with pytest.raises(NotPlainValue, match="larger than 32 MB"):
            Function(inside, "big")(40_000_000)
        assert inside.get("twice") == {"id": 5, "kind": "function"}, "only that one answer is lost"


@needs_isolation
@pytest.mark.parametrize("value, what", [
    ("10**5000", "an integer of more than 4,000 digits"), ("[{2: -10**6000}]", "an integer of more than 4,000 digits"),
    ("np.zeros(9_000_000)", "an array larger than 32 MB"), ("'x' * 40_000_000", "larger than 32 MB"),
    ("[b'x' * 9_000_000] * 3", "larger than 32 MB"), ("[[]] * 3_000_000", "made of more than 2,000,000 lists"),
])
def test_an_answer_that_cannot_be_sent_costs_itself_alone(value: str, what: str) -> None:
    with sandbox.Sandbox(sandbox.Limits(cell=60)) as inside:
        inside.run(f"import numpy as np\nvalue = {value}\ndef given(): return value\nside = 55")
        assert what in inside.get("value")["what"]
        with pytest.raises(NotPlainValue, match=what):
            Function(inside, "given")()
        assert proxy(inside, "side") == (True, 55)


@needs_isolation
def test_a_value_that_takes_for_ever_to_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers with one hash make a set of a million of them take minutes, outside the sandbox."""
    monkeypatch.setattr("alexgrader.proxies.READING", 0.5)
    with sandbox.Sandbox(sandbox.Limits(cell=60)) as inside:
        inside.run("import sys\nsys.modules['serialization'].encode = "
                   "lambda v, depth=0: {'set': [i * (2 ** 61 - 1) for i in range(10 ** 5)]}\nvalue = 5")
        start = time.perf_counter()
        there, value = proxy(inside, "value")
        assert there and isinstance(value, Unreadable) and time.perf_counter() - start < 5
        with pytest.raises(NotPlainValue, match="could not be read as plain data"):
            value == 5  # noqa: B015 (a test of an answer)


@needs_isolation
def test_the_first_process_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the instructor's variables, in any process, nor a way into its memory."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_" + "mine")
    with sandbox.Sandbox(sandbox.Limits(cell=20)) as inside:
        def says(code: str) -> str:
            ran = inside.run(code)
            return ran["output"].strip() if ran["error"] is None else ran["error"]["type"]

        says("import ctypes, glob, os")
        for file in ("environ", "mem", "maps"):
            assert says(f"open('/proc/1/{file}', 'rb').read(1)") == "PermissionError"
        says("def holds(file):\n    try:\n        return b'ghp_' + b'mine' in open(file, 'rb').read()\n"
             "    except OSError:\n        return False")
        assert says("print([f for f in glob.glob('/proc/[0-9]*/environ') if holds(f)])") == "[]"
        assert says("print(ctypes.CDLL(None).ptrace(16, 1, 0, 0))") == "-1", "PTRACE_ATTACH"
        assert says("print(os.getpid() != 1, os.getppid())") == "True 1"
        assert says("os.kill(1, 9); print('still here')") in ("still here", "PermissionError")
        says("import subprocess")
        assert says("print({subprocess.run('exit 3', shell=True).returncode for _ in range(9)})") == "{3}"


STUBBORN = "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nos.fork()\nwhile True: pass"
STARTS = """import sys
from alexgrader.sandbox import Limits, Sandbox
with Sandbox(Limits(cell=90, total=331), unsafe=sys.argv[1] == "unsafe") as inside:
    print("ready", flush=True)
    inside.run(sys.argv[2])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux only")
@pytest.mark.parametrize("way", [pytest.param("isolated", marks=needs_isolation), "unsafe"])
def test_a_grader_that_is_killed_leaves_nothing_running(way: str) -> None:
    """Whoever started it, root too; the cell that runs holds its ears shut."""
    grader = subprocess.Popen([sys.executable, "-c", STARTS, way, STUBBORN], env=cases.environment(),
                              stdout=subprocess.PIPE, text=True)
    assert grader.stdout.readline() == "ready\n"
    time.sleep(0.5)
    assert cases.sandboxes(331) != []
    grader.kill()
    grader.wait()
    until(lambda: not cases.sandboxes(331), 10)


CALLS = """import ctypes, errno, os, mmap
libc = ctypes.CDLL(None, use_errno=True)
def refused(result): return result == -1 and ctypes.get_errno() == errno.ENOSYS
found = [refused(libc.shmget(0, 1 << 20, 0o1600)), refused(libc.ptrace(16, 1, 0, 0))]
try:
    os.memfd_create('hidden')
except OSError as error:
    found.append(error.errno == errno.ENOSYS)
print(found, len(mmap.mmap(-1, 1 << 20)))
"""


@pytest.mark.skipif(not sandbox.system_calls(), reason="the numbers of this machine's system calls are not known")
@needs_isolation
def test_memory_of_no_process_and_tracing_are_refused() -> None:
    with sandbox.Sandbox(sandbox.Limits(cell=20)) as inside:
        assert inside.run(CALLS) == {"output": "[True, True, True] 1048576\n", "error": None}


def test_without_isolation_too_nothing_of_the_instructors_environment_is_there(monkeypatch) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "out of sight")
    monkeypatch.setenv("MPLBACKEND", "of the instructor")
    with sandbox.Sandbox(sandbox.Limits(cell=20), unsafe=True) as inside:
        assert inside.run("import os\nprint('COURSE_TOKEN' in os.environ, os.environ['MPLBACKEND'])")["output"] == \
            "False agg\n"


def test_the_grader_unpacks_no_more_than_a_submission_may_hold() -> None:
    code = ("from alexgrader.grade_one import bound_memory\nbound_memory(300 << 20)\n"
            "try:\n    bytearray(400 << 20)\nexcept MemoryError:\n    print('bounded')\n")
    run = subprocess.run([sys.executable, "-c", code], env=cases.environment(), capture_output=True, text=True,
                         check=True)
    assert run.stdout == "bounded\n"


@needs_isolation
def test_a_notebook_with_both_frameworks_does_not_crash() -> None:
    """TensorFlow's library loaded before triton's ends the process as soon as PyTorch's optimizer loads that."""
    pytest.importorskip("triton")
    with sandbox.Sandbox(sandbox.Limits(cell=60)) as inside:
        ran = inside.run("import tensorflow, torch\n"
                         "torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1)\nprint('fine')")
    assert ran == {"output": "fine\n", "error": None}


def test_the_tests_of_the_tiny_assignment_can_fail() -> None:
    """What every expectation above stands on: the sources' tests tell right from wrong in plain Python."""
    right: dict = {"math": __import__("math")}
    for name in ("output-size-answer", "total-answer", "side-answer"):
        exec(RIGHT[name], right)
    for source in TESTS.values():
        exec(source, right)
    with pytest.raises(AssertionError, match="other sides"):
        exec(TESTS["output-size"], {**right, "output_size": lambda *a: 3})
    assert NONE != FULL and os.sep
