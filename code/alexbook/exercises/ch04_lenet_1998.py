"""The checks of chapter 4, "LeNet-5 as it was published"."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, alike, array, check, close, number, result, shown, whole, wholes
from alexbook.layers import AvgPool, Conv, Dense, Subsample, Windowed, pair
from alexbook.networks import Network

SEEING = ("C1", "S2", "C3", "S4", "C5")
DIFFERENT = 36  # values in which any two codes must differ
HELD_OUT = 297
J = (0.1, 1.0, 10.0, 100.0)


def _up_to_c5() -> Network:
    lenet5 = networks.get("lenet5")
    end = next(n for n, layer in enumerate(lenet5.layers) if layer.name == "C5") + 1
    return replace(lenet5, layers=lenet5.layers[:end])


@check
def fields(sizes: object) -> None:
    """Exercise 1: the receptive fields of C1 to C5."""
    found = wholes(sizes, len(SEEING), "your list")
    rows = trace(networks.get("lenet5"))
    true = tuple((rows[name].receptive_field or (0, 0))[0] for name in SEEING)
    if found == true:
        return
    if found == tuple(rows[name].output_shape[0] for name in SEEING):
        raise Wrong("those are the sides of the maps; asked for is how much of the input one unit sees.")
    if found == true[::-1]:
        raise Wrong("those are the right numbers, but from C5 to C1.")
    place = next(n for n, (one, other) in enumerate(zip(found, true, strict=True)) if one != other)
    name, before = SEEING[place], (1, *true)[place]
    kernel, _ = pair(rows[name].of(Windowed).kernel)
    if place and found[place] == before + kernel - 1:
        raise Wrong(f"{name}: its inputs are further apart than one pixel of the image.")
    if place and found[place] == before * kernel:
        raise Wrong(f"{name}: the windows of neighboring inputs overlap, so their sizes do not multiply.")
    if place and found[place] == kernel:
        raise Wrong(f"{name} sees {found[place]} units of the layer before it; how many pixels do those see together?")
    raise Wrong(f"{name}: {found[place]} is too {'large' if found[place] > true[place] else 'small'}"
                + (f"; those before it are right. {name}'s window is {kernel} wide, and how far apart "
                   "are its inputs?" if place else ", and C1 looks at the image itself."))


def _squash(a: np.ndarray) -> np.ndarray:
    return 1.7159 * np.tanh(2 / 3 * a)


@check
def subsample(function: object) -> None:
    """Exercise 2: S2's sum, coefficient, bias and squashing as a function, on random maps."""
    rng = np.random.default_rng(2)
    for rows, columns, maps in ((2, 2, 1), (4, 6, 3), (28, 28, 6), (10, 10, 16)):
        x = rng.normal(0, 0.6, (rows, columns, maps))
        k, b = rng.normal(0, 0.6, maps), rng.normal(0, 0.6, maps)
        said = f"{maps} map{'s' * (maps > 1)} of {rows}x{columns}"
        found = array(result(function, x, k, b, of=said), (rows // 2, columns // 2, maps),
                      f"for {said} your function's result")
        windows = x.reshape(rows // 2, 2, columns // 2, 2, maps)
        total, largest = windows.sum(axis=(1, 3)), windows.max(axis=(1, 3))
        true = _squash(k * total + b)
        if close(found, true):
            continue
        mistakes = (
            (k * total + b, "the result is not squashed."),
            (np.tanh(k * total + b), "squashed it is, but the paper's tanh is scaled, inside and outside."),
            (_squash(k * total / 4 + b), "that is the mean of each window, where section II.B adds."),
            (k * total / 4 + b, "that is the mean of each window, where section II.B adds; nor is it squashed."),
            (_squash(k * largest + b), "that takes the largest of each window, where S2 adds."),
            (_squash(k * (total + b)), "the bias is multiplied too; it is added after the coefficient."),
            (_squash(k * total), "the bias is missing."),
            (_squash(total + b), "the coefficient is missing."),
            (_squash(b * total + k), "coefficient and bias have changed places."),
        )
        for other, sentence in mistakes:
            if close(found, other):
                raise Wrong(f"for {said}: {sentence}")
        right = sum(close(found[..., n], true[..., n]) for n in range(maps))
        if right:
            raise Wrong(f"for {said}: {right} of the {maps} maps are right. Each has its own coefficient and bias.")
        raise Wrong(f"for {said} the result is another one. Try one window of four numbers by hand.")


def _table(answer: object) -> tuple[tuple[int, ...], ...]:
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        raise Wrong(f"the table is a row of 16 tuples, and {shown(answer)} is not.")
    table = []
    for place, maps in enumerate(answer):
        if place == 16:
            raise Wrong("the table has more than 16 columns, and C3 has 16 maps.")
        table.append(wholes(maps, name=f"column {place}"))
    if len(table) != 16:
        raise Wrong(f"the table has {len(table)} columns, and C3 has 16 maps.")
    return tuple(table)


@check
def fair_table(table: object, parameters: object) -> None:
    """Exercise 3: a fair connection table with three maps for each filter, and what C3 costs with it."""
    columns = _table(table)
    for place, maps in enumerate(columns):
        if len(maps) != 3:
            raise Wrong(f"column {place} sees {len(maps)} map{'s' * (len(maps) != 1)}, not three.")
        if len(set(maps)) < 3:
            raise Wrong(f"column {place} names a map twice.")
        if not set(maps) <= set(range(6)):
            raise Wrong(f"column {place} names a map that S2 has not; its six are 0 to 5.")
    first: dict[frozenset[int], int] = {}
    for place, maps in enumerate(columns):
        if frozenset(maps) in first:
            raise Wrong(f"columns {first[frozenset(maps)]} and {place} see the same three maps.")
        first[frozenset(maps)] = place
    uses = Counter(n for maps in columns for n in maps)
    if len(set(uses.values())) > 1 or len(uses) < 6:
        raise Wrong(f"no two columns are the same, but the maps of S2 are used {[uses[n] for n in range(6)]} times, "
                    "not equally often.")
    lenet5 = networks.get("lenet5")
    row = trace(lenet5.with_settings("C3", connections=columns))["C3"]
    found = whole(parameters, "the number of parameters")
    if found == row.weights:
        raise Wrong("the table is fair. In the count of parameters the biases are missing.")
    if found == row.weights + sum(map(len, columns)):
        raise Wrong("the table is fair. In the count, each map of C3 has one bias, not one for each of its kernels.")
    if found in (trace(lenet5)["C3"].parameters, 16 * (6 * 25 + 1)):
        raise Wrong("the table is fair. That count of parameters is C3's with another table.")
    if found != row.parameters:
        raise Wrong(f"the table is fair; {found:,} is not the count of parameters. How many 5 × 5 kernels are there?")


@check
def three_by_three(sizes: object) -> None:
    """Exercise 4: all sizes of a square input for which C5 is 3 x 3."""
    found = set(wholes(sizes, name="your set"))
    if not found:
        raise Wrong("your set is empty, and there are such sizes.")
    if not all(1 <= size <= 1000 for size in found):
        raise Wrong("a side has at least 1 pixel, and 1,000 are more than enough.")
    convolutions = _up_to_c5()
    for size in sorted(found):
        try:
            side = trace(convolutions, (size, size, 1))["C5"].output_shape[0]
        except ValueError:
            raise Wrong(f"with {size} pixels there is not room for one unit of C5.") from None
        if side != 3:
            raise Wrong(f"with {size} pixels C5 is {side} × {side}.")
    true = {size for size in range(32, 80)
            if trace(convolutions, (size, size, 1))["C5"].output_shape[0] == 3}
    if found != true:
        raise Wrong(f"each of your sizes is right, but there are more than {len(found)}. What do the subsampling "
                    "layers do with a row that is left over?")


@check
def suspect(network: object) -> str:
    """Exercise 5: lenet5_modern with the change that explains another count of parameters."""
    if not isinstance(network, Network):
        raise Wrong(f"the suspect is a Network, made with change, and {shown(network)} is not.")
    modern = networks.get("lenet5_modern")
    rows = trace(network)
    if rows.network.input_shape != modern.input_shape:
        raise Wrong(f"its input is {network.input_shape}, where the suspect's images are 28 × 28.")
    if rows.parameters == trace(modern).parameters:
        raise Wrong(f"it still has {rows.parameters:,} parameters, like lenet5_modern.")
    if rows.parameters != 61_750:
        more = rows.parameters - trace(modern).parameters
        raise Wrong(f"it has {rows.parameters:,} parameters, {abs(more):,} {'more' if more > 0 else 'fewer'} than "
                    "lenet5_modern; which layers can bring 44 more, and no other number?")
    kinds = [type(row.layer) for row in rows.only(Conv, AvgPool, Subsample, Dense)]
    if kinds != [Conv, Subsample, Conv, Subsample, Dense, Dense, Dense]:
        raise Wrong("the count is right, but by another way: leave the kinds of the other layers as they are.")
    for row in rows.only(Conv, Dense):
        if row.output_shape != trace(modern)[row.name].output_shape:
            raise Wrong(f"the count is right, but {row.name} makes {row.output_shape} in it; leave the other layers as "
                        "they are.")
    if len(network.layers) != len(modern.layers):
        raise Wrong(f"the count is right, but it has {len(network.layers)} layers, where lenet5_modern has "
                    f"{len(modern.layers)}; leave the other layers as they are.")
    for mine, theirs in zip(network.layers, modern.layers, strict=True):
        same = ((mine.kernel, mine.stride, mine.padding) == (theirs.kernel, theirs.stride, theirs.padding)
                if isinstance(theirs, AvgPool) and isinstance(mine, Subsample) else alike(mine, theirs))
        if not same:
            raise Wrong(f"the count is right, but {mine.name or mine.kind} has other settings than in lenet5_modern.")
    return "Its count is a fingerprint: 44 parameters more, one coefficient and one bias for each pooled map."


@check
def codes(answer: object) -> str:
    """Exercise 6: ten codes of 84 values, any two of which differ in at least 36 values."""
    found = array(answer, (10, 84), "the table of codes")
    if not np.isin(found, (-1, 1)).all():
        raise Wrong(f"it holds {found[~np.isin(found, (-1, 1))][0]:g}; each value must be +1 or −1.")
    places = (found[:, None] != found[None]).sum(axis=2)
    places[np.diag_indices(10)] = 84
    least = int(places.min())
    one, two = np.unravel_index(places.argmin(), places.shape)
    if least < DIFFERENT:
        raise Wrong(f"codes {one} and {two} differ in {least} values only.")
    return f"Any two differ in at least {least} values."


def _multiples(shares: object, count: int) -> bool:
    """Whether shares can be counts of so many images."""
    counts = array(shares) * count
    return bool((abs(counts - counts.round()) < 1e-3).all())


@check
def constant_j(errors: object, best: object) -> str:
    """Exercise 7: held-out errors of three seeds for each of four constants, and the one chosen by them."""
    if not isinstance(errors, Mapping):
        raise Wrong(f"the errors are a dict, and {shown(errors)} is not.")
    table = {number(j, "j"): array(row, name=f"the row of j = {shown(j)}") for j, row in errors.items()}
    if sorted(table) != list(J):
        raise Wrong(f"the errors are those of j = {', '.join(f'{j:g}' for j in sorted(table))}; 0.1, 1, 10 and 100 "
                    "are asked for.")
    for j, row in table.items():
        if row.shape != (3,):
            raise Wrong(f"j = {j:g} has errors of the shape {row.shape}, where three seeds give three.")
        if not ((row >= 0) & (row <= 1)).all():
            raise Wrong(f"j = {j:g}: an error is a share, between 0 and 1.")
        if not _multiples(row, HELD_OUT):
            whose = {500: "the 500 test digits, which are for the end", 1000: "the 1,000 digits that are trained on",
                     1297: "all 1,297 training digits"}
            fitting = [text for count, text in whose.items() if _multiples(row, count)]
            raise Wrong(f"j = {j:g}: those are no errors on {HELD_OUT} digits"
                        + (f"; they look like errors on {fitting[0]}." if fitting else "."))
    if len({tuple(row) for row in table.values()}) == 1:
        raise Wrong("all four constants have the same three errors. Did the constant reach the loss?")
    mine = number(best, "the constant chosen")
    if mine not in table:
        raise Wrong(f"{mine:g} is none of the four.")
    lowest = min(table, key=lambda j: table[j].mean())
    if table[mine].min() > table[lowest].max():
        raise Wrong(f"with j = {mine:g} even the best seed is worse than the worst seed of another constant.")
    if table[mine].mean() > table[lowest].mean() and mine != 10:
        raise Wrong(f"another constant has a lower mean than {mine:g}; where ranges overlap, one may keep 10.")
    apart = [f"{j:g}" for j in table if table[j].min() > table[mine].max()]
    return (f"Clearly worse: {', '.join(apart)}." if apart else "No range lies apart.") + " Now for the test digits."
