"""What is measured of trained weights, against sums written out."""

import numpy as np
import pytest
from alexbook import cli, training, weights
from alexbook.runs import Run
from alexbook.training import Recipe
from alexbook.training.run import run
from alexbook.weights.evaluation import Evaluation, evaluate

RNG = np.random.default_rng(4)


def test_errors_are_counted_as_their_names_say():
    shares = RNG.random((300, 12))
    labels = RNG.integers(0, 11, 300)  # no image of the last class
    found = Evaluation(shares, labels, tuple("abcdefghijkl"))
    for top in (1, 3, 5, 12):
        wrong = sum(label not in sorted(range(12), key=lambda k, row=row: -row[k])[:top]
                    for row, label in zip(shares, labels, strict=True))
        assert found.error(top) == pytest.approx(wrong / 300)
    by_class = [np.mean([row.argmax() != k for row in shares[labels == k]]) for k in range(11)]
    np.testing.assert_allclose(found.errors_by_class[:11], by_class)
    assert np.isnan(found.errors_by_class[11])
    assert found.class_error == pytest.approx(np.mean(by_class))
    assert found.confusion.sum() == 300 and np.trace(found.confusion) == round(300 * (1 - found.error()))
    with pytest.raises(ValueError, match="The top is 13, but must be from 1 to 12"):
        found.error(13)


@pytest.fixture(scope="module", name="trained")
def _trained(tmp_path_factory):
    """A network trained on the drawn shapes for one epoch, with its record, and the same tested with ten views."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = Recipe("alexnet_small", "shapes", "torch", epochs=1, images=600, crop=2, lr=0.02)
    assert run(recipe, folder / "r.json", show=False, weights=folder / "w.safetensors") == 0
    return folder / "w.safetensors", Run.read(folder / "r.json")


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_recorded_error_is_measured_again(trained, framework):
    file, recorded = trained
    found = evaluate(file, "shapes", framework=framework)
    assert found.error() == pytest.approx(recorded.test_error, abs=0.0015)
    assert np.abs(found.confusion - np.array(recorded.confusion)).sum() <= 4
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)


def test_ten_views_are_those_of_training(trained):
    file, _ = trained
    recipe = Recipe("alexnet_small", "shapes", "torch", epochs=1, images=600, crop=2, lr=0.02, views=10)
    network, data = training.load(recipe)
    trainer = training.make_trainer(recipe, network)
    values = weights.read(file).values
    import torch
    trainer.model.load_state_dict({name: torch.from_numpy(array) for name, array in values.items()}, strict=False)
    wanted = training.predictions(trainer, data, recipe)
    found = evaluate(file, "shapes", views=10)
    assert np.mean(found.ranking[:, 0] != wanted) <= 0.002
    assert np.abs(found.probabilities - evaluate(file, "shapes").probabilities).max() > 1e-3


def test_what_cannot_be_measured_is_refused(trained, capsys):
    file, _ = trained
    with pytest.raises(ValueError, match="The views are 5, but must be 1 or 10"):
        evaluate(file, "shapes", views=5)
    with pytest.raises(ValueError, match=r"digits has other classes than .* was trained on \(10 of shapes\)"):
        evaluate(file, "digits")
    assert cli.main(["evaluate", str(file), "shapes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1,000 test images of 10 classes, 1 view of each"
    assert lines[1].split() == ["top-1", "error", f"{evaluate(file, 'shapes').error():.2%}"]
