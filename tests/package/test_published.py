"""Quoted figures: the file is whole, and its numbers agree with what can be computed or is said elsewhere."""

import json
import re

import pytest
from alexbook import arithmetic, networks, published
from repository import ROOT

FILE = ROOT / "data" / "published.json"
BIBLIOGRAPHY = set(re.findall(r"^@\w+\{(.+),", (ROOT / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
every = pytest.mark.parametrize("name", published.names())


def unique(pairs: list[tuple]) -> dict:
    """An object of the file; JSON itself would take the last of two entries of one name."""
    assert len({key for key, _ in pairs}) == len(pairs), f"twice: {sorted(key for key, _ in pairs)}"
    return dict(pairs)


def test_no_entry_is_there_twice() -> None:
    sections = json.loads(FILE.read_text(encoding="utf-8"), object_pairs_hook=unique)
    assert sum(map(len, sections.values())) == len(published.names())


@every
def test_an_entry_says_what_it_is_and_where_it_stands(name: str) -> None:
    figure = published.get(name)
    assert len(figure.what.split()) > 1 and figure.unit
    assert re.search(r"\b(19|20)\d\d\b", figure.source), "no year"
    assert not figure.reference or figure.reference in BIBLIOGRAPHY
    assert "UNVERIFIED" not in f"{figure}{figure.note}"


@every
def test_values_are_numbers_and_their_errors_belong_to_them(name: str) -> None:
    figure = published.get(name)
    values = figure.value if isinstance(figure.value, dict) else {"": figure.value}
    errors = figure.plus_minus if isinstance(figure.plus_minus, dict) else {"": figure.plus_minus or 0}
    assert values and all(isinstance(value, int | float) for value in [*values.values(), *errors.values()])
    assert set(errors) <= set(values) | {""}
    if figure.unit == "%":
        assert all(0 <= value <= 100 for value in values.values())


def test_asking() -> None:
    assert published.number("networks.zfnet.top1_error") == 38.4
    assert published.numbers("changes.zeiler.without_7") == {"train_top1": 27.4, "top1": 40.0, "top5": 18.4}
    assert [figure.id for figure in published.find("networks.vgg16.*accuracy")] == [
        "networks.vgg16.top1_accuracy", "networks.vgg16.top5_accuracy"]
    assert str(published.get("transfer.bo.caltech101")).startswith("81.4 % (Bo et al. 2013")
    published.numbers("changes.zeiler.without_7").clear()
    assert published.numbers("changes.zeiler.without_7")


@pytest.mark.parametrize(("ask", "name", "message"), [
    (published.get, "networks.vgg16.params", "no published figure 'networks.vgg16.params'; similar are networks.vgg16"),
    (published.find, "nonsense.*", "no published figure 'nonsense.*'"),
    (published.number, "changes.zeiler.without_7", "has the numbers train_top1, top1, top5; ask published.numbers"),
    (published.numbers, "networks.zfnet.top1_error", "is one number; ask published.number"),
    (published.get, 7, "no published figure 7"),
])
def test_wrong_questions(ask, name, message) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ask(name)


def test_alexnet_is_the_books_own() -> None:
    """torchvision's counts of its AlexNet are those of the book's description of it, found layer by layer."""
    traced = arithmetic.trace(networks.get("alexnet_torchvision"))
    assert traced.parameters == published.number("networks.alexnet.parameters")
    assert traced.macs / 1e9 == pytest.approx(published.number("networks.alexnet.macs"), abs=0.0006)


def convolution(side: int, kernel: int, channels: int, filters: int) -> tuple[int, int]:
    """Weights and MACs of a convolution without biases, whose output has this side."""
    weights = kernel * kernel * channels * filters
    return weights, weights * side * side


def resnet(*blocks: int) -> tuple[int, int]:
    """Parameters and MACs of a ResNet of bottleneck blocks, layer by layer; torchvision's stride is in the 3 x 3."""
    layers, normalized, channels, before = [convolution(112, 7, 3, 64)], 64, 64, 56
    for stage, count in enumerate(blocks):
        narrow, side = 64 * 2 ** stage, 56 // 2 ** stage
        for block in range(count):
            layers += [convolution(before, 1, channels, narrow), convolution(side, 3, narrow, narrow),
                       convolution(side, 1, narrow, 4 * narrow)]
            normalized += 6 * narrow
            if block == 0:
                layers.append(convolution(side, 1, channels, 4 * narrow))
                normalized += 4 * narrow
            channels, before = 4 * narrow, side
    weights, macs = (sum(numbers) for numbers in zip(*layers, strict=True))
    return weights + 2 * normalized + 1000 * (channels + 1), macs + 1000 * channels


@pytest.mark.parametrize(("name", "blocks"), [("resnet50", (3, 4, 6, 3)), ("resnet152", (3, 8, 36, 3))])
def test_resnets_counted_layer_by_layer(name: str, blocks: tuple[int, ...]) -> None:
    parameters, macs = resnet(*blocks)
    assert parameters == published.number(f"networks.{name}.parameters")
    assert macs / 1e9 == pytest.approx(published.number(f"networks.{name}.macs"), abs=0.0006)


def test_squeezenet_counted_layer_by_layer() -> None:
    """Fire modules of torchvision's SqueezeNet 1.1: squeeze, and as many kernels of 1 x 1 as of 3 x 3."""
    fires = [(55, 64, 16, 64), (55, 128, 16, 64), (27, 128, 32, 128), (27, 256, 32, 128), (13, 256, 48, 192),
             (13, 384, 48, 192), (13, 384, 64, 256), (13, 512, 64, 256)]
    layers, biases = [convolution(111, 3, 3, 64), convolution(13, 1, 512, 1000)], 64 + 1000
    for side, channels, squeeze, expand in fires:
        layers += [convolution(side, 1, channels, squeeze), convolution(side, 1, squeeze, expand),
                   convolution(side, 3, squeeze, expand)]
        biases += squeeze + 2 * expand
    weights, macs = (sum(numbers) for numbers in zip(*layers, strict=True))
    assert weights + biases == published.number("networks.squeezenet1_1.parameters")
    assert macs / 1e9 == pytest.approx(published.number("networks.squeezenet1_1.macs"), abs=0.0006)


def test_entries_of_one_network_are_complete_and_recipes_only_add() -> None:
    whole = {"year", "parameters", "macs", "top1_accuracy", "top5_accuracy"}
    for name in {figure.id.split(".")[1] for figure in published.find("networks.*.macs")}:
        assert {figure.id.split(".", 2)[2] for figure in published.find(f"networks.{name}.*")} >= whole
        first, fifth = (published.number(f"networks.{name}.top{top}_accuracy") for top in (1, 5))
        assert 50 < first < fifth < 100
