"""The checks of chapter 18, "Depth, width, data"."""

import math
from dataclasses import replace

from alexbook import networks
from alexbook.arithmetic import Trace, trace
from alexbook.checking import Wrong, check, number, shown, whole
from alexbook.layers import Activation, Conv, Dense, Layer
from alexbook.networks import Network
from alexbook.networks.ablations import vary

NEAR = 0.02  # the share by which the project's work may differ


def _sees(counted: Trace) -> int:
    """How many input pixels wide a unit of the last map sees."""
    return [row.receptive_field for row in counted if row.receptive_field][-1][0]


@check
def two_layers_fewer(pixels: object) -> None:
    """Exercise 1: what AlexNet's last pool sees without conv3 and conv4."""
    found, ran = whole(pixels, "the number of pixels"), networks.get("alexnet_2012")
    seen = {missing: _sees(trace(vary(ran, [f"no-conv{layer}" for layer in missing])))
            for missing in ((), (3,), (3, 4), (3, 4, 5))}
    true = seen[3, 4]
    if found == true:
        return
    wrong = {
        seen[()]: "that is the whole network; two layers are gone.",
        seen[(3,)]: "that is with one layer less; two are gone.",
        seen[3, 4, 5]: "that is with three layers less, or with three steps for a kernel of 3; conv5 is still there.",
        seen[()] - 2 * 2: "one step there is more than one pixel of the input: strides came before.",
        seen[()] - 2 * 3: "one step there is more than one pixel of the input: strides came before.",
        seen[()] - true: "that is what is lost; how much is left?",
        seen[()] + 2 * 32: "with fewer layers a unit sees less.",
    }
    raise Wrong(wrong.get(found, f"{shown(found, 20)} is too {'many' if found > true else 'few'}. How much does the "
                                 "first of the two take away?"))


@check
def conv5_price(parameters: object) -> None:
    """Exercise 2: AlexNet's parameters without conv5 where conv4 has as many filters as conv5 had."""
    found, ran = whole(parameters, "the number of parameters"), networks.get("alexnet_2012")
    rows = trace(ran)

    def counted(changes: tuple[str, ...], **settings: int) -> int:
        network = vary(ran, changes)
        return trace(network.with_settings("conv4", **settings) if settings else network).parameters

    true = counted(("no-conv5",), filters=256)
    if found == true:
        return
    kept = rows.parameters - rows["conv5"].parameters
    wrong = {
        rows.parameters: "that is the network as it is.",
        counted(("no-conv5",)): "there conv4 still has its 384 filters, and fc6 gets them all.",
        kept: "conv5 is gone; conv4 has changed, too.",
        counted((), filters=256): "conv4 is changed, but conv5 is still there.",
        counted(("no-conv5",), filters=256, groups=1): "conv4 has two groups, as before.",
        counted(("no-conv3", "no-conv5"), filters=256): "conv3 stays.",
        true - rows["conv5"].parameters: "conv4 is not taken out; it has fewer filters now.",
        true - 256: "conv4's biases are missing.",
        rows.parameters - true: "that is how many are saved; how many are left?",
    }
    raise Wrong(wrong.get(found, f"{shown(found, 20)} is too {'many' if found > true else 'few'}. Two layers change, "
                                 "and fc6 does not: count the two."))


def _widened(network: Network, share: float) -> Network:
    """The chapter's ``widened``: the same share of all filters, in twos, and units, but for the outputs."""
    *front, _ = (place for place, layer in enumerate(network.layers) if isinstance(layer, (Conv, Dense)))

    def scaled(layer: Layer) -> Layer:
        if isinstance(layer, Conv):
            return replace(layer, filters=2 * max(1, round(layer.filters * share / 2)))
        return replace(layer, units=max(1, round(layer.units * share))) if isinstance(layer, Dense) else layer

    return replace(network, layers=tuple(scaled(layer) if place in front else layer
                                         for place, layer in enumerate(network.layers)))


@check
def half_work(share: object) -> str:
    """Exercise 3: the share of AlexNet's width at which it does half of its work."""
    found, ran = float(number(share, "the share")), networks.get("alexnet_2012")
    if not 0 < found <= 1:
        raise Wrong("a share of the width lies between 0 and 1.")
    work = trace(_widened(ran, found)).macs / trace(ran).macs
    if abs(work - 0.5) <= 0.005:
        return f"There it does {100 * work:.1f} % of its work."
    why = ""
    if abs(found - 0.5) < 1e-9:
        why = " Half of the width is paid twice, once on each side of a layer."
    elif abs(found - math.sqrt(0.5)) < 0.004:
        why = " Not all layers follow the square: what does conv1 see?"
    elif abs(found - 0.25) < 1e-9:
        why = " The work shrinks faster than the width, and not more slowly."
    raise Wrong(f"with {found:.3g} of its width it does {100 * work:.1f} % of its work.{why}")


@check
def more_images(count: object) -> None:
    """Exercise 4: the images that halve an error, if each doubling takes away the same share of it."""
    found = float(number(count, "the number of images"))
    doublings = math.log(0.5) / math.log(34 / 40)
    true = 1000 * 2 ** doublings
    if abs(found - true) <= 0.01 * true:
        return
    wrong = (
        (doublings, "that is how many doublings it takes; how many images are that?"),
        (1000 * 2 ** (20 / 6), "there each doubling takes away the same *points*; it is the same share."),
        (1000 * (1 + doublings), "each doubling doubles all images that there are, and does not add 1,000."),
        (2 * true, "the error of 40 % belongs to 1,000 images, and not to 2,000."),
        (true - 1000, "that is how many are added; how many are there then?"),
        (1000 * 2 ** math.ceil(doublings), "that is for a whole number of doublings, more than it takes."),
        (1000 * 2 ** math.floor(doublings), "that is for a whole number of doublings, fewer than it takes."),
        (2000, "one doubling took 40 % to 34 %."),
        (true / 2, "that is one doubling too few."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.003 * value:
            raise Wrong(why)
    if not 1000 < found < 1e9:
        raise Wrong("with so few images the error is higher than 40 %." if found <= 1000 else "so many are not needed.")
    error = 40 * (34 / 40) ** math.log2(found / 1000)
    raise Wrong(f"with {found:,.0f} images the error is {error:.1f} % on this line.")


@check
def six_convolutions(network: object) -> str:
    """Exercise 5: alexnet_small with a sixth convolution and no more work."""
    if not isinstance(network, Network):
        raise Wrong(f"the answer is a Network, and {shown(network)} is not.")
    small = networks.get("alexnet_small")
    base = trace(small)
    try:
        counted = trace(network)
    except ValueError as error:
        raise Wrong(f"the network does not fit together: {shown(str(error), 200)}") from None
    except (TypeError, AttributeError):
        raise Wrong("there is something in it that is no layer.") from None
    if network.input_shape != small.input_shape:
        raise Wrong(f"its input is {network.input_shape}, and should be {small.input_shape} as before.")
    if counted.rows[-1].output_shape != (10,):
        raise Wrong(f"its output has the shape {counted.rows[-1].output_shape}; there are ten classes.")
    convolutions = counted.only(Conv)
    if len(convolutions) != 6:
        raise Wrong(f"it has {len(convolutions)} convolutions, not six.")
    layers = counted.only(Conv, Dense)
    _no_two_in_one(counted)
    if len(layers) - 6 != len(base.only(Dense)):
        raise Wrong(f"it has {len(layers) - 6} fully connected layers, and the original {len(base.only(Dense))}: the "
                    "comparison is about convolutions.")
    off = counted.macs / base.macs - 1
    if abs(off) > NEAR:
        raise Wrong(f"it does {counted.macs:,} MACs, {100 * abs(off):.0f} % {'more' if off > 0 else 'fewer'} than the "
                    f"original's {base.macs:,}. Change the width.")
    return (f"{counted.macs:,} MACs against {base.macs:,}, {counted.parameters:,} parameters against "
            f"{base.parameters:,}; it sees {_sees(counted)} pixels across, and the original {_sees(base)}.")


def _no_two_in_one(counted: Trace) -> None:
    """Raises Wrong where nothing bends between a convolution and the next layer with weights."""
    waiting = ""
    for row in counted:
        if isinstance(row.layer, Activation):
            waiting = ""
        elif isinstance(row.layer, (Conv, Dense)):
            if waiting:
                raise Wrong(f"between {waiting} and {row.name} there is no activation: the two are one linear map.")
            waiting = row.name if isinstance(row.layer, Conv) else ""
