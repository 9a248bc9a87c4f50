"""The checks of chapter 10, "What the 2012 source code says"."""

import math
from collections.abc import Callable
from itertools import permutations
from random import Random

import numpy as np

from alexbook.checking import Wrong, array, check, close, number, result, shown, whole, wholes
from alexbook.networks import source_2012

# Of ImageNet's colors, published with fb.resnet.torch (datasets/imagenet.lua) for pixels of 0 to 1; here for 0 to 255.
EIGENVALUES = tuple(value * 255**2 for value in (0.2175, 0.0188, 0.0045))
ORDER = "LRN pool ReLU"


@check
def crop_sizes(sizes: object) -> str:
    """Exercise 1: the crops that give 6 x 6 feature maps after the last pooling."""
    found = set(wholes(sizes, name="the set"))
    for side in sorted(found):
        if not 190 <= side <= 256:
            raise Wrong(f"{side} is not between 190 and 256.")
        if side % 2:
            raise Wrong(f"{side} is odd, and 256 minus twice a border is even.")
        last = source_2012.build(side)["pool3"].side
        if last != 6:
            raise Wrong(f"a crop of {side} pixels gives {last} x {last} maps.")
    missing = {side for side in range(190, 257, 2) if source_2012.build(side)["pool3"].side == 6} - found
    if missing:
        raise Wrong(f"all {len(found)} that you name do, but there are more." if found else "there are some.")
    return f"{len(found)} sizes: the last maps alone do not tell 224."


@check
def fourth_ablation(points: object) -> None:
    """Exercise 2: what the links between the GPUs brought, in points."""
    found = array(points, (2,), "(top-1, top-5)")
    apart = source_2012.RESULTS["150"]

    def less(key: str) -> np.ndarray:
        base = source_2012.RESULTS[key]
        return 100 * np.array([apart.top1 - base.top1, apart.top5 - base.top5])

    true = less("145")
    if np.abs(found - true).max() < 0.006:
        return
    others = {"145-2010": "on the test images of 2010: compare with a network tested on the same images",
              "145-longer": "the network that was trained on: compare with the one of the paper",
              "147": "the network without overlap", "148": "the network without normalization",
              "146": "the network with six convolutions"}
    for key, what in others.items():
        if np.abs(found - less(key)).max() < 0.006:
            raise Wrong(f"that is the difference to \"{key}\", {what}.")
    if np.abs(found + true).max() < 0.006:
        raise Wrong("the network without links has the larger errors, so the difference is positive this way round.")
    if np.abs(100 * found - true).max() < 0.006:
        raise Wrong("these are fractions; a point is a percent.")
    if np.abs(found - true[::-1]).max() < 0.006:
        raise Wrong("top-1 comes first.")
    right = np.abs(found - true) < 0.006
    if right.any():
        raise Wrong(f"{('top-1', 'top-5')[int(right[1])] if right[0] else 'top-5'} is right, the other error is not.")
    raise Wrong("subtract the errors of two networks that were tested on the same images.")


@check
def noise_components(deviations: object) -> str:
    """Exercise 3: one standard deviation of the color noise along each component."""
    found = array(deviations, (3,), "one standard deviation for each component")
    values = np.array(EIGENVALUES)
    true = 0.1 * np.sqrt(values) / 1.1
    wrong = (
        (0.1 * np.sqrt(values), "the division by 1.1 is missing."),
        (0.1 * values / 1.1, "the source multiplies by standard deviations, and these are eigenvalues: variances."),
        (0.1 * values, "the source multiplies by standard deviations, and these are eigenvalues: variances."),
        (np.sqrt(values) / 1.1, "the noise has a standard deviation of a tenth."),
        (np.sqrt(values), "these are the pixels' own standard deviations; the noise is a tenth, then divided by 1.1."),
        (0.1 * np.sqrt(values) * 1.1, "by 1.1 it is divided, not multiplied."),
        (true[::-1], "the largest component comes first."),
    )
    if np.abs(found - true).max() < 0.01:
        return "The first is brightness."
    for values, why in wrong:
        if close(found, values, rtol=2e-3):
            raise Wrong(why)
    off = [place + 1 for place in range(3) if not abs(found[place] - true[place]) < 0.01]
    raise Wrong(f"component {off[0]} is not right: what is the standard deviation that belongs to an eigenvalue?")


@check
def another_border(code: object, paper: object, batch: object) -> None:
    """Exercise 4: crops of 226 pixels, as the code draws and as the paper counts them."""
    gap = 256 - 226
    share = int(source_2012.SETTINGS["images that share a crop"].value)
    _count(code, (gap + 1) ** 2 * 2, "the code's count", {
        gap**2 * 2: "positions go from 0 to twice the border, both included.",
        (gap + 1) ** 2: "each crop also comes mirrored.",
        (gap // 2 + 1) ** 2 * 2: "the border is on both sides.",
        (gap + 1) * 2: "a crop moves in two directions.",
        33**2 * 2: "that is for 224 pixels."})
    _count(paper, gap**2 * 2, "the paper's count", {
        (gap + 1) ** 2 * 2: "the paper counts one position less in each direction.",
        gap**2: "each crop also comes mirrored.",
        32**2 * 2: "that is for 224 pixels."})
    _count(batch, 256 // share, "the number in a batch", {
        128 // share: "that is for 128 images.",
        256: "images share their crop.",
        share: "that many images share a crop; how many such groups are there?",
        2 * 256 // share: "images that share a crop also share whether it is mirrored."})


def _count(value: object, true: int, name: str, wrong: dict[int, str]) -> None:
    found = whole(value, name)
    if found != true:
        size = "many" if found > true else "few"
        raise Wrong(f"{name}: {wrong.get(found, f'{shown(found, 20)} is too {size}.')}")


@check
def he_initialization(logits: object, source_logits: object) -> str:
    """Exercise 5: He initialization for every layer, seen at the logits of the photographs."""
    new = array(logits, (11, 1000), "he_logits")
    old = array(source_logits, (11, 1000), "the logits with the source's initialization")
    if not (np.isfinite(new).all() and np.isfinite(old).all()):
        raise Wrong("some logits are not finite.")
    spread = old.std(axis=0, ddof=1).mean()
    if not spread > 0:
        raise Wrong("the source's logits do not differ from image to image; take source[\"fc8\"].")
    ratio = new.std(axis=0, ddof=1).mean() / spread
    if 40 < ratio < 70:
        return f"They differ {ratio:.0f} times as much from image to image."
    if abs(ratio - 1) < 0.05:
        raise Wrong("these differ as much as with the source's initialization: was any weight drawn anew?")
    if ratio < 1:
        raise Wrong("these differ less from image to image than with the source's initialization; He's standard "
                    "deviations are larger in all but one layer.")
    if ratio < 40:
        raise Wrong(f"{ratio:.1f} times is less than He's rule makes of it: were all eight layers drawn anew, with the "
                    "root of 2 / n, and seen on the photographs?")
    raise Wrong(f"{ratio:.0f} times is more than He's rule makes of it: is n the number of inputs of a unit, and the "
                "standard deviation a root?")


@check
def same_orders(orders: object) -> str:
    """Exercise 6: the orders of LRN, pooling and ReLU that equal conv1's."""
    import torch
    from torch.nn import functional as F

    if isinstance(orders, str):
        orders = {orders}
    if not isinstance(orders, (set, frozenset, list, tuple)) or not all(type(order) is str for order in orders):
        raise Wrong("a set of orders is wanted, each as text with a space between the steps.")
    chosen = {" ".join(order.split()) for order in orders}
    known = {" ".join(order) for order in permutations(("LRN", "pool", "ReLU"))}
    for order in sorted(chosen - known):
        raise Wrong(f"\"{shown(order)}\" is not an order of LRN, pool and ReLU.")
    if ORDER in chosen:
        raise Wrong(f"\"{ORDER}\" is conv1's own; the question is about the five others.")
    steps: dict[str, Callable] = {
        "LRN": lambda x: F.local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0),
        "ReLU": F.relu, "pool": lambda x: F.max_pool2d(x, 3, 2)}
    x = 100 * torch.randn(2, 48, 13, 13, generator=torch.Generator().manual_seed(6))

    def after(order: str) -> torch.Tensor:
        y = x
        for step in order.split():
            y = steps[step](y)
        return y

    true = {order for order in known - {ORDER} if torch.equal(after(order), after(ORDER))}
    for order in sorted(chosen - true):
        share = (after(order) != after(ORDER)).double().mean().item()
        raise Wrong(f"on random feature maps {share:.0%} of the values that \"{order}\" makes are others than conv1's.")
    if chosen != true:
        raise Wrong("what you name is right, but there is more." if chosen else "there is at least one.")
    return "ReLU and max pooling commute; LRN commutes with neither."


# What may be forgotten in reading a configuration, and what to look at then.
_SLIPS = (
    ("floor", "windows are counted by rounding up."),
    ("bias", "every filter and every unit has a bias."),
    ("channels", "a kernel spans all channels of its input."),
    ("area", "a fully connected layer sees every pixel of every feature map."),
    ("padding", "padding adds pixels at both ends."),
)


@check
def read_configuration(function: object) -> str:
    """Exercise 7: a reader for a configuration, on random ones."""
    random = Random(10)
    texts = ["[images]\ntype=data\nside=8\nchannels=1\n\n[one]\ntype=conv\nfilters=2\nkernel=3\nstride=1\npadding=0\n",
             "[images]\ntype=data\nside=5\nchannels=2\n\n[out]\ntype=fc\noutputs=3\n",
             *(_configuration(random) for _ in range(30))]
    for place, text in enumerate(texts):
        layers = text.count("[") - 1
        of = f"a configuration with {layers} layer{'s' if layers > 1 else ''}"
        found = number(result(function, text, of=of), "the number of parameters")
        true = _parameters(text)
        if found == true:
            continue
        for slip, why in _SLIPS:
            if found == _parameters(text, slip) and true != _parameters(text, slip):
                raise Wrong(f"for {of} your function gives {shown(found, 20)}: {why}")
        kind = (" that is a convolution", " that is fully connected")[place] if place < 2 else ""
        raise Wrong(f"for {of}{kind} your function gives {shown(found, 20)}, too {'many' if found > true else 'few'}.")
    built = _parameters(configuration_145())
    found = number(result(function, configuration_145(), of="the columns of 2012"), "the number of parameters")
    if found != built:
        raise Wrong(f"for a network as large as AlexNet your function gives {shown(found, 20)}.")
    return "Thirty-two small networks and a large one are counted as they should be."


def _configuration(random: Random) -> str:
    """A small network in the exercise's format; comments and empty lines as people write them."""
    parts = [f"# a network\n[images]\ntype=data\nside={random.randint(60, 90)}\nchannels={random.randint(1, 4)}\n"]
    for place in range(random.randint(1, 3)):
        kernel = random.choice((2, 3, 4))
        parts.append(f"[c{place}]\ntype=conv\nfilters={random.randint(1, 9)}\nkernel={kernel}\n"
                     f"stride={random.randint(1, 2)}\npadding={random.randint(0, kernel - 1)}\n")
        if random.random() < 0.6:
            parts.append(f"[p{place}]\ntype=pool\nkernel=2\nstride=2\n")
    parts += [f"[f{place}]\n# dense\ntype=fc\noutputs={random.randint(1, 20)}\n"
              for place in range(random.randint(1, 2))]
    return "\n".join(parts)


def configuration_145() -> str:
    """One tower as wide as both columns of 2012, in the exercise's format (this book's, not cuda-convnet's)."""
    parts = [f"[data]\ntype=data\nside={source_2012.INPUT_SIDE}\nchannels={source_2012.INPUT_CHANNELS}\n"]
    for part in source_2012.PARTS:
        if part.kind == "conv":
            parts.append(f"[{part.name}]\ntype=conv\nfilters={2 * part.outputs}\nkernel={part.kernel}\n"
                         f"stride={part.stride}\npadding={part.padding}\n")
        elif part.kind == "pool":
            parts.append(f"[{part.name}]\ntype=pool\nkernel={part.kernel}\nstride={part.stride}\n")
        elif part.kind == "fc":
            parts.append(f"[{part.name}]\ntype=fc\noutputs={part.outputs * len(part.gpus)}\n")
    return "\n".join(parts)


def _parameters(text: str, slip: str = "") -> int:
    """Weights and biases of the network in a configuration; with a slip, as somebody counts who makes it."""
    total, side, channels = 0, 0, 0
    for block in text.split("[")[1:]:
        lines = [line.strip() for line in block.split("\n")[1:] if line.strip() and not line.startswith("#")]
        values = dict(line.split("=") for line in lines)
        kind = values.pop("type")
        n = {key: int(value) for key, value in values.items()}
        bias = slip != "bias"
        if kind == "data":
            side, channels = n["side"], n["channels"]
        elif kind == "fc":
            total += n["outputs"] * (channels * (1 if slip == "area" else side**2) + bias)
            side, channels = 1, n["outputs"]
        else:
            padding = n.get("padding", 0) * (1 if slip == "padding" else 2)
            steps = (side + padding - n["kernel"]) / n["stride"]
            if kind == "conv":
                total += n["filters"] * (n["kernel"] ** 2 * (1 if slip == "channels" else channels) + bias)
                channels = n["filters"]
            side = 1 + (math.floor(steps) if slip == "floor" else math.ceil(steps))
    return total
