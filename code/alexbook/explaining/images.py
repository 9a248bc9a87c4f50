"""What is done to an image to explain an answer: parts of it hidden, small steps along a gradient, patches cut out.

NumPy alone: a model comes in as a function, ``score`` of images ``(count, height, width, channels)`` or ``gradient`` of
such images, so that the same code serves both frameworks.
"""

import itertools
from collections.abc import Callable

import numpy as np

from alexbook.layers import Windowed, pair
from alexbook.networks import Network

BATCH = 32  # images that go through a network at a time
Function = Callable[[np.ndarray], np.ndarray]


def occlusion(score: Function, image: np.ndarray, size: int, stride: int, fill: float = 0.0) -> np.ndarray:
    """How much a score falls when a square of the image is hidden, for each position of the square.

    Args:
        score: Images ``(count, height, width, channels)`` to one number each, such as a class's logit.
        image: ``(height, width, channels)``.
        size: The square's side in pixels.
        stride: Pixels from one position to the next.
        fill: What hides it; 0 is the mean color of a normalized image.

    Returns:
        ``(rows, columns)``: the score of the whole image minus that with the square at ``(row * stride, column *
        stride)`` hidden.

    Raises:
        ValueError: The square does not fit into the image, or there is no such stride.
    """
    height, width, _ = image.shape
    if not 1 <= size <= min(height, width) or stride < 1:
        raise ValueError(f"A square of {size} pixels at a stride of {stride} does not fit into {height} × {width} "
                         "pixels.")
    corners = list(itertools.product(range(0, height - size + 1, stride), range(0, width - size + 1, stride)))
    found = [float(score(image[None])[0])]
    for start in range(0, len(corners), BATCH):
        hidden = np.stack([image] * len(corners[start:start + BATCH]))
        for each, (top, left) in zip(hidden, corners[start:start + BATCH], strict=True):
            each[top:top + size, left:left + size] = fill
        found.extend(score(hidden).tolist())
    whole, *partly = found
    return (whole - np.array(partly)).reshape(-1, (width - size) // stride + 1)


def adversarial(images: np.ndarray, gradient: np.ndarray, step: float | np.ndarray,
                low: float | np.ndarray = -np.inf, high: float | np.ndarray = np.inf) -> np.ndarray:
    """The fast gradient sign method: every value of the images moved by one step in the direction of a gradient's sign.

    Args:
        images: ``(count, height, width, channels)``.
        gradient: Of what is to grow, such as the loss, with respect to the images.
        step: How far, in the images' own units; a number, or one for each channel.
        low: The smallest value that an image may have.
        high: The largest.

    Returns:
        The changed images; none of their values is farther from the original one than ``step``.

    >>> adversarial(np.zeros(3), np.array([0.2, -7.0, 0.0]), 0.1).tolist()
    [0.1, -0.1, 0.0]
    """
    return np.clip(images + step * np.sign(gradient), low, high).astype(images.dtype)


def ascend(gradient: Function, start: np.ndarray, steps: int, rate: float = 1.0, decay: float = 0.0, jitter: int = 0,
           blur: float = 0.0, seed: int = 0) -> np.ndarray:
    """Gradient ascent on images: steps that make what the gradient is of larger.

    Each step has the same length: the gradient is divided by its root mean square over the image. The other three
    settings regularize: they keep away from images that no camera takes.

    Args:
        gradient: Images ``(count, height, width, channels)`` to gradients of that shape.
        start: The images to begin with.
        steps: How many steps.
        rate: The root mean square of a step, in the images' units.
        decay: The share of every value that each step takes away.
        jitter: The image is moved by up to so many pixels in either direction before the gradient is taken, at random.
        blur: The gradient's standard deviation of smoothing, in pixels.
        seed: Of the random shifts.

    Returns:
        The images after the last step, float32.
    """
    rng = np.random.default_rng(seed)
    images = start.astype(np.float32)
    for _ in range(steps):
        by = tuple(rng.integers(-jitter, jitter + 1, 2).tolist())
        found = np.roll(gradient(np.roll(images, by, (1, 2))), (-by[0], -by[1]), (1, 2))
        if blur:
            found = blurred(found, blur)
        length = np.sqrt((found ** 2).mean((1, 2, 3), keepdims=True))
        images = ((1 - decay) * images + rate * found / np.maximum(length, 1e-12)).astype(np.float32)
    return images


def blurred(images: np.ndarray, deviation: float) -> np.ndarray:
    """Images ``(count, height, width, channels)`` smoothed with a Gaussian of this standard deviation, in pixels."""
    from scipy.ndimage import gaussian_filter1d

    for axis in (1, 2):
        images = gaussian_filter1d(images, deviation, axis, mode="wrap")
    return images


def patch(network: Network, layer: str, row: int, column: int) -> tuple[slice, slice]:
    """Which pixels one value of a layer depends on: its receptive field, cut at the image's border.

    Args:
        network: The network as data.
        layer: The name of a layer with feature maps.
        row: The value's row in the map, from 0.
        column: The value's column.

    Returns:
        The rows and the columns of the image.

    Raises:
        ValueError: The network has no such layer, it has no feature maps, or the place is not in the map.

    >>> from alexbook import networks
    >>> patch(networks.get("alexnet_2012"), "conv2", 10, 0)
    (slice(64, 115, None), slice(0, 35, None))
    """
    from alexbook.arithmetic import paddings, trace

    rows = trace(network).rows
    names = [each.name for each in rows]
    if layer not in names or len(rows[names.index(layer)].output_shape) != 3:
        raise ValueError(f"{network.name} has no feature maps named {layer!r}.")
    rows = rows[:names.index(layer) + 1]
    height, width, _ = rows[-1].output_shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"The place ({row}, {column}) is outside the maps of {layer}, which are {height} × {width}.")
    found = []
    for axis, place in enumerate((row, column)):
        first = last = place
        for each in reversed(rows):
            if not isinstance(each.layer, Windowed):
                continue
            stride = pair(each.layer.stride)
            sides = paddings(each.layer.padding, (each.input_shape[0], each.input_shape[1]), each.layer.reach, stride)
            first = first * stride[axis] - sides[axis][0]
            last = last * stride[axis] - sides[axis][0] + each.layer.reach[axis] - 1
        found.append(slice(max(0, first), min(network.input_shape[axis], last + 1)))
    return found[0], found[1]
