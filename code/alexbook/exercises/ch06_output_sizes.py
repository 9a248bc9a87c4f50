"""The checks of chapter 6, "Every layer's output size"."""

from dataclasses import replace
from math import ceil

from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, alike, check, whole, wholes
from alexbook.layers import LRN, Conv, Dense, Flatten, MaxPool, SpatialNorm
from alexbook.networks import Network

GB = 2**30
IMAGE = 224 * 224 * 3
SHARE = 10  # the project's network has at most this part of the parameters


@check
def which_crops(sizes: object) -> str:
    """Exercise 1: the crops of 2012 that give 55 x 55 in conv1."""
    found = set(wholes(sizes, name="the set"))
    for side in sorted(found):
        if side % 2:
            raise Wrong(f"{side} is odd, and a border on both sides of 256 pixels leaves an even number.")
        outputs = ceil((side - 11) / 4) + 1
        if outputs != 55:
            raise Wrong(f"of {side} pixels conv1 makes {outputs}, rounded up.")
    if found != {side for side in range(12, 257, 2) if ceil((side - 11) / 4) + 1 == 55}:
        raise Wrong("all that you name do, but there are more." if found else "there is at least one.")
    return "Only one of them has the 150,528 values of Figure 2."


@check
def smallest_image(side: object) -> None:
    """Exercise 2: the smallest image that torchvision's convolutions and poolings take."""
    side = whole(side, "the side")
    network = networks.get("alexnet_torchvision")
    body = replace(network, layers=tuple(layer for layer in network.layers if isinstance(layer, (Conv, MaxPool))))
    if side < 1:
        raise Wrong("an image has at least one pixel.")
    stuck = _stuck_at(body, side)
    if stuck:
        raise Wrong(f"with {side} pixels there are too few left at {stuck}.")
    if not _stuck_at(body, side - 1):
        spare = " Part of what the first window needs is padding." if _stuck_at(body, side - 5) else ""
        raise Wrong(f"{side} x {side} does run, but a smaller image runs too.{spare}")


def _stuck_at(network: Network, side: int) -> str:
    """The layer into which no window fits, or nothing."""
    try:
        trace(network, (side, side, 3))
    except ValueError as error:
        return str(error).split(":")[0]
    return ""


@check
def forgotten_flattening(parameters: object) -> str:
    """Exercise 3: the single chain's parameters without the flattening."""
    found = whole(parameters, "the number of parameters")
    article = trace(networks.get("alexnet_article"))
    fc6 = article["fc6"]
    maps = article["pool5"].output_shape[-1]
    small = fc6.of(Dense).units * (maps + 1)
    true = article.parameters - fc6.parameters + small
    wrong = {
        article.parameters: "that is the network with its flattening.",
        small: "that is fc6 alone.",
        true - small: "fc6 itself is missing from the sum.",
        fc6.parameters - small: "that is how many are lost, not how many are left.",
        true - fc6.of(Dense).units: "fc6 keeps its biases.",
        true + 35 * small: "the 36 positions share their weights.",
    }
    if found != true:
        raise Wrong(wrong.get(found, f"{found:,} is too {'many' if found > true else 'few'}. How many values does a "
                                     "unit of fc6 see at one position? The other layers stay as they are."))
    return "The weights are fewer, but fc6 to fc8 do their work at 36 positions."


@check
def two_by_two(network: object) -> str:
    """Exercise 4: alexnet_2012 with poolings of 2 x 2 and two changed paddings."""
    found = _traced(network)
    true = trace(networks.get("alexnet_2012"))
    for row in true.only(Conv, MaxPool, Dense):
        layer = _row(found, row.name).layer
        if type(layer) is not type(row.layer):
            raise Wrong(f"{row.name} is {layer!r} now, another kind of layer.")
        if isinstance(layer, MaxPool):
            if (layer.kernel, layer.stride, layer.padding) != (2, 2, 0):
                raise Wrong(f"{row.name} is not MaxPool(2): it has a kernel of {layer.kernel}, a stride of "
                            f"{layer.stride} and a padding of {layer.padding}.")
            continue
        for field in ("filters", "kernel", "stride", "dilation", "groups", "bias", "connections", "units"):
            new, old = (getattr(one, field, None) for one in (layer, row.layer))
            if new != old:
                raise Wrong(f"{row.name} has {field} {new}, where it had {old}; only paddings may change.")
    if [type(row.layer) for row in found] != [type(row.layer) for row in true]:
        raise Wrong("other layers were added, moved or left out.")
    for row, before in zip(found, true, strict=True):
        if not isinstance(row.layer, (Conv, MaxPool, Dense)) and not alike(row.layer, before.layer):
            raise Wrong(f"{row.name} is {row.layer!r} now, and was {before.layer!r}; only poolings and paddings "
                        "change.")
    for name, hint in (("conv3", "conv2's padding decides what pool2 gets"), ("conv4", "it should keep its padding"),
                       ("pool5", "conv5's padding decides what it gets")):
        side, wanted = found[name].output_shape[0], true[name].output_shape[0]
        if side != wanted:
            raise Wrong(f"{name} has {side} x {side} outputs, not {wanted} x {wanted}: {hint}.")
    if found.network.input_shape != true.network.input_shape or found.network.rounding != "ceil":
        raise Wrong("the sizes agree, but with another input or rounding; only layers may change.")
    moved = {row.name for row in true.only(Conv) if found[row.name].of(Conv).padding != row.of(Conv).padding}
    if len(moved) != 2:
        raise Wrong(f"the sizes agree, but the paddings of {', '.join(sorted(moved))} changed; two are enough.")
    return f"{found.macs:,} MACs, {100 * found.macs / true.macs - 100:+.1f} %: not only the pooling differs."


def _traced(network: object):
    """The trace of a reader's network."""
    if not isinstance(network, Network):
        raise Wrong("a network is wanted, as change(networks.get(...), ...) makes it.")
    try:
        return trace(network)
    except ValueError as error:
        raise Wrong(f"it does not fit together: {error}") from None


def _row(found, name: str):
    """A row of a reader's trace."""
    if name not in {row.name for row in found}:
        raise Wrong(f"there is no layer named {name} any more.")
    return found[name]


@check
def larger_batch(on_two: object, on_16: object) -> None:
    """Exercise 5: the largest batch on two cards of 3 GB, and on one of 16 GB."""
    two, one = whole(on_two, "the batch on two cards"), whole(on_16, "the batch on one card")
    table = trace(networks.get("alexnet_2012"))
    values = sum(row.activations for row in table if not isinstance(row.layer, Flatten))
    norms = sum(row.activations for row in table.only(LRN, SpatialNorm))
    fuller = (table.parameters + table["fc8"].parameters) // 2
    _judge(two, "on two cards", 3, values / 2, norms / 2, fuller)
    _judge(one, "on one card", 16, values, norms, table.parameters)


def _judge(batch: int, where: str, gigabytes: int, values: float, norms: float, parameters: int) -> None:
    """Raises Wrong unless this is the largest batch that the chapter's estimate allows."""
    def largest(memory: float = gigabytes * GB, copies: int = 3, image: float = IMAGE + 2 * values + norms) -> int:
        return int((memory - 4 * copies * parameters) // (4 * image))

    wrong = {
        largest(gigabytes * 1e9): "GB are 2**30 bytes here.",
        largest(copies=1): "a parameter has a gradient and a momentum beside it.",
        largest(copies=0): "the parameters take memory too, each three times.",
        largest(image=IMAGE + values + norms): "every output has a gradient.",
        largest(image=IMAGE + 2 * values): "the normalizations keep their denominators.",
        largest(image=2 * values + norms): "the images take memory too.",
        largest(image=IMAGE / 2 + values + norms / 2): "each card needs the whole image." if gigabytes == 3 else
                                                       "the whole network is on this card.",
        largest(image=IMAGE + 4 * values + 2 * norms): "half of the values are on the other card.",
    }
    true = largest()
    if batch == true:
        return
    if batch == true + 1 or batch == true - 1:
        raise Wrong(f"{where} {'that is one too many' if batch > true else 'one more fits'}.")
    rest = "more memory than there is" if batch > true else "less memory than there is: more images fit"
    raise Wrong(f"{where}: " + wrong.get(batch, f"{shown_count(batch)} images need {rest}."))


def shown_count(count: int) -> str:
    """A count for a sentence, short even where it is absurd."""
    return f"{count:,}" if abs(count) < 10**12 else f"{float(count):.0e}"


@check
def leaner(network: object) -> str:
    """Exercise 6: AlexNet with a tenth of its parameters."""
    found = _traced(network)
    true = trace(networks.get("alexnet_2012"))
    if found.network.input_shape != true.network.input_shape:
        raise Wrong(f"its input has the shape {found.network.input_shape}, not {true.network.input_shape}.")
    for row in true.only(Conv):
        layer, old = _row(found, row.name).layer, row.of(Conv)
        if not isinstance(layer, Conv) or (layer.filters, layer.kernel) != (old.filters, old.kernel):
            raise Wrong(f"{row.name} should keep its {old.filters} filters of {old.kernel} x {old.kernel}: the "
                        "parameters to save are elsewhere.")
    last = found.only(Dense).rows[-1:] or (None,)
    if last[0] is None or last[0].output_shape != (1000,):
        raise Wrong("its last layer with weights should be fully connected and have an output for each of the 1,000 "
                    "classes.")
    if found.rows[-1].output_shape != (1000,):
        raise Wrong(f"what comes out has the shape {found.rows[-1].output_shape}, not (1000,).")
    if found.parameters * SHARE > true.parameters:
        most = max(found, key=lambda row: row.parameters)
        raise Wrong(f"it has {found.parameters:,} parameters, more than a tenth of {true.parameters:,}; most of them, "
                    f"{most.parameters:,}, are in {most.name}.")
    if found.macs > true.macs:
        raise Wrong(f"it has few enough parameters, but does {found.macs:,} MACs, more than the {true.macs:,} of 2012: "
                    "do the layers after conv5 work at every position?")
    return (f"{found.parameters:,} parameters, {true.parameters / found.parameters:.1f} times fewer, for "
            f"{found.macs / true.macs:.0%} of the MACs.")
