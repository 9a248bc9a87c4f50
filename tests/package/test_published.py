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
