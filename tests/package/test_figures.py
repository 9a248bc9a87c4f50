"""The book's plots of recorded runs show what the runs hold."""


from dataclasses import replace
from itertools import combinations

import matplotlib
from repository import ROOT
from scipy import stats

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from alexbook import figures
from alexbook.figures import palette
from alexbook.runs import Run
from skimage.color import deltaE_ciede2000, rgb2lab


@pytest.fixture(autouse=True)
def clean():
    with plt.rc_context():
        figures.use_style()
        yield
    plt.close("all")


def made_up(error: float) -> Run:
    empty = dict.fromkeys(Run.__dataclass_fields__)
    return Run(**empty | {"name": "made-up", "test_error": error})


@pytest.mark.parametrize("seed", range(5))
def test_ablations_show_each_run_their_mean_and_the_base_range(seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors = {f"group {number}": rng.uniform(0, 1, rng.integers(1, 5)) for number in range(rng.integers(2, 8))}
    base = rng.choice(list(errors))
    figure = figures.ablations({label: [made_up(error) for error in found] for label, found in errors.items()}, base)
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == list(errors)
    assert ax.get_xlabel() == "test error, %" and ax.yaxis_inverted()

    dots, ticks = ax.lines[::2], ax.lines[1::2]
    for row, (label, found) in enumerate(errors.items()):
        np.testing.assert_allclose(dots[row].get_xdata(), 100 * found)
        np.testing.assert_array_equal(dots[row].get_ydata(), row)
        assert (dots[row].get_color() == figures.BLUE) == (label == base)
        np.testing.assert_allclose(ticks[row].get_xdata(), [100 * np.mean(found)])
        np.testing.assert_array_equal(ticks[row].get_ydata(), row)
        assert ax.texts[row].get_text() == f"{100 * np.mean(found):.1f}" and ax.texts[row].xy[1] == row
    (band,) = ax.patches
    left, right = band.get_extents().transformed(ax.transData.inverted()).intervalx
    np.testing.assert_allclose([left, right], [100 * errors[base].min(), 100 * errors[base].max()], atol=1e-6)


def test_ablations_can_be_read_on_a_phone() -> None:
    groups = {"everything on": [made_up(0.45), made_up(0.47)], "without crops and mirror images": [made_up(0.62)]}
    figure = figures.ablations(groups, "everything on")
    figure.canvas.draw()
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    ticks = [text for text in ax.get_xticklabels() if low <= text.get_position()[0] <= high]
    texts = [*ax.get_yticklabels(), *ticks, *ax.texts, ax.xaxis.label]
    assert min(text.get_fontsize() for text in texts) >= 9 and figure.get_figwidth() <= figures.WIDTH
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= figure.bbox.x0 - 1 and box.x1 <= figure.bbox.x1 + 1, text


def test_ablations_refuse_groups_that_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="no group 'all' to compare with; there are one"):
        figures.ablations({"one": [made_up(0.5)]}, "all")
    with pytest.raises(ValueError, match="there are none"):
        figures.ablations({}, "all")
    with pytest.raises(ValueError, match="group 'two' has no runs"):
        figures.ablations({"one": [made_up(0.5)], "two": []}, "one")


def test_ablations_draw_recorded_runs() -> None:
    files = sorted((ROOT / "data" / "runs").glob("mnist-lenet5-torch-seed*.json"))
    figure = figures.ablations({"LeNet-5": [Run.read(file) for file in files]}, "LeNet-5")
    assert len(figure.axes[0].lines[0].get_xdata()) == len(files) > 1


@pytest.mark.parametrize("seed", range(5))
def test_differences_are_those_of_pairs_with_one_seed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = [replace(made_up(error), recipe={"seed": number}) for number, error in enumerate(rng.uniform(0.4, 0.5, 6))]
    shifts = {f"group {number}": rng.normal(0.05 * number, 0.01, 4) for number in range(-1, 3)}
    groups = {label: [replace(made_up(base[place].test_error + shift), recipe={"seed": place})
                      for place, shift in zip(rng.permutation(6), found, strict=False)]
              for label, found in shifts.items()}
    (ax,) = figures.differences(groups, base).axes
    zero, *lines = ax.lines
    assert [text.get_text() for text in ax.get_yticklabels()] == list(groups) and list(zero.get_xdata()) == [0, 0]
    for row, found in enumerate(shifts.values()):
        bar, dots, tick = lines[3 * row:3 * row + 3]
        interval = stats.t.interval(0.95, 3, np.mean(found), stats.sem(found))
        np.testing.assert_allclose(bar.get_xdata(), 100 * np.array(interval))
        np.testing.assert_allclose(dots.get_xdata(), 100 * found)
        np.testing.assert_allclose(tick.get_xdata(), [100 * np.mean(found)])
        assert ax.texts[row].get_text() == f"{100 * np.mean(found):+.1f}"
        worse = figures.VERMILION if found.mean() > 0 else figures.BLUE
        assert bar.get_color() == (figures.FAINT if interval[0] <= 0 <= interval[1] else worse)


def test_differences_refuse_a_seed_that_the_base_has_not() -> None:
    one, two = (replace(made_up(0.5), recipe={"seed": seed}) for seed in (1, 2))
    with pytest.raises(ValueError, match="'x' has runs with the seed 2, and the base has none"):
        figures.differences({"x": [one, two]}, [one])
    with pytest.raises(ValueError, match="at least two"):
        figures.differences({"x": [one]}, [one])


def test_a_confusion_matrix_leaves_zeros_and_the_diagonal_blank() -> None:
    shown = figures.confusion(np.array([[3, 0], [1, 2]]), "ab").axes[0].images[0].get_array()
    assert np.ma.getmaskarray(shown).tolist() == [[True, True], [False, True]]
    assert np.ma.getmaskarray(figures.confusion(np.eye(2), "ab").axes[0].images[0].get_array()).all()


# --- the palette ------------------------------------------------------------------------------------------------------

# What linear red, green and blue become without one kind of cones (Machado, Oliveira and Fernandes 2009, severity 1).
WITHOUT = {
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def seen(color: str, matrix: list[list[float]]) -> np.ndarray:
    """The color in CIELAB as a reader sees it whose cones the matrix describes."""
    red_green_blue = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(red_green_blue <= 0.04045, red_green_blue / 12.92, ((red_green_blue + 0.055) / 1.055) ** 2.4)
    linear = np.clip(matrix @ linear, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("cones", WITHOUT)
def test_colors_are_told_apart_without_one_kind_of_cones(cones: str) -> None:
    """By CIEDE2000, in which 1 is a difference just seen and 10 one seen at a glance."""
    colors = {name: seen(color, WITHOUT[cones]) for name, color in palette.COLORS.items() if name != "gray"}
    assert len(colors) == 6
    for one, other in combinations(colors, 2):
        assert deltaE_ciede2000(colors[one], colors[other]) > 10, (one, other)
