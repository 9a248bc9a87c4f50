"""Networks with and without shortcuts: their construction, the chapter's own, and the recorded result."""

import importlib.util
import json

import nbformat
import numpy as np
import pytest
import torch
from alexbook import package_data
from repository import ROOT
from torch import nn
from torch.nn import functional as F

spec = importlib.util.spec_from_file_location("residual_benchmark", ROOT / "benchmarks" / "residual.py")
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)
RECORDED = json.loads((package_data.folder() / "benchmarks" / "residual.json").read_text(encoding="utf-8"))["tasks"]


def chapters_own() -> dict:
    """What the chapter's cell with its network defines."""
    notebook = nbformat.read(ROOT / "chapters" / "19-after-alexnet.ipynb", as_version=4)
    source, = (cell.source for cell in notebook.cells if cell.source.startswith("class ResidualBlock"))
    names = {"torch": torch, "nn": nn, "F": F}
    exec(source, names)
    return names


@pytest.mark.parametrize("depth", [8, 14, 44])
def test_a_network_has_as_many_layers_as_its_name_and_its_twin_as_many_parameters(depth):
    plain, residual = (benchmark.network(depth, shortcut, 3, 20) for shortcut in (False, True))
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in plain.modules()) == depth
    assert [p.shape for p in plain.parameters()] == [p.shape for p in residual.parameters()]
    assert all(torch.equal(one, other) for one, other in zip(plain.parameters(), residual.parameters(), strict=True))


def test_parameters_by_hand():
    """Two blocks' worth of 3 x 3 convolutions in each of three stages, two numbers for each normalized channel."""
    model = benchmark.network(14, True, 1, 10, width=8)
    convolutions = [(1, 8), *[(8, 8)] * 4, (8, 16), *[(16, 16)] * 3, (16, 32), *[(32, 32)] * 3]
    by_hand = sum(9 * channels * filters + 2 * filters for channels, filters in convolutions) + 33 * 10
    assert sum(p.numel() for p in model.parameters()) == by_hand


def test_a_block_adds_its_input_with_zeros_for_new_channels():
    block = benchmark.Block(4, 8, 2, True).eval()
    nn.init.zeros_(block.norm2.weight)  # the layers then compute 0
    x = torch.randn(2, 4, 6, 6)
    y = block(x)
    torch.testing.assert_close(y[:, :4], F.relu(x[:, :, ::2, ::2]))
    assert y.shape == (2, 8, 3, 3) and not y[:, 4:].any()
    block.shortcut = False
    assert not block(x).any()


@pytest.mark.parametrize("depth", [7, 2, 13])
def test_another_depth_is_refused(depth):
    with pytest.raises(ValueError, match=f"The depth is {depth}, but must be 8, 14, 20"):
        benchmark.network(depth, True, 3, 20)


@pytest.mark.parametrize("shortcut", [False, True])
def test_the_chapters_network_is_the_measured_one(shortcut):
    chapter = chapters_own()["make_network"](20, shortcut, seed=3)
    ours = benchmark.network(20, shortcut, 1, 10, seed=3)
    x = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(chapter.eval()(x), ours.eval()(x))


def test_training_learns_and_repeats():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (192,), generator=generator)
    images = torch.randn(192, 1, 8, 8, generator=generator) + 3 * labels[:, None, None, None]
    losses = [benchmark.train(benchmark.network(8, True, 1, 2), images, labels, 0.1, 3, mirror=True) for _ in range(2)]
    assert losses[0] == losses[1] and losses[0][-1] < 0.3 * losses[0][0]


def test_runs_that_are_there_are_not_made_again(monkeypatch):
    task = benchmark.Task("digits", 0, 8, 8, 1, False, 1, (8,), (0, 1, 2))
    made = []
    monkeypatch.setattr(benchmark, "load", lambda task, folder: {"about": {}})
    monkeypatch.setattr(benchmark, "run", lambda task, data, **settings: made.append(settings) or settings | {
        "train_loss": [1 / settings["lr"]]})
    rows = [{"depth": 8, "shortcut": False, "lr": 0.1, "seed": 0, "train_loss": [0.1]}]
    benchmark.measure(task, rows)
    assert len(made) == 2 * (3 + 2) - 1 and len(rows) == 10
    assert {row["lr"] for row in rows if row["seed"] and not row["shortcut"]} == {0.1}
    assert {row["lr"] for row in rows if row["seed"] and row["shortcut"]} == {0.3}


def test_the_record_is_written_with_a_run_on_each_line():
    result = {"tasks": {"one": {"rows": [{"a": [1, 2]}, {"a": [1, 2]}]}, "two": {"rows": [{"b": "run 0"}]}}}
    text = benchmark.written(result)
    assert json.loads(text) == result
    assert [line.strip(" ,") for line in text.splitlines() if '"a"' in line] == 2 * ['{"a": [1, 2]}']


@pytest.mark.parametrize("task", benchmark.TASKS, ids=lambda task: task.dataset)
def test_the_record_has_what_the_program_makes(task):
    found = RECORDED[task.dataset]
    assert found["task"] == json.loads(json.dumps(vars(task)))
    pairs = [(depth, shortcut) for depth in task.depths for shortcut in (False, True)]
    expected = {(*pair, lr, 0) for pair in pairs for lr in benchmark.RATES}
    expected |= {(*pair, benchmark.best_rate(found["rows"], *pair), seed) for pair in pairs for seed in task.seeds}
    assert {(row["depth"], row["shortcut"], row["lr"], row["seed"]) for row in found["rows"]} == expected
    assert len(found["rows"]) == len(expected)
    for row in found["rows"]:
        assert len(row["train_loss"]) == task.epochs and np.isfinite(row["train_loss"]).all()


def test_a_recorded_run_comes_out_again():
    """Nearly: on another processor the last digits differ, and they grow."""
    task = benchmark.TASKS[0]
    row = next(row for row in RECORDED["digits"]["rows"] if row["depth"] == 8 and row["shortcut"] and row["lr"] == 0.1)
    again = benchmark.run(task, benchmark.load(task), 8, True, row["lr"], row["seed"])
    assert again["parameters"] == row["parameters"]
    assert again["train_loss"][0] == pytest.approx(row["train_loss"][0], rel=0.1)
    assert again["train_loss"][-1] < 0.1
