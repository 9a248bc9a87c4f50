"""Write quizzes, exams, grades and assignments for other systems: ``make quizzes``, ``make exam``, ``make instructor``,
``make gradebook``, ``make gradescope``, ``make nbgrader``."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from alexgrader.assignment import InvalidNotebook
from sphinx.errors import ExtensionError

from alexteach import courses, gradebook, moodle, qti
from alexteach.exams import as_latex, as_markdown, bank, exam
from alexteach.questions import Item, of_quiz

ROOT = Path(__file__).resolve().parents[2]


def title(path: Path) -> str:
    """A quiz's title, from its file's name."""
    number, _, words = path.stem.partition("-")
    return f"AlexNet, Layer by Layer {number}: {words.replace('-', ' ')}"


def write_quizzes(folder: Path, out: Path) -> list[Path]:
    """Every quiz in the three forms, and its two variants.

    Args:
        folder: Where the quizzes' files are.
        out: Where the new files go; it is made where it is missing.

    Returns:
        The files that were written.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(folder.glob("*.yml"))
    written = []
    for variant in (0, 1, 2):
        end = f"-variant-{variant}" if variant else ""
        quizzes = [(path.stem + end, title(path) + end.replace("-", " "), of_quiz(path, variant)) for path in files]
        for name, heading, items in quizzes:
            category = heading.replace("/", "//")
            for ending, content in ((".moodle.xml", moodle.xml(category, items)),
                                    (".gift.txt", moodle.gift(category, items)),
                                    (".qti.zip", qti.package([(name, heading, items)]))):
                path = out / f"{name}{ending}"
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
                written.append(path)
        path = out / f"all{end}.qti.zip"
        path.write_bytes(qti.package(quizzes))
        written.append(path)
    return written


def write_exam(out: Path, name: str, heading: str, items: Sequence[Item]) -> list[Path]:
    """Questions on paper, with their answers in files of their own, and for a platform.

    Args:
        out: Where the files go; it is made where it is missing.
        name: The files' name without an ending.
        heading: The title on paper and on the platform.
        items: The questions.

    Returns:
        The files that were written.
    """
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, str | bytes] = {
        f"{name}.md": as_markdown(heading, items), f"{name}-answers.md": as_markdown(heading, items, key=True),
        f"{name}.tex": as_latex(heading, items), f"{name}-answers.tex": as_latex(heading, items, key=True),
        f"{name}.qti.zip": qti.package([(name, heading, items)]), f"{name}.moodle.xml": moodle.xml(heading, items),
        f"{name}.gift.txt": moodle.gift(heading, items)}
    for file, content in files.items():
        (out / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return [out / file for file in files]


def write_bank(key: str, out: Path, private: Path | None) -> list[Path]:
    """The instructor's bank, and the questions of a private folder, which are quizzes' files."""
    written = write_exam(out, "bank", "Question bank", bank(key))
    if private is not None:
        if not (files := sorted(private.expanduser().glob("*.yml"))):
            raise ValueError(f"{private} has no questions: it should have files like those in quizzes/.")
        for path in files:
            written += write_exam(out, path.stem, title(path), of_quiz(path))
    return written


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="alexteach", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    quizzes = commands.add_parser("quizzes", help="every quiz as QTI 1.2, Moodle XML and GIFT")
    quizzes.add_argument("--folder", type=Path, default=ROOT / "quizzes")
    quizzes.add_argument("--out", type=Path, default=ROOT / "_build" / "quizzes")
    one = commands.add_parser("exam", help="an exam and its answers")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--key", default="", help="a secret, without which nobody can make the same exam")
    one.add_argument("--level", type=int, default=2, choices=(1, 2, 3))
    one.add_argument("--count", type=int, default=6)
    one.add_argument("--out", type=Path, default=ROOT / "_build" / "exams")
    all_of_it = commands.add_parser("instructor", help="the question bank, with numbers that follow from a secret")
    all_of_it.add_argument("--key", default="")
    all_of_it.add_argument("--private", type=Path, help="a folder with questions of your own, as in quizzes/")
    all_of_it.add_argument("--out", type=Path, default=ROOT / "_build" / "instructor")
    grades = commands.add_parser("grades", help="tables for Canvas and Moodle, totals, a report for each student")
    grades.add_argument("grades", type=Path, help="grades.csv, as make grade writes it")
    grades.add_argument("roster", type=Path, help="the platform's list of students")
    grades.add_argument("--rules", type=Path, help="a YAML file with weights, late days and drops")
    grades.add_argument("--out", type=Path, default=ROOT / "_build" / "grades")
    for command, words_of_it in (("gradescope", "a zip for each assignment"), ("nbgrader", "a course folder")):
        system = commands.add_parser(command, help=words_of_it)
        system.add_argument("--sources", type=Path, default=ROOT / "assignments" / "source")
        system.add_argument("--out", type=Path, default=ROOT / "_build" / command)
    options = parser.parse_args(words)
    try:
        match options.command:
            case "quizzes":
                written = write_quizzes(options.folder, options.out)
            case "exam":
                items = exam(options.seed, options.key, options.level, options.count)
                name = f"exam-{options.seed}-level-{options.level}"
                written = write_exam(options.out, name, f"Exam {options.seed}", items)
            case "grades":
                policy = gradebook.read_policy(options.rules) if options.rules else gradebook.Policy()
                written, unknown = gradebook.write_all(options.grades, options.roster, policy, options.out)
                if unknown:
                    print(f"Not on the roster, or twice: {', '.join(unknown)}")
            case "gradescope":
                written = courses.write_gradescope(options.sources.expanduser(), options.out)
            case "nbgrader":
                written = courses.write_course(options.sources.expanduser(), options.out)
            case _:
                written = write_bank(options.key, options.out, options.private)
    except (OSError, ValueError, ExtensionError, InvalidNotebook) as error:
        print(re.sub(r"\s+", " ", str(error)), file=sys.stderr)
        return 2
    print(f"{len(written)} files in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
