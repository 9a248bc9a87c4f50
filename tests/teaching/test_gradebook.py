"""Grades for platforms: totals by hand, tables read back, names that do not match are said and not guessed."""

import csv
import io
from pathlib import Path

import pytest
from alexteach import gradebook
from alexteach.__main__ import main
from alexteach.gradebook import Policy, Score

OF = {"lenet": 10.0, "alexnet": 20.0, "ablation": 5.0}
ADA = {"lenet": Score("lenet", 8, 10, "graded"), "alexnet": Score("alexnet", 10, 20),
       "ablation": Score("ablation", 5, 5)}


@pytest.mark.parametrize(("policy", "total"), [
    (Policy(), 100 * (0.8 + 0.5 + 1) / 3),
    (Policy(weights={"alexnet": 2}), 100 * (0.8 + 2 * 0.5 + 1) / 4),
    (Policy(drop=1), 100 * (0.8 + 1) / 2),
    (Policy(late_days={("Ada", "lenet"): 3}), 100 * (0.5 + 0.5 + 1) / 3),
    (Policy(late_days={("Ada", "lenet"): 3, ("Ada", "alexnet"): 1}, free_days=3), 100 * (0.8 + 0.4 + 1) / 3),
    (Policy(late_days={("Ada", "lenet"): 99}), 100 * (0 + 0.5 + 1) / 3),
    (Policy(late_days={("Bob", "lenet"): 3}), 100 * (0.8 + 0.5 + 1) / 3),
])
def test_totals(policy: Policy, total: float) -> None:
    assert gradebook.settled("Ada", ADA, OF, policy)[1] == pytest.approx(total)


def test_what_is_missing_counts_as_nothing_and_is_dropped_first() -> None:
    scores, total = gradebook.settled("Ada", {"lenet": ADA["lenet"]}, OF, Policy(drop=2))
    assert total == pytest.approx(80) and [s.dropped for s in scores] == [False, True, True]


@pytest.mark.parametrize("policy", [Policy(drop=3), Policy(weights=dict.fromkeys(OF, 0))])
def test_rules_that_leave_nothing_are_refused(policy: Policy) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        gradebook.settled("Ada", ADA, OF, policy)


def test_tables_of_both_platforms(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(
        "Student,ID,SIS Login ID,Section,Username\n    Points Possible,,,,\n\"Lovelace, Ada\",7,ada,A,ada\n"
        "Bob,8,bob,A,bob\nBob,9,bob2,A,bob2\n", encoding="utf-8")
    roster, unknown = gradebook.matched(gradebook.read_roster(tmp_path / "roster.csv"), ["Ada Lovelace", "Bob", "Eve"])
    assert unknown == ["Bob", "Eve"], "two of one name, and nobody"
    scores = {"Ada Lovelace": gradebook.settled("Ada Lovelace", ADA, OF, Policy())[0]}
    possible, line = csv.DictReader(io.StringIO(gradebook.canvas(roster, scores)))
    assert possible["Student"].strip() == "Points Possible" and possible["alexnet"] == "20"
    assert (line["Student"], line["ID"], line["lenet"], line["ablation"]) == ("Lovelace, Ada", "7", "8", "5")
    (line,) = csv.DictReader(io.StringIO(gradebook.moodle(roster, scores)))
    assert (line["Username"], line["lenet"], line["lenet (feedback)"]) == ("ada", "8", "graded")


def test_grades_are_read_as_the_grader_writes_them(tmp_path: Path) -> None:
    from alexgrader.report import Row, write_grades
    question = {"id": "q", "points": 2.5, "of": 3.0}
    write_grades(tmp_path / "grades.csv", [Row("Ada", "lenet", "a.ipynb", "graded", (question,)),
                                           Row("Ada", "lenet", "b.ipynb", "not graded: older")], {})
    score = gradebook.read_grades(tmp_path / "grades.csv")["Ada"]["lenet"]
    assert (score.points, score.of, score.comment) == (2.5, 3.0, "graded")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the columns"):
        gradebook.read_grades(tmp_path / "other.csv")


def test_a_report_is_escaped() -> None:
    page = gradebook.report("<b>Ada", [Score("lenet", 8, 10, "<i>", 1)], 70)
    assert "&lt;b&gt;Ada" in page and "7 of 10" in page and "70.0 %" in page and "<i>" not in page


def test_all_of_it_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "grades.csv").write_text("student,assignment,points,of,status\nAda,lenet,8,10,graded\n"
                                         "Ada,alexnet,10,20,graded\nEve,lenet,1,10,graded\n", encoding="utf-8")
    (tmp_path / "roster.csv").write_text("First name,Last name,Email address\nAda,,ada@example.org\n", encoding="utf-8")
    (tmp_path / "rules.yml").write_text("drop: 1\nlate_days: {Ada: {lenet: 1}}\n", encoding="utf-8")
    words = ["grades", *(str(tmp_path / name) for name in ("grades.csv", "roster.csv")), "--rules",
             str(tmp_path / "rules.yml"), "--out", str(tmp_path / "out")]
    assert main(words) == 0 and "Eve" in capsys.readouterr().out
    assert "Ada,70.00" in (tmp_path / "out" / "totals.csv").read_text(encoding="utf-8")
    assert len(list((tmp_path / "out" / "reports").iterdir())) == 2
    (tmp_path / "rules.yml").write_text("dropped: 1\n", encoding="utf-8")
    assert main(words) == 2 and "may have the keys" in capsys.readouterr().err
