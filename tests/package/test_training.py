"""Recipes, data, checkpoints, records and commands: all of training that needs no framework."""

import json
import re
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from alexbook import cli as commands
from alexbook import datasets, networks, runs, training
from alexbook.arithmetic import trace
from alexbook.batches import preprocessing
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.networks import ablations
from alexbook.runs import Run
from alexbook.training import checkpoints, experiments, record
from alexbook.training._data import hold_out
from alexbook.training.recipe import FRAMEWORKS, Recipe, usual

RECIPE = Recipe("lenet5", "digits", "torch", epochs=4, batch_size=16)


# --- the recipe

@pytest.mark.parametrize("field, value, wanted", [
    ("framework", "jax", "torch, keras"), ("optimizer", "lion", "sgd, adam"), ("schedule", "linear", "cosine"),
    ("pixels", "raw", "1998"), ("epochs", 0, "at least 1"), ("batch_size", 2.5, "whole number"),
    ("seed", -1, "at least 0"), ("holdout", -5, "at least 0"), ("lr", 0.0, "above 0"), ("momentum", 1.0, "below 1"),
    ("weight_decay", -0.1, "at least 0"),
])
def test_a_recipe_refuses_what_makes_no_sense(field, value, wanted):
    with pytest.raises(ValueError, match=wanted) as error:
        replace(RECIPE, **{field: value})
    assert str(value) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_framework_is_named_as_its_own_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "alexbook.training.torch_trainer", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "alexbook.training.torch_trainer")
    monkeypatch.delitem(sys.modules, "alexbook.models.torch", raising=False)
    with pytest.raises(ValueError, match="needs the package torch, .* `pip install torch` adds it"):
        training.make_trainer(RECIPE, networks.get("lenet5"))


def test_learning_rate():
    assert [round(RECIPE.lr_at(share), 6) for share in (0, 1 / 3, 1 / 2, 1)] == [0.05, 0.0375, 0.025, 0]
    assert replace(RECIPE, schedule="constant").lr_at(0.9) == 0.05
    drops = replace(RECIPE, schedule="milestones", milestones=(1, 3))
    assert [drops.lr_at(share) for share in (0, 0.24, 0.25, 0.74, 0.75, 1)] == pytest.approx(
        [0.05, 0.05, 0.005, 0.005, 0.0005, 0.0005])
    plateau = replace(RECIPE, schedule="plateau", patience=2)
    rows = [{"test_error": error} for error in (0.5, 0.4, 0.4, 0.45, 0.3, 0.31, 0.3)]
    rates = [plateau.lr_at(0.5, rows[:seen]) for seen in range(8)]
    assert rates == pytest.approx([0.05] * 4 + [0.005] * 3 + [0.0005])


def test_the_2012_schedule():
    """25, 51 and 79 epochs of 91, as the log of the ILSVRC-2012 run has it (layer-params-145.cfg, lines 167-182)."""
    recipe = Recipe("alexnet_2012", "folder", "torch", epochs=91, lr=0.01, schedule="milestones",
                    milestones=(25, 51, 79))
    rates = [recipe.lr_at(epoch / 91) for epoch in range(91)]
    assert [rates.index(rate) for rate in sorted(set(rates), reverse=True)] == [0, 25, 51, 79]


def test_usual_recipes_give_way_to_what_is_given():
    assert usual("lenet5", "mnist").optimizer == "adam"
    assert usual("lenet5", "mnist", optimizer="sgd", lr=0.1).lr == 0.1
    assert usual("lenet_caffe", "mnist") == Recipe("lenet_caffe", "mnist", "torch")


def test_the_command_of_a_record_means_its_recipe():
    for recipe in (usual("lenet5", "mnist", "keras", seed=2), RECIPE,
                   usual("lenet5_rgb", "cifar10", gray=True, holdout=100, lr=1e-3)):
        words = record.command(recipe).split()
        assert words[:4] == ["python", "-m", "alexbook", "train"]
        options = vars(commands.parser().parse_args(words[3:]))
        given = {name: options[name] for name in asdict(recipe) if name in options}
        assert usual(**given) == recipe


# --- the data

def test_a_small_image_is_centered_and_a_large_one_refused():
    image = np.ones((1, 2, 3, 1), np.uint8)
    field = preprocessing.center(image, 5, 6)
    assert field.shape == (1, 5, 6, 1) and field.sum() == 6 and field[0, 1:3, 1:4].all()
    with pytest.raises(ValueError, match="2x3 .* 5x2"):
        preprocessing.center(image, 5, 2)


def test_images_larger_than_the_input_are_shrunk_and_smaller_ones_kept(tmp_path):
    from alexbook.datasets import Dataset
    from alexbook.datasets.image_files import fit
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 48, 3), dtype=np.uint8)
    split = Dataset("folder", "train", images, np.zeros(3, int), ("one",), "made here")
    shrunk, _ = preprocessing.arrays(split, 32)
    assert shrunk.shape == (3, 32, 32, 3) and (shrunk[1] == fit(images[1], 32)).all()
    assert preprocessing.arrays(split, 64)[0] is images


def test_gray_is_as_pillow_has_it():
    from PIL import Image
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    theirs = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    assert abs(preprocessing.to_gray(images)[..., 0].astype(int) - theirs).max() <= 1


def test_standard_pixels_have_mean_0_and_deviation_1():
    images = np.random.default_rng(0).integers(20, 200, (50, 6, 5, 3), dtype=np.uint8)
    images[..., 1] //= 3
    numbers = Normalization.fit(images, "standard").normalize(images)
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(numbers.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(numbers.std(axis=(0, 1, 2)), 1, atol=1e-5)


def test_pixels_of_1998():
    normalization = Normalization.fit(np.zeros((1, 1, 1, 1), np.uint8), "1998")
    numbers = (np.array([0, 255]) - normalization.mean) / normalization.std
    assert numbers.tolist() == pytest.approx([-0.1, 1.175])


def test_a_network_takes_on_the_datasets_channels_and_classes():
    network = preprocessing.adapt(networks.get("lenet5_modern"), 3, 20)
    assert network.input_shape == (28, 28, 3)
    assert trace(network).rows[-1].output_shape == (20,)
    assert preprocessing.adapt(networks.get("lenet5"), 1, 10) == networks.get("lenet5")
    with pytest.raises(ValueError, match="10 fixed outputs.* 20 classes"):
        preprocessing.adapt(networks.get("lenet5"), 1, 20)


def test_digits_are_drawn_20_pixels_high_in_32():
    network, data = training.load(RECIPE)
    assert network == networks.get("lenet5")
    assert data.train.images.shape == (1297, 32, 32, 1) and data.test.images.shape == (500, 32, 32, 1)
    rows = np.flatnonzero(data.train.images.max(axis=(0, 2, 3)))
    assert rows.min() >= 6 and rows.max() <= 25
    assert data.about["train"]["fingerprint"] == datasets.load("digits").provenance["fingerprint"]


def test_held_out_images_are_not_trained_on():
    digits = datasets.load("digits")
    kept, held = hold_out(digits, 97)
    assert (len(kept), len(held)) == (1200, 97)
    assert len({image.tobytes() for image in kept.images} & {image.tobytes() for image in held.images}) == 0
    assert set(held.labels) == set(range(10))
    with pytest.raises(ValueError, match="1297"):
        hold_out(digits, 1297)


def test_batches_are_every_image_once_in_an_order_that_the_seed_gives():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    split = Split(images, np.arange(10))
    data = Data(split, split, Normalization(np.float32([0]), np.float32([1])), (1, 1))
    orders = [np.concatenate([batch.labels for batch in data.plan(4, [0, epoch])]) for epoch in (0, 0, 1)]
    assert sorted(orders[0]) == list(range(10))
    assert orders[0].tolist() == orders[1].tolist() != orders[2].tolist()
    numbers, labels = data.loader.make_batch(next(data.plan(4, [0])))
    assert numbers[:, 0, 0, 0].tolist() == labels.tolist()


# --- the loop, with a trainer made of NumPy

class Counting:
    """A trainer whose one weight depends on every image, learning rate and random number it has seen, in order."""

    def __init__(self):
        self.weight, self.random = np.zeros(1), np.random.default_rng(0)
        self.steps = 0

    def loader(self, data):
        return data.loader

    def begin_epoch(self):
        self.total = 0.0

    def step(self, images, labels, lr):
        self.weight = self.weight * 0.9 + images.sum() * lr + self.random.normal()
        self.total += float(self.weight[0])
        self.steps += 1

    def metrics(self):
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
        trainer = Counting()
        plain = trainer.step

        def step(*batch, trainer=trainer, plain=plain, stop=stop):
            if trainer.steps == stop:
                raise Killed
            plain(*batch)

        trainer.step = step
        with pytest.raises(Killed):
            training.train(RECIPE, trainer, digits, path, show=False, log=lambda text: None, save_every=every)
        kept = stop if every == 0 else stop // steps * steps
        assert path.exists() == (kept > 0)
        resumed, said = Counting(), []
        progress = training.train(RECIPE, resumed, digits, path, show=False, log=said.append, save_every=every)
        assert resumed.weight == whole.weight
        assert resumed.steps == 4 * steps - kept
        assert len(said) == (kept > 0) and f"epoch {kept // steps} of 4" in "".join([*said, "epoch 0 of 4"])
        assert [row["train_loss"] for row in progress.curve] == [row["train_loss"] for row in curve]
        checkpoints.remove(path)


def test_ctrl_c_ends_with_the_step_and_keeps_it(digits, tmp_path):
    path = tmp_path / "run.checkpoint.npz"
    trainer = Counting()
    plain = trainer.step

    def step(*batch):
        if trainer.steps == 5:
            signal.raise_signal(signal.SIGINT)
        plain(*batch)

    trainer.step = step
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            training.train(RECIPE, trainer, digits, path, show=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    state, progress = checkpoints.read(path, asdict(RECIPE))
    assert (trainer.steps, progress.steps, progress.curve) == (6, 6, []) and state["weight"] == trainer.weight


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(digits, tmp_path):
    path, said = tmp_path / "run.checkpoint.npz", []
    whole = Counting()
    training.train(RECIPE, whole, digits, path, show=False)
    kept = path.read_bytes()
    for damage in (kept[:1000], b"", b"PK" + kept[2:500], np.random.default_rng(0).bytes(3000)):
        path.write_bytes(damage)
        resumed = Counting()
        said.clear()
        training.train(RECIPE, resumed, digits, path, show=False, log=said.append)
        assert resumed.weight == whole.weight and resumed.steps == 82
        assert "run.checkpoint.npz is damaged" in said[0] and "the one before it" in said[0] and len(said) == 2
        path.unlink()
        training.train(RECIPE, Counting(), digits, path, show=False, log=lambda text: None)


def test_a_loss_that_is_no_number_ends_the_run(digits):
    trainer = Counting()
    trainer.metrics = lambda: (float("nan"), 1.0)
    with pytest.raises(FloatingPointError, match="epoch 1.*below 0.05"):
        training.train(RECIPE, trainer, digits, show=False)


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
    write(tmp_path / "c.npz", lr=0.7)
    with pytest.raises(ValueError, match="lr 0.7, not 0.05.*--restart"):
        checkpoints.read(tmp_path / "c.npz", asdict(RECIPE))


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:len(content) // 2], lambda content: content[:-1],
    lambda content: b"no archive at all",
    lambda content: content.replace(*(f"checkpoint {n}".encode("utf-32-le") for n in (3, 9))),
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


# --- recorded runs

def a_run(digits):
    trainer = Counting()
    trainer.about = lambda: {"device": "cpu", "threads": 1, "versions": {"numpy": "2"}}
    trainer.weights = lambda: {"weight": trainer.weight}
    progress = training.train(RECIPE, trainer, digits, show=False)
    return record.record(RECIPE, networks.get("lenet5"), digits, trainer, progress, "a-run")


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
    recipe = Recipe.of(run.recipe)
    search = f"holdout-{recipe.dataset}-{recipe.network}-{recipe.framework}-rate{recipe.lr:g}"
    of_experiment = run.name.split("-")[0] in experiments.EXPERIMENTS  # see test_experiments.py
    assert of_experiment or run.name == (search if recipe.holdout else record.name(recipe))
    assert run.command == record.command(recipe) and recipe.ended(run.curve)
    assert run.series("epoch").tolist() == list(range(1, len(run.curve) + 1))
    if recipe.extra_test and not recipe.holdout:  # the curve has the official test images, the record all
        official = list(datasets.describe(recipe.dataset).splits.values())[-1]
        assert run.curve[-1]["test_error"] == round(1 - run.right[:official].mean(), 6)
    else:
        assert run.test_error == run.curve[-1]["test_error"]
    images = run.dataset["test"]["images"]
    assert np.sum(run.confusion) == images
    wrong = images - np.trace(run.confusion)
    assert wrong == round(run.test_error * images)
    if run.mistakes is not None:
        assert len(run.mistakes) == wrong and all(true != answer for _, true, answer in run.mistakes)
    changed = ablations.vary(networks.get(recipe.network), recipe.changes)
    network = preprocessing.adapt(changed, run.network["input_shape"][2], len(run.confusion))
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
    assert min(published) >= 0.0065 and max(published) <= 0.0125


@pytest.mark.parametrize("dataset", ["cifar10", "tiny_imagenet_20"])
@pytest.mark.parametrize("network", ["lenet5_rgb", "alexnet_small"])
def test_rates_of_the_color_comparison_are_those_that_the_search_found(dataset, network):
    search = {run.recipe["lr"]: run.test_error for run in runs.load(f"holdout-{dataset}-{network}-*")}
    used = {run.recipe["lr"] for run in runs.load(f"{dataset}-{network}-*")}
    assert len(search) >= 2 and used == {min(search, key=search.get)}


def test_records_name_no_person_and_no_place():
    import getpass
    import socket
    from pathlib import Path
    for name in runs.names():
        text = (runs.package_data.folder() / "runs" / f"{name}.json").read_text()
        assert len(text) < 40_000 + 2 * len(json.loads(text)["dataset"]["classes"]) ** 2  # the confusion matrix
        text = re.sub(r'"answers": "[A-Za-z0-9+/=]*"', "", text)  # bits as letters, which may spell anything
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
    (["train", "lenet5", "digits", "--lr", "-1"], "lr is -1"),
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


def test_training_images_that_are_left_are_test_images_too():
    recipe = usual("lenet5_modern", "digits", images=600, extra_test=True)
    plain = training.load(usual("lenet5_modern", "digits", images=600))[1]
    data = training.load(recipe)[1]
    everything = training.load(usual("lenet5_modern", "digits"))[1]
    assert np.array_equal(data.train.images, plain.train.images)
    assert np.array_equal(data.test.images[:len(plain.test)], plain.test.images) and data.watched == len(plain.test)
    assert len(data.test) + len(data.train) == len(everything.train) + len(everything.test)
    seen = [set(map(bytes, part.images)) for part in (data.train, data.test)]
    assert seen[0] | seen[1] == set(map(bytes, everything.train.images)) | set(map(bytes, everything.test.images))
    assert np.array_equal(data.first_tests().test.images, plain.test.images)


def test_images_held_out_are_never_among_the_extra_test_images():
    searched = training.load(usual("lenet5_modern", "digits", images=600, extra_test=True, holdout=100))[1]
    trained = training.load(usual("lenet5_modern", "digits", images=600))[1]
    assert (len(searched.train), len(searched.test), searched.watched) == (500, 100, 0)
    both = [*searched.train.images, *searched.test.images]
    assert sorted(map(bytes, both)) == sorted(map(bytes, trained.train.images))


def test_without_shift_the_middle_is_seen_at_the_same_scale():
    recipe = usual("alexnet_small", "shapes", crop=4, shift=False)
    images = np.random.default_rng(0).integers(0, 256, (50, 48, 48, 3)).astype(np.uint8)
    made = datasets.Dataset("made", "train", images, np.arange(50) % 10, tuple("abcdefghij"), "random")
    data = preprocessing.prepare(networks.get("alexnet_small"), made, made, crop=recipe.crop)
    assert data.train.images.shape[1:3] == (40, 40)
    (images, labels), = map(data.loader.make_batch, data.plan(50, [0, 0], recipe.augmentation))
    order = np.random.default_rng([0, 0]).permutation(50)
    assert np.array_equal(images, data.normalization.normalize(data.train.images[order, 4:36, 4:36]))
    assert np.array_equal(labels, data.train.labels[order])
    batch = next(data.plan(50, [0, 0], replace(recipe, shift=True).augmentation))
    moved = data.loader.make_batch(batch)[0]
    assert not np.array_equal(moved, images)


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_training_error_is_measured_as_test_images_are_seen(framework):
    recipe = usual("lenet5_modern", "digits", framework, epochs=1, images=200, measure_training=True)
    network, data = training.load(recipe)
    trainer = training.make_trainer(recipe, network)
    progress = training.train(recipe, trainer, data, show=False)
    wrong = training.predictions(trainer, replace(data, test=data.train), recipe) != data.train.labels
    assert progress.curve[0]["train_error_evaluated"] == round(float(wrong.mean()), 6)
    assert progress.curve[0]["train_error_evaluated"] != progress.curve[0]["train_error"]


def test_a_record_holds_every_answer_and_names_the_code():
    recipe = usual("lenet5_modern", "digits", epochs=1, images=200, extra_test=True)
    network, data = training.load(recipe)
    trainer = training.make_trainer(recipe, network)
    run = record.record(recipe, network, data, trainer, training.train(recipe, trainer, data, show=False), "a")
    right = training.predictions(trainer, data, recipe) == data.test.labels
    assert np.array_equal(run.right, right) and run.test_error == round(1 - right.mean(), 6)
    assert run.curve[0]["test_error"] == round(1 - right[:data.watched].mean(), 6)
    assert "revision" in run.versions and "--extra-test" in run.command


def test_a_run_of_before_answers_were_kept_says_so():
    run = runs.load("ablation-all-torch-seed0")[0]
    with pytest.raises(ValueError, match="does not hold its answers"):
        run.right  # noqa: B018


def test_weights_that_cannot_be_kept_are_refused_before_training(tmp_path):
    from alexbook.training.run import run

    with pytest.raises(ValueError, match="file for the weights, .* is a folder; give --weights a file"):
        run(RECIPE, tmp_path / "a.json", weights=tmp_path)


def test_the_mean_error_of_classes_counts_each_class_once():
    run = Run(**dict.fromkeys(Run.__dataclass_fields__) | {"confusion": [[9, 1], [1, 1]]})
    assert run.class_error == pytest.approx((0.1 + 0.5) / 2)


def test_splits_of_a_recipe_are_those_of_the_dataset(monkeypatch):
    asked = []
    real = datasets.load

    def load(name, split, folder, **drawn):
        asked.append((split, drawn))
        return real("digits", split)

    monkeypatch.setattr("alexbook.datasets.load", load)
    recipe = Recipe("lenet5_modern", "caltech101", "torch", per_class=15, rest=True, split=3)
    training.load(recipe)
    assert asked == [(split, {"per_class": 15, "seed": 3, "rest": True}) for split in ("train", "test")]
    assert record.name(recipe) == "caltech101-15-per-class-rest-split3-lenet5_modern-torch-seed0"
    assert "--per-class 15 --rest --split 3" in record.command(recipe)
    assert record.name(Recipe("lenet5_modern", "caltech101", "torch")) == "caltech101-lenet5_modern-torch-seed0"
