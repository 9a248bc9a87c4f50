"""Grade a folder of submissions: ``make grade SUBMISSIONS=folder``.

Results go into a folder beside it, ``folder-graded``: grades.csv, feedback/ with a page for each student, manual.csv
for the points that a person gives, results/ with a file for each submission. Running it again grades only what is new
or changed and takes in manual.csv; stopping it, however rudely, loses nothing that was finished.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path

from tqdm import tqdm

from . import report
from .assignment import Assignment, InvalidNotebook, load
from .grade_one import BY_HAND, PASSED, grade
from .results import Locked, Unreadable, lock, read, read_by_hand, unmatched, write_by_hand
from .sandbox import ROOT, Limits, Unusable, check
from .submissions import Submission, find

HERE = Path(__file__).resolve().parent
SOURCES = ROOT / "assignments" / "source"


@cache
def fingerprint(package: Path = ROOT / "code" / "alexbook") -> str:
    """Of the code that decides on points: a result is made anew when it has changed.

    Args:
        package: Of the package that tests and answers import, every module counts: an answer may use any.

    Returns:
        A digest of that and of the grader's own modules.
    """
    files = [HERE / f"{name}.py" for name in
             ("assignment", "grade_one", "proxies", "sandbox", "serialization", "worker")]
    digest = hashlib.sha256()
    for path in [*files, *sorted(package.rglob("*.py"))]:
        name = path.relative_to(package).as_posix() if path.is_relative_to(package) else path.name
        digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def key(submission: Submission, assignment: Assignment, limits: Limits, unsafe: bool) -> str:
    """What a result depends on; the name of its file."""
    parts = [submission.student, submission.name, submission.digest, assignment.digest, fingerprint(), repr(limits)]
    return hashlib.sha256(json.dumps([*parts, unsafe]).encode()).hexdigest()[:32]


def grade_all(found: list[Submission], assignments: dict[str, Assignment], sources: Path, results: Path, limits: Limits,
              jobs: int, unsafe: bool, secret: Iterable[Path]) -> list[dict]:
    """Every submission's result, in order: one that is there already, or a new one. Prints a progress bar."""
    places: list[tuple[Path | None, dict]] = []
    work: list[dict] = []
    for one in found:
        about = {"student": one.student, "assignment": one.assignment, "file": one.name}
        if one.problem:
            places.append((None, {**about, "status": one.problem}))
            continue
        place = results / f"{key(one, assignments[one.assignment], limits, unsafe)}.json"
        places.append((place, about))
        if read(place) is None:
            work.append({"notebook": str(one.path), "source": str(sources / one.assignment / f"{one.assignment}.ipynb"),
                         "result": str(place), "about": about, "limits": dataclasses.asdict(limits),
                         "secret": [str(path) for path in secret], "unsafe": unsafe})
    done = sum(place is not None for place, _ in places) - len(work)
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=done + len(work), initial=done, unit="submission", ncols=80,
                                                desc="Grading", file=sys.stderr) as bar:
        jobs_at = {pool.submit(grade_apart, job, limits): job["result"] for job in work}
        waiting = set(jobs_at)
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                bar.update(len(finished))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise
    failed = {place: job.result() for job, place in jobs_at.items()}
    return [about if place is None else
            read(place) or {**about, "status": f"not graded, run it again: {failed.get(str(place), '')}"}
            for place, about in places]


running: set[subprocess.Popen] = set()


def grade_apart(job: dict, limits: Limits) -> str:
    """One submission in a process of its own, which writes its result; the last words of a process that did not."""
    path = os.pathsep.join([str(HERE.parent), str(ROOT / "code")])  # this clone's grader and alexbook
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "alexgrader.grade_one"], stdin=subprocess.PIPE, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    running.add(process)
    try:
        _, said = process.communicate(json.dumps(job).encode(), timeout=3 * limits.total + 60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "the grader did not come to an end"
    finally:
        running.discard(process)
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][-300:] if lines else "the grader was ended"


def stop_all() -> None:
    """Ends the graders that are at work, and their sandboxes with them."""
    for process in list(running):
        process.kill()


def check_source(assignment: Assignment, limits: Limits, unsafe: bool) -> list[str]:
    """What is wrong with a source: its own answers, graded as a submission, have to get every point."""
    result = grade(assignment, assignment.notebook, limits, unsafe=unsafe)
    wrong = [f"{q['id']}: {q['state']}. {q['why']}" for q in result["questions"] if q["state"] not in (PASSED, BY_HAND)]
    return result["faults"] + result["inside"] + wrong


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alexgrader", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = Limits()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("submissions", type=Path, nargs="?", help="the folder with what came in, or one zip of it")
    parser.add_argument("--to", type=Path, help="the folder for grades (default: beside the other, named -graded)")
    parser.add_argument("--assignment", default="", help="grade everything as this assignment")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="the folder of <name>/<name>.ipynb")
    parser.add_argument("--jobs", type=int, default=cores, help="how many at a time (default: one for each core)")
    parser.add_argument("--unsafe", action="store_true", help="grade without isolation")
    parser.add_argument("--cell-seconds", type=float, default=defaults.cell)
    parser.add_argument("--total-seconds", type=float, default=defaults.total)
    parser.add_argument("--memory-mb", type=int, default=defaults.memory >> 20)
    parser.add_argument("--disk-mb", type=int, default=defaults.disk >> 20)
    parser.add_argument("--check", action="store_true", help="grade the sources themselves: do they get every point?")
    return parser


def main() -> int:
    parser = arguments()
    options = parser.parse_args()
    limits = Limits(options.cell_seconds, options.total_seconds, options.memory_mb << 20, options.disk_mb << 20)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        assignments = load(options.sources)
        if options.assignment and options.assignment not in assignments:
            there = ", ".join(assignments) or "none"
            raise InvalidNotebook(f"there is no assignment {options.assignment!r}, only {there}")
        if not assignments:
            raise InvalidNotebook(f"there are no assignments in {options.sources}")
        if not options.check:
            options.submissions = came_in(options.submissions)
        if not options.unsafe:
            check()
        if options.check:
            names = [options.assignment] if options.assignment else list(assignments)
            wrong = [f"{name}: {line}" for name in names
                     for line in check_source(assignments[name], limits, options.unsafe)]
            print("\n".join(wrong) or f"Every test passes with the source's own answers: {', '.join(names)}.")
            return 1 if wrong else 0
        return run(options, assignments, limits)
    except (InvalidNotebook, Unreadable, Unusable, Locked) as why:
        print(f"{str(why)[:1].upper()}{str(why)[1:]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; run it again to go on.", file=sys.stderr)
        return 130


def came_in(path: Path | None) -> Path:
    """The folder or the zip with the submissions; ``~`` is the home folder also where no shell said so."""
    if path is None:
        raise InvalidNotebook("name the folder with the submissions: make grade SUBMISSIONS=folder")
    try:
        full = path.expanduser()
    except RuntimeError:
        raise InvalidNotebook(f"{path} names the home folder of a user that is not here") from None
    if full.is_dir() or (full.is_file() and full.suffix.lower() == ".zip"):
        return full
    if full.exists():
        raise InvalidNotebook(f"{path} is not a folder and not a zip")
    raise InvalidNotebook(f"{path} is not a folder: there is nothing of that name")


def run(options: argparse.Namespace, assignments: dict[str, Assignment], limits: Limits) -> int:
    """Grades a folder and writes everything."""
    start = time.perf_counter()
    incoming = options.submissions.resolve()
    stem = incoming.name if incoming.is_dir() else incoming.stem
    folder = (options.to or incoming.with_name(f"{stem}-graded")).expanduser().resolve()
    if folder == incoming or folder.is_relative_to(incoming):
        raise InvalidNotebook("the grades cannot go into the folder of the submissions: --to another folder")
    results, feedback, store = (folder / name for name in ("results", "feedback", "notebooks"))
    for made in (results, feedback, store):
        made.mkdir(parents=True, exist_ok=True)
    with lock(folder):
        read_by_hand(folder / "manual.csv")  # one that cannot be read is said now, not after an hour
        found = find(incoming, store, assignments, options.assignment)
        graded = grade_all(found, assignments, options.sources.resolve(), results, limits, max(options.jobs, 1),
                           options.unsafe,
                           tuple(path for path in (folder, incoming, options.sources.resolve()) if path.is_dir()))
        graded = [{**result, "note": one.note} for result, one in zip(graded, found, strict=True)]
        by_hand, lines, notes = read_by_hand(folder / "manual.csv", {one.student for one in found})
        nobody = unmatched(folder / "manual.csv", by_hand, ((r["student"], r["assignment"], q["id"]) for r in graded
                                                            for q in r.get("questions", ())))
        notes += nobody if len(nobody) < 9 else [*nobody[:8], f"and {len(nobody) - 8} more lines that match nobody"]
        wanted = [(r["student"], r["assignment"], q["id"], q["of"]) for r in graded for q in r.get("questions", ())
                  if q["points"] is None]
        write_by_hand(folder / "manual.csv", lines, (entry for entry in wanted if entry[:3] not in by_hand))
        rows = [report.row(result, by_hand) for result in graded]
        report.write_grades(folder / "grades.csv", rows, assignments)
        report.write_feedback(feedback, rows)
        faults = {f"{r['assignment']}: {fault}" for r in graded for fault in r.get("faults", ())}
        notes += [f"The source has a fault: {fault}" for fault in sorted(faults)[:3]]
        print(report.summary(rows, folder, time.perf_counter() - start, notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
