"""Recipes, data, checkpoints, records and commands: all of training that needs no framework."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from alexbook import __main__ as commands
from alexbook import checkpoints, datasets, experiments, networks, preparing, recording, runs, training, variants
from alexbook.arithmetic import trace
from alexbook.preparing import Data, Labeled
from alexbook.recipes import FRAMEWORKS, Recipe, usual

RECIPE = Recipe("lenet5", "digits", "torch", epochs=4, batch_size=16)


# --- the recipe

@pytest.mark.parametrize("field, value, wanted", [
    ("framework", "jax", "torch, keras"), ("optimizer", "lion", "sgd, adam"), ("schedule", "linear", "cosine"),
    ("pixels", "raw", "1998"), ("epochs", 0, "at least 1"), ("batch_size", 2.5, "whole number"),
    ("seed", -1, "at least 0"), ("holdout", -5, "at least 0"), ("rate", 0.0, "above 0"), ("momentum", 1.0, "below 1"),
    ("decay", -0.1, "at least 0"),
])
def test_a_recipe_refuses_what_makes_no_sense(field, value, wanted):
    with pytest.raises(ValueError, match=wanted) as error:
        replace(RECIPE, **{field: value})
    assert str(value) in str(error.value) and "\n" not in str(error.value)


def test_learning_rate():
    assert [round(RECIPE.rate_at(share), 6) for share in (0, 1 / 3, 1 / 2, 1)] == [0.05, 0.0375, 0.025, 0]
    assert replace(RECIPE, schedule="constant").rate_at(0.9) == 0.05
    drops = replace(RECIPE, schedule="drops", drops=(1, 3))
    assert [drops.rate_at(share) for share in (0, 0.24, 0.25, 0.74, 0.75, 1)] == pytest.approx(
        [0.05, 0.05, 0.005, 0.005, 0.0005, 0.0005])
    plateau = replace(RECIPE, schedule="plateau", patience=2)
    rows = [{"test_error": error} for error in (0.5, 0.4, 0.4, 0.45, 0.3, 0.31, 0.3)]
    rates = [plateau.rate_at(0.5, rows[:seen]) for seen in range(8)]
    assert rates == pytest.approx([0.05] * 4 + [0.005] * 3 + [0.0005])


def test_the_2012_schedule():
    """25, 51 and 79 epochs of 91, as the log of the ILSVRC-2012 run has it (layer-params-145.cfg, lines 167-182)."""
    recipe = Recipe("alexnet_2012", "folder", "torch", epochs=91, rate=0.01, schedule="drops", drops=(25, 51, 79))
    rates = [recipe.rate_at(epoch / 91) for epoch in range(91)]
    assert [rates.index(rate) for rate in sorted(set(rates), reverse=True)] == [0, 25, 51, 79]


def test_usual_recipes_give_way_to_what_is_given():
    assert usual("lenet5", "mnist").optimizer == "adam"
    assert usual("lenet5", "mnist", optimizer="sgd", rate=0.1).rate == 0.1
    assert usual("lenet_caffe", "mnist") == Recipe("lenet_caffe", "mnist", "torch")


def test_the_command_of_a_record_means_its_recipe():
    for recipe in (usual("lenet5", "mnist", "keras", seed=2), RECIPE,
                   usual("lenet5_rgb", "cifar10", grey=True, holdout=100, rate=1e-3)):
        words = recording.command(recipe).split()
        assert words[:4] == ["python", "-m", "alexbook", "train"]
        options = vars(commands.parser().parse_args(words[3:]))
        given = {name: options[name] for name in asdict(recipe) if name in options}
        assert usual(**given) == recipe


# --- the data

def test_a_small_image_is_centered_and_a_large_one_refused():
    image = np.ones((1, 2, 3, 1), np.uint8)
    field = preparing.center(image, 5, 6)
    assert field.shape == (1, 5, 6, 1) and field.sum() == 6 and field[0, 1:3, 1:4].all()
    with pytest.raises(ValueError, match="2x3 .* 5x2"):
        preparing.center(image, 5, 2)


def test_images_larger_than_the_input_are_shrunk_and_smaller_ones_kept(tmp_path):
    from alexbook.datasets import Dataset
    from alexbook.images import fit
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 48, 3), dtype=np.uint8)
    split = Dataset("folder", "train", images, np.zeros(3, int), ("one",), "made here")
    shrunk, _ = preparing.arrays(split, 32)
    assert shrunk.shape == (3, 32, 32, 3) and (shrunk[1] == fit(images[1], 32)).all()
    assert preparing.arrays(split, 64)[0] is images


def test_gray_is_as_pillow_has_it():
    from PIL import Image
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    theirs = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    assert abs(preparing.to_gray(images)[..., 0].astype(int) - theirs).max() <= 1


def test_standard_pixels_have_mean_0_and_deviation_1():
    images = np.random.default_rng(0).integers(20, 200, (50, 6, 5, 3), dtype=np.uint8)
    images[..., 1] //= 3
    data = Data(Labeled(images, np.zeros(50, int)), None, *preparing.scale(images, "standard"), {}, (6, 5))
    numbers = data.numbers(images)
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(numbers.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(numbers.std(axis=(0, 1, 2)), 1, atol=1e-5)


def test_pixels_of_1998():
    mean, deviation = preparing.scale(None, "1998")
    numbers = (np.array([0, 255]) - mean) / deviation
    assert numbers.tolist() == pytest.approx([-0.1, 1.175])


def test_a_network_takes_on_the_datasets_channels_and_classes():
    network = preparing.adapt(networks.get("lenet5_modern"), 3, 20)
    assert network.input_shape == (28, 28, 3)
    assert trace(network).rows[-1].output_shape == (20,)
    assert preparing.adapt(networks.get("lenet5"), 1, 10) == networks.get("lenet5")
    with pytest.raises(ValueError, match="10 fixed outputs.* 20 classes"):
        preparing.adapt(networks.get("lenet5"), 1, 20)


def test_digits_are_drawn_20_pixels_high_in_32():
    network, data = training.load(RECIPE)
    assert network == networks.get("lenet5")
    assert data.train.images.shape == (1297, 32, 32, 1) and data.test.images.shape == (500, 32, 32, 1)
    rows = np.flatnonzero(data.train.images.max(axis=(0, 2, 3)))
    assert rows.min() >= 6 and rows.max() <= 25
    assert data.about["train"]["fingerprint"] == datasets.load("digits").provenance["fingerprint"]


def test_held_out_images_are_not_trained_on():
    digits = datasets.load("digits")
    kept, held = training.hold_out(digits, 97)
    assert (len(kept), len(held)) == (1200, 97)
    assert len({image.tobytes() for image in kept.images} & {image.tobytes() for image in held.images}) == 0
    assert set(held.labels) == set(range(10))
    with pytest.raises(ValueError, match="1297"):
        training.hold_out(digits, 1297)


def test_batches_are_every_image_once_in_an_order_that_the_seed_gives():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    data = Data(Labeled(images, np.arange(10)), None, np.float32([0]), np.float32([1]), {}, (1, 1))
    orders = [np.concatenate([labels for _, labels in data.batches(4, [0, epoch])])
              for epoch in (0, 0, 1)]
    assert sorted(orders[0]) == list(range(10))
    assert orders[0].tolist() == orders[1].tolist() != orders[2].tolist()
    numbers, labels = next(data.batches(4, [0]))
    assert numbers[:, 0, 0, 0].tolist() == labels.tolist()


# --- the loop, with a learner made of NumPy

class Counting:
    """A learner whose one weight depends on every image, rate and random number it has seen, in order."""

    def __init__(self):
        self.weight, self.random = np.zeros(1), np.random.default_rng(0)
        self.steps = 0

    def loader(self, data):
        return data

    def begin_epoch(self):
        self.total = 0.0

    def step(self, images, labels, rate):
        self.weight = self.weight * 0.9 + images.sum() * rate + self.random.normal()
        self.total += float(self.weight[0])
        self.steps += 1

    def figures(self):
        return self.total, 0.5

    def probabilities(self, images):
        return np.eye(10)[np.zeros(len(images), int)]

    def state(self):
        return {"weight": self.weight, "total": np.array(self.total),
                "random": np.array(json.dumps(self.random.bit_generator.state))}

    def restore(self, state):
        self.weight, self.total, self.random = state["weight"], float(state["total"]), np.random.default_rng(0)
        self.random.bit_generator.state = json.loads(state["random"].item())


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def digits():
    return training.load(RECIPE)[1]


@pytest.mark.parametrize("every", [0, 1e9])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(digits, tmp_path, every):
    """With a checkpoint after each step, and with one after each epoch only."""
    whole = Counting()
    curve = training.train(RECIPE, whole, digits, show=False).curve
    path = tmp_path / "run.checkpoint.npz"
    steps = -(-1297 // 16)
    for stop in (1, steps - 1, steps + 3, 2 * steps, 3 * steps + 40):
        learner = Counting()
        plain = learner.step

        def step(*batch, learner=learner, plain=plain, stop=stop):
            if learner.steps == stop:
                raise Killed
            plain(*batch)

        learner.step = step
        with pytest.raises(Killed):
            training.train(RECIPE, learner, digits, path, show=False, say=lambda text: None, every=every)
        kept = stop if every == 0 else stop // steps * steps
        assert path.exists() == (kept > 0)
        resumed, said = Counting(), []
        progress = training.train(RECIPE, resumed, digits, path, show=False, say=said.append, every=every)
        assert resumed.weight == whole.weight
        assert resumed.steps == 4 * steps - kept
        assert len(said) == (kept > 0) and f"epoch {kept // steps} of 4" in "".join([*said, "epoch 0 of 4"])
        assert [row["train_loss"] for row in progress.curve] == [row["train_loss"] for row in curve]
        checkpoints.remove(path)


def test_ctrl_c_ends_with_the_step_and_keeps_it(digits, tmp_path):
    path = tmp_path / "run.checkpoint.npz"
    learner = Counting()
    plain = learner.step

    def step(*batch):
        if learner.steps == 5:
            signal.raise_signal(signal.SIGINT)
        plain(*batch)

    learner.step = step
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            training.train(RECIPE, learner, digits, path, show=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    state, progress = checkpoints.read(path, asdict(RECIPE))
    assert (learner.steps, progress.steps, progress.curve) == (6, 6, []) and state["weight"] == learner.weight


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(digits, tmp_path):
    path, said = tmp_path / "run.checkpoint.npz", []
    whole = Counting()
    training.train(RECIPE, whole, digits, path, show=False)
    kept = path.read_bytes()
    for damage in (kept[:1000], b"", b"PK" + kept[2:500], np.random.default_rng(0).bytes(3000)):
        path.write_bytes(damage)
        resumed = Counting()
        said.clear()
        training.train(RECIPE, resumed, digits, path, show=False, say=said.append)
        assert resumed.weight == whole.weight and resumed.steps == 82
        assert "run.checkpoint.npz is damaged" in said[0] and "the one before it" in said[0] and len(said) == 2
        path.unlink()
        training.train(RECIPE, Counting(), digits, path, show=False, say=lambda text: None)


def test_a_loss_that_is_no_number_ends_the_run(digits):
    learner = Counting()
    learner.figures = lambda: (float("nan"), 1.0)
    with pytest.raises(FloatingPointError, match="epoch 1.*below 0.05"):
        training.train(RECIPE, learner, digits, show=False)


# --- checkpoints

def write(path, **changes):
    checkpoints.write(path, asdict(RECIPE) | changes, {"a/b": np.arange(3.0)}, checkpoints.Progress([{"epoch": 1}], 2))


def test_a_checkpoint_comes_back(tmp_path):
    write(tmp_path / "c.npz")
    state, progress = checkpoints.read(tmp_path / "c.npz", asdict(RECIPE))
    assert list(state) == ["a/b"] and state["a/b"].tolist() == [0, 1, 2]
    assert progress == checkpoints.Progress([{"epoch": 1}], 2)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


def test_the_checkpoint_of_another_recipe_is_refused(tmp_path):
    write(tmp_path / "c.npz", rate=0.7)
    with pytest.raises(ValueError, match="rate 0.7, not 0.05.*--restart"):
        checkpoints.read(tmp_path / "c.npz", asdict(RECIPE))


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:len(content) // 2], lambda content: content[:-1],
    lambda content: b"no archive at all",
    lambda content: content.replace(*(f"checkpoint {n}".encode("utf-32-le") for n in (2, 9))),
])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path, damage):
    path = tmp_path / "c.npz"
    write(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="c.npz is damaged or not a checkpoint.*--restart"):
        checkpoints.read(path, asdict(RECIPE))


def test_a_checkpoint_with_pickled_objects_is_refused(tmp_path):
    np.savez(tmp_path / "c.npz", header=np.array({"format": checkpoints.FORMAT}, dtype=object))
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoints.read(tmp_path / "c.npz", asdict(RECIPE))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    checkpoints.replace_file(path, b"old")
    monkeypatch.setattr(checkpoints.os, "fsync", lambda number: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        checkpoints.replace_file(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["file"]


# --- recorded runs

def a_run(digits):
    learner = Counting()
    learner.about = lambda: {"device": "cpu", "threads": 1, "versions": {"numpy": "2"}}
    learner.weights = lambda: {"weight": learner.weight}
    progress = training.train(RECIPE, learner, digits, show=False)
    return recording.record(RECIPE, networks.get("lenet5"), digits, learner, progress, "a-run")


def test_a_record_says_everything_and_comes_back(digits, tmp_path):
    run = a_run(digits)
    run.save(tmp_path / "a-run.json")
    assert runs.Run.read(tmp_path / "a-run.json") == run
    zeros = (digits.test.labels == 0).sum()
    assert run.test_error == pytest.approx(1 - zeros / 500) == run.series("test_error")[-1]
    assert np.sum(run.confusion) == 500 and np.sum(run.confusion, axis=1)[0] == zeros
    assert np.sum(run.confusion, axis=0).tolist() == [500] + [0] * 9
    assert run.mistakes is None  # too many to list
    assert run.network["parameters"] == 60_000
    assert run.seed == 0 and run.framework == "torch"
    with pytest.raises(ValueError, match="accuracy.*train_loss"):
        run.series("accuracy")


def test_a_record_of_something_else_is_refused(tmp_path):
    for content in ("", "[]", "{}", '{"format": "alexbook run 1"}', '{"format": "other"}'):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(ValueError, match="x.json is damaged or not a recorded run"):
            runs.Run.read(tmp_path / "x.json")


def test_an_unknown_run_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="no recorded run 'mnist-vgg'.*mnist-lenet5-torch-seed0"):
        runs.load("mnist-vgg")


RECORDED = runs.load("*")


@pytest.mark.parametrize("run", RECORDED, ids=[run.name for run in RECORDED])
def test_shipped_records_are_whole(run):
    recipe = Recipe(**{name: value for name, value in run.recipe.items() if name in asdict(RECIPE)})
    search = f"holdout-{recipe.dataset}-{recipe.network}-{recipe.framework}-rate{recipe.rate:g}"
    of_experiment = run.name.split("-")[0] in experiments.EXPERIMENTS  # see test_experiments.py
    assert of_experiment or run.name == (search if recipe.holdout else recording.name(recipe))
    assert run.command == recording.command(recipe) and recipe.ended(run.curve)
    assert run.series("epoch").tolist() == list(range(1, len(run.curve) + 1))
    assert run.test_error == run.curve[-1]["test_error"]
    images = run.dataset["test"]["images"]
    assert np.sum(run.confusion) == images
    wrong = images - np.trace(run.confusion)
    assert wrong == round(run.test_error * images)
    if run.mistakes is not None:
        assert len(run.mistakes) == wrong and all(true != answer for _, true, answer in run.mistakes)
    changed = variants.vary(networks.get(recipe.network), recipe.changes)
    network = preparing.adapt(changed, run.network["input_shape"][2], len(run.confusion))
    assert run.network["parameters"] == trace(network).parameters
    assert run.dataset["train"]["fingerprint"].startswith("sha256:") and run.dataset["train"]["copy"]
    assert run.hardware["processor"] and run.hardware["threads"] and run.date[:2] == "20" and run.seconds > 0
    assert {"python", "numpy", "alexbook", recipe.framework} <= set(run.versions)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_lenets_on_mnist_reach_what_the_book_says(framework):
    """Modern LeNet at least 99.0 %; the 1998 one within 0.3 points of its published 0.95 % error."""
    modern = [run.test_error for run in runs.load(f"mnist-lenet5_modern-{framework}-*")]
    published = [run.test_error for run in runs.load(f"mnist-lenet5-{framework}-*")]
    assert len(modern) == len(published) == 3
    assert max(modern) <= 0.01
    assert 0.0065 <= min(published) and max(published) <= 0.0125


@pytest.mark.parametrize("dataset", ["cifar10", "tiny_imagenet_20"])
@pytest.mark.parametrize("network", ["lenet5_rgb", "alexnet_small"])
def test_rates_of_the_color_comparison_are_those_that_the_search_found(dataset, network):
    search = {run.recipe["rate"]: run.test_error for run in runs.load(f"holdout-{dataset}-{network}-*")}
    used = {run.recipe["rate"] for run in runs.load(f"{dataset}-{network}-*")}
    assert len(search) >= 2 and used == {min(search, key=search.get)}


def test_records_name_no_person_and_no_place():
    import getpass
    import socket
    from pathlib import Path
    for name in runs.names():
        text = (runs.resources.folder() / "runs" / f"{name}.json").read_text()
        assert len(text) < 40_000
        assert str(Path.home()) + "/" not in text and socket.gethostname() not in text
        assert getpass.getuser() not in text and "/tmp" not in text


# --- the commands

def run_command(*words, **settings):
    return subprocess.run([sys.executable, "-m", "alexbook", *words], capture_output=True, text=True, timeout=120,
                          **settings)


def test_no_command_prints_help():
    done = run_command()
    assert done.returncode == 0 and "train" in done.stdout and "trace" in done.stdout and not done.stderr


def test_trace_prints_the_table(capsys):
    assert commands.main(["trace", "lenet5"]) == 0
    assert capsys.readouterr().out.strip() == str(trace(networks.get("lenet5")))


@pytest.mark.parametrize("words, wanted", [
    (["trace", "lenet6"], "no network named 'lenet6'.*lenet5_modern"),
    (["train", "lenet6", "digits"], "no network named 'lenet6'.*lenet5_modern"),
    (["train", "lenet5", "nist"], "no dataset 'nist'.*mnist"),
    (["train", "lenet5", "digits", "--framework", "jax"], "torch, keras"),
    (["train", "lenet5", "digits", "--rate", "-1"], "rate is -1"),
    (["train", "lenet5", "digits", "--holdout", "99999"], "1297"),
])
def test_wrong_words_end_in_one_sentence(words, wanted, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands.main(words) == 2
    said = capsys.readouterr().err
    import re
    assert re.search(wanted, said) and said.startswith("alexbook: ") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_missing_data_ends_in_the_datasets_own_message(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands.main(["train", "lenet5", "mnist", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "mnist" in said and "digits" in said and "Traceback" not in said
    assert not list(tmp_path.iterdir())
