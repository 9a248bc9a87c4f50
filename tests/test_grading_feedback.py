"""The page of feedback: what a student reads, and nothing that a submission wrote into it is run or fetched."""

from pathlib import Path

import grading_cases  # noqa: F401 (puts tools/ on the path)
import pytest
from built_book import needs_chromium
from grading import report, results
from grading.results import ByHand

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


def test_pages_of_different_students_have_different_files() -> None:
    names = ["Jane Doe", "Jane-Doe", "Jane_Doe", "../../etc/passwd", "..", "", "Ünal", "李", "a/b", "a\\b",
             "a" * 300, "a" * 301]
    files = [report.page_name(name) for name in names]
    assert len({file.casefold() for file in files}) == len(names)
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
