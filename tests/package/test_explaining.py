"""What explains a network: closed forms on tiny linear ones, PyTorch against Keras on the same weights, and captum.

captum is no dependency of the book; the weekly job installs it, and elsewhere these tests are skipped.
"""

import os
import warnings

import numpy as np
import pytest
from alexbook import networks, weights
from alexbook.explaining import filters, images, neighbors

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
from alexbook.explaining import keras as in_keras  # noqa: E402
from alexbook.explaining import torch as in_torch  # noqa: E402
from torch import nn  # noqa: E402

SOURCES = {"lenet5_modern": "conv2", "lenet5": "C3"}
SOURCES |= {name: "conv5_norm" for name in ("alexnet_photos",) if name in weights.names()}
CLOSE = 1e-4
RNG = np.random.default_rng(13)


def some_images(source: str, count: int = 3) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(count, *weights.card(source).build().input_shape)).astype("float32")


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal within 1e-4 of their length."""
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) <= CLOSE * np.linalg.norm(theirs)


def linear(shape: tuple[int, int, int] = (4, 5, 2), classes: int = 3) -> tuple[nn.Sequential, np.ndarray]:
    """A model of one linear layer, and its weights as images: ``(classes, *shape)``."""
    height, width, channels = shape
    layer = nn.Linear(height * width * channels, classes)
    kernels = layer.weight.detach().numpy().reshape(classes, channels, height, width).transpose(0, 2, 3, 1)
    return nn.Sequential(nn.Flatten(), layer).eval(), kernels


# closed forms


def test_the_gradient_of_a_linear_model_is_its_weights():
    model, kernels = linear()
    x = RNG.normal(size=(3, 4, 5, 2)).astype("float32")
    np.testing.assert_allclose(in_torch.input_gradient(model, x, [2, 0, 1]), kernels[[2, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(in_torch.input_gradient(model, x, 1), kernels[[1, 1, 1]], atol=1e-6)


def test_the_gradient_of_the_loss_is_probabilities_minus_one_at_the_label():
    model, kernels = linear()
    x = RNG.normal(size=(2, 4, 5, 2)).astype("float32")
    powers = np.exp(in_torch.outputs(model, x))
    shares = powers / powers.sum(1, keepdims=True) - np.eye(3)[[1, 0]]
    np.testing.assert_allclose(in_torch.loss_gradient(model, x, [1, 0]), np.einsum("nc,chwd->nhwd", shares, kernels),
                               atol=1e-6)


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 1), (3, 2)])
def test_occlusion_of_a_linear_model_is_what_the_hidden_square_contributed(size, stride):
    model, kernels = linear()
    x = RNG.normal(size=(4, 5, 2)).astype("float32")
    found = images.occlusion(lambda batch: in_torch.outputs(model, batch)[:, 2], x, size, stride, fill=0.5)
    parts = ((x - 0.5) * kernels[2]).sum(-1)
    expected = [[parts[top:top + size, left:left + size].sum() for left in range(0, 6 - size, stride)]
                for top in range(0, 5 - size, stride)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_grad_cam_of_averaged_maps_is_the_maps_weighted_by_the_classifier():
    """With an average over each map and one linear layer, Grad-CAM is CAM (Zhou and others 2016) over the positions."""
    model = nn.Sequential()
    for name, layer in (("conv", nn.Conv2d(3, 4, 3)), ("mean", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()),
                        ("fc", nn.Linear(4, 2))):
        model.add_module(name, layer)
    x = RNG.normal(size=(2, 7, 6, 3)).astype("float32")
    maps = in_torch.activations(model.eval(), x)["conv"]
    cam = np.maximum(maps @ model.fc.weight.detach().numpy()[1], 0) / maps[0, ..., 0].size
    np.testing.assert_allclose(in_torch.grad_cam(model, x, 1, "conv"), cam, atol=1e-6)


def test_a_relu_in_place_does_not_change_what_grad_cam_sees():
    models = [nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.Flatten(), nn.Linear(80, 2)).eval()
              for inplace in (False, True)]
    models[1].load_state_dict(models[0].state_dict())
    x = RNG.normal(size=(2, 7, 6, 3)).astype("float32")
    np.testing.assert_array_equal(*(in_torch.grad_cam(model, x, 0, "0") for model in models))


def test_guided_gradients_leave_out_what_is_negative_at_a_relu():
    first, last = nn.Linear(2, 3, bias=False), nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 2], [3, 4], [-5, -6]]))
        last.weight.copy_(torch.tensor([[1.0, -1, 1]]))
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), last).eval()
    x = np.ones((1, 1, 2, 1), "float32")
    assert in_torch.input_gradient(model, x, 0).ravel().tolist() == [1 - 3, 2 - 4]
    assert in_torch.guided_gradient(model, x, 0).ravel().tolist() == [1, 2]
    assert in_torch.input_gradient(model, x, 0).ravel().tolist() == [1 - 3, 2 - 4], "its hooks are gone"


@pytest.mark.parametrize("seed", range(5))
def test_one_adversarial_step_on_a_linear_model_is_the_best_of_its_size(seed):
    rng = np.random.default_rng(seed)
    model, kernels = linear()
    x = rng.normal(size=(1, 4, 5, 2)).astype("float32")
    gradient = in_torch.input_gradient(model, x, 0)
    moved = images.adversarial(x, gradient, 0.1)
    assert np.abs(moved - x).max() <= 0.1 + 1e-6
    gain = (in_torch.outputs(model, moved) - in_torch.outputs(model, x))[0, 0]
    assert gain == pytest.approx(0.1 * np.abs(kernels[0]).sum(), rel=1e-4)
    other = x + rng.uniform(-0.1, 0.1, x.shape).astype("float32")
    assert in_torch.outputs(model, other)[0, 0] - in_torch.outputs(model, x)[0, 0] < gain


def test_an_adversarial_step_stays_among_the_gray_levels():
    x = np.array([[[[0.0, 1.0, 0.5]]]], "float32")
    found = images.adversarial(x, np.array([[[[-1.0, 1, 1]]]]), np.array([0.2, 0.2, 0.1]), 0, 1)
    np.testing.assert_allclose(found.ravel(), [0, 1, 0.6])


def test_ascent_climbs_a_straight_slope_by_steps_of_one_length():
    slope = np.array([3.0, -4.0]).reshape(1, 1, 2, 1)
    found = images.ascend(lambda x: np.broadcast_to(slope, x.shape), np.zeros((1, 1, 2, 1)), 10, rate=0.5)
    np.testing.assert_allclose(found.ravel(), 10 * 0.5 * slope.ravel() / np.sqrt(12.5), rtol=1e-5)


def test_ascent_with_decay_comes_to_rest_where_step_and_decay_are_equal():
    found = images.ascend(np.ones_like, np.zeros((1, 4, 4, 1)), 300, rate=0.2, decay=0.1)
    np.testing.assert_allclose(found, 2, rtol=1e-4)


def test_jitter_moves_the_image_back_and_blur_keeps_the_mean():
    bright = RNG.normal(size=(1, 8, 8, 1)).astype("float32")
    seen = []
    images.ascend(lambda x: seen.append(x) or bright, bright, 6, jitter=3, rate=0)
    np.testing.assert_array_equal(np.sort(seen[3].ravel()), np.sort(bright.ravel()))
    assert any(not np.array_equal(each, bright) for each in seen)
    np.testing.assert_array_equal(images.ascend(lambda x: bright, bright, 6, jitter=3, rate=0), bright)
    smooth = images.ascend(lambda x: bright + 1, np.zeros_like(bright), 1, blur=2.0)
    assert smooth.std() < 0.3 * (bright + 1).std() / np.sqrt(((bright + 1) ** 2).mean()) + smooth.mean()


@pytest.mark.parametrize("name, layer", [("alexnet_2012", "conv3"), ("alexnet_article", "pool5"),
                                         ("lenet5_modern", "conv2")])
def test_a_patch_is_where_the_gradient_of_one_value_is(name, layer):
    """The receptive field, found again with the network's windows alone and weights that are all 1."""
    from alexbook.models import torch as torch_models
    network = networks.get(name)
    rows, columns = images.patch(network, layer, 2, 1)
    model = torch_models.build(network, seed=0)
    for each in model.children():
        if isinstance(each, nn.Conv2d):
            nn.init.ones_(each.weight)
    x = torch.rand(1, network.input_shape[2], *network.input_shape[:2], requires_grad=True)
    values = x
    for each, module in model.named_children():
        if isinstance(module, nn.MaxPool2d):
            values = nn.functional.avg_pool2d(values, module.kernel_size, module.stride)
        elif isinstance(module, (nn.Conv2d, nn.AvgPool2d, nn.ZeroPad2d)):
            values = module(values)
        elif isinstance(module, nn.ConstantPad2d):
            values = nn.functional.pad(values, module.padding)
        if each == layer:
            break
    gradient, = torch.autograd.grad(values[0, 0, 2, 1], x)
    where = np.argwhere(gradient[0, 0].numpy() != 0)
    assert (rows.start, columns.start) == tuple(where.min(0))
    assert (rows.stop, columns.stop) == tuple(where.max(0) + 1)


def test_filters_know_color_from_gray_and_an_edge_from_noise():
    gray, color = np.zeros((6, 6, 3)), np.zeros((6, 6, 3))
    gray[:3], gray[3:] = 1, -1
    color[..., 0], color[..., 2] = 1, -1
    noise = RNG.normal(size=(200, 6, 6, 3))
    np.testing.assert_allclose(filters.color_share(np.stack([gray, color, gray + color])), [0, 1, 0.4])
    assert filters.color_share(noise).mean() == pytest.approx(2 / 3, abs=0.02)  # two of the three dimensions
    assert filters.smoothness(gray[None])[0] > 0.6
    assert filters.smoothness(noise).mean() == pytest.approx(0, abs=0.05)
    assert filters.smoothness(color[None]).tolist() == [0] and filters.color_share(np.zeros((1, 2, 2, 3))) == [0]


def test_the_picture_of_filters_has_each_at_its_place():
    kernels = RNG.normal(size=(5, 3, 2, 3))
    sheet = filters.picture(kernels, columns=2)
    assert sheet.shape == (3 * 4 + 1, 2 * 3 + 1, 3)
    np.testing.assert_allclose(sheet[9:12, 1:3], 0.5 + 0.5 * kernels[4] / np.abs(kernels[4]).max())
    assert (sheet[9:12, 4:6] == 1).all()


def test_neighbors_are_those_of_a_loop():
    features, labels = RNG.normal(size=(40, 3, 4)), RNG.integers(0, 4, 40)
    found = neighbors.nearest(features, features[:6], 4)
    for query, row in enumerate(found):
        distances = [np.linalg.norm(features[query] - each) for each in features]
        assert row.tolist() == np.argsort(distances)[:4].tolist() and row[0] == query
    for image, hit in enumerate(neighbors.hits(features, labels)):
        distances = [np.linalg.norm(features[image] - each) if place != image else np.inf
                     for place, each in enumerate(features)]
        assert hit == (labels[int(np.argmin(distances))] == labels[image])


# both frameworks


@pytest.fixture
def _float64():
    """In float32 a ReLU near 0, or two values that a pool finds equal, may let a gradient through in one framework
    only; in float64 there are no such ties."""
    for name in ("float64", "float32"):
        keras.config.set_floatx(name)
        keras.config.set_dtype_policy(name)
        if name == "float64":
            yield


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("source", SOURCES)
def test_both_frameworks_give_the_same(source):
    ours, theirs = weights.load(source, "torch").double(), weights.load(source, "keras")
    x, layer, target = some_images(source, 1).astype("float64"), SOURCES[source], [3]
    assert_close(in_torch.outputs(ours, x), in_keras.outputs(theirs, x))
    mine, other = in_torch.activations(ours, x), in_keras.activations(theirs, x)
    same = {name for name in mine.keys() & other.keys() if not name.startswith("flatten")}  # another order
    assert len(same) >= len(mine) - 3
    for name in same:
        assert_close(mine[name], other[name])
    assert_close(in_torch.grad_cam(ours, x, target, layer), in_keras.grad_cam(theirs, x, target, layer))
    for function in ("input_gradient", "loss_gradient"):
        assert_close(getattr(in_torch, function)(ours, x, target), getattr(in_keras, function)(theirs, x, target))
    assert_close(in_torch.input_gradient(ours, x, 2, layer), in_keras.input_gradient(theirs, x, 2, layer))


@pytest.mark.parametrize("module, framework", [(in_torch, "torch"), (in_keras, "keras")])
def test_a_gradient_is_what_differences_of_the_output_measure(module, framework):
    model, x = weights.load("lenet5_modern", framework), some_images("lenet5_modern", 1)
    gradient = module.input_gradient(model, x, 4)
    direction = RNG.normal(size=x.shape).astype("float32")
    ahead, back = (module.outputs(model, x + sign * 1e-2 * direction)[0, 4] for sign in (1, -1))
    assert (ahead - back) / 2e-2 == pytest.approx(float((gradient * direction).sum()), rel=1e-2)


def test_a_keras_sequential_model_is_explained_as_well():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Flatten(),
                              keras.layers.Dense(3)])
    x = RNG.normal(size=(2, 8, 8, 1)).astype("float32")
    assert in_keras.grad_cam(model, x, 1, "conv").shape == (2, 6, 6)
    assert in_keras.input_gradient(model, x, 1, "conv").shape == x.shape


def test_shuffled_weights_are_the_same_values_and_the_model_keeps_its_own():
    model = weights.load("lenet5_modern")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    other = in_torch.randomized(model, ["fc2"], seed=1)
    for name, value in other.state_dict().items():
        assert torch.equal(before[name], model.state_dict()[name])
        assert torch.equal(value.flatten().sort().values, before[name].flatten().sort().values)
        assert torch.equal(value, before[name]) != name.startswith("fc2")


# wrong input


@pytest.mark.parametrize("module, framework", [(in_torch, "torch"), (in_keras, "keras")])
@pytest.mark.parametrize("call, words", [
    (lambda module, model, x: module.input_gradient(model, x, 10), "from 0 to 9"),
    (lambda module, model, x: module.input_gradient(model, x, -1), "from 0 to 9"),
    (lambda module, model, x: module.input_gradient(model, x, 0, "conv9"), "no layer 'conv9'; it has .*conv1"),
    (lambda module, model, x: module.grad_cam(model, x, 0, "fc1"), "needs a layer with feature maps"),
])
def test_a_wrong_layer_or_class_is_named(module, framework, call, words):
    with pytest.raises(ValueError, match=words):
        call(module, weights.load("lenet5_modern", framework), some_images("lenet5_modern", 1))


def test_a_model_in_training_mode_is_refused():
    with pytest.raises(ValueError, match="model.eval"):
        in_torch.outputs(weights.load("lenet5_modern").train(), some_images("lenet5_modern"))


@pytest.mark.parametrize("call, words", [
    (lambda: images.occlusion(len, np.zeros((4, 4, 1)), 5, 1), "A square of 5 pixels"),
    (lambda: images.occlusion(len, np.zeros((4, 4, 1)), 2, 0), "a stride of 0"),
    (lambda: images.patch(networks.get("alexnet_2012"), "fc6", 0, 0), "no feature maps named 'fc6'"),
    (lambda: images.patch(networks.get("alexnet_2012"), "conv5", 13, 0), "outside the maps of conv5, which are"),
    (lambda: filters.picture(np.zeros((2, 3, 3, 4))), "1 or 3 channels"),
    (lambda: filters.color_share(np.zeros((2, 3, 3, 1))), "3 channels"),
    (lambda: neighbors.nearest(np.zeros((3, 2)), np.zeros((1, 3))), "by 2 values and the queries have 3"),
    (lambda: neighbors.nearest(np.zeros((3, 2)), np.zeros((1, 2)), 4), "from 1 to 3"),
])
def test_wrong_arrays_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# an independent library

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import captum.attr as captum
    except ImportError:
        captum = None
needs_captum = pytest.mark.skipif(captum is None and not os.environ.get("ALEXBOOK_WEEKLY"),
                                  reason="captum is installed in the weekly job only")


def first(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


@needs_captum
@pytest.mark.parametrize("source", SOURCES)
def test_captum_finds_the_same(source):
    model, x, layer, target = weights.load(source), some_images(source), SOURCES[source], [3, 0, 7]
    theirs = captum.Saliency(model).attribute(first(x).requires_grad_(), target, abs=False)
    assert_close(in_torch.input_gradient(model, x, target), theirs.numpy().transpose(0, 2, 3, 1))
    theirs = captum.LayerGradCam(model, model.get_submodule(layer)).attribute(first(x), target, relu_attributions=True)
    assert_close(in_torch.grad_cam(model, x, target, layer), theirs.detach().numpy()[:, 0])
    side = x.shape[1] // 4
    theirs = captum.Occlusion(model).attribute(first(x[:1]), (x.shape[3], side, side), side, 0, target[0])
    ours = images.occlusion(lambda batch: in_torch.outputs(model, batch)[:, target[0]], x[0], side, side)
    assert_close(ours, theirs.detach().numpy()[0, 0, ::side, ::side][:4, :4])
    values = captum.LayerActivation(model, model.get_submodule(layer)).attribute(first(x)).detach().numpy()
    assert_close(in_torch.activations(model, x)[layer], values.transpose(0, 2, 3, 1))


@needs_captum
def test_captum_guides_the_gradient_as_we_do():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.ReLU(), nn.Flatten(),
                          nn.Linear(16 * 4, 5)).eval()
    x = RNG.normal(size=(3, 8, 8, 3)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = captum.GuidedBackprop(model).attribute(first(x).requires_grad_(), 2)
    assert_close(in_torch.guided_gradient(model, x, 2), theirs.detach().numpy().transpose(0, 2, 3, 1))
