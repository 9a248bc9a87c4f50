"""The page of feedback: what a student reads, and nothing that a submission wrote into it is run or fetched."""

import json
from pathlib import Path

import grading_cases as cases
import pytest
from alexgrader import assignment, grade_one, proxies, report, results, sandbox
from alexgrader.results import ByHand
from built_book import needs_chromium

HOSTILE = ("<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">"
           "<svg onload=\"document.title='run'\"><iframe src=\"javascript:parent.document.title='run'\"></iframe>"
           "</pre></main><style>body{display:none}</style><meta http-equiv=refresh content=\"0;url=https://example.org\">"
           "<a href=\"javascript:document.title='run'\">x</a>\x1b[31m\u202e\x00 &amp; `${document.title='run'}`")


def row(text: str = "Fine.", **changes: object) -> report.Row:
    questions = [
        {"id": "output-size", "of": 2, "points": 2, "state": "passed", "why": ""},
        {"id": "total", "of": 3, "points": 0, "state": "failed", "why": text},
        {"id": "side", "of": 1.5, "points": 0, "state": "not run", "why": "The submission was stopped."},
        {"id": "why", "of": 4, "points": None, "state": "to grade by hand", "why": ""},
    ]
    cells = [{"id": "total-answer", "kind": "answer", "code": True, "source": f"total = 3  # {text}", "output": text,
              "error": text},
             {"id": "", "kind": "plain", "code": False, "source": text, "output": "", "error": ""}]
    result = {"student": text, "assignment": "layers", "file": f"{text}.ipynb", "status": "graded",
              "questions": questions, "cells": cells, **changes}
    return report.row(result, {})


def opened(browser, path: Path, **options: object) -> tuple:
    tab, asked = browser.new_page(**options), []
    tab.on("requestfinished", lambda request: asked.append(request.url))
    tab.goto(path.as_uri(), wait_until="load")
    tab.wait_for_timeout(300)
    return tab, asked


@needs_chromium
def test_nothing_of_a_submission_is_run(browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    rows = [row(HOSTILE), row(HOSTILE, questions=[], status=HOSTILE)]
    path.write_text(report.page(HOSTILE, rows), encoding="utf-8")
    tab, asked = opened(browser, path)
    assert tab.title().startswith("Feedback for <script>") and asked == [path.as_uri()]
    assert tab.locator("script, img, svg, iframe, a, main style").count() == 0
    assert HOSTILE.split("\x1b")[0] in tab.locator("pre").first.inner_text(), "it is shown as it was written"
    # The page's own rule is the second lock: a script that got in all the same would not run either.
    text = path.read_text(encoding="utf-8")
    text = text.replace("<main>", "<main><script>document.title = 'run'</script>")
    path.write_text(text, encoding="utf-8")
    tab, asked = opened(browser, path)
    assert tab.title().startswith("Feedback for") and asked == [path.as_uri()]
    path.write_text(text.replace("Content-Security-Policy", "x"), encoding="utf-8")
    tab, _ = opened(browser, path)
    assert tab.title() == "run", "without the rule it would have run: the test can fail"


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_reads_well(browser, tmp_path: Path, theme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "page.html"
    long = "values = [" + "3, " * 200 + "]"
    path.write_text(report.page("Jane Doe", [row(f"total is not the sum. {long}")]), encoding="utf-8")
    # Axe puts a script into the page, which the page's rule forbids: this tab is told to let it.
    tab, _ = opened(browser, path, viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    light = tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (theme == "light")


def test_the_page_says_what_counts() -> None:
    page = report.page("Jane Doe", [row("The sum of 3 values is wrong.")])
    assert "<strong>2</strong> of 10.5 points, and 1 answer still to be read" in page
    for sentence in ("The sum of 3 values is wrong.", "The submission was stopped.", "To be read",
                     "Not reached", "0 / 1.5", "– / 4"):
        assert sentence in page, sentence


def test_points_by_hand_win() -> None:
    result = {"student": "a", "assignment": "b", "file": "a.ipynb", "status": "graded", "cells": [], "questions": [
        {"id": "q", "of": 3, "points": 0, "state": "failed", "why": "no"},
        {"id": "r", "of": 4, "points": None, "state": "to grade by hand", "why": ""}]}
    assert report.row(result, {}).status == "graded, to grade by hand"
    found = report.row(result, {("a", "b", "q"): ByHand(1.5, "Almost."), ("a", "b", "r"): ByHand(4.0),
                                ("x", "b", "r"): ByHand(1.0)})
    assert (found.points, found.of, found.open, found.status) == (5.5, 7, 0, "graded")
    assert found.questions[0]["why"] == "Almost."


NAMES = ("José Ñandú", "Zoë Löwe-Weiß", "Øyvind Ærø", "García")
SAVED = [(encoding, delimiter) for delimiter in (",", ";", "\t", "sep=;")
         for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman")]


def saved(encoding: str, delimiter: str, names: tuple[str, ...] = NAMES) -> bytes:
    """manual.csv as a spreadsheet may save it."""
    mark = delimiter[-1]
    rows = [results.COLUMNS, *((name, "layers", "why", "4", "3,5" if mark != "," else "3.5", "Très don’t")
                               for name in names)]
    lines = ["sep=;"] * (mark != delimiter) + [mark.join(row) for row in rows]
    return "\r\n".join([*lines, mark * 5, ""]).encode(encoding)


@pytest.mark.parametrize(("encoding", "delimiter"), SAVED)
def test_points_are_read_as_any_spreadsheet_saves_them(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "manual.csv"
    path.write_bytes(saved(encoding, delimiter))
    given, rows, wrong = results.read_by_hand(path, NAMES)
    assert given == {(name, "layers", "why"): ByHand(3.5, "Très don’t") for name in NAMES}
    assert len(rows) == len(NAMES) and not wrong


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
@pytest.mark.parametrize("name", NAMES[:3])
def test_letters_tell_two_encodings_apart(tmp_path: Path, encoding: str, name: str) -> None:
    path = tmp_path / "manual.csv"
    path.write_bytes(saved(encoding, ";", (name,)))
    assert name in {key[0] for key in results.read_by_hand(path)[0]}


def test_a_table_that_is_written_opens_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    results.write_by_hand(path, [], [(name, "layers", "why", 4.0) for name in (*NAMES, "名前", "=1+1")])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    given, rows, _ = results.read_by_hand(path)
    assert {key[0] for key in given} == {*NAMES, "名前", "=1+1"}
    results.write_by_hand(path, rows, [("new", "layers", "why", 4.0)])
    assert path.read_bytes().count(b"\xef\xbb\xbf") == 1
    report.write_grades(tmp_path / "grades.csv", [row()], {})
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0\x01\xff", b"name,points\nJane,3\n", b"\xff\xfea\0b",
                                     b"\xef\xbb\xbf\xff", "\ufeffnothing".encode()])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manual.csv"
    path.write_bytes(content)
    with pytest.raises(results.Unreadable, match="Nothing was changed"):
        results.read_by_hand(path)


def test_a_row_that_matches_nobody_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    path.write_text("student,assignment,question,of,points,comment\nJos?,layers,why,4,3,\nJosé,layers,why,4,2,\n"
                    "gone,layers,why,4,,\nJosé,layers,why,4,3,\nJosé,layers,why,4,,\n", encoding="utf-8")
    given, _, wrong = results.read_by_hand(path)
    assert given[("José", "layers", "why")].points == 3
    assert wrong == ["manual.csv, line 5: José has two lines for why, and the last one counts"]
    assert results.unmatched(path, given, [("José", "layers", "why")]) == [
        "manual.csv: no submission matches Jos?, layers, why; its points are not counted"]


def test_pages_of_different_students_have_different_files() -> None:
    names = ["Jane Doe", "Jane-Doe", "Jane_Doe", "../../etc/passwd", "..", "", "Ünal", "李", "a/b", "a\\b",
             "a" * 300, "a" * 301]
    files = [report.page_name(name) for name in names]
    assert len({file.casefold() for file in files}) == len(names)
    taken = report.page_name("Bob Brown")
    assert report.page_name(taken.removesuffix(".html")) != taken, "a name cannot be chosen to be another's page"
    assert all("/" not in file and "\\" not in file and not file.startswith(".") and len(file) < 80 for file in files)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "plain", "'quoted", "'=x", ""])
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    assert results.guarded(text)[:1] not in tuple("=+-@")
    assert results.unguarded(results.guarded(text)) == text or text == "'=x"


def test_the_summary_of_a_large_course_fits_on_a_screen(tmp_path: Path) -> None:
    rows = [row("Wrong.", student=f"s{i}", file=f"s{i}.ipynb") for i in range(300)]
    rows += [row("x", questions=[], status="the file is empty", file=f"{'broken' * 30}{i}.ipynb") for i in range(60)]
    text = report.summary(rows, tmp_path, 12.3, ["manual.csv, line 3: 17 is not between 0 and 4 points"])
    lines = text.splitlines()
    assert len(lines) <= 24 and all(len(line) <= 118 for line in lines if "broken" in line)
    assert "layers: 300 submissions graded; points 2 to 2 of 10.5, median 2" in lines
    assert "60 files to look at:" in lines and any("more, in grades.csv" in line for line in lines)
    assert "300 answers to grade by hand" in text and "total (300), side (300)" in text


def graded(tmp_path: Path, cells: list[dict]) -> tuple[dict[str, dict], str]:
    """The questions of a submission by id, and its page."""
    source = assignment.load(cases.course(tmp_path).sources)["layers"]
    own = assignment.parse(json.dumps(cases.notebook(cells)).encode())
    result = grade_one.grade(source, own, sandbox.Limits(10, 60))
    made = report.row({**result, "student": "doe", "assignment": "layers", "file": "doe.ipynb", "status": "graded"}, {})
    return {q["id"]: q for q in made.questions}, report.page("doe", [made])


def retyped(cell: dict, kind: str) -> dict:
    return {**cell, "cell_type": kind}


@cases.needs_isolation
@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_whose_cell_changed_its_type_is_graded(tmp_path: Path, kind: str) -> None:
    cells = cases.layers(tests=cases.released())
    essay = retyped({**cells[-1], "source": "Because 4 is the stride: it's so."}, "code" if kind == "raw" else "raw")
    questions, page = graded(tmp_path, [retyped(c, kind) if c["source"] == cases.RIGHT["total-answer"] else c
                                        for c in [*cells[:-1], essay]])
    assert questions["total"]["points"] == 3
    assert questions["why"]["points"] is None and questions["why"]["state"] == grade_one.BY_HAND
    assert "Because 4 is the stride" in page and "deleted" not in page and "SyntaxError" not in page


@cases.needs_isolation
def test_deleted_is_said_of_what_is_deleted(tmp_path: Path) -> None:
    cells = cases.layers({**cases.RIGHT, "why": None}, cases.released())
    questions, _ = graded(tmp_path / "a", cells)
    assert questions["why"]["points"] == 0 and "was deleted" in questions["why"]["why"]
    questions, page = graded(tmp_path / "b", [*cells, cases.cell("", "Because the stride is 4.", "markdown")])
    assert questions["why"]["points"] is None, "the text is there, in a cell of the student's own"
    assert "Because the stride is 4." in page


@cases.needs_isolation
def test_a_missing_package_is_named_where_points_are_lost(tmp_path: Path) -> None:
    answers = {**cases.RIGHT, "output-size-answer": f"import no_such_package\n{cases.RIGHT['output-size-answer']}",
               "total-answer": "def total(values):\n    return sum(values) + 0 * output_size(7, 3, 2)",
               "side-answer": "import no_other.part\nside = 55"}
    questions, _ = graded(tmp_path, cases.layers(answers, cases.released()))
    for name in ("output-size", "total"):
        assert "No module named 'no_such_package'" in questions[name]["why"], name
        assert "(output-size-answer)" in questions[name]["why"]
    rows = [report.Row("doe", "layers", "doe.ipynb", "graded", tuple(questions.values()))]
    said = report.summary(rows * 2, tmp_path, 1.0)
    assert "Not installed here, and imported by answers: no_other (2), no_such_package (2)" in said
    assert "Not installed" not in report.summary([row()], tmp_path, 1.0)


@cases.needs_isolation
def test_a_class_derived_from_the_expected_one_counts(tmp_path: Path) -> None:
    with sandbox.Sandbox(sandbox.Limits(10, 60)) as box:
        box.run("class Odd(ValueError): pass\nclass Lie(AssertionError): pass\nclass Other(Exception): pass\n"
                "def odd(): raise Odd('uneven')\ndef lie(): raise Lie('x')\ndef other(): raise Other('x')")
        with pytest.raises(ValueError, match="uneven") as caught:
            proxies.Function(box, "odd")()
        assert caught.value.sentence == "odd ended in Odd: uneven"
        for name in ("lie", "other"):
            with pytest.raises(proxies.StudentError):
                proxies.Function(box, name)()


@cases.needs_isolation
def test_nothing_is_rewritten_before_all_is_read(tmp_path: Path) -> None:
    course = cases.course(tmp_path)
    course.hand_in("José.ipynb", cases.submission())
    first = course.grade("--jobs", "1")
    manual = first.folder / "manual.csv"
    manual.write_bytes(manual.read_bytes().replace(b"why,4,,", b"why,4,3,") + b"nobody,layers,why,4,2,\n")
    second = course.grade("--jobs", "1")
    assert second.rows["José.ipynb"]["why"] == "3"
    assert "no submission matches nobody, layers, why" in second.said
    course.hand_in("new.ipynb", cases.submission(why="new"))
    for broken in (b"student;points\nx;3\n", b"\xff\xfes\0t"):
        manual.write_bytes(broken)
        third = course.grade("--jobs", "1")
        assert third.status == 2 and "Nothing was changed" in third.said and "Traceback" not in third.said
        assert manual.read_bytes() == broken and third.rows == second.rows
