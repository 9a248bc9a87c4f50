"""Both frameworks behind one interface: losses, steps, and runs that are killed and go on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from importlib import import_module

import numpy as np
import pytest
import tiny_networks
from alexbook import networks, training
from alexbook.batches import preprocessing
from alexbook.batches.data import Split
from alexbook.layers import Activation, Conv, Dense, Dropout, Flatten
from alexbook.training import checkpoints
from alexbook.training.recipe import FRAMEWORKS, Recipe, usual

SMALL = tiny_networks.network(Conv(3, 5, 3, name="conv"), Activation("relu"), Flatten(), Dropout(0.5),
                              Dense(10, name="out"), shape=(28, 28, 1))
RECIPE = Recipe("tiny", "digits", "torch", epochs=3, batch_size=100, lr=0.02)


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture(scope="module")
def data():
    loaded = training.load(replace(RECIPE, network="lenet5_modern"))[1]
    few = Split(loaded.train.images[:330], loaded.train.labels[:330])
    return replace(loaded, train=few)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_stopped_run_ends_with_the_same_bits(framework, optimizer, data, tmp_path):
    """Dropout, momentum and schedule included: everything that the next step depends on is kept."""
    recipe = replace(RECIPE, framework=framework, optimizer=optimizer)
    whole = training.make_trainer(recipe, SMALL)
    expected = training.train(recipe, whole, data, show=False).curve
    path = tmp_path / "c.npz"

    stopped = training.make_trainer(recipe, SMALL)
    plain, steps = stopped.step, []

    def step(*batch):
        steps.append(1)
        if len(steps) == 7:  # in the second epoch of four steps each
            raise KeyboardInterrupt
        plain(*batch)

    stopped.step = step
    with pytest.raises(KeyboardInterrupt):
        training.train(recipe, stopped, data, path, show=False, log=lambda text: None)
    assert not same(stopped.weights(), whole.weights())

    resumed = training.make_trainer(replace(recipe, seed=9), SMALL)  # nothing of a fresh start may matter
    progress = training.train(recipe, resumed, data, path, show=False, log=lambda text: None)
    assert same(resumed.weights(), whole.weights()) and same(resumed.state(), whole.state())
    for one, other in zip(progress.curve, expected, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_training_learns_and_measures(framework, data):
    recipe = replace(RECIPE, framework=framework, epochs=12, lr=0.1)
    trainer = training.make_trainer(recipe, SMALL)
    before = training.predictions(trainer, data, RECIPE)
    curve = training.train(recipe, trainer, data, show=False).curve
    answers = training.predictions(trainer, data, RECIPE)
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] / 2
    assert (before != data.test.labels).mean() > 0.7
    assert (answers != data.test.labels).mean() == pytest.approx(curve[-1]["test_error"])
    assert curve[-1]["test_error"] < 0.3
    assert np.array_equal(answers, training.predictions(trainer, data, RECIPE)), "dropout is on in evaluation"


def test_train_error_is_that_of_the_batches(framework, data):
    """With a rate too small to change anything and no dropout, it is the error of the network as it is."""
    plain = tiny_networks.network(Flatten(), Dense(10, name="out"), shape=(28, 28, 1))
    recipe = replace(RECIPE, framework=framework, epochs=1, lr=1e-12)
    trainer = training.make_trainer(recipe, plain)
    row, = training.train(recipe, trainer, data, show=False).curve
    answers = trainer.probabilities(data.normalization.normalize(data.train.images)).argmax(axis=1)
    assert row["train_error"] == pytest.approx((answers != data.train.labels).mean(), abs=1e-5)


def numpy_loss(outputs, labels, j):
    """LeCun et al. 1998, eq. 9, for distances; cross-entropy for logits where j is None."""
    correct = outputs[np.arange(len(labels)), labels]
    if j is None:
        return np.mean(np.log(np.exp(outputs).sum(axis=1)) - correct)
    return np.mean(correct + np.log(np.exp(-j) + np.exp(-outputs).sum(axis=1)))


@pytest.mark.parametrize("j", [None, 0.5, 10.0])
def test_losses_by_hand(framework, j):
    module = import_module(f"alexbook.training.{framework}_trainer")
    outputs = np.random.default_rng(0).uniform(0, 9, (6, 10)).astype("float32")
    labels = np.arange(6)
    if framework == "torch":
        import torch
        scores = torch.from_numpy(outputs if j is None else -outputs)
        loss = module.criterion(scores, torch.from_numpy(labels), j).item()
    else:
        from keras import ops
        loss = float(ops.mean(module.criterion(j)(labels, ops.convert_to_tensor(outputs))))
    assert loss == pytest.approx(numpy_loss(outputs, labels, j), rel=1e-5)


def step_of(framework, network, data, **changes):
    """Weights before and after one step on the first images, by the framework's own order of names."""
    recipe = replace(RECIPE, framework=framework, **changes)
    trainer = training.make_trainer(recipe, network)
    before = {name: values.copy() for name, values in trainer.weights().items()}
    trainer.step(data.normalization.normalize(data.train.images[:50]), data.train.labels[:50], recipe.lr)
    return before, trainer.weights()


def test_weight_decay_is_a_term_of_the_gradient_of_weights_only(framework, data):
    network = tiny_networks.network(Conv(3, 5, 3), Flatten(), Dense(10), shape=(28, 28, 1))
    before, plain = step_of(framework, network, data, weight_decay=0.0)
    again, decayed = step_of(framework, network, data, weight_decay=0.3)
    assert same(before, again) and not same(before, plain)
    for name, values in before.items():
        change = 0.02 * 0.3 * values if values.ndim > 1 else 0
        np.testing.assert_allclose(plain[name] - decayed[name], change, atol=1e-6)
        assert values.ndim == 1 or abs(plain[name] - decayed[name]).max() > 1e-5


@pytest.mark.parametrize("name", ["lenet5", "lenet5_modern"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_both_frameworks_take_the_same_steps(name, optimizer, data):
    torch, _ = pytest.importorskip("torch"), pytest.importorskip("keras")
    from alexbook.models import convert_weights
    network = networks.get(name)
    size = network.input_shape[0]
    images = data.normalization.normalize(preprocessing.center(data.train.images[:40], size, size)) / 4
    recipe = replace(RECIPE, optimizer=optimizer, lr=1e-3, weight_decay=0.01)
    ours = training.make_trainer(recipe, network)
    theirs = training.make_trainer(replace(recipe, framework="keras"), network)
    convert_weights.torch_to_keras(ours.model, theirs.model)
    for _ in range(3):
        for trainer in (ours, theirs):
            trainer.begin_epoch()
            trainer.step(images, data.train.labels[:40], 1e-3)
        assert ours.metrics() == pytest.approx(theirs.metrics(), rel=1e-4)
    with torch.inference_mode():
        outputs = ours.model(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(theirs.model.predict_on_batch(images), outputs, rtol=2e-3, atol=2e-3)


# --- the command, killed for real

def command(folder, framework, *more, epochs=8):
    words = ["train", "lenet5_modern", "digits", "--framework", framework, "--epochs", str(epochs),
             "--batch-size", "32", "--threads", "1", "--out", str(folder / "run.json"), *more]
    return subprocess.Popen([sys.executable, "-m", "alexbook", *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})


def wait_for(happened, process, seconds=120):
    end = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[1]
        time.sleep(0.005)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("framework", "kills"), [("torch", 20), ("keras", 3)])
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(framework, kills, tmp_path):
    """Killed while it computes and while it writes: it keeps a checkpoint after each step."""
    pytest.importorskip(framework)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = command(whole, framework)
    assert process.wait(200) == 0, process.communicate()[1]

    draw, checkpoint, parts = random.Random(0), killed / "run.checkpoint.npz", 0
    for _ in range(kills):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = command(killed, framework, "--save-every", "0")
        wait_for(lambda before=before: checkpoint.exists() and checkpoint.stat().st_mtime_ns > before, process)
        time.sleep(draw.uniform(0, 0.1))
        process.kill()
        process.communicate()
        parts += any(path.suffix == ".part" for path in killed.iterdir())
        assert not (killed / "run.json").exists(), "it ended before it was killed"
    progress = checkpoints.latest(checkpoint, asdict(usual("lenet5_modern", "digits", framework, epochs=8,
                                                           batch_size=32)), print)[1]
    assert progress.curve or progress.steps

    process = command(killed, framework, "--quiet")
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 0 and "Going on after epoch" in said
    one, other = (json.loads((folder / "run.json").read_text()) for folder in (whole, killed))
    for differing in ("date", "seconds"):
        one.pop(differing), other.pop(differing)
    for row in one["curve"] + other["curve"]:
        row.pop("seconds")
    assert one == other
    assert [path.name for path in killed.iterdir()] == ["run.json"], f"{parts} kills came in the middle of a write"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child")
def test_ctrl_c_says_how_to_go_on(tmp_path):
    pytest.importorskip("torch")
    # A shell's background job ignores SIGINT, and so would the child; one started from here must not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = command(tmp_path, "torch", epochs=500)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        wait_for((tmp_path / "run.checkpoint.npz").exists, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "The same command goes on" in said and "Traceback" not in said


@pytest.mark.parametrize("where", ["PyTorch", "cache"])
def test_compile_says_where_a_space_keeps_it_from_linking(monkeypatch, tmp_path, where: str) -> None:
    """The C++ compiler would get the path unquoted, and end in a page of its own words."""
    torch = pytest.importorskip("torch")
    if where == "PyTorch":
        monkeypatch.setattr(torch, "__file__", str(tmp_path / "my books" / "torch" / "__init__.py"))
    else:
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "my books"))
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/c++")
    monkeypatch.setattr("alexbook.training.torch_trainer.device", lambda: torch.device("cpu"))
    with pytest.raises(ValueError, match="compile cannot link in '.*my books.*' on this processor"):
        training.make_trainer(Recipe("lenet5", "digits", "torch", compile=True), networks.get("lenet5"))


def test_keras_on_another_backend_is_refused_in_one_sentence(monkeypatch):
    keras = pytest.importorskip("keras")
    from alexbook.training.keras_trainer import KerasTrainer

    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="set to the backend torch .* needs tensorflow or jax"):
        KerasTrainer(Recipe("lenet5", "digits", "keras"), networks.get("lenet5"))
