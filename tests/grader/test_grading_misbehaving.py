"""Submissions that misbehave: each is graded honestly or gets nothing and the reason, and touches nobody else's grade.

All are graded together in one run beside an honest submission, by the grader as an instructor starts it.
"""

import time
from pathlib import Path

import grading_cases as cases
import pytest
from grading_cases import FULL, NONE, RIGHT, needs_isolation, submission

pytestmark = needs_isolation

EVERYTHING = """
class Everything(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __sub__(self, other): return self
    def __abs__(self): return self
"""
PATCHED = """
import builtins
class Fine(Exception): pass
builtins.AssertionError = Fine
builtins.abs = lambda x: 0
try:
    import numpy as np
    np.allclose = np.array_equal = lambda *a, **k: True
    import alexbook.checking as checking
    checking.Check.verdict = lambda *a: True
except ImportError:
    pass
def output_size(*a): return 3
"""
ANSWERS = """
import sys
for frame in sys._current_frames().values():
    while frame:
        frame.f_globals['answered'] = lambda *a: {'value': 3, 'kind': 'value', 'state': 'passed', 'points': 99}
        frame = frame.f_back
"""
READER = """
import glob, os
found = []
for top in ('/', '{home}', '/proc/1/root{home}', os.path.expanduser('~')):
    for folder, folders, files in os.walk(top):
        skipped = ('/dev', '/proc', '/sys', '/usr', '{prefix}', '{base}')
        if folder.startswith(skipped) and '/proc' not in top:
            folders.clear()
            continue
        for name in files:
            try:
                text = open(os.path.join(folder, name), errors='replace').read(1000000)
            except Exception:
                continue
            if 'secret' + '_expected' in text or 'out of' + ' reach' in text:
                found.append(os.path.join(folder, name))
for process in glob.glob('/proc/[0-9]*'):
    for what in ('environ', 'cmdline'):
        try:
            if '-m\\0alexgrader' in open(process + '/' + what).read():
                found.append(process)
        except Exception:
            pass
print('FOUND', found)
def total(values): return found
"""
WRITER = """
import os
done = []
for path in ('{outside}', '{home}/in/honest.ipynb', '{home}/in-graded/grades.csv', '/usr/planted', '/planted',
             '/dev/planted', '{root}/code/alexbook/planted.py', '{prefix}/planted', '/etc/planted'):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, 'w').write('planted')
        done.append(path)
    except OSError as error:
        pass
print('WROTE', [path for path in done if not path.startswith('/tmp/')])  # its own /tmp it may write to
"""
SOCKET = """
import socket
reached = []
for family, where in ((socket.AF_INET, ('{host}', {port})), (socket.AF_INET, ('1.1.1.1', 53)),
                      (socket.AF_UNIX, '{unix}')):
    try:
        with socket.socket(family) as s:
            s.settimeout(2)
            s.connect(where)
            reached.append(where)
    except OSError:
        pass
print('REACHED', reached)
def total(values): return reached
"""
DISK = """
import os
try:
    for i in range(1000):
        with open(f'fill{i}', 'wb') as file:
            for _ in range(64):
                file.write(bytes(1 << 20))
    full = 'no end'
except OSError as error:
    full = error.strerror
for folder in ('/dev/shm', '/tmp'):
    try:
        for i in range(1000):
            open(f'{folder}/fill{i}', 'wb').write(bytes(1 << 24))
        full = 'no end in ' + folder
    except OSError as error:
        pass
print('FULL', full)
"""
FORKS = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
MEMORY = """
try:
    hog = bytearray(64 << 30)
    hog[::4096] = b'x' * len(hog[::4096])
except MemoryError:
    print('NO MEMORY')
"""
# A sum of small parts passes every limit of a single process; the watch adds them up.
MANY = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        hog = bytearray(100 << 20)
        hog[::4096] = b'x' * len(hog[::4096])
        time.sleep(60)
time.sleep(60)
"""
ENDS = "import os\nos._exit(0)"
# The three that know that they talk to a grader, through whichever of their open files it listens at.
FLOODS = """
import os
for file in range(3, 30):
    try:
        while True:
            os.write(file, b'x' * 1000000)
    except OSError:
        pass
"""
FORGES = """
import os
for file in range(3, 30):
    try:
        for i in range(500):
            os.write(file, b'{"id": %d, "kind": "value", "value": 3, "points": 99, "error": null}\\n' % i)
    except OSError:
        pass
"""
NESTS = FORGES.replace("""b'{"id": %d, "kind": "value", "value": 3, "points": 99, "error": null}\\n' % i""",
                       "b'[' * 50000 + b'\\n'").replace("range(500)", "range(1)")

TOTAL = 37  # seconds for a submission; no other test uses this number, by which its processes are found

# For each: the answers it gives, the points it gets, and what its feedback or status has to say.
CASES: dict[str, tuple[dict[str, str | None], dict[str, str], str]] = {
    "honest": ({}, FULL, "graded"),
    "loop": ({"total": "while True:\n    pass"}, {**FULL, "total": "0"}, "ran longer than 6 s"),
    "stubborn": ({"total": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True:\n    pass"},
                 {**NONE, "output-size": "2"}, "could not be interrupted"),
    "slow": ({"total": "def total(values):\n    while True: pass"}, {**FULL, "total": "0"},
             "total ran longer than 6 s"),
    "forks": ({"total": FORKS}, {**NONE, "output-size": "2"}, "stopped"),
    "memory": ({"total": MEMORY}, {**FULL, "total": "0"}, "NO MEMORY"),
    "many": ({"total": MANY}, {**NONE, "output-size": "2"}, "GB of memory"),
    "disk": ({"total": DISK}, {**FULL, "total": "0"}, "FULL No space left on device"),
    "reader": ({"total": READER}, {**FULL, "total": "0"}, "FOUND []"),
    "writer": ({"total": WRITER}, {**FULL, "total": "0"}, "WROTE []"),
    "socket": ({"total": SOCKET}, {**FULL, "total": "0"}, "REACHED []"),
    "killer": ({"total": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"}, {**NONE, "output-size": "2"},
               "ended by SIGKILL"),
    "kills-all": ({"total": f"import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\n{RIGHT['total-answer']}"},
                  FULL, "graded"),
    "closes": ({"total": "import os, time\nos.closerange(0, 100)\ntime.sleep(60)"}, {**NONE, "output-size": "2"},
               "its code ended the process"),
    "exits": ({"output_size": ENDS}, NONE, "its code ended the process"),
    "half": ({"total": f"{RIGHT['total-answer']}\n", "side": f"side = 55\n{ENDS}"},
             {**FULL, "side": "0"}, "its code ended the process"),
    "exits-in-test": ({"total": f"def total(values):\n    {ENDS.replace(chr(10), '; ')}"}, {**NONE, "output-size": "2"},
                      "its code ended the process"),
    "patches": ({"output_size": PATCHED, "total": "def total(values): return 3"},
                {**NONE, "side": "1"}, "output_size is wrong for other sides."),
    "answers": ({"output_size": ANSWERS}, NONE, "The answer could not be tested: TypeError"),
    "everything": ({"output_size": f"{EVERYTHING}\ndef output_size(*a): return Everything(1)",
                    "total": "def total(values): return Everything(1)", "side": "side = Everything(2)"},
                   NONE, "output_size(7, 3, 2) is wrong."),
    "object": ({"output_size": "class O:\n    __eq__ = lambda *a: True\ndef output_size(*a): return O()",
                "side": "side = O()"}, {**FULL, "output-size": "0", "side": "0"}, "only plain data can be graded"),
    "million": ({"total": f"for i in range(1000000):\n    print(i)\n{RIGHT['total-answer']}"},
                FULL, "more characters]"),
    "floods": ({"total": FLOODS}, {**NONE, "output-size": "2"}, "a value larger than 32 MB was sent"),
    "forges": ({"total": FORGES}, {**NONE, "output-size": "2"}, "graded"),
    "nests": ({"total": NESTS}, {**NONE, "output-size": "2"}, "what it sent to the grader was not JSON"),
    "raises": ({"total": "def total(values): raise SystemExit('<b>no</b>')"}, {**FULL, "total": "0"},
               "total ended in SystemExit: &lt;b&gt;no"),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory):
    """Everything above, graded in one run, with a listener in reach of whoever has a network."""
    import socket
    import sys

    home = tmp_path_factory.mktemp("course")
    course = cases.course(home)
    (home / "in-graded").mkdir()
    (home / "in-graded" / "manual.csv").write_text("student,assignment,question,of,points,comment\n"
                                                   "honest,layers,nothing,1,1,out of reach\n")
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(home / "socket"))
        (home / "socket").chmod(0o777)
        unix.listen()
        places = {"home": str(home), "root": str(cases.ROOT), "outside": str(home / "planted"), "host": "127.0.0.1",
                  "port": str(listener.getsockname()[1]), "unix": str(home / "socket"), "prefix": sys.prefix,
                  "base": sys.base_prefix}
        for name, (answers, _, _) in CASES.items():
            for key, value in places.items():
                answers = {a: t and t.replace(f"{{{key}}}", value) for a, t in answers.items()}
            course.hand_in(f"{name}.ipynb", submission(**answers))
        start = time.perf_counter()
        limits = {"cell-seconds": 6, "total-seconds": TOTAL, "memory-mb": 1500, "disk-mb": 64}
        result = course.grade(*(word for name, value in limits.items() for word in (f"--{name}", str(value))))
        assert time.perf_counter() - start < 150
    assert result.status == 0, result.said
    return result


@pytest.mark.parametrize("name", CASES)
def test_points_and_reason(graded, name: str) -> None:
    _, points, reason = CASES[name]
    row = graded.rows[f"{name}.ipynb"]
    assert graded.points(f"{name}.ipynb") == points, row["status"] + graded.feedback(f"{name}.ipynb")
    assert reason in row["status"] + graded.feedback(f"{name}.ipynb")


def test_what_lies_outside_is_as_it_was(graded) -> None:
    home = graded.folder.parent
    assert not (home / "planted").exists()
    assert (home / "in" / "honest.ipynb").read_text() == submission()
    assert not list(Path("/dev/shm").glob("fill*")) + list(Path("/tmp").glob("fill*"))


def test_nothing_is_left_running(graded) -> None:
    assert cases.sandboxes(TOTAL) == []


def test_the_summary_fits_on_a_screen(graded) -> None:
    shown = [line for line in graded.said.splitlines() if not line.startswith("Grading")]
    assert len(shown) <= 24 and all(len(line) < 200 for line in shown)
    assert f"{len(CASES)} submissions graded" in graded.said
