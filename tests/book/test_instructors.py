"""The instructor's guide and README's list say what the chapters say of themselves; the guide's links lead there."""

import itertools
import json
import re
import shutil
from pathlib import Path

import address
import chapter_lists
import pytest
from alexbook_site import planning
from alexbook_site.chapters import QUIZ, Chapter, Goal, IncompleteChapter, chapters, read
from repository import ROOT

GUIDE = (ROOT / "instructors.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\(chapters/([\w.-]+)\.ipynb(?:#([\w-]+))?\)")
LINKS = LINK.findall(GUIDE)
CHAPTERS = chapters(ROOT)

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)


def section(title: str) -> str:
    """A section of the guide, without those that follow it at its level."""
    return re.split(r"^## ", GUIDE, flags=re.MULTILINE)[[s.partition("\n")[0] for s in re.split(
        r"^## ", GUIDE, flags=re.MULTILINE)].index(title)]


def test_lists_are_what_the_chapters_say(tmp_path: Path) -> None:
    """`make notebooks` and `make address` write README's list and the guide's tables."""
    for name in ("README.md", "instructors.md", "glossary.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "chapters", tmp_path / "chapters")
    chapter_lists.write(tmp_path, address.configured(ROOT), address.branch(ROOT))
    for name in ("README.md", "instructors.md"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8"), name


@each_chapter
def test_a_goal_is_in_the_guide_with_what_shows_it(chapter: Chapter) -> None:
    for goal in chapter.goals:
        [line] = [line for line in GUIDE.splitlines() if line.startswith(f"- {goal.words}: ")]
        assert [where for _, name, where in LINK.findall(line) if name == chapter.path.stem] == list(goal.shown_by)


@each_chapter
def test_each_exercise_shows_a_goal(chapter: Chapter) -> None:
    shown = {where for goal in chapter.goals for where in goal.shown_by}
    assert {where for where in shown if where.startswith("exercise")} == set(chapter.exercises)
    assert shown <= {QUIZ, *chapter.exercises, *chapter.sections}


@each_chapter
def test_every_exercise_is_named_with_the_title_that_the_chapter_gives_it(chapter: Chapter) -> None:
    named = [(where, title) for title, name, where in LINKS
             if name == chapter.path.stem and where.startswith("exercise")]
    wrong = [f"{title!r} is linked to #{where}, which is {chapter.exercises.get(where)!r}" for where, title in named
             if chapter.exercises.get(where) != title]
    assert named and not wrong


@each_chapter
def test_what_a_chapter_needs_fits_what_it_is(chapter: Chapter) -> None:
    """Its framework is the one that it imports; times are such as a reader has."""
    code = "\n".join("".join(cell["source"]) for cell in json.loads(chapter.path.read_text(encoding="utf-8"))["cells"]
                     if cell["cell_type"] == "code")
    for framework, imported in (("Keras", r"^(?:import|from) keras"), ("PyTorch", r"^(?:import|from) torch")):
        if re.search(imported, code, re.MULTILINE):
            assert framework in chapter.hardware or chapter.number == 1, framework
    assert 10 <= chapter.minutes <= 120 and 0 < chapter.run_minutes <= 10


@pytest.mark.parametrize(("change", "said"), [
    (lambda facts: facts.pop("hardware"), "no 'hardware'"),
    (lambda facts: facts.update(minutes="an hour"), "no 'minutes'"),
    (lambda facts: facts.update(goals=["count"]), "the goal 'count'"),
    (lambda facts: facts["goals"][0].update(shown_by=[]), "the goal {"),
])
def test_what_a_chapter_does_not_say_is_said_in_a_sentence(tmp_path: Path, change, said: str) -> None:
    notebook = json.loads(CHAPTERS[0].path.read_text(encoding="utf-8"))
    change(notebook["metadata"]["alexbook"])
    path = tmp_path / "01-bad.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(IncompleteChapter, match=re.escape(said)) as caught:
        read(path)
    assert str(caught.value).startswith("01-bad.ipynb has ") and "\n" not in str(caught.value)


def test_a_goal_that_nothing_shows_is_refused() -> None:
    with pytest.raises(KeyError, match="exercise-99"):
        chapter_lists.shown(Goal("count", ("exercise-99",)), CHAPTERS[0])


def test_every_chapter_is_in_each_part() -> None:
    names = {chapter.path.stem for chapter in CHAPTERS}
    for title in ("Time and hardware", "What each chapter builds on", "Goals, and the exercises that show them"):
        assert {name for _, name, _ in LINK.findall(section(title))} == names
    semester = section("Three syllabi").partition("### A semester")[2]
    assert {name for _, name, _ in LINK.findall(semester)} == names


MINUTES = {chapter.number: chapter.minutes for chapter in CHAPTERS}


@pytest.mark.parametrize(("title", "rows"), [("### Two weeks", 10), ("### A semester", 14)])
def test_reading_of_a_session_is_summed_and_fits(title: str, rows: int) -> None:
    """Where one of two chapters is read, either takes the minutes stated."""
    part = re.split(r"^##", GUIDE.partition(f"{title}\n")[2], flags=re.MULTILINE)[0]
    found = re.findall(r"^\| \d+ \| ([^|]*) \| (\d+) \|", part, re.MULTILINE)
    assert len(found) == rows
    for cell, minutes in found:
        numbers = [int(name[:2]) for _, name, _ in LINK.findall(cell)]
        sums = [MINUTES[n] for n in numbers] if " or " in cell else [sum(MINUTES[n] for n in numbers)]
        assert {int(minutes)} == set(sums) and int(minutes) <= 120, cell


def test_a_day_has_no_gap_and_no_overlap() -> None:
    day = re.findall(r"^\| (\d+):(\d\d) to (\d+):(\d\d) \|", GUIDE, re.MULTILINE)
    spans = [(int(a) * 60 + int(b), int(c) * 60 + int(d)) for a, b, c, d in day]
    assert len(spans) == 10 and all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert all(start < end for start, end in spans)
    rests = sum(end - start for (start, end), line in zip(
        spans, [line for line in GUIDE.splitlines() if re.match(r"\| \d+:\d\d to", line)], strict=True)
        if line.endswith("| | |"))
    assert (rests, spans[-1][1] - spans[0][0] - rests) == (105, 360)


def test_each_session_has_a_board_plan_and_three_questions() -> None:
    sessions = re.split(r"^### ", section("Board plans and discussion questions"), flags=re.MULTILINE)[1:]
    assert len(sessions) == 11
    assert {name for session in sessions for _, name, _ in LINK.findall(session.partition("\n")[0])} == {
        chapter.path.stem for chapter in CHAPTERS}
    for session in sessions:
        assert "*Board:*" in session and re.findall(r"^(\d)\. .+\?$", session, re.MULTILINE) == ["1", "2", "3"]


def test_terms_are_counted_in_earlier_chapters_only() -> None:
    text = (ROOT / "glossary.md").read_text(encoding="utf-8")
    needed = planning.prerequisites(CHAPTERS, text)
    assert list(needed) == [chapter.number for chapter in CHAPTERS] and not needed[1]
    assert all(earlier < number for number, counts in needed.items() for earlier in counts)
    assert sum(map(len, planning.terms(text).values())) > 100


def test_a_term_is_found_as_a_whole_word() -> None:
    assert planning.uses(("kernel", "filter"), "Two kernels meet.") and planning.uses(("batch",), "Batches")
    assert not planning.uses(("kernel",), "a sub-kernel, kernelspec")
    made = planning.terms("a\n  X. ([T](chapters/02-x.ipynb#s))\n\n"
                          "b\n  % forms: b, bee\n  Y. ([T](chapters/03-y.ipynb#s))")
    assert made == {2: [("a",)], 3: [("b", "bee")]}


@each_chapter
def test_every_chapter_cures_something(chapter: Chapter) -> None:
    if chapter.number != 3:  # the PyTorch twin of 2
        assert f"](chapters/{chapter.path.name}" in section("Misconceptions, and where they are cured")


def test_chapters_are_numbered_as_they_are_linked() -> None:
    for title, name, _ in LINKS:
        if re.fullmatch(r"(?:[Cc]hapter )?\d+", title):
            assert int(re.search(r"\d+", title).group()) == int(name[:2]), (title, name)


def test_tables_have_at_most_six_columns() -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("|")]
    assert rows
    for row in rows:
        assert row.count("|") - row.count("\\|") <= 7, row


def test_numbers_of_the_misconceptions_are_on_the_chapters_pages() -> None:
    """Numbers of three digits or with a point, in what is so, stand in one of the chapters that the row names."""
    for line in section("Misconceptions, and where they are cured").splitlines():
        cells = line.split(" | ")
        if len(cells) != 3 or not LINK.search(cells[2]):
            continue
        pages = ""
        for _, name, _ in LINK.findall(cells[2]):
            pages += (ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8")
        pages = re.sub(r"(?<=\d)(?:,|\{,\}|_)(?=\d{3})", "", pages)
        for number in re.findall(r"\d[\d,]*(?:\.\d+)?", cells[0] + cells[1]):
            plain = number.strip(",").replace(",", "")
            if len(plain) > 2:
                assert re.search(rf"(?<!\d){re.escape(plain)}(?!\d)", pages), (number, line)


def test_every_command_exists() -> None:
    """Without the folder of assignments (a copy may have left it out) there is nothing to hand out or to grade."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    absent = set() if (ROOT / "assignments").is_dir() else {"release", "grade"}
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)\b", GUIDE, re.MULTILINE)) - absent:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"there is no `make {target}`"
    for name in set(re.findall(r"\b(?:tools|\.github|benchmarks)/[\w./-]+\w", GUIDE)):
        assert (ROOT / name).exists() or (absent and name == "tools/release.py"), name


@pytest.mark.skipif(not (ROOT / "assignments" / "source").is_dir(), reason="this copy has no assignments")
def test_points_and_times_of_the_assignments_are_their_own() -> None:
    rows = re.findall(r"^\| (\d) ([^|]+) \| [^|]+ \| (\d+) \| (\d+) \| (\d+) minutes \|$", GUIDE, re.MULTILINE)
    sources = sorted((ROOT / "assignments" / "source").glob("*/*.ipynb"))
    assert len(rows) == len(sources) > 0
    found = {}
    for path in sources:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        opening = "".join(cells[0]["source"])
        number, title = re.match(r"# Assignment (\d): (.+)", opening).groups()
        graded = [meta for cell in cells if (meta := cell["metadata"].get("nbgrader", {})).get("grade")]
        points = sum(meta["points"] for meta in graded)
        by_tests = sum(meta["points"] for meta in graded if not meta["solution"])
        time = re.search(r"about (\d+) minutes", " ".join(opening.split())).group(1)
        found[number] = (title, f"{points:g}", f"{by_tests:g}", time)
    assert {number: tuple(rest) for number, *rest in rows} == found


def test_landing_page_leads_here() -> None:
    assert "](instructors.md)" in (ROOT / "index.md").read_text(encoding="utf-8")
