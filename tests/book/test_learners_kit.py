"""The cheat sheet's counts are the package's; the self-test asks questions of every chapter's quiz."""

import math
import re
from pathlib import Path

import pytest
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook_site import quiz, self_test
from repository import CHAPTERS, ROOT

SHEET = (ROOT / "cheat-sheet.md").read_text(encoding="utf-8")
PAGE = (ROOT / "self-test.md").read_text(encoding="utf-8")
PARTS = [tuple(map(int, pair)) for pair in re.findall(r"^```\{self-test\} (\d+) (\d+)$", PAGE, re.MULTILINE)]


@pytest.mark.parametrize(("network", "title"), [("alexnet_2012", "## AlexNet, as it ran in 2012"),
                                                ("lenet5_modern", "## LeNet-5, as it is written today")])
def test_counts_are_the_packages(network: str, title: str) -> None:
    table = trace(networks.get(network))
    part = SHEET.partition(title)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| ([\d ×,]+) \| ([\d,]+) \| ([\d,]+) \|$", part, re.MULTILINE)
    assert {name for name, *_ in rows} >= {row.name for row in table.rows if row.parameters}
    for name, shape, *counts in rows:
        row = table[name]
        assert tuple(int(side.replace(",", "")) for side in shape.split(" × ")) == row.output_shape
        assert [int(count.replace(",", "")) for count in counts] == [row.parameters, row.macs]
    assert f"| **Sum** | | {table.parameters:,} | {table.macs:,} |" in part


def test_lenet_as_published() -> None:
    table = trace(networks.get("lenet5"))
    assert f"{table.parameters:,} parameters and {table.macs:,} MACs" in SHEET


def test_parts_of_the_self_test_are_those_of_the_book() -> None:
    assert [number for first, last in PARTS for number in range(first, last + 1)] == list(range(1, len(CHAPTERS) + 1))


@pytest.mark.parametrize(("first", "last"), PARTS)
def test_each_chapter_gives_questions(first: int, last: int) -> None:
    found = self_test.questions(ROOT / "quizzes", first, last)
    assert len(found) == self_test.FROM_EACH * (last - first + 1)
    for path in (ROOT / "quizzes").glob("*.yml"):
        inside = first <= int(path.name[:2]) <= last
        assert sum(question in found for question in quiz.load(path)) == (self_test.FROM_EACH if inside else 0)
    rendered = self_test.render_part(found, f"part-{first}-{last}")
    assert len(set(re.findall(r'id="([^"]+)"', rendered))) == len(found)
    assert rendered.count('class="quiz-score"') == 1


def test_chapters_without_a_quiz_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no quiz for chapters 1 to 4"):
        self_test.questions(tmp_path, 1, 4)


def test_numbers_of_the_checks() -> None:
    assert f"{math.log(10):.3f} for 10 classes, {math.log(1000):.3f} for 1,000" in SHEET
    assert f"{100 * math.sqrt(0.05 * 0.95 / 10_000):.2f} points for 5 % of 10,000" in SHEET
