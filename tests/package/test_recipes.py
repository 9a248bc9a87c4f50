"""What a recipe asks for happens, in both frameworks: momentum's form, biases' rate, augmentation, views, precision."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_networks
from alexbook import networks, training
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.layers import Activation, Conv, Dense, Flatten
from alexbook.training.recipe import FRAMEWORKS, Recipe, usual

NETWORK = tiny_networks.network(Conv(4, 3, 2, name="conv"), Activation("relu"), Flatten(), Dense(3, name="out"),
                                shape=(8, 8, 3))
RECIPE = Recipe("tiny", "shapes", "torch", epochs=4, batch_size=10, lr=0.05, weight_decay=0.0)


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture(scope="module")
def data():
    """Three colors, easily told apart, 12x12 pixels around an 8x8 input."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = rng.integers(0, 120, (60, 12, 12, 3))
    images[np.arange(60), ..., labels] += 60
    split = Split(images.astype(np.uint8), labels)
    normalization = Normalization(np.float32([80] * 3), np.float32([45] * 3))
    return Data(split, split, normalization, (8, 8), {"classes": ["r", "g", "b"]})


def by_kind(trainer):
    return {"weights": [v for v in trainer.weights().values() if v.ndim > 1],
            "biases": [v for v in trainer.weights().values() if v.ndim == 1]}


def after_a_drop(recipe, data):
    """The weights, flat, after five steps at one rate and three at a tenth of it."""
    trainer = training.make_trainer(recipe, NETWORK)
    images = data.normalization.normalize(data.train.images[:20, 2:10, 2:10])
    start = np.concatenate([v.ravel() for v in trainer.weights().values()])
    for step in range(8):
        trainer.step(images, data.train.labels[:20], recipe.lr if step < 5 else recipe.lr / 10)
    return np.concatenate([v.ravel() for v in trainer.weights().values()]) - start


def test_the_paper_keeps_its_velocity_when_the_rate_drops(framework, data):
    paper, torch = (after_a_drop(replace(RECIPE, framework=framework, momentum_form=form), data)
                    for form in ("paper", "torch"))
    own = after_a_drop(replace(RECIPE, framework=framework), data)
    assert np.array_equal(own, torch if framework == "torch" else paper)
    assert np.linalg.norm(paper) > 1.1 * np.linalg.norm(torch)


def test_biases_have_a_rate_of_their_own(framework, data):
    images, labels = data.normalization.normalize(data.train.images[:20, 2:10, 2:10]), data.train.labels[:20]
    moved = []
    for factor in (1.0, 2.0):
        trainer = training.make_trainer(replace(RECIPE, framework=framework, bias_lr_factor=factor), NETWORK)
        before = {kind: [v.copy() for v in values] for kind, values in by_kind(trainer).items()}
        trainer.step(images, labels, 0.05)
        moved.append({kind: [new - old for new, old in zip(values, before[kind], strict=True)]
                      for kind, values in by_kind(trainer).items()})
    for one, two in zip(moved[0]["weights"], moved[1]["weights"], strict=True):
        np.testing.assert_allclose(two, one, atol=1e-7)
    for one, two in zip(moved[0]["biases"], moved[1]["biases"], strict=True):
        np.testing.assert_allclose(two, 2 * one, atol=1e-7)
        assert abs(one).max() > 1e-5


def test_augmented_training_learns_and_goes_on_with_the_same_bits(framework, data, tmp_path):
    recipe = replace(RECIPE, framework=framework, crop=2, flip=True, color=0.1, views=10)
    whole = training.make_trainer(recipe, NETWORK)
    curve = training.train(recipe, whole, data, show=False).curve
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] and curve[-1]["test_error"] < 0.3
    stopped, path = training.make_trainer(recipe, NETWORK), tmp_path / "c.npz"
    plain, steps = stopped.step, []

    def step(*batch):
        steps.append(1)
        if len(steps) == 9:
            raise MemoryError
        plain(*batch)

    stopped.step = step
    with pytest.raises(MemoryError):
        training.train(recipe, stopped, data, path, show=False, save_every=0)
    resumed = training.make_trainer(replace(recipe, seed=5), NETWORK)
    training.train(recipe, resumed, data, path, show=False, log=lambda text: None)
    assert all(np.array_equal(one, two) for one, two in zip(resumed.weights().values(), whole.weights().values(),
                                                          strict=True))


def test_one_view_is_the_middle_and_ten_are_averaged(data):
    one, = data.test_views(1)
    ten = np.concatenate(list(data.test_views(10)))
    assert one.shape == (60, 1, 8, 8, 3) and ten.shape == (60, 10, 8, 8, 3)
    np.testing.assert_array_equal(one[:, 0], data.test.images[:, 2:10, 2:10])
    np.testing.assert_array_equal(ten[:, 4], one[:, 0])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_learns_with_weights_in_float32(framework, precision, data):
    recipe = replace(RECIPE, framework=framework, precision=precision)
    trainer = training.make_trainer(recipe, NETWORK)
    curve = training.train(recipe, trainer, data, show=False).curve
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] and curve[-1]["test_error"] < 0.3
    assert {v.dtype for v in trainer.weights().values()} == {np.dtype("float32")}
    full = training.make_trainer(replace(recipe, precision="float32"), NETWORK)
    training.train(full.recipe, full, data, show=False)
    pairs = zip(trainer.weights().values(), full.weights().values(), strict=True)
    gaps = [np.abs(one - two).max() for one, two in pairs]
    assert 0 < max(gaps) < 0.1, "the precision changed nothing, or too much"


@pytest.mark.parametrize(("field", "value", "wanted"), [
    ("schedule", "milestones", "needs epochs to divide"), ("milestones", (3,), "needs epochs to divide"),
    ("momentum_form", "mine", "own, paper, torch"), ("precision", "float64", "float32, bfloat16, float16"),
    ("views", 5, "1, 10"), ("bias_lr_factor", 0, "above 0"), ("crop", -1, "at least 0"), ("patience", 0, "at least 1"),
])
def test_settings_that_make_no_sense_are_refused(field, value, wanted):
    with pytest.raises(ValueError, match=wanted):
        replace(RECIPE, **{field: value})


@pytest.mark.parametrize(("field", "value", "wanted"), [("until", 1.0, "below 1"), ("until", -0.1, "below 1"),
                                                        ("layout", "rows", "channels_last"), ("compile", 2, "compile")])
def test_switches_that_make_no_sense_are_refused(field, value, wanted):
    with pytest.raises(ValueError, match=wanted):
        replace(RECIPE, **{field: value})
    with pytest.raises(ValueError, match="channels_first.*Keras"):
        replace(RECIPE, framework="keras", layout="channels_first")


def test_a_run_ends_once_the_training_error_is_low_enough():
    rows = [{"train_error": error} for error in (0.5, 0.26, 0.25, 0.3)]
    recipe = replace(RECIPE, until=0.25, epochs=9)
    assert [recipe.ended(rows[:seen]) for seen in range(5)] == [False, False, False, True, False]
    assert not replace(recipe, until=0.0).ended([{"train_error": 0.0}])
    assert replace(recipe, epochs=2).ended(rows[:2])


def test_a_layout_changes_memory_and_not_results(data):
    torch = pytest.importorskip("torch")
    trainers = [training.make_trainer(replace(RECIPE, layout=layout), NETWORK) for layout in ("channels_last",
                                                                                        "channels_first")]
    for trainer in trainers:
        training.train(trainer.recipe, trainer, data, show=False)
    last, first = (trainer.model.conv.weight for trainer in trainers)
    assert last.is_contiguous(memory_format=torch.channels_last) and not last.is_contiguous()
    assert first.is_contiguous()
    for one, two in zip(*(trainer.weights().values() for trainer in trainers), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_compiled_training_keeps_names_and_results(framework, data):
    import shutil
    if framework == "torch" and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        pytest.skip("torch.compile needs a C++ compiler")
    plain, compiled = (training.make_trainer(replace(RECIPE, framework=framework, compile=on), NETWORK)
                       for on in (False, True))
    images, labels = data.normalization.normalize(data.train.images[:20, 2:10, 2:10]), data.train.labels[:20]
    for trainer in (plain, compiled):
        for _ in range(3):
            trainer.step(images, labels, 0.05)
    assert plain.weights().keys() == compiled.weights().keys() and plain.state().keys() == compiled.state().keys()
    for one, two in zip(plain.weights().values(), compiled.weights().values(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)
    assert compiled.model.jit_compile if framework == "keras" else compiled.model._compiled_call_impl is not None


def test_extra_test_needs_to_know_what_is_trained_on():
    with pytest.raises(ValueError, match="images must say"):
        Recipe("alexnet_small", "shapes", "torch", extra_test=True)


def test_the_constant_of_the_1998_loss_is_the_recipes_and_no_other_networks():
    network = networks.get("lenet5")
    recipe = usual("lenet5", "digits", "torch", j=0.5, pixels="1998")
    assert training.make_trainer(recipe, network).j == 0.5
    assert training.make_trainer(replace(recipe, j=10.0), network).j == 10.0
    with pytest.raises(ValueError, match=r"The j is 0.5, but lenet5_modern has no RBF outputs.*leave j out"):
        training.make_trainer(usual("lenet5_modern", "digits", "torch", j=0.5), networks.get("lenet5_modern"))


@pytest.mark.parametrize("supported", [True, False])
def test_bfloat16_in_software_is_said(supported, monkeypatch):
    torch_trainer = pytest.importorskip("alexbook.training.torch_trainer")
    monkeypatch.setattr(torch_trainer.torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch_trainer, "device", lambda: torch_trainer.torch.device("cpu"))
    assert torch_trainer.slowness("float32") == ""
    assert ("far slower" in torch_trainer.slowness("bfloat16")) is not supported
