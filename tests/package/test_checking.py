"""The checks' core says right, wrong or not answered, whatever it is given, and never ends in a traceback."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from alexbook import checking
from alexbook.checking import Unanswered, Verdict, Wrong, check
from alexbook.exercises import ch04_lenet_1998
from alexbook.layers import Conv, MaxPool
from exercise_cases import NONSENSE, Case, EqualToEverything, Hostile, assert_case, faults


@check
def seven(answer):
    """Exercise: name a number between 6 and 8."""
    found = checking.whole(answer)
    if found != 7:
        raise Wrong("it is greater." if found < 7 else "it is less.")
    return "Well counted."


def test_a_check_prints_its_verdict(capsys) -> None:
    for answer in (7, 8, None):
        seven(answer)
    assert capsys.readouterr().out.splitlines() == ["Right. Well counted.", "Not yet: it is less.", "Not answered yet."]
    assert seven.verdict(7) == Verdict(True, "Well counted.")
    assert seven.verdict(6) == Verdict(False, "it is greater.")
    assert not seven.verdict(None).answered and not seven.verdict(None).right


def test_a_check_keeps_its_name_and_its_words() -> None:
    assert seven.__name__ == "seven" and "between 6 and 8" in seven.__doc__


@pytest.mark.parametrize("place", range(len(NONSENSE)))
def test_nonsense_is_wrong_in_one_sentence(place: int) -> None:
    verdict = seven.verdict(NONSENSE[place])
    assert not verdict.right and verdict.answered and verdict.why and "\n" not in str(verdict)


def test_right_without_a_word_says_right_only() -> None:
    assert str(check(lambda answer: None).verdict(1)) == "Right."


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@pytest.mark.parametrize("error", [ValueError("two\nlines"), Mute(), SystemExit(3), KeyError("x" * 500)], ids=repr)
def test_errors_in_a_check_become_a_sentence(error) -> None:
    def ends(answer):
        raise error

    verdict = check(ends).verdict(1)
    assert not verdict.right and type(error).__name__ in verdict.why
    assert "\n" not in verdict.why and len(verdict.why) < 200


def test_the_reader_can_interrupt_a_check() -> None:
    def interrupted(answer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(interrupted).verdict(1)


@pytest.mark.parametrize("value", [7, 7.0, np.int64(7), np.float32(7), np.array([7]), np.array([[7.0]]), Fraction(7)])
def test_whole_numbers_of_any_kind(value) -> None:
    assert checking.whole(value) == 7 and type(checking.whole(value)) is int


def test_tensors_of_both_frameworks() -> None:
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.tensor([1.5, 2.5], dtype=torch.bfloat16))
    np.testing.assert_array_equal(checking.array(parameter), [1.5, 2.5])
    assert checking.whole(torch.tensor(7)) == 7
    keras = pytest.importorskip("keras")
    np.testing.assert_array_equal(checking.array(keras.ops.convert_to_tensor([1.5, 2.5])), [1.5, 2.5])
    np.testing.assert_array_equal(checking.array(keras.Variable([1.5, 2.5])), [1.5, 2.5])


@pytest.mark.parametrize("value", [7.5, float("nan"), float("inf"), "7", True, np.bool_(True), b"7", 1j, None, [7, 7],
                                   [], {7: 7}, {7}, EqualToEverything(), np.array("7"), [[1], [1, 2]]], ids=repr)
def test_what_is_no_whole_number(value) -> None:
    with pytest.raises(Wrong, match="seven of them"):
        checking.whole(value, "seven of them")


def test_whole_numbers_of_any_size() -> None:
    assert checking.whole(10**400) == 10**400


def test_nan_is_no_number_whatever_it_comes_in() -> None:
    for value in (float("nan"), np.float32("nan"), np.array([np.nan]), [[float("nan")]]):
        with pytest.raises(Wrong, match="the loss is a number, and nan is not"):
            checking.number(value, "the loss")
    assert checking.number(float("inf")) == float("inf") and checking.number(1.5) == 1.5


def test_several_whole_numbers() -> None:
    assert checking.wholes([3, 1.0, np.int8(2)]) == (3, 1, 2)
    assert checking.wholes({3, 1, 2}) == (1, 2, 3)
    assert checking.wholes(np.arange(3), 3) == (0, 1, 2)
    with pytest.raises(Wrong, match="has 2 numbers; you gave 3"):
        checking.wholes([1, 2, 3], 2)
    for value in ("123", b"123", {1: 2}, 5, [1, "2"], [1, None], itertools.count()):
        with pytest.raises(Wrong):
            checking.wholes(value)


def test_arrays_and_their_shape() -> None:
    found = checking.array([[1, 2], [3, 4]], (2, 2))
    assert found.dtype == np.float64 and found.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(Wrong, match=r"the map has the shape \(2,\), where \(2, 2\) is asked for"):
        checking.array([1, 2], (2, 2), "the map")
    for value in ("12", {1, 2}, [True], [1j], [None, 1], [EqualToEverything()]):
        with pytest.raises(Wrong, match="made of numbers"):
            checking.array(value)


def test_an_answer_is_not_changed() -> None:
    mine = np.array([1.0, 2.0])
    checking.array(mine)[0] = 5
    assert mine.tolist() == [1.0, 2.0]


def test_words() -> None:
    assert checking.word(" Conv1 ", ("conv1", "conv2")) == "conv1"
    for value in ("conv3", 1, None, b"conv1", EqualToEverything()):
        with pytest.raises(Wrong, match="one of conv1, conv2"):
            checking.word(value, ("conv1", "conv2"))

    class Liar(str):
        __eq__ = __ne__ = lambda self, other: True
        __hash__ = str.__hash__

        def __str__(self) -> str:
            return "conv1"

        def casefold(self) -> str:
            return "conv1"

    with pytest.raises(Wrong):
        checking.word(Liar("nonsense"), ("conv1", "conv2"))


def test_close_numbers() -> None:
    assert checking.close(1.0000001, 1) and checking.close([1, 2], np.array([1.0, 2.0]))
    assert not checking.close(1.001, 1) and not checking.close([1, 2], [1, 2, 3])
    assert not checking.close(float("nan"), float("nan"))


def test_a_readers_function_gets_copies_and_its_errors_name_the_input() -> None:
    mine = [1, 2, 3]
    assert checking.result(lambda values: values.pop(), mine) == 3 and mine == [1, 2, 3]
    with pytest.raises(Wrong, match="^for a row of 3 your function ends in ZeroDivisionError: division by zero$"):
        checking.result(lambda values: 1 / 0, mine, of="a row of 3")
    with pytest.raises(Wrong, match="^your function ends in TypeError: "):
        checking.result(lambda: 1, mine)
    with pytest.raises(Wrong, match="SystemExit"):
        checking.result(lambda: exit(1))
    with pytest.raises(Wrong, match="is a function, and 5 is not"):
        checking.result(5)
    with pytest.raises(Unanswered):
        checking.result(lambda: None)


def test_values_in_a_sentence_are_short() -> None:
    assert checking.shown("two\nlines") == "two lines"
    assert len(checking.shown(list(range(1000)))) == 60
    assert checking.shown(Hostile()) == "an object of type Hostile"


SEVENS = (("greater", (6,)), ("less", (8,)), ("the text '7' is not", ("7",)))


def test_a_case_holds_what_is_right_wrong_and_nonsense() -> None:
    assert_case(Case(seven, ((7,), (7.0,)), SEVENS))


@check
def trusting(answer):
    """Compares what it is given as it is."""
    if answer != 7:
        raise Wrong("another number.")


@check
def wordy(answer):
    """Says too much."""
    if checking.whole(answer) != 7:
        raise Wrong("another\nnumber.")


@pytest.mark.parametrize("case", [
    Case(seven, ((8,),), SEVENS),
    Case(seven, ((7,),), SEVENS[:2]),
    Case(seven, ((7,),), (*SEVENS, ("less", (5,)))),
    Case(trusting, ((7,),), (("another", (6,)), ("another", (8,)), ("another", ("7",)))),
    Case(wordy, ((7,),), (("another", (6,)), ("another", (8,)), ("another", (9,)))),
], ids=("right is wrong", "too few", "another sentence", "trusting", "wordy"))
def test_a_case_finds_a_check_that_is_not_good_enough(case: Case) -> None:
    with pytest.raises(AssertionError):
        assert_case(case)


def test_exercises_without_checks_and_checks_without_exercises_are_found() -> None:
    found = "\n".join(faults("01-sliding-window", ch04_lenet_1998, [Case(ch04_lenet_1998.codes, (), ())]))
    assert "calls the checks [], not one" in found
    assert "checks and exercises differ: ['codes', " in found and "checks and cases differ: ['constant_j', " in found


def test_layers_are_alike_but_for_names_and_what_may_differ() -> None:
    conv = Conv(8, 3, padding=1, name="conv1")
    assert checking.alike(Conv(8, 3, padding=1), conv)
    assert checking.alike(Conv(4, 3, padding=1), conv, but=("filters",))
    assert not checking.alike(Conv(4, 3, padding=1), conv)
    assert not checking.alike(MaxPool(3), conv)
    for settings in ({"stride": 2}, {"padding": 0}, {"dilation": 2}, {"bias": False}, {"groups": 2}):
        assert not checking.alike(replace(conv, **settings), conv, but=("filters",)), settings
