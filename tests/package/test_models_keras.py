"""The networks built in Keras: counts, starting weights, and values against Keras's own layers."""

import numpy as np
import pytest
import tiny_networks
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.layers import LRN, Activation, AvgPool, Conv, Dense, Dropout, Flatten, MaxPool
from alexbook.models import _common

keras = pytest.importorskip("keras")
from alexbook.models import keras as keras_models  # noqa: E402
from alexbook.models import keras_layers  # noqa: E402
from keras import ops  # noqa: E402


def images(network, count=2):
    return np.random.default_rng(1).normal(size=(count, *network.input_shape)).astype("float32")


def close(one, other, **tolerance):
    np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other),
                               **{"rtol": 1e-5, "atol": 1e-5} | tolerance)


@tiny_networks.every
def test_shapes_and_parameters_layer_by_layer(network):
    model = keras_models.build(network, seed=0)
    rows = trace(network).rows
    for row in rows:
        if row is rows[-1] and row.layer == Activation("softmax", name=row.layer.name):
            continue
        layer = model.get_layer(row.name)
        assert layer.output.shape[1:] == row.output_shape, row.name
        assert sum(np.prod(v.shape) for v in layer.trainable_variables) == row.parameters, row.name
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == trace(network).parameters
    assert model(images(network)).shape == (2, *rows[-1].output_shape)


def test_channels_first_is_refused_in_one_sentence():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match='image_data_format "channels_first".* need "channels_last"'):
            keras_models.build(networks.get("lenet5"))
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_final_softmax_is_left_to_the_loss():
    assert keras_models.build(networks.get("lenet5_modern")).layers[-1].name == "fc3"


@tiny_networks.every
def test_weights_start_within_their_limits_and_are_drawn(network):
    model = keras_models.build(network, seed=0)
    for row in _common.rows(network):
        if not row.parameters:
            continue
        weights, biases = _common.limits(network, row)
        layer = model.get_layer(row.name)
        kernel, bound = ops.convert_to_numpy(layer.kernel), max(weights)
        assert abs(kernel).max() <= bound
        assert len(np.unique(kernel)) > 0.9 * kernel.size
        if kernel.size > 1000:
            assert abs(kernel).max() > 0.95 * bound
            if len(set(weights)) == 1:
                assert kernel.std() == pytest.approx(bound / 3**0.5, rel=0.1)
        if getattr(layer, "bias", None) is not None:
            assert bool(ops.convert_to_numpy(layer.bias).any()) == any(biases)


def test_lenet5_starts_as_in_1998():
    """2.4 / fan-in: C1 sees 25 pixels, a unit of C5 400; C3's filters see 3, 4 or 6 maps of 25."""
    model = keras_models.build(networks.get("lenet5"), seed=3)
    c1, c3, c5 = (abs(ops.convert_to_numpy(model.get_layer(n).kernel)) for n in ("C1", "C3", "C5"))
    assert 0.9 * 2.4 / 25 < c1.max() <= 2.4 / 25
    assert 0.99 * 2.4 / 400 < c5.max() <= 2.4 / 400
    for first, last, maps in ((0, 18, 3), (18, 54, 4), (54, 60, 6)):
        assert 0.95 * 2.4 / (25 * maps) < c3[..., first:last].max() <= 2.4 / (25 * maps)


def test_the_modern_one_starts_as_glorot_and_bengio_say():
    """The bound of Keras's own default initializer, seen on many draws."""
    model = keras_models.build(networks.get("lenet5_modern"), seed=0)
    for name in ("conv1", "conv2", "fc1"):
        kernel = ops.convert_to_numpy(model.get_layer(name).kernel)
        theirs = ops.convert_to_numpy(keras.initializers.GlorotUniform(seed=1)(kernel.shape))
        assert kernel.std() == pytest.approx(theirs.std(), rel=0.15)


def test_a_seed_repeats_and_layers_differ():
    network = networks.get("lenet5")
    one, two, other = (keras_models.build(network, seed).get_layer("C5").get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    tables = [layer.get_weights()[0] for layer in keras_models.build(tiny_networks.TINY["table"], 0).layers[1::2]]
    assert not np.array_equal(tables[0], tables[-1])


def test_the_global_seed_decides_where_none_is_given():
    drawn = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        drawn.append(keras_models.build(networks.get("lenet5")).get_layer("C5").get_weights()[0])
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


def test_connection_table_is_a_dense_convolution_with_zeros():
    network = tiny_networks.TINY["table"]
    layer = keras_models.build(network, seed=0).layers[1]
    kernel, bias = layer.get_weights()
    dense = np.zeros((3, 3, 4, 4), "float32")
    pairs = [(filter_, map_) for filter_, maps in enumerate(tiny_networks.TABLE) for map_ in maps]
    for connection, (filter_, map_) in enumerate(pairs):
        dense[..., map_, filter_] = kernel[..., connection]
    x = images(network)
    close(layer(x), ops.conv(x, dense) + bias)


def test_grouped_convolution_equals_keras_own():
    ours = keras_layers.GroupedConv2D(2, filters=6, kernel_size=(3, 3), strides=(2, 1))
    theirs = keras.layers.Conv2D(6, 3, (2, 1), groups=2)
    x = images(tiny_networks.network(shape=(9, 8, 4)))
    ours(x), theirs(x)
    assert [v.shape for v in ours.weights] == [v.shape for v in theirs.weights]
    theirs.set_weights(ours.get_weights())
    close(ours(x), theirs(x))


@pytest.mark.parametrize("layer, native", [
    (MaxPool(3, 2, "same"), keras.layers.MaxPooling2D(3, 2, "same")),
    (AvgPool((2, 4), 3, "same"), keras.layers.AveragePooling2D((2, 4), 3, "same")),
])
def test_padded_pools_equal_keras_own(layer, native):
    network = tiny_networks.network(layer, shape=(8, 9, 3))
    x = images(network) - 5  # so that a zero taken for a pixel would be the maximum
    close(keras_models.build(network)(x), native(x))


def test_lrn_never_looks_across_groups():
    x = images(tiny_networks.network(shape=(2, 2, 8)))
    changed = x.copy()
    changed[..., 4:] += 3
    for groups, same in ((2, True), (1, False)):
        network = tiny_networks.network(LRN(5, alpha=1.0, groups=groups), shape=(2, 2, 8))
        model = keras_models.build(network)
        first, second = (ops.convert_to_numpy(model(values))[..., :4] for values in (x, changed))
        assert np.array_equal(first, second) == same


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="asks TensorFlow for gradients")
@pytest.mark.parametrize("seed", range(12))
def test_response_normalizations_have_the_gradient_of_their_formula(seed):
    import tensorflow as tf

    draw = np.random.default_rng(seed)
    groups, size, beta = draw.choice([1, 2, 3]), int(draw.choice([1, 2, 3, 4, 5, 7])), draw.choice([0.75, 0.5])
    alpha, k = 10 ** draw.uniform(-3, 0), draw.uniform(0.5, 3)
    shape = (2, *draw.integers(1, 6, 2), groups * draw.integers(1, 9))
    x, toward = (tf.constant(draw.normal(0, 8, shape), "float32") for _ in "ab")
    places = np.arange(shape[-1])
    ahead, group = places[:, None] - places, places * groups // shape[-1]
    near = (-(size // 2) <= ahead) & (ahead <= (size - 1) // 2) & (group[:, None] == group)

    def across(x):
        return x / (k + alpha / size * (x ** 2 @ tf.constant(near, "float32"))) ** beta

    def within(x):
        sides = [[0, 0], [2, 2], [2, 2], [0, 0]]
        return x / (k + alpha * tf.nn.avg_pool2d(tf.pad(x ** 2, sides), 5, 1, "VALID")) ** beta

    for layer, formula in ((keras_layers.LocalResponseNormalization(size, alpha, beta, k, int(groups)), across),
                           (keras_layers.SpatialResponseNormalization(5, alpha, beta, k), within)):
        found = []
        for function in (layer, tf.function(layer), formula):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            found.append((y, tape.gradient(y, x, toward)))
        for values, gradients in found[:2]:
            close(values, found[2][0], rtol=1e-4)
            close(gradients, found[2][1], rtol=1e-4, atol=1e-4)


def test_scaled_tanh_and_distances_by_hand():
    close(keras_layers.ScaledTanh()(np.float32([1, -1])), [1, -1])
    close(keras_layers.RBFDistance(((1, -1), (0, 2)))(np.float32([[1, 1]])), [[4, 2]])


def test_dropout_works_in_training_only():
    model = keras_models.build(tiny_networks.network(Flatten(), Dropout(0.5)), seed=0)
    x = np.ones((4, 11, 9, 4), "float32")
    dropped = ops.convert_to_numpy(model(x, training=True))
    assert (dropped == 0).mean() == pytest.approx(0.5, abs=0.06)
    assert (ops.convert_to_numpy(model(x)) == 1).all()


@tiny_networks.every
def test_a_saved_model_comes_back(network, tmp_path):
    model = keras_models.build(network, seed=0)
    model.save(tmp_path / "model.keras")
    x = images(network)
    close(keras.saving.load_model(tmp_path / "model.keras")(x), model(x), rtol=0, atol=0)


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@tiny_networks.every
def test_a_model_in_mixed_precision_computes_nearly_the_same_trains_and_comes_back(network, policy, tmp_path):
    mixed = keras_models.build(network, seed=0)
    keras.config.set_dtype_policy("float32")
    full = keras_models.build(network, seed=0)
    mixed.set_weights(full.get_weights())
    x = images(network)
    expected, found = (ops.convert_to_numpy(ops.cast(model(x), "float32")) for model in (full, mixed))
    assert {layer.dtype_policy.name for layer in mixed.layers[1:]} == {policy}
    assert keras.backend.standardize_dtype(mixed.output.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(found, expected, rtol=0, atol=np.abs(expected).max() * (
        0.005 if policy == "mixed_float16" else 0.03))
    mixed.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras")
    close(ops.cast(back(x), "float32"), found, rtol=0, atol=0)
    if mixed.trainable_variables:
        mixed.compile(keras.optimizers.SGD(1e-3), loss="mse", run_eagerly=True)
        assert np.isfinite(mixed.train_on_batch(x, np.zeros_like(found)))
        assert all(np.isfinite(ops.convert_to_numpy(v)).all() for v in mixed.trainable_variables)


@pytest.mark.parametrize("layer", [keras_layers.LocalResponseNormalization, keras_layers.SpatialResponseNormalization])
def test_response_normalization_of_values_whose_squares_float16_cannot_hold(layer):
    x = np.full((1, 6, 6, 8), 300, "float16")
    found = layer(dtype="mixed_float16")(x)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    close(ops.cast(found, "float32"), layer()(x.astype("float32")), rtol=2e-3)


def test_a_layer_comes_back_with_its_own_settings():
    made = (keras_layers.LocalResponseNormalization(3, 0.5, 0.6, 1.5, 2), keras_layers.ScaledTanh(),
            keras_layers.SpatialResponseNormalization(3, 0.5, 0.6, 1.5), keras_layers.Padding2D(((1, 0), (2, 1)), -1.0))
    for layer in made:
        config = layer.get_config()
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert type(again) is type(layer) and {**again.get_config(), "sides": 0} == {**config, "sides": 0}


def test_what_cannot_be_built_says_where():
    with pytest.raises(ValueError, match="late: .*kernel"):
        keras_models.build(tiny_networks.network(Conv(2, 3), Conv(2, 12, name="late")))
    with pytest.raises(ValueError, match="Flatten"):
        keras_models.build(tiny_networks.network(Dense(2)))
    with pytest.raises(ValueError, match="conv1: stride .* dilation .* Keras"):
        keras_models.build(tiny_networks.network(Conv(2, 2, stride=2, dilation=2)))
