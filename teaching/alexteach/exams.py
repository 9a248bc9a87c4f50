"""Exams with computed answers: output sizes, parameters, work, receptive fields and memory, from a seed.

The same seed and key give the same exam. ``key`` is a secret of the instructor: this code is public, and who knows a
seed and no key cannot make the exam.
"""

from collections.abc import Callable, Sequence
from random import Random

from alexbook.arithmetic import Trace, output_size, trace
from alexbook.layers import Conv, Dense, Flatten, Layer, Pool
from alexbook.networks import Network

from alexteach.markup import latex
from alexteach.questions import Item, number

LEVELS = (1, 2, 3)


def _stack(draw: Random, level: int) -> Trace:
    """A small network: ``level`` convolutions, pools between them where there is space, no ends that do not fit."""
    side = draw.choice((64, 96, 128, 160))
    layers: list[Layer] = []
    for place in range(level):
        kernel = draw.choice((3, 5, 7)[: 4 - min(place + 1, 3)])
        groups = 2 if place and level == 3 and draw.random() < 0.5 else 1
        filters, stride = draw.choice((8, 16, 24, 32)), draw.choice((1, 2)) if place == 0 else 1
        padding = draw.choice((0, kernel // 2)) if place < 2 else kernel // 2
        layers.append(Conv(filters, kernel, stride, padding, groups=groups, name=f"conv{place + 1}"))
        if place < level - 1:
            layers.append(Pool(2, 2, name=f"pool{place + 1}"))
    return trace(Network("exam", "exam", "", (side, side, draw.choice((1, 3))), tuple(layers)))


def _told(traced: Trace) -> str:
    """A network in words."""
    parts = []
    for row in traced:
        layer = row.layer
        if isinstance(layer, Conv):
            groups = f", {layer.groups} groups" if layer.groups > 1 else ""
            parts.append(f"`{row.name}`: {layer.filters} kernels of {layer.kernel} × {layer.kernel}, stride "
                         f"{layer.stride}, padding {layer.padding}{groups}")
        elif isinstance(layer, Pool):
            parts.append(f"`{row.name}`: max pooling of {layer.kernel} × {layer.kernel}, stride {layer.stride}")
    shape = " × ".join(map(str, traced.rows[0].input_shape))
    return (f"An input of {shape} (height × width × channels) passes these layers, with biases and rounding down. "
            + "; ".join(parts) + ". ")


def _sizes(traced: Trace) -> str:
    return "; ".join(f"`{row.name}`: {' × '.join(map(str, row.output_shape))}" for row in traced) + "."


def _size(draw: Random, level: int) -> tuple[str, float, str]:
    if level == 1:
        size, kernel, stride = draw.randint(20, 240), draw.choice((3, 5, 7, 11)), draw.choice((1, 2, 3, 4))
        padding = draw.randint(0, kernel // 2)
        return (f"A row of {size} pixels, a kernel of {kernel}, stride {stride}, padding {padding} at each end, "
                "rounded down. How many outputs are there?", output_size(size, kernel, stride, padding),
                rf"$\lfloor ({size} + 2 \cdot {padding} - {kernel}) / {stride} \rfloor + 1$.")
    traced = _stack(draw, level)
    return _told(traced) + "How many values has the last output?", traced.rows[-1].activations, _sizes(traced)


def _parameters(draw: Random, level: int) -> tuple[str, float, str]:
    traced = _stack(draw, level)
    parts = " + ".join(f"({row.weights:,} + {row.biases:,})".replace(",", "") for row in traced if row.parameters)
    return _told(traced) + "How many parameters are trained?", traced.parameters, f"Weights and biases: ${parts}$."


def _macs(draw: Random, level: int) -> tuple[str, float, str]:
    traced = _stack(draw, level)
    parts = "; ".join(f"`{row.name}`: {row.weights:,} weights at {row.output_shape[0]} · {row.output_shape[1]} "
                      "positions" for row in traced if row.macs)
    asked = "How many multiply-accumulates does one image take in the forward pass, biases and pooling not counted?"
    return _told(traced) + asked, traced.macs, parts + "."


def _field(draw: Random, level: int) -> tuple[str, float, str]:
    traced = _stack(draw, level + 1)
    field = traced.rows[-1].receptive_field
    assert field is not None  # nothing is flattened in it
    parts = "; ".join(f"`{row.name}`: {row.receptive_field[0]}" for row in traced if row.receptive_field)
    return _told(traced) + "How many input pixels wide is the receptive field of the last layer?", field[0], parts + "."


def _memory(draw: Random, level: int) -> tuple[str, float, str]:
    traced, batch = _stack(draw, level), draw.choice((1, 16, 32, 128))
    values = sum(row.activations for row in traced)
    asked = f"How many bytes do the outputs of all these layers take for a batch of {batch} in float32?"
    return (_told(traced) + asked, 4 * batch * values, f"$4 \\cdot {batch} \\cdot {values}$. " + _sizes(traced))


def _head(draw: Random, level: int) -> tuple[str, float, str]:
    side, channels, units = draw.randint(3, 5 + level), draw.choice((16, 64, 256)), draw.choice((10, 120, 1000))
    layers: tuple[Layer, ...] = (Flatten(), Dense(units))
    traced = trace(Network("head", "head", "", (side, side, channels), layers))
    return (f"Feature maps of {side} × {side} × {channels} are flattened and enter a fully connected layer of "
            f"{number(units)} units, with biases. How many parameters has it?", traced.parameters,
            rf"$({side} \cdot {side} \cdot {channels} + 1) \cdot {units}$.")


KINDS: dict[str, Callable[[Random, int], tuple[str, float, str]]] = {
    "output size": _size, "parameters": _parameters, "work": _macs, "receptive field": _field, "memory": _memory,
    "fully connected": _head}


def exam(seed: int, key: str = "", level: int = 2, count: int = 6) -> list[Item]:
    """An exam's questions.

    Args:
        seed: Which exam; another seed is another exam.
        key: The instructor's secret; without one, everybody who has the seed can make the exam and its answers.
        level: 1, 2 or 3: how many layers a question has.
        count: How many questions; the kinds of ``KINDS`` come in turn.

    Returns:
        Questions with a number for an answer, and ``working`` for the key.

    Raises:
        ValueError: For another level, or fewer than one question.

    >>> [item.name for item in exam(1, count=2)]
    ['1: output size', '2: parameters']
    """
    if level not in LEVELS or count < 1:
        raise ValueError(f"level is {level!r} and count {count!r}, but must be 1, 2 or 3, and at least 1.")
    draw, items = Random(f"{key}\n{seed}\n{level}"), []
    for place in range(count):
        kind = list(KINDS)[place % len(KINDS)]
        text, answer, working = KINDS[kind](draw, level)
        items.append(Item(f"{place + 1}: {kind}", text, answer=float(answer), working=working, points=float(level)))
    return items


def bank(key: str, each: int = 5) -> list[Item]:
    """The instructor's bank: questions of every kind and level, with a key that is not empty.

    Args:
        key: The instructor's secret.
        each: How many questions of each kind and level; 5 give 90 in all.

    Returns:
        The questions, no two of them the same.

    Raises:
        ValueError: Where the key is shorter than 12 signs, which somebody could try out.
    """
    if len(key) < 12:
        raise ValueError("KEY needs at least 12 signs that nobody can guess: whoever guesses it has all the answers.")
    found: dict[str, Item] = {}
    for level in LEVELS:
        for kind in KINDS:
            draw, made = Random(f"{key}\nbank\n{kind}\n{level}"), 0
            while made < each:
                text, answer, working = KINDS[kind](draw, level)
                if text not in found:
                    made += 1
                    name = f"{kind}, level {level}, {made}"
                    found[text] = Item(name, text, answer=float(answer), working=working, points=float(level))
    return list(found.values())


def _answer(item: Item) -> str:
    if item.choices:
        place = [choice.right for choice in item.choices].index(True)
        return f"{'ABCD'[place]}. {item.choices[place].why}"
    assert item.answer is not None
    return f"{number(item.answer)}. {item.working}".strip()


def as_markdown(title: str, items: Sequence[Item], key: bool = False) -> str:
    """An exam, or with ``key`` its answers, as Markdown; the same for LaTeX: :func:`as_latex`."""
    parts = [f"# {title}{': answers' if key else ''}\n"]
    for place, item in enumerate(items, 1):
        head = f"{place}. " + (_answer(item) if key else f"{item.text.strip()} *({item.points:g} points)*")
        choices = [] if key else [f"   - {letter}. {choice.text}"
                                  for letter, choice in zip("ABCD", item.choices, strict=False)]
        parts.append("\n".join([head, *([""] if choices else []), *choices]) + "\n")
    return "\n".join(parts)


def as_latex(title: str, items: Sequence[Item], key: bool = False) -> str:
    """An exam, or with ``key`` its answers, as a LaTeX document."""
    lines = [r"\documentclass[11pt]{article}", r"\usepackage[T1]{fontenc}", r"\usepackage[utf8]{inputenc}",
             r"\usepackage{amsmath}", r"\begin{document}",
             rf"\section*{{{latex(title)}{': answers' if key else ''}}}", r"\begin{enumerate}"]
    for item in items:
        lines.append(r"\item " + latex(_answer(item) if key else item.text.strip())
                     + ("" if key else rf" \emph{{({item.points:g} points)}}"))
        if item.choices and not key:
            lines += [r"\begin{enumerate}", *(rf"\item {latex(choice.text)}" for choice in item.choices),
                      r"\end{enumerate}"]
        elif not key:
            lines.append(r"\\[2cm]\strut")
    return "\n".join([*lines, r"\end{enumerate}", r"\end{document}", ""])
