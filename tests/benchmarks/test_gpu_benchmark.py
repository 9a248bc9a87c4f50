"""benchmarks/gpu.py, rehearsed without a GPU: its arithmetic on known numbers, its files, how it goes on and fails."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import gpu
import gpu_checks
import gpu_common
import gpu_torch
import numpy as np
import pytest
import torch
from alexbook import networks
from alexbook.models import torch as torch_models
from gpu_common import Setting, Skipped
from repository import ROOT
from torch import nn

SCRIPT = ROOT / "benchmarks" / "gpu.py"


@pytest.fixture(autouse=True)
def as_it_was():
    """Leaves PyTorch's switches as other tests expect them."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before


# --- arithmetic -------------------------------------------------------------------------------------------------------

def test_step_of_alexnet_costs_4_gflop() -> None:
    """Three times 724,406,816 MACs, less the 105,415,200 of the gradient that nobody needs, each two operations."""
    assert gpu_common.step_flop(networks.get("alexnet_2012")) == 2 * (3 * 724_406_816 - 105_415_200) == 4_135_610_496


def test_training_bytes_as_chapter_6_counts_them() -> None:
    """By hand for one convolution and one dense layer, and the 3.05 GB that the chapter prints."""
    from alexbook.layers import LRN, Conv, Dense, Flatten
    from alexbook.networks import Network

    small = Network("small", "", "", (4, 4, 1), (Conv(2, 3), LRN(), Flatten(), Dense(3)))
    values, norms, parameters = 8 + 8 + 3, 8, 2 * 9 + 2 + 8 * 3 + 3
    assert gpu_common.training_bytes(small, 5) == 4 * (5 * (16 + 2 * values + norms) + 3 * parameters)
    assert round(gpu_common.training_bytes(networks.get("alexnet_2012"), 128) / 1e9, 2) == 3.05


def test_cost_of_the_paper() -> None:
    """90 passes over 1.2 million images at 250 a second are the five days of 2012."""
    assert gpu_common.cost(250)["hours"] == pytest.approx(5 * 24)
    assert gpu_common.cost(250)["times_faster"] == pytest.approx([1, 1.2])
    assert gpu_common.cost(25_000)["times_faster"] == pytest.approx([100, 120])


@pytest.mark.parametrize(("room", "most", "wanted"), [(200, 1024, 128), (5000, 1024, 1024), (5000, 1000, 512),
                                                     (1, 64, 1), (0, 64, 0)])
def test_largest_power_of_two(room: int, most: int, wanted: int) -> None:
    asked = []
    assert gpu_common.largest_power(lambda batch: asked.append(batch) or batch <= room, most) == wanted
    assert asked == sorted(asked, reverse=True)


class Device:
    """A machine whose clock goes on only while it waits for its work, as a GPU's does."""

    def __init__(self, seconds: list[float]) -> None:
        self.now, self.queued, self.seconds = 0.0, 0.0, seconds

    def work(self) -> None:
        self.queued += self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]

    def wait(self) -> None:
        self.now, self.queued = self.now + self.queued, 0.0


def test_time_is_read_when_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Device([9.0, 4.0, 2.0])
    monkeypatch.setattr(time, "perf_counter", lambda: machine.now)
    found = gpu_common.timed(machine.work, machine.wait, block=5.0)
    assert found == {"seconds": 2.0, "fastest": 2.0, "slowest": 2.0, "first_call": 9.0, "calls": 3}


def test_rate_and_share_of_the_peak_of_the_same_precision() -> None:
    network = networks.get("alexnet_2012")
    rows = {"a": {"precision": "bfloat16", "tflops": 3.0}, "b": {"precision": "bfloat16", "tflops": 8.0},
            "c": {"precision": "float32", "tflops": 2.0}, "d": {"gigabytes_per_second": 5.0}, "e": {"skipped": "so"}}
    peaks = gpu_common.peak_rates(rows)
    assert peaks == {"bfloat16": 8.0, "float32": 2.0}
    row = gpu_common.rate(network, 128, "bfloat16", peaks, {"seconds": 0.128})
    assert row["images_per_second"] == pytest.approx(1000) and row["tflops"] == pytest.approx(4.135610496)
    assert row["share_of_peak"] == pytest.approx(4.135610496 / 8)
    assert gpu_common.rate(network, 128, "tf32", peaks, {"seconds": 1.0})["share_of_peak"] is None


def test_summary_holds_the_best_against_the_tutorial() -> None:
    def row(rate: float, batch: int = 128, precision: str = "float32", tutorial: bool = False) -> dict:
        return {"images_per_second": rate, "batch": batch, "precision": precision, "tutorial": tutorial}

    steps = [row(100, tutorial=True), row(300, 1024, tutorial=True), row(500, precision="default", tutorial=True),
             row(250), row(400, precision="bfloat16"), row(900, 1024, "bfloat16")]
    found = gpu_common.summarize(steps, 128)
    assert (found["speedup"], found["speedup_at_same_batch"]) == (9, 4)
    assert found["best"]["batch"] == 1024 and found["paper_at_best"] == gpu_common.cost(900)
    with pytest.raises(Skipped):
        gpu_common.summarize(steps[1:], 128)


def test_pipeline_is_held_against_steps_on_images_of_its_size() -> None:
    steps = [{"network": name, "images_per_second": rate} for name, rate in
             (("alexnet_2012", 100.0), ("alexnet_2012", 50.0), ("alexnet_small", 10.0))]
    made = {"224 of 256 pixels, device": {"device": "cuda", "images_per_second": 300.0},
            "decoding": {"skipped": "none"},
            "32 of 32 pixels, processor": {"device": "cpu", "images_per_second": 20.0},
            "training alexnet_small 8": {"images_per_second": 5.0}}
    assert gpu_common.against_step(made, steps) == {"times_the_fastest_step": {"224 of 256 pixels, device": 3,
                                                                        "32 of 32 pixels, processor": 2}}
    with pytest.raises(Skipped):
        gpu_common.against_step({}, steps)


# --- files ------------------------------------------------------------------------------------------------------------

def pretend(monkeypatch: pytest.MonkeyPatch, measures: dict) -> None:
    """A part with these rows."""
    part = gpu.Part("a part to try", "pretended")
    monkeypatch.setitem(gpu.PARTS, "try", part)
    monkeypatch.setattr(gpu, "pretended", lambda setting, rows: iter(measures.items()), raising=False)


def stored(folder: Path) -> dict:
    return json.loads((folder / "try.json").read_text(encoding="utf-8"))


def test_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is measured once; what failed is tried again; what cannot be done here is told and left."""
    calls, broken = [], [True]

    def measure(name: str):
        def row() -> dict:
            calls.append(name)
            if name == "second" and broken[0]:
                raise RuntimeError("the device is lost\nand more")
            if name == "third":
                raise Skipped("there is no GPU")
            return {"value": len(calls)}
        return row

    pretend(monkeypatch, {name: measure(name) for name in ("first", "second", "third")})
    setting = Setting(tmp_path, quick=True)
    assert gpu.run("try", setting) and not gpu.is_done("try", setting)
    assert stored(tmp_path)["rows"] == {"first": {"value": 1}, "third": {"skipped": "there is no GPU"},
                                        "second": {"failed": "RuntimeError: the device is lost"}}
    broken[0] = False
    assert gpu.run("try", setting) and gpu.is_done("try", setting)
    assert calls == ["first", "second", "third", "second"]
    assert not gpu.is_done("try", Setting(tmp_path, quick=False)), "a rehearsal is not the record"
    assert gpu.run("try", setting, again=True) and calls[4:] == ["first", "second", "third"]


def test_starts_nothing_new_when_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"slow": lambda: time.sleep(0.3) or {"value": 1}, "late": lambda: {"value": 2}})
    setting = Setting(tmp_path, deadline=time.time() + 0.2)
    assert not gpu.run("try", setting)
    assert list(stored(tmp_path)["rows"]) == ["slow"] and not stored(tmp_path)["complete"]
    assert gpu.run("try", Setting(tmp_path)) and list(stored(tmp_path)["rows"]) == ["slow", "late"]


def test_what_is_no_number_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is not JSON, and no measurement; nor is what cannot be written at all."""
    pretend(monkeypatch, {"nan": lambda: {"value": math.nan}, "array": lambda: {"value": np.zeros(2)},
                          "missing": lambda: __import__("no_such_package"), "fine": lambda: {"value": 1}})
    gpu.run("try", Setting(tmp_path))
    rows = stored(tmp_path)["rows"]
    assert [next(iter(rows[name])) for name in ("nan", "array", "missing", "fine")] == ["failed", "failed", "skipped",
                                                                                       "value"]
    assert "no_such_package" in rows["missing"]["skipped"]


def test_a_part_whose_package_is_missing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gpu.PARTS, "try", gpu.Part("needs more", "no_such_module.rows"))
    assert gpu.run("try", Setting(tmp_path))
    assert stored(tmp_path)["rows"] == {"try": {"skipped": "the package no_such_module is not installed"}}


def test_a_part_that_hangs_is_ended(tmp_path: Path) -> None:
    words = ["--quick", "--to", str(tmp_path)]
    assert gpu.run_apart("step", words, time.time() - 60) == -9
    assert not list(tmp_path.iterdir())


def test_command_measures_lists_and_measures_once(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, str(SCRIPT), "--quick", "--to", str(tmp_path), "--only", "peak", "summary", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    first = run()
    assert "peak: float32 512: " in first and "summary: alexnet_small: skipped, the part step" in first
    files = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()}
    assert set(files) == {"peak.json", "summary.json"}
    assert files["peak.json"]["complete"] and files["peak.json"]["quick"]
    assert all(row["tflops"] > 0 for row in files["peak.json"]["rows"].values() if "size" in row)
    listed = run("--list").splitlines()
    assert "done" in listed[0] and "peak" in listed[0] and "to do" in listed[1]
    again = run()
    assert "peak:" not in again and json.loads((tmp_path / "peak.json").read_text()) == files["peak.json"]


def test_every_part_has_its_function() -> None:
    for name, part in gpu.PARTS.items():
        if not name.startswith("keras"):  # whose backend is chosen for the process
            assert callable(part.function()), name


# --- PyTorch ----------------------------------------------------------------------------------------------------------

def test_precisions_are_what_they_say() -> None:
    for name, wanted in {"float32": (False, False), "default": (False, True), "tf32": (True, True),
                         "bfloat16": (False, False)}.items():
        gpu_torch.set_precision(name)
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == wanted
        assert torch.get_float32_matmul_precision() == ("high" if wanted[0] else "highest")  # as the compiler reads it


def test_a_step_learns_and_its_row_is_whole(tmp_path: Path) -> None:
    network = networks.get("alexnet_small")
    for way in (gpu_torch.Way("bfloat16"), gpu_torch.Way("float16", "channels_first")):
        take = gpu_torch.Step(network, 4, way)
        layout = torch.channels_last if way.layout == "channels_last" else torch.contiguous_format
        assert take.model.conv2.weight.is_contiguous(memory_format=layout)
        before = take.model.conv2.weight.detach().clone()
        take()
        assert not torch.equal(take.model.conv2.weight, before)
        assert take.forward(take.images).dtype == torch.float32  # outside of the step nothing is cast
    row = gpu_torch.measure_step(network, 4, gpu_torch.Way(), Setting(tmp_path, quick=True))
    assert row["finite"] and row["images_per_second"] > 0 and row["precision"] == "float32" and json.dumps(row)


def test_tutorials_step_computes_the_same_with_the_frameworks_own_layer() -> None:
    model = torch_models.build(networks.get("alexnet_small"), seed=0).eval().double()
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64) * 60  # in float32 a small logit is rounding of large sums
    wanted = model(images)
    gpu_torch.as_in_tutorials(model)
    kinds = [type(module) for module in model]
    assert kinds.count(nn.LocalResponseNorm) == 2
    assert torch.allclose(model(images), wanted, rtol=1e-9, atol=1e-11)


def test_plan_of_steps_begins_with_the_baseline(tmp_path: Path) -> None:
    rows = {"alexnet_small largest batch": {"batch": 16}}
    names = [name for name, _ in gpu_torch.step(Setting(tmp_path, quick=True), rows)]
    assert names[:3] == ["alexnet_small largest batch", "alexnet_small 8 float32 channels_first tutorial",
                         "alexnet_small 16 float32 channels_first tutorial"]
    assert len(names) == len(set(names))


def test_largest_batch_stops_at_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        def __init__(self, network, batch: int, way) -> None:
            if batch > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")

        def __call__(self) -> None:
            pass

    monkeypatch.setattr(gpu_torch, "Step", Card)
    assert gpu_torch._largest("alexnet_small", 64) == {"batch": 4}


# --- checks -----------------------------------------------------------------------------------------------------------

def test_memory_kept_by_each_layer_is_counted_once() -> None:
    """A dense layer keeps its input, a sigmoid its output, which the next dense layer keeps as well."""
    model = nn.Sequential()
    for name, layer in {"one": nn.Linear(8, 4), "squash": nn.Sigmoid(), "two": nn.Linear(4, 2)}.items():
        model.add_module(name, layer)
    with gpu_checks.watched(model) as layers:
        model(torch.randn(16, 8)).sum().backward()
    assert [(row["layer"], row["kept_bytes"]) for row in layers] == [("one", 4 * 16 * 8), ("squash", 4 * 16 * 4),
                                                                    ("two", 0)]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_memory_row() -> None:
    row = gpu_checks.measure_memory("alexnet_small", 2, "float32")
    assert row["predicted_bytes"] == gpu_common.training_bytes(networks.get("alexnet_small"), 2)
    assert 0 < row["kept_bytes"] == sum(layer["kept_bytes"] for layer in row["layers"]) < row["predicted_bytes"]
    by_name = {layer["layer"]: layer for layer in row["layers"]}
    assert by_name["conv1"]["output_bytes"] == 2 * 4 * 32 * 32 * 32
    assert json.dumps(row)


def test_relative_difference() -> None:
    one = torch.tensor([3.0, 4.0])
    assert gpu_checks.relative([one], [one]) == 0
    assert gpu_checks.relative([one, one + torch.tensor([0.0, 0.5])], [one, one]) == pytest.approx(0.1)
    assert gpu_checks.relative([one * math.nan], [one]) == math.inf


def test_networks_and_norms_agree_and_wrong_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu_checks.compare_device("alexnet_small", "float32", 1e-3)["equal"]
    assert gpu_checks.compare_device("alexnet_small", "float64", 1e-9)["equal"]
    for groups in (1, 2):
        assert gpu_checks.compare_norm(groups)["equal"]
    right = gpu_checks.torch_layers.LocalResponseNorm
    monkeypatch.setattr(gpu_checks.torch_layers, "LocalResponseNorm",
                        lambda size, alpha, beta, k, groups: right(size, alpha * 1.05, beta, k, groups))
    assert not gpu_checks.compare_norm(1)["equal"]


def test_two_towers_agree() -> None:
    row = gpu_checks.compare_towers(quick=True)
    assert row["equal"] and row["values_crossed"] == row["values_predicted"] > 0


def test_augmentation_agrees_and_a_wrong_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from alexbook.batches import augmentation

    assert gpu_checks.compare_augmentation(32, 32)["equal"]
    plain = augmentation.one_by_one
    monkeypatch.setattr(augmentation, "one_by_one", lambda *given: plain(*given)[:, :, ::-1])
    assert not gpu_checks.compare_augmentation(32, 32)["equal"]


# --- training ---------------------------------------------------------------------------------------------------------

def test_full_size_ablations_use_all_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gpu_training
    from alexbook.training.record import command

    monkeypatch.setattr(gpu_training, "found", lambda name, setting: name == "cifar10")
    runs = list(gpu_training.planned(Setting(tmp_path, data=tmp_path)))
    names = [name for name, _, _ in runs]
    assert len(names) == len(set(names)) == 3 * len(gpu_training.ABLATION.conditions)
    assert {place for _, _, place in runs} == {tmp_path}
    recipes = {name: recipe for name, recipe, _ in runs}
    whole = recipes["full-ablation-cifar10-all-torch-seed0"]
    assert (whole.dataset, whole.images, whole.epochs, whole.crop) == ("cifar10", 0, 30, 4)
    half = recipes["full-ablation-cifar10-half-images-torch-seed2"]
    assert (half.images, half.epochs, half.seed) == (25_000, 60, 2)
    assert "python -m alexbook train alexnet_small cifar10" in command(half)


def test_photographs_are_for_alexnet_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gpu_training

    monkeypatch.setattr(gpu_training, "found", lambda name, setting: False)
    setting = Setting(tmp_path, folder=tmp_path / "photos")
    runs = list(gpu_training.planned(setting))
    assert [(name, recipe.network, recipe.dataset, place) for name, recipe, place in runs] == [
        (f"full-photographs-seed{seed}", "alexnet_2012", "folder", tmp_path / "photos") for seed in range(3)]
    assert not list(gpu_training.planned(Setting(tmp_path)))


def test_time_ends_a_training_and_ctrl_c_stays_ctrl_c() -> None:
    import gpu_training

    with pytest.raises(TimeoutError), gpu_training.ended_at(time.time() + 0.2):
        time.sleep(20)
    with pytest.raises(KeyboardInterrupt), gpu_training.ended_at(math.inf):
        raise KeyboardInterrupt


def test_filters_are_learned_and_kept(tmp_path: Path) -> None:
    import gpu_training

    [(name, measure)] = gpu_training.filters(Setting(tmp_path, quick=True), {})
    row = measure()
    assert name == "alexnet_small on shapes" and row["shape"] == [32, 3, 5, 5] and json.dumps(row)
    with np.load(tmp_path / row["weights"], allow_pickle=False) as kept:
        assert kept["after"].shape == kept["before"].shape == (32, 3, 5, 5)
        assert not np.array_equal(kept["after"], kept["before"])
    assert (tmp_path / "runs" / f"{row['run']}.json").is_file()


def test_an_experiment_is_a_recorded_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the book's own command, in a process of its own; a recorded one is read and not made again."""
    import gpu_training

    recipe = gpu_training.usual("alexnet_small", "shapes", epochs=1, images=64, lr=0.01)
    monkeypatch.setattr(gpu_training, "planned", lambda setting: iter([("tried", recipe, None)]))
    setting = Setting(tmp_path, quick=True)
    [(name, result)] = gpu_training.experiments_at_full_size(setting, {})
    row = result()
    assert (name, row["run"], row["epochs"]) == ("tried", "tried", 1) and row["seconds"] > 0
    assert (tmp_path / "runs" / "tried.json").is_file()
    monkeypatch.setattr(subprocess, "Popen", None)
    [(_, result)] = gpu_training.experiments_at_full_size(setting, {})
    assert result() == row
    assert not list(gpu_training.experiments_at_full_size(setting, {"tried": row}))


def test_keras_step(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    import gpu_keras

    setting = Setting(tmp_path, quick=True)
    backend = keras.backend.backend()
    row = gpu_keras.measure_step(backend, "lenet5_rgb", 2, "bfloat16", False, setting)
    assert row["finite"] and row["backend"] == backend and json.dumps(row)
    assert keras.config.dtype_policy().name == "float32"
    names = [name for name, _ in gpu_keras.step(backend, setting, {})]
    assert len(names) == len(set(names)) > 2
    [(_, missing)] = gpu_keras.step("no_such_backend", setting, {})
    with pytest.raises(Skipped, match="no_such_backend"):
        missing()
