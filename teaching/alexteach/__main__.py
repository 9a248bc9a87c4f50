"""Write quizzes, exams and grades for other systems: ``make quizzes``, ``make exam``, ``make instructor``."""

import argparse
import re
import sys
from pathlib import Path

from alexteach import moodle, qti
from alexteach.questions import of_quiz

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


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="alexteach", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    quizzes = commands.add_parser("quizzes", help="every quiz as QTI 1.2, Moodle XML and GIFT")
    quizzes.add_argument("--folder", type=Path, default=ROOT / "quizzes")
    quizzes.add_argument("--out", type=Path, default=ROOT / "_build" / "quizzes")
    options = parser.parse_args(words)
    try:
        written = write_quizzes(options.folder, options.out)
    except (OSError, ValueError) as error:
        print(re.sub(r"\s+", " ", str(error)), file=sys.stderr)
        return 2
    print(f"{len(written)} files in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
