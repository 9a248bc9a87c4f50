"""The checks of chapter 20 know right answers, and say what is wrong with the usual wrong ones."""

import re

import pytest
from alexbook.arithmetic import output_size, trace
from alexbook.networks import get
from exercise_cases import ROOT, Case, EqualToEverything, assert_case, faults

keras = pytest.importorskip("keras")
from alexbook.exercises import ch20_errata as exercises  # noqa: E402
from keras import layers  # noqa: E402


def mend(text):
    """As the solution has it."""
    return text.encode("cp1253").decode("utf-8")


def model(pads=("same", "same"), strides=(4, 2, 2, 2), flatten=True, filters=(12, 32, 48, 48, 32),
          units=(512, 512, 1000), ends=("relu", "softmax"), dropouts=True, side=227):
    """The exercise's network, mended; each argument makes one mistake."""
    def conv(place, kernel, padding="same", strides=1):
        return layers.Conv2D(filters[place], kernel, strides=strides, padding=padding, activation=ends[0])

    def build():
        rows = [keras.Input((side, side, 3)), conv(0, 11, "valid", strides[0]), layers.MaxPooling2D(3, strides[1]),
                conv(1, 5, pads[0]), layers.MaxPooling2D(3, strides[2]), conv(2, 3, pads[1]), conv(3, 3),
                *([conv(4, 3)] if len(filters) > 4 else []), layers.MaxPooling2D(3, strides[3])]
        rows += [layers.Flatten()] if flatten else []
        for count in units[:-1]:
            rows += [layers.Dense(count, "relu"), *([layers.Dropout(0.5)] if dropouts else [])]
        return keras.Sequential([*rows, layers.Dense(units[-1], ends[1])])

    return build


def listing():
    """The function of the exercise's cell, as the chapter prints it."""
    import nbformat

    notebook = nbformat.read(ROOT / "chapters" / "20-errata.ipynb", as_version=4)
    source = next(cell.source for cell in notebook.cells if cell.source.startswith("def broken"))
    names = {"keras": keras}
    exec(source.partition("\n\n\n")[0], names)
    return names["broken"]


def errata(claims):
    """As the solution has it."""
    wrong = {}
    for place, (network, layer, figure, value) in enumerate(claims):
        found = trace(get(network))
        if layer is not None:
            found = found[layer]
        if figure == "side":
            right = found.output_shape[0]
        else:
            right = getattr(found, figure)
        if value != right:
            wrong[place] = right
    return wrong


class EqualText(str):
    """A text that claims to be equal to everything."""

    __eq__ = EqualToEverything.__eq__
    __ne__ = EqualToEverything.__ne__
    __hash__ = str.__hash__


CASES = (
    Case(exercises.lenet_without_edges, ((44_426,), (44_426.0,)), (
        ("the sentence's own count", (61_706,)),
        ("differ by", (17_280,)),
        ("fc1 alone", (30_840,)),
        ("biases", (44_190,)),
        ("another network", (60_000,)),
        ("down and across", (44_426 + 7_680,)),
        ("too many", (50_000,)),
        ("too few", (40_000,)),
    )),
    Case(exercises.one_line_off, ((3, 2), (3.0, 2.0)), (
        ("line 2 is right: it makes 56", (2, 2)),
        ("line 1 is right", (1, 2)),
        ("numbered from 1", (0, 2)),
        ("With padding 1 it makes 54 pixels, as it does now", (3, 1)),
        ("With padding 3 it makes 58 pixels, and not 56", (3, 3)),
        ("no padding", (3, -1)),
        ("the line is a number", ("third", 2)),
    )),
    Case(exercises.whose_layer, (("conv4",), (" Conv4",)), (
        ("with conv2 exchanged the sum is 944", ("conv2",)),
        ("with conv5 exchanged", ("conv5",)),
        ("conv3 does the same work", ("conv3",)),
        ("fc6 does the same work", ("fc6",)),
        ("one of conv1, conv2", ("pool1",)),
        ("one of conv1, conv2", (4,)),
    )),
    Case(exercises.garbled_dash, ((mend,), (lambda text: bytes(text, "cp1253").decode(),)), (
        ("comes back as it went in", (lambda text: text,)),
        ("only the sign comes back", (lambda text: "—",)),
        ("makes plain ReLU-much better", (lambda text: text.replace("β€”", "-"),)),
        ("or replace one sign", (lambda text: "ReLU—much" if "ReLU" in text else text,)),
        ("the text with a shorter dash comes back", (lambda text: text.replace("β€”", "—"),)),
        ("ends in UnicodeEncodeError", (lambda text: text.encode("cp1252").decode("utf-8"),)),
        ("a text is asked for", (lambda text: text.encode("cp1253"),)),
        ("makes plain nothing", (lambda text: EqualText("nothing"),)),
        ("is a function", ("—",)),
    )),
    Case(exercises.two_numbers_off, (({72: 92, 52: 62},), ({52: 62.0, 72: 92},)), (
        ("something else is still wrong", ({72: 92},)),
        ("72 is wrong, and so is 91", ({72: 91, 52: 62},)),
        ("52 is wrong, and so is 38", ({72: 92, 52: 38},)),
        ("4 is right as it stands", ({4: 5, 72: 92},)),
        ("96 is right as it stands", ({96: 95},)),
        ("no 62 in the sentence", ({62: 52},)),
        ("replaced by another number", ({72: 72},)),
        ("is a dict", ([72, 52],)),
        ("is a dict", ({},)),
    )),
    Case(exercises.three_errors, ((model(),),), (
        ("conv2 gives feature maps of 23 x 23: look at its padding", (listing(),)),
        ("conv2 gives feature maps of 23 x 23: look at its padding", (model(pads=("valid", "same")),)),
        ("pool5 gives feature maps of 4 x 4: by how much", (model(strides=(4, 2, 2, 3)),)),
        ("fc6 gives (6, 6, 512)", (model(flatten=False),)),
        ("conv1 has 96 channels", (model(filters=(96, 32, 48, 48, 32)),)),
        ("fc8 has 10 units", (model(units=(512, 512, 10)),)),
        ("nothing has to be added", (model(filters=(12, 32, 48, 48)),)),
        ("its input is (None, 224, 224, 3)", (model(side=224),)),
        ("conv1 ends in tanh", (model(ends=("tanh", "softmax")),)),
        ("fc8 ends in linear", (model(ends=("relu", None)),)),
        ("0 dropouts", (model(dropouts=False),)),
        ("the function that makes the model", (model()(),)),
    )),
    Case(exercises.errata, ((errata,),), (
        ("pass", (lambda claims: {},)),
        ("and it is right", (lambda claims: {n: errata(claims).get(n, claim[3]) for n, claim in enumerate(claims)},)),
        ("does not give what is so", (lambda claims: {n: value + 7 for n, value in errata(claims).items()},)),
        ("counted from 0", (lambda claims: {n + 1: value for n, value in errata(claims).items()},)),
        ("a dict is asked for", (lambda claims: list(errata(claims)),)),
        ("ends in ", (lambda claims: {0: trace(get(claims[0][0]))[claims[0][1]].parameters},)),
        ("pass", (lambda claims: {n: v for n, v in errata(claims).items() if claims[n][2] != "side"},)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_the_lines_are_those_that_the_chapter_prints() -> None:
    text = (ROOT / "chapters" / "20-errata.ipynb").read_text(encoding="utf-8")
    cell = text[text.index("listed = ["):]
    printed = [tuple(map(int, line)) for line in re.findall(r"\((\d+), (\d+), (\d+), (\d+), (\d+)\)", cell)]
    assert tuple(printed[:5]) == exercises.LISTED
    assert [output_size(*line[:4]) == line[4] for line in exercises.LISTED] == [True, True, False, True, True]


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("20-errata", exercises, CASES)) == []
