"""The slides' files: what they name exists, numbers are computed or stand in the chapter, wrong names are errors."""

import re

import pytest
from decks import deck, numbers, page, source
from repository import CHAPTERS, ROOT

FILES = deck.files()
DECKS = [deck.load(path) for path in FILES]
OUTPUT_SIZES = ROOT / "chapters" / "06-output-sizes.ipynb"
# Numbers that slides may state only if the chapter does: those from 1,000 on, and those with decimals; years are free.
NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+\.\d+(?![\d.])|\d{4,}(?!\w))")
YEAR = re.compile(r"19\d\d|20[0-3]\d")
each_deck = pytest.mark.parametrize("made", DECKS, ids=[made.name for made in DECKS])

SLIDE = {"title": "A", "minutes": 1, "text": "words", "notes": "said"}
LECTURE = [SLIDE] * 5 + [SLIDE | {"notes": "Misconception: that"}, {**SLIDE, "quiz": "Q"}, {**SLIDE, "answer": "Q"},
                         {**SLIDE, "exercise": "E"}]


@pytest.fixture(scope="module")
def chapter() -> source.Source:
    return source.Source(OUTPUT_SIZES)


def written(tmp_path, slides) -> deck.Deck:
    import yaml

    path = tmp_path / "06-output-sizes.yml"
    path.write_text(yaml.safe_dump(slides), encoding="utf-8")
    return deck.load(path)


def test_every_chapter_has_a_deck() -> None:
    assert [path.stem for path in FILES] == [path.stem for path in CHAPTERS]


@each_deck
def test_all_that_a_deck_names_exists(made: deck.Deck) -> None:
    """Makes all its slides, which looks up every name and computes every number."""
    slides = list(page.sections(made))
    assert len(slides) == made.count
    assert deck.LEAST <= made.count <= deck.MOST
    assert all('<aside class="notes">' in slide for slide in slides)
    assert "{{" not in "".join(slides)


@each_deck
def test_a_deck_is_a_lecture(made: deck.Deck) -> None:
    kinds = [slide.kind for slide in made.slides]
    assert kinds.index("quiz") < kinds.index("answer")
    assert "exercise" in kinds[len(kinds) // 2:]
    assert 30 <= made.minutes <= 75, "a lecture of one hour, with the exercise in class"
    for slide in made.slides:
        assert len(numbers.EXPRESSION.sub("0", slide.text + slide.then).split()) < 75, slide.title
        assert len(slide.notes.split()) > 5, slide.title


@each_deck
def test_numbers_that_are_typed_stand_in_the_chapter(made: deck.Deck) -> None:
    files = [ROOT / "chapters" / f"{made.name}.ipynb", ROOT / "quizzes" / f"{made.name}.yml"]
    known = {number.replace(",", "") for path in files for number in NUMBER.findall(path.read_text(encoding="utf-8"))}
    for slide in made.slides:
        typed = numbers.EXPRESSION.sub(" ", " ".join([slide.title, slide.text, slide.then, slide.notes]))
        unknown = [number for number in NUMBER.findall(typed)
                   if number.replace(",", "") not in known and not YEAR.fullmatch(number)]
        assert not unknown, slide.title


@pytest.mark.parametrize(("what", "name", "said"), [
    ("figure", "Not there", "06-output-sizes has no figure that begins with 'Not there'"),
    ("figure", "", "06-output-sizes has 6 figures that begin with ''"),
    ("cell", "no such code", "06-output-sizes has no cell with 'no such code'"),
    ("cell", "step(", "cells with 'step('; it must be exactly one."),
    ("question", "Why not?", "no question that begins with 'Why not?'"),
    ("exercise", "Sleep", "no exercise that begins with 'Sleep'"),
    ("widget", "ax-digit", "06-output-sizes has no widget 'ax-digit'."),
])
def test_a_wrong_name_is_an_error(chapter: source.Source, what: str, name: str, said: str) -> None:
    with pytest.raises(source.WrongDeck, match=re.escape(said)):
        getattr(chapter, what)(name)


def test_a_chapter_that_does_not_exist_is_an_error(tmp_path) -> None:
    with pytest.raises(source.WrongDeck, match="no chapter 99-none"):
        source.Source(tmp_path / "99-none.ipynb")


def test_a_figure_is_found_by_caption_alternative_text_or_title(chapter: source.Source) -> None:
    assert chapter.figure("The windows of conv1").alt.startswith("Left, a photograph of a pagoda")
    assert chapter.figure("Left, a photograph of a pagoda") is chapter.figure("The windows of conv1")
    assert chapter.figure("AlexNet as it ran").markup.startswith("<div")


@pytest.mark.parametrize(("text", "value"), [
    ("{{ trace('alexnet_2012').parameters }}", "60,965,224"),
    ("{{ 1 / 8 | .1% }}", "12.5\N{NO-BREAK SPACE}%"),
    ("{{ -2 }}", "\N{MINUS SIGN}2"),
    ("{{ trace('alexnet_2012')['conv1'].output_shape }}", "55 × 55 × 96"),
    ("{{ output_size(224, 11, 4, rounding='ceil') }} windows", "55 windows"),
    ("{{ shown('literal = trace(', 'fc8', 3) }}", "62,378,344"),
])
def test_numbers_are_computed(chapter: source.Source, text: str, value: str) -> None:
    assert numbers.filled(text, chapter) == value


def test_the_error_of_runs_is_their_mean() -> None:
    from alexbook import runs

    errors = [run.test_error for run in runs.load("mnist-lenet5-torch-*")]
    assert numbers.error("mnist-lenet5-torch-*") == pytest.approx(sum(errors) / len(errors))
    assert numbers.count("mnist-lenet5-torch-*") == len(errors)


@pytest.mark.parametrize(("expression", "said"), [
    ("__import__('os')", "nothing is called '__import__'"),
    ("open('x')", "nothing is called 'open'"),
    ("trace.__globals__", "has more than names, attributes and arithmetic"),
    ("[n for n in (1, 2)]", "has more than names, attributes and arithmetic"),
    ("(lambda: 1)()", "has more than names, attributes and arithmetic"),
    ("1 +", "is no expression"),
    ("trace('nonsense')", "has no value"),
    ("shown('literal = trace(', 'not printed')", "printed no number 1 behind 'not printed'"),
])
def test_other_expressions_are_refused(chapter: source.Source, expression: str, said: str) -> None:
    with pytest.raises(source.WrongDeck, match=re.escape(said)):
        numbers.evaluate(expression, chapter)


def test_a_well_formed_deck_loads(tmp_path) -> None:
    made = written(tmp_path, LECTURE)
    assert (made.count, made.minutes) == (11, 11)


@pytest.mark.parametrize(("slides", "said"), [
    ({"title": "A"}, "must be a list of slides"),
    (LECTURE[:-1], "has no slide with 'exercise'"),
    (LECTURE[3:], "makes 8 slides; a deck has 10 to 20"),
    (LECTURE * 3, "makes 29 slides"),
    ([*LECTURE[:6], LECTURE[7], LECTURE[6], *LECTURE[8:]], "answers 'Q' before it is asked"),
    ([SLIDE, *LECTURE[:5], *LECTURE[6:]], "names no misconception"),
    ([{"title": "A", "text": "B"}, *LECTURE], "slide 2 lacks notes, minutes"),
    ([SLIDE | {"picture": "x"}, *LECTURE], "nothing is known about picture"),
    ([SLIDE | {"figure": "x", "quiz": "y"}, *LECTURE], "shows figure and quiz; a slide shows one thing"),
    ([{"title": "A", "minutes": 1, "notes": "B"}, *LECTURE], "shows nothing and has no text"),
    (["words", *LECTURE], "must be a mapping"),
])
def test_a_deck_that_is_no_lecture_is_an_error(tmp_path, slides, said: str) -> None:
    with pytest.raises(source.WrongDeck, match=re.escape(said)):
        written(tmp_path, slides)


def test_lines_that_an_output_has_not_are_an_error(chapter: source.Source) -> None:
    slide = deck.Slide("Lines", "notes", 1, output="literal = trace(", lines=(1, 99))
    with pytest.raises(source.WrongDeck, match="shows lines 1 to 99 of 14"):
        page.output(slide, chapter)


def test_a_script_cannot_end_its_page() -> None:
    made = page.script("let a = '</script><script><!--'", "name")
    assert made.count("<script") == made.count("</script") == 1
    assert "<!--" not in made
