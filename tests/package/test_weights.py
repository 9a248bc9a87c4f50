"""Weights in a file: written by either framework, read by both, refused where something does not fit."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import torch
from alexbook import __main__ as main
from alexbook import cli, datasets, networks, training, weights
from alexbook.models import convert_weights
from alexbook.models import keras as keras_models
from alexbook.models import torch as torch_models
from alexbook.runs import Run
from alexbook.training import Recipe, record
from alexbook.training.run import run
from alexbook.weights import Card, _files, _layout
from PIL import Image

RNG = np.random.default_rng(5)
CASES = [("lenet5", (), 1, 10), ("lenet5_modern", (), 1, 10), ("alexnet_small", (), 3, 7),
         ("alexnet_small", ("two-towers", "tanh"), 3, 20),
         ("alexnet_photos_128", ("he", "batch-norm", "batch-norm-dense"), 3, 101),
         ("alexnet_photos_128", (), 3, 3)]


def a_card(network="alexnet_small", changes=(), channels=3, classes=20, **changed) -> Card:
    told = {"network": network, "changes": changes, "channels": channels, "classes": tuple(map(str, range(classes))),
            "dataset": "folder", "mean": (100.0,) * channels, "std": (60.0,) * channels, "side": 40, "test_error": 0.4,
            "command": "python -m alexbook train", "run": "a-run"}
    return Card(**told | changed)


def trained(card: Card) -> torch.nn.Module:
    """A model with weights, and running figures where it has some, that no initialization has."""
    model = torch_models.build(card.build(), seed=3)
    for name, values in model.state_dict().items():
        if "running" in name:
            values.uniform_(0.5, 2)
    return model.eval()


def state(model: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: values.numpy() for name, values in model.state_dict().items()}


def answers(model, images: np.ndarray) -> np.ndarray:
    if isinstance(model, keras.Model):
        return np.asarray(model.predict(images, verbose=0))
    with torch.inference_mode():
        return model(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()


@pytest.fixture(name="file")
def _file(tmp_path):
    card = a_card()
    weights.write(tmp_path / "w.safetensors", card, state(trained(card)))
    return tmp_path / "w.safetensors"


# --- written and read

@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join((case[0], *case[1])))
def test_both_frameworks_answer_as_the_model_that_was_saved(case, tmp_path):
    card = a_card(*case)
    model, file = trained(card), tmp_path / "w.safetensors"
    weights.write(file, card, state(model))
    images = RNG.normal(size=(4, *card.build().input_shape)).astype(np.float32)
    truth = answers(model, images)
    torch_model, keras_model = weights.load(file), weights.load(file, "keras")
    assert not torch_model.training
    assert np.array_equal(answers(torch_model, images), truth)
    np.testing.assert_allclose(answers(keras_model, images), truth, atol=1e-4 * np.abs(truth).max())
    # The other converter of the package, which looks at the models and not at the network, finds nothing to change.
    other = keras_models.build(card.build(), seed=8)
    convert_weights.torch_to_keras(torch_model, other)
    assert all(np.array_equal(*pair) for pair in zip(other.get_weights(), keras_model.get_weights(), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join((case[0], *case[1])))
def test_a_keras_model_is_written_as_a_pytorch_model_is(case, tmp_path):
    card = a_card(*case)
    source = trained(card)
    model = keras_models.build(card.build(), seed=1)
    convert_weights.torch_to_keras(source, model)
    stored = {value.path: keras.ops.convert_to_numpy(value) for value in model.weights}
    weights.write(tmp_path / "k.safetensors", card, stored, "keras")
    values, expected = weights.read(tmp_path / "k.safetensors").values, state(source)
    assert list(values) == list(_layout.names(card.build()))
    assert all(np.array_equal(array, expected[name]) for name, array in values.items())


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_trained_network_answers_from_its_file_as_its_record_says(framework, tmp_path):
    recipe, file = Recipe("lenet5_modern", "digits", framework, epochs=1), tmp_path / "sub" / "w.safetensors"
    assert run(recipe, tmp_path / "r.json", show=False, weights=file) == 0
    recorded, about = Run.read(tmp_path / "r.json"), weights.card(file)
    assert (about.run, about.test_error, about.command) == ("r", recorded.test_error, recorded.command)
    test = datasets.load("digits", "test")
    prepared = about.prepare(test.images)
    _, data = training.load(recipe)
    np.testing.assert_allclose(prepared, data.normalization.normalize(data.test.images), atol=1e-5)
    for each in ("torch", "keras"):
        wrong = answers(weights.load(file, each), prepared).argmax(1) != test.labels
        assert np.mean(wrong) == pytest.approx(recorded.test_error, abs=1.5 / len(test))
    if framework == "torch":
        assert record.checksum(weights.read(file).values) == recorded.weights_sha256


def test_photographs_are_prepared_as_training_prepares_its_test_images(tmp_path):
    for split, count in (("train", 6), ("val", 4)):
        for place in range(count):
            folder = tmp_path / split / f"class{place % 2}"
            folder.mkdir(parents=True, exist_ok=True)
            pixels = RNG.integers(0, 256, (90 + 7 * place, 140 - 9 * place, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{place}.png")
    recipe = Recipe("alexnet_small", "folder", "torch", crop=4)
    _, data = training.load(recipe, tmp_path)
    about = a_card(classes=2, mean=tuple(data.normalization.mean.tolist()), std=tuple(data.normalization.std.tolist()))
    found = datasets.load("folder", "val", tmp_path)
    seen = data.normalization.normalize(next(data.test_views(1, recipe.crop))[:, 0].copy())
    np.testing.assert_allclose(about.prepare([image for image, _ in found]), seen, atol=1e-6)


@pytest.mark.parametrize("shape", [(50, 70), (50, 70, 3), (50, 70, 1), (20, 31), (40, 32, 3)])
def test_an_image_of_any_shape_is_one_image(shape):
    image = RNG.integers(0, 256, shape, dtype=np.uint8)
    for card in (a_card(), a_card("lenet5_modern", (), 1, 10, side=28)):
        size = card.build().input_shape
        assert card.prepare(image).shape == (1, *size)
        assert np.array_equal(card.prepare([image, image])[1], card.prepare(image)[0])


# --- fewer bits

@pytest.mark.parametrize("bits", [16, 8])
def test_fewer_bits_take_less_room_and_change_little(bits, tmp_path):
    card = a_card()
    model = trained(card)
    sizes = {}
    for each in (32, bits):
        weights.write(tmp_path / f"{each}.safetensors", card, state(model), bits=each)
        sizes[each] = (tmp_path / f"{each}.safetensors").stat().st_size
    assert sizes[bits] < sizes[32] * bits / 32 * 1.05
    for name, values in weights.read(tmp_path / f"{bits}.safetensors").values.items():
        exact = state(model)[name]
        if bits == 8 and exact.ndim > 1:  # half a step of each output channel's scale
            bound = np.abs(exact).reshape(len(exact), -1).max(1) / 127 / 2 * 1.0001
            assert np.all(np.abs(values - exact).reshape(len(exact), -1) <= bound[:, None])
        else:
            np.testing.assert_allclose(values, exact, rtol=2**-11 if bits == 16 else 0, atol=1e-7)


def test_a_channel_of_zeros_stays_zero():
    values = {"a.weight": np.zeros((3, 4), np.float32), "a.bias": np.ones(3, np.float32)}
    back = _files.unpack(_files.pack(values, 8))
    assert all(np.array_equal(back[name], values[name]) for name in values)


# --- wrong input

def test_an_unknown_name_lists_those_that_there_are():
    with pytest.raises(ValueError, match=r"no weights named 'alexnet'; there are .*and files that"):
        weights.load("alexnet")


def test_what_is_no_file_of_weights_is_refused_in_one_sentence(file, tmp_path):
    from safetensors.numpy import save_file
    with pytest.raises(ValueError, match=r"There is no file .*none\.safetensors to read weights from"):
        weights.load(tmp_path / "none.safetensors")
    content = file.read_bytes()
    for broken in (b"", b"PK" + content, content[:1000], content[:-5]):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match="is damaged or no safetensors file .*; get it again"):
            weights.load(file)
    save_file({"a": np.zeros(2)}, file)
    with pytest.raises(ValueError, match="does not say of which network"):
        weights.load(file)


def test_weights_of_another_network_are_refused_by_the_first_layer_that_does_not_fit(file):
    values, about = _files.read(file)
    _files.write(file, values, about | {"changes": ["half-width"]})
    with pytest.raises(ValueError, match=r"does not fit alexnet_small: conv1.weight has the shape \(\d+, 3, \d, "):
        weights.load(file)
    _files.write(file, {name: array for name, array in values.items() if name != "conv2.bias"}, about)
    with pytest.raises(ValueError, match=r"conv2.bias is missing, but must be"):
        weights.load(file)
    for wrong, said in (({"network": "resnet"}, "There is no network named 'resnet'"),
                        ({"changes": ["swish"]}, "There is no change named 'swish'")):
        _files.write(file, values, about | wrong)
        with pytest.raises(ValueError, match=said):
            weights.load(file)
    del about["mean"]
    _files.write(file, values, about)
    with pytest.raises(ValueError, match="The description lacks mean"):
        weights.load(file)


def test_a_wrong_framework_bits_top_or_image_is_refused(file):
    with pytest.raises(ValueError, match="The framework is 'jax', but must be one of torch, keras"):
        weights.load(file, "jax")
    with pytest.raises(ValueError, match="The bits are 4, but must be one of 32, 16, 8"):
        _files.pack({}, 4)
    with pytest.raises(ValueError, match=r"holds values beyond 65504"):
        _files.pack({"a": np.array([1e6])}, 16)
    image = np.zeros((40, 40, 3), np.uint8)
    for top in (0, 21, 2.0):
        with pytest.raises(ValueError, match="but must be a whole number from 1 to 20"):
            weights.predict(file, image, top=top)
    for wrong in (image.astype(np.float32), np.zeros((40, 40, 4), np.uint8), np.zeros((2, 40, 40, 3, 1), np.uint8)):
        with pytest.raises(ValueError, match="must be uint8"):
            weights.predict(file, wrong)
    with pytest.raises(ValueError, match="There is no image to prepare"):
        weights.predict(file, [])


def test_a_card_is_json_and_comes_back(file):
    card = replace(a_card(), classes=("naïve", "日本"))
    assert Card.of(json.loads(json.dumps(card.as_dict()))) == card
    assert networks.get(weights.card(file).network).name == "alexnet_small"


# --- predicting

def test_predictions_are_the_largest_shares_in_order(file, tmp_path, capsys):
    images = RNG.integers(0, 256, (2, 60, 50, 3), dtype=np.uint8)
    found = weights.predict(file, images, top=20)
    scores = answers(weights.load(file), weights.card(file).prepare(images))
    shares = torch.from_numpy(scores).softmax(1).numpy()
    for row, chosen in zip(shares, found, strict=True):
        assert [int(name) for name, _ in chosen] == np.argsort(-row, kind="stable").tolist()
        np.testing.assert_allclose([share for _, share in chosen], np.sort(row)[::-1], rtol=1e-5)
    Image.fromarray(images[0]).save(tmp_path / "one.png")
    assert main.main(["predict", str(file), str(tmp_path / "one.png"), "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "one.png")
    assert [line.split()[-1] for line in lines[1:]] == [name for name, _ in found[0][:2]]
    assert cli.main(["predict", "nothing", str(tmp_path / "one.png")]) == 2
    assert "There are no weights named 'nothing'" in capsys.readouterr().err


def test_lenet_of_1998_answers_with_the_nearest_code(tmp_path):
    card = a_card("lenet5", (), 1, 10, side=32)
    weights.write(tmp_path / "w.safetensors", card, state(trained(card)))
    image = RNG.integers(0, 256, (28, 28), dtype=np.uint8)
    distances = answers(weights.load(tmp_path / "w.safetensors"), card.prepare(image))[0]
    [best] = weights.predict(tmp_path / "w.safetensors", image, top=1)[0]
    assert best[0] == str(distances.argmin())
