"""What a training refuses, before it takes time: other data, damaged or busy checkpoints, files it could not write."""

import io
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from alexbook import cli as commands
from alexbook import networks, runs, training
from alexbook.batches import preprocessing
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.training import _loop, checkpoints, record
from alexbook.training import run as running
from alexbook.training.recipe import Recipe
from PIL import Image
from test_training import RECIPE, Counting, Killed

CODE = str(Path(commands.__file__).resolve().parents[1])
DATA = {"classes": ["cat", "dog"], "train": "sha256:1", "test": "sha256:2"}


def small(classes=("0", "1"), seed=0, channels=1):
    """Forty images of noise, and half as many to test on."""
    rng = np.random.default_rng(seed)
    train, test = (Split(rng.integers(0, 256, (count, 32, 32, channels), dtype=np.uint8), np.arange(count) % 2)
                   for count in (40, 20))
    about = {"classes": list(classes)} | {split: {"fingerprint": f"sha256:{seed}"} for split in ("train", "test")}
    return Data(train, test, Normalization.fit(train.images), (32, 32), about)


def folder_of(root, classes, count=10, seed=0, flat=()):
    """A folder of PNG noise for each class; the channels in ``flat`` are 0 everywhere."""
    rng = np.random.default_rng(seed)
    for name in classes:
        for number in range(count):
            image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            image[..., list(flat)] = 0
            place = os.fsencode(root) + b"/" + (name if isinstance(name, bytes) else name.encode())
            os.makedirs(place, exist_ok=True)  # noqa: PTH103 (a name in bytes)
            Image.fromarray(image).save(os.fsdecode(place + f"/{number}.png".encode()))
    return root


def train(*words):
    return commands.main(["train", "lenet5_rgb", "folder", "--epochs", "1", "--batch-size", "8", "--quiet",
                          *map(str, words)])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


# --- other data

def stopped(path, data, steps=7):
    """Train until the machine dies."""
    trainer = Counting()
    plain = trainer.step

    def step(*batch):
        if trainer.steps == steps:
            raise Killed
        plain(*batch)

    trainer.step = step
    with pytest.raises(Killed):
        training.train(RECIPE, trainer, data, path, show=False, save_every=0)


@pytest.mark.parametrize("other, wanted", [
    (small(("apples", "pears")), "the classes 0, 1, not apples, pears"),
    (small(("1", "0")), "the classes 0, 1, not 1, 0"),
    (small(("0", "1", "2")), "the classes 0, 1, not 0, 1, 2"),
    (small(seed=1), "other images than these .the train split"),
])
def test_a_checkpoint_of_other_data_is_refused(tmp_path, other, wanted):
    path = tmp_path / "c.npz"
    stopped(path, small())
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"c.npz belongs to a run on {wanted}.*; give another --out"):
        training.train(RECIPE, Counting(), other, path, show=False)
    assert path.read_bytes() == before
    resumed = Counting()
    training.train(RECIPE, resumed, small(), path, show=False, log=lambda text: None)
    assert resumed.steps == 4 * 3 - 7


def test_other_test_images_are_other_data():
    assert "the test split" in checkpoints.other_data(DATA, DATA | {"test": "sha256:3"})
    assert checkpoints.other_data(DATA, dict(DATA)) is None
    assert checkpoints.other_data({}, DATA) is not None


def test_a_recipe_of_a_newer_version_is_refused(tmp_path):
    checkpoints.write(tmp_path / "c.npz", asdict(RECIPE) | {"warmup": 3}, {}, checkpoints.Progress())
    with pytest.raises(ValueError, match="belongs to a run with warmup 3, which this version does not know"):
        checkpoints.read(tmp_path / "c.npz", asdict(RECIPE))


def test_runs_on_folders_are_named_by_the_folder(tmp_path, monkeypatch):
    recipe = Recipe("lenet5_rgb", "folder", "torch")
    monkeypatch.chdir(tmp_path)
    for folder, wanted in [("a/photos", "photos"), (tmp_path / "my cats & dogs", "my-cats-dogs"),
                           ("photos/.", "photos"), ("x/../Bäume", "Bäume"),
                           (os.fsdecode(b"B\xe4ume"), "B-ume"), ("x" * 200, "x" * 40),
                           ("/", "root"), (".", re.sub(r"\W+", "-", tmp_path.name)[:40])]:
        assert record.name(recipe, folder) == f"folder-{wanted}-lenet5_rgb-torch-seed0"
    (tmp_path / "photos.tar.gz").touch()
    assert record.name(recipe, "photos.tar.gz") == "folder-photos-lenet5_rgb-torch-seed0"
    assert record.name(RECIPE, "photos") == "digits-lenet5-torch-seed0"


def test_two_folders_have_two_records_and_none_replaces_another(here, capsys):
    pytest.importorskip("torch")
    one, same = folder_of(here / "one/photos", "ab"), folder_of(here / "two/photos", "ab", seed=1)
    other = folder_of(here / "cars", "cd")
    assert train("--data", one) == train("--data", other) == 0
    assert sorted(path.name for path in (here / "runs").iterdir()) == [
        "folder-cars-lenet5_rgb-torch-seed0.json", "folder-photos-lenet5_rgb-torch-seed0.json"]
    record = here / "runs/folder-photos-lenet5_rgb-torch-seed0.json"
    before = record.read_bytes()
    capsys.readouterr()
    for words, wanted in [(["--data", same], "a run on other images than these"),
                          (["--data", one, "--lr", "0.01"], "a run with lr 0.05, not 0.01"),
                          (["--data", other, "--out", record], "a run on the classes a, b, not c, d")]:
        assert train(*words) == 2
        said = capsys.readouterr().err
        assert f"is the record of {wanted}" in said and "--restart" in said and said.count("\n") == 1
        assert record.read_bytes() == before and len(list((here / "runs").iterdir())) == 2
    assert train("--data", one) == 0  # the same run again
    assert train("--data", same, "--restart") == 0
    assert runs.Run.read(record).dataset["train"] != json.loads(before)["dataset"]["train"]


def test_the_shipped_records_are_known_again():
    """Though many were written before the recipe had all of its fields."""
    for path in sorted((runs.package_data.folder() / "runs").glob("*.json")):
        run = runs.Run.read(path)
        known = asdict(Recipe.of(run.recipe))
        data = replace(small(), about=run.dataset)
        running.keep_record(path, Recipe(**known), data)
        with pytest.raises(ValueError, match="is the record of a run with epochs"):
            running.keep_record(path, Recipe(**known | {"epochs": 77}), data)
        with pytest.raises(ValueError, match="is the record of a run on the classes"):
            running.keep_record(path, Recipe(**known), small(("x", "y")))
        other = Recipe(**known | {"batch_size": 7})
        running.keep_record(path, other, data, any_batch=True)
        with pytest.raises(ValueError, match="batch_size"):
            running.keep_record(path, other, data)


def test_a_folder_needs_the_data_option(here, capsys):
    assert train() == 2
    said = capsys.readouterr().err
    assert "say which with --data FOLDER" in said and "load(" not in said and said.count("\n") == 1
    assert not list(here.iterdir())


# --- channels that are the same everywhere

@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_channel_is_not_divided_by_zero(value):
    images = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 3), dtype=np.uint8)
    images[..., 1] = value
    normalization = Normalization.fit(images, "standard")
    assert normalization.std[1] == 1 and normalization.mean[1] == value
    np.testing.assert_allclose(normalization.std[[0, 2]], images[..., [0, 2]].std(axis=(0, 1, 2)), rtol=1e-6)
    numbers = normalization.normalize(images)
    assert np.isfinite(numbers).all() and (numbers[..., 1] == 0).all()


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_images_with_constant_channels_train(framework, here, capsys):
    pytest.importorskip(framework)
    assert train("--data", folder_of(here / "stain", "ab", flat=(1, 2)), "--framework", framework) == 0
    run = runs.Run.read(here / f"runs/folder-stain-lenet5_rgb-{framework}-seed0.json")
    assert np.isfinite(run.series("train_loss")).all()
    assert train("--data", folder_of(here / "white", "ab", flat=(0, 1, 2)), "--framework", framework) == 0


def test_a_loss_that_the_data_makes_infinite_is_not_blamed_on_the_rate():
    trainer = Counting()
    trainer.metrics = lambda: (float("nan"), 1.0)
    trainer.step = lambda images, labels, lr: None
    for deviation in (0.0, float("nan"), 1e-4):
        normalization = replace(small().normalization, std=np.float32([deviation]))
        data = replace(small(), normalization=normalization)
        with pytest.raises(FloatingPointError, match="channel 1 of 1 of the images, whose standard deviation") as said:
            training.train(RECIPE, trainer, data, show=False)
        assert "learning rate" not in str(said.value)
    assert small().normalization.fault(small().train.images) is None
    with pytest.raises(FloatingPointError, match="a learning rate below 0.05 may help"):
        training.train(RECIPE, trainer, small(), show=False)


# --- damaged and forged checkpoints

def written(path, steps=3):
    state = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "sums": np.zeros(3)}
    checkpoints.write(path, asdict(RECIPE), state, checkpoints.Progress(steps=steps), DATA)
    return state


def test_every_flipped_bit_is_refused_and_the_sound_one_beside_it_used(tmp_path):
    path, said, draw = tmp_path / "c.npz", [], random.Random(0)
    state = written(path)
    content = path.read_bytes()
    checkpoints.previous(path).write_bytes(content)
    bits = range(8 * len(content))
    for bit in draw.sample(bits, 700) + [8 * place + draw.randrange(8) for place in range(len(content) - 400,
                                                                                          len(content))]:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(checkpoints.Damaged, match=r"c.npz (is damaged|was written by an earlier).*--restart\.$"):
            checkpoints.read(path, asdict(RECIPE), DATA)
    found, progress = checkpoints.latest(path, asdict(RECIPE), said.append, DATA)
    assert progress.steps == 3 and all(np.array_equal(found[name], state[name]) for name in state)
    assert len(said) == 1 and "going on from the one before it" in said[0]


def test_every_cut_file_is_refused(tmp_path):
    path, draw = tmp_path / "c.npz", random.Random(0)
    written(path)
    content = path.read_bytes()
    for length in [*draw.sample(range(len(content)), 100), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(checkpoints.Damaged):
            checkpoints.read(path, asdict(RECIPE))
    path.write_bytes(content + b"x")
    with pytest.raises(checkpoints.Damaged):
        checkpoints.read(path, asdict(RECIPE))


def test_a_checkpoint_is_an_archive_that_numpy_reads(tmp_path):
    state = written(tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as content:
        assert np.array_equal(content["state/weight"], state["weight"])


def test_a_checkpoint_of_an_earlier_version_is_said_to_be_one(tmp_path):
    header = {"format": "alexbook checkpoint 2", "recipe": asdict(RECIPE), "curve": [], "seconds": 0.0, "steps": 0}
    np.savez(tmp_path / "c.npz", header=np.array(json.dumps(header)))
    with pytest.raises(ValueError, match="c.npz was written by an earlier version of this program; .*--restart"):
        checkpoints.latest(tmp_path / "c.npz", asdict(RECIPE), print)


def test_a_checkpoint_for_which_memory_is_too_small_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    written(path)

    def load(*given, **more):
        raise MemoryError

    monkeypatch.setattr(np, "load", load)
    with pytest.raises(MemoryError):
        checkpoints.latest(path, asdict(RECIPE), print, DATA)
    assert path.exists()


def forged(path, change, state=None):
    """A checkpoint with the right checksum and anything in it."""
    header = {"format": checkpoints.FORMAT, "recipe": asdict(RECIPE), "data": small().identity, "curve": [],
              "seconds": 0.0, "steps": 0} | change
    path.write_bytes(checkpoints._signed({"header": np.array(json.dumps(header))} | (state or {})))


ROW = {"epoch": 1, "train_loss": 1.0, "train_error": 0.5, "test_error": 0.5}


@pytest.mark.parametrize("change", [
    {"curve": [ROW | {"epoch": place + 1} for place in range(5)]}, {"curve": [ROW | {"epoch": 2}]}, {"curve": [{}]},
    {"curve": [ROW | {"train_loss": None}]}, {"curve": [ROW | {"test_error": float("nan")}]}, {"curve": 3},
    {"curve": [3]}, {"steps": -1}, {"steps": 99}, {"steps": "1"}, {"seconds": float("nan")}, {"seconds": None},
    {"recipe": []}, {"recipe": None}, {"data": "x"}, {},
])
def test_a_forged_checkpoint_ends_in_one_sentence(tmp_path, change):
    path = tmp_path / "c.npz"
    forged(path, change)  # the last one lacks the trainer's state
    with pytest.raises(ValueError, match=r"c.npz .*start anew with --restart") as said:
        training.train(RECIPE, Counting(), small(), path, show=False, log=lambda text: None)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("harm", ["shape", "type", "name", "missing", "sums", "random"])
def test_a_forged_optimizer_ends_in_one_sentence(tmp_path, optimizer, harm):
    """In fused SGD a momentum of another shape would end the process."""
    pytest.importorskip("torch")
    recipe = Recipe("lenet5_modern", "digits", "torch", epochs=2, batch_size=16, optimizer=optimizer)
    data, path = small(), tmp_path / "c.npz"
    data = replace(data, size=(28, 28))
    network = preprocessing.adapt(networks.get("lenet5_modern"), 1, 2)
    trainer = training.make_trainer(recipe, network)
    trainer.step(*data.loader.make_batch(next(data.plan(16, [0]))), 0.1)
    state = trainer.state()
    name = next(name for name in state if re.match("optimizer/.*(momentum_buffer|exp_avg)$", name))
    if harm == "shape":
        state[name] = np.zeros(1, np.float32)
    elif harm == "type":
        state[name] = state[name].astype(np.float64)
    elif harm == "name":
        state[f"{name}2"] = state.pop(name)
    elif harm == "missing":
        state.pop(next(name for name in state if name.startswith("model/")))
    else:
        state[harm] = np.zeros(2, np.float32)
    checkpoints.write(path, asdict(recipe), state, checkpoints.Progress(steps=1), data.identity)
    with pytest.raises(ValueError, match="c.npz does not fit this network .*--restart") as said:
        training.train(recipe, training.make_trainer(recipe, network), data, path, show=False)
    assert "\n" not in str(said.value)


def test_a_devices_own_random_numbers_are_kept(monkeypatch):
    """As dropout on a GPU draws them, Apple's included; here the processor stands in for one."""
    torch = pytest.importorskip("torch")
    from alexbook.training import torch_trainer
    assert {"cuda", "mps"} == set(torch_trainer.RANDOM)
    kept = []
    device = SimpleNamespace(get_rng_state=lambda: torch.tensor([5, 6], dtype=torch.uint8), set_rng_state=kept.append)
    network = preprocessing.adapt(networks.get("lenet5_modern"), 1, 2)
    trainer = training.make_trainer(Recipe("lenet5_modern", "digits", "torch"), network)
    trainer.restore(trainer.state() | {"random_mps": np.zeros(3, np.uint8)})  # of a run that began on a Mac
    monkeypatch.setattr(torch_trainer, "RANDOM", {"cpu": device})
    trainer.restore(trainer.state())
    assert [values.tolist() for values in kept] == [[5, 6]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_in_the_place_of_a_checkpoint_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "c.npz")
    with pytest.raises(checkpoints.Damaged, match="c.npz is damaged or not a checkpoint"):
        checkpoints.latest(tmp_path / "c.npz", asdict(RECIPE), print)
    assert checkpoints.batch_size(tmp_path / "c.npz") is None


def test_an_archive_that_claims_more_than_memory_is_damaged(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        header = str({"descr": "<f8", "fortran_order": False, "shape": (10**12,)}).encode()
        archive.writestr("header.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    (tmp_path / "c.npz").write_bytes(content.getvalue())
    with pytest.raises(checkpoints.Damaged):
        checkpoints.read(tmp_path / "c.npz", asdict(RECIPE))


# --- two processes

HOLDER = """
import sys
from pathlib import Path
from alexbook.training import checkpoints
with checkpoints.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": CODE})
    assert process.stdout.readline() == "held\n"
    return process


def test_a_checkpoint_is_for_one_process_at_a_time(here, capsys):
    path = here / "new" / "run.checkpoint.npz"
    process = holder(path)
    try:
        with pytest.raises(BlockingIOError, match="Another process is training with .*run.checkpoint.npz; wait"):
            training.train(RECIPE, Counting(), small(), path, show=False)
        words = ["train", "lenet5", "digits", "--quiet", "--out", str(here / "new/run.json"), "--restart"]
        assert commands.main(words) == 2
        said = capsys.readouterr().err
        assert said.startswith("alexbook: Another process") and said.count("\n") == 1
    finally:
        process.communicate("")
    assert process.returncode == 0 and not (here / "new").exists(), "it leaves no lock and no empty folder"
    training.train(RECIPE, Counting(), small(), path, show=False)


def test_a_lock_ends_with_its_process(tmp_path):
    path = tmp_path / "run.checkpoint.npz"
    process = holder(path)
    process.kill()
    process.communicate()
    with checkpoints.held(path), checkpoints.held(path):
        pass
    assert not list(tmp_path.iterdir())


# --- files that cannot be written

@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("out, wanted", [
    ("folder", "is a folder"), ("", "is a folder"), ("file/run.json", "file is no folder"),
    ("file/deeper/run.json", "file is no folder"), ("pipe", "is no ordinary file"),
    ("letter.txt", "exists and is no recorded run"), ("n" * 300 + ".json", "too long"),
])
def test_where_the_record_cannot_be_written_nothing_is_trained(out, wanted, here, capsys, monkeypatch):
    (here / "folder").mkdir()
    (here / "file").touch()
    (here / "letter.txt").write_text("Dear")
    os.mkfifo(here / "pipe")
    monkeypatch.setattr(_loop, "train", lambda *given, **more: pytest.fail("it trains"))
    before = sorted(here.iterdir())
    assert commands.main(["train", "lenet5", "digits", "--quiet", "--out", out]) == 2
    said = capsys.readouterr().err
    assert re.search(wanted, said) and said.count("\n") == 1
    assert sorted(here.iterdir()) == before and (here / "letter.txt").read_text() == "Dear"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has names that are no text")
def test_class_names_that_are_no_text_are_trained_on_and_recorded(here):
    pytest.importorskip("torch")
    folder_of(here / "data", [b"B\xe4ume", b"H\xe4user"])
    out = os.fsdecode(b"B\xe4ume.json")
    words = ["train", "lenet5_rgb", "folder", "--epochs", "1", "--quiet", "--data", "data", "--out", out]
    done = subprocess.run([sys.executable, "-m", "alexbook", *words], capture_output=True, timeout=120,
                          env=os.environ | {"PYTHONPATH": CODE, "PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert runs.Run.read(here / out).dataset["classes"] == ["B\udce4ume", "H\udce4user"]
    json.loads((here / out).read_text(encoding="utf-8"))


# --- numbers that make no sense

@pytest.mark.parametrize("field", ["lr", "weight_decay", "momentum", "bias_lr_factor", "until", "color"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "0.1", None, True])
def test_a_recipe_refuses_numbers_that_are_none(field, value):
    with pytest.raises(ValueError, match=f"The {field} is {value!r}, but must be a finite number"):
        replace(RECIPE, **{field: value})


@pytest.mark.parametrize("field", ["epochs", "batch_size", "holdout", "images", "patience", "seed", "crop"])
def test_a_recipe_refuses_truth_for_a_whole_number(field):
    with pytest.raises(ValueError, match=f"The {field} is True, but must be a whole number"):
        replace(RECIPE, **{field: True})


@pytest.mark.parametrize("words, wanted", [
    (["--lr", "inf"], "lr is inf"), (["--weight-decay", "nan"], "weight_decay is nan"),
    (["--weight-decay", "inf"], "weight_decay is inf"),
    (["--bias-lr-factor", "inf"], "bias_lr_factor is inf"), (["--momentum", "nan"], "momentum is nan"),
    (["--until", "nan"], "until is nan"), (["--color", "inf"], "color is inf"),
    (["--save-every", "nan"], "seconds between checkpoints are nan"),
    (["--save-every", "inf"], "seconds between checkpoints are inf"),
    (["--save-every", "-1"], "seconds between checkpoints are -1"),
    (["--threads", "-1"], "threads are -1, but must be from 1"), (["--threads", "0"], "threads are 0"),
    (["--threads", "1000000000"], "threads are 1000000000"), (["--devices", "-1"], "devices are -1"),
    (["--seed", str(2**32)], "seed is 4294967296, but must be below"), (["--epochs", "-1"], "epochs is -1"),
])
def test_options_that_make_no_sense_end_in_one_sentence(words, wanted, here, capsys):
    assert commands.main(["train", "lenet5", "digits", "--quiet", *words]) == 2
    said = capsys.readouterr().err
    assert re.search(wanted, said) and said.startswith("alexbook: ") and said.count("\n") == 1
    assert not list(here.iterdir())
