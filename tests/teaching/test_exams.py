"""Exams: every answer on 1,000 seeds computed a second time from the question's words alone; PyTorch for a sample."""

import re
from math import floor
from pathlib import Path

import pytest
from alexteach.__main__ import main
from alexteach.exams import KINDS, as_latex, as_markdown, bank, exam
from alexteach.questions import Item

LAYER = re.compile(r"`(\w+)`: (?:(\d+) kernels|max pooling) of (\d+) × \3, stride (\d+)(?:, padding (\d+))?"
                   r"(?:, (\d+) groups)?")


def solved(text: str) -> int:
    """An answer from the words of a question, by the formulas of the book's first chapter."""
    numbers = [int(n) for n in re.findall(r"\d+", text.replace(",", ""))]
    if text.startswith("A row"):
        size, kernel, stride, padding = numbers
        return floor((size + 2 * padding - kernel) / stride) + 1
    if text.startswith("Feature maps"):
        side, _, channels, units = numbers
        return side * side * channels * units + units
    side, _, channels = numbers[:3]
    parameters = macs = values = 0
    reach, step = 1, 1
    for _, filters, kernel, stride, padding, groups in LAYER.findall(text):
        k, s = int(kernel), int(stride)
        side = (side + 2 * int(padding or 0) - k) // s + 1
        reach, step = reach + (k - 1) * step, step * s
        if filters:
            weights = int(filters) * (channels // int(groups or 1)) * k * k
            channels = int(filters)
            parameters, macs = parameters + weights + channels, macs + weights * side * side
        values += side * side * channels
    if "bytes" in text:
        return 4 * values * numbers[-2]
    for word, value in (("parameters", parameters), ("multiply", macs), ("receptive", reach),
                        ("values", side * side * channels)):
        if f"{word}" in text:
            return value
    raise AssertionError(text)


def test_answers_on_a_thousand_seeds() -> None:
    for seed in range(1000):
        for item in exam(seed, "secret", level=seed % 3 + 1):
            assert item.answer == solved(item.text) > 0, (seed, item)


@pytest.mark.parametrize("seed", range(12))
def test_sizes_and_parameters_are_those_of_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    parameters = next(item for item in exam(seed, level=3) if item.name.endswith("parameters"))
    side, _, channels = (int(n) for n in re.findall(r"\d+", parameters.text)[:3])
    layers, given = [], channels
    for _, filters, kernel, stride, padding, groups in LAYER.findall(parameters.text):
        if filters:
            layers.append(torch.nn.Conv2d(given, int(filters), int(kernel), int(stride), int(padding),
                                          groups=int(groups or 1)))
            given = int(filters)
        else:
            layers.append(torch.nn.MaxPool2d(int(kernel), int(stride)))
    network = torch.nn.Sequential(*layers)
    assert sum(p.numel() for p in network.parameters()) == parameters.answer
    asked = parameters.text.replace("How many parameters are trained?", "How many values has the last output?")
    assert network(torch.zeros(1, channels, side, side)).numel() == solved(asked)


def test_seed_key_and_level_each_change_the_exam() -> None:
    texts = [[item.text for item in exam(*arguments)] for arguments in
             ((1, "a", 2), (2, "a", 2), (1, "b", 2), (1, "a", 3), (1, "a", 2))]
    assert texts[0] == texts[4] and len({tuple(text) for text in texts}) == 4
    assert [item.name.split(": ")[1] for item in exam(1)] == list(KINDS)


@pytest.mark.parametrize("form", [as_markdown, as_latex])
def test_the_answers_stand_in_the_key_alone(form) -> None:
    items = [Item("n", "How much is 6 · 7?", answer=424242.0, working="By $6 \\cdot 7$.")]
    assert "424,242" not in form("Exam", items) and "424,242" in form("Exam", items, key=True)
    assert "How much" in form("Exam", items)


def test_latex_is_balanced_and_has_no_sign_that_it_does_not_know() -> None:
    for seed in range(50):
        for key in (False, True):
            text = as_latex("Exam", exam(seed, level=3), key)
            assert text.isascii() and text.count("{") == text.count("}") and text.count("$") % 2 == 0


@pytest.mark.parametrize("wrong", [{"level": 4}, {"count": 0}])
def test_a_wrong_level_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must be 1, 2 or 3"):
        exam(1, **wrong)


def test_the_bank_has_ninety_different_questions_that_follow_from_the_key() -> None:
    one, other = bank("correct horse battery"), bank("another long secret")
    assert len({item.text for item in one}) == 90 and all(item.answer == solved(item.text) for item in one)
    assert len({item.text for item in one} & {item.text for item in other}) < 5


def test_the_instructors_build_takes_a_folder_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    own, out = tmp_path / "own", tmp_path / "out"
    own.mkdir()
    (own / "01-mine.yml").write_text("- question: Which?\n  choices:\n  - {text: a, why: so, right: true}\n"
                                     "  - {text: b, why: nope}\n  - {text: c, why: not}\n", encoding="utf-8")
    words = ["instructor", "--out", str(out), "--private", str(own), "--key"]
    assert main([*words, "short"]) == 2 and "12 signs" in capsys.readouterr().err
    assert main([*words, "correct horse battery"]) == 0
    assert "Which?" in (out / "01-mine.md").read_text(encoding="utf-8")
    assert "A. so" in (out / "01-mine-answers.md").read_text(encoding="utf-8")
