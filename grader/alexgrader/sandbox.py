"""A process that sees nothing but Python and its own empty room, made by bubblewrap; and the conversation with it.

Inside there are no network, no other processes, no home folders, a read-only system of which only the programs, this
environment's packages and the book's own package are there at all, and two folders in memory of limited size. Of
memory, processor time and processes a submission gets its share; a watch ends the whole where it takes more.
"""

import contextlib
import errno
import functools
import json
import os
import platform
import re
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from . import serialization

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = os.path.abspath(sys.executable)  # not resolved: it is the link that makes it this environment's
ROOM = "/room"
NOBODY = 65534
MESSAGE = serialization.LARGEST  # bytes of the longest line that is sent or read
INSTALL = "sudo apt install bubblewrap"
KNOB = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


class Unusable(Exception):
    """There is no isolation to be had here; the message is one sentence with what to do."""


class SandboxDied(Exception):
    """The submission's process has ended or was ended; the message says why, for the student."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds for a cell and for all of it, bytes of memory and of files, processes."""

    cell: float = 60
    total: float = 600
    memory: int = 4 << 30
    disk: int = 256 << 20
    processes: int = 256


# ---------------------------------------------------------------------------------------------------------- bubblewrap


def _parents(path: Path) -> list[str]:
    """The folders above a path, to be made readable: bubblewrap makes missing ones for itself alone."""
    return [word for folder in reversed(path.parents[:-1]) for word in ("--perms", "0755", "--dir", str(folder))]


def _seen() -> list[Path]:
    """Everything outside /usr that Python needs, and the book's package with its data; not the repository."""
    prefixes = (Path(sys.base_prefix), Path(sys.prefix))
    python = [path for prefix in prefixes for path in (prefix.absolute(), prefix.resolve())]
    system = [Path("/etc") / name for name in ("ld.so.cache", "alternatives", "fonts", "localtime")]
    paths = {*system, *python, ROOT / "code", ROOT / "data", HERE / "worker.py", HERE / "serialization.py"}
    return sorted(path for path in paths if path.exists() and not path.is_relative_to("/usr"))


def _mounts(secret: Iterable[Path]) -> list[str]:
    """bubblewrap's words for what can be seen, read-only; the repository and what is secret are covered inside it."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        folder = Path("/") / name
        if folder.is_symlink():
            words += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    covers = []
    for path in [Path("/usr"), *_seen()]:
        if path != Path("/usr"):
            words += [*_parents(path), "--ro-bind", str(path), str(path)]
        # What is seen inside a covered folder comes later in the order, and so lies on its cover.
        for hidden in (folder.resolve() for folder in (ROOT, *secret) if folder.exists()):
            if hidden.is_relative_to(path) and hidden != path:
                words += ["--perms", "0755", "--tmpfs", str(hidden)]
                covers += ["--remount-ro", str(hidden)]
    return words + covers


@functools.cache
def _options() -> str:
    return subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout


# By machine: AUDIT_ARCH, and the numbers of memfd_create, memfd_secret, shmget, ptrace, process_vm_readv and _writev.
CALLS = {"x86_64": (0xC000003E, (319, 447, 29, 101, 310, 311)), "aarch64": (0xC00000B7, (279, 447, 194, 117, 270, 271))}


def system_calls() -> bytes:
    """A seccomp program that refuses memory that belongs to no process, which no watch counts, and tracing.

    Empty on machines whose numbers are not known here.
    """
    if platform.machine() not in CALLS:
        return b""
    machine, numbers = CALLS[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
    last = len(numbers) + 1  # instructions from the first comparison to the one that lets through
    program = [(load, 0, 0, 4), (equal, 0, last + 2, machine), (load, 0, 0, 0),
               (at_least, last, 0, 0x40000000)]  # the x32 numbers of x86-64 are others for the same calls
    program += [(equal, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    program += [(give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x00050000 | errno.ENOSYS)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


@contextlib.contextmanager
def _filter() -> Iterator[tuple[int, ...]]:
    """An open file with the program, to hand to bubblewrap; none where there is no program."""
    if not (program := system_calls()):
        yield ()
        return
    with tempfile.TemporaryFile() as file:
        file.write(program)
        file.seek(0)
        yield (file.fileno(),)


def bubblewrap(limits: Limits, secret: Iterable[Path] = (), filters: Iterable[int] = ()) -> list[str]:
    """The command before the command. Root makes what may be seen visible to `nobody` first and goes on as nobody.

    ``filters`` are open files with seccomp programs.
    """
    mounts = _mounts(secret)
    bwrap = shutil.which("bwrap") or "bwrap"  # wherever it is; its own PATH is the sandbox's
    inner = [bwrap, "--unshare-all", "--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY),
             "--hostname", "room", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    for number in filters:
        inner += ["--seccomp", str(number)]
    if "--disable-userns" in _options():
        inner += ["--disable-userns"]
    for name, value in environment().items():
        inner += ["--setenv", name, value]
    inner += ["--proc", "/proc", "--dev", "/dev"]
    for folder, size in (("/dev/shm", limits.disk), ("/tmp", limits.disk // 4), (ROOM, limits.disk)):
        inner += ["--perms", "0700", "--size", str(size), "--tmpfs", folder]
    # After the folders in memory: what can be seen may lie in one of them, as a clone below /tmp does.
    inner += [*mounts, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", ROOM, "--"]
    if os.geteuid() != 0:
        return inner
    outer = [bwrap, "--die-with-parent", "--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc",
             "--perms", "1777", "--tmpfs", "/tmp", *mounts, "--"]
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--"]
    return [*outer, *as_nobody, *inner]


def environment(room: str = ROOM) -> dict[str, str]:
    """The variables that the student's code sees: nothing of the instructor's. One thread for each library."""
    threads = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
    return {
        "PATH": f"{Path(PYTHON).parent}:/usr/bin:/bin", "HOME": room, "TMPDIR": "/tmp", "LANG": "C.UTF-8",
        "USER": "student", "LOGNAME": "student", "MPLBACKEND": "agg", "OMP_WAIT_POLICY": "passive",
        "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1", **{f"{name}_THREADS": "1" for name in threads},
    }


def check() -> None:
    """Nothing where bubblewrap works here; raises Unusable with one sentence where it does not."""
    if sys.platform != "linux":
        raise Unusable("Submissions are graded in isolation by bubblewrap, which runs on Linux (on Windows in WSL 2: "
                       f"{INSTALL}); UNSAFE=1 grades without isolation.")
    if shutil.which("bwrap") is None:
        raise Unusable(f"bubblewrap, which isolates the submissions, is not installed: {INSTALL} (UNSAFE=1 grades "
                       "without isolation).")
    with _filter() as filters:
        command = [*bubblewrap(Limits(disk=4 << 20), filters=filters), "/bin/sh", "-c", ":"]
        tried = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(),
                               pass_fds=filters)
    if tried.returncode:
        said = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unusable(f"bubblewrap does not start here ({said}){_mend(said)} (UNSAFE=1 grades without isolation).")


def _mend(said: str) -> str:
    """What to do about a bubblewrap that does not start, where its last words tell."""
    if KNOB.exists() and KNOB.read_text().strip() == "1":
        return ("; this system keeps it from making namespaces: "
                "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    return "; a container has to allow user namespaces" if re.search("namespace|not permitted|denied", said) else ""


# -------------------------------------------------------------------------------------------------------- conversation


class Sandbox:
    """A submission's process: :meth:`run` cells in it, :meth:`get` values, :meth:`call` functions, then :meth:`close`.

    Everything raises :class:`SandboxDied` once the process is no more, for whatever reason. Making one raises
    :class:`Unusable` where the process does not start, which is no submission's fault.
    """

    def __init__(self, limits: Limits, secret: Iterable[Path] = (), unsafe: bool = False) -> None:
        self.limits = limits
        self.gone: str | None = None
        self._ends = time.monotonic() + limits.total
        self._count, self._buffer, self._complaints = 0, bytearray(), b""
        self._searched = 0  # bytes of the buffer that hold no end of a line
        self._room = tempfile.TemporaryDirectory(prefix="grading-") if unsafe else None
        command = [PYTHON, "-I", str(HERE / "worker.py"), json.dumps({
            "data": limits.memory, "cpu": int(limits.total) + 5, "file": limits.disk,
            **({} if unsafe else {"processes": limits.processes}),
        })]
        # bubblewrap, too, has nothing but these: what it starts with may be read inside.
        variables = environment(self._room.name if self._room else ROOM)
        with _filter() as filters:
            self._process = subprocess.Popen(
                command if unsafe else [*bubblewrap(limits, secret, filters), *command],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                cwd=self._room.name if self._room else "/", env=variables, pass_fds=() if unsafe else filters,
            )
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin and stdout and stderr  # all three are pipes
        self._pipes = stdin, stdout, stderr
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            self.get("__name__")
        except SandboxDied as why:
            with contextlib.suppress(OSError):
                self._read(stderr)
            self.close()
            said = self._complaints.decode("utf-8", "replace").strip()[-300:]
            raise Unusable(f"Python did not start in the sandbox: {why}. {said}".rstrip()) from None

    def run(self, source: str) -> dict:
        """One cell's ``output`` and ``error`` (None, or type and text)."""
        answer = self._ask({"do": "run", "source": source, "seconds": self.limits.cell})
        return {"output": _text(answer.get("output")), "error": _error(answer.get("error"))}

    def get(self, name: str) -> dict:
        """What a name stands for: ``kind`` is missing, function, value (with ``value``) or other (with ``what``)."""
        return self._ask({"do": "get", "name": name, "seconds": self.limits.cell})

    def call(self, name: str, args: tuple, kwargs: dict) -> dict:
        """What a function gives: ``value``, or ``kind`` other with ``what``, or ``error``; raises NotPlain."""
        given = {"args": serialization.encode(args), "kwargs": serialization.encode(kwargs)}
        return self._ask({"do": "call", "name": name, **given, "seconds": self.limits.cell})

    def close(self) -> None:
        """End the process and all that it started."""
        self._closed.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        if self._room:
            self._room.cleanup()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- one request and its answer ------------------------------------------------------------------------------------

    def _ask(self, request: dict) -> dict:
        if self.gone:
            raise SandboxDied(self.gone)
        self._count += 1
        line = serialization.dumps({"id": self._count, **request})
        if len(line) > MESSAGE:
            raise serialization.NotPlain(f"larger than {MESSAGE >> 20} MB")
        grace = 30 if self._count == 1 else 3  # the first answer waits for Python to start
        deadline = min(time.monotonic() + self.limits.cell + grace, self._ends)
        try:
            while True:
                answer = serialization.loads(self._line(line, deadline))
                line = b""
                if answer.get("id") == self._count:
                    return answer
        except serialization.Malformed as what:
            self._end(f"what it sent to the grader was {what}")
        except BrokenPipeError:
            self._end(self._ending())
        except TimeoutError:  # a test's own time is over: what comes back now would answer the next request
            with contextlib.suppress(SandboxDied):
                self._end("a test ran too long")
            raise

    def _line(self, outgoing: bytes, deadline: float) -> bytes:
        """Sends, and reads one line; ends the process where it is late, floods, or is gone."""
        (stdin, stdout, stderr), view = self._pipes, memoryview(outgoing)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ, stdout)
            selector.register(stderr, selectors.EVENT_READ, stderr)
            if view:
                selector.register(stdin, selectors.EVENT_WRITE, stdin)
            while (end := self._buffer.find(b"\n", self._searched)) < 0:
                self._searched = len(self._buffer)
                left = deadline - time.monotonic()
                if left <= 0:
                    late = time.monotonic() >= self._ends
                    self._end(f"all of it ran longer than {self.limits.total:g} s" if late else
                              f"a cell or a call ran longer than {self.limits.cell:g} s and could not be interrupted")
                for pipe in (key.data for key, _ in selector.select(left)):
                    if pipe is stdin:
                        view = view[os.write(stdin.fileno(), view[: 1 << 16]):]
                        if not view:
                            selector.unregister(stdin)
                    elif not self._read(pipe):
                        selector.unregister(pipe)
                        if pipe is stdout:
                            self._end(self._ending())
        line = bytes(self._buffer[:end])
        del self._buffer[:end + 1]
        self._searched = 0
        return line

    def _read(self, pipe: IO[bytes]) -> bool:
        """Takes what is there; False at the pipe's end."""
        data = os.read(pipe.fileno(), 1 << 20)
        if pipe is self._pipes[2]:
            self._complaints = (self._complaints + data)[-2000:]
        else:
            self._buffer += data
            if len(self._buffer) > MESSAGE:
                self._end(f"a value larger than {MESSAGE >> 20} MB was sent")
        return bool(data)

    def _ending(self) -> str:
        """Why the process ended by itself."""
        try:
            code = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "its code closed the connection to the grader"
        code = code - 128 if code > 128 else -code if code < 0 else 0
        if code:
            return f"its process was ended by {signal.Signals(code).name if code in set(signal.Signals) else code}"
        return "its code ended the process"

    def _end(self, reason: str) -> NoReturn:
        """Ends the process for a reason (the first one given counts) and raises SandboxDied."""
        self.gone = self.gone or reason
        self._closed.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        raise SandboxDied(self.gone)

    # -- memory of all processes together ------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Ends the process where it and all that it started hold more memory than the limit."""
        import psutil

        while not self._closed.wait(0.4):
            try:
                tree = psutil.Process(self._process.pid).children(recursive=True)
            except psutil.Error:
                return
            if sum(map(_resident, tree)) > self.limits.memory:
                self.gone = f"it took more than {self.limits.memory / (1 << 30):.3g} GB of memory"
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                return


def _resident(process: Any) -> int:
    try:
        return process.memory_info().rss
    except Exception:
        return 0


def _text(value: object) -> str:
    return value[:5000] if isinstance(value, str) else ""


def _error(value: object) -> dict | None:
    if value is None:
        return None
    value = value if isinstance(value, dict) else {}
    return {"type": _text(value.get("type"))[:80] or "Error", "text": _text(value.get("text"))[:500]}


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in the block when the seconds are over (in the main thread)."""
    def over(*_: object) -> None:
        raise TimeoutError(f"the test ran longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
