"""The numbers from 1,000 on, and those with a decimal point, in folded solutions and in the quizzes.

Each is printed by a cell, or stands in ``COMPUTED`` or ``DECIMALS`` with an expression for its value. What is given (a
setting, a section of a paper, a measured share, a figure of a document) and not computed is in ``SOURCED`` or
``GIVEN``.
"""

import json
import math
import re
from dataclasses import replace

import pytest
import yaml
from alexbook import arithmetic, networks
from alexbook.arithmetic import Trace
from alexbook.layers import AvgPool, Conv, Dense, Flatten, MaxPool
from alexbook.networks import Network
from repository import ROOT

CHAPTERS = sorted(path.stem for path in (ROOT / "quizzes").glob("*.yml"))
NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:[,_]\d{3})+|\d{4,})(?:\.\d+)?(?![\d_]|,\d{3})")
YEAR = re.compile(r"19[89]\d|20[0-2]\d")


def trace(network: str | Network, size: int | None = None) -> Trace:
    network = networks.get(network) if isinstance(network, str) else network
    return arithmetic.trace(network, (size, size, network.input_shape[2]) if size else None)


def conv(kernel: int, maps: int, filters: int) -> int:
    """The parameters of a convolution, written out here once more."""
    return filters * (kernel * kernel * maps + 1)


def work(**layers: object) -> Trace:
    """The network of 2012 with some of its layers changed."""
    original = networks.get("alexnet_2012")
    assert set(layers) <= {layer.name for layer in original.layers}
    return trace(replace(original, layers=tuple(
        replace(layers[layer.name], name=layer.name) if layer.name in layers else layer for layer in original.layers)))


def averaged() -> Network:
    """The network of 2012 without its hidden dense layers; each map of pool5 is averaged."""
    whole = networks.get("alexnet_2012")
    kept = [layer for layer in whole.layers if layer.name not in ("fc6", "fc7")]
    index = next(i for i, layer in enumerate(kept) if isinstance(layer, Flatten))
    return replace(whole, layers=(*kept[:index], AvgPool(6), *kept[index:]))


def eighth() -> Network:
    """The small AlexNet with an eighth of its filters and hidden units."""
    def smaller(layer: object) -> object:
        if isinstance(layer, Conv):
            return replace(layer, filters=layer.filters // 8)
        return replace(layer, units=layer.units // 8) if layer.name in ("fc6", "fc7") else layer
    small = networks.get("alexnet_small")
    return replace(small, layers=tuple(map(smaller, small.layers)))


NAMES = {"math": math, "trace": trace, "conv": conv, "work": work, "averaged": averaged, "eighth": eighth,
         "Conv": Conv, "Dense": Dense, "MaxPool": MaxPool}
APART = ("pool1=MaxPool(2), pool2=MaxPool(2), pool5=MaxPool(2), "
         "conv2=Conv(256, 5, padding=1, groups=2), conv5=Conv(256, 3, groups=2)")
COMPUTED = {
    "01-sliding-window": {
        "73,856": "2 * conv(3, 64, 64)",
        "102,464": "conv(5, 64, 64)",
        "28,608": "conv(5, 64, 64) - 2 * conv(3, 64, 64)",
    },
    "04-lenet-1998": {"1,216": "conv(5, 3, 16)"},
    "02-lenet-keras": {
        "17,280": "(5 * 5 - 4 * 4) * 16 * 120",
        "44,426": "trace('lenet5_unpadded').parameters",
        "155,640": "trace('lenet5_unpadded', 48)['fc1'].parameters",
        "1,296": "trace('lenet5_unpadded', 48)['flatten1'].activations",
        "5,000": "60_000 - 55_000",
        "18,760": "math.ceil(60_000 / 64) * 20",
        "60,000": "937 * 64 + 32",
    },
    "05-from-lenet-to-alexnet": {
        "11,616": "96 * 11 ** 2",
        "48,000": "trace('lenet5')['C5'].macs",
        "10,080": "trace('lenet5')['F6'].macs",
        "58,920": "48_000 + 10_080 + 84 * 10",
        "58,800": "28 ** 2 * 25 * 3",
        "40,000": "10 ** 2 * 25 * 16",
        "98,800": "28 ** 2 * 75 + 10 ** 2 * 25 * 16",
        "7,890": "trace(eighth()).parameters",
        "3,780": "7 * 15 * 2 * 2 * 9",
        "1,764": "7 * 7 * 2 * 2 * 9",
        "3,000": "30 * 100",
    },
    "06-output-sizes": {
        "2,400": "5 * 5 * 96",
        "1,052,672": "4096 * (256 + 1)",
        "36,700,160": "4096 * 9217 - 4096 * 257",
        "25,678,184": "trace('alexnet_article').parameters - 4096 * (9216 - 256)",
        "686,891,552": f"work({APART}).macs",
        "150,528": "224 ** 2 * 3",
        "5,338,216": "work(fc6=Dense(256), fc7=Dense(512)).parameters",
        "2,591,080": "trace(averaged()).parameters",
    },
    "07-alexnet-keras": {
        "24,265,064": "trace('alexnet_2012').parameters - 4096 * (9216 - 256)",
        "1,000": "trace('alexnet_2012')['fc8'].activations",
        "4,096": "trace('alexnet_2012')['fc6'].activations",
        "9,217": "6 * 6 * 256 + 1",
        "9,216": "6 * 6 * 256",
        "442,368": "trace('alexnet_2012')['conv3'].parameters - work(conv3=Conv(384, 3, padding=1, groups=2))"
                   "['conv3'].parameters",
        "221,440": "conv(3, 96, 256)",
        "614,656": "conv(5, 96, 256)",
        "6,400": "5 * 5 * 256",
    },
    "08-alexnet-pytorch": {
        "1,216": "conv(5, 3, 16)",
        "6,432": "conv(5, 8, 32)",
        "20,490": "(32 * 8 * 8 + 1) * 10",
        "28,138": "conv(5, 3, 16) + conv(5, 8, 32) + (32 * 8 * 8 + 1) * 10",
        "61,100,840": "trace('alexnet_torchvision').parameters",
    },
    "10-source-code-2012": {
        "1,922": "31 ** 2 * 2",
        "1,800": "30 ** 2 * 2",
        "1,414": "0.1 * 0.2175 * 255**2",
    },
    "15-relu": {"16,384": "4 ** 7"},
    "16-overfitting": {"1,975": "25 * 79"},
    "17-normalization-and-pooling": {
        "40,000": "200 ** 2",
        "120,000": "3 * 200 ** 2",
        "3,600": "60 ** 2",
        "706,560": "trace('alexnet_article').parameters / 2 - trace('alexnet_2012').parameters / 2",
        "60,258,664": "work(conv2=Conv(256, 5, padding=2, groups=4), conv4=Conv(384, 3, padding=1, groups=4),"
                      " conv5=Conv(256, 3, padding=1, groups=4)).parameters",
        "19,278": "2 * 0.405 * 0.595 * 200 ** 2",
    },
    "18-depth-width-data": {
        "442,624": "conv(3, 192, 256)",
        "663,936": "trace('alexnet_2012')['conv4'].parameters",
        "19,226": "1000 * 2 ** round(math.log(0.5) / math.log(0.85), 3)",
        "1,000": "20 * 50",
        "4,096": "trace('alexnet_2012')['fc6'].activations",
    },
    "11-training-on-a-gpu": {"86,400": "24 * 60 * 60", "1,250": "1.2e6 * 90 / 86_400"},
    "20-errata": {
        "44,426": "trace('lenet5_unpadded').parameters",
        "307,456": "trace('alexnet_2012')['conv2'].parameters",
        "290,400": "trace('alexnet_2012')['conv1'].activations",
        "253,440": "55 * 48 * 96",
    },
}
SOURCED = {
    "07-alexnet-keras": {"9,000"},  # an index in code
    "20-errata": {"1,253"},  # a code page of Windows
}


DECIMALS = {
    "02-lenet-keras": {"0.14": "100 * math.sqrt(0.01 * 0.99 / 5000)", "0.23": "math.e / (math.e + 9)",
                       "1.46": "-math.log(math.e / (math.e + 9))", "2.3": "math.log(10)"},
    "05-from-lenet-to-alexnet": {"0.8": "2 * (1 - 0.6)"},
    "06-output-sizes": {
        "2.3": "sum(trace('alexnet_2012')[f'conv{i}'].parameters for i in range(1, 6)) / 1e6", "3.7": "6 - 2.3",
        "5.2": f"100 - 100 * work({APART}).macs / trace('alexnet_2012').macs"},
    "07-alexnet-keras": {"1.0001": "1 + 999e-7", "16.1": "-math.log(1e-7 / 1.0001)"},
    "08-alexnet-pytorch": {"6.91": "math.log(1000)", "1.5": "(0 + 3) / 2"},
    "10-source-code-2012": {"1.12": "19.330 - 18.210", "1.16": "41.828 - 40.664",
                            "10.81": "0.1 * math.sqrt(0.2175) * 255 / 1.1",
                            "3.18": "0.1 * math.sqrt(0.0188) * 255 / 1.1",
                            "1.56": "0.1 * math.sqrt(0.0045) * 255 / 1.1"},
    "15-relu": {"0.00006": "4.0 ** -7"},
    "16-overfitting": {"0.0025": "0.01 / 4", "0.86": "math.exp(-10 * 0.0005 * 0.015 * 1975)", "1.25": "1 / 0.8",
                       "12.7": "math.tan(0.475 * math.pi)", "23.2": "162 * (1 - (1 - 1 / 162) ** 25)"},
    "17-normalization-and-pooling": {
        "0.072": "2e-5 * 60 ** 2", "0.36": "5 * 0.072", "0.143": "1 / 7", "0.286": "4 / 14", "0.595": "1 - 0.405",
        "27.63": "200 / (2 + 1e-4 * 120_000) ** 0.75", "1.68": "2 ** 0.75"},
    "18-depth-width-data": {"0.85": "34 / 40", "4.265": "math.log(0.5) / math.log(0.85)", "12.8": "0.8 * 16"},
    "11-training-on-a-gpu": {"9.8": "3e-9 * 2 ** 15 * 1e5", "6.1": "2 ** -14 * 1e5", "4.9": "3e-9 * 2 ** 14 * 1e5"},
    "14-your-own-photographs": {"3.4": "255 / 76.1"},
}
GIVEN = {
    "04-lenet-1998": {"1.7159"},  # the constant of LeNet's hyperbolic tangent
    "02-lenet-keras": {"0.025", "0.01", "0.99", "6.8"},  # a learning rate; shares of right and wrong answers; measured
    "03-lenet-pytorch": {"0.02"},
    "05-from-lenet-to-alexnet": {"0.003", "0.6", "16.4", "18.2"},  # the last two: AlexNet paper, Table 2
    "06-output-sizes": {"3.4"},  # a section of the paper
    "10-source-code-2012": {"18.210", "19.330", "40.664", "41.828", "1.1"},  # the logs of 2012; a divisor
    "15-relu": {"10.5"},  # a point that somebody reads off a figure
    "16-overfitting": {"0.0005", "0.015"},
    "17-normalization-and-pooling": {"0.405", "0.75", "1.4"},  # a measured share; beta; the paper's difference
    "18-depth-width-data": {"0.5", "0.68", "0.69", "1.1", "0.8"},  # what the exercise's own function finds
    "11-training-on-a-gpu": {"1.2", "4.1"},  # million images; a section of the paper
    "14-your-own-photographs": {"6.9"},  # MB, published
}
DECIMAL = re.compile(r"(?<![\w.,/\[-])\d{1,3}\.\d+(?![\d_\w.]*[\d_])")


def numbers(text: str) -> set[str]:
    """The numbers from 1,000 on, with commas; not a bare year."""
    found = {found for found in NUMBER.findall(text) if not YEAR.fullmatch(found)}
    return {f"{float(digits):,.{len(digits.partition('.')[2])}f}"
            for digits in (each.replace(",", "").replace("_", "") for each in found)}


def folded(chapter: str) -> str:
    """The prose of all folded hints and solutions of a chapter."""
    notebook = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    prose = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    texts = re.findall(r"<details>.*?</details>", prose, re.DOTALL)
    return re.sub(r"```.*?```", "", "\n".join(texts), flags=re.DOTALL).replace("{,}", ",")


def outputs(chapter: str) -> str:
    """What a chapter's cells print."""
    notebook = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    shown = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "\n".join("".join(output.get("text", "")) + "\n" + "".join(
        output.get("data", {}).get("text/plain", "")) for output in shown)


def printed(chapter: str) -> set[str]:
    """The numbers that a chapter's cells print."""
    return numbers(outputs(chapter))


def asked_texts(chapter: str) -> tuple[list[str], list[str]]:
    """A quiz's right choices and reasons, and the numbers that its own file computes."""
    questions = yaml.safe_load((ROOT / "quizzes" / f"{chapter}.yml").read_text(encoding="utf-8"))
    said = [text for question in questions for choice in question["choices"]
            for text in (choice["why"], choice["text"] if choice.get("right") else "")]
    computed = [str(number) for question in questions for number in question.get("computed", {})]
    return said, computed


def asked(chapter: str) -> tuple[set[str], set[str]]:
    """The numbers from 1,000 on in a quiz's right choices and reasons, and those that its own file computes."""
    said, computed = asked_texts(chapter)
    return numbers("\n".join(said)), numbers("\n".join(computed))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_large_number_of_a_solution_or_quiz_is_printed_or_computed(chapter: str) -> None:
    in_quiz, in_its_file = asked(chapter)
    known = printed(chapter) | set(COMPUTED.get(chapter, ())) | SOURCED.get(chapter, set())
    assert not numbers(folded(chapter)) - known, "print them in the chapter or give their expressions in COMPUTED"
    assert not in_quiz - known - in_its_file, "give their expressions under computed in the quiz"


@pytest.mark.parametrize(("chapter", "stated", "expression"), [
    pytest.param(chapter, stated, expression, id=f"{chapter}-{stated}")
    for chapter, entries in COMPUTED.items() for stated, expression in entries.items()])
def test_a_stated_number_has_its_value(chapter: str, stated: str, expression: str) -> None:
    assert round(eval(expression, dict(NAMES))) == int(stated.replace(",", "")), expression
    assert stated in numbers(folded(chapter)) | asked(chapter)[0], "computed, but stated nowhere"


def decimals(text: str) -> set[str]:
    """The numbers with a decimal point, outside code and addresses."""
    return set(DECIMAL.findall(re.sub(r"`[^`]*`|\]\([^)]*\)", " ", text)))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_decimal_of_a_solution_or_quiz_is_printed_or_computed(chapter: str) -> None:
    said, computed = asked_texts(chapter)
    known = set(re.findall(r"\d+\.\d+", "\n".join([outputs(chapter), *computed])))
    left = decimals(folded(chapter)) | decimals("\n".join(said))
    assert not left - known - set(DECIMALS.get(chapter, ())) - GIVEN.get(chapter, set()), "give them an expression"


@pytest.mark.parametrize(("chapter", "stated", "expression"), [
    pytest.param(chapter, stated, expression, id=f"{chapter}-{stated}")
    for chapter, entries in DECIMALS.items() for stated, expression in entries.items()])
def test_a_stated_decimal_has_its_value(chapter: str, stated: str, expression: str) -> None:
    value = f"{eval(expression, dict(NAMES)):.{len(stated.partition('.')[2])}f}"
    assert value == stated, expression
    assert stated in decimals(folded(chapter)) | decimals("\n".join(asked_texts(chapter)[0])), "stated nowhere"


def test_a_wrong_number_would_be_found() -> None:
    assert numbers("5,338,792, `44_426`, 1000, 9216.5, 0.1234 and 12") == {"5,338,792", "44,426", "1,000", "9,216.5"}
    assert not numbers("in 1998 and 2012")
    assert "5,338,792" not in printed("06-output-sizes") | set(COMPUTED["06-output-sizes"])


def test_locality_saves_work_and_sharing_saves_parameters() -> None:
    """Chapter 1: LeNet-5's first layer, from fully connected to local to convolutional."""
    first = trace("lenet5")["C1"]
    outputs = 28 * 28 * 6
    assert [outputs * (32 * 32 + 1), outputs * (5 * 5 + 1), first.parameters] == [4_821_600, 122_304, 156]
    assert [outputs * 32 * 32, outputs * 5 * 5, first.macs] == [4_816_896, 117_600, 117_600]


def test_a_guide_that_says_how_long_the_exercises_take_counts_them() -> None:
    """The guide's two sums are those of the minutes in the exercises' headings and of its own column."""
    minutes = {"minutes": 1, "minute": 1, "hour": 60, "hours": 60}
    taken = 0
    for chapter in CHAPTERS:
        text = (ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8")
        taken += sum(int(number.replace('an', '1').replace('a', '1')) * minutes[unit] for number, unit in re.findall(
            r"\*\*\d+\. [^*]+\*\* \((?:easy|medium|hard|project), (\d+|an?) (minutes?|hours?)\)", text))
    guide = (ROOT / "instructors.md").read_text(encoding="utf-8")
    table = guide[guide.index("| Chapter | Read |"):].split("\n\n")[0]
    read = sum(int(number.replace('an', '1').replace('a', '1')) * minutes[unit] for number, unit in re.findall(
        r"^\|[^|]*\| (?:\()?(\d+|an?) (minutes?|hours?)", table, re.MULTILINE))
    assert f"takes {read:,} minutes (" in guide and f"exercises take {taken:,} minutes (" in guide
    assert f"together {read + taken:,} minutes, {(read + taken) / read:.1f} times" in guide


def test_the_recorded_search_has_worse_rates_on_either_side_of_the_best() -> None:
    """Chapter 5 says so of LeNet and of the small AlexNet, on both datasets."""
    for data in ("cifar10", "tiny_imagenet_20"):
        for network, used, tried in (("lenet5_rgb", 0.1, 4), ("alexnet_small", 0.03, 3)):
            files = sorted((ROOT / "data" / "runs").glob(f"holdout-{data}-{network}-torch-rate*.json"))
            runs = [json.loads(path.read_text(encoding="utf-8")) for path in files]
            errors = {run["recipe"]["lr"]: run["curve"][-1]["test_error"] for run in runs}
            assert len(errors) == tried and min(errors, key=errors.get) == used
            assert min(errors) < used < max(errors)


def test_the_table_of_the_single_tower_is_printed_by_one_chapter() -> None:
    """Sizes and parameters are worked out in chapter 6; chapters 7 and 8 compare theirs and print no second table."""
    counts = {f"{row.parameters:,}" for row in trace("alexnet_article").only(Conv, Dense)}
    assert [chapter for chapter in CHAPTERS if counts <= printed(chapter)] == ["06-output-sizes"]
