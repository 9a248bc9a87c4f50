"""Weights carried between the frameworks: the same outputs, gradients and steps, and the same bits on the way back."""

import re
from functools import partial

import numpy as np
import pytest
import random_layers
import tiny_networks
from alexbook import networks
from alexbook.layers import RBF, AvgPool, Conv, Dense, Dropout, Flatten, MaxPool
from alexbook.networks import ablations
from hypothesis import HealthCheck, given, settings

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
from alexbook.models import keras as keras_models  # noqa: E402
from alexbook.models import torch as torch_models  # noqa: E402
from alexbook.models.convert_weights import keras_to_torch, matches, torch_to_keras  # noqa: E402
from keras import layers, ops  # noqa: E402
from torch import nn  # noqa: E402

RATE, MOMENTUM = 2**-10, 0.875  # exact in float32 too, in which Keras keeps them
DECAY, CLOSE = 5e-4, 1e-4
LEARNING = {"lenet5": "float32", "lenet5_modern": "float32", "alexnet_small": "float64"}
FULL_SIZE = ("alexnet_article", "alexnet_2012")


@pytest.fixture
def precision():
    """A function that sets the precision in which Keras builds, for one test.

    Where ReLU and maximum decide between two paths, float32 rounds a near tie now and then the other way, and one
    gradient takes the other path. Float64 has no such ties, so gradients can be held to a stricter bar.
    """
    def choose(name):
        keras.config.set_floatx(name)
        keras.config.set_dtype_policy(name)

    yield choose
    choose("float32")


def numpy(values):
    return values.detach().numpy() if isinstance(values, torch.Tensor) else ops.convert_to_numpy(values)


def images(shape, count=2):
    return np.random.default_rng(0).normal(size=(count, *shape)).astype("float32")


def channels_first(x):
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def assert_close(one, other, allowance=0.0):
    """Equal within 1e-4 (float64: 1e-8) of the largest value; ``allowance`` is for what float32 cannot hold."""
    one, other = numpy(one), numpy(other)
    assert (one.shape, one.dtype) == (other.shape, other.dtype)
    bar = 1e-8 if one.dtype == "float64" else CLOSE
    apart = one - other
    assert max(apart.max(), -apart.min()) <= bar * max(other.max(), -other.min()) + allowance


def outputs(keras_model, torch_model, x):
    with torch.inference_mode():
        theirs = torch_model.eval()(channels_first(x))
    return keras_model(x, training=False), theirs.permute(0, 2, 3, 1) if theirs.ndim == 4 else theirs


def pair(network):
    return keras_models.build(network, seed=1), torch_models.build(network, seed=2)


def weights(model):
    return [ops.convert_to_numpy(v) for v in model.weights]


@tiny_networks.every
def test_outputs_agree_both_ways(network):
    ours, theirs = pair(network)
    x = images(network.input_shape)
    before = numpy(ours(x))
    keras_to_torch(ours, theirs)
    assert_close(*outputs(ours, theirs, x), allowance=1e-6)
    assert np.std(before) > 1e-3
    ours, theirs = pair(network)
    torch_to_keras(theirs, ours)
    assert_close(*outputs(ours, theirs, x), allowance=1e-6)
    if any(w.any() for w in weights(ours)):
        assert not np.allclose(numpy(ours(x)), before, rtol=1e-3)


@tiny_networks.every
def test_there_and_back_is_the_same_to_the_bit(network):
    first, through = pair(network)
    last = keras_models.build(network, seed=3)
    keras_to_torch(first, through)
    torch_to_keras(through, last)
    for one, other in zip(weights(first), weights(last), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", LEARNING)
def test_gradients_and_steps_agree(name, precision):
    precision(LEARNING[name])
    network = networks.get(name)
    learns_the_same(*pair(network), images(network.input_shape, 3).astype(LEARNING[name]), steps=3)


@pytest.mark.parametrize("name", FULL_SIZE)
def test_full_size_agrees_on_one_image(name, precision):
    network = networks.get(name)
    x = images(network.input_shape, 1)
    ours, theirs = pair(network)
    torch_to_keras(theirs, ours)
    assert_close(*outputs(ours, theirs, x))
    del ours
    precision("float64")
    learns_the_same(keras_models.build(network, seed=1), theirs, x.astype("float64"), steps=1)


def learns_the_same(ours, theirs, x, steps):
    """Dropout off; steps of SGD with momentum and weight decay on the same images, gradients compared at each."""
    if x.dtype == "float64":
        theirs.double()
    keras_to_torch(ours, theirs)
    found = matches(ours, theirs)
    assert {id(m.variable) for m in found} == {id(v) for v in ours.trainable_variables}
    assert {id(m.parameter) for m in found} == {id(p) for p in theirs.parameters()}
    slow = torch.optim.SGD(theirs.parameters(), RATE, MOMENTUM, weight_decay=DECAY, foreach=False)  # less memory
    fast = keras.optimizers.SGD(RATE, MOMENTUM)
    theirs.eval()
    labels = np.arange(len(x))
    for _ in range(steps):
        loss = nn.functional.cross_entropy(theirs(channels_first(x)), torch.from_numpy(labels))
        loss.backward()
        gradients = keras_gradients(ours, x, labels)
        before = [numpy(m.variable) for m in found]
        for match in found:
            gradient = gradients[id(match.variable)]
            assert abs(gradient).max() > 0, match.name
            assert_close(match.to_torch(gradient), match.parameter.grad)
        slow.step()
        slow.zero_grad()
        fast.apply([gradients.pop(id(v)) + DECAY * numpy(v) for v in ours.trainable_variables],
                   ours.trainable_variables)
        for match, old in zip(found, before, strict=True):
            ours_moved, theirs_moved = numpy(match.variable) - old, match.to_keras(numpy(match.parameter)) - old
            assert abs(ours_moved).max() > 0, match.name
            assert_close(ours_moved, theirs_moved, allowance=4 * np.finfo(old.dtype).eps * abs(old).max())


def keras_gradients(model, x, labels):
    tensorflow = pytest.importorskip("tensorflow")
    with tensorflow.GradientTape() as tape:
        loss = ops.mean(keras.losses.sparse_categorical_crossentropy(labels, model(x, training=False), True))
    values = model.trainable_variables
    return dict(zip(map(id, values), map(numpy, tape.gradient(loss, [v.value for v in values])), strict=True))


@settings(max_examples=120, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_layers.networks())
def test_random_networks(network):
    layer, = network.layers
    both = isinstance(layer, Conv) and layer.stride not in (1, (1, 1)) and layer.dilation not in (1, (1, 1))
    if both or not random_layers.traced(network):
        return
    network = networks.Network("random", "random", "drawn", network.input_shape,
                               (layer, Flatten(), Dropout(0.5), Dense(5), Dense(3, bias=False)), network.rounding)
    ours, theirs = pair(network)
    keras_to_torch(ours, theirs)
    assert_close(*outputs(ours, theirs, images(network.input_shape)), allowance=1e-6)


def written_in_keras(groups=2):
    return keras.Sequential([
        keras.Input((12, 9, 3)),
        layers.Conv2D(8, (3, 2), strides=2, activation="relu"),
        layers.Conv2D(6, 3, padding="same", groups=groups, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dropout(0.5), layers.Dense(7, activation="relu"),
        layers.Dense(12, activation="relu"), layers.Dense(4, activation="softmax")])


class WrittenInTorch(nn.Module):
    """The same with other names, and the activations in ``forward``."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, (3, 2), 2), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1, groups=2),
                                      nn.ReLU(), nn.MaxPool2d(2))
        self.hidden, self.wide, self.answer = nn.Linear(24, 7), nn.Linear(7, 12), nn.Linear(12, 4)

    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.answer(torch.relu(self.wide(torch.relu(self.hidden(x))))).softmax(1)


def test_models_written_by_hand():
    ours, theirs = written_in_keras(), WrittenInTorch()
    torch_to_keras(theirs, ours)
    assert_close(*outputs(ours, theirs, images((12, 9, 3))))
    assert [match.name for match in matches(ours, theirs)][:2] == [
        f"{ours.layers[0].name} kernel", f"{ours.layers[0].name} bias"]


def test_every_layer_behind_one_flattened_map_is_permuted():
    x = keras.Input((3, 4, 2))
    flat = layers.Activation("relu")(layers.Flatten()(x))
    ours = keras.Model(x, layers.Add()([layers.Dense(24)(flat), layers.Dense(24)(layers.Dropout(0.1)(flat))]))

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(24, 24), nn.Linear(24, 24)

        def forward(self, x):
            return self.one(x.relu().flatten(1)) + self.two(x.relu().flatten(1))

    theirs = Two()
    keras_to_torch(ours, theirs)
    assert_close(*outputs(ours, theirs, images((3, 4, 2))))


def net(*layers_, shape=(9, 9, 2)):
    return networks.Network("net", "net", "made up", shape, layers_)


SOFT = (Flatten(), Dense(3, name="fc"))
TABLE = ((0,), (0, 1), (1,))
WRONG = {
    "filters": (net(Conv(4, 3, name="one"), Conv(5, 3, name="two"), *SOFT),
                net(Conv(4, 3, name="one"), Conv(6, 3, name="two"), *SOFT),
                r"^two: .*\(3, 3, 4, 5\).*\(5, 4, 3, 3\).*two.*\(6, 4, 3, 3\)"),
    "groups": (net(Conv(4, 3, groups=2, name="one")), net(Conv(4, 3, name="one")),
               r"^one: .*\(4, 1, 3, 3\).*\(4, 2, 3, 3\)"),
    "map size": (net(Conv(4, 3, name="one"), MaxPool(2), *SOFT), net(Conv(4, 3, name="one"), AvgPool(3), *SOFT),
                 r"^fc: .*\(36, 3\).*\(3, 16\)"),
    "bias": (net(Flatten(), Dense(3, name="fc")), net(Flatten(), Dense(3, bias=False, name="fc")),
             r"^fc: its bias is \(3,\) in Keras, but None"),
    "kind": (net(Flatten(), Dense(3, name="fc")), net(Conv(3, 9, name="conv")),
             r"^fc: .*Dense with \(162, 3\), \(3,\).*conv.*Conv2d with \(3, 2, 9, 9\), \(3,\)"),
    "too short": (net(*SOFT), net(*SOFT, Dense(4, name="more")), r"^more: the PyTorch model has .*\(4, 3\).*Keras"),
    "too long": (net(*SOFT, Dense(4, name="more")), net(*SOFT), r"^more: the Keras model has .*\(3, 4\).*PyTorch"),
    "table": (net(Conv(3, 3, connections=TABLE, name="C3")), net(Conv(3, 3, connections=TABLE[::-1], name="C3")),
              r"^C3: its table of connections"),
    "centers": (net(Flatten(), Dense(2), RBF(((1, 1), (1, -1)), name="out")),
                net(Flatten(), Dense(2), RBF(((1, 1), (-1, 1)), name="out")), r"^out: its centers"),
}


@pytest.mark.parametrize("one, other, says", WRONG.values(), ids=WRONG)
def test_a_wrong_pair_is_refused_in_one_sentence_and_nothing_changes(one, other, says):
    ours, theirs = keras_models.build(one, seed=1), torch_models.build(other, seed=2)
    before, there = weights(ours), [numpy(p).copy() for p in theirs.parameters()]
    for carry, source, target in ((keras_to_torch, ours, theirs), (torch_to_keras, theirs, ours)):
        with pytest.raises(ValueError, match=says) as refused:
            carry(source, target)
        assert re.fullmatch(r"[^\n]+\.", str(refused.value))
    assert all(map(np.array_equal, before, weights(ours)))
    assert all(map(np.array_equal, there, map(numpy, theirs.parameters())))


def test_models_that_cannot_be_followed_are_refused():
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(24, 2))
    inner = keras.Sequential([keras.Input((24,)), layers.Dense(2)], name="inner")
    x = keras.Input((3, 4, 2))
    flat = layers.Flatten()(x)
    joined = keras.Model(x, layers.Dense(2)(layers.Concatenate(name="join")([flat, flat])))
    for ours, says in ((keras.Sequential([layers.Flatten(), layers.Dense(2)]), "keras.Input"),
                       (keras.Sequential([keras.Input((3, 4, 2)), layers.Flatten(), inner]), "inner: .*within"),
                       (joined, "join: .*flatten"),
                       (keras.Sequential([x, layers.BatchNormalization(name="norm")]), "norm: .*BatchNorm.*Linear")):
        with pytest.raises(ValueError, match=says):
            keras_to_torch(ours, theirs)


@keras.saving.register_keras_serializable("tests")
class Own(layers.Layer):
    """A layer of one's own that does to a map what a function does."""

    def __init__(self, function, **settings):
        super().__init__(**settings)
        self.function = function

    def call(self, x):
        return self.function(x)


TURNS = {
    "Lambda": lambda y: layers.Lambda(lambda v: ops.transpose(v, (0, 3, 1, 2)), output_shape=(4, 6, 6))(y),
    "own, axes": lambda y: Own(lambda v: ops.transpose(v, (0, 2, 1, 3)))(y),
    "own, maps": lambda y: Own(lambda v: v[..., ::-1])(y),
    "slice": lambda y: y[:, ::-1],
}


@pytest.mark.parametrize("turn", TURNS)
def test_what_a_layer_turns_inside_is_seen(turn):
    x = keras.Input((8, 8, 3))
    ours = keras.Model(x, layers.Dense(5)(layers.Flatten()(TURNS[turn](layers.Conv2D(4, 3)(x)))))
    theirs = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))
    before, there = weights(ours), [numpy(p).copy() for p in theirs.parameters()]
    for carry, models in ((keras_to_torch, (ours, theirs)), (torch_to_keras, (theirs, ours))):
        with pytest.raises(ValueError, match="another order; transfer cannot follow") as refused:
            carry(*models)
        assert re.fullmatch(r"[^\n]+\.", str(refused.value))
    assert all(map(np.array_equal, before, weights(ours)))
    assert all(map(np.array_equal, there, map(numpy, theirs.parameters())))


FORWARDS = {
    "mT": lambda y: y.mT, "index": lambda y: y[:, [3, 2, 1, 0]],
    "cat of chunks": lambda y: torch.cat(y.chunk(4, 1)[::-1], 1), "stack": lambda y: torch.stack(y.unbind(2), 3),
    "branch": lambda y: y.permute(0, 1, 3, 2) if y.sum() < 1e9 else y,
}


@pytest.mark.parametrize("turn", FORWARDS)
def test_what_a_forward_turns_inside_is_seen(turn):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

        def forward(self, images):
            return self.fc(FORWARDS[turn](self.conv(images)).flatten(1))

    x = keras.Input((8, 8, 3))
    ours, theirs = keras.Model(x, layers.Dense(5)(layers.Flatten()(layers.Conv2D(4, 3)(x)))), Model().train()
    with pytest.raises(ValueError, match="another order|forward calls"):
        keras_to_torch(ours, theirs)
    assert theirs.training and theirs.conv.training


def test_models_that_differ_otherwise_are_converted():
    """Another padding, a softmax, another pooling: what has no weights is not compared."""
    x = keras.Input((8, 8, 3))
    y = layers.Flatten()(layers.AveragePooling2D(2)(layers.Conv2D(4, 3, padding="same", strides=2)(x)))
    ours = keras.Model(x, layers.Dense(5, activation="softmax")(y))
    theirs = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 5))
    keras_to_torch(ours, theirs)
    assert not np.allclose(*map(numpy, outputs(ours, theirs, images((8, 8, 3)))))
    assert np.array_equal(ours.layers[1].bias, numpy(theirs[0].bias))


class Turned(layers.Permute):
    """A layer of one's own."""


def test_permutations_between_layers_are_refused():
    """Each gave other numbers without a word: a difference of about 3 where it should be 1e-7."""
    x = keras.Input((8, 8, 3))
    turned = layers.Conv2D(4, 3)(x)
    theirs = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))

    def behind(layer):
        return keras.Model(x, layers.Dense(5)(layers.Flatten()(layer(turned))))

    for layer, says in ((layers.Permute((3, 1, 2), name="turn"), "^turn: Permute changes the order"),
                        (layers.Permute((2, 1, 3), name="turn"), "^turn: Permute"),
                        (layers.Reshape((4, 6, 6), name="turn"), "^turn: Reshape"),
                        (lambda y: ops.transpose(y, (0, 3, 1, 2)), "Transpose changes the order"),
                        (lambda y: ops.swapaxes(y, 1, 2), "Swapaxes|Transpose"),
                        (lambda y: ops.moveaxis(y, 3, 1), "Moveaxis changes the order"),
                        (Turned((3, 1, 2), name="turn"), "^turn: Turned changes the order"),
                        (lambda y: ops.flip(y, 1), "Flip changes the order")):
        with pytest.raises(ValueError, match=says) as refused:
            keras_to_torch(behind(layer), theirs)
        assert re.fullmatch(r"[^\n]+\.", str(refused.value))
    keras_to_torch(behind(layers.Dropout(0.5)), theirs)
    backwards = keras.Model(x, layers.Dense(5)(ops.flip(layers.Flatten()(turned), 1)))
    with pytest.raises(ValueError, match="Flip changes the order"):
        keras_to_torch(backwards, theirs)
    shuffled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ChannelShuffle(2), nn.Flatten(), nn.Linear(144, 5))
    with pytest.raises(ValueError, match="^1: ChannelShuffle changes the order"):
        torch_to_keras(shuffled, behind(layers.Dropout(0.5)))


def test_channels_first_in_keras_is_refused():
    x = keras.Input((3, 8, 8))
    flat = keras.Model(x, layers.Dense(5)(layers.Flatten("channels_first", name="flat")(x)))
    with pytest.raises(ValueError, match="^flat: its maps are channels first"):
        keras_to_torch(flat, nn.Sequential(nn.Flatten(), nn.Linear(192, 5)))


class Turns(nn.Module):
    """Turns its maps behind the convolution, or before it, where the images came channels last."""

    def __init__(self, before):
        super().__init__()
        self.conv, self.fc, self.before = nn.Conv2d(3, 4, 3), nn.Linear(144, 5), before

    def forward(self, x):
        if self.before:
            return self.fc(self.conv(x.permute(0, 3, 1, 2)).flatten(1))
        return self.fc(self.conv(x).permute(0, 2, 3, 1).flatten(1))


def test_a_forward_that_turns_maps_is_refused():
    x = keras.Input((8, 8, 3))
    ours = keras.Model(x, layers.Dense(5)(layers.Flatten()(layers.Conv2D(4, 3)(x))))
    pairs = (keras_to_torch, (ours, Turns(False))), (torch_to_keras, (Turns(False), ours))
    for carry, models in pairs:
        with pytest.raises(ValueError, match="forward calls permute behind a layer with weights"):
            carry(*models)
    theirs, x = Turns(before=True), images((8, 8, 3))
    keras_to_torch(ours, theirs)
    assert_close(ours(x), theirs(torch.tensor(x)))


def test_batch_normalization_is_carried_over_with_what_it_has_stored():
    """The book's own network with it, after some images in training, so that means and variances are not 0 and 1."""
    network = ablations.vary(networks.get("alexnet_small"), ("batch-norm",))
    rng = np.random.default_rng(1)
    for source in ("keras", "torch"):
        ours, theirs = pair(network)
        for layer in ours.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values in (*module.parameters(), module.running_mean, module.running_var):
                    values.data.copy_(torch.tensor(rng.uniform(0.5, 2, values.shape)))
        x = images(network.input_shape)
        assert not np.allclose(*map(numpy, outputs(ours, theirs, x)))
        keras_to_torch(ours, theirs) if source == "keras" else torch_to_keras(theirs, ours)
        assert_close(*outputs(ours, theirs, x))


def test_batch_normalizations_that_differ_are_refused():
    x = keras.Input((4, 4, 2))
    flat = layers.Flatten()(x)
    norm = partial(layers.BatchNormalization, epsilon=1e-5, name="n")
    for ours, theirs, says in (
            (norm(epsilon=1e-3)(x), nn.BatchNorm2d(2), "^n: its epsilon is 0.001 .* 1e-05"),
            (norm(scale=False)(x), nn.BatchNorm2d(2), "^n: its scale is None"),
            (norm()(x), nn.BatchNorm2d(2, affine=False), "^n: its scale is "),
            (norm()(x), nn.BatchNorm2d(2, track_running_stats=False), "^n: its running mean is"),
            (norm()(x), nn.BatchNorm2d(3), r"^n: its scale is \(2,\)"),
            (norm(axis=1)(x), nn.BatchNorm2d(4), "^n: it normalizes along axis 1"),
            (norm()(flat), nn.BatchNorm2d(32), "^n: it normalizes a flattened map")):
        with pytest.raises(ValueError, match=says):
            keras_to_torch(keras.Model(x, ours), nn.Sequential(theirs))
