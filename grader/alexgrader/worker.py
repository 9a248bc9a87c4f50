"""What runs inside the sandbox: the student's cells, and calls of the student's functions, one request at a time.

    python -I worker.py '{"data": bytes, "processes": n, "cpu": seconds, "file": bytes}'

Requests come in on standard input and answers go out on standard output, a line of JSON each:

    {"id": 1, "do": "run", "source": "...", "seconds": 60}        -> {"id": 1, "output": "...", "error": null | {...}}
    {"id": 2, "do": "get", "name": "x"}                           -> {"id": 2, "kind": "value", "value": ...}
    {"id": 3, "do": "call", "name": "f", "args": ..., "kwargs": ..., "seconds": 60}   -> {"id": 3, "value": ...}

Nothing here is trusted by the grader: the student's code shares this process and may answer in its place, which gains
it nothing, because an answer is data that must be right.
"""

import builtins
import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

OUTPUT = 4000  # characters of a cell's output that are kept
OWN = {id(kind): name for name, kind in vars(builtins).items() if isinstance(kind, type)}  # Python's own classes


class TooSlow(BaseException):
    """Raised in the student's code when its seconds are over; not an Exception, which a loop may swallow."""


class Kept(io.TextIOBase):
    """A text stream that keeps its first characters, counts lines, and takes a million of them without growing."""

    def __init__(self, size: int = OUTPUT) -> None:
        self.size, self.text, self.lost = size, "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = self.size - len(self.text)
        if room:
            self.text += text[:room]
        self.lost += max(len(text) - room, 0)
        return len(text)

    def __str__(self) -> str:
        return self.text + (f"\n[{self.lost:,} more characters]" if self.lost else "")


def limit(limits: dict) -> None:
    """Hard limits for this process and all that it starts, which it cannot raise again."""
    import resource

    for name, key in (("DATA", "data"), ("NPROC", "processes"), ("CPU", "cpu"), ("FSIZE", "file")):
        if key in limits:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limits[key], limits[key]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:  # where memory runs out all the same, the system ends this process first
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def shell() -> Any:
    """An IPython shell without history, as cells expect one (magics, ``get_ipython``)."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    made: Any = InteractiveShell.instance(config=Config({
        "HistoryManager": {"enabled": False},
        "InteractiveShell": {"colors": "NoColor", "cache_size": 0, "autoawait": True},
    }))
    made.showtraceback = made.showsyntaxerror = made.showindentationerror = lambda *_, **__: None
    made.ask_exit = lambda: None
    made.enable_gui = lambda gui=None: None
    made._tee = lambda channel: contextlib.nullcontext()  # IPython would keep all that is printed, without a bound
    return made


def described(error: BaseException) -> dict:
    """An exception as type and message, whatever its own methods do."""
    try:
        text = " ".join(str(error).split())[:500]
    except BaseException:
        text = ""
    if isinstance(error, TooSlow):
        return {"type": "TooSlow", "text": text}
    bases = [OWN[id(kind)] for kind in type(error).__mro__[1:] if id(kind) in OWN]
    return {"type": str(type(error).__name__)[:80], "text": text, "bases": bases[:1]}


def timed(seconds: float, work: Callable[[], Any]) -> Any:
    """The work's result, or TooSlow in the middle of it."""
    def over(*_: object) -> None:
        raise TooSlow(f"ran longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run(ip: Any, request: dict) -> dict:
    """One cell; its output (cut) and its error."""
    out = Kept()
    sys.stdout = sys.stderr = out
    result = timed(request["seconds"], lambda: ip.run_cell(request["source"], store_history=False))
    error = result.error_before_exec or result.error_in_exec
    return {"output": str(out), "error": described(error) if error else None}


def get(ip: Any, request: dict, serialization: ModuleType) -> dict:
    """What a name stands for: nothing, a function, a plain value, or something else, by its type's name."""
    if request["name"] not in ip.user_ns:
        return {"kind": "missing"}
    value = ip.user_ns[request["name"]]
    if callable(value):
        return {"kind": "function"}
    try:
        return {"kind": "value", "value": serialization.encode(value)}
    except serialization.NotPlain as what:
        return {"kind": "other", "what": str(what)}


def call(ip: Any, request: dict, serialization: ModuleType) -> dict:
    """What a function returns, or how it fails."""
    sys.stdout = sys.stderr = Kept()
    function = ip.user_ns[request["name"]]
    args, kwargs = serialization.decode(request["args"]), serialization.decode(request["kwargs"])
    value = timed(request["seconds"], lambda: function(*args, **kwargs))
    try:
        return {"value": serialization.encode(value)}
    except serialization.NotPlain as what:
        return {"kind": "other", "what": str(what)}


def answered(ip: Any, request: dict, serialization: ModuleType) -> dict:
    """The answer to a request; an exception of the student's code is one too."""
    try:
        if request["do"] == "run":
            return run(ip, request)
        return (get if request["do"] == "get" else call)(ip, request, serialization)
    except BaseException as error:
        return {"error": described(error)}


def written(answer: dict, serialization: ModuleType) -> bytes:
    """An answer's line; a value that does not go into one costs this answer alone."""
    try:
        return serialization.dumps(answer)
    except serialization.NotPlain as what:
        return serialization.dumps({"id": answer["id"], "kind": "other", "what": f"a value that is {what}"})


def go_on_in_a_child() -> None:
    """Stay behind as the room's first process and return in a child, where the student's code will run (Linux).

    The first process shows that code nothing of itself. It buries the dead, ends as the child ends, and ends all the
    rest of the room with it as soon as the grader, who holds the other end of standard input, is no more.
    """
    import ctypes
    import select

    visible = ctypes.CDLL(None).prctl
    visible(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: nobody without privileges reads or traces this process
    child = os.fork()
    if child == 0:
        visible(4, 1, 0, 0, 0)
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (1, 2):
        os.dup2(nothing, standard)
    grader = select.poll()
    grader.register(0, 0)  # hanging up is always told
    while not grader.poll(100):
        while (dead := _dead()) is not None:
            if dead[0] == child:
                code = os.waitstatus_to_exitcode(dead[1])
                os._exit(code if code >= 0 else 128 - code)
    os.killpg(0, signal.SIGKILL)  # where there is no room of its own, nothing else would end the child


def _dead() -> tuple[int, int] | None:
    """A child that has ended, and how."""
    try:
        process, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (process, status) if process else None


def main() -> None:
    limits = json.loads(sys.argv[1])
    if sys.platform == "linux":
        go_on_in_a_child()
    limit(limits)
    # The pipes to the grader move away from 0 and 1, where a print or a child process of the student's would find them.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    sys.stdin = open(os.devnull)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    import serialization

    sys.path[0] = ""  # a file that a cell writes can be imported, as in a notebook
    sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(here)), "code"))  # this clone's alexbook
    with contextlib.suppress(Exception):
        import alexbook  # lets TensorFlow and PyTorch share this process: alexbook/_triton.py
    ip = shell()
    for line in requests:
        request = json.loads(line)
        answer = answered(ip, request, serialization)
        answers.write(written({"id": request["id"], **answer}, serialization))
        answers.flush()


if __name__ == "__main__":
    main()
