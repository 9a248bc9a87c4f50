"""The checks of chapter 20, "Errata"."""

import math
from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

from alexbook import networks
from alexbook.arithmetic import Trace, output_size, trace
from alexbook.checking import Wrong, callable_, check, result, shown, whole, word
from alexbook.layers import Conv, Dense
from alexbook.networks import Network
from alexbook.networks.ablations import vary

LISTED = ((224, 7, 2, 3, 112), (112, 3, 2, 1, 56), (56, 5, 1, 1, 56), (56, 3, 2, 1, 28), (28, 1, 1, 0, 28))
STATED = {"4": "convolutions' parameters", "72": "convolutions' work", "96": "fully connected layers' parameters",
          "52": "fc6's parameters"}  # the sentence of exercise 5, in percent
FIGURES = ("parameters", "macs", "side")


def _table(name: str) -> Trace:
    return trace(networks.get(name))


@check
def lenet_without_edges(parameters: object) -> None:
    """Exercise 1: the parameters of a LeNet that takes 28 x 28 pixels without padding."""
    found, padded, unpadded = whole(parameters, "the count"), _table("lenet5_modern"), _table("lenet5_unpadded")
    true = unpadded.parameters
    if found == true:
        return
    wrong = {
        padded.parameters: "that is the sentence's own count, and a network that pads 28 x 28 pixels has it.",
        padded.parameters - true: "that is what the two counts differ by.",
        unpadded["fc1"].parameters: "that is fc1 alone.",
        unpadded.parameters - sum(row.biases for row in unpadded): "biases are parameters, too.",
        _table("lenet5").parameters: "that is LeNet-5 as it was published, another network.",
        true + 120 * 16 * (5 * 4 - 4 * 4): "the feature maps are smaller both down and across.",
    }
    raise Wrong(wrong.get(found, f"{shown(found, 20)} is too {'many' if found > true else 'few'}. How large are the "
                                 "last feature maps?"))


@check
def one_line_off(line: object, padding: object) -> None:
    """Exercise 2: the line of a listed network that does not fit, and the padding that would make it right."""
    place, found = whole(line, "the line"), whole(padding, "the padding")
    if not 1 <= place <= len(LISTED):
        raise Wrong(f"the lines are numbered from 1 to {len(LISTED)}.")
    size, kernel, stride, printed, output = LISTED[place - 1]
    made = output_size(size, kernel, stride, printed)
    if made == output:
        raise Wrong(f"line {place} is right: it makes {made} pixels, as it says.")
    if not 0 <= found <= 10:
        raise Wrong("line and kind of mistake are found; that is no padding.")
    found_size = output_size(size, kernel, stride, found)
    if found_size != output:
        raise Wrong(f"that is the line. With padding {found} it makes {found_size} pixels"
                    + (", as it does now." if found == printed else f", and not {output}."))


@check
def whose_layer(name: object) -> str:
    """Exercise 3: the layer that the sum of 832 million takes from another network."""
    ours, theirs = _table("alexnet_2012"), _table("alexnet_article")
    names = [row.name for row in ours.only(Conv, Dense)]
    found = word(name, names, "the answer")

    def total(exchanged: str) -> int:
        return sum((theirs if layer == exchanged else ours)[layer].macs // 10 ** 6 for layer in names)

    if ours[found].macs == theirs[found].macs:
        raise Wrong(f"{found} does the same work in both networks.")
    if total(found) != 832:
        raise Wrong(f"with {found} exchanged the sum is {total(found)}, not 832.")
    return f"With it exchanged the sum is {total(found)}; without, {total('')}."


@check
def garbled_dash(function: object) -> str:
    """Exercise 4: a function that mends text that was read in the wrong alphabet."""
    callable_(function, "mend")
    signs = {"a dash": "—", "a shorter dash": "–", "an apostrophe": "’", "an ellipsis": "…", "a bullet": "•"}
    texts = {what: f"ReLU{sign}much better" for what, sign in signs.items()}
    texts |= {"nothing but a dash": "—", "no sign that needs it": "AlexNet, 2012", "two dashes": "ReLU — and — tanh"}
    for what, text in texts.items():
        garbled = text.encode("utf-8").decode("cp1253")
        found = result(function, garbled, of=f"text with {what} (it reads {shown(garbled, 40)})")
        if not isinstance(found, str):
            raise Wrong(f"your function gives {shown(type(found).__name__)}; a text is asked for.")
        found = str.__str__(found)  # a text of a kind of its own may claim to be equal to everything
        if found == text:
            continue
        if found == garbled:
            raise Wrong(f"the text with {what} comes back as it went in.")
        if found in signs.values():
            raise Wrong("only the sign comes back; the rest of the text should, too.")
        if found.isascii() and not text.isascii():
            raise Wrong(f"of the text with {what} your function makes plain {shown(found)}: the sign that was meant "
                        "should come back.")
        raise Wrong(f"of the text with {what} your function makes {shown(found)}, which is not what was meant. Does it "
                    "undo the mistake, or replace one sign?")
    return f"{len(texts)} texts mended."


def _percents() -> dict[str, int]:
    """What the numbers of exercise 5's sentence should be, in whole percent."""
    table = _table("alexnet_2012")
    convolutions, dense = list(table.only(Conv)), list(table.only(Dense))
    shares = (sum(row.parameters for row in convolutions) / table.parameters,
              sum(row.macs for row in convolutions) / table.macs,
              sum(row.parameters for row in dense) / table.parameters,
              table["fc6"].parameters / table.parameters)
    return {stated: round(100 * share) for stated, share in zip(STATED, shares, strict=True)}


@check
def two_numbers_off(corrections: object) -> None:
    """Exercise 5: the wrong numbers of a sentence on where AlexNet's parameters and its work are."""
    if not isinstance(corrections, Mapping) or not corrections:
        raise Wrong(f"the answer is a dict, a wrong number of the sentence to the right one, and {shown(corrections)} "
                    "is not.")
    true = _percents()
    found = {whole(stated, "a number of the sentence"): whole(right, "its correction")
             for stated, right in corrections.items()}
    for stated, right in found.items():
        what = STATED.get(str(stated))
        if what is None:
            raise Wrong(f"there is no {stated} in the sentence.")
        if int(stated) == true[str(stated)]:
            raise Wrong(f"{stated} is right as it stands: compute the {what} again.")
        if right == stated:
            raise Wrong(f"{stated} is to be replaced by another number.")
        if right != true[str(stated)]:
            raise Wrong(f"{stated} is wrong, and so is {right}: count the {what} of alexnet_2012, as a share of all.")
    if len(found) < sum(int(stated) != right for stated, right in true.items()):
        raise Wrong("what you correct needs it, and is right now; something else is still wrong.")


@cache
def _eighth() -> Network:
    """The article's network at an eighth of its width."""
    return vary(networks.get("alexnet_article"), ["half-width"] * 3)


@check
def three_errors(build: object) -> str:
    """Exercise 6: a Keras model of an AlexNet at an eighth of its width, mended."""
    import keras

    if isinstance(build, keras.Model):
        raise Wrong("this should be the function that makes the model, not a model.")
    model = result(build, of="no input")
    if not isinstance(model, keras.Model):
        raise Wrong(f"your function gives {shown(type(model).__name__)}, not a Keras model.")
    table, network = trace(_eighth()), _eighth()
    if tuple(model.input_shape) != (None, *network.input_shape):
        raise Wrong(f"its input is {tuple(model.input_shape)}, not {(None, *network.input_shape)}.")
    kinds = {"Conv2D": "conv", "MaxPooling2D": "maxpool", "Dense": "dense"}
    mine = [layer for layer in model.layers if type(layer).__name__ in kinds]
    wanted = [row for row in table if row.layer.kind in kinds.values()]
    if [kinds[type(layer).__name__] for layer in mine] != [row.layer.kind for row in wanted]:
        raise Wrong(f"it has {len(mine)} convolutions, poolings and fully connected layers in another order than "
                    f"AlexNet's {len(wanted)}: nothing has to be added or taken away there.")
    for layer, row in zip(mine, wanted, strict=True):
        shape = tuple(layer.output.shape)[1:]
        if shape == row.output_shape:
            continue
        if row.layer.kind == "dense" and len(shape) == 3:
            raise Wrong(f"{row.name} gives {shape}: a fully connected layer applied at each position "
                        "separately.")
        if row.layer.kind == "dense":
            raise Wrong(f"{row.name} has {shape[-1]} units, and not what the listing says.")
        if shape[-1] != row.output_shape[-1]:
            raise Wrong(f"{row.name} has {shape[-1]} channels, and not what the listing says.")
        why = ("by how much does the window move on?" if row.layer.kind == "maxpool" else
               "look at its padding and its stride.")
        raise Wrong(f"{row.name} gives feature maps of {shape[0]} x {shape[1]}: {why}")
    ends = [getattr(layer, "activation", None) for layer in model.layers if type(layer).__name__ in ("Conv2D", "Dense")]
    for end, row in zip(ends, (row for row in wanted if row.layer.kind != "maxpool"), strict=True):
        expected = "softmax" if row.name == "fc8" else "relu"
        if getattr(end, "__name__", "") != expected:
            raise Wrong(f"{row.name} ends in {getattr(end, '__name__', 'nothing')}, and not in {expected}.")
    dropouts = sum(isinstance(layer, keras.layers.Dropout) for layer in model.layers)
    if dropouts != 2:
        raise Wrong(f"it has {dropouts} dropouts; the listing has two, and they were right.")
    return f"{model.count_params():,} parameters, as the trace counts them."


@check
def errata(function: object) -> str:
    """Exercise 7: a function that finds the wrong ones among claims about networks, on random claims."""
    random = Random(16)
    for trial in range(6):
        claims, true = _claims(random, 0 if trial == 1 else 1 if trial == 0 else 12, trial)
        of = f"{len(claims)} claims"
        found = result(function, claims, of=of)
        if not isinstance(found, Mapping):
            raise Wrong(f"your function gives {shown(type(found).__name__)}; a dict is asked for, a wrong claim's "
                        "index to the right value.")
        mine = {whole(place, "an index"): whole(value, "a value") for place, value in found.items()}
        for place, value in mine.items():
            if not 0 <= place < len(claims):
                raise Wrong(f"of {of} your function calls number {place} wrong, which does not exist; indices are "
                            "counted from 0.")
            if place not in true:
                raise Wrong(f"your function calls {_shown(claims[place])} wrong, and it is right.")
            if value != true[place]:
                raise Wrong(f"your function finds that {_shown(claims[place])} is wrong, but does not give what is "
                            "so.")
        for place in sorted(true.keys() - mine.keys()):
            raise Wrong(f"your function lets {_shown(claims[place])} pass.")
    return "It can be trusted with this page's tables."


def _shown(claim: tuple) -> str:
    name, layer, figure, value = claim
    return f"({name}, {layer or 'all layers'}, {figure}, {value:,})"


def _claims(random: Random, count: int, trial: int) -> tuple[list[tuple], dict[int, int]]:
    """Claims (network, layer or None, figure, value), and the right values of those that are wrong, by index."""
    names = ("alexnet_2012", "alexnet_article", "alexnet_paper", "alexnet_torchvision", "alexnet_d2l", "lenet5",
             "lenet5_modern", "lenet5_rgb")
    claims, wrong = [], {}
    for place in range(count):
        table = _table(random.choice(names))
        layer = random.choice([None, *(row.name for row in table.only(Conv, Dense))])
        figures = FIGURES if layer and len(table[layer].output_shape) == 3 else FIGURES[:2]
        figure = figures[(trial + place) % len(figures)]
        row: Any = table[layer] if layer else table
        true = row.output_shape[0] if figure == "side" else getattr(row, figure)
        value = true
        if random.random() < 0.5 or not place:
            value = random.choice((true + 1, true - 1, 2 * true, math.ceil(true / 2) - 1))
            wrong[place] = true
        claims.append((table.network.name, layer, figure, value))
    return claims, wrong
