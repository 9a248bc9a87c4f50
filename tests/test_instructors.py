"""The instructor's guide agrees with the chapters: their titles, times, goals and exercises."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "instructors.md").read_text(encoding="utf-8")
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\(chapters/([\w.-]+)\.ipynb(?:#([\w-]+))?\)")
LINKS = LINK.findall(GUIDE)
WORDS = {"half a": 0.5, "a": 1, "an": 1, "two": 2}

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def prose(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def one_line(text: str) -> str:
    return " ".join(text.split())


def exercises(path: Path) -> dict[str, str]:
    """Address -> title of a chapter's exercises."""
    part = prose(path).partition("## Exercises")[2]
    return {f"exercise-{n}": title for n, title in re.findall(r"^\*\*(\d+)\. ([^*]+)\*\* \(", part, re.MULTILINE)}


def section(title: str) -> str:
    """A section of the guide, without those that follow it at its level."""
    return re.split(r"^## ", GUIDE, flags=re.MULTILINE)[[s.partition("\n")[0] for s in re.split(
        r"^## ", GUIDE, flags=re.MULTILINE)].index(title)]


@each_chapter
def test_goals_are_the_chapters_own(path: Path) -> None:
    """Title and goals, word for word, and each goal names at least one place that shows it."""
    text = prose(path)
    title = text.partition("\n")[0][2:]
    opening = re.search(r"After (?:it|this chapter) you can\s+(- .*?)\n\n", text, re.DOTALL).group(1)
    goals = [one_line(goal).strip("- ;,.") for goal in re.split(r"\n(?=- )", opening)]
    part = re.search(rf"^### {int(path.stem[:2])}\. \[{re.escape(title)}\]\(chapters/{path.name}\)\n\n((?:- .*\n)+)",
                     GUIDE, re.MULTILINE)
    assert part, f"there is no list of goals under the title {title!r}"
    lines = part.group(1).splitlines()
    assert len(lines) == len(goals)
    for line, goal in zip(lines, goals, strict=True):
        assert line.startswith(f"- {goal}: "), goal
        assert all(name == path.stem for _, name, _ in LINK.findall(line)) and LINK.search(line)


@each_chapter
def test_every_exercise_is_named_with_the_title_that_the_chapter_gives_it(path: Path) -> None:
    named = [(address, title) for title, name, address in LINKS if name == path.stem and address.startswith("exercise")]
    titles = exercises(path)
    wrong = [f"{title!r} is linked to #{address}, which is {titles.get(address)!r}" for address, title in named
             if titles.get(address) != title]
    assert not wrong
    shown = {address for _, name, address in LINK.findall(section("Goals, and the exercises that show them"))
             if name == path.stem and address.startswith("exercise")}
    assert shown == set(titles), "each exercise stands behind the goal that it shows"


def minutes(text: str) -> float | None:
    """The first time in a text, in minutes: "about 45 minutes", "an hour", "a minute and a half", "seconds"."""
    if re.search(r"\bseconds\b", text):
        return 0
    found = re.search(r"(?:(\d+)|(half a|an?|two)) (minute|hour)s?( and a half)?( or two)?", text)
    if not found:
        return None
    number = float(found[1]) if found[1] else WORDS[found[2]]
    number += 0.5 * bool(found[4]) + bool(found[5])
    return number * (60 if found[3] == "hour" else 1)


@pytest.mark.parametrize(("text", "expected"), [
    ("about 45 minutes to read", 45), ("an hour", 60), ("a minute and a half on one core", 1.5), ("(an hour)", 60),
    ("a minute or two to run", 2), ("half a minute to run", 0.5), ("seconds to run", 0), ("under two minutes", 2),
    ("nothing", None)])
def test_times_are_read(text: str, expected: float | None) -> None:
    assert minutes(text) == expected


@each_chapter
def test_times_and_memory_are_the_chapters_own(path: Path) -> None:
    [row] = re.findall(rf"^\| \[[^\]]+\]\(chapters/{path.name}\) \|(.*)\|$", section("Time and hardware"), re.MULTILINE)
    read, run, needs = (cell.strip() for cell in row.split("|"))
    said = re.search(r"^\*?Time(?: and hardware)?:.*?(?=\n\n|\Z)", prose(path), re.MULTILINE | re.DOTALL).group()
    said = one_line(said).replace("*", "")
    reading = re.match(r"Time: (.*?)(?: to read|\. Hardware| if you predict)", said)
    if reading:
        assert minutes(read) == minutes(reading[1]) and not read.startswith("(")
    else:
        assert read.startswith("("), "an estimate of ours stands in parentheses"
    running = re.search(r"(?:[,;] |hardware: )(?:or two to look one thing up; )?"
                        r"((?:about |under )?(?:a|half a|two|seconds)[^,;.]*?)(?: of computing| to run| on one)", said)
    if running:
        assert minutes(run) == minutes(running[1]), (run, running[1])
    else:
        assert run == "seconds" and path.stem.startswith("01")
    memory = re.search(r"(\d+) GB of\s+memory", said)
    assert (re.search(r"(\d+) GB", needs) or [None] * 2)[1] == (memory[1] if memory else None)
    assert ("downloads" in needs) <= ("no download" not in said and "nothing is downloaded" not in said.lower())


def test_every_chapter_is_in_each_part() -> None:
    names = {path.stem for path in CHAPTERS}
    for title in ("Time and hardware", "Goals, and the exercises that show them"):
        assert {name for _, name, _ in LINK.findall(section(title))} == names
    semester = section("Three syllabi").partition("### A semester")[2]
    assert {name for _, name, _ in LINK.findall(semester)} == names


@each_chapter
def test_every_chapter_cures_something(path: Path) -> None:
    if not path.stem.startswith("03"):  # the Keras twin of 04
        assert f"](chapters/{path.name}" in section("Misconceptions, and where they are cured")


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
        time = re.search(r"about (\d+) minutes", one_line(opening)).group(1)
        found[number] = (title, f"{points:g}", f"{by_tests:g}", time)
    assert {number: tuple(rest) for number, *rest in rows} == found


def test_landing_page_leads_here() -> None:
    assert "](instructors.md)" in (ROOT / "index.md").read_text(encoding="utf-8")
