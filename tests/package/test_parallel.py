"""Several devices: each trains a share of every batch, or holds one of AlexNet's two towers."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from alexbook import networks, runs, training
from alexbook.layers import (
    LRN,
    RBF,
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    SpatialNorm,
)
from alexbook.networks import ablations
from alexbook.training import distributed, record
from alexbook.training import run as running
from alexbook.training.recipe import usual
from parallel_cases import CASES, data
from repository import TESTS
from tiny_networks import network

HERE = TESTS / "support"
SINGLE = 2e-5  # float32: the largest difference of a weight, as a share of the layer's largest weight
DOUBLE = 1e-12


def started(*words, **more):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE)}
    return subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=environment, **more)


def torchrun(*words, **more):
    return started("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words, **more)


def finished(process, seconds=250):
    """What it wrote, when it is through; one that is not in time is ended, with those that it started."""
    try:
        said, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise AssertionError(process.communicate()[1]) from None
    assert process.returncode == 0, errors
    return said


def difference(one, other):
    """The largest difference of two sets of arrays, as a share of the largest value of each array."""
    assert list(one) == list(other)
    return max(float(abs(one[name] - other[name]).max() / abs(one[name]).max()) for name in one)


# --- PyTorch, several processes

@pytest.fixture(scope="module")
def together(tmp_path_factory):
    pytest.importorskip("torch")
    if sys.platform == "win32":
        pytest.skip("Windows has no SIGINT for a child")
    folder = tmp_path_factory.mktemp("together")
    return folder, finished(torchrun(HERE / "parallel_torch.py", folder))


@pytest.mark.parametrize("name", ["augmented", "odd"])
def test_two_processes_learn_what_one_learns(name, together):
    folder, _ = together
    recipe, network = CASES[name]
    alone = training.make_trainer(recipe, network)
    before = {name: values.copy() for name, values in alone.weights().items()}
    curve = training.train(recipe, alone, data(), show=False).curve
    first, second = (dict(np.load(folder / f"{name}-{rank}.npz")) for rank in (0, 1))
    assert all(np.array_equal(first[key], second[key]) for key in first), "the processes differ"
    assert difference(alone.weights(), before) > 100 * SINGLE, "nothing was learned"
    assert difference(alone.weights(), first) < SINGLE
    *rows, about = json.loads((folder / f"{name}.json").read_text())
    assert about["processes"] == 2
    for one, other in zip(curve, rows, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
        assert (one["train_error"], one["test_error"]) == (other["train_error"], other["test_error"])


def test_one_interrupted_process_stops_both_and_both_go_on_to_the_same_bits(together):
    folder, said = together
    assert {"stopped 0 after 5 steps", "stopped 1 after 5 steps"} < set(said.splitlines())
    assert said.count("Going on after epoch 1") == 1, "one process speaks for both"
    for rank in (0, 1):
        whole, resumed = (np.load(folder / f"{name}-{rank}.npz") for name in ("dropout", "resumed"))
        assert all(np.array_equal(whole[name], resumed[name]) for name in whole)


def test_each_process_has_its_own_dropout(together):
    """Were the masks those of one process, the weights would be, too."""
    recipe, network = CASES["dropout"]
    alone = training.make_trainer(recipe, network)
    training.train(recipe, alone, data(), show=False)
    assert difference(alone.weights(), dict(np.load(together[0] / "dropout-0.npz"))) > 100 * SINGLE


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in Linux's /proc")
def test_when_a_process_dies_the_others_end_with_one_sentence(tmp_path):
    pytest.importorskip("torch")
    process = torchrun("-m", "alexbook", "train", "lenet5_modern", "digits", "--epochs", "5000", "--quiet",
                       "--save-every", "0", "--out", tmp_path / "run.json")
    try:
        end = time.monotonic() + 200
        while not (tmp_path / "run.checkpoint.npz").exists():
            assert process.poll() is None and time.monotonic() < end, process.communicate()[1]
            time.sleep(0.02)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[1]), signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    finally:
        process.terminate()
    assert process.returncode != 0
    told = [line for line in errors.splitlines() if line.startswith("alexbook: ")]  # by the lost connection or torchrun
    assert len(told) == 1 and told[0].endswith("the same command goes on from the last checkpoint."), errors
    assert "[rank0]: Traceback" not in errors and (tmp_path / "run.checkpoint.npz").exists()


def test_the_command_of_a_record_says_how_it_was_started():
    recipe = usual("lenet5", "mnist")
    alone = record.command(recipe)
    assert record.command(recipe, processes=2) == alone.replace("python", "torchrun --nproc-per-node 2", 1)
    assert record.command(recipe, devices=2) == f"{alone} --devices 2"


def test_what_a_framework_cannot_do_is_said_in_a_sentence(monkeypatch):
    with pytest.raises(ValueError, match="The devices are 2, but PyTorch .*torchrun --nproc-per-node 2"):
        running.init_distributed("torch", 2)
    keras = pytest.importorskip("keras")
    with pytest.raises(ValueError, match="The devices are 0, but must be at least 1"):
        running.init_distributed("keras", 0)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert running.init_distributed("keras") == (distributed.SINGLE_PROCESS, training.make_trainer)
    with pytest.raises(ValueError, match="the Keras backend is jax, .* KERAS_BACKEND=tensorflow"):
        running.init_distributed("keras", 2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="started 2 processes, but Keras .* --devices 2"):
        running.init_distributed("keras")


# --- Keras, several devices

@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("replicas")
    finished(started(HERE / "parallel_keras.py", folder))
    return folder


@pytest.mark.parametrize("name", ["augmented", "odd"])
def test_two_devices_learn_what_one_learns(name, replicas):
    one, two = (dict(np.load(replicas / f"{name}-{among}.npz")) for among in ("one", "two"))
    assert difference(one, two) < SINGLE
    for row, other in zip(*(json.loads((replicas / f"{name}-{among}.json").read_text()) for among in ("one", "two")),
                          strict=True):
        assert row["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
        assert row["train_error"] == pytest.approx(other["train_error"], abs=2e-6)
        assert row["test_error"] == other["test_error"]


def test_devices_of_keras_are_recorded_and_dropout_repeats(replicas):
    assert json.loads((replicas / "said.json").read_text()) == {"repeated": True, "status": 0}
    run = runs.Run.read(replicas / "run.json")
    assert run.hardware["devices"] == 2 and run.command.endswith("--devices 2")


# --- PyTorch, two towers

def two_towers(seed):
    """A random network that two devices can share, with its layers in whatever order."""
    draw = random.Random(seed)

    def some(*layers):
        return [layer for layer in layers if draw.random() < 0.5]

    layers = [Conv(2 * draw.randint(1, 3), 3, padding=1, name="conv1")]
    for number in (2, 3, 4):
        layers += some(BatchNorm(), Activation("relu"), LRN(3, alpha=0.5, groups=2), SpatialNorm(3, alpha=0.5),
                       draw.choice([MaxPool(3, 2, padding=1), AvgPool(2, 1)]))
        groups = draw.choice([1, 2, 2])
        layers.append(Conv(groups * 2 * draw.randint(1, 2), draw.choice([1, 3]), groups=groups, name=f"conv{number}",
                           bias=draw.random() < 0.8, padding=draw.choice([1, ((1, 0), (2, 1)), "same"])))
    layers += [*some(Activation("tanh")), Flatten()]
    layers += some(Dense(6, name="hidden"), Activation("scaled_tanh"), Dense(4, bias=False))
    return network(*layers, Dense(draw.randint(1, 3), name="out"), shape=(11, 9, draw.randint(1, 3)),
                   rounding=draw.choice(["floor", "ceil"]))


def alexnet():
    """AlexNet of 2012 with a quarter of its maps and units, on images of half the size, without dropout."""
    narrow = ablations.vary(networks.get("alexnet_2012"), ["half-width", "half-width", "no-dropout"])
    return replace(narrow, input_shape=(112, 112, 3))


def devices():
    torch = pytest.importorskip("torch")
    gpus = torch.cuda.device_count()
    return [["cpu", "cpu"]] + [["cpu", "cuda:0"]] * (gpus > 0) + [["cuda:0", "cuda:1"]] * (gpus > 1)


def assert_same_step(network, pair):
    """Equal outputs, gradients, and weights after a step with momentum and decay; returns the largest difference."""
    import torch
    from alexbook.models.torch import build
    from alexbook.models.two_towers import TwoTowers, crossings
    whole = build(network, seed=0).double()
    towers = TwoTowers(network, whole, pair)
    images = torch.randn(5, *network.input_shape[2:], *network.input_shape[:2], dtype=torch.double)
    labels = torch.arange(5) % whole[-1].out_features
    optimizers = [torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
                  for model in (whole, towers)]
    for _ in range(2):
        outputs = []
        for model, optimizer in zip((whole, towers), optimizers, strict=True):
            output = model(images)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(output, labels.to(output.device)).backward()
            outputs.append(output.detach().cpu())
        found = {"output": outputs[1]} | {f"gradient of {name}": v for name, v in
                                          towers.joined(lambda value: value.grad).items()}
        wanted = {"output": outputs[0]} | {f"gradient of {name}": v.grad for name, v in whole.named_parameters()}
        for optimizer in optimizers:
            optimizer.step()
        found |= towers.joined()
        wanted |= {name: v.detach() for name, v in whole.named_parameters()}
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            torch.testing.assert_close(found[name], values, rtol=DOUBLE, atol=DOUBLE, msg=lambda said, n=name: n + said)
    assert towers.crossed == 5 * sum(crossings(network).values())
    assert len({str(v.device) for v in towers.parameters()}) == len(set(pair))


@pytest.mark.parametrize("seed", range(30))
def test_two_towers_are_the_network(seed):
    for pair in devices():
        assert_same_step(two_towers(seed), pair)


def test_two_towers_are_alexnet():
    for pair in devices():
        assert_same_step(alexnet(), pair)


def test_what_crosses_between_the_towers_of_2012():
    """Figure 2 of the paper: the halves meet before conv3 and the dense layers; fc8 is on one GPU alone."""
    pytest.importorskip("torch")
    from alexbook.models.two_towers import crossings
    assert crossings(networks.get("alexnet_2012")) == {
        "conv3": 13 * 13 * 256, "fc6": 6 * 6 * 256, "fc7": 4096, "fc8": 4096 // 2}


@pytest.mark.parametrize("layers, wanted", [
    ([Conv(4, 3, name="a"), LRN(3, name="b"), Flatten(), Dense(2)], "b: groups is 1"),
    ([Conv(3, 3, name="a"), Flatten(), Dense(2)], "a: it has 3 maps"),
    ([Conv(6, 3), Conv(6, 3, groups=3, name="c"), Flatten(), Dense(2)], "c: groups is 3"),
    ([Conv(4, 3, groups=2, name="d"), Flatten(), Dense(2)], "cut at d"),
    ([Flatten(), Dense(2, name="e")], "cut at e"),
    ([Conv(4, 3), Flatten(), Dense(2), RBF(((1, 1), (0, 1)), name="f")], "cut at f"),
    ([Conv(4, 3), Conv(2, 3, connections=((0, 1), (2, 3)), name="g"), Flatten(), Dense(2)], "g: its table"),
])
def test_what_cannot_be_cut_in_two_is_refused(layers, wanted):
    pytest.importorskip("torch")
    from alexbook.models.two_towers import crossings
    with pytest.raises(ValueError, match=wanted) as error:
        crossings(network(*layers, shape=(9, 9, 4)))
    assert "\n" not in str(error.value)
