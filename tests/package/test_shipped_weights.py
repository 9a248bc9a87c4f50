"""The trained networks that come with the book: they are the recorded runs', answer alike in both frameworks, and are
as good as their cards say."""

import numpy as np
import pytest
import ship_weights
from alexbook import package_data, runs, weights
from alexbook.datasets import photographs
from alexbook.training import Recipe
from alexbook.weights import _scores

FOLDER = package_data.folder() / "weights"
RNG = np.random.default_rng(6)


measured = weights.measured


def test_they_are_there_and_light():
    assert {"lenet5", "lenet5_modern"} <= set(weights.names())
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 8e6
    assert {path.stem for path in FOLDER.glob("*.json")} == {*weights.names(), "pretrained"}


@pytest.mark.parametrize("name", weights.names())
def test_a_card_says_what_the_record_says(name):
    card, said = weights.card(name), measured(name)
    [run] = runs.load(card.run)
    recipe = Recipe.of(run.recipe)
    assert (card.network, card.changes, card.dataset) == (recipe.network, recipe.changes, recipe.dataset)
    assert card.test_error == run.test_error and card.classes == tuple(run.dataset["classes"])
    assert card.mean == pytest.approx(run.dataset["mean"], abs=1e-4)
    assert card.std == pytest.approx(run.dataset["std"], abs=1e-4)
    assert said["bytes"] == (FOLDER / f"{name}.safetensors").stat().st_size
    assert said["error_stored"] - said["error_float32"] <= ship_weights.MOST
    if recipe.views == 1:
        most = 2 if recipe.precision == "float32" else 5  # images that another data type's rounding may turn over
        assert said["error_float32"] == pytest.approx(run.test_error, abs=most / said["test_images"])


@pytest.mark.parametrize("name", [name for name in weights.names() if len(weights.card(name).classes) > 10])
def test_errors_by_views_fit_each_other(name):
    said = measured(name)
    assert "1" in said["views"] and said["views"].keys() <= {"1", "10"}
    assert said["views"]["1"]["error"] == said["error_stored"]
    for each in said["views"].values():
        assert 0 < each["error_top5"] < each["error"] < 1 and 0 < each["class_error"] < 1


def test_what_was_measured_is_known_of_shipped_weights_only():
    with pytest.raises(ValueError, match="There are no weights named 'resnet'; there are .*lenet5"):
        weights.measured("resnet")


@pytest.mark.parametrize("name", weights.names())
def test_both_frameworks_give_the_same_probabilities(name):
    card = weights.card(name)
    images = [photographs.load(each, None) for each in photographs.names()]
    noise = [RNG.integers(0, 256, (28, 28), dtype=np.uint8) for _ in range(10)]
    prepared = card.prepare(images + noise)
    ours, theirs = (_scores.softmax(_scores.scores(weights.load(name, framework), prepared, framework))
                    for framework in weights.FRAMEWORKS)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in weights.names() if "error_digits" in measured(name)])
def test_a_network_for_digits_reads_the_shipped_ones_as_its_card_says(name):
    said = measured(name)["error_digits"]
    assert ship_weights.digits_error(name) == pytest.approx(said, abs=2.5 / 1797)
    assert said < 0.25  # of ten classes: a network that has learned nothing is wrong 90 times of 100


def test_the_table_of_weights_has_the_measured_numbers():
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    header = next(line for line in table.splitlines() if line.startswith("| |"))
    columns = [cell.strip(" `") for cell in header.strip("|").split("|")[1:]]
    assert columns == list(weights.names())
    rows = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
            for line in table.splitlines() if line.startswith("| ") and line != header}
    for column, name in enumerate(columns):
        said = measured(name)
        for start, key in (("error on MNIST", "error_float32"), ("the same, as stored", "error_stored"),
                           ("error on the 1,797", "error_digits")):
            cells = next(cells for row, cells in rows.items() if row.startswith(start))
            digits = len(cells[column].split(".")[1].split()[0])
            assert cells[column] == f"{100 * said[key]:.{digits}f} %"
