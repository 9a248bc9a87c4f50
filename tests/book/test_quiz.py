"""The quizzes: well-formed, true, no giveaway in their form; on the built pages usable by mouse, keyboard and print.

A quiz states numbers. Each either stands on its chapter's page, or is computed here from ``alexbook``: the expression
for it stands in the quiz's file.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from alexbook_site import quiz
from alexteach.names import evaluate
from built_book import CHROMIUM
from repository import CHAPTERS, ROOT

HTML = ROOT / "_build" / "html"
FILES = sorted((ROOT / "quizzes").glob("*.yml"))

QUIZZES = {path.stem: quiz.load(path) for path in FILES}
EVERY = [pytest.param(name, question, id=f"{name}-{n}") for name, questions in QUIZZES.items()
         for n, question in enumerate(questions, 1)]
each_question = pytest.mark.parametrize(("chapter", "question"), EVERY)
each_computed = pytest.mark.parametrize(
    ("chapter", "question"), [case for case in EVERY if case.values[1].truth or case.values[1].computed])
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\d)")


def right(question: "quiz.Question") -> "quiz.Choice":
    return next(choice for choice in question.choices if choice.right)


# --- their form -------------------------------------------------------------------------------------------------------

def test_every_chapter_has_a_quiz() -> None:
    assert list(QUIZZES) == [path.stem for path in CHAPTERS]
    assert all(4 <= len(questions) <= 6 for questions in QUIZZES.values())


@each_question
def test_choices_and_reasons_are_all_different(chapter: str, question: "quiz.Question") -> None:
    for texts in ([c.text for c in question.choices], [c.why for c in question.choices]):
        assert len({text.casefold().strip(" .") for text in texts}) == len(texts)
    assert all(choice.text and len(choice.why.split()) >= 3 for choice in question.choices)
    assert not re.search(r"\$|\\\w|\*\*|<\w", question.text + "".join(c.text + c.why for c in question.choices))


def test_no_question_is_asked_twice() -> None:
    texts = Counter(question.text for questions in QUIZZES.values() for question in questions)
    assert max(texts.values()) == 1


def test_the_right_choice_stands_everywhere_equally_often() -> None:
    """Chi-squared with three degrees of freedom stays below its 95 % point for a fair deal."""
    places = Counter([c.right for c in q.choices].index(True) for qs in QUIZZES.values() for q in qs)
    expected = [sum(1 / len(q.choices) for qs in QUIZZES.values() for q in qs if len(q.choices) > place)
                for place in range(4)]
    assert sum((places[place] - fair) ** 2 / fair for place, fair in enumerate(expected)) < 7.8


def test_the_right_choice_is_not_known_by_its_length() -> None:
    """It is the longest, and the shortest, about as often as chance has it: within two standard deviations."""
    questions = [q for qs in QUIZZES.values() for q in qs]
    fair = sum(1 / len(q.choices) for q in questions)
    scatter = math.sqrt(sum((1 - 1 / len(q.choices)) / len(q.choices) for q in questions))
    for extreme in (max, min):
        found = sum(len(right(q).text) == extreme(len(c.text) for c in q.choices) for q in questions)
        assert abs(found - fair) < 2 * scatter, (extreme, found, fair)


@pytest.mark.parametrize(("change", "message"), [
    (lambda q: q["choices"].pop(), "needs three or four"),
    (lambda q: q["choices"][1].pop("right"), "has 0 right choices"),
    (lambda q: q["choices"][0].update(right=True), "has 2 right choices"),
    (lambda q: q["choices"][0].pop("why"), "lacks why"),
    (lambda q: q.update(answer=3), "nothing is known about answer"),
    (lambda q: q.pop("question"), "lacks question"),
    (lambda q: q["choices"].__setitem__(0, "yes"), "lacks text, why"),
    (lambda q: q["choices"][0].update(text=55), "text is 55 and should be text"),
    (lambda q: q.update(question=None), "question is None and should be text"),
])
def test_a_malformed_quiz_is_refused_in_a_sentence(tmp_path: Path, change, message: str) -> None:
    entry = {"question": "What?", "choices": [{"text": "a", "why": "b"}, {"text": "c", "why": "d", "right": True},
                                              {"text": "e", "why": "f"}]}
    change(entry)
    path = tmp_path / "00-bad.yml"
    path.write_text(json.dumps([entry]), encoding="utf-8")
    with pytest.raises(quiz.ExtensionError, match=message) as caught:
        quiz.load(path)
    assert "00-bad.yml, question 1" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "Yes"])
def test_a_reason_that_yaml_reads_as_true_or_false_is_refused(tmp_path: Path, word: str) -> None:
    path = tmp_path / "00-bad.yml"
    path.write_text(f"- question: What?\n  choices:\n  - {{text: a, why: {word}}}\n", encoding="utf-8")
    value = word.lower() in ("yes", "on")
    with pytest.raises(quiz.ExtensionError, match=f"00-bad.yml, question 1: why is {value} and should be text; put it"):
        quiz.load(path)
    path.write_text(f"- question: What?\n  choices:\n  - {{text: a, why: '{word}'}}\n", encoding="utf-8")
    with pytest.raises(quiz.ExtensionError, match="has 1 choices"):
        quiz.load(path)


def test_text_is_escaped_and_code_is_marked() -> None:
    assert quiz.marked("a < b & `x['<1>']`") == "a &lt; b &amp; <code>x['&lt;1&gt;']</code>"
    assert quiz.marked("it's `a'b`") == "it\u2019s <code>a'b</code>"
    assert quiz.marked("*not* `a*b*c` 2 * 3 * 4") == "<em>not</em> <code>a*b*c</code> 2 * 3 * 4"
    assert quiz.marked('"yes"') == "\u201cyes\u201d"


@pytest.mark.parametrize("chapter", QUIZZES)
def test_the_page_needs_no_script_and_no_style_of_its_own(chapter: str) -> None:
    page = quiz.render(QUIZZES[chapter])
    assert page.count(" data-right") == len(QUIZZES[chapter])
    assert not re.search(r"<script|<style|\s(on\w+|style)=", page), "a content security policy forbids it inline"


# --- their truth ------------------------------------------------------------------------------------------------------

def numbers(text: str) -> list[str]:
    """The numbers of a text as they are written, but without the commas between thousands."""
    return [found.replace(",", "") for found in NUMBER.findall(text)]


def equals(written: str, value: float) -> bool:
    """Whether a number as it is written is the value, rounded to as many decimals."""
    decimals = len(written.partition(".")[2])
    return math.isclose(float(written), round(float(value), decimals), abs_tol=1e-9)


def shown(chapter: str) -> set[str]:
    """Every number on a chapter's page: in its prose, its code and its outputs."""
    cells = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        parts.append("".join(cell["source"]))
        parts += ["".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))
                  for output in cell.get("outputs", [])]
    text = "\n".join(parts).replace("{,}", ",")
    text = re.sub(r"(?<=\d)_(?=\d{3})", "", re.sub(r"(?<=\d),(?=\d{3})", "", text))
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def truth(question: "quiz.Question") -> float | None:
    return evaluate(question.truth) if question.truth else None


@each_computed
def test_the_right_choice_and_other_numbers_are_as_computed(chapter: str, question: "quiz.Question") -> None:
    if question.truth:
        stated = numbers(right(question).text)
        assert any(equals(written, truth(question)) for written in stated), (stated, truth(question))
    said = numbers(" ".join([question.text, *(c.text + " " + c.why for c in question.choices)]))
    for written, expression in question.computed.items():
        assert equals(written.replace(",", ""), evaluate(expression)), (written, expression)
        assert written.replace(",", "") in said, f"{written} is computed but not used"


@each_question
def test_each_number_is_on_the_page_or_computed(chapter: str, question: "quiz.Question") -> None:
    """Of more than two digits or with decimals; wrong choices may state any number, their reasons may not."""
    said = " ".join([question.text, right(question).text, *(choice.why for choice in question.choices)])
    known = shown(chapter) | {written.replace(",", "") for written in question.computed}
    unknown = [n for n in numbers(said) if (len(n) > 2 or "." in n) and n not in known]
    assert not [n for n in unknown if not (question.truth and equals(n, truth(question)))]


def test_most_numeric_answers_are_computed() -> None:
    """A right choice that begins with a number is one that can be computed."""
    numeric = [q for qs in QUIZZES.values() for q in qs if re.match(r"(About )?\d", right(q).text)]
    assert len(numeric) > 12
    assert sum(bool(q.truth) for q in numeric) / len(numeric) > 0.6


# --- on the built pages -----------------------------------------------------------------------------------------------

CHAPTER = "03-lenet-pytorch"
PAGE = HTML / "chapters" / f"{CHAPTER}.html"
built = pytest.mark.skipif(not PAGE.is_file(), reason="the book is not built: run `make book`")
in_browser = pytest.mark.skipif(not (CHROMIUM and PAGE.is_file()), reason="no Chromium, or the book is not built")


@built
@pytest.mark.parametrize("chapter", QUIZZES)
def test_quiz_stands_before_further_reading(chapter: str) -> None:
    page = (HTML / "chapters" / f"{chapter}.html").read_text(encoding="utf-8")
    assert page.count('<fieldset class="quiz-question"') == len(QUIZZES[chapter])
    quiz_at = page.index('id="check-yourself"')
    if (reading := page.find('id="further-reading"')) > 0:
        assert quiz_at < reading
    assert page.count('href="#check-yourself"') >= 1, "it is among the page's contents"


@pytest.fixture
def tab(browser) -> Iterator:
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    tab = context.new_page()
    tab.goto(PAGE.as_uri(), wait_until="load")
    yield tab
    context.close()


def place_of_right(question: "quiz.Question") -> int:
    return [choice.right for choice in question.choices].index(True)


def plain(text: str) -> str:
    """A text as it is read on the page."""
    return re.sub(r"<[^>]+>", "", quiz.marked(text)).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@in_browser
def test_each_choice_answers_with_its_reason(tab) -> None:
    for n, question in enumerate(QUIZZES[CHAPTER], 1):
        group = tab.locator(f"#question-{n}")
        assert not group.locator(".quiz-reasons").is_visible()
        order = sorted(range(len(question.choices)), key=lambda place, q=question: q.choices[place].right)
        for place in order:
            choice = question.choices[place]
            button = group.locator(".quiz-choice").nth(place)
            # Its inner_text is empty while it is out of view.
            assert plain(choice.text) in " ".join(button.text_content().split())
            button.click()
            said = group.get_by_role("status").inner_text()
            assert said == f"{'ABCD'[place]}: {'Right.' if choice.right else 'No.'} {plain(choice.why)}"
            assert button.locator(".quiz-mark").inner_text() == ("✓ right" if choice.right else "✗ no")
        assert group.locator(".quiz-reasons").is_visible()
    assert tab.locator(".quiz-score").inner_text() == f"0 of {len(QUIZZES[CHAPTER])} right at the first try."


@in_browser
def test_first_tries_are_counted(tab) -> None:
    questions = QUIZZES[CHAPTER]
    for n, question in enumerate(questions, 1):
        assert tab.locator(".quiz-score").inner_text() == ""
        right_place = place_of_right(question)
        wrong_place = (right_place + 1) % len(question.choices)
        tries = [right_place, wrong_place] if n > 1 else [wrong_place, right_place, right_place]
        for place in tries:
            tab.locator(f"#question-{n} .quiz-choice").nth(place).click()
    expected = f"{len(questions) - 1} of {len(questions)} right at the first try."
    assert tab.locator(".quiz-score").inner_text() == expected


@in_browser
def test_keyboard_alone_is_enough(tab) -> None:
    tab.locator("#question-1 .quiz-choice").first.focus()
    for n, question in enumerate(QUIZZES[CHAPTER][:2], 1):
        place = place_of_right(question)
        for key in ["Tab"] * place + (["Enter"] if n == 1 else ["Space"]):
            tab.keyboard.press(key)
        focused = tab.evaluate("document.activeElement.closest('.quiz-question').id")
        assert focused == f"question-{n}", "the focus stays where it was"
        assert tab.evaluate("document.activeElement.dataset.state") == "right"
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        # On over the choices that are left and the reasons, which are unfolded by Enter, to the next question.
        for _ in range(len(question.choices) - place):
            tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        assert tab.locator(f"#question-{n} .quiz-reasons").get_attribute("open") is not None
        tab.keyboard.press("Tab")


@in_browser
def test_groups_are_named_by_their_questions(tab) -> None:
    for question in QUIZZES[CHAPTER]:
        assert tab.get_by_role("group", name=plain(question.text)).count() == 1


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessible_before_and_after_an_answer(browser, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme, offline=True)
    tab = context.new_page()
    tab.goto(PAGE.as_uri(), wait_until="load")
    for _ in range(2):
        found = axe.Axe().run(tab, context=".quiz").response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []
        for place in range(4):
            tab.locator("#question-1 .quiz-choice").nth(place).click()
    context.close()


@in_browser
def test_buttons_are_wide_enough_for_a_thumb(tab) -> None:
    heights = tab.locator(".quiz-choice").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44


@in_browser
@pytest.mark.parametrize("script", [True, False])
def test_paper_shows_all_the_reasons(browser, script: bool) -> None:
    context = browser.new_context(java_script_enabled=script, offline=True)
    tab = context.new_page()
    tab.goto(PAGE.as_uri(), wait_until="load")
    if script:
        tab.locator("#question-1 .quiz-choice").first.click()
    tab.emulate_media(media="print")
    question = QUIZZES[CHAPTER][0]
    for choice in question.choices:
        reason = tab.locator("#question-1 .quiz-reasons li").filter(has_text=plain(choice.why))
        assert reason.is_visible() and reason.bounding_box()["height"] > 10
    assert not tab.locator("#question-1 .quiz-feedback").is_visible()
    context.close()


@in_browser
def test_without_scripts_the_answer_unfolds(browser) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    tab = context.new_page()
    tab.goto(PAGE.as_uri(), wait_until="load")
    question = QUIZZES[CHAPTER][0]
    group = tab.locator("#question-1")
    assert group.locator("li", has_text=plain(right(question).text)).first.is_visible()
    assert not group.get_by_text(plain(right(question).why)).is_visible()
    group.get_by_text("Answer and reasons").click()
    assert group.get_by_text(f"Right is {'ABCD'[place_of_right(question)]}.").is_visible()
    assert group.get_by_text(plain(right(question).why)).is_visible()
    context.close()
