"""The quizzes for learning platforms, read back by a reader of the tests' own and compared with the quizzes' files."""

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from alexbook_site import quiz
from alexteach import moodle, qti
from alexteach.__main__ import write_quizzes
from alexteach.markup import html, latex
from alexteach.names import evaluate
from alexteach.questions import Item, of_quiz, variants
from repository import ROOT

FILES = sorted((ROOT / "quizzes").glob("*.yml"))
Q = f"{{{qti.QTI}}}"
NUMERIC = Item("sum", "What is $1 + 1$?", answer=2.0, tolerance=0.5, working="1 + 1 = 2.")
Read = list[tuple[str, list[tuple[str, str, bool]]]]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quizzes")
    write_quizzes(ROOT / "quizzes", folder)
    return folder


def expected(path: Path, variant: int = 0) -> Read:
    return [(html(item.text), [(html(c.text), html(c.why), c.right) for c in item.choices])
            for item in of_quiz(path, variant)]


def read_moodle(text: str) -> Read:
    found = []
    for question in ET.fromstring(text).iter("question"):
        if question.get("type") == "multichoice":
            answers = [(a.findtext("text") or "", a.findtext("feedback/text") or "", a.get("fraction") == "100")
                       for a in question.iter("answer")]
            found.append((question.findtext("questiontext/text") or "", answers))
    return found


def read_qti(text: str) -> Read:
    found = []
    for item in ET.fromstring(text).iter(f"{Q}item"):
        said = {f.get("ident"): f.findtext(f".//{Q}mattext") for f in item.iter(f"{Q}itemfeedback")}
        shown, scored = {}, set()
        for condition in item.iter(f"{Q}respcondition"):
            answer = condition.findtext(f"{Q}conditionvar/{Q}varequal")
            if condition.find(f"{Q}setvar") is not None:
                scored.add(answer)
            else:
                display = condition.find(f"{Q}displayfeedback")
                assert display is not None
                shown[answer] = said[display.get("linkrefid")]
        labels = [(a.get("ident"), a.findtext(f".//{Q}mattext") or "") for a in item.iter(f"{Q}response_label")]
        answers = [(text, shown[name] or "", name in scored) for name, text in labels]
        found.append((item.findtext(f"{Q}presentation/{Q}material/{Q}mattext") or "", answers))
    return found


def read_gift(text: str) -> Read:
    found = []
    for block in text.split("\n\n")[1:]:
        if not (match := re.match(r"::(?:\\.|[^\\:])+::\[html\]((?:\\.|[^\\{])*)\{(.*)\}\s*$", block, re.DOTALL)):
            raise AssertionError(block)
        answers = []
        for sign, choice, why in re.findall(r"([=~])((?:\\.|[^\\#~=])*)#((?:\\.|[^\\~=])*)", match[2]):
            answers.append((unescaped(choice), unescaped(why), sign == "="))
        found.append((unescaped(match[1]), answers))
    return found


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text).strip()


def spaced(read: Read) -> Read:
    def one(text: str) -> str:
        return " ".join(text.split())
    return [(one(text), [(one(choice), one(why), right) for choice, why, right in answers]) for text, answers in read]


@pytest.mark.parametrize("variant", [0, 1, 2])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_read_back_equal_from_each_form(out: Path, path: Path, variant: int) -> None:
    name = path.stem + (f"-variant-{variant}" if variant else "")
    wanted = expected(path, variant)
    assert read_moodle((out / f"{name}.moodle.xml").read_text(encoding="utf-8")) == wanted
    with zipfile.ZipFile(out / f"{name}.qti.zip") as package:
        manifest = ET.fromstring(package.read("imsmanifest.xml"))
        (resource,) = manifest.iter(f"{{{qti.PACKAGE}}}resource")
        assert read_qti(package.read(resource.get("href") or "").decode()) == wanted
    assert spaced(read_gift((out / f"{name}.gift.txt").read_text(encoding="utf-8"))) == spaced(wanted)


def test_one_package_has_all_quizzes_and_names_are_unique(out: Path) -> None:
    with zipfile.ZipFile(out / "all.qti.zip") as package:
        names = [name for name in package.namelist() if name != "imsmanifest.xml"]
        idents = [item.get("ident") for name in names for item in ET.fromstring(package.read(name)).iter(f"{Q}item")]
    assert len(names) == len(FILES)
    assert len(set(idents)) == len(idents) == sum(len(quiz.load(path)) for path in FILES)


def test_elements_stand_in_the_order_of_the_specification() -> None:
    """Of IMS QTI 1.2.1's DTD: an item's parts, and that what a condition names exists."""
    root = ET.fromstring(qti.assessment("all", [NUMERIC, *of_quiz(FILES[0])]))
    order = ["itemmetadata", "presentation", "resprocessing", "itemfeedback"]
    for item in root.iter(f"{Q}item"):
        tags = [child.tag.removeprefix(Q) for child in item]
        assert tags == sorted(tags, key=order.index)
        there = {f.get("ident") for f in item.iter(f"{Q}itemfeedback")}
        assert {d.get("linkrefid") for d in item.iter(f"{Q}displayfeedback")} == there
        for condition in item.iter(f"{Q}respcondition"):
            assert condition[0].tag == f"{Q}conditionvar"


def test_a_number_is_taken_within_its_tolerance() -> None:
    root = ET.fromstring(qti.assessment("n", [NUMERIC]))
    bounds = [root.findtext(f".//{Q}{tag}") for tag in ("vargte", "varequal", "varlte")]
    assert bounds == ["1.5", "2", "2.5"]
    answer = ET.fromstring(moodle.xml("n", [NUMERIC])).find(".//answer")
    assert answer is not None and (answer.findtext("text"), answer.findtext("tolerance")) == ("2", "0.5")
    assert "{#2:0.5" in moodle.gift("n", [NUMERIC])


def test_formulas_and_code_are_in_the_form_that_is_read() -> None:
    assert html("$a < b$ in `x_1 & y`") == r"\(a &lt; b\) in <code>x_1 &amp; y</code>"
    assert latex("$a < b$ in `x_1 & y`, *so* 3 %") == r"$a < b$ in \texttt{x\_1 \& y}, \emph{so} 3 \%"


def test_signs_of_gift_are_escaped() -> None:
    item = Item("a:b", "{x} = y # z ~", (quiz.Choice("~=1", "w#", True), quiz.Choice("2", "b"), quiz.Choice("3", "c")))
    assert read_gift(moodle.gift("c", [item])) == [("{x} = y # z ~", [("~=1", "w#", True), ("2", "b", False),
                                                                      ("3", "c", False)])]


def test_variants_differ_and_fifteen_questions_have_two() -> None:
    counted = 0
    for path in FILES:
        for place, question in enumerate(quiz.load(path), 1):
            if made := variants(question, f"{path.stem} {place}"):
                assert len(made) == 2 and len({question.text, *(item.text for item in made)}) == 3
                assert len({next(c.why for c in item.choices if c.right) + item.text for item in made}) == 2
                counted += 1
    assert counted >= 15


@pytest.mark.parametrize("expression", ["__import__('os')", "open('x')", "().__class__", "lambda: 1", "1 +",
                                        "math.__dict__", "[x for x in y]", "1/0"])
def test_an_expression_knows_only_its_names(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        evaluate(expression)
